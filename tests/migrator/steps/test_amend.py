"""What changes at the source after a load is carried by the next one, beside what people changed at the target."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator.model import Mailbox, Place, Raw
from migrator.routes import Routes
from migrator.staging.intents import RELOCATE, Intents, Wish
from migrator.staging.locks import lease
from migrator.staging.sightings import Shelf
from migrator.staging.store import Staging
from tests.roads import Road, bodies_at, mail, road

INBOX, OLD_INBOX = ("INBOX",), ("受信箱",)
SEEN, ANSWERED, FLAGGED = "\\Seen", "\\Answered", "\\Flagged"


@pytest.fixture
def way() -> Iterator[Road]:
    with road() as laid:
        for number in range(3):
            laid.old.add("sato", OLD_INBOX, mail(str(number)), flags=[SEEN])
        yield laid


def loaded(way: Road, staging: Staging) -> None:
    way.extract(staging)
    way.load(staging)


def loaded_again(way: Road, staging: Staging) -> dict[str, int]:
    way.extract(staging)
    return way.load(staging)


def flags(way: Road, path: tuple[str, ...] = INBOX) -> list[set[str]]:
    return [set(each.flags) for each in way.new.mails("sato", path)]


def deaf(way: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on the target must not be changed, nor asked for more than whether our mail is still there."""

    def asked(*_: object) -> None:
        raise AssertionError("the target was asked")

    with way.opener(Mailbox("sato"))() as target:
        for word in ("amend", "withdraw", "fetch", "deliver"):
            monkeypatch.setattr(type(target), word, asked)


def test_flags_set_and_taken_away_at_the_source_are_carried(way: Road, staging: Staging) -> None:
    loaded(way, staging)
    way.old.flag("sato", OLD_INBOX, 1, [SEEN, ANSWERED, "work"])
    way.old.flag("sato", OLD_INBOX, 2, [])
    assert loaded_again(way, staging)["amended"] == 2
    assert flags(way) == [{SEEN, ANSWERED, "work"}, set(), {SEEN}]
    assert way.verify(staging).findings == 0
    assert way.ledger(staging).complete


