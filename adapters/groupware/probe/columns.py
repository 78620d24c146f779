"""What a column's cells match: the dates of the mails, the marks that answered mails bear, known names of folders."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from adapters.groupware.values import Date
from migrator.model import ANSWERED, DRAFT, FORWARDED, SEEN, Flag, Role

PATTERNS = tuple(
    day + between + clock
    for day in ("%Y/%m/%d", "%Y-%m-%d", "%Y.%m.%d", "%Y%m%d", "%d/%m/%Y")
    for between in (" ", "T", "")
    for clock in ("%H:%M:%S", "%H:%M:%S.%f", "%H:%M", "%H%M%S")
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

LOCAL = ("strptime", "wareki")
"""Forms that tell no zone."""


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
    if few and all(re.fullmatch(r"[0-9A-Fa-f]{8}", cell) for cell in few):
        return [Date(kind="date", format="epoch-hex")]
    if few and all(re.fullmatch(r"\d{18}", cell) for cell in few):
        return [Date(kind="date", format="filetime")]
    if few and all(re.match(r"[MTSHRmtshr明大昭平令]\D{0,2}\d{1,2}\D|\d{7}\b", cell) for cell in few):
        return [Date(kind="date", format="wareki", zone="+00:00")]
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
    local = read.format in LOCAL
    if count < len(pairs) * 0.6 or count < 3 or abs(nearest) > 56 or (nearest and not local):
        return None
    if local:
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
    base: int = 10
    until: str = ""

    @property
    def worth(self) -> float:
        """How much is known of it."""
        return 0.1 + sum(each.sure for each in self.meanings.values())


class Traits(NamedTuple):
    """What is known of a mail without its row: whether another answers it, or passes it on; whether it was written
    here; what its folder is for."""

    answered: bool
    passed_on: bool = False
    ours: bool = False
    role: Role | None = None


CODES = 4
"""Codes that a column of one code a mail may have."""
SURE = 0.6
"""How well a mark must fit what the mails tell."""


def marks(cells: Sequence[str], traits: Sequence[Traits]) -> Marks | None:
    """The column as marks; None where it cannot be one."""
    values = {*cells} - {""}
    if (found := _codes(cells, traits)) is not None:
        return found
    if not 3 <= len(values) <= 64:
        return None
    if all(re.fullmatch(r"(?!0\d{3}\Z)\d{1,5}", cell) for cell in values):
        written, split = "bits", [_bits(cell, 10) for cell in cells]
    elif all(re.fullmatch(r"[A-Za-z]{1,8}", cell) and len({*cell}) == len(cell) for cell in values):
        written, split = "letters", [frozenset(cell) for cell in cells]
    else:
        return _hexadecimal(cells, traits)
    counts = Counter(mark for each in split for mark in each)
    if not 2 <= len(counts) <= 12 or len(values) == len(counts) == sum(len(cell) == 1 for cell in values):
        return None
    return Marks(written, _meanings(split, traits, counts), counts)


def _bits(cell: str, base: int) -> frozenset[str]:
    number = int(cell or "0", base)
    return frozenset(str(1 << bit) for bit in range(number.bit_length()) if number >> bit & 1)


_HEX = re.compile(r"([0-9A-Fa-f]{4}|[0-9A-Fa-f]{8})(?:([,;:|])[ -~]*)?")


def _hexadecimal(cells: Sequence[str], traits: Sequence[Traits]) -> Marks | None:
    """Bits in digits of one width, with more behind them perhaps."""
    found = [_HEX.fullmatch(cell) for cell in cells if cell]
    told = [each for each in found if each is not None]
    if len(told) < len(found) or len({(len(each[1]), each[2]) for each in told}) != 1:
        return None
    split = [_bits(((each := _HEX.fullmatch(cell)) and each[1]) or "0", 16) for cell in cells]
    counts = Counter(mark for each in split for mark in each)
    if not 1 <= len(counts) <= 12:
        return None
    return Marks("bits", _meanings(split, traits, counts), counts, 16, told[0][2] or "")


_CODE = re.compile(r"[A-Za-z]{0,8}|\d{1,3}")


def _codes(cells: Sequence[str], traits: Sequence[Traits]) -> Marks | None:
    """One code a mail, of which one says that it was read, answered or passed on, and the other that it was not."""
    counts = Counter(cells)
    if not 2 <= len(counts) <= CODES or min(counts.values()) < 3 or not all(map(_CODE.fullmatch, counts)):
        return None
    split = [frozenset({cell}) for cell in cells]
    found = _meanings(split, traits, counts)
    if [each.flag for each in found.values()] not in ([SEEN], [ANSWERED], [FORWARDED]):
        return None
    (mark,) = found
    if len(counts) == 2:
        found |= {other: Meaning("", found[mark].sure) for other in counts if other != mark}
    return Marks("code", found, counts)


def _meanings(split: Sequence[frozenset[str]], traits: Sequence[Traits], counts: Counter[str]) -> dict[str, Meaning]:
    """Each flag goes to the mark that stands where the mails' own evidence wants it, and nearly nowhere else."""
    found: dict[str, Meaning] = {}
    wanted = {
        ANSWERED: [each.answered for each in traits],
        FORWARDED: [each.passed_on for each in traits],
        DRAFT: [each.role is Role.DRAFTS for each in traits],
    }
    for flag, there in wanted.items():
        scores = {mark: _agreement([mark in each for each in split], there) for mark in counts if mark not in found}
        best = max(scores, key=lambda mark: scores[mark], default=None)
        if best is not None and scores[best] >= SURE:
            found[best] = Meaning(flag, scores[best])
    if (seen := _seen(split, traits, counts)) is not None and seen[0] not in found:
        found[seen[0]] = seen[1]
    return found


def _seen(
    split: Sequence[frozenset[str]], traits: Sequence[Traits], counts: Counter[str]
) -> tuple[str, Meaning] | None:
    """What was answered, passed on or written here was read: the mark that all of these have, and not all others."""
    groups = (
        [each for each, trait in zip(split, traits, strict=True) if trait.answered or trait.passed_on],
        [each for each, trait in zip(split, traits, strict=True) if trait.ours or trait.role is Role.SENT],
    )
    told = [group for group in groups if group]
    for mark, count in counts.most_common():
        share = min((sum(mark in each for each in group) / len(group) for group in told), default=0)
        if share >= 0.95 and count <= len(split) * 0.98:
            return mark, Meaning(SEEN, SURE * share)
    return None


def _agreement(ours: Sequence[bool], theirs: Sequence[bool]) -> float:
    """How much two sets are the same (F1)."""
    both = sum(a and b for a, b in zip(ours, theirs, strict=True))
    return 2 * both / (sum(ours) + sum(theirs)) if both else 0.0
