"""What a column's cells match: the dates of the mails, the marks that answered mails bear, known names of folders."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from adapters.groupware.values import Date
from migrator.model import ANSWERED, DRAFT, SEEN, Flag, Role

PATTERNS = tuple(
    day + between + clock
    for day in ("%Y/%m/%d", "%Y-%m-%d", "%Y.%m.%d", "%Y%m%d", "%d/%m/%Y")
    for between in (" ", "T", "")
    for clock in ("%H:%M:%S", "%H:%M", "%H%M%S")
)
ROLES: Mapping[str, Role] = {
    name: role
    for role, names in {
        Role.INBOX: ("受信箱", "受信トレイ", "受信", "inbox"),
        Role.SENT: ("送信済み", "送信箱", "送信済みトレイ", "送信", "sent", "outbox", "sent items"),
        Role.DRAFTS: ("下書き", "草稿", "draft", "drafts"),
        Role.TRASH: ("ごみ箱", "ゴミ箱", "削除済み", "trash", "deleted items"),
        Role.JUNK: ("迷惑メール", "スパム", "junk", "spam"),
    }.items()
    for name in names
}
"""Names that folders of a role have everywhere."""

QUARTER = 900


class Dated(NamedTuple):
    """How a column's dates are written, how far from UTC their clock goes, and how many agree with the mails."""

    read: Date
    agreeing: int
    of: int

    @property
    def share(self) -> float:
        return self.agreeing / self.of


def dated(cells: Sequence[str], dates: Sequence[datetime | None]) -> Dated | None:
    """The way of writing by which most cells are the Date of their mails, in whatever zone; None where none is."""
    pairs = [(cell, date) for cell, date in zip(cells, dates, strict=True) if cell and date is not None]
    found = [each for read in _ways(cells) if (each := _agreeing(read, pairs)) is not None]
    return max(found, key=lambda each: (each.agreeing, "%S" in (each.read.pattern or "%S")), default=None)


def _ways(cells: Sequence[str]) -> list[Date]:
    few = [cell for cell in cells if cell][:20]
    if few and all(re.fullmatch(r"\d{9,13}", cell) for cell in few):
        return [Date(kind="date", format="epoch"), Date(kind="date", format="epoch-ms")]
    return [
        Date(kind="date", format="strptime", pattern=pattern, zone="+00:00")
        for pattern in PATTERNS
        if few and sum(_reads(pattern, cell) for cell in few) * 2 > len(few)
    ]


def _reads(pattern: str, cell: str) -> bool:
    try:
        datetime.strptime(cell, pattern)  # noqa: DTZ007 - only whether it can be read
    except ValueError:
        return False
    return True


def _agreeing(read: Date, pairs: Sequence[tuple[str, datetime]]) -> Dated | None:
    reader, quarters = read.reader(), Counter[int]()
    for cell, date in pairs:
        try:
            at = reader(cell)
        except ValueError:
            continue
        if at is None:
            continue
        apart = (at - date.astimezone(UTC)).total_seconds()
        nearest = round(apart / QUARTER)
        if abs(apart - nearest * QUARTER) <= 120:
            quarters[nearest] += 1
    if not quarters:
        return None
    nearest, count = quarters.most_common(1)[0]
    if count < len(pairs) * 0.6 or count < 3 or abs(nearest) > 56 or (read.format != "strptime" and nearest):
        return None
    if read.format == "strptime":
        read = read.model_copy(update={"zone": _offset(timedelta(seconds=nearest * QUARTER))})
    return Dated(read, count, len(pairs))


def _offset(apart: timedelta) -> str:
    minutes = int(apart.total_seconds() // 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


class Meaning(NamedTuple):
    """What a mark seems to stand for, and how sure that is."""

    flag: Flag
    sure: float


class Marks(NamedTuple):
    """A column of marks: how they are written, what some of them seem to mean, how often each stands there."""

    written: str
    meanings: dict[str, Meaning]
    counts: Counter[str]


class Traits(NamedTuple):
    """What is known of a mail without its row."""

    answered: bool
    role: Role | None


def marks(cells: Sequence[str], traits: Sequence[Traits]) -> Marks | None:
    """The column as marks; None where it cannot be one."""
    filled = [cell for cell in cells if cell]
    if len({*filled}) < 3 or len({*filled}) > 64:
        return None
    if all(re.fullmatch(r"\d{1,5}", cell) for cell in filled):
        written, split = "bits", [_bits(cell) for cell in cells]
    elif all(re.fullmatch(r"[A-Za-z]{1,8}", cell) and len({*cell}) == len(cell) for cell in filled):
        written, split = "letters", [frozenset(cell) for cell in cells]
    else:
        return None
    counts = Counter(mark for each in split for mark in each)
    if not 2 <= len(counts) <= 12 or len({*filled}) == len(counts) == sum(len(cell) == 1 for cell in {*filled}):
        return None
    return Marks(written, _meanings(split, traits, counts), counts)


def _bits(cell: str) -> frozenset[str]:
    number = int(cell or "0")
    return frozenset(str(1 << bit) for bit in range(number.bit_length()) if number >> bit & 1)


def _meanings(split: Sequence[frozenset[str]], traits: Sequence[Traits], counts: Counter[str]) -> dict[str, Meaning]:
    """Each flag goes to the mark that stands where the mails' own evidence wants it, and nearly nowhere else."""
    found: dict[str, Meaning] = {}
    wanted = {
        ANSWERED: [each.answered for each in traits],
        DRAFT: [each.role is Role.DRAFTS for each in traits],
    }
    for flag, there in wanted.items():
        scores = {mark: _agreement([mark in each for each in split], there) for mark in counts if mark not in found}
        best = max(scores, key=lambda mark: scores[mark], default=None)
        if best is not None and scores[best] >= 0.6:
            found[best] = Meaning(flag, scores[best])
    read = [each for each, trait in zip(split, traits, strict=True) if trait.answered or trait.role is Role.SENT]
    for mark, count in counts.most_common(1):
        share = sum(mark in each for each in read) / len(read) if read else 0
        if mark not in found and share >= 0.95 and count <= len(split) * 0.98:
            found[mark] = Meaning(SEEN, 0.6 * share)
    return found


def _agreement(ours: Sequence[bool], theirs: Sequence[bool]) -> float:
    """How much two sets are the same (F1)."""
    both = sum(a and b for a, b in zip(ours, theirs, strict=True))
    return 2 * both / (sum(ours) + sum(theirs)) if both else 0.0
