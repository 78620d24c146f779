"""What a load would meet is said before it runs, and is what it then meets."""

from datetime import date

import pytest

from migrator.ports import Limits, Way
from migrator.staging.loads import Pace, paces
from migrator.staging.store import Staging
from migrator.steps.foresee import Foreseen, foresee, takes_for
from tests.migrator.mail.test_mime import nested
from tests.roads import KEEP, Road, mail, road

MEMORY = Way(name="memory", until=date(2027, 4, 1))


def foreseen(way: Road, staging: Staging) -> dict[str, Foreseen]:
    found = foresee(staging, way.opener, target="new", way=MEMORY, routes=way.routes, takes=KEEP)
    return {each.mailbox.owner: each for each in found}


def codes(found: Foreseen) -> list[str]:
    return sorted(each.why.code for each in found.refusals)


def test_what_is_too_large_is_foreseen_and_then_refused(staging: Staging) -> None:
    with road() as way:
        way.new.limits = Limits(batch_items=10, item_bytes=1_000, late_commit=0)
        way.old.add("sato", ("受信箱",), mail("small"))
        way.old.add("sato", ("受信箱",), mail("large", body="x" * 2_000))
        way.extract(staging)
        its = foreseen(way, staging)["sato"]
        assert (its.mails, its.way, codes(its)) == (2, MEMORY, ["item.too-large"])
        counts = way.load(staging)
        assert (counts["loaded"], counts["refused"]) == (1, 1)
        assert foreseen(way, staging)["sato"].mails == 0


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(nesting=2), "item.nested-too-deep"),
        (Limits(files=4), "item.too-many-files"),
        (Limits(line_bytes=900), "item.line-too-long"),
    ],
)
def test_a_limit_to_the_shape_finds_the_one_mail_beyond_it(staging: Staging, limits: Limits, code: str) -> None:
    with road() as way:
        way.new.limits = limits
        strange = mail("strange", body="y" * 901) if limits.line_bytes else nested(3, files=5).as_bytes()
        way.old.add("sato", ("受信箱",), strange)
        way.old.add("sato", ("受信箱",), nested(2, files=4).as_bytes())
        way.extract(staging)
        (refusal,) = foreseen(way, staging)["sato"].refusals
        assert (refusal.why.code, refusal.size) == (code, len(strange))


def test_what_a_place_holds_already_counts_and_what_is_refused_takes_no_room(staging: Staging) -> None:
    with road() as way:
        way.new.limits = Limits(place_items=3, item_bytes=1_000, late_commit=0)
        way.old.add("sato", ("受信箱",), mail("one"))
        way.extract(staging)
        way.load(staging)
        way.old.add("sato", ("受信箱",), mail("large", body="x" * 2_000))
        for subject in ("two", "three", "four"):
            way.old.add("sato", ("受信箱",), mail(subject))
        way.extract(staging)
        assert codes(foreseen(way, staging)["sato"]) == ["item.too-large", "place.too-many"]


def test_nothing_is_sent_and_nothing_read_where_no_limit_asks_for_it(
    staging: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    with road() as way:
        way.old.add("sato", ("受信箱",), mail("one"))
        way.extract(staging)
        monkeypatch.setattr("migrator.steps.foresee.Shelf.raws", None)
        assert foreseen(way, staging)["sato"].refusals == ()
        assert not any(way.new.boxes.values())


def test_the_time_is_told_by_loads_that_were_large_enough(staging: Staging) -> None:
    with road() as way:
        way.new.limits = Limits(batch_items=50, late_commit=0)
        way.old.add("kato", ("受信箱",), mail("alone"))
        way.extract(staging)
        way.load(staging)
        assert paces(staging, "new") == []
        for number in range(100):
            way.old.add("sato", ("受信箱",), mail(f"m{number}"))
        way.extract(staging)
        way.load(staging)
        (pace,) = paces(staging, "new")
        assert pace.mails == 100
        assert pace.seconds > 0
        assert paces(staging, "another") == []


def test_the_slower_of_mails_and_bytes_decides() -> None:
    pace = Pace(mails=100, bytes=1_000_000, seconds=10)
    assert pace.time_for(200, 1_000) == 20
    assert pace.time_for(1, 5_000_000) == 50
    told = takes_for([pace, Pace(100, 1_000_000, 30), Pace(100, 1_000_000, 20)], 100, 0)
    assert told is not None
    assert (told.least, told.likely, told.most) == (10, 20, 30)
    assert takes_for([], 1, 1) is None
