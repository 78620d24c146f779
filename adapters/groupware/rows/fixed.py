"""Rows out of a file of binary records that are all of one width."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import override

from adapters.groupware.rows.shape import BrokenLine, Cells, File, Line, Lines, Mistake, RowShape, Wanted, broken
from adapters.groupware.values import Shape

Natural = Annotated[int, Field(ge=0)]
Size = Annotated[int, Field(ge=1, le=2**20)]


class FieldAt(Shape):
    """Where a column stands in the record, and how: text, up to the first NUL; an integer, with its lowest byte first
    ("little") or last ("big"), signed or not; or the bytes in hexadecimal digits."""

    at: Natural
    bytes: Size
    written: Literal["text", "little", "big", "signed-little", "signed-big", "hex"] = "text"


class Fixed(RowShape):
    """Rows out of a file of records of `record` bytes each, after `skip` bytes of another kind.

    A record of NUL bytes alone is a place nobody uses, and no row.
    """

    type: Literal["fixed"]
    charset: str = "cp932"
    record: Size
    skip: Natural = 0
    fields: dict[str, FieldAt]
    """Name of a column -> where it stands."""

    @property
    @override
    def declared(self) -> tuple[str, ...]:
        return tuple(self.fields)

    @override
    def mistakes(self) -> Iterator[Mistake]:
        for name, field in self.fields.items():
            if field.at + field.bytes > self.record:
                yield f"fields.{name}", "mapping.field-outside", {"column": name, "record": self.record}

    @override
    @contextmanager
    def open(self, file: File, wanted: Wanted) -> Iterator[Lines]:
        yield Lines(self.declared, self._rows(file, wanted))

    def _rows(self, file: File, wanted: Wanted) -> Iterator[Line | BrokenLine]:
        cells, unused, number = Cells(self.declared, wanted, self.charset), bytes(self.record), 0
        raw = [name in wanted.raw for name in self.fields]
        with file.raw.open() as stream:
            stream.read(self.skip)
            while record := stream.read(self.record):
                number += 1
                if len(record) < self.record:
                    yield broken(file, number, record, "groupware.record-cut", found=len(record))
                elif record != unused:
                    written = zip(self.fields.values(), raw, strict=True)
                    yield cells.line(number, [_cell(record, field, whole) for field, whole in written])


def _cell(record: bytes, field: FieldAt, whole: bool) -> bytes:
    cell = record[field.at : field.at + field.bytes]
    if whole:
        return cell
    match field.written:
        case "text":
            return cell.partition(b"\0")[0]
        case "hex":
            return cell.hex().encode()
        case _:
            signed, _, order = field.written.rpartition("-")
            return b"%d" % int.from_bytes(cell, "little" if order == "little" else "big", signed=bool(signed))
