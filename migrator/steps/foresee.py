"""What a load would meet: by which way each mailbox is reached, what would be refused there, how long it takes.

Nothing is sent, and only what the target's limits make necessary is read.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from migrator.errors import MigratorError, Reason
from migrator.inboxes import Right
from migrator.mail import Shape, shape
from migrator.mail.bounded import Bounded, Pool
from migrator.model import Folder, ItemId, Mailbox, Place, Raw
from migrator.ports import Limits, Target, Wanted, Way
from migrator.routes import Routes
from migrator.shared.becoming import entitled
from migrator.staging.loads import Pace
from migrator.staging.reports import accounts_staged
from migrator.staging.shared import StagedInboxes
from migrator.staging.sightings import Shelf, Waiting
from migrator.staging.store import Staging, now
from migrator.steps.batches import cut
from migrator.steps.load import Opener

LARGEST = 64 * 2**20
"""No shape is read of a mail above this many bytes; few servers take one."""

PAGE = Limits(batch_items=500, batch_bytes=16 * 2**20)
"""So much is read at once."""

WITHIN = frozenset(Right) - {Right.SEND_AS}
"""The rights that are a matter of the mail store."""

WHOLE = frozenset({Right.READ, Right.REPLY, Right.DELETE})
"""Who has these may do whatever can be done in a mailbox."""

SHAPES: "Pool[bytes, Shape | None]" = Pool(lambda: Bounded(shape, _unread))


@dataclass(frozen=True, slots=True)
class Refusal:
    """One mail that the target will not take."""

    item: ItemId
    folder: Folder
    size: int
    why: Reason


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What one mailbox is to get. `error`: why it could not be looked at; then the rest is what staging knows alone."""

    mailbox: Mailbox
    accounts: tuple[str, ...]
    way: Way
    mails: int
    bytes: int
    refusals: tuple[Refusal, ...] = ()
    error: Reason | None = None


@dataclass(frozen=True, slots=True)
class Takes:
    """Seconds, by the loads seen so far: as in the middle one of them, in the fastest and in the slowest."""

    likely: float
    least: float
    most: float


def foresee(
    staging: Staging,
    open_target: Callable[[Mailbox], Opener],
    *,
    target: str,
    way: Way,
    routes: Routes,
    takes: Collection[str],
    accounts: Collection[str] | None = None,
) -> Iterator[Foreseen]:
    """Look at every mailbox, or those of some accounts, read only; `way` is that of a target which names none. One that
    cannot be opened is told, and the next is looked at."""
    for mailbox, feeding in routes.mailboxes(accounts_staged(staging, accounts)).items():
        shelf = Shelf(staging, target, mailbox.owner)
        waiting = shelf.to_do(feeding, takes)
        sizes = [size for each in waiting.values() for size in each.sizes]
        known = Foreseen(mailbox, tuple(feeding), way, len(sizes), sum(sizes))
        try:
            with open_target(mailbox)() as opened:
                its = opened.way() if hasattr(opened, "way") else way
                places = routes.places(mailbox.owner, shelf.folders(feeding), opened.limits)
                refusals = tuple(_refused(shelf, opened, waiting, places))
        except MigratorError as error:
            yield replace(known, error=error.reason)
        else:
            yield replace(known, way=its, refusals=refusals)


def takes_for(seen: Collection[Pace], mails: int, size: int) -> Takes | None:
    """How long so many mails and bytes take; None where no load has been seen."""
    times = [pace.time_for(mails, size) for pace in seen]
    return Takes(median(times), min(times), max(times)) if times else None


def wanted(staging: Staging, routes: Routes, rows: Sequence[Foreseen]) -> list[Wanted]:
    """The mailboxes of a load; of shared inboxes also who may do all there, and who is to send as them. Whoever may do
    less gets just that by the load, in the inbox's folders."""
    facts = StagedInboxes(staging)
    people = {each.key: each for each in facts.principals()}
    boxes = [each.mailbox for each in rows]
    found = {box.owner: Wanted(owner=box.owner, name=box.owner, account=box.account) for box in boxes}
    for inbox in facts.inboxes():
        owner = routes.owner(inbox.account.name)
        if owner in found:
            given = entitled(inbox, facts.members(inbox), people, WITHIN, routes.login_of, now())
            whole = tuple(who for who, rights in given.rights.items() if rights >= WHOLE)
            send_as = tuple((each.who, each.until.date() if each.until else None) for each in given.send_as)
            found[owner] = replace(found[owner], name=inbox.name, shared=True, whole=whole, send_as=send_as)
    return list(found.values())


def _refused(
    shelf: Shelf, target: Target, waiting: dict[Folder, Waiting], places: dict[Folder, Place]
) -> Iterator[Refusal]:
    limits = target.limits
    filled: dict[Place, int] = {}
    for folder, here in waiting.items():
        place = places[folder]
        if place not in filled:
            mark = None if limits.place_items is None else target.mark(place)
            filled[place] = mark.count if mark else 0
        sizes = iter(here.sizes)
        for page in cut(here, PAGE):
            misshapen = _misshapen(shelf.raws(page), limits) if _reads(limits) else {}
            for item, size in zip(page, sizes, strict=False):
                filled[place] += 1
                why = _too_large(size, limits) or misshapen.get(item) or _too_many(filled[place], place, limits)
                if why:
                    filled[place] -= 1
                    yield Refusal(item, folder, size, why)


def _reads(limits: Limits) -> bool:
    return (limits.files, limits.nesting, limits.line_bytes) != (None, None, None)


def _too_large(size: int, limits: Limits) -> Reason | None:
    large = limits.item_bytes is not None and size > limits.item_bytes
    return Reason("item.too-large", size=size, limit=limits.item_bytes) if large else None


def _too_many(filled: int, place: Place, limits: Limits) -> Reason | None:
    full = limits.place_items is not None and filled > limits.place_items
    return Reason("place.too-many", place="/".join(place.path), limit=limits.place_items) if full else None


def _misshapen(raws: dict[ItemId, Raw], limits: Limits) -> dict[ItemId, Reason]:
    """Why a target with limits to a mail's shape will refuse some of these."""
    small = {item: raw.read() for item, raw in raws.items() if raw.size <= LARGEST}
    found = zip(small, SHAPES.read(list(small.values())), strict=True)
    return {item: why for item, its in found if its and (why := _beyond(its, limits))}


def _beyond(its: Shape, limits: Limits) -> Reason | None:
    if limits.files is not None and its.files > limits.files:
        return Reason("item.too-many-files", n=its.files, limit=limits.files)
    if limits.nesting is not None and its.nesting > limits.nesting:
        return Reason("item.nested-too-deep", n=its.nesting, limit=limits.nesting)
    if limits.line_bytes is not None and its.line > limits.line_bytes:
        return Reason("item.line-too-long", n=its.line, limit=limits.line_bytes)
    return None


def _unread(_: bytes) -> None:
    return None
