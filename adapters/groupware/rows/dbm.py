"""Rows out of a DBM file, GDBM or Berkeley DB as its first bytes say: each pair of a key and a value is one.

It is read by our own hand: their libraries take locks and write, and give up on a file that is damaged.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import override

from adapters.groupware.rows import berkeley, gdbm
from adapters.groupware.rows.shape import (
    LONGEST,
    BrokenLine,
    Cells,
    File,
    Line,
    Lines,
    NoTable,
    RowShape,
    Wanted,
    broken,
)
from adapters.groupware.rows.window import Pair, Spent, Strange, Window
from migrator.errors import Reason

OFTEN = 3
"""How many times its size is taken out of a file at most: each page, what lies in it, and chains that are followed."""


class Dbm(RowShape):
    """Rows out of a DBM file: GDBM, or Berkeley DB's hash or btree. What is text in it ends before its last NULs."""

    type: Literal["dbm"]
    key: str = "key"
    """The column that holds the key."""
    names: Annotated[tuple[str, ...], Field(min_length=1)] = ("value",)
    """The columns of the value, in their order."""
    separator: str = ""
    """What parts them in it; "" where the value is one column."""
    skip: tuple[str, ...] = ()
    """Keys of another kind, which are no rows."""

    @property
    @override
    def declared(self) -> tuple[str, ...]:
        return (self.key, *self.names)

    @override
    @contextmanager
    def open(self, file: File, wanted: Wanted) -> Iterator[Lines]:
        with file.raw.open() as stream:
            begin = stream.read(16)
            window = Window(stream, file.raw.size, OFTEN)
            if gdbm.is_gdbm(begin):
                pairs = gdbm.pairs(window)
            elif berkeley.is_berkeley(begin):
                pairs = berkeley.pairs(window)
            else:
                raise NoTable(Reason("groupware.dbm-strange", file=file.path))
            yield Lines(self.declared, self._rows(pairs, file, wanted))

    def _rows(self, pairs: Iterator[Pair | int], file: File, wanted: Wanted) -> Iterator[Line | BrokenLine]:
        cells = Cells(self.declared, wanted, self.charset)
        raw = [name in wanted.raw for name in self.declared]
        skip = {key.encode(self.charset) for key in self.skip}
        number = 0
        try:
            for number, pair in enumerate(pairs, 1):
                if isinstance(pair, int):
                    yield broken(file, number, b"%d" % pair, "groupware.pair-lost", place=pair)
                    continue
                key, value = pair
                if (key if key in skip else key.rstrip(b"\0")) in skip:
                    continue
                row = [key, *self._parted(value)]
                if len(row) != len(raw):
                    found = {"found": len(row), "expected": len(raw)}
                    yield broken(file, number, key, "groupware.line-width", **found)
                elif sum(map(len, row)) > LONGEST:
                    yield broken(file, number, key, "groupware.line-too-long", limit=LONGEST)
                else:
                    texts = zip(row, raw, strict=True)
                    yield cells.line(number, [cell if whole else cell.rstrip(b"\0") for cell, whole in texts])
        except Strange as error:
            raise NoTable(Reason("groupware.dbm-strange", file=file.path)) from error
        except Spent:
            yield broken(file, number + 1, b"spent", "groupware.pair-lost", place=file.raw.size)

    def _parted(self, value: bytes) -> list[bytes]:
        """The value's columns; a separator behind the last is one too many."""
        if not self.separator:
            return [value]
        parts = value.split(self.separator.encode(self.charset))
        return parts[:-1] if len(parts) == len(self.names) + 1 and not parts[-1] else parts
