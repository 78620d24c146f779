"""Rows out of a table of dBASE and its heirs (Clipper, FoxPro), by dBASE III's layout, which is that of them all."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import BinaryIO, Literal, NamedTuple

from typing_extensions import override

from adapters.groupware.rows.shape import BrokenLine, Cells, File, Line, Lines, NoTable, RowShape, Wanted, broken
from migrator.errors import Reason, UsageError

_HEAD = struct.Struct("<B3xIHH20x")
_FIELD = struct.Struct("<11sc4xBB14x")
_END_OF_FIELDS, _END_OF_RECORDS = b"\r", b"\x1a"
_HERE, _DELETED = b" ", b"*"

_BINARY = {b"I": "<i", b"B": "<d"}
"""Types of Visual FoxPro that hold numbers and no digits."""
_ELSEWHERE = b"MGPW"
"""Types whose text lies in another file (memos): the record holds only its number there."""


class _Field(NamedTuple):
    name: str
    kind: bytes
    at: int
    size: int


class Dbf(RowShape):
    """Rows out of a DBF file. A record that is marked as deleted is no row, as it was none for its users."""

    type: Literal["dbf"]
    charset: str = "cp932"

    @override
    @contextmanager
    def open(self, file: File, wanted: Wanted) -> Iterator[Lines]:
        with file.raw.open() as stream:
            size, fields = self._fields(stream, file)
            for field in fields:
                if field.name in wanted.columns and field.kind in _ELSEWHERE:
                    raise UsageError(Reason("groupware.column-memo", file=file.path, column=field.name))
            cells = Cells([field.name for field in fields], wanted, self.charset)
            yield Lines([field.name for field in fields], _rows(stream, size, fields, cells, file))

    def _fields(self, stream: BinaryIO, file: File) -> tuple[int, list[_Field]]:
        """The size of a record, and what stands in it. Raises NoTable."""
        head = stream.read(_HEAD.size)
        try:
            _, _, begin, size = _HEAD.unpack(head)
            fields, at = [], 1
            described = stream.read(begin - _HEAD.size)
            for place in range(0, len(described), _FIELD.size):
                if described.startswith(_END_OF_FIELDS, place):
                    break
                name, kind, width, more = _FIELD.unpack_from(described, place)
                if kind == b"C":  # a text may be longer than 255 bytes: then the places after the point count on
                    width += more << 8
                fields.append(_Field(name.partition(b"\0")[0].decode(self.charset), kind, at, width))
                at += width
        except (struct.error, UnicodeDecodeError, ValueError) as error:
            raise NoTable(Reason("groupware.table-strange", file=file.path)) from error
        if not fields or at > size:
            raise NoTable(Reason("groupware.table-strange", file=file.path))
        return size, fields


def _rows(stream: BinaryIO, size: int, fields: list[_Field], cells: Cells, file: File) -> Iterator[Line | BrokenLine]:
    """The records that are there, however many the head says: a crash leaves it behind."""
    number = 0
    while record := stream.read(size):
        number += 1
        if record[:1] == _END_OF_RECORDS:
            return
        if len(record) < size:
            yield broken(file, number, record, "groupware.record-cut", found=len(record))
        elif record[:1] == _HERE:
            yield cells.line(number, [_cell(record[each.at : each.at + each.size], each.kind) for each in fields])
        elif record[:1] != _DELETED:
            yield broken(file, number, record, "groupware.record-strange")


def _cell(cell: bytes, kind: bytes) -> bytes:
    if (form := _BINARY.get(kind)) is not None and len(cell) == struct.calcsize(form):
        return b"%r" % struct.unpack(form, cell)
    if kind == b"T" and len(cell) == 8:  # the days of Julius Scaliger, and milliseconds of the day
        days, milliseconds = struct.unpack("<II", cell)
        return b"" if not days else _moment(days, milliseconds // 1000)
    return cell.partition(b"\0")[0].strip(b" ")


def _moment(days: int, seconds: int) -> bytes:
    """As the other dates of a DBF file are written, and the time behind it: 20091102091530."""
    try:
        day = date.fromordinal(days - 1_721_425)
    except (ValueError, OverflowError):
        return b"?"
    return f"{day:%Y%m%d}{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}".encode()
