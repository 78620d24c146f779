"""What the cells of a legacy table mean: text, codes, flags and dates, each declared and never guessed."""

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field

from migrator.model import Flag
from migrator.text import storable


class Shape(BaseModel):
    """Any part of a mapping: frozen, and without room for a key that nobody reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class UnknownCode(ValueError):  # noqa: N818 - raised and caught inside this package
    """A value the mapping does not explain."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Undecodable(ValueError):  # noqa: N818 - raised and caught inside this package
    """Bytes that are not written in any of the ways the mapping says."""

    def __init__(self, written: str) -> None:
        super().__init__(written)
        self.written = written


class Unreadable(ValueError):  # noqa: N818 - raised and caught inside this package
    """A value that is not written as the mapping says."""


Cell = str | bytes
"""What a store keeps in one column of one row; bytes only where the mapping asks for them (`Bytes`)."""

Read = Callable[[Any], Any]
"""Reads one cell."""


class Text(Shape):
    """The cell as it is, without the blanks around it, as text that any database keeps.

    `charsets` are tried in their order, where a column is not written in the charset of its table.
    """

    kind: Literal["text"]
    charsets: tuple[str, ...] = ()

    def reader(self) -> Read:
        """Raises Undecodable where no charset explains the bytes."""
        return self._decoded if self.charsets else lambda cell: storable(cell.strip())

    def _decoded(self, cell: Cell) -> str:
        if isinstance(cell, str):
            return storable(cell.strip())
        for charset in self.charsets:
            try:
                return storable(cell.decode(charset).strip("\0 \t\r\n\u3000"))
            except UnicodeDecodeError:
                continue
        raise Undecodable(", ".join(self.charsets))


class Bytes(Shape):
    """Bytes, a whole mail mostly: as they are, or written in digits.

    "pg" is how PostgreSQL writes them: `\\x6d61…`, or before version 9 with an octal escape for what is no letter.
    """

    kind: Literal["bytes"]
    written: Literal["raw", "hex", "base64", "pg"] = "raw"

    def reader(self) -> Read:
        """Raises Undecodable where the digits are none."""
        written = _WRITTEN[self.written]

        def read(cell: Cell) -> bytes:
            data = cell.encode("utf-8", "surrogateescape") if isinstance(cell, str) else cell
            try:
                return written(data)
            except ValueError as error:
                raise Undecodable(self.written) from error

        return read


def _unhex(data: bytes) -> bytes:
    return bytes.fromhex(data.strip().removeprefix(b"0x").removeprefix(b"0X").decode("ascii"))


def _unbase64(data: bytes) -> bytes:
    return base64.b64decode(b"".join(data.split()), validate=True)


_OCTAL = re.compile(rb"\\(\\|[0-3][0-7]{2}|.?)", re.DOTALL)


def _unbytea(data: bytes) -> bytes:
    """PostgreSQL's bytea_output, hex or escape. Raises ValueError."""
    if data.startswith(b"\\x"):
        return bytes.fromhex(data[2:].decode("ascii"))

    def plain(match: re.Match[bytes]) -> bytes:
        if match[1] == b"\\":
            return match[1]
        return bytes([int(match[1], 8)])

    return _OCTAL.sub(plain, data)


_WRITTEN: dict[str, Callable[[bytes], bytes]] = {"raw": bytes, "hex": _unhex, "base64": _unbase64, "pg": _unbytea}


class Code(Shape):
    """One of a few codes; `map` says what each stands for."""

    kind: Literal["code"]
    map: dict[str, str]
    unknown: Literal["stop", "fault"] = "stop"
    """What an unexplained code does: stop the run until the mapping explains it, or make a fault of its row."""

    def reader(self) -> Read:
        """Gives what the code stands for. Raises UnknownCode."""
        known = self.map

        def read(cell: str) -> str:
            try:
                return known[cell.strip()]
            except KeyError as error:
                raise UnknownCode(cell.strip()) from error

        return read


