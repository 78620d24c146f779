"""Dates as they stand in headers, and which of several to believe."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from migrator.japanese import decode_header
from migrator.mail.scan import chosen, fields_named
from migrator.model import DateSource, Evidence

JAPAN = timezone(timedelta(hours=9))
"""The zone of a date that names none, or an impossible one: these stores were filled in Japan."""

EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
"""A date before it is a clock that was not set or a field that was empty."""

LATEST = datetime(2100, 12, 31, tzinfo=UTC)

NO_DATE = Evidence(DateSource.NONE, datetime(1980, 1, 1, tzinfo=UTC))

LENGTH = 300
"""Bytes of a value in which a date is looked for."""


def plausible(at: datetime) -> bool:
    """Whether a time can be a mail's: aware, from the second day of 1970 to the end of 2100."""
    return at.tzinfo is not None and 1970 <= at.year <= 2100 and (at.year > 1970 or at >= EARLIEST)


def received_at(head: bytes, dates: Sequence[Evidence], *, until: datetime = LATEST) -> Evidence:
    """When the mail was received, by the best plausible evidence (laws.md §5); never the time of this run.

    Order: spool, the topmost Received field that can be read, index, Date, file name, neighbour, NO_DATE. Nothing can
    have been received after `until`; some servers make such a time their own now (Dovecot 2.3 tried).
    """
    for source in DateSource:
        for evidence in (*_read_off(head, source), *(each for each in dates if each.source is source)):
            if plausible(evidence.at) and evidence.at <= until:
                return evidence
    return NO_DATE


_FIELDS = {DateSource.RECEIVED: fields_named("received"), DateSource.DATE: fields_named("date")}


def _read_off(head: bytes, source: DateSource) -> Iterator[Evidence]:
    if source in _FIELDS:
        for _, value in chosen(head, _FIELDS[source]):
            # RFC 5321 §4.4: the date of a Received field follows its last semicolon.
            if at := parse_date(value.rpartition(b";")[2][-LENGTH:]):
                yield Evidence(source, at)
                return


# -- reading -------------------------------------------------------------------------------------------------------

