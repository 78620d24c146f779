"""Which decision is in force (laws.md §4): for any decisions of people, of `auto` and of the source, in any order."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from migrator.model import Proposal, Verdict
from migrator.staging import tables
from migrator.staging.opinions import (
    decide_by_itself,
    decide_item,
    decide_stream,
    propose,
    restore_item,
    restore_stream,
)
from migrator.staging.reports import listing
from migrator.staging.store import Staging
from migrator.staging.walk import by_source
from tests.roads import Road, bodies_at, mail, road

SENDER = "sato@example.co.jp"
REST, ORDER, GUARDED = 1, 2, 3
"""Three mails of SENDER by their numbers."""

SCOPES = ("item", "source", "sender", "orders", "auto")
words = st.lists(st.tuples(st.sampled_from(SCOPES), st.sampled_from(list(Verdict))), max_size=6)
Words = Sequence[tuple[str, Verdict]]


@pytest.fixture
def decided(staging: Staging) -> Staging:
    with road() as way:
        for number in range(3):
            way.old.add("sato", ("受信箱",), mail(str(number)))
        way.extract(staging)
    thought = [
        (REST, Proposal(verdict=Verdict.PARK)),
        (ORDER, Proposal(verdict=Verdict.HOLD, orders=True)),
        (GUARDED, Proposal(verdict=Verdict.KEEP, guard="store.marked")),
    ]
    with staging.run("judge") as run:
        propose(staging, run, "", thought)
    return staging


def in_force(staging: Staging, said: Words) -> dict[int, str]:
    """What holds for each mail once all of this is said, in this order."""
    with staging.writing() as connection:
        connection.execute(delete(tables.decision))
    for scope, verdict in said:
        if scope in ("sender", "orders"):
            decide_stream(staging, SENDER, verdict, by="", why="", orders=scope == "orders")
        for item in (REST, ORDER, GUARDED):
            if scope == "item":
                decide_item(staging, item, verdict, by="", why="")
            elif scope == "source":
                with staging.writing() as connection:
                    connection.execute(insert(tables.decision), [by_source(item, verdict, "")])
        if scope == "auto":
            decide_by_itself(staging, dict.fromkeys((REST, ORDER, GUARDED), verdict), why="")
    return {int(line["item"]): line["decision"] for line in listing(staging)}


def expected(item: int, said: Words) -> str:
    def last(scope: str) -> Verdict | None:
        return next((verdict for its, verdict in reversed(said) if its == scope), None)

    of_sender = [verdict for scope, verdict in said if scope == "sender"]
    of_orders = [
        verdict for scope, verdict in said if scope == "orders" or (scope == "sender" and verdict != Verdict.PARK)
    ]
    by_name = of_orders if item == ORDER else of_sender
    source = Verdict.PARK if last("source") == Verdict.PARK else None
    guard = Verdict.KEEP if item == GUARDED else None
    every = (last("item"), source, guard, by_name[-1] if by_name else None, last("auto"), Verdict.KEEP)
    return next(each.value for each in every if each is not None)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(words)
@example([("item", Verdict.KEEP), ("sender", Verdict.PARK)])
@example([("orders", Verdict.PARK), ("sender", Verdict.KEEP)])
@example([("sender", Verdict.KEEP), ("sender", Verdict.PARK)])
def test_the_first_that_exists_is_in_force_and_of_its_kind_the_newest(decided: Staging, said: Words) -> None:
    assert in_force(decided, said) == {item: expected(item, said) for item in (REST, ORDER, GUARDED)}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(words, st.sampled_from(list(Verdict)), words)
@example([], Verdict.KEEP, [("sender", Verdict.PARK), ("orders", Verdict.PARK), ("auto", Verdict.PARK)])
def test_a_persons_word_on_a_mail_outlives_every_later_one_on_its_sender(
    decided: Staging, before: Words, verdict: Verdict, after: Words
) -> None:
    later = [each for each in after if each[0] != "item"]
    assert set(in_force(decided, [*before, ("item", verdict), *later]).values()) == {verdict.value}


bodies = st.lists(st.binary(max_size=60).filter(lambda body: body.strip()), min_size=1, max_size=5)


@settings(max_examples=15, deadline=None)
@given(bodies, st.data())
def test_what_was_parked_and_is_restored_arrives_byte_for_byte(bodies: list[bytes], data: st.DataObject) -> None:
    by_item = data.draw(st.sets(st.integers(1, len(bodies))))
    whole = data.draw(st.booleans())
    with (
        TemporaryDirectory() as home,
        road() as way,
        Staging.open("sqlite:///s.db", folder=Path(home)) as s,
    ):
        _park(way, s, bodies, by_item, whole=whole)
        before = way.load(s)["loaded"]
        assert before == (0 if whole else len(bodies) - len(by_item))
        if whole:
            restore_stream(s, SENDER, by="", why="")
        for item in by_item:
            restore_item(s, item, by="", why="")
        assert way.load(s)["loaded"] == len(bodies) - before
        assert bodies_at(way.new, "sato", "INBOX") == bodies_at(way.old, "sato", "受信箱")


def _park(way: Road, staging: Staging, bodies: list[bytes], by_item: set[int], *, whole: bool) -> None:
    for body in bodies:
        way.old.add("sato", ("受信箱",), mail("x") + body)
    way.extract(staging)
    for item in by_item:
        decide_item(staging, item, Verdict.PARK, by="", why="")
    if whole:
        decide_stream(staging, SENDER, Verdict.PARK, by="", why="")
