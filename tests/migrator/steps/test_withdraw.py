"""One withdrawal: written down before, spared where touched, and taken up again where its run was killed."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import func, select

from migrator.model import Gone, Mailbox, Place, Touched, Withdrawn
from migrator.staging import tables
from migrator.staging.intents import WITHDRAW, Intents, Wish
from migrator.staging.locks import lease
from migrator.staging.sightings import Shelf
from migrator.staging.store import Staging
from migrator.steps.withdraw import withdraw
from tests.roads import Road, mail, road

INBOX = Place("sato", ("INBOX",))


@pytest.fixture
def way(staging: Staging) -> Iterator[Road]:
    with road() as laid:
        for name in ("one", "two", "three"):
            laid.old.add("sato", ("受信箱",), mail(name))
        laid.extract(staging)
        laid.load(staging)
        yield laid


@contextmanager
def intents_of(staging: Staging) -> Iterator[Intents]:
    shelf = Shelf(staging, "new", "sato")
    with staging.run("undo", "new") as run, lease(staging, run, "new", "sato") as held:
        yield Intents(staging, run, shelf, held)


def wishes_of(way: Road, staging: Staging) -> list[Wish]:
    shelf = Shelf(staging, "new", "sato")
    with way.opener(Mailbox("sato"))() as target:
        seen = {each.ref: each for each in target.survey(INBOX, None)}
    return [
        Wish(dispatch=each.dispatch, expected=seen[each.ref], detail={})
        for each in shelf.delivered(INBOX)
        if each.ref is not None
    ]


def test_what_was_touched_is_spared_and_what_is_gone_is_left_to_the_caller(way: Road, staging: Staging) -> None:
    wishes = wishes_of(way, staging)
    way.new.flag("sato", ("INBOX",), 1, ["\\Answered"])
    way.new.delete("sato", ("INBOX",), 2)
    with intents_of(staging) as intents, way.opener(Mailbox("sato"))() as target:
        answers = withdraw(intents, target, INBOX, WITHDRAW, wishes)
        assert [type(each) for _, _, each in answers] == [Touched, Gone, Withdrawn]
        assert [each.intent for each in intents.open(WITHDRAW)] == [answers[1][0]]
    assert len(way.new.mails("sato", ("INBOX",))) == 1
    assert [each.dispatch for each in Shelf(staging, "new", "sato").delivered(INBOX)] == [
        wishes[0].dispatch,
        wishes[1].dispatch,
    ]


def test_an_intent_stands_before_the_first_change_and_is_taken_up_again_after_a_kill(
    way: Road, staging: Staging
) -> None:
    wishes = wishes_of(way, staging)
    with intents_of(staging) as intents, way.opener(Mailbox("sato"))() as target:
        intents.begin(WITHDRAW, wishes)
        target.withdraw(INBOX, wishes[0].expected.ref, wishes[0].expected)
    with intents_of(staging) as intents, way.opener(Mailbox("sato"))() as target:
        answers = withdraw(intents, target, INBOX, WITHDRAW, wishes)
        assert [type(each) for _, _, each in answers] == [Gone, Withdrawn, Withdrawn]
        intents.end((intent, each) for intent, _, each in answers if isinstance(each, Gone))
        assert intents.open(WITHDRAW) == []
    with staging.reading() as connection:
        rows = [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (tables.intent, tables.outcome)
        ]
    assert rows == [3, 3]
    assert Shelf(staging, "new", "sato").delivered(INBOX) == []
