"""The 診断書 of the old system: who holds what, how it grows, what of it is marketing, what is broken, who waits."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from migrator.errors import Reason
from migrator.mail import Health
from migrator.model import Verdict
from migrator.shared.standing import Standing
from migrator.staging.inventory import Copies, copies, mails
from migrator.staging.reports import faults
from migrator.staging.store import Staging

TOP = 10
"""So many of the largest are named; the rest is one line."""

YEAR = 12
"""Months by which growth is measured: a year holds every season."""

WORKDAYS = 240
SECONDS = 4
"""Of a person's time for a marketing mail that is recognised and passed over; the report says that it is assumed."""

SOUND = frozenset({Health.OK, Health.ENCRYPTED, Health.PLACEHOLDER})
"""What is as it was written, though nobody may be able to read it."""

Month = tuple[int, int]


@dataclass(slots=True)
class Tally:
    """Mails and their bytes."""

    mails: int = 0
    bytes: int = 0

    def add(self, size: int) -> None:
        self.mails += 1
        self.bytes += size


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk that the old store lies on, in bytes."""

    size: int
    free: int


@dataclass(frozen=True, slots=True)
class Queue:
    """How many conversations of a shared inbox wait for an answer, how many of them came by a mailing list, and since
    when the first of the others does."""

    inbox: str
    waiting: int
    lists: int
    oldest: datetime | None


@dataclass(slots=True)
class Survey:
    """Everything the report says, counted once."""

    today: date
    total: Tally = field(default_factory=Tally)
    accounts: dict[str, Tally] = field(default_factory=dict)
    months: dict[Month, Tally] = field(default_factory=dict)
    marketing: Tally = field(default_factory=Tally)
    marketing_months: dict[Month, Tally] = field(default_factory=dict)
    senders: dict[str, Tally] = field(default_factory=dict)
    judged: int = 0
    broken: Counter[Health] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Reason] = field(default_factory=dict)
    """The first fault of each kind."""
    copies: Copies = field(default_factory=lambda: Copies(0, 0))
    queues: Sequence[Queue] = ()
    disk: Disk | None = None

    # -- what follows from it ------------------------------------------------------------------------------------------

    def largest(self) -> list[tuple[str, Tally]]:
        """The accounts that hold most."""
        return _largest(self.accounts)

    def loudest(self) -> list[tuple[str, Tally]]:
        """The senders of most marketing."""
        return _largest(self.senders)

    @property
    def until(self) -> Month:
        """The last whole month that has mail: an old store may have been read from a copy."""
        this = self.today.year, self.today.month
        return max((month for month in self.months if month < this), default=this)

    def last_year(self, of: Mapping[Month, Tally]) -> Tally:
        """The twelve months up to then."""
        found = Tally()
        for month in _up_to(self.until, YEAR):
            its = of.get(month, Tally())
            found.mails, found.bytes = found.mails + its.mails, found.bytes + its.bytes
        return found

    @property
    def full_in(self) -> int | None:
        """Months until the disk is full at the pace of that year; None where it is unknown or will never be."""
        pace = self.last_year(self.months).bytes / YEAR
        return None if self.disk is None or pace <= 0 else int(self.disk.free / pace)

    @property
    def full_by(self) -> date | None:
        """The first day of the month in which the disk is full."""
        if self.full_in is None:
            return None
        month = self.today.year * 12 + self.today.month - 1 + self.full_in
        return date(month // 12, month % 12 + 1, 1) if month < 12 * 9999 else None

    @property
    def share(self) -> float | None:
        """Marketing's share of all mails that were judged."""
        return self.marketing.mails / self.judged if self.judged else None

    @property
    def damaged(self) -> int:
        """Files that are not what they should be, and those that nobody can read at all."""
        return sum(self.broken.values()) + sum(self.faults.values())

    @property
    def waiting(self) -> int:
        """Customers who wait; lists do not."""
        return sum(each.waiting - each.lists for each in self.queues)

    @property
    def oldest(self) -> datetime | None:
        return min((each.oldest for each in self.queues if each.oldest), default=None)

    @property
    def hours_a_year(self) -> int:
        """What passing over marketing mail costs everybody together."""
        return round(self.last_year(self.marketing_months).mails * SECONDS / 3600)

    @property
    def a_day_each(self) -> float:
        """Marketing mails a person gets on a working day."""
        people = sum(1 for name in self.accounts if name)
        return self.last_year(self.marketing_months).mails / WORKDAYS / max(1, people)


def survey(staging: Staging, standings: Mapping[str, Standing], disk: Disk | None, today: date) -> Survey:
    """Count everything in one pass over what is staged; `standings` tell how the shared inboxes stand."""
    found = Survey(today, disk=disk)
    for each in mails(staging):
        found.total.add(each.size)
        found.accounts.setdefault(each.account, Tally()).add(each.size)
        month = None if each.at is None else _month(each.at)
        if month is not None:
            found.months.setdefault(month, Tally()).add(each.size)
        if each.health not in SOUND:
            found.broken[each.health] += 1
        found.judged += each.proposal is not None
        if each.proposal == Verdict.PARK:
            found.marketing.add(each.size)
            found.senders.setdefault(each.stream, Tally()).add(each.size)
            if month is not None:
                found.marketing_months.setdefault(month, Tally()).add(each.size)
    for line in faults(staging):
        found.faults[line["reason"].code] += 1
        found.examples.setdefault(line["reason"].code, line["reason"])
    found.copies = copies(staging)
    found.queues = [_queue(each) for each in standings.values()]
    return found


def _queue(its: Standing) -> Queue:
    last = [each.last for each in its.unanswered if each.last is not None]
    people = [each.at for each in last if not each.is_bulk]
    return Queue(its.inbox.name, len(last), len(last) - len(people), min(people, default=None))


def _largest(of: Mapping[str, Tally]) -> list[tuple[str, Tally]]:
    return sorted(of.items(), key=lambda each: (-each[1].bytes, each[0]))[:TOP]


def _month(at: datetime) -> Month:
    local = at.astimezone()
    return local.year, local.month


def _up_to(last: Month, months: int) -> Iterator[Month]:
    """So many months, oldest first; the last of them too."""
    end = last[0] * 12 + last[1]
    for number in range(end - months, end):
        yield number // 12, number % 12 + 1
