"""What the cells of a legacy table mean: text, codes, flags and dates, each declared and never guessed."""

import base64
import re
from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from adapters.groupware.addresses import canonical, mailboxes
from adapters.groupware.clocks import clock, zone
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
    """The cell as it is, without the blanks around it, as text that any database keeps. Of the body of a mail that is
    written they stay.

    `charsets` are tried in their order, where a column is not written in the charset of its table.
    """

    kind: Literal["text"]
    charsets: tuple[str, ...] = ()
    replace: dict[Annotated[str, Field(min_length=1)], str] = {}
    """Texts in the cell -> what is meant by each, where one table writes otherwise than another."""

    def reader(self) -> Read:
        """Raises Undecodable where no charset explains the bytes."""
        return self._replaced(self._read(_bare) if self.charsets else lambda cell: storable(cell.strip()))

    def whole(self) -> Read:
        """The same with all blanks, but without the NULs that may fill a cell."""
        return self._replaced(self._read(lambda text: text.rstrip("\0")))

    def _read(self, trimmed: Callable[[str], str]) -> Read:
        return lambda cell: storable(trimmed(cell if isinstance(cell, str) else self._decoded(cell)))

    def _replaced(self, read: Read) -> Read:
        if not self.replace:
            return read
        written = re.compile("|".join(map(re.escape, self.replace)))
        return lambda cell: written.sub(lambda match: self.replace[match[0]], read(cell))

    def _decoded(self, cell: bytes) -> str:
        for charset in self.charsets:
            try:
                return cell.decode(charset)
            except UnicodeDecodeError:
                continue
        raise Undecodable(", ".join(self.charsets))


def _bare(text: str) -> str:
    return text.strip("\0 \t\r\n\u3000")


class Addresses(Shape):
    """Addresses and the names with them, whatever parts them; they come as text in the form of a mail's own header."""

    kind: Literal["addresses"]
    charsets: tuple[str, ...] = ()
    """As for text."""

    def reader(self) -> Read:
        """Raises Undecodable where no charset explains the bytes."""
        text = Text(kind="text", charsets=self.charsets).reader()
        return lambda cell: canonical(mailboxes(text(cell)))


class Bytes(Shape):
    """Bytes, a whole mail mostly: as they are, or written in digits.

    "pg" is how PostgreSQL writes them: `\\x6d61…`, or before version 9 with an octal escape for what is no letter.
    """

    kind: Literal["bytes"]
    written: Literal["raw", "hex", "base64", "pg"] = "raw"

    def reader(self) -> Read:
        """Raises Undecodable where the digits are none, or the text has a letter that no bytes stand for."""
        written = _WRITTEN[self.written]

        def read(cell: Cell) -> bytes:
            try:
                return written(cell.encode("utf-8", "surrogateescape") if isinstance(cell, str) else cell)
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
    others: str | None = None
    """What every other cell stands for, where that is known; else it is an unexplained code."""
    unknown: Literal["stop", "fault"] = "stop"
    """What an unexplained code does: stop the run until the mapping explains it, or make a fault of its row."""

    def reader(self) -> Read:
        """Gives what the code stands for. Raises UnknownCode."""
        known, others = self.map, self.others

        def read(cell: str) -> str:
            try:
                return known[cell.strip()]
            except KeyError as error:
                if others is not None:
                    return others
                raise UnknownCode(cell.strip()) from error

        return read


class Flags(Shape):
    """The marks a mail carries: bits of a number (each by its value in decimal), letters of a word, words with blanks
    between them, or one code a cell.

    `map` gives the flag or flags each stands for; an empty text says that it stands for none, on purpose.
    """

    kind: Literal["flags"]
    written: Literal["bits", "letters", "words", "code"]
    base: Literal[10, 16] = 10
    until: str = ""
    """Only what stands before this in the cell is read."""
    map: dict[str, str | tuple[str, ...]]
    others: str | None = None
    """What every other mark stands for, where that is known; else it is an unexplained one."""
    unknown: Literal["stop", "fault"] = "stop"
    """What an unexplained mark does: stop the run until the mapping explains it, or make a fault of its row."""

    def reader(self) -> Read:
        """Gives the frozenset of flags. Raises UnknownCode for the first mark that `map` does not name."""
        seen: dict[str, frozenset[Flag]] = {}

        def read(cell: str) -> frozenset[Flag]:
            if cell not in seen:
                flags: set[Flag] = set()
                flags.update(*(self._flags(mark) for mark in self._marks(self._told(cell))))
                seen[cell] = frozenset(flags - {""})
            return seen[cell]

        return read

    def _told(self, cell: str) -> str:
        return (cell.partition(self.until)[0] if self.until else cell).strip()

    def _marks(self, cell: str) -> list[str]:
        if self.written == "code":
            return [cell]
        if self.written == "words":
            return cell.split()
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
            if self.others is None:
                raise UnknownCode(mark) from error
            flags = self.others
        return (flags,) if isinstance(flags, str) else flags


