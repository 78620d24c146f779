"""Each mail of a shared inbox into the state folder below its place, out of one, or from one into another.

A mail is delivered to its place and moved from there, as any move is (laws.md §8): what people have moved themselves
stays where they put it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from migrator.errors import FolderError, Reason
from migrator.model import Folder, Path, Place
from migrator.naming import legal
from migrator.ports import Limits, Target
from migrator.shared.folders import told_by
from migrator.staging.changes import Misplaced
from migrator.staging.intents import SHELVE, Intents
from migrator.staging.outbox import Outbox
from migrator.staging.sightings import Delivered
from migrator.staging.worded import shelved_by, worded
from migrator.steps.amend import relocate
from migrator.steps.withdraw import same_epoch

Setback = Callable[[Place, Reason], None]


@dataclass(frozen=True, slots=True)
class Movers:
    """What mails are moved with."""

    outbox: Outbox
    intents: Intents
    setback: Setback


def below(place: Place, name: str, limits: Limits) -> Place:
    """The state folder of this name below a place."""
    return Place(place.owner, (*place.path, *legal((name,), limits)))


def taken(homes: Collection[Place]) -> Place | None:
    """A place where mail is at home that looks like a state folder of another: mail there would tell a state."""
    return min(_below(homes, homes), key=lambda each: each.path, default=None)


def state_places(known: Collection[Place], homes: Collection[Place]) -> list[Place]:
    """The state folders below these places, of all that are known."""
    paths = {each.path for each in homes}
    return [each for each in _below(known, homes) if each.path not in paths]


def _below(places: Iterable[Place], homes: Iterable[Place]) -> Iterator[Place]:
    paths = {each.path for each in homes}
    return (each for each in places if each.path[:-1] in paths and told_by(each.path[-1]) is not None)


@dataclass(slots=True)
class _Moves:
    """What is to be moved, by where it lies and where it is to lie."""

    wanted: dict[tuple[Place, Place], list[Delivered]] = field(default_factory=dict)

    def add(self, mail: Delivered, place: Place, to: Place) -> None:
        self.wanted.setdefault((place, to), []).append(mail)

    def make(self, hand: Movers, target: Target) -> None:
        for (place, to), mails in self.wanted.items():
            try:
                same_epoch(hand.outbox, target, place, mails)
                mark = target.prepare(to)
                hand.outbox.place(to, mark)
                if hand.outbox.epoch(to) not in (None, mark.epoch):
                    where = {"target": hand.outbox.target, "mailbox": to.owner, "place": "/".join(to.path)}
                    raise FolderError(Reason("place.epoch-changed", **where))
                strays = [Misplaced(mail=each, place=place, base=place.path, to=to) for each in mails]
                relocate(hand.intents, hand.outbox, target, place, to, strays, SHELVE, was=list(place.path))
            except FolderError as error:
                hand.setback(to, error.reason)


def shelve(
    hand: Movers, target: Target, account: str, homes: Mapping[Folder, Place], names: Mapping[tuple[Path, str], str]
) -> None:
    """Put each mail where its state wants it; `names` has the folder's name by folder and key at the source."""
    at_home = {folder.path: place for folder, place in homes.items() if folder.account.name == account}
    if names and (clash := taken(list(at_home.values()))):
        hand.setback(clash, Reason("shared.folder-taken", place="/".join(clash.path), mailbox=clash.owner))
        return
    _finish(hand, target)
    for page in worded(hand.outbox, account):
        moves = _Moves()
        for each in page:
            home, name = at_home.get(each.named.folder), names.get((each.named.folder, each.named.key))
            if home is None:
                continue
            to = below(home, name, target.limits) if name else home
            # never asked, and not at home: somebody else has put it there
            ours = each.shelved is not None or (name is not None and each.place.path == home.path)
            if ours and each.shelved != to.path:
                moves.add(each.mail, each.place, to)
        moves.make(hand, target)


def unshelve(hand: Movers, target: Target, of_run: int) -> None:
    """Put back what a run had put into other folders, but for what people have moved since."""
    _finish(hand, target)
    moves, known = _Moves(), {each.path: each for each in hand.outbox.places()}
    for mail, place, was in shelved_by(hand.outbox, of_run):
        moves.add(mail, place, known[was])
    moves.make(hand, target)


def _finish(hand: Movers, target: Target) -> None:
    """Move what a killed run was about to move: it may have come to the deed."""
    opened = {each.dispatch: each.detail for each in hand.intents.open(SHELVE)}
    if not opened:
        return
    moves, known = _Moves(), {each.path: each for each in hand.outbox.places()}
    for place, mails in hand.outbox.by_dispatch(list(opened)).items():
        for mail in mails:
            meant = opened[mail.dispatch]
            if tuple(meant["was"]) == place.path and meant["ref"] == mail.ref and tuple(meant["to"]) in known:
                moves.add(mail, place, known[tuple(meant["to"])])
    moves.make(hand, target)
