"""How fast a target is fed, and when not at all: asked between batches, by all lanes of a load together."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from threading import Event, Lock
from zoneinfo import ZoneInfo

from migrator.errors import MigratorError, Outage, Reason, UsageError
from migrator.settings import Pacing
from migrator.steps.settle import Clock

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

HEARD = 1.0
"""Seconds within which a person's word is heard, while we wait or send."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of some days in which nothing is sent; those that end before they begin end on the day after."""

    begins: time
    ends: time
    days: frozenset[int] = frozenset(range(7))
    zone: ZoneInfo | None = None

    @classmethod
    def of(cls, text: str, zone: str | None) -> "Quiet":
        """As migration.toml writes them: "08:00-19:00", "Mon-Fri 08:00-19:00"."""
        *days, hours = text.split()
        begins, ends = map(time.fromisoformat, hours.split("-"))
        which = frozenset(_days(*days[0].split("-"))) if days else frozenset(range(7))
        return cls(begins, ends, which, ZoneInfo(zone) if zone else None)

    def until(self, moment: datetime) -> datetime | None:
        """When the quiet that this moment lies in ends; None where it lies in none."""
        here = moment.astimezone(self.zone)
        for ago in (0, 1):
            day = here.date() - timedelta(days=ago)
            begins = self._at(day, self.begins)
            ends = self._at(day + timedelta(days=self.ends <= self.begins), self.ends)
            if day.weekday() in self.days and begins <= here < ends:
                return ends
        return None

    def _at(self, day: date, hour: time) -> datetime:
        naive = datetime.combine(day, hour)
        return naive.replace(tzinfo=self.zone) if self.zone else naive.astimezone()


def _days(first: str, last: str | None = None) -> Iterator[int]:
    day, end = DAYS.index(first), DAYS.index(last or first)
    yield day
    while day != end:
        day = (day + 1) % 7
        yield day


@dataclass
class Pace:
    """What all lanes of a load keep to. `word` is asked for what people say meanwhile: why it must stop, or None."""

    keeps: Sequence[Pacing] = ()
    word: Callable[[], Reason | None] = lambda: None
    clock: Clock = field(default_factory=Clock)
    today: Callable[[], datetime] = lambda: datetime.now(UTC)
    stopped: MigratorError | None = None
    """Why it has come to its end before everything was sent."""
    _free: float = 0.0
    _asked: float = float("-inf")
    _lock: Lock = field(default_factory=Lock)

    def may_go_on(self, stop: Event) -> bool:
        """Whether nobody and no hour says otherwise; else what works stops, and `stopped` says why."""
        with self._lock:
            if self.stopped is None:
                self.stopped = self._against()
            if self.stopped is not None:
                stop.set()
            return self.stopped is None

    def _against(self) -> MigratorError | None:
        now = self.clock.now()
        if now - self._asked >= HEARD:
            self._asked = now
            if why := self.word():
                return UsageError(why)
        for each in self.keeps:
            quiet = Quiet.of(each.quiet, each.zone) if each.quiet else None
            if quiet and (until := quiet.until(self.today())):
                seconds = (until - self.today()).total_seconds()
                return Outage(Reason("load.quiet-hours", until=f"{until:%Y-%m-%d %H:%M %Z}"), retry_after=seconds)
        return None

    def turn(self, mails: int, size: int, stop: Event) -> bool:
        """Wait until a batch of so many mails and bytes may be sent; whether it may."""
        wait = self._reserve(mails, size)
        while self.may_go_on(stop) and not stop.is_set():
            if wait <= 0:
                return True
            self.clock.sleep(min(wait, HEARD))
            wait -= HEARD
        return False

    def _reserve(self, mails: int, size: int) -> float:
        """Seconds until the batch's turn."""
        with self._lock:
            now = self.clock.now()
            begins = max(now, self._free)
            self._free = begins + max((_seconds(each, mails, size) for each in self.keeps), default=0.0)
            return begins - now

    def lanes(self, workers: int) -> int:
        """So many connections at the same time."""
        return min([workers, *(each.lanes for each in self.keeps if each.lanes)])


def _seconds(keeps: Pacing, mails: int, size: int) -> float:
    by_mails = mails / keeps.mails_per_minute if keeps.mails_per_minute else 0.0
    by_bytes = size / 1e6 / keeps.mb_per_minute if keeps.mb_per_minute else 0.0
    return 60 * max(by_mails, by_bytes)