class Number(Shape):
    """A whole number that is not negative: in digits, or in bytes with the lowest first ("little") or last ("big")."""

    kind: Literal["number"]
    written: Literal["digits", "hex", "little", "big"] = "digits"

    @property
    def raw(self) -> bool:
        """Whether the cell's bytes are read, and not its text."""
        return self.written in ("little", "big")

    def reader(self) -> Read:
        """Gives an int. Raises Undecodable where no such number is written."""
        digits, base = _DIGITS.get(self.written, _DIGITS["digits"])

        def read(cell: Cell) -> int:
            if isinstance(cell, bytes):
                if not 1 <= len(cell) <= 8:
                    raise Undecodable(self.written)
                return int.from_bytes(cell, "little" if self.written == "little" else "big")
            if not digits.fullmatch(cell := cell.strip()):
                raise Undecodable(self.written)
            return int(cell, base)

        return read


_DIGITS = {"digits": (re.compile("[0-9]{1,19}"), 10), "hex": (re.compile("(0x)?[0-9A-Fa-f]{1,16}"), 16)}


class Date(Shape):
    """A moment: a count since some day (seconds or milliseconds since 1970, in decimal or hexadecimal digits; Windows'
    FILETIME; OLE's days since 1899-12-30), text by a strptime pattern, or a Japanese era (和暦: 平成21年11月2日,
    H21.11.2, 4211102).

    `zone` is meant where the text names none: an offset such as "+09:00", or a name such as "Asia/Tokyo". An empty cell
    and zero are no date; a year outside `years` is not believed.
    """

    kind: Literal["date"]
    format: Literal["strptime", "epoch", "epoch-ms", "epoch-hex", "filetime", "ole", "wareki"]
    pattern: str | None = None
    since: int | None = None
    """The year from which the pattern's %Y counts, where a program wrote 109 or 19109 for 2009."""
    zone: str = "+09:00"
    zones: dict[str, str] = {}
    """Names of zones that stand behind a cell's time -> what they are; one that is not here makes no date."""
    years: tuple[int, int] = (1985, 2037)

    def reader(self) -> Read:
        """Gives an aware datetime, or None where the cell holds none. Raises Unreadable."""
        first, last = self.years
        moment, here, zones = clock(self.format, self.pattern, self.since), zone(self.zone), self._zones()

        def read(cell: str) -> datetime | None:
            cell = cell.strip()
            if not cell.strip("0/-:. T"):
                return None
            try:
                bare, there = (cell, here) if zones is None else zones(cell)
                at = moment(bare)
            except (ValueError, OverflowError, OSError) as error:
                raise Unreadable(cell) from error
            if not first <= at.year <= last:
                raise Unreadable(cell)
            return at if at.tzinfo else at.replace(tzinfo=there)

        return read

    def _zones(self) -> Callable[[str], tuple[str, tzinfo]] | None:
        """What takes a named zone off the end of a cell. It raises ValueError for a name that nobody explained."""
        if not self.zones:
            return None
        here, known = zone(self.zone), {name: zone(each) for name, each in self.zones.items()}

        def split(cell: str) -> tuple[str, tzinfo]:
            time, _, name = cell.rpartition(" ")
            if not time or not name.strip("()").isalpha():
                return cell, here
            if (name := name.strip("()")) not in known:
                raise ValueError(name)
            return time.rstrip(), known[name]

        return split


Value = Annotated[Text | Addresses | Bytes | Code | Flags | Number | Date, Field(discriminator="kind")]
