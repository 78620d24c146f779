"""The line that begins a mail in an mbox: `From sender@example.co.jp Mon Nov  2 09:15:00 2009` (RFC 4155)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

LINE = 1000
"""Bytes of a line that are looked at: a From_ line is never longer."""

_MONTHS = {name: number for number, name in enumerate(b"jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
_HOURS = {b"UT": 0, b"UTC": 0, b"GMT": 0, b"Z": 0, b"JST": 9, b"KST": 9, b"CET": 1, b"CEST": 2, b"BST": 1}
_HOURS |= {b"EST": -5, b"EDT": -4, b"CST": -6, b"CDT": -5, b"MST": -7, b"MDT": -6, b"PST": -8, b"PDT": -7}

_ZONE = rb"(?:[ \t]+\(?([+-]\d{4}|[A-Z]{1,5})\)?)?"
_CLOCK = rb"(\d{1,2}):(\d\d)(?::(\d\d))?"
_ASCTIME = rb"([A-Z][a-z]{2})[ \t]+(\d{1,2})[ \t]+" + _CLOCK + _ZONE + rb"[ \t]+(\d{4})" + _ZONE
_RFC822 = rb"(\d{1,2})[ \t-]+([A-Z][a-z]{2})[ \t-]+(\d{4})[ \t]+" + _CLOCK + _ZONE
_LINE = re.compile(
    rb"From (?P<sender>.*?)[ \t]*\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?[ \t]+(?:" + _ASCTIME + rb"|" + _RFC822 + rb")"
    rb"(?:[ \t]+remote from .*)?[ \t]*\r?\n?"
)


@dataclass(frozen=True, slots=True)
class FromLine:
    """What a From_ line says."""

    sender: bytes
    at: datetime


def from_line(line: bytes, zone: tzinfo = UTC) -> FromLine | None:
    """Read a line as a From_ line; None where it is none. `zone` is the server's own, for lines that name none."""
    if len(line) > LINE or not (match := _LINE.fullmatch(line)):
        return None
    sender, month, day, hour, minute, second, before_year, year, after_year = match.groups()[:9]
    if month is None:
        day, month, year, hour, minute, second, after_year = match.groups()[9:]
    if month.lower() not in _MONTHS:
        return None
    try:
        # a leap second is the second before it
        clock = datetime(
            *(int(year), _MONTHS[month.lower()], int(day), int(hour), int(minute), min(int(second or 0), 59)),
            tzinfo=_zone(after_year or before_year, zone),
        )
        return FromLine(sender, clock.astimezone(UTC))
    except (ValueError, OverflowError):
        return None


def _zone(name: bytes | None, otherwise: tzinfo) -> tzinfo:
    if name is None or (name[:1] not in b"+-" and name not in _HOURS):
        return otherwise
    if name in _HOURS:
        return timezone(timedelta(hours=_HOURS[name]))
    minutes = int(name[1:3]) * 60 + int(name[3:5])
    return timezone(timedelta(minutes=-minutes if name.startswith(b"-") else minutes))