def test_a_run_after_which_nothing_has_changed_only_looks_whether_it_is_still_there(
    way: Road, staging: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    way.new.limits = replace(way.new.limits, keywords=0)
    way.old.flag("sato", OLD_INBOX, 3, [SEEN, "lost"])
    loaded(way, staging)
    way.old.flag("sato", OLD_INBOX, 1, [SEEN, ANSWERED, "also lost"])
    way.old.move("sato", OLD_INBOX, 2, ("案件",))
    assert loaded_again(way, staging)["amended"] == 2
    deaf(way, monkeypatch)
    assert loaded_again(way, staging) == {"in_doubt": 0}
    assert way.load(staging) == {"in_doubt": 0}


def test_a_persons_change_at_the_target_stays_beside_what_the_source_changed(way: Road, staging: Staging) -> None:
    loaded(way, staging)
    way.new.flag("sato", INBOX, 1, [SEEN, FLAGGED])
    way.new.flag("sato", INBOX, 2, [])
    way.new.flag("sato", INBOX, 3, [SEEN, ANSWERED])
    way.old.flag("sato", OLD_INBOX, 1, [SEEN, ANSWERED])
    way.old.flag("sato", OLD_INBOX, 2, [SEEN, FLAGGED])
    way.old.flag("sato", OLD_INBOX, 3, [SEEN, ANSWERED])
    loaded_again(way, staging)
    assert flags(way) == [{SEEN, FLAGGED, ANSWERED}, {FLAGGED}, {SEEN, ANSWERED}]
    assert way.verify(staging).findings == 2, "what a person did beside it is still told"
    assert way.undo(staging, 2)[0]["withdrawn"] == 1, "and still theirs"


def test_flags_change_again_and_again_and_each_change_is_carried_once(way: Road, staging: Staging) -> None:
    loaded(way, staging)
    for now in ([SEEN, FLAGGED], [FLAGGED], [], [SEEN]):
        way.old.flag("sato", OLD_INBOX, 1, now)
        assert loaded_again(way, staging)["amended"] == 1
        assert flags(way)[0] == set(now)
    way.new.flag("sato", INBOX, 1, [])
    assert loaded_again(way, staging) == {"in_doubt": 0}
    assert flags(way)[0] == set(), "what a person took away later is not set again"


def test_deleted_at_the_source_is_never_carried(way: Road, staging: Staging) -> None:
    loaded(way, staging)
    way.old.flag("sato", OLD_INBOX, 1, [SEEN, "\\Deleted"])
    assert loaded_again(way, staging)["amended"] == 0
    assert flags(way)[0] == {SEEN}


def test_a_mail_moved_at_the_source_moves_at_the_target_with_its_new_flags(way: Road, staging: Staging) -> None:
    loaded(way, staging)
    moved = way.old.move("sato", OLD_INBOX, 1, ("案件",))
    way.old.flag("sato", ("案件",), moved, [SEEN, FLAGGED])
    counts = loaded_again(way, staging)
    assert (counts["loaded"], counts["amended"]) == (0, 2)
    assert bodies_at(way.new, "sato", *INBOX) == bodies_at(way.old, "sato", *OLD_INBOX)
    assert bodies_at(way.new, "sato", "案件") == bodies_at(way.old, "sato", "案件")
    assert flags(way, ("案件",)) == [{SEEN, FLAGGED}]
    assert way.verify(staging).findings == 0
    assert way.ledger(staging).closed


def test_a_mail_moved_twice_and_back_follows(way: Road, staging: Staging) -> None:
    loaded(way, staging)
    there = way.old.move("sato", OLD_INBOX, 1, ("案件",))
    loaded_again(way, staging)
    way.old.move("sato", ("案件",), there, OLD_INBOX)
    assert loaded_again(way, staging)["amended"] == 1
    assert bodies_at(way.new, "sato", *INBOX) == bodies_at(way.old, "sato", *OLD_INBOX)
    assert way.verify(staging).findings == 0


def test_another_mapping_of_a_folder_moves_its_mail(way: Road, staging: Staging) -> None:
    loaded(way, staging)
    way.routes = Routes({}, {"受信箱": "旧受信箱"})
    assert way.load(staging)["amended"] == 3
    assert bodies_at(way.new, "sato", "旧受信箱") == bodies_at(way.old, "sato", *OLD_INBOX)
    assert way.verify(staging).findings == 0
    assert way.load(staging)["amended"] == 0


def test_what_a_person_touched_or_moved_stays_where_it_is_and_is_told_once(way: Road, staging: Staging) -> None:
    loaded(way, staging)
    way.new.flag("sato", INBOX, 1, [SEEN, ANSWERED])
    way.new.move("sato", INBOX, 2, ("対応済み",))
    way.new.delete("sato", INBOX, 3)
    for number in (1, 2, 3):
        way.old.move("sato", OLD_INBOX, number, ("案件",))
    counts = loaded_again(way, staging)
    assert (counts["touched"], counts["moved"], counts["gone"], counts["loaded"]) == (1, 1, 1, 0)
    assert way.new.mails("sato", ("案件",)) == []
    assert len(way.new.mails("sato", ("対応済み",))) == 1
    assert loaded_again(way, staging) == {"in_doubt": 0}


def test_a_mail_that_a_person_moved_to_where_it_is_to_lie_is_known_there(way: Road, staging: Staging) -> None:
    loaded(way, staging)
    way.old.move("sato", OLD_INBOX, 1, ("案件",))
    way.new.make("sato", ("案件",))
    way.new.move("sato", INBOX, 1, ("案件",))
    assert loaded_again(way, staging)["amended"] == 1
    assert way.verify(staging).findings == 0


def test_a_target_that_tells_no_new_ref_is_bound_by_the_mail_itself(way: Road, staging: Staging) -> None:
    way.new.refs = way.new.tokens = False
    loaded(way, staging)
    way.old.move("sato", OLD_INBOX, 1, ("案件",))
    assert loaded_again(way, staging)["amended"] == 1
    assert way.verify(staging).findings == 0
    assert loaded_again(way, staging) == {"in_doubt": 0}


def test_a_move_killed_between_copying_and_deleting_leaves_one_mail(way: Road, staging: Staging) -> None:
    loaded(way, staging)
    way.old.move("sato", OLD_INBOX, 1, ("案件",))
    way.extract(staging)
    shelf = Shelf(staging, "new", "sato")
    first = shelf.delivered(Place("sato", INBOX))[0]
    with staging.run("load", "new") as run, lease(staging, run, "new", "sato") as held:
        wish = Wish(dispatch=first.dispatch, expected=first.expected, detail={"to": ["案件"]})
        Intents(staging, run, shelf, held).begin(RELOCATE, [wish])
    way.new.add("sato", ("案件",), mail("0"), flags=[SEEN])
    assert way.load(staging)["amended"] == 1
    assert bodies_at(way.new, "sato", *INBOX) == bodies_at(way.old, "sato", *OLD_INBOX)
    assert bodies_at(way.new, "sato", "案件") == bodies_at(way.old, "sato", "案件")
    assert way.verify(staging).findings == 0


def test_a_place_made_anew_is_passed_over(way: Road, staging: Staging) -> None:
    loaded(way, staging)
    way.old.flag("sato", OLD_INBOX, 1, [FLAGGED])
    way.new.renumber("sato", INBOX)
    assert loaded_again(way, staging)["setbacks"] >= 1
    assert flags(way) == [{SEEN}] * 3


# -- killed --------------------------------------------------------------------------------------------------------


@given(
    changes=st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["flag", "unflag", "move"])), min_size=1, max_size=4),
    people=st.lists(st.tuples(st.integers(1, 3), st.sampled_from([ANSWERED, FLAGGED])), max_size=2),
    kills=st.lists(st.integers(1, 30), max_size=4),
)
@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_killed_anywhere_every_change_is_carried_and_no_mail_is_lost_or_doubled(
    tmp_path_factory: pytest.TempPathFactory,
    empty_database: Path,
    changes: Sequence[tuple[int, str]],
    people: Sequence[tuple[int, str]],
    kills: Sequence[int],
) -> None:
    folder = tmp_path_factory.mktemp("amended")
    shutil.copy(empty_database, folder)
    with road() as way:
        for number in range(3):
            way.old.add("sato", OLD_INBOX, mail(str(number)), flags=[SEEN])
        with Staging.open("sqlite:///staging.db", folder=folder) as staging:
            loaded(way, staging)
        touched = {number for number, _ in people}
        for number, flag in people:
            there = way.new.boxes["sato", INBOX].mails[number]
            way.new.flag("sato", INBOX, number, there.flags | {flag})
        for number, change in changes:
            apply(way, number, change)
        with Staging.open("sqlite:///staging.db", folder=folder) as staging:
            way.extract(staging)
        for at in [*kills, None]:
            way.done_before(at, folder, way.load)
        there = {key: each for path in (INBOX, ("案件",)) for key, each in subjects(way.new.mails("sato", path), path)}
        theirs = {
            key: each for path in (OLD_INBOX, ("案件",)) for key, each in subjects(way.old.mails("sato", path), path)
        }
        assert len(there) == len(theirs) == 3
        for digest, (path, its) in there.items():
            old_path, now = theirs[digest]
            if digest not in {way_digest(number) for number in touched}:
                assert its == now
                assert (path == ("案件",)) == (old_path == ("案件",))
            else:
                assert its >= now - {SEEN}
        with Staging.open("sqlite:///staging.db", folder=folder) as staging:
            assert way.load(staging) == {"in_doubt": 0}


def way_digest(number: int) -> str:
    return Raw.of(mail(str(number - 1))).digest


def subjects(
    mails: Sequence[Any], path: tuple[str, ...]
) -> Iterator[tuple[str, tuple[tuple[str, ...], frozenset[str]]]]:
    for each in mails:
        yield each.raw.digest, (path, each.flags)


def apply(way: Road, number: int, change: str) -> None:
    box = way.old.boxes["sato", OLD_INBOX]
    if number not in box.mails:
        return
    match change:
        case "flag":
            way.old.flag("sato", OLD_INBOX, number, box.mails[number].flags | {FLAGGED})
        case "unflag":
            way.old.flag("sato", OLD_INBOX, number, box.mails[number].flags - {SEEN})
        case _:
            way.old.move("sato", OLD_INBOX, number, ("案件",))
