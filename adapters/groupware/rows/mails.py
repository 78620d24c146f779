"""Rows out of a file that is nothing but mails, one behind the other, without an index: each mail is a row.

`mbox`: parted by From_ lines, or by lines of a single dot. `records`: each behind its length.
Columns of both: `mail`, the bytes; `place`, the byte where it begins; `digest`, of all but the header fields that are
columns, for a key that stays when marks are set; and any header field, by its name with a colon (`X-Status:`).
"""

import hashlib
import re
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, BinaryIO, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from adapters.files.frames import Frames, Variant, unquoted
from adapters.groupware.rows import eudora
from adapters.groupware.rows.shape import LONGEST, BrokenLine, File, Line, Lines, RowShape, Wanted, broken, decoded

MAIL, DIGEST, PLACE = OWN = ("mail", "digest", "place")

BLOCK = 2**20

Found = tuple[int, bytes] | BrokenLine
"""Where a mail begins and what it is, or what stands there instead."""

_HEADER_END = re.compile(rb"\A\r?\n|\n\r?\n")
_FOLD = re.compile(rb"\r?\n(?=[ \t])")


class _Mails(RowShape):
    """What both have in common."""

    charset: str = "cp932"
    may_be_empty: ClassVar[bool] = True

    @override
    @contextmanager
    def open(self, file: File, wanted: Wanted) -> Iterator[Lines]:
        columns = [column for column in wanted.columns if column in OWN or column.endswith(":")]
        yield Lines(columns, self._lines(file, wanted, columns))

    def _lines(self, file: File, wanted: Wanted, columns: list[str]) -> Iterator[Line | BrokenLine]:
        fields = {column: _field(column) for column in columns if column.endswith(":")}
        for number, found in enumerate(self.mails(file), 1):
            if isinstance(found, BrokenLine):
                yield found
                continue
            place, mail = found
            end = _HEADER_END.search(mail)
            head = mail if end is None else mail[: end.end()]
            told = head
            for field in fields.values():
                told = field.sub(b"", told)
            cells: list[str | bytes] = []
            odd = False
            for column in columns:
                if column == MAIL:
                    cells.append(mail)
                elif column in fields:
                    cell = fields[column].search(head)
                    value = b"" if cell is None else _FOLD.sub(b"", cell[1]).strip()
                    text, strange = decoded(value, self.charset)
                    cells.append(value if column in wanted.raw else text)
                    odd = odd or strange
                else:
                    cells.append(str(place) if column == PLACE else _digest(told + mail[len(head) :]))
            yield Line(number, cells, odd)

    @abstractmethod
    def mails(self, file: File) -> Iterator[Found]:
        """Each mail and where it begins."""


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _field(column: str) -> re.Pattern[bytes]:
    """What finds a header field, its end and its value."""
    return re.compile(rb"(?mi)^%b[ \t]*:((?:[^\n]|\n[ \t])*)\n?" % re.escape(column[:-1].encode("utf-8")))


class Mbox(_Mails):
    """Mails parted by From_ lines, quoted in the way of that variant; or, as Becky! and EdMax write them, by a line of
    a single dot, with one more dot in front of every line that begins with one ("dots"); or by Eudora's own
    From_ lines, with nothing quoted ("eudora")."""

    type: Literal["mbox"]
    variant: Variant | Literal["dots", "eudora"] = "auto"

    @override
    def mails(self, file: File) -> Iterator[Found]:
        with file.raw.open() as stream:
            if self.variant == "dots":
                yield from self._dotted(file, stream)
            elif self.variant == "eudora":
                yield from self._eudora(file, stream)
            else:
                yield from self._framed(file, stream, self.variant)

    def _eudora(self, file: File, stream: BinaryIO) -> Iterator[Found]:
        for number, (place, mail) in enumerate(eudora.mails(stream, LONGEST), 1):
            if mail is None:
                yield broken(file, number, b"%d" % place, "groupware.mail-endless", limit=LONGEST)
            else:
                yield place, mail

    def _framed(self, file: File, stream: BinaryIO, variant: Variant) -> Iterator[Found]:
        def read(size: int, at: int) -> bytes:
            stream.seek(at)
            return stream.read(size)

        frames = Frames(read, file.raw.size, variant)
        for number, frame in enumerate(frames, 1):
            if frame.end - frame.start > LONGEST:
                yield broken(file, number, b"%d" % frame.start, "groupware.mail-endless", limit=LONGEST)
            else:
                yield frame.start, b"".join(unquoted(frame.blocks(read), frames.quoting(frame)))

    def _dotted(self, file: File, stream: BinaryIO) -> Iterator[Found]:
        """A mail whose last dot is missing was cut, and is a mail all the same."""
        lines: list[bytes] = []
        size = place = at = 0
        number = 1
        while True:
            line = stream.readline(BLOCK)
            if line.rstrip(b"\r\n") == b"." or not line:
                if size > LONGEST:
                    yield broken(file, number, b"%d" % place, "groupware.mail-endless", limit=LONGEST)
                elif b"".join(lines).strip():
                    yield place, b"".join(lines)
                if not line:
                    return
                lines, size, place, number = [], 0, at + len(line), number + 1
            else:
                size += len(line)
                if size <= LONGEST:
                    lines.append(line[1:] if line.startswith(b"..") else line)
            at += len(line)


class Records(_Mails):
    """Mails each behind its length, `counted` in that many bits with the lowest byte first or last, after `skip` bytes
    of another kind. What `magic`, in hexadecimal digits, says stands in front of each: after damage, the next one is
    looked for."""

    type: Literal["records"]
    counted: Literal["little-16", "big-16", "little-32", "big-32"]
    magic: Annotated[str, Field(pattern="^([0-9a-fA-F]{2}){0,16}$")] = ""
    skip: Annotated[int, Field(ge=0)] = 0

    @override
    def mails(self, file: File) -> Iterator[Found]:
        magic = bytes.fromhex(self.magic)
        order, _, bits = self.counted.partition("-")
        with file.raw.open() as stream:
            at = self.skip
            for number in range(1, file.raw.size + 1):
                stream.seek(at)
                begin = stream.read(len(magic) + int(bits) // 8)
                if not begin:
                    return
                size = int.from_bytes(begin[len(magic) :], "little" if order == "little" else "big")
                end = at + len(begin) + size
                if begin.startswith(magic) and end <= file.raw.size and size <= LONGEST and self._goes_on(stream, end):
                    yield at, stream.read(size)
                    at = end
                    continue
                yield broken(file, number, b"%d" % at, "groupware.record-lost", place=at)
                at = _next(stream, at + 1, magic)

    def _goes_on(self, stream: BinaryIO, end: int) -> bool:
        """Whether another record, or the end, stands where this one leads to; the stream stays where it is."""
        here, magic = stream.tell(), bytes.fromhex(self.magic)
        stream.seek(end)
        begin = stream.read(len(magic))
        stream.seek(here)
        return not begin or begin == magic


def _next(stream: BinaryIO, at: int, magic: bytes) -> int:
    """Where the magic next stands, or the end of the file: without one, nothing can be found again."""
    stream.seek(at)
    held = b""
    while block := stream.read(BLOCK):
        if magic and (found := (held + block).find(magic)) >= 0:
            return at - len(held) + found
        at += len(block)
        held = (held + block)[-len(magic) + 1 :] if len(magic) > 1 else b""
    return at
