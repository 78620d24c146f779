"""The memory adapter keeps every promise, and its worlds behave as their users would expect."""

import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

import pytest

from adapters.memory import Memory, World, adapter, forget, open_source, open_target, world
from migrator.errors import FolderError, Outage, Reason
from migrator.inboxes import Named, Right, SharedInbox
from migrator.model import (
    Account,
    Flag,
    Folder,
    Item,
    Mailbox,
    NotMail,
    Parcel,
    Path,
    Place,
    Raw,
    Receipt,
    Refused,
    Unreadable,
)
from migrator.ports import Holds, Limits, Source
from migrator.registry import adapter as installed
from migrator.testing import SharedSourceContract, SharedTargetContract, SourceContract, TargetContract, mail
from migrator.testing.shared_target import Shares
from migrator.testing.source import nothing
from migrator.testing.target import AT
from tests.desks import two_desks


@dataclass
class MemoryStore:
    """A world of its own, from both sides."""

    name: str
    owner: str = "sato"
    people: tuple[str, str] = ("suzuki", "tanaka")

    @property
    def world(self) -> World:
        return world(self.name)

    def make(self, account: str, path: Path) -> None:
        self.world.make(account, path)

    def add(
        self, account: str, path: Path, raw: bytes, flags: frozenset[Flag], received_at: datetime
    ) -> tuple[str, Path, int]:
        return account, path, self.world.add(account, path, raw, flags, received_at)

    def remove(self, handle: tuple[str, Path, int]) -> None:
        self.world.delete(*handle)

    def reflag(self, handle: tuple[str, Path, int], flags: frozenset[Flag]) -> tuple[str, Path, int]:
        self.world.flag(*handle, flags)
        return handle

    def snapshot(self) -> object:
        return {key: (box.epoch, box.next, dict(box.mails)) for key, box in self.world.boxes.items()}


class MemorySourceStore(MemoryStore):
    def open(self) -> AbstractContextManager[Source]:
        return open_source(Memory(world=self.name))


class MemoryTargetStore(MemoryStore):
    def open(self) -> AbstractContextManager[Shares]:
        return open_target(Memory(world=self.name), Mailbox(self.owner))


class TestMemorySource(SourceContract):
    keywords = frozenset({"$Forwarded", "対応中"})

    @pytest.fixture
    def store(self) -> MemorySourceStore:
        return MemorySourceStore(uuid.uuid4().hex)


class TestMemorySourceThatMakesBytesAnew(TestMemorySource):
    @pytest.fixture
    def store(self) -> MemorySourceStore:
        store = MemorySourceStore(uuid.uuid4().hex)
        store.world.exact = False
        return store

    sizes = False


class SharedMemoryStore(MemorySourceStore):
    def snapshot(self) -> object:
        return super().snapshot(), dict(self.world.people), repr(self.world.desks)

    def forget(self, named: Named, inbox: SharedInbox) -> None:
        epoch, _, number = named.key.partition(".")
        assert self.world.boxes[inbox.account.name, named.folder].epoch == int(epoch)
        self.world.delete(inbox.account.name, named.folder, int(number))


class TestSharedMemory(SharedSourceContract):
    @pytest.fixture
    def shared(self) -> SharedMemoryStore:
        store = SharedMemoryStore(uuid.uuid4().hex)
        two_desks(store.world)
        return store


class TestMemoryTarget(TargetContract):
    keywords = frozenset({"$Forwarded", "対応中"})

    @pytest.fixture
    def store(self) -> MemoryTargetStore:
        store = MemoryTargetStore(uuid.uuid4().hex)
        store.world.limits = Limits(batch_items=3, item_bytes=100_000, late_commit=0)
        return store


class TestMemoryTargetThatTellsLittle(TestMemoryTarget):
    """No refs, no tokens, bytes made anew, few names: what the worst server does."""

    keywords = frozenset()

    @pytest.fixture
    def store(self) -> MemoryTargetStore:
        store = MemoryTargetStore(uuid.uuid4().hex)
        world = store.world
        world.exact = world.refs = world.tokens = False
        world.limits = Limits(
            exact=False, item_bytes=100_000, keywords=0, forbidden=frozenset("/&"), name_bytes=40, depth=2
        )
        return store


class TestMemoryHoldsSharedInboxes(SharedTargetContract):
    holds = Holds(rights=frozenset(Right), words=None, legend=True)

    @pytest.fixture
    def store(self) -> MemoryTargetStore:
        return MemoryTargetStore(uuid.uuid4().hex)


class TestMemoryHoldsLittle(TestMemoryHoldsSharedInboxes):
    holds = Holds(rights=frozenset({Right.READ}), words=2)

    @pytest.fixture
    def store(self) -> MemoryTargetStore:
        store = MemoryTargetStore(uuid.uuid4().hex)
        store.world.holds = self.holds
        return store


class TestMemoryHoldsNothing(TestMemoryHoldsSharedInboxes):
    holds = Holds()

    @pytest.fixture
    def store(self) -> MemoryTargetStore:
        store = MemoryTargetStore(uuid.uuid4().hex)
        store.world.holds = self.holds
        return store


# -- worlds --------------------------------------------------------------------------------------------------------


def keys(source: Source, path: Path) -> list[str]:
    return [each.key for each in source.items(Folder(Account("sato"), path), after=None, known=nothing)]


def test_it_comes_in_by_the_same_door_as_strangers() -> None:
    assert installed("memory") is adapter


def test_a_world_is_the_same_for_all_who_name_it_until_it_is_forgotten() -> None:
    name = uuid.uuid4().hex
    first = world(name)
    assert world(name) is first
    forget(name)
    assert world(name) is not first
    forget(name)


