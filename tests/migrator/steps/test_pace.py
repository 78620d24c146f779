"""How fast, and when not at all: by a clock of the test's own."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.errors import Outage, Reason, UsageError
from migrator.settings import Pacing
from migrator.staging.store import Staging
from migrator.steps.pace import Pace, Quiet
from migrator.steps.settle import Clock
from tests.roads import Road, mail, road

TOKYO = ZoneInfo("Asia/Tokyo")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TOKYO)


@dataclass
class Time:
    """A clock that runs as fast as it is asked."""

    passed: float = 0.0
    began: datetime = field(default_factory=lambda: at("2026-11-25 03:00"))

    def sleep(self, seconds: float) -> None:
        self.passed += seconds

    def pace(self, *keeps: Pacing, **more: object) -> Pace:
        clock = Clock(lambda: self.passed, self.sleep)
        return Pace(keeps, clock=clock, today=lambda: self.began + timedelta(seconds=self.passed), **more)


@pytest.mark.parametrize(
    ("hours", "moment", "until"),
    [
        ("08:00-19:00", "2026-11-25 07:59", None),
        ("08:00-19:00", "2026-11-25 08:00", "2026-11-25 19:00"),
        ("08:00-19:00", "2026-11-25 19:00", None),
        ("22:00-06:00", "2026-11-25 23:00", "2026-11-26 06:00"),
        ("22:00-06:00", "2026-11-26 05:59", "2026-11-26 06:00"),
        ("22:00-06:00", "2026-11-26 06:00", None),
        ("00:00-00:00", "2026-11-25 12:00", "2026-11-26 00:00"),
        ("Mon-Fri 08:00-19:00", "2026-11-28 12:00", None),  # a Saturday
        ("Mon-Fri 08:00-19:00", "2026-11-27 12:00", "2026-11-27 19:00"),
        ("Fri-Mon 08:00-19:00", "2026-11-29 12:00", "2026-11-29 19:00"),
        ("Fri 22:00-06:00", "2026-11-28 01:00", "2026-11-28 06:00"),  # the night after Friday
        ("Sat 22:00-06:00", "2026-11-28 01:00", None),
    ],
)
def test_quiet_hours_are_those_of_their_days_and_zone(hours: str, moment: str, until: str | None) -> None:
    found = Quiet.of(hours, "Asia/Tokyo").until(at(moment).astimezone(ZoneInfo("Europe/Berlin")))
    assert found == (None if until is None else at(until))


@given(st.lists(st.tuples(st.integers(1, 300), st.integers(1, 5_000_000)), min_size=1, max_size=20))
def test_no_more_goes_than_either_measure_allows(batches: list[tuple[int, int]]) -> None:
    time = Time()
    pace = time.pace(Pacing(mails_per_minute=60), Pacing(mb_per_minute=3))
    for mails, size in batches:
        before = time.passed
        assert pace.turn(mails, size, Event())
        assert time.passed >= before
    *sent, _last = batches
    mails, size = (sum(each) for each in zip(*sent, strict=True)) if sent else (0, 0)
    assert time.passed >= max(mails / 60, size / 3e6) * 60 - 0.001


def test_the_least_number_of_lanes_counts() -> None:
    assert Pace([Pacing(lanes=3), Pacing(lanes=2), Pacing()]).lanes(4) == 2
    assert Pace([Pacing(lanes=8)]).lanes(4) == 4


def test_a_word_is_heard_while_a_slow_batch_waits_for_its_turn() -> None:
    time, stop = Time(), Event()
    pace = time.pace(
        Pacing(mails_per_minute=1), word=lambda: Reason("wave.paused", wave="w") if time.passed > 10 else None
    )
    assert pace.turn(60, 1, stop)
    assert not pace.turn(1, 1, stop)
    assert stop.is_set()
    assert time.passed < 13
    assert isinstance(pace.stopped, UsageError)


# -- a load that keeps to it -------------------------------------------------------------------------------------------


def laid(way: Road, staging: Staging, mails: int) -> None:
    for number in range(mails):
        way.old.add("sato", ("INBOX",), mail(str(number)))
    way.extract(staging)


def test_a_load_that_is_done_when_quiet_hours_begin_is_done(staging: Staging) -> None:
    with road() as way:
        laid(way, staging, 10)
        time = Time(began=at("2026-11-25 07:58"))
        way.new.interrupt = lambda moment: time.sleep(30) if moment == "delivered" else None
        way.load(staging, pace=time.pace(Pacing(quiet="08:00-19:00", zone="Asia/Tokyo")))
        way.new.interrupt = lambda moment: None
        assert len(way.new.mails("sato", ("INBOX",))) == 10


def test_a_load_ends_when_quiet_hours_begin_and_the_next_one_brings_the_rest(staging: Staging) -> None:
    with road() as way:
        laid(way, staging, 200)
        time = Time(began=at("2026-11-25 07:58"))
        keeps = Pacing(mails_per_minute=30, quiet="08:00-19:00", zone="Asia/Tokyo")
        with pytest.raises(Outage) as ended:
            way.load(staging, pace=time.pace(keeps))
        assert ended.value.reason.code == "load.quiet-hours"
        assert 11 * 3600 - 60 <= (ended.value.retry_after or 0) <= 11 * 3600
        first = len(way.new.mails("sato", ("INBOX",)))
        assert 0 < first < 200
        with pytest.raises(Outage):
            way.load(staging, pace=time.pace(keeps))
        assert len(way.new.mails("sato", ("INBOX",))) == first
        time.passed += 11 * 3600 + 60
        way.load(staging, pace=time.pace(keeps))
        assert len(way.new.mails("sato", ("INBOX",))) == 200
        assert way.ledger(staging).closed
