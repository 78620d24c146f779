"""The ways in which programs have written a moment down, and the zones they meant."""

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Clock = Callable[[str], datetime]
"""Reads a cell as a moment, naive where it names no zone. Raises ValueError or OverflowError."""


def clock(form: str, pattern: str | None, since: int | None) -> Clock:
    """What reads cells of that form; `pattern` and `since` are those of strptime."""
    return _parser(pattern, since) if pattern is not None else _CLOCKS[form]


def zone(name: str) -> tzinfo:
    """The time zone of that name or offset. Raises ValueError where there is none."""
    if offset := re.fullmatch(r"([+-])(\d\d):(\d\d)", name):
        distance = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-distance if offset[1] == "-" else distance)
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError as error:
        raise ValueError(name) from error


# -- counts ----------------------------------------------------------------------------------------------------------

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FILETIME = datetime(1601, 1, 1, tzinfo=UTC)
"""[MS-DTYP] 2.3.3: tenths of a microsecond since then."""
_OLE = datetime(1899, 12, 30)  # noqa: DTZ001 - [MS-OAUT] 2.2.25: days since then, by the clock on the wall


def _ole(cell: str) -> datetime:
    return _OLE + timedelta(seconds=round(float(cell) * 86400))


# -- Japanese eras ---------------------------------------------------------------------------------------------------

_ERAS = {
    era: start
    for eras, start in (
        (("明治", "明", "M", "1"), date(1868, 1, 25)),
        (("大正", "大", "T", "2"), date(1912, 7, 30)),
        (("昭和", "昭", "S", "3"), date(1926, 12, 25)),
        (("平成", "平", "H", "4"), date(1989, 1, 8)),
        (("令和", "令", "R", "5"), date(2019, 5, 1)),
    )
    for era in eras
}
"""Names of eras, and the digits that stand for them in seven-digit dates (JIS X 0301) -> their first days."""

_TIME = r"(?:[\sT]*(?:(午前|午後)\s*)?(\d{1,2})[:時]\s*(\d{1,2})(?:[:分]\s*(\d{1,2})秒?|分?))?"
_WAREKI = re.compile(
    r"(明治|大正|昭和|平成|令和|[明大昭平令MTSHR])"
    r"\s*(元|\d{1,2})\s*[年./-]\s*(\d{1,2})\s*[月./-]\s*(\d{1,2})日?" + _TIME
)
LONGEST = 200
"""Letters that such a date may have."""
_COMPACT = re.compile(r"([MTSHR1-5])(\d\d)(\d\d)(\d\d)" + _TIME)


def _wareki(cell: str) -> datetime:
    """A date of an era; one that goes on beyond its end is meant (平成32年), one before its beginning is none."""
    if len(cell) > LONGEST:  # to put accents in order takes the square of their number
        raise ValueError(cell[:LONGEST])
    text = unicodedata.normalize("NFKC", cell).strip().upper()
    found = _WAREKI.fullmatch(text) or _COMPACT.fullmatch(text)
    if found is None:
        raise ValueError(cell)
    era, year, month, day, half, hour, minute, second = found.groups()
    start = _ERAS[era]
    count = 1 if year == "元" else int(year)
    hours = int(hour or 0) % 12 + (12 if half == "午後" else 0) if half else int(hour or 0)
    at = datetime(start.year + count - 1, int(month), int(day), hours, int(minute or 0), int(second or 0))  # noqa: DTZ001
    if not count or at.date() < start:
        raise ValueError(cell)
    return at


_CLOCKS: dict[str, Clock] = {
    "epoch": lambda cell: _EPOCH + timedelta(seconds=int(cell)),
    "epoch-ms": lambda cell: _EPOCH + timedelta(milliseconds=int(cell)),
    "epoch-hex": lambda cell: _EPOCH + timedelta(seconds=int(cell, 16)),
    "filetime": lambda cell: _FILETIME + timedelta(microseconds=int(cell) // 10),
    "ole": _ole,
    "wareki": _wareki,
}


# -- strptime --------------------------------------------------------------------------------------------------------

_DIRECTIVES = ("%Y", "%m", "%d", "%H", "%M", "%S")


def is_plain(pattern: str) -> bool:
    """Whether a pattern is plain numbers from the year down."""
    directives = re.findall("%.", pattern)
    return len(directives) >= 3 and tuple(directives) == _DIRECTIVES[: len(directives)]


def _parser(pattern: str, since: int | None) -> Clock:
    """strptime; and where the pattern is plain numbers from the year down, the same ten times as fast."""
    if not is_plain(pattern):
        return lambda cell: datetime.strptime(cell, pattern)  # noqa: DTZ007 - the caller gives it its zone
    first, *parts = re.split("(%.)", pattern)
    between = parts[1::2]
    # Where nothing parts them, numbers have their full width; and strptime takes any blanks for a blank.
    digits = r"(\d\d?)" if all(between[:-1]) else r"(\d\d)"
    literals = [re.sub(r"(\\?\s)+", r"\\s+", re.escape(each)) for each in (first, *between)]
    year = r"(\d{4})" if since is None else r"(\d{1,5})"
    numbers = re.compile(literals[0] + year + digits.join(literals[1:]), re.ASCII)

    def parse(cell: str) -> datetime:
        found = numbers.fullmatch(cell)
        if found is None:
            raise ValueError(cell)
        year, *rest = map(int, found.groups())
        return datetime(year if since is None else _counted(year, since), *rest)  # type: ignore[arg-type]  # noqa: DTZ001

    return parse


def _counted(year: int, since: int) -> int:
    """A year that was counted from `since` and written as such, or behind the digits of a century: 109, 19109."""
    if year < 1000:
        return since + year
    return year if year < 10000 else since + year % 1000
