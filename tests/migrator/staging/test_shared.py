"""Staging keeps what is told of shared inboxes, word for word, and adds a row only for what has changed."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from adapters.memory import World
from migrator.inboxes import About, Named, Scope, Status, WorkState
from migrator.model import Account
from migrator.ports import SharedSource
from migrator.staging import tables
from migrator.staging.shared import StagedInboxes, handled_artefacts
from migrator.staging.store import Staging
from tests.desks import INBOX, asked, two_desks
from tests.roads import Road, road


@pytest.fixture
def way() -> Iterator[Road]:
    with road() as laid:
        two_desks(laid.old)
        yield laid


def told(of: SharedSource) -> tuple[list[object], ...]:
    inboxes = list(of.inboxes())
    work = [
        each for inbox in inboxes for each in sorted(of.work(inbox), key=lambda fact: (type(fact).__name__, fact.key))
    ]
    return inboxes, list(of.principals()), [each for inbox in inboxes for each in of.members(inbox)], work


def rows(staging: Staging) -> list[int]:
    with staging.reading() as connection:
        return [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (tables.shared_fact, tables.shared_about)
        ]


def names(staging: Staging, artefacts: frozenset[int]) -> set[str]:
    with staging.reading() as connection:
        return set(
            connection.execute(
                select(tables.item.c.message_id).where(tables.item.c.artefact_id.in_(artefacts))
            ).scalars()
        )


def test_all_that_the_source_tells_comes_back_as_it_was_told(way: Road, staging: Staging) -> None:
    way.extract(staging)
    with way.source() as source:
        assert isinstance(source, SharedSource)
        assert told(StagedInboxes(staging)) == told(source)


def test_a_second_extract_adds_no_row_and_a_change_adds_one(way: Road, staging: Staging) -> None:
    assert way.extract(staging).shared == 12
    before = rows(staging)
    assert way.extract(staging).shared == 0
    assert rows(staging) == before
    desk = way.old.desks["support"]
    state = desk.work["s2"]
    assert isinstance(state, WorkState)
    desk.tell(replace(state, status=Status.CLOSED, label="完了"))
    assert way.extract(staging).shared == 1
    assert rows(staging) == [before[0] + 1, before[1] + 1]
    with way.source() as source:
        assert told(StagedInboxes(staging)) == told(source)


def test_what_is_told_no_longer_is_gone_and_comes_back(way: Road, staging: Staging) -> None:
    way.extract(staging)
    desk = way.old.desks["support"]
    note = desk.work.pop("n1")
    assert way.extract(staging).shared == 1
    before = rows(staging)
    way.extract(staging)
    assert rows(staging) == before
    assert "n1" not in {each.key for each in StagedInboxes(staging).work(desk.inbox)}
    desk.tell(note)
    way.extract(staging)
    assert note in list(StagedInboxes(staging).work(desk.inbox))


def test_only_the_inboxes_of_the_accounts_that_were_asked_for_are_read(way: Road, staging: Staging) -> None:
    way.extract(staging, accounts={"sales"})
    staged = StagedInboxes(staging)
    assert [len(list(staged.members(inbox))) for inbox in staged.inboxes()] == [1, 0]


def test_mails_that_somebody_handles_are_named_those_of_a_whole_conversation_too(way: Road, staging: Staging) -> None:
    way.extract(staging)
    assert names(staging, handled_artefacts(staging)) == {f"<{number}@mail.example>" for number in (1, 2, 3)}


def state(named: Named, **how: object) -> WorkState:
    known = {"key": "s9", "about": About(items=(named,)), "scope": Scope.MAIL, "status": Status.NONE}
    return WorkState(**{**known, **how})


def test_a_state_that_says_nothing_is_nobodys_work_and_one_that_is_gone_neither(way: Road, staging: Staging) -> None:
    desk, named = way.old.desks["sales"], way.old.named("sales", INBOX, 1)
    for told, is_handled in (
        (state(named), False),
        (state(named, assignee="sato"), True),
        (state(named), False),
        (state(named, status=None, label="?"), True),
        (state(named, status=Status.NO_ACTION), True),
    ):
        desk.tell(told)
        way.extract(staging)
        assert ("<5@mail.example>" in names(staging, handled_artefacts(staging))) == is_handled
    del desk.work["s9"]
    way.extract(staging)
    assert "<5@mail.example>" not in names(staging, handled_artefacts(staging))


def test_letters_are_those_that_are_still_there_with_head_flags_and_date(way: Road, staging: Staging) -> None:
    world: World = way.old
    asked(world, "support", "9")
    way.extract(staging)
    world.delete("support", INBOX, 1)
    world.flag("support", INBOX, 2, ["\\Flagged"])
    world.edit("support", INBOX, 3, b"Subject: whole now\r\n\r\n")
    moved = world.move("support", INBOX, 4, ("控え",))
    way.extract(staging)
    told = list(StagedInboxes(staging).letters(Account("support")))
    letters = {each.named: each for each in told}
    assert len(letters) == len(told)
    with way.source() as source:
        folders = {folder.path: folder for folder in source.folders(Account("support"))}
        found = {
            Named(folder.path, each.key): each
            for folder in folders.values()
            for each in source.items(folder, after=None, known=lambda key, stamp: False)
        }
    assert letters.keys() == found.keys()
    assert world.named("support", ("控え",), moved) in letters
    for named, letter in letters.items():
        assert found[named].raw.read().startswith(letter.head)
        assert letter.head.endswith(b"\r\n")
        assert letter.flags == found[named].flags
        assert letter.received_at == found[named].dates[0].at
