"""Extended properties: MAPI properties by tag, by name or by number, as ExtendedFieldURI names them.

[reference] extendedfielduri
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.servers.exchange.xml import TYPES, Element, local, t, truth

SETS = {
    "Address": "00062004-0000-0000-c000-000000000046",
    "Appointment": "00062002-0000-0000-c000-000000000046",
    "CalendarAssistant": "11000e07-b51b-40d6-af21-caa85edab1d0",
    "Common": "00062008-0000-0000-c000-000000000046",
    "InternetHeaders": "00020386-0000-0000-c000-000000000046",
    "Meeting": "6ed8da90-450b-101b-98da-00aa003f1305",
    "PublicStrings": "00020329-0000-0000-c000-000000000046",
    "Sharing": "00062040-0000-0000-c000-000000000046",
    "Task": "00062003-0000-0000-c000-000000000046",
    "UnifiedMessaging": "4442858e-a9e3-4e80-b900-317a210cc15b",
}
"""The sets a client may name instead of giving their GUID; both ways it is the same property."""

Key = tuple[int] | tuple[str, str | int]
"""(tag,), (set, name) or (set, number)."""

FLAGS = (0x0E07,)
DELIVERED = (0x0E06,)
SUBMITTED = (0x0039,)
HEADERS = (0x007D,)
SIZE = (0x0E08,)
MESSAGE_ID = (0x1035,)
SUBJECT = (0x0037,)
CLASS = (0x001A,)
IMPORTANCE = (0x0017,)
SENSITIVITY = (0x0036,)
READ_RECEIPT = (0x0029,)
FLAG_STATUS = (0x1090,)
ENTRY_ID = (0x0FFF,)
FOLDER_CLASS = (0x3613,)
REPLICAS = (0x6698,)

READ, UNMODIFIED, SUBMIT, UNSENT, HAS_ATTACHMENT, FROM_ME = 1, 2, 4, 8, 0x10, 0x20
"""Bits of PidTagMessageFlags ([MS-OXCMSG] 2.2.1.6)."""

FIRST = datetime(1601, 1, 1, tzinfo=UTC)
"""The oldest time a property can hold ([MS-DTYP] 2.3.3)."""


@dataclass(frozen=True)
class Property:
    """A property as the client gave it: dates are normalised, the rest is text."""

    key: Key
    kind: str
    values: tuple[str, ...]

    @property
    def value(self) -> str:
        return self.values[0]


def key_of(path: Element) -> Key:
    """Which property an ExtendedFieldURI means."""
    if tag := path.get("PropertyTag"):
        return (int(tag, 0),)
    named = path.get("DistinguishedPropertySetId")
    group = SETS[named] if named else str(path.get("PropertySetId")).lower()
    if name := path.get("PropertyName"):
        # [MS-OXPROPS] 1.3.2: names of the set of Internet headers are compared in lower case.
        return (group, name.lower() if group == SETS["InternetHeaders"] else name)
    return (group, int(path.get("PropertyId", "0"), 0))


def parsed(given: Element) -> Property:
    """What an ExtendedProperty element says; ValueError for a value its type cannot hold."""
    path = given[0]
    kind = str(path.get("PropertyType"))
    found = given.find(f"{TYPES}Values")
    values = [each.text or "" for each in (found if found is not None else given.findall(f"{TYPES}Value"))]
    return made(key_of(path), kind, values)


def made(key: Key, kind: str, values: Iterable[str]) -> Property:
    """A property with its values normalised; ValueError for one its type cannot hold."""
    return Property(key, kind, tuple(_normal(kind.removesuffix("Array"), value) for value in values))


def shown(path: Element, one: Property) -> Element:
    """The ExtendedProperty element that answers for the path asked for; a tag is written in hexadecimal digits."""
    named = {str(name): str(value) for name, value in path.attrib.items()}
    if "PropertyTag" in named:
        named["PropertyTag"] = hex(int(named["PropertyTag"], 0))
    asked = t("ExtendedFieldURI", **named)
    values = [t("Value", value) for value in one.values]
    return t("ExtendedProperty", asked, t("Values", *values) if one.kind.endswith("Array") else values[0])


def _normal(kind: str, value: str) -> str:
    match kind:
        case "SystemTime":
            return stamp(instant(value))
        case "Boolean":
            return "true" if truth(value) else "false"
        case "Integer" | "Short" | "Long":
            return str(int(value))
        case _:
            return value


def instant(value: str) -> datetime:
    """An instant of XML Schema, to the microsecond; ValueError before 1601 or where it is none."""
    # Python 3.11 takes at most six digits of a second's fraction only when told so.
    head, point, tail = value.strip().partition(".")
    digits = len(tail) - len(tail.lstrip("0123456789"))
    when = datetime.fromisoformat(head + (f".{tail[:digits][:6]:0<6}{tail[digits:]}" if point else ""))
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    if when < FIRST:
        raise ValueError("before 1601")
    return when


def stamp(when: datetime) -> str:
    """An instant as a server writes it that does not care what its clients can parse: a fraction of nine digits."""
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{when.microsecond:06}000Z"


_last = FIRST


def now() -> datetime:
    """The time, never the same twice, with a fraction of a second in it."""
    global _last
    _last = max(datetime.now(UTC), _last + timedelta(microseconds=1))
    return _last if _last.microsecond else _last + timedelta(microseconds=1)


def is_extended(path: Element) -> bool:
    return local(path) == "ExtendedFieldURI"
