"""The only words of a command line that come from outside: flags, dates, names and numbers (laws.md §9).

Each is built here from whitelisted characters, and nowhere else; what does not fit is refused before anything is sent.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from adapters.utf7 import decode, encode
from migrator.model import ANSWERED, DELETED, DRAFT, FLAGGED, FORWARDED, MDN_SENT, SEEN, Flag

SYSTEM = (SEEN, ANSWERED, FLAGGED, DRAFT)
"""The system flags a mail may be sent with: never `\\Deleted`, never `\\Recent` (laws.md §6)."""

LONGEST_KEYWORD = 50
"""Bytes: Dovecot refuses longer ones (mail_max_keyword_length)."""

_PLAIN = re.compile(r"[A-Za-z0-9$_.+\-/:;,=#@!?'^~|<>`]+")
_KEYWORD = re.compile(rf"(?:&|{_PLAIN.pattern})+\Z")

_USUAL = (*SYSTEM, DELETED, "\\Recent", FORWARDED, MDN_SENT, "$Junk", "$NotJunk", "$Phishing")
_SPELLING = {word.lower(): word for word in _USUAL}

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

FURTHEST_ZONE = 14 * 60
"""Minutes from UTC; what claims to lie further is sent as UTC, the same instant."""

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
FUTURE = timedelta(hours=1)
"""A server may put its own time in place of one that lies ahead: Dovecot beyond two hours. Nobody receives tomorrow."""


def keyword(flag: Flag) -> str | None:
    """The atom that carries a keyword, None where none can.

    An atom is ASCII; what is not is written in modified UTF-7, as Thunderbird writes its tags.
    """
    if flag.startswith("\\") or not flag:
        return None
    try:
        word = encode(flag, safe=_PLAIN).decode("ascii")
    except UnicodeEncodeError:
        return None
    return word if _is_keyword(word) else None


def _is_keyword(word: str) -> bool:
    return len(word) <= LONGEST_KEYWORD and _KEYWORD.match(word) is not None


def flag_of(word: bytes) -> Flag:
    """The flag a server's word stands for, in the usual spelling where there is one."""
    text = word.decode("ascii", "backslashreplace")
    if usual := _SPELLING.get(text.lower()):
        return usual
    if "&" in text:
        try:
            plain = decode(word)
        except ValueError:
            return text
        if keyword(plain) == text:
            return plain
    return text


def flag_list(words: Iterable[str]) -> bytes:
    """`(\\Seen work)`: what may stand in a command, checked once more at the door."""
    ordered = sorted(words)
    for word in ordered:
        if word not in SYSTEM and not _is_keyword(word):
            raise AssertionError(f"no such flag: {word!r}")
    return b"(" + " ".join(ordered).encode("ascii") + b")"


def date_time(at: datetime) -> bytes | None:
    """`" 1-Jan-2009 10:00:00 +0900"` (RFC 9051 §9, date-time); None for a time no server can be trusted to keep."""
    if at.tzinfo is None or not EARLIEST.year - 1 <= at.year < 9999:
        return None
    offset = at.utcoffset() or timedelta()
    minutes, rest = divmod(offset.days * 86400 + offset.seconds, 60)
    if rest or offset.microseconds or abs(minutes) > FURTHEST_ZONE:
        at, minutes = at.astimezone(UTC), 0
    if at < EARLIEST or at > datetime.now(UTC) + FUTURE:
        return None
    sign, minutes = ("-", -minutes) if minutes < 0 else ("+", minutes)
    day = f"{at.day:2d}-{MONTHS[at.month - 1]}-{at.year}"
    return f'"{day} {at.hour:02d}:{at.minute:02d}:{at.second:02d} {sign}{minutes // 60:02d}{minutes % 60:02d}"'.encode()


_DATE = re.compile(r" ?(\d{1,2})-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-]\d{4})\Z")


def received_at(text: bytes) -> datetime:
    """An INTERNALDATE as a time. Raises ValueError."""
    found = _DATE.match(text.decode("ascii", "replace"))
    if not found:
        raise ValueError("no date")
    day, month, year, hour, minute, second, zone = found.groups()
    number = MONTHS.index(month.title()) + 1
    return datetime.fromisoformat(f"{year}-{number:02d}-{int(day):02d}T{hour}:{minute}:{min(second, '59')}{zone}")


def quoted(name: bytes) -> bytes:
    """A name or string as a quoted string. Raises ValueError for control characters, which none can hold."""
    if re.search(rb"[\x00-\x1f\x7f]", name):
        raise ValueError("not for a quoted string")
    return b'"' + name.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


_PERSON = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+/@-]*")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
_NOBODY = {"anyone", "anonymous", "authenticated", "owner", "administrators"}
"""Identifiers that mean more than one person (RFC 4314 §2; Dovecot's own)."""


def identifier(who: str) -> bytes | None:
    """The login name of one person as RFC 4314 §3 takes it; None for what is none, or could mean more than a name.

    One that begins with `-` takes rights away, and with `$`, `#` or `!` it may stand for a group.
    """
    if not _PERSON.fullmatch(who) or who.lower() in _NOBODY or len(who) > 255:
        return None
    return quoted(who.encode("ascii"))


def base64_string(value: bytes) -> bytes:
    """A value that travels as base64, so that nothing in it is anybody's words."""
    if not _BASE64.fullmatch(value):
        raise AssertionError("no base64")
    return quoted(value)


def number_set(numbers: Sequence[int]) -> bytes:
    """Ascending numbers as a set: `3:5,9`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{first}:{last}" if first != last else f"{first}" for first, last in runs).encode()


def numbers_in(text: str) -> list[int]:
    """The numbers of a set in its own order; none where it is no set."""
    if not re.fullmatch(r"\d+(:\d+)?(,\d+(:\d+)?)*", text):
        return []
    numbers: list[int] = []
    for run in text.split(","):
        first, _, last = run.partition(":")
        one, other = sorted((int(first), int(last or first)))
        if other - one > 100_000:
            return []
        numbers.extend(range(one, other + 1))
    return numbers
