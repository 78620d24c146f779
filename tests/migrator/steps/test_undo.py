"""Undo takes back what one load put, except what somebody touched; and a load after it sends that again, once."""

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from migrator.errors import UsageError
from migrator.model import Gone, Moved, Place, Raw, Role, Touched
from migrator.ports import Limits
from migrator.staging import tables
from migrator.staging.loads import target_of_load
from migrator.staging.store import Staging
from migrator.steps import runner
from migrator.steps.undo import Loads
from tests.killing import Killed, Killer
from tests.roads import Road, bodies_at, mail, road

INBOX = ("INBOX",)


@pytest.fixture
def way() -> Iterator[Road]:
    with road() as laid:
        for number in range(6):
            laid.old.add("sato", ("受信箱",), mail(str(number)), flags=["\\Seen"])
        laid.old.add("suzuki", ("受信箱",), mail("0"))
        yield laid


def loaded(way: Road, staging: Staging) -> int:
    """Everything is loaded; the run's number."""
    way.extract(staging)
    way.load(staging)
    return 2


def states(way: Road, staging: Staging) -> dict[str, int]:
    return {state: many for state, many in way.ledger(staging).totals.items() if many}


def test_what_nobody_touched_is_taken_back_and_is_to_do_again(way: Road, staging: Staging) -> None:
    way.new.add("sato", INBOX, mail("older than we are"))
    of_run = loaded(way, staging)
    counts, left = way.undo(staging, of_run)
    assert (counts["withdrawn"], left) == (7, [])
    assert bodies_at(way.new, "sato", *INBOX) == Counter({Raw.of(mail("older than we are")).digest: 1})
    assert states(way, staging) == {"found": 7, "to_do": 7}
    assert way.load(staging)["loaded"] == 7
    assert bodies_at(way.new, "suzuki", *INBOX) == bodies_at(way.old, "suzuki", "受信箱")
    assert way.verify(staging).findings == 0
    assert way.ledger(staging).complete


def test_what_was_answered_flagged_moved_or_deleted_is_listed_and_theirs(way: Road, staging: Staging) -> None:
    of_run = loaded(way, staging)
    way.new.flag("sato", INBOX, 1, ["\\Seen", "\\Answered"])
    way.new.flag("sato", INBOX, 2, ["\\Seen", "\\Flagged"])
    way.new.move("sato", INBOX, 3, ("対応済み",))
    way.new.delete("sato", INBOX, 4)
    shown = {(each.place.owner, each.take): each.left for each in prospects(way, staging, of_run)}
    counts, left = way.undo(staging, of_run)
    assert [type(each.outcome) for each in left] == [Touched, Touched, Moved, Gone]
    assert shown == {("sato", 2): tuple(left), ("suzuki", 1): ()}
    assert isinstance(left[2].outcome, Moved)
    assert left[2].outcome.place.path == ("対応済み",)
    assert {word: counts[word] for word in ("withdrawn", "touched", "moved", "gone")} == {
        "withdrawn": 3,
        "touched": 2,
        "moved": 1,
        "gone": 1,
    }
    assert len(way.new.mails("sato", INBOX)) == 2
    assert len(way.new.mails("sato", ("対応済み",))) == 1
    assert states(way, staging)["loaded"] == 3
    assert states(way, staging)["to_do"] == 4
    assert way.load(staging)["loaded"] == 4
    everything = bodies_at(way.new, "sato", *INBOX) + bodies_at(way.new, "sato", "対応済み")
    assert everything == bodies_at(way.old, "sato", "受信箱")


def prospects(way: Road, staging: Staging, of_run: int) -> list[runner.Prospect]:
    return runner.prospects(staging, way.opener, way.loading(), Loads((of_run,)))


def test_showing_changes_nothing_at_the_target_and_writes_no_row(way: Road, staging: Staging) -> None:
    of_run = loaded(way, staging)
    before = way.ledger(staging).totals
    assert sum(each.take for each in prospects(way, staging, of_run)) == 7
    assert sum(len(box.mails) for box in way.new.boxes.values()) == 7
    assert way.ledger(staging).totals == before


def test_only_that_load_is_undone_and_what_it_did_not_put_stays(way: Road, staging: Staging) -> None:
    first = loaded(way, staging)
    way.old.add("sato", ("受信箱",), mail("late"))
    way.extract(staging)
    way.load(staging)
    counts, _ = way.undo(staging, first)
    assert counts["withdrawn"] == 7
    assert bodies_at(way.new, "sato", *INBOX) == Counter({Raw.of(mail("late")).digest: 1})
    with pytest.raises(UsageError, match=r"undo\.no-load"):
        target_of_load(staging, 1)


def test_what_was_adopted_is_not_ours_to_take(way: Road, staging: Staging) -> None:
    of_run = loaded(way, staging)
    with staging.writing() as connection:
        connection.execute(update(tables.receipt).where(tables.receipt.c.dispatch_id == 1).values(how="adopted"))
    counts, left = way.undo(staging, of_run)
    assert (counts["withdrawn"], left) == (6, [])
    assert sum(len(box.mails) for box in way.new.boxes.values()) == 1


def test_what_verify_found_missing_and_undo_found_gone_is_accounted_for_once(way: Road, staging: Staging) -> None:
    of_run = loaded(way, staging)
    way.new.delete("sato", INBOX, 2)
    assert way.verify(staging).findings == 1
    way.undo(staging, of_run)
    assert way.ledger(staging).closed


def test_a_second_undo_finds_nothing_to_take(way: Road, staging: Staging) -> None:
    of_run = loaded(way, staging)
    way.undo(staging, of_run)
    counts, left = way.undo(staging, of_run)
    assert (counts["withdrawn"], left) == (0, [])


