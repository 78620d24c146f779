"""The double-entry account: the source's artefacts against what became of them, the target's mails against receipts.

Both sides are counted anew each time (laws.md §3). A difference is never explained away: it is a column.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from migrator.model import Account, Folder, Mailbox, Mark, Place
from migrator.ports import Source
from migrator.routes import Routes
from migrator.staging.balance import MADE, Standing, census_recorded, place_standing, states_by_folder
from migrator.staging.sightings import Shelf
from migrator.staging.states import State
from migrator.staging.store import Staging
from migrator.steps.load import Opener

COLUMNS = (
    "found",
    *(state.value for state in State),
    MADE,
    "extra",
    "missing",
    "unexplained_source",
    "unexplained_target",
)


@dataclass(slots=True)
class Row:
    """One folder of the source with the columns of the ledger; `gone` counts what the source itself has no more."""

    folder: Folder
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COLUMNS, 0))
    gone: int = 0


@dataclass(frozen=True, slots=True)
class Ledger:
    """The whole account for one target, or that of some accounts. `counted` is False where the source's census is an
    old one; `left` are accounts that the source names no more: of them what it counted last is taken."""

    target: str
    rows: list[Row]
    counted: bool
    left: tuple[str, ...] = ()

    @property
    def totals(self) -> dict[str, int]:
        return {column: sum(row.counts[column] for row in self.rows) for column in COLUMNS}

    @property
    def closed(self) -> bool:
        """Nothing is unexplained, in doubt or missing, in any folder."""
        open_columns = ("unexplained_source", "unexplained_target", "in_doubt", "missing")
        return not any(row.counts[column] for row in self.rows for column in open_columns)

    @property
    def complete(self) -> bool:
        """Closed, and nothing is left to do, to decide or to sign."""
        left = ("to_do", "held", "refused", "fault", "parked", "not_mail")
        return self.closed and not any(self.totals[column] for column in left)


def ledger(
    staging: Staging,
    source: Source | None,
    open_target: Callable[[Mailbox], Opener],
    *,
    target: str,
    routes: Routes,
    takes: Collection[str],
    accounts: Collection[str] | None = None,
) -> Ledger:
    """Count both sides, of all accounts or of these. Without a source its last recorded census is taken."""
    wanted = None if accounts is None else frozenset(accounts)
    census, left = _counted(staging, source, wanted)
    rows = {row.folder: row for row in _source_side(staging, census, target, takes, wanted)}
    named = sorted({folder.account.name for folder in rows})
    for mailbox, feeding in routes.mailboxes(named).items():
        _target_side(staging, rows, mailbox, feeding, open_target(mailbox), target, routes)
    return Ledger(target, sorted(rows.values(), key=_order), counted=source is not None, left=left)


def _order(row: Row) -> tuple[bool, str, tuple[str, ...]]:
    """By account and folder; what belongs to nobody last."""
    return row.folder.account.name == "", row.folder.account.name, row.folder.path


Census = dict[Folder, int]


def _counted(staging: Staging, source: Source | None, wanted: Collection[str] | None) -> tuple[Census, tuple[str, ...]]:
    """The artefacts a folder as the source counts them now, and the accounts that it names no more (somebody left, and
    was deleted there): their mail is staged, and what was counted last stands."""
    last = {folder: many for folder, many in census_recorded(staging).items() if _is_in(folder, wanted)}
    if source is None:
        return last, ()
    found = [account for account in source.accounts() if wanted is None or account.name in wanted]
    left = {folder.account.name for folder in last} - {account.name for account in found}
    census = {folder: many for folder, many in last.items() if folder.account.name in left}
    for count in (count for account in found for count in source.census(account)):
        census[Folder(count.folder.account, count.folder.path)] = count.artefacts
    return census, tuple(sorted(left))


def _is_in(folder: Folder, accounts: Collection[str] | None) -> bool:
    return accounts is None or folder.account.name in accounts


def _source_side(
    staging: Staging, census: Census, target: str, takes: Collection[str], accounts: Collection[str] | None
) -> Iterator[Row]:
    for folder, (counts, gone) in states_by_folder(staging, target, takes).items():
        if not _is_in(folder, accounts):
            continue
        row = Row(folder, gone=gone)
        row.counts |= counts
        row.counts["found"] = sum(counts[state.value] for state in State)
        row.counts["unexplained_source"] = row.counts["found"] - gone - census.pop(folder, 0)
        yield row
    for folder, artefacts in census.items():
        row = Row(folder)
        row.counts["unexplained_source"] = -artefacts
        if artefacts:
            yield row


def _target_side(
    staging: Staging,
    rows: dict[Folder, Row],
    mailbox: Mailbox,
    accounts: Sequence[str],
    opener: Opener,
    name: str,
    routes: Routes,
) -> None:
    shelf = Shelf(staging, name, mailbox.owner)
    known = shelf.places()
    if not known:
        return
    with opener() as target:
        homes = _homes(routes.places(mailbox.owner, shelf.folders(accounts), target.limits))
        for place in known:
            home = homes.get(place, Folder(Account(accounts[0]), ()))
            row = rows.setdefault(home, Row(home))
            standing = place_standing(staging, shelf.target, place)
            row.counts["missing"] += standing.missing
            row.counts["extra"] += standing.extra
            row.counts["unexplained_target"] += unexplained(standing, target.mark(place), gapless=target.limits.gapless)


def _homes(places: dict[Folder, Place]) -> dict[Place, Folder]:
    """The folder under which a place is accounted for: the first of those that share it."""
    homes: dict[Place, Folder] = {}
    for folder, place in places.items():
        homes.setdefault(place, Folder(folder.account, folder.path))
    return homes


def unexplained(standing: Standing, mark: Mark | None, *, gapless: bool) -> int:
    """Mails that came to a place or went from it, and nobody has said why: the target's own count against ours.

    A place that gave out a number we do not know got a mail, even where another one has gone since; but where numbers
    have gaps nobody can tell how many.
    """
    if mark is None or mark.epoch != standing.epoch:
        return standing.mails + (0 if mark is None else mark.count)
    if not gapless:
        return abs(mark.count - standing.mails)
    came = max(0, mark.next - standing.next)
    went = came - (mark.count - standing.mails)
    return came + went if went >= 0 else came - went
