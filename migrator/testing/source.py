"""What every source promises."""

import gc
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path as Directory
from typing import Any, ClassVar, Protocol

import pytest

from migrator.errors import MigratorError
from migrator.model import (
    ANSWERED,
    FLAGGED,
    SEEN,
    Account,
    Flag,
    Folder,
    Item,
    NotMail,
    Path,
    Unchanged,
    Unreadable,
)
from migrator.ports import Known, Source
from migrator.testing.samples import NAMES, SAMPLES, mail
from migrator.text import storable

Each = Item | Unchanged | Unreadable | NotMail

NINE_HOURS = timezone(timedelta(hours=9))


class SourceStore(Protocol):
    """The system behind the adapter, as its users work with it; empty when the test begins."""

    def open(self) -> AbstractContextManager[Source]:
        """The adapter's source over this store; called several times, also one after another."""

    def make(self, account: str, path: Path) -> None:
        """A new empty folder."""

    def add(self, account: str, path: Path, raw: bytes, flags: frozenset[Flag], received_at: datetime) -> Any:
        """A mail that arrives in the folder (made if need be); what is returned names it for `remove` and `reflag`."""

    def remove(self, handle: Any) -> None:
        """The mail is deleted for good, as its owner would do it."""

    def reflag(self, handle: Any, flags: frozenset[Flag]) -> Any:
        """The mail gets these flags instead; its new handle."""

    def snapshot(self) -> object:
        """All that reading might change, to be compared: names, bytes, flags, times."""


def nothing(key: str, stamp: str) -> bool:
    """A staging that knows no item yet."""
    return False