_MONTHS = {"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6}
_MONTHS |= {"jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12}
_ERAS = {"明治": 1867, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018}
_ERAS |= {"M": 1867, "T": 1911, "S": 1925, "H": 1988, "R": 2018}
_ZONES = {
    "JST": 9,
    "TST": 9,
    "KST": 9,
    "HKT": 8,
    "SGT": 8,
    "CET": 1,
    "MET": 1,
    "CEST": 2,
    "MEST": 2,
    "BST": 1,
    "MSK": 3,
}
_ZONES |= {"TOKYO": 9, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}

# What nine mails of ten have (RFC 5322 §3.3).
_USUAL_MONTHS = {name.title().encode(): number for name, number in _MONTHS.items()}
_USUAL = re.compile(rb"(\d{1,2}) (" + b"|".join(_USUAL_MONTHS) + rb") (\d{4}) (\d\d):(\d\d):(\d\d) ([+-]\d{4})(?!\d)")

_CLOCK = (
    r"(?P<half>午前|午後)?\s?(?P<hour>\d{1,2})\s?[:.時]\s?(?P<minute>\d{1,2})(?:\s?[:.分]\s?(?P<second>\d{1,2}))?"
    r"(?:[.,]\d{1,9}|[分秒])?(?:\s?(?P<late>[AaPp][Mm])\b)?"
)
_ZONE = r"\s?\(?(?P<zone>(?:GMT|UTC?)?\s?[+-]\d{1,2}(?::?\d{2})?(?!\d)|0000\b|[A-Za-z][A-Za-z0-9]{0,19}\b)?"
_MONTH = r"(?P<month>(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}|\d{1,2}月)"
_WEEKDAY = r"(?:\s?\(.{1,3}\)|\s?[A-Za-z]{3}\b,?)?"
_MARKS = r"[-/.年]\s?(?P<month>\d{1,2})\s?[-/.月]\s?(?P<day>\d{1,2})日?"
_FORMS = [
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"(?<!\d)(?P<day>\d{{1,2}})[ -]{{1,3}}{_MONTH}\.?,?[ -]{{1,3}}(?P<year>\d{{2,5}}),?\s{{1,3}}{_CLOCK}{_ZONE}",
        # asctime, with or without a zone before the year; then the American order
        rf"{_MONTH}\.?\s{{1,3}}(?P<day>\d{{1,2}})\s{{1,3}}{_CLOCK}{_ZONE}\s{{1,3}}(?P<year>\d{{4}})",
        rf"{_MONTH}\.?\s{{1,3}}(?P<day>\d{{1,2}}),?\s{{1,3}}(?P<year>\d{{4}}),?\s{{1,3}}{_CLOCK}{_ZONE}",
        rf"(?<!\d)(?P<year>\d{{4}})\s?{_MARKS}{_WEEKDAY}(?:[T\s]\s?{_CLOCK}{_ZONE})?",
        rf"(?<![a-z])(?P<era>明治|大正|昭和|平成|令和|[MTSHR])\.?\s?(?P<year>元|\d{{1,2}})\s?{_MARKS}"
        rf"{_WEEKDAY}(?:\s?{_CLOCK}{_ZONE})?",
    )
]


def parse_date(value: bytes) -> datetime | None:
    """The aware time a Date field means, or None where it says none that is plausible.

    Read are RFC 5322 with its obsolete forms, asctime, ISO 8601, slashes, and Japanese years (平成13年…, H13.1.2).
    A time zone that is missing or impossible is Japan's; -0000 and unknown names are UTC (RFC 5322 §4.3).
    """
    if usual := _USUAL.search(value, 0, LENGTH):
        day, month, year, hour, minute, second, zone = usual.groups()
        return _at(
            _year(year.decode()),
            _USUAL_MONTHS[month],
            int(day),
            int(hour),
            int(minute),
            int(second),
            _zone(zone.decode()),
        )
    # full-width digits and ㍻ become plain ones; runs of blanks one
    text = " ".join(unicodedata.normalize("NFKC", decode_header(value[:LENGTH])).split())
    said = (text, _COMMENT.sub("", text)) if "(" in text else (text,)
    return next(filter(None, (_by_form(each) for each in said)), None)


_COMMENT = re.compile(r"\([^()]*\)")  # read as one only where that gives a date: zones and weekdays stand in brackets


def _by_form(text: str) -> datetime | None:
    for form in _FORMS:
        if (match := form.search(text)) and (at := _of(match)):
            return at
    return None


_NAMED = re.compile(
    rb"(?<!\d)(19[7-9]\d|20\d\d)([-_.]?)(\d\d)\2(\d\d)"
    rb"(?:[-_T. ]?(\d\d)[-_.:]?(\d\d)(?:[-_.:]?(\d\d)(?:[-_.]?\d{3})?)?)?(?!\d)"
)


def date_in_name(name: bytes) -> datetime | None:
    """The time that a file's name tells (`20010102-123456_7.eml`, `2001-01-02 見積.eml`), by Japan's clock; a day alone
    is its first moment. Other numbers that happen to be long are none."""
    for found in _NAMED.finditer(name[:LENGTH]):
        year, _, month, day, *clock = found.groups()
        hour, minute, second = (int(each or 0) for each in clock)
        if at := _at(int(year), int(month), int(day), hour, minute, second, JAPAN):
            return at
    return None


def _of(match: re.Match[str]) -> datetime | None:
    said = match.groupdict()
    month = said["month"].removesuffix("月")
    number = int(month) if month.isdigit() else _MONTHS[month[:3].lower()]
    hour = int(said["hour"] or 0)
    half = (said["half"] or said["late"] or "").lower()
    if half:
        hour = hour % 12 + (12 if half in ("午後", "pm") else 0)
    year = _ERAS[said["era"].upper()] + int(said["year"].replace("元", "1")) if said.get("era") else _year(said["year"])
    return _at(
        year, number, int(said["day"]), hour, int(said["minute"] or 0), int(said["second"] or 0), _zone(said["zone"])
    )


def _year(digits: str) -> int:
    """RFC 5322 §4.3 for two and three digits; 0100 and 19100 are how 2000 looked to programs that counted from 1900."""
    year = int(digits)
    if len(digits) == 2:
        return year + (2000 if year < 50 else 1900)
    if year < 1000:
        return year + 1900
    return year - 17100 if 19100 <= year < 19200 else year


def _at(year: int, month: int, day: int, hour: int, minute: int, second: int, zone: timezone) -> datetime | None:
    midnight = hour == 24 and minute == 0
    try:
        at = datetime(year, month, day, 0 if midnight else hour, minute, min(second, 59), tzinfo=zone)
    except ValueError:
        return None
    if not plausible(at):
        return None
    return at + timedelta(days=1) if midnight else at


@lru_cache(maxsize=1024)
def _zone(said: str | None) -> timezone:
    if not said:
        return JAPAN
    name = said.upper().replace(" ", "")
    if name in _ZONES:
        return timezone(timedelta(hours=_ZONES[name]))
    if not (offset := re.search(r"([+-])(\d{1,2}):?(\d{2})?$", name)):
        return UTC
    hours, minutes = int(offset[2]), int(offset[3] or 0)
    if hours > 14 or minutes > 59:
        return JAPAN
    return timezone(timedelta(hours=hours, minutes=minutes) * (-1 if offset[1] == "-" else 1))