def test_a_moved_mail_has_another_key_and_the_same_bytes() -> None:
    name = uuid.uuid4().hex
    number = world(name).add("sato", ("a",), mail("moved"))
    with open_source(Memory(world=name)) as source:
        (before,) = source.items(Folder(Account("sato"), ("a",)), after=None, known=nothing)
        world(name).move("sato", ("a",), number, ("b",))
        (after,) = source.items(Folder(Account("sato"), ("b",)), after=None, known=nothing)
    assert isinstance(before, Item)
    assert isinstance(after, Item)
    assert before.key != after.key
    assert before.raw.digest == after.raw.digest


def test_an_edited_mail_keeps_its_key_and_changes_its_stamp() -> None:
    name = uuid.uuid4().hex
    number = world(name).add("sato", ("a",), b"half")
    with open_source(Memory(world=name)) as source:
        folder = Folder(Account("sato"), ("a",))
        (before,) = source.items(folder, after=None, known=nothing)
        assert isinstance(before, Item)
        world(name).edit("sato", ("a",), number, b"full")
        (after,) = source.items(folder, after=None, known=lambda key, stamp: stamp == before.stamp)
    assert isinstance(after, Item)
    assert after.key == before.key
    assert after.raw.read() == b"full"


def test_a_renumbered_folder_gives_every_mail_a_new_key() -> None:
    name = uuid.uuid4().hex
    for number in range(3):
        world(name).add("sato", ("a",), mail(f"n{number}"))
    with open_source(Memory(world=name)) as source:
        before = keys(source, ("a",))
        world(name).renumber("sato", ("a",))
        assert set(keys(source, ("a",))).isdisjoint(before)


def test_faults_and_litter_are_values_between_mails() -> None:
    name = uuid.uuid4().hex
    world(name).add("sato", ("a",), mail("one"))
    world(name).spoil("sato", ("a",), Reason("file.denied", path="x"))
    world(name).litter("sato", ("a",), "lock-file")
    with open_source(Memory(world=name)) as source:
        found = list(source.items(Folder(Account("sato"), ("a",)), after=None, known=nothing))
    assert [type(each) for each in found] == [Item, Unreadable, NotMail]


def test_a_renamed_folder_takes_its_mail_along() -> None:
    name = uuid.uuid4().hex
    world(name).add("sato", ("a",), mail("one"))
    world(name).rename("sato", ("a",), ("b",))
    with open_source(Memory(world=name)) as source:
        assert len(keys(source, ("b",))) == 1
        with pytest.raises(FolderError):
            keys(source, ("a",))


def parcel(number: int, raw: bytes = b"Subject: x\r\n\r\n") -> Parcel:
    place = Place("sato", ("box",))
    return Parcel(
        item=number, place=place, raw=Raw.of(raw), flags=frozenset({"a", "b"}), received_at=AT, token=str(number)
    )


def test_an_answer_may_get_lost_after_the_mail_was_stored() -> None:
    name = uuid.uuid4().hex

    def cut(moment: str) -> None:
        if moment == "delivered":
            raise Outage(Reason("test.cut"))

    world(name).interrupt = cut
    with open_target(Memory(world=name), Mailbox("sato")) as target:
        target.prepare(Place("sato", ("box",)))
        with pytest.raises(Outage):
            list(target.deliver([parcel(1), parcel(2)]))
    assert len(world(name).mails("sato", ("box",))) == 1


def test_a_place_holds_as_many_keywords_as_its_limits_say_and_names_the_rest_lost() -> None:
    name = uuid.uuid4().hex
    world(name).limits = Limits(keywords=1)
    with open_target(Memory(world=name), Mailbox("sato")) as target:
        target.prepare(Place("sato", ("box",)))
        (receipt,) = target.deliver([parcel(1)])
    assert isinstance(receipt, Receipt)
    assert receipt.flags == {"a"}
    assert receipt.lost == {"b"}


def test_a_refusal_names_the_size_and_the_limit() -> None:
    name = uuid.uuid4().hex
    world(name).limits = Limits(item_bytes=3)
    with open_target(Memory(world=name), Mailbox("sato")) as target:
        target.prepare(Place("sato", ("box",)))
        (refused,) = target.deliver([parcel(1, b"four")])
    assert refused == Refused(1, Reason("item.too-large", size=4, limit=3))


def test_a_name_beyond_the_limits_is_refused_by_the_place_alone() -> None:
    name = uuid.uuid4().hex
    world(name).limits = Limits(forbidden=frozenset("/"))
    with open_target(Memory(world=name), Mailbox("sato")) as target, pytest.raises(FolderError):
        target.prepare(Place("sato", ("a/b",)))


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("hasty")
def test_lanes_that_deliver_at_once_lose_and_double_nothing() -> None:
    name = uuid.uuid4().hex
    with open_target(Memory(world=name), Mailbox("sato")) as target:
        target.prepare(Place("sato", ("box",)))

    def lane(start: int) -> None:
        with open_target(Memory(world=name), Mailbox("sato")) as target:
            for number in range(start, start + 200):
                list(target.deliver([parcel(number)]))

    lanes = [threading.Thread(target=lane, args=(start,)) for start in (0, 1000, 2000, 3000)]
    for each in lanes:
        each.start()
    for each in lanes:
        each.join()
    with open_target(Memory(world=name), Mailbox("sato")) as target:
        sightings = list(target.survey(Place("sato", ("box",)), None))
    assert len({sighting.ref for sighting in sightings}) == 800
    assert len({sighting.token for sighting in sightings}) == 800