def _open_files() -> set[tuple[str, str]]:
    """The files that this process holds open, by descriptor."""
    found = set()
    for each in Directory("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that listed them
            found.add((each.name, str(each.readlink())))
    return {(number, file) for number, file in found if file.startswith("/") and not file.startswith(("/proc", "/dev"))}


class SourceContract:
    """The promises of `ports.Source`. A subclass supplies the fixture `store` and says what its system cannot hold."""

    samples: ClassVar[tuple[bytes, ...]] = SAMPLES
    """Mails the system can hold as they are."""
    names: ClassVar[tuple[Path, ...]] = NAMES
    """Folders the system can hold."""
    flags: ClassVar[frozenset[Flag]] = frozenset({SEEN, ANSWERED, FLAGGED})
    """Flags the system keeps; none = it knows no flags."""
    keywords: ClassVar[frozenset[Flag]] = frozenset()
    """Keywords the system keeps, of any script it takes."""
    dates: ClassVar[bool] = True
    """The system itself tells when it received a mail."""
    sizes: ClassVar[bool] = True
    """The census' bytes are those of the items, not those of the container around them."""
    told: ClassVar[int] = 1
    """Received times come back to so many seconds."""
    path: ClassVar[Path] = ("box",)
    """An ordinary folder."""
    received_at: ClassVar[datetime] = datetime(2009, 11, 2, 9, 15, 30, tzinfo=NINE_HOURS)

    @pytest.fixture
    def store(self) -> SourceStore:
        raise NotImplementedError("supply the system behind your adapter")

    # -- words -----------------------------------------------------------------------------------------------------

    def fill(self, store: SourceStore, count: int, account: str = "sato") -> list[Any]:
        """Some different mails in the ordinary folder; their handles."""
        return [
            store.add(account, self.path, mail(f"n{number}"), frozenset(), self.received_at + timedelta(minutes=number))
            for number in range(count)
        ]

    def folder(self, source: Source, path: Path, account: str = "sato") -> Folder:
        """The folder of that path, as the source lists it."""
        found = [folder for folder in source.folders(Account(account)) if folder.path == path]
        assert len(found) == 1, f"{path} is not listed once but {len(found)} times"
        return found[0]

    def mails(
        self, source: Source, path: Path, account: str = "sato", *, after: str | None = None, known: Known = nothing
    ) -> list[Each]:
        """All a source yields from one folder but what it says is no mail."""
        found = source.items(self.folder(source, path, account), after=after, known=known)
        return [each for each in found if not isinstance(each, NotMail)]

    def walk(self, store: SourceStore, *, known: Known = nothing) -> list[Each]:
        """The ordinary folder's mails."""
        with store.open() as source:
            return self.mails(source, self.path, known=known)

    def known(self, seen: list[Each]) -> Known:
        """A staging that holds these items."""
        staged = {(each.key, each.stamp) for each in seen if isinstance(each, Item | Unchanged)}
        return lambda key, stamp: (key, stamp) in staged

    # -- what stays behind -----------------------------------------------------------------------------------------

    def test_a_source_that_is_closed_holds_no_file_open_also_after_half_a_walk(self, store: SourceStore) -> None:
        self.fill(store, 4)
        before = _open_files()
        gc.disable()  # what only the garbage collector closes is closed some day, with a warning or without
        try:
            with store.open() as source:
                self.mails(source, self.path)
                next(source.items(self.folder(source, self.path), after=None, known=nothing))
            assert _open_files() <= before
        finally:
            gc.enable()

    # -- whose and which -------------------------------------------------------------------------------------------

    def test_the_identity_stays_when_mail_comes_and_the_store_is_opened_again(self, store: SourceStore) -> None:
        self.fill(store, 1)
        with store.open() as source:
            before = source.identity()
        self.fill(store, 2)
        with store.open() as source:
            assert source.identity().store == before.store

    def test_accounts_are_listed_once_and_hold_their_own_mail_only(self, store: SourceStore) -> None:
        self.fill(store, 1, "sato")
        self.fill(store, 2, "suzuki")
        with store.open() as source:
            names = [account.name for account in source.accounts()]
            assert names.count("sato") == names.count("suzuki") == 1
            again = [account.name for account in source.accounts()]
            assert names == again
            counts = {name: len(self.mails(source, self.path, name)) for name in ("sato", "suzuki")}
        assert counts == {"sato": 1, "suzuki": 2}

    def test_folder_names_of_any_script_survive(self, store: SourceStore) -> None:
        for number, path in enumerate(self.names):
            store.add("sato", path, mail(f"in-{number}"), frozenset(), self.received_at)
        with store.open() as source:
            listed = [folder.path for folder in source.folders(Account("sato"))]
            assert len(listed) == len(set(listed))
            for number, path in enumerate(self.names):
                (item,) = self.mails(source, path)
                assert isinstance(item, Item)
                assert f"in-{number}@".encode() in item.raw.read()

    def test_a_mail_lies_in_one_folder_of_one_account_and_in_no_other(self, store: SourceStore) -> None:
        for account in ("sato", "suzuki"):
            for path in (self.path, *self.names[:2]):
                store.add(account, path, mail("one of six"), frozenset(), self.received_at)
        with store.open() as source:
            every = [
                each
                for account in source.accounts()
                for folder in source.folders(account)
                for each in source.items(folder, after=None, known=nothing)
                if isinstance(each, Item)
            ]
        assert len(every) == 6

    def test_an_empty_folder_is_listed_and_yields_nothing(self, store: SourceStore) -> None:
        store.make("sato", self.path)
        assert self.walk(store) == []

    def test_a_folder_that_is_not_there_is_one_of_our_errors_or_empty(self, store: SourceStore) -> None:
        self.fill(store, 1)
        with store.open() as source:
            absent = Folder(Account("sato"), ("no", "such", "folder"))
            with suppress(MigratorError):
                assert list(source.items(absent, after=None, known=nothing)) == []

    # -- bytes -----------------------------------------------------------------------------------------------------

    def test_bytes_are_given_as_they_lie(self, store: SourceStore) -> None:
        for raw in self.samples:
            store.add("sato", self.path, raw, frozenset(), self.received_at)
        items = self.walk(store)
        assert all(isinstance(each, Item) for each in items), items
        given = sorted(each.raw.read() for each in items if isinstance(each, Item))
        if not self.exact(store):
            assert len(given) == len(self.samples)
            return
        assert given == sorted(self.samples)

    def exact(self, store: SourceStore) -> bool:
        """Whether the source says that it gives the bytes that lie there."""
        with store.open() as source:
            return source.exact

    def test_a_raw_tells_its_own_size_and_digest_and_opens_again_and_again(self, store: SourceStore) -> None:
        self.fill(store, 2)
        for each in self.walk(store):
            assert isinstance(each, Item)
            first, second = each.raw.read(), b"".join(each.raw.chunks())
            assert first == second
            assert type(each.raw).of(first).digest == each.raw.digest
            assert len(first) == each.raw.size

    def test_reading_changes_nothing_at_the_source(self, store: SourceStore) -> None:
        self.fill(store, 3)
        store.make("sato", self.names[0])
        before = store.snapshot()
        with store.open() as source:
            for account in source.accounts():
                list(source.census(account))
                for folder in source.folders(account):
                    for each in source.items(folder, after=None, known=nothing):
                        if isinstance(each, Item):
                            each.raw.read()
        assert store.snapshot() == before

    # -- order, resuming, passes -----------------------------------------------------------------------------------

    def test_keys_are_unique_text_that_any_database_keeps(self, store: SourceStore) -> None:
        for raw in self.samples:
            store.add("sato", self.path, raw, frozenset(), self.received_at)
        keys = [each.key for each in self.walk(store)]
        assert len(keys) == len(set(keys)) == len(self.samples)
        assert all(key and key == storable(key) for key in keys)

    def test_items_resumed_at_any_key_yield_the_same_tail(self, store: SourceStore) -> None:
        self.fill(store, 5)
        keys = [each.key for each in self.walk(store)]
        with store.open() as source:
            for at, key in enumerate(keys):
                tail = [each.key for each in self.mails(source, self.path, after=key)]
                assert tail == keys[at + 1 :]

    def test_resuming_after_a_mail_that_has_gone_since_misses_nothing(self, store: SourceStore) -> None:
        handles = self.fill(store, 5)
        before = self.walk(store)
        middle = next(at for at, each in enumerate(before) if isinstance(each, Item) and b"<n2@" in each.raw.read())
        store.remove(handles[2])
        with store.open() as source:
            tail = [each.key for each in self.mails(source, self.path, after=before[middle].key)]
        assert {each.key for each in before[middle + 1 :]} <= set(tail)

    def test_every_second_pass_over_what_is_known_is_all_unchanged(self, store: SourceStore) -> None:
        for raw in self.samples:
            store.add("sato", self.path, raw, self.flags, self.received_at)
        first = self.walk(store)
        for _ in range(2):
            second = self.walk(store, known=self.known(first))
            assert all(isinstance(each, Unchanged) for each in second)
            assert [_told(each) for each in second] == [_told(each) for each in first]

    def test_only_what_came_since_is_an_item_in_the_next_pass(self, store: SourceStore) -> None:
        self.fill(store, 2)
        first = self.walk(store)
        store.add("sato", self.path, mail("late"), frozenset(), self.received_at + timedelta(days=1))
        fresh = [each for each in self.walk(store, known=self.known(first)) if not isinstance(each, Unchanged)]
        assert len(fresh) == 1
        assert isinstance(fresh[0], Item)
        assert b"<late@" in fresh[0].raw.read()

    def test_a_mail_keeps_its_key_when_the_one_before_it_is_removed(self, store: SourceStore) -> None:
        handles = self.fill(store, 4)
        first = self.walk(store)
        store.remove(handles[0])
        second = self.walk(store, known=self.known(first))
        assert len(second) == 3
        assert {each.key for each in second} < {each.key for each in first}
        assert all(isinstance(each, Unchanged) for each in second)

    def test_a_mail_keeps_its_key_when_it_is_read_and_tells_its_new_flags(self, store: SourceStore) -> None:
        if not self.flags:
            pytest.skip("this system knows no flags")
        handles = self.fill(store, 3)
        first = self.walk(store)
        store.reflag(handles[1], self.flags)
        second = self.walk(store, known=self.known(first))
        assert {each.key for each in second} == {each.key for each in first}
        assert sorted(len(_flags(each)) for each in second) == [0, 0, len(self.flags)]
        assert self.flags in [_flags(each) for each in second]

    # -- what is known beside the bytes ----------------------------------------------------------------------------

    def test_flags_and_keywords_survive(self, store: SourceStore) -> None:
        if not self.flags | self.keywords:
            pytest.skip("this system knows no flags")
        asked = [frozenset({flag}) for flag in sorted(self.flags | self.keywords)]
        asked += [frozenset(), self.flags | self.keywords]
        for number, flags in enumerate(asked):
            store.add("sato", self.path, mail(f"f{number}"), flags, self.received_at)
        told = {each.raw.read(): each.flags for each in self.walk(store) if isinstance(each, Item)}
        for number, flags in enumerate(asked):
            (given,) = (flags for raw, flags in told.items() if f"<f{number}@".encode() in raw)
            assert given == flags

    def test_the_received_time_is_told_as_the_same_instant(self, store: SourceStore) -> None:
        if not self.dates:
            pytest.skip("this system does not tell when it received a mail")
        times = [
            self.received_at,
            datetime(2001, 9, 9, 1, 46, 41, tzinfo=UTC),
            datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC),
        ]
        for number, at in enumerate(times):
            store.add("sato", self.path, mail(f"t{number}"), frozenset(), at)
        told = {each.raw.read(): each.dates for each in self.walk(store) if isinstance(each, Item)}
        for number, at in enumerate(times):
            (dates,) = (dates for raw, dates in told.items() if f"<t{number}@".encode() in raw)
            assert dates, "no evidence of the received time"
            assert abs(dates[0].at - at) < timedelta(seconds=self.told)

    def test_the_census_counts_what_the_items_are(self, store: SourceStore) -> None:
        for raw in self.samples:
            store.add("sato", self.path, raw, frozenset(), self.received_at)
        store.add("sato", self.names[0], mail("other"), frozenset(), self.received_at)
        store.make("sato", self.names[-1])
        with store.open() as source:
            counted = {count.folder: count for count in source.census(Account("sato"))}
            walked = {folder: list(_all(source, folder)) for folder in source.folders(Account("sato"))}
        for folder, found in walked.items():
            count = counted.pop(folder, None)
            assert (count.artefacts if count else 0) == len(found), folder
            if self.sizes:
                assert (count.bytes if count else 0) == sum(_size(each) for each in found), folder
        assert all(count.artefacts == 0 for count in counted.values())


def _all(source: Source, folder: Folder) -> Iterator[Each]:
    return source.items(folder, after=None, known=nothing)


def _size(each: Each) -> int:
    match each:
        case Item(raw=raw):
            return raw.size
        case Unreadable(size=size) | NotMail(size=size):
            return size
        case Unchanged():
            return 0


def _flags(each: Each) -> frozenset[Flag]:
    return each.flags if isinstance(each, Item | Unchanged) else frozenset()


def _told(each: Each) -> tuple[str, frozenset[Flag]]:
    return each.key, _flags(each)
