"""What rows say of their mails that these say themselves: dates that are equal, marks that fit what became of them."""

import re
from collections.abc import Callable, Collection, Sequence

from adapters.groupware.probe.columns import Marks, Traits, dated, marks
from adapters.groupware.probe.folders import roles
from adapters.groupware.probe.letters import Letter
from adapters.groupware.probe.owners import owners
from adapters.groupware.probe.proposal import Found, Listing
from migrator.model import Role

INBOX = "INBOX"
"""The folder of mails that came from others and lie in none."""
NO_FOLDER = ("", "0")


class Fates:
    """What became of the mails, as far as other mails tell."""

    def __init__(self, letters: Collection[Letter]) -> None:
        self._answered = {each.in_reply_to for each in letters} - {None}
        self._passed_on = {(each.sender, subject) for each in letters if (subject := each.passes_on)}

    def of(self, letter: Letter, role: Role | None, names: Collection[str]) -> Traits:
        """What is known of a letter that belongs to somebody of these names."""
        own = {sender for sender, subject in self._passed_on if subject == letter.subject}
        here = {sender for sender in own if not names or sender.partition("@")[0] in names}
        ours = letter.sender.partition("@")[0] in names
        return Traits(letter.id in self._answered, bool(here - {letter.sender}), ours, role)


def read(found: Found, letters: Collection[Letter]) -> None:
    """Find the dates and the marks of every listing."""
    every = [*letters]
    every += [match.letter for each in found.listings for match in each.matched if match.letter and not match.file]
    fates = Fates(every)
    for listing in found.listings:
        _read(found, listing, fates)


def _read(found: Found, listing: Listing, fates: Fates) -> None:
    role, owner = roles(found, listing), owners(found, listing)
    pairs = [(match.row, match.letter) for match in listing.matched if match.letter is not None]
    traits = []
    for row, letter in pairs:
        account = owner(row)
        names = () if account is None else {cell.casefold().partition("@")[0] for cell in account.cells if cell}
        traits.append(fates.of(letter, role(row), names))
    if listing.folder is not None:
        loose = [
            trait.ours
            for (row, _), trait in zip(pairs, traits, strict=True)
            if row.cells[listing.folder.place] in NO_FOLDER
        ]
        listing.loose = INBOX if loose and sum(loose) <= len(loose) * 0.1 else ""
    for place in _free(listing):
        date = dated([row.cells[place] for row, _ in pairs], [letter.date for _, letter in pairs])
        if date is not None:
            listing.dates[place] = date
    if listing.dates:
        listing.received = max(listing.dates.items(), key=lambda each: (each[1].agreeing, _came(listing, each[0])))
        listing.dates = dict([listing.received]) if listing.composed is None else listing.dates
    listing.flags = all_marks(_free(listing), lambda place: [row.cells[place] for row, _ in pairs], traits)


def _came(listing: Listing, place: int) -> bool:
    """Whether a column is called as if it told when a mail came, and not when it was sent."""
    return re.search("rec|rcv|受信|着", listing.table.columns[place].casefold()) is not None


def _free(listing: Listing) -> list[int]:
    taken = listing.taken()
    return [place for place in range(len(listing.table.columns)) if place not in taken]


def all_marks(
    places: Sequence[int], cells: Callable[[int], Sequence[str]], traits: Sequence[Traits]
) -> list[tuple[int, Marks]]:
    """The column of marks of which the most is known; of columns that hold one code each, one for every flag."""
    found = [(place, each) for place in places if (each := marks(cells(place), traits)) is not None]
    best = max(found, key=lambda each: each[1].worth, default=None)
    if best is None or best[1].written != "code":
        return [] if best is None else [best]
    by_flag = dict[str, tuple[int, Marks]]()
    for place, each in sorted(found, key=lambda each: each[1].worth):
        if each.written == "code":
            by_flag[max(meant.flag for meant in each.meanings.values())] = place, each
    return sorted(by_flag.values(), key=lambda each: each[0])