def test_two_equal_mails_are_told_apart_when_one_is_moved_and_one_deleted(way: Road, staging: Staging) -> None:
    for _ in range(3):
        way.old.add("sato", ("控え",), mail("twin"))
    of_run = loaded(way, staging)
    way.new.move("sato", ("控え",), 1, ("別",))
    way.new.delete("sato", ("控え",), 2)
    _, left = way.undo(staging, of_run)
    assert Counter(type(each.outcome) for each in left) == {Moved: 1, Gone: 1}
    way.load(staging)
    assert bodies_at(way.new, "sato", "控え") + bodies_at(way.new, "sato", "別") == bodies_at(way.old, "sato", "控え")


def test_a_place_made_anew_or_gone_is_passed_over_and_its_neighbours_are_not(way: Road, staging: Staging) -> None:
    way.old.add("sato", ("案件",), mail("kept"))
    of_run = loaded(way, staging)
    way.new.renumber("sato", INBOX)
    way.new.rename("suzuki", INBOX, ("renamed",))
    assert {each.place: each.stopped and each.stopped.code for each in prospects(way, staging, of_run)} == {
        Place("sato", INBOX, Role.INBOX): "place.epoch-changed",
        Place("sato", ("案件",)): None,
        Place("suzuki", INBOX, Role.INBOX): "place.missing",
    }
    counts, left = way.undo(staging, of_run)
    assert (counts["withdrawn"], counts["setbacks"], left) == (1, 2, [])
    assert states(way, staging)["loaded"] == 7


def test_a_target_that_cannot_withdraw_says_so_at_once(way: Road, staging: Staging) -> None:
    of_run = loaded(way, staging)
    way.new.limits = replace(way.new.limits, can_withdraw=False)
    with pytest.raises(UsageError, match=r"undo\.impossible"):
        prospects(way, staging, of_run)
    with pytest.raises(UsageError, match=r"undo\.impossible"):
        way.undo(staging, of_run)


def test_a_target_that_tells_no_refs_is_undone_by_the_mails_themselves(way: Road, staging: Staging) -> None:
    way.new.refs = way.new.tokens = False
    of_run = loaded(way, staging)
    way.new.flag("sato", INBOX, 2, ["\\Flagged"])
    counts, left = way.undo(staging, of_run)
    assert (counts["withdrawn"], len(left)) == (6, 1)
    assert way.load(staging)["loaded"] == 6
    assert bodies_at(way.new, "sato", *INBOX) == bodies_at(way.old, "sato", "受信箱")


def test_what_a_killed_load_had_sent_is_undone_with_the_rest(way: Road, staging: Staging) -> None:
    way.extract(staging)
    killer = Killer(None)

    def interrupt(moment: str) -> None:
        killer.dead = killer.dead or moment == "delivered"
        killer.moment(moment)

    way.new.interrupt = interrupt
    with pytest.raises(Killed), killer.watching(staging):
        way.load(staging)
    way.new.interrupt = lambda moment: None
    counts, left = way.undo(staging, 2)
    assert (counts["withdrawn"] > 0, left) == (True, [])
    assert sum(len(box.mails) for box in way.new.boxes.values()) == 0
    assert way.load(staging)["loaded"] == 7


# -- killed --------------------------------------------------------------------------------------------------------


@given(
    mails=st.lists(st.integers(0, 3), min_size=1, max_size=8),
    touches=st.lists(st.tuples(st.sampled_from(["answer", "move", "delete"]), st.integers(1, 8)), max_size=4),
    kills=st.lists(st.integers(1, 40), max_size=4),
    again=st.booleans(),
)
@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_an_undo_killed_anywhere_finishes_and_a_load_after_it_brings_every_mail_once(
    tmp_path_factory: pytest.TempPathFactory,
    empty_database: Path,
    mails: Sequence[int],
    touches: Sequence[tuple[str, int]],
    kills: Sequence[int],
    again: bool,
) -> None:
    folder = tmp_path_factory.mktemp("undone")
    shutil.copy(empty_database, folder)
    with road() as way:
        way.new.limits = Limits(batch_items=3, late_commit=0)
        for number in mails:
            way.old.add("sato", ("受信箱",), mail(str(number)))
        with Staging.open("sqlite:///staging.db", folder=folder) as staging:
            of_run = loaded(way, staging)
        deleted = touch(way, touches)
        for at in [*kills, *([None] if again else [])]:
            way.done_before(at, folder, lambda staging: way.undo(staging, of_run))
        way.new.interrupt = lambda moment: None
        with Staging.open("sqlite:///staging.db", folder=folder) as staging:
            way.load(staging)
            there = bodies_at(way.new, "sato", *INBOX) + bodies_at(way.new, "sato", "別")
            expected = Counter(Raw.of(mail(str(number))).digest for number in mails)
            assert there <= expected
            assert expected - there <= deleted, "only what its owner deleted may be absent, where undo never came to it"
            if again:
                assert there == expected
            way.verify(staging)
            assert way.ledger(staging).totals["unexplained_target"] == 0


def touch(way: Road, touches: Sequence[tuple[str, int]]) -> Counter[str]:
    """What people did; the digests of what they deleted."""
    deleted: Counter[str] = Counter()
    for what, number in touches:
        box = way.new.boxes["sato", INBOX]
        if number not in box.mails:
            continue
        match what:
            case "answer":
                way.new.flag("sato", INBOX, number, ["\\Answered"])
            case "move":
                way.new.move("sato", INBOX, number, ("別",))
            case _:
                deleted[box.mails[number].raw.digest] += 1
                way.new.delete("sato", INBOX, number)
    return deleted
