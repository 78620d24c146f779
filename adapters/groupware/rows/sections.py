"""Rows out of an INI file: each section is one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from typing_extensions import override

from adapters.groupware.rows.shape import BrokenLine, Cells, File, Line, Lines, RowShape, Wanted, broken

LONGEST = 2**20
"""Bytes a line may have."""


class Ini(RowShape):
    """Rows out of an INI file, a section each: `[sato]`, and below it lines of `name = value`.

    Lines that begin with ; or # are remarks. Names are the same in capitals; of a name that stands twice in a section
    the first counts, as it does for Windows. What stands before the first section is a row without a name.
    """

    type: Literal["ini"]
    charset: str = "cp932"
    section: str = "section"
    """The column that holds what stands in the brackets."""

    @override
    @contextmanager
    def open(self, file: File, wanted: Wanted) -> Iterator[Lines]:
        told: dict[str, None] = {self.section: None}
        yield Lines(wanted.columns, self._rows(file, wanted, told), told.keys())

    def _rows(self, file: File, wanted: Wanted, told: dict[str, None]) -> Iterator[Line | BrokenLine]:
        cells = Cells(wanted.columns, wanted, self.charset)
        keys = [column.casefold() for column in wanted.columns]
        for number, section, strange in _sections(file, self.section, self.charset):
            if strange is not None:
                yield broken(file, number, strange, "groupware.line-strange")
            elif section is not None:
                told.update({name: None for name, key in zip(wanted.columns, keys, strict=True) if key in section})
                yield cells.line(number, [section.get(key, b"") for key in keys])


def _sections(file: File, column: str, charset: str) -> Iterator[tuple[int, dict[str, bytes] | None, bytes | None]]:
    """Where each section begins, and what stands in it; or a line that says nothing: it costs its section nothing."""
    begin, section = 1, dict[str, bytes]()
    with file.raw.open() as stream:
        number = 0
        while line := stream.readline(LONGEST):
            number += 1
            text = (line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line).strip()
            if not text or text[:1] in (b";", b"#"):
                continue
            if text.startswith(b"[") and text.endswith(b"]"):
                if section:
                    yield begin, section, None
                begin, section = number, {column.casefold(): text[1:-1].strip()}
                continue
            name, sign, value = text.partition(b"=")
            if sign and name:
                key = name.strip().decode(charset, "surrogateescape").casefold()
                section.setdefault(key, value.strip())
            else:
                yield number, None, text
    if section:
        yield begin, section, None
