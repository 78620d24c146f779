"""Rows out of JSON: an object a line, or the objects of one array, however long it is."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any, Literal

from typing_extensions import override

from adapters.groupware.rows.shape import BrokenLine, File, Line, Lines, NoTable, RowShape, Wanted, broken, recoded
from migrator.errors import Reason

LONGEST = 2**26
"""Characters an object may have."""
CHUNK = 2**16
NAMES = 1000
"""Names of cells that are remembered, to be told where one is missing."""

# A number stays as it is written: 007 is no JSON, but 1.10 and 12345678901234567890 are.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)

_STRING = r'"(?:[^"\\]|\\.)*+"'
_MARK = re.compile(rf"{_STRING}|[\[\]{{}},:]|[^\s\"\[\]{{}},:]+", re.DOTALL)


class Json(RowShape):
    """Rows out of JSON. A column is a name in the object, or names that lead to it: `from.address`.

    What holds names or values itself is the text of its JSON; null and what is not there are empty.
    """

    type: Literal["json"]
    written: Literal["lines", "array"] = "array"
    """An object a line, or one array of objects."""
    items: str = ""
    """The names that lead to the array, where the file is an object that holds it: `data.mails`."""

    @override
    @contextmanager
    def open(self, file: File, wanted: Wanted) -> Iterator[Lines]:
        told: dict[str, None] = {}
        with file.raw.open() as raw:
            stream = TextIOWrapper(raw, self.charset, "surrogateescape", newline="\n")
            objects = _by_line(stream) if self.written == "lines" else _Array(stream, self.items, file).objects()
            yield Lines(wanted.columns, self._rows(objects, file, wanted, told), told.keys())

    def _rows(
        self, objects: Iterator[tuple[int, str]], file: File, wanted: Wanted, told: dict[str, None]
    ) -> Iterator[Line | BrokenLine]:
        for number, text in objects:
            if len(text) > LONGEST:
                yield broken(file, number, text, "groupware.line-too-long", limit=LONGEST)
                continue
            try:
                row = _DECODER.decode(text)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                yield broken(file, number, text, "groupware.line-strange")
                continue
            if len(told) < NAMES:
                told.update(dict.fromkeys(row))
            values = [_value(row, column) for column in wanted.columns]
            there = zip(wanted.columns, values, strict=True)
            told.update({column: None for column, value in there if value is not None})
            cells = [*map(_said, values)]
            # Lone surrogates come from bytes that are no text, or are written out: "\ud83d" alone.
            odd = (not text.isascii() or "\\u" in text) and any(map(_ODD.search, cells))
            yield recoded(file, number, cells, odd, wanted, self.charset)


_ODD = re.compile("[\udc80-\udcff]")


def _value(row: dict[str, Any], column: str) -> Any:
    """What the column's names lead to."""
    if column in row:
        return row[column]
    inner: Any = row
    for name in column.split("."):
        inner = inner.get(name) if isinstance(inner, dict) else None
    return inner


def _said(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case _:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _by_line(stream: TextIOWrapper) -> Iterator[tuple[int, str]]:
    number = 0
    while line := stream.readline(LONGEST + 1):
        number += 1
        rest = line
        while len(rest) > LONGEST and not rest.endswith("\n"):
            rest = stream.readline(LONGEST + 1)
        line = line.removeprefix("\ufeff") if number == 1 else line
        if line.strip():
            yield number, line


class _Array:
    """Finds the objects of one array without reading more than one of them into memory."""

    def __init__(self, stream: TextIOWrapper, items: str, file: File) -> None:
        self._stream, self._file = stream, file
        self._items = items.split(".") if items else []
        self._text, self._at, self._line, self._ended = "", 0, 1, False

    def objects(self) -> Iterator[tuple[int, str]]:
        """Each object with the line it begins on. Raises NoTable where there is no such array."""
        self._text = self._stream.read(CHUNK).removeprefix("\ufeff")
        for name in self._items:
            self._enter(name)
        if self._mark() != "[":
            raise NoTable(Reason("groupware.array-absent", file=self._file.path, items=".".join(self._items) or "-"))
        while (mark := self._mark()) not in ("]", ""):
            if mark != ",":
                line = self._line
                yield line, self._rest(mark)
        if not mark:
            yield self._line, ""  # cut before its end

    def _enter(self, name: str) -> None:
        """Go to the value of that name in the object that begins here."""
        mark = self._mark()
        while mark:
            mark = self._mark()
            if mark == f'"{name}"' and self._mark() == ":":
                return
            if mark in ("{", "["):
                self._rest(mark)
        raise NoTable(Reason("groupware.array-absent", file=self._file.path, items=".".join(self._items)))

    def _rest(self, mark: str) -> str:
        """The whole value that begins with this mark; what of it goes beyond the limit is passed over."""
        if mark not in ("{", "["):
            return mark
        parts, size, depth = [mark], 1, 1
        while depth and (mark := self._mark(blanks=True)):
            depth += (mark in ("{", "[")) - (mark in ("}", "]"))
            if size <= LONGEST:
                parts.append(mark)
                size += len(mark)
        return "".join(parts)

    def _mark(self, *, blanks: bool = False) -> str:
        """The next mark of the text; "" at its end. With `blanks`, one blank stands before a word."""
        while True:
            found = _MARK.search(self._text, self._at)
            if found is not None and (found.end() < len(self._text) or self._ended):
                return self._took(found)
            if self._ended:
                return ""
            more = self._stream.read(max(CHUNK, len(self._text) - self._at)) if len(self._text) < 4 * LONGEST else ""
            self._ended = not more
            self._text, self._at = self._text[self._at :] + more, 0

    def _took(self, found: re.Match[str]) -> str:
        self._line += self._text.count("\n", self._at, found.end())
        self._at = found.end()
        return found[0]