class Flags(Shape):
    """The marks a mail carries: bits of a number (each by its value in decimal), letters of a word, or one code a cell.

    `map` gives the flag or flags each stands for; an empty text says that it stands for none, on purpose.
    """

    kind: Literal["flags"]
    written: Literal["bits", "letters", "code"]
    base: Literal[10, 16] = 10
    map: dict[str, str | tuple[str, ...]]
    unknown: Literal["stop", "fault"] = "stop"
    """What an unexplained mark does: stop the run until the mapping explains it, or make a fault of its row."""

    def reader(self) -> Read:
        """Gives the frozenset of flags. Raises UnknownCode for the first mark that `map` does not name."""
        seen: dict[str, frozenset[Flag]] = {}

        def read(cell: str) -> frozenset[Flag]:
            if cell not in seen:
                flags: set[Flag] = set()
                flags.update(*(self._flags(mark) for mark in self._marks(cell.strip())))
                seen[cell] = frozenset(flags - {""})
            return seen[cell]

        return read

    def _marks(self, cell: str) -> list[str]:
        if self.written == "code":
            return [cell]
        if self.written == "letters":
            return [letter for letter in cell if not letter.isspace()]
        if not cell:
            return []
        if not re.fullmatch("[0-9A-Fa-f]{1,16}" if self.base == 16 else "[0-9]{1,16}", cell):
            raise UnknownCode(cell)
        number = int(cell, self.base)
        return [str(1 << bit) for bit in range(number.bit_length()) if number >> bit & 1]

    def _flags(self, mark: str) -> tuple[Flag, ...]:
        try:
            flags = self.map[mark]
        except KeyError as error:
            raise UnknownCode(mark) from error
        return (flags,) if isinstance(flags, str) else flags


class Date(Shape):
    """A moment: seconds or milliseconds since 1970, or text by a strptime pattern.

    `zone` is meant where the text names none: an offset such as "+09:00", or a name such as "Asia/Tokyo". An empty cell
    and zero are no date; a year outside `years` is not believed.
    """

    kind: Literal["date"]
    format: Literal["strptime", "epoch", "epoch-ms"]
    pattern: str | None = None
    zone: str = "+09:00"
    years: tuple[int, int] = (1985, 2037)

    def reader(self) -> Read:
        """Gives an aware datetime, or None where the cell holds none. Raises Unreadable."""
        first, last = self.years
        moment = self._moment()

        def read(cell: str) -> datetime | None:
            cell = cell.strip()
            if not cell.strip("0/-:. T"):
                return None
            try:
                at = moment(cell)
            except (ValueError, OverflowError, OSError) as error:
                raise Unreadable(cell) from error
            if not first <= at.year <= last:
                raise Unreadable(cell)
            return at

        return read

    def _moment(self) -> Callable[[str], datetime]:
        if self.pattern is None:
            unit = 1000 if self.format == "epoch-ms" else 1
            return lambda cell: datetime.fromtimestamp(int(cell) / unit, UTC)
        here, parse = zone(self.zone), _parser(self.pattern)

        def read(cell: str) -> datetime:
            moment = parse(cell)
            return moment if moment.tzinfo else moment.replace(tzinfo=here)

        return read


_DIRECTIVES = ("%Y", "%m", "%d", "%H", "%M", "%S")


def _parser(pattern: str) -> Callable[[str], datetime]:
    """strptime; and where the pattern is plain numbers from the year down, the same ten times as fast."""
    first, *parts = re.split("(%.)", pattern)
    directives, between = parts[::2], parts[1::2]
    if len(directives) < 3 or tuple(directives) != _DIRECTIVES[: len(directives)]:
        return lambda cell: datetime.strptime(cell, pattern)  # noqa: DTZ007 - the caller gives it its zone
    # Where nothing parts them, numbers have their full width; and strptime takes any blanks for a blank.
    digits = r"(\d\d?)" if all(between[:-1]) else r"(\d\d)"
    literals = [re.sub(r"(\\?\s)+", r"\\s+", re.escape(each)) for each in (first, *between)]
    numbers = re.compile(literals[0] + r"(\d{4})" + digits.join(literals[1:]), re.ASCII)

    def parse(cell: str) -> datetime:
        found = numbers.fullmatch(cell)
        if found is None:
            raise ValueError(cell)
        return datetime(*map(int, found.groups()))  # type: ignore[arg-type]  # noqa: DTZ001 - as above

    return parse


def zone(name: str) -> tzinfo:
    """The time zone of that name or offset. Raises ValueError where there is none."""
    if offset := re.fullmatch(r"([+-])(\d\d):(\d\d)", name):
        distance = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-distance if offset[1] == "-" else distance)
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError as error:
        raise ValueError(name) from error


Value = Annotated[Text | Bytes | Code | Flags | Date, Field(discriminator="kind")]
