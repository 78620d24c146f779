"""What a source promises whose store knows shared inboxes."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import pytest

from migrator.inboxes import Member, Named, Principal, SharedInbox, Work
from migrator.model import Unreadable
from migrator.ports import SharedSource, Source
from migrator.testing.source import nothing

Told = tuple[list[SharedInbox], list[Principal], dict[str, list[Member]], dict[str, list[Work | Unreadable]]]


Keyed = SharedInbox | Principal | Member | Work | Unreadable


class SharedStore(Protocol):
    """The system behind the adapter, with at least one shared inbox in which somebody has done something."""

    def open(self) -> AbstractContextManager[Source]:
        """The adapter's source over this store, a SharedSource too; called several times."""

    def snapshot(self) -> object:
        """All that reading might change, to be compared."""

    def forget(self, named: Named, inbox: SharedInbox) -> None:
        """This mail of the inbox is deleted for good; what was told of it stays."""


class SharedSourceContract:
    """The promises of `ports.SharedSource`. A subclass supplies the fixture `shared`."""

    @pytest.fixture
    def shared(self) -> SharedStore:
        raise NotImplementedError("supply the system behind your adapter")

    def told(self, store: SharedStore) -> Told:
        """All that the source tells of its inboxes."""
        with store.open() as source:
            assert isinstance(source, SharedSource)
            inboxes = list(source.inboxes())
            return (
                inboxes,
                list(source.principals()),
                {inbox.key: list(source.members(inbox)) for inbox in inboxes},
                {inbox.key: list(source.work(inbox)) for inbox in inboxes},
            )

    def keys(self, store: SharedStore, inbox: SharedInbox) -> set[Named]:
        """Every artefact of the inbox's account, as `items` names it."""
        with store.open() as source:
            return {
                Named(folder.path, each.key)
                for folder in source.folders(inbox.account)
                for each in source.items(folder, after=None, known=nothing)
            }

    def test_it_tells_something_and_all_of_it_twice_alike_in_one_order(self, shared: SharedStore) -> None:
        told = self.told(shared)
        assert told[0]
        assert any(told[2].values())
        assert any(told[3].values())
        assert self.told(shared) == told

    def test_asking_in_another_order_gives_the_same_answers(self, shared: SharedStore) -> None:
        inboxes, principals, members, work = self.told(shared)
        with shared.open() as source:
            assert isinstance(source, SharedSource)
            for inbox in reversed(inboxes):
                first = next(iter(source.work(inbox)), None)
                assert [first] == work[inbox.key][:1] or first is None
                assert list(source.members(inbox)) == members[inbox.key]
                assert list(source.work(inbox)) == work[inbox.key]
            assert list(source.principals()) == principals
            assert list(source.inboxes()) == inboxes

    def test_no_two_keys_are_equal(self, shared: SharedStore) -> None:
        inboxes, principals, members, work = self.told(shared)
        lists: list[Sequence[Keyed]] = [inboxes, principals, *members.values(), *work.values()]
        assert [_twice(fact.key for fact in each) for each in lists] == [[]] * len(lists)

    def test_an_inbox_lies_in_an_account_that_the_source_lists(self, shared: SharedStore) -> None:
        with shared.open() as source:
            accounts = set(source.accounts())
        assert {inbox.account for inbox in self.told(shared)[0]} <= accounts

    def test_every_mail_that_is_named_is_one_that_items_yields(self, shared: SharedStore) -> None:
        inboxes, _, _, work = self.told(shared)
        named = 0
        for inbox in inboxes:
            about = _named(work[inbox.key])
            assert about <= self.keys(shared, inbox)
            named += len(about)
        assert named

    def test_everybody_who_is_named_is_told(self, shared: SharedStore) -> None:
        _, principals, members, work = self.told(shared)
        known = {each.key for each in principals}
        assert {each.principal for all_ in members.values() for each in all_} <= known
        for name in ("assignee", "by", "person"):
            who = {getattr(each, name, None) for all_ in work.values() for each in all_}
            assert who - {None} <= known

    def test_what_is_told_of_a_mail_outlives_it_and_names_it_no_longer(self, shared: SharedStore) -> None:
        inboxes, _, _, work = self.told(shared)
        inbox = next(each for each in inboxes if _named(work[each.key]))
        gone = min(_named(work[inbox.key]), key=lambda named: (named.folder, named.key))
        shared.forget(gone, inbox)
        after = self.told(shared)[3][inbox.key]
        assert {each.key for each in after} >= {each.key for each in work[inbox.key]}
        assert _named(after) == _named(work[inbox.key]) & self.keys(shared, inbox)

    def test_reading_changes_nothing(self, shared: SharedStore) -> None:
        before = shared.snapshot()
        self.told(shared)
        assert shared.snapshot() == before


def _named(work: Iterable[Work | Unreadable]) -> set[Named]:
    return {named for each in work for named in _items(each)}


def _items(fact: Work | Unreadable) -> Iterator[Named]:
    about = getattr(fact, "about", None)
    yield from () if about is None else about.items


def _twice(keys: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return [key for key in keys if key in seen or seen.add(key)]  # type: ignore[func-returns-value]
