"""Before and between rehearsals: may this target be filled, which generation is it, and what of the last one must go?

    refuse_production    a target that people work in                                  exit 2
    chosen               go on in the last generation, or begin the next one
    withdrawn            the last generation taken back, but for what somebody touched
    refuse_strangers     a target that holds any mail but ours                         exit 2

The rehearsal itself is extract, judge, load and verify as they always are; `reports.rehearsal` tells how it went.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from migrator.errors import AccountError, Reason, UsageError
from migrator.model import Folder, Mailbox, Place
from migrator.ports import Target
from migrator.settings import GENERATION, TargetSettings
from migrator.staging.rehearsals import begun, is_there, loads_to
from migrator.staging.reports import accounts_staged
from migrator.staging.sightings import Shelf
from migrator.staging.store import Staging
from migrator.steps import runner
from migrator.steps.elsewhere import elsewhere, everywhere
from migrator.steps.load import Loading, Opener
from migrator.steps.undo import Loads
from migrator.steps.withdraw import Taken

Openers = Callable[[Mailbox], Opener]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which rehearsal this is, and in which generation, by the name that staging knows.

    `fresh`: the target must be empty. `again`: one that was killed is taken up.
    """

    number: int
    generation: str
    fresh: bool
    again: bool


def refuse_production(its: TargetSettings) -> None:
    """Raises UsageError where people are to work in this target."""
    if its.role != "rehearsal":
        raise UsageError(Reason("rehearse.production", target=its.name))


def chosen(staging: Staging, target: str, *, wiped: bool) -> Chosen:
    """Go on where mail of ours lies, unless it was just wiped; else begin anew. `target` is its name in settings."""
    number = max((each.number for each in begun(staging)), default=0) + 1
    last = next(reversed([*begun(staging, target)]), None)
    generation = last.generation if last else target
    there = is_there(staging, generation)
    if last and not last.done and not wiped:
        return Chosen(last.number, generation, fresh=not there, again=True)
    if there and not wiped:
        return Chosen(number, generation, fresh=False, again=False)
    return Chosen(number, f"{target}{GENERATION}{number}", fresh=True, again=False)


def withdrawn(staging: Staging, openers: Openers, how: Loading) -> tuple[Mapping[str, int], list[Taken]]:
    """Take back what every load of a generation put; what was counted, and what people changed, moved or deleted.

    Raises UsageError where the target has no way to delete one mail alone.
    """
    loads = loads_to(staging, how.target)  # one whose mails are gone may have left rights
    return runner.undo(staging, openers, how, Loads(tuple(loads))) if loads else ({}, [])


def refuse_strangers(staging: Staging, openers: Openers, target: str, mailboxes: Iterable[Mailbox]) -> None:
    """Raises UsageError at the first mailbox that holds mail which no rehearsal of ours put there. One that lets nobody
    in is passed over: its load will say so."""
    generations = {target, *(each.generation for each in begun(staging, target))}
    for mailbox in mailboxes:
        with suppress(AccountError), openers(mailbox)() as opened:
            shelves = [Shelf(staging, each, mailbox.owner) for each in sorted(generations)]
            if many := _strangers(shelves, opened):
                raise UsageError(Reason("rehearse.strangers", target=target, mailbox=mailbox.owner, n=many))


def homes(staging: Staging, openers: Openers, how: Loading, accounts: Collection[str] | None) -> dict[Folder, Place]:
    """Where every folder goes, by account and path alone; without mailboxes that let nobody in."""
    found: dict[Folder, Place] = {}
    for mailbox, feeding in how.routes.mailboxes(accounts_staged(staging, accounts)).items():
        folders = Shelf(staging, how.target, mailbox.owner).folders(feeding)
        with suppress(AccountError), openers(mailbox)() as opened:
            found |= how.routes.places(mailbox.owner, folders, opened.limits)
    return {Folder(each.account, each.path): place for each, place in found.items()}


def _strangers(shelves: Collection[Shelf], target: Target) -> int:
    """Mails that no receipt holds, and that are not ours moved by a person."""
    known = [place for shelf in shelves for place in shelf.places()]
    seen = {
        (place.path, sighting.number)
        for place in everywhere(known, target)
        if (mark := target.mark(place)) is not None and mark.count
        for sighting in target.survey(place, None)
    }
    for shelf in shelves if seen else ():
        ours = [(place, each) for place in shelf.places() for each in shelf.delivered(place)]
        lost = [each for place, each in ours if (place.path, each.number) not in seen]
        moved = elsewhere(shelf, target, lost).values() if lost else ()
        seen -= {(place.path, each.number) for place, each in ours}
        seen -= {(each.place.path, each.now.number) for each in moved}
    return len(seen)
