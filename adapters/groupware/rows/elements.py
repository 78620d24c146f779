"""Rows out of XML, one an element, while it streams by. No DTD and no entity is ever read.

Elements are cut out first and parsed each by itself, so that one that is broken costs its neighbours nothing.
"""

import codecs
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Literal
from xml.parsers import expat

from typing_extensions import override

from adapters.groupware.rows.shape import BrokenLine, File, Line, Lines, NoTable, RowShape, Wanted, broken, recoded
from migrator.errors import Reason

LONGEST = 2**26
"""Characters that a row may have."""
DEEPEST = 100
"""Elements that may stand in each other."""
CHUNK = 2**16
NAMES = 1000
"""Names of cells that are remembered, to be told where one is missing."""

# What is no text in the charset goes through the parser as characters that nobody has (the last 256 of all).
_STAND_INS = 0x10FF00
_STAND_IN = re.compile("[\U0010ff00-\U0010ffff]")


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return "".join(chr(_STAND_INS + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error("migrator.stand-in", _stand_in)


class Xml(RowShape):
    """Rows out of XML: every element of the name `row`. The charset is the one said here, whatever the file says.

    A column is an attribute (`@id`), the text of an element below (`subject`, `from/address`, `from/@type`), or the
    row's own text (`.`). Where an element stands several times, its cell has a line for each.
    """

    type: Literal["xml"]
    row: str

    @override
    @contextmanager
    def open(self, file: File, wanted: Wanted) -> Iterator[Lines]:
        told: dict[str, None] = {}
        with file.raw.open() as raw:
            stream = TextIOWrapper(raw, self.charset, "migrator.stand-in", newline="\n")
            yield Lines(wanted.columns, self._rows(_Cutter(stream, self.row, file), file, wanted, told), told.keys())

    def _rows(
        self, cutter: "_Cutter", file: File, wanted: Wanted, told: dict[str, None]
    ) -> Iterator[Line | BrokenLine]:
        for number, text in cutter.elements():
            try:
                found = _texts(text)
            except (expat.ExpatError, _TooDeep):
                yield broken(file, number, text, "groupware.element-broken")
                continue
            if len(told) < NAMES:
                told.update(dict.fromkeys(found))
            cells: list[str] = []
            odd = False
            for column in wanted.columns:
                cell = "\n".join(found.get(column, ()))
                if _STAND_IN.search(cell):
                    cell, odd = _STAND_IN.sub(lambda match: chr(ord(match[0]) - _STAND_INS + 0xDC00), cell), True
                cells.append(cell)
            yield recoded(file, number, cells, odd, wanted, self.charset)


class _TooDeep(Exception):  # noqa: N818 - raised and caught in this module
    """An element has too many others around it."""


def _texts(element: str) -> dict[str, list[str]]:
    """What stands in a row: its texts and attributes by the path that leads to each. Raises ExpatError, _TooDeep."""
    found: dict[str, list[list[str]]] = {}
    path: list[str] = []
    open_texts: list[list[str]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(open_texts) > DEEPEST:
            raise _TooDeep
        if open_texts:  # the row's own name is no part of the path
            path.append(name)
        here = "/".join(path)
        texts: list[str] = []
        open_texts.append(texts)
        found.setdefault(here or ".", []).append(texts)
        for key, value in attributes.items():
            found.setdefault(f"{here}/@{key}".removeprefix("/"), []).append([value])

    def end(name: str) -> None:
        open_texts.pop()
        if path:
            path.pop()

    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = lambda text: open_texts[-1].append(text)
    parser.Parse(element.encode("utf-8", "surrogatepass"), True)
    return {key: ["".join(texts) for texts in all_] for key, all_ in found.items()}


class _Cutter:
    """Cuts out the elements of one name, with one of them in memory at a time."""

    def __init__(self, stream: TextIOWrapper, row: str, file: File) -> None:
        self._stream, self._file = stream, file
        name = re.escape(row)
        self._open = f"<{row}"
        self._marks = re.compile(rf"<!--|<!\[CDATA\[|<!DOCTYPE|<!ENTITY|<{name}(?=[\s/>])|</{name}\s*>")
        self._margin = len(row) + 64
        self._text, self._lines = "", 1

    def elements(self) -> Iterator[tuple[int, str]]:
        """Each element with the line it begins on, whole or not. Raises NoTable where the file has a DTD."""
        at, begin = 0, None
        while True:
            mark = self._marks.search(self._text, at)
            end = None if mark is None else self._end(mark)
            if mark is not None and end is not None:
                if mark[0] in ("<!DOCTYPE", "<!ENTITY"):
                    raise NoTable(Reason("groupware.xml-doctype", file=self._file.path))
                if mark[0] == self._open:
                    if begin is not None:  # never closed
                        yield self._cut(begin, mark.start())
                    begin = mark.start()
                closed = mark[0].startswith("</") or (mark[0] == self._open and self._text[end - 2] == "/")
                if begin is not None and closed:
                    yield self._cut(begin, end)
                    begin = None
                at = end
                continue
            at = max(at, len(self._text) - self._margin) if mark is None else mark.start()
            keep = at if begin is None else begin
            if len(self._text) - keep > LONGEST:
                if begin is not None:
                    yield self._cut(begin, begin + self._margin)
                elif mark is not None:
                    at = mark.end()
                begin = None
            elif self._read_on(keep):
                at, begin = at - keep, None if begin is None else 0
            elif mark is not None:  # it is never closed, so it was none
                begin = mark.start() if begin is None and mark[0] == self._open else begin
                at = mark.end()
            else:
                if begin is not None:
                    yield self._cut(begin, len(self._text))
                return

    def _end(self, mark: re.Match[str]) -> int | None:
        """Where what this mark begins comes to its end; None where that is not read yet."""
        if mark[0] == self._open:
            found = _TAG.match(self._text, mark.end())
            return found and found.end()
        closing = {"<!--": "-->", "<![CDATA[": "]]>"}.get(mark[0])
        if closing is None:
            return mark.end()
        place = self._text.find(closing, mark.end())
        return None if place < 0 else place + len(closing)

    def _cut(self, begin: int, end: int) -> tuple[int, str]:
        return self._lines + self._text.count("\n", 0, begin), self._text[begin:end]

    def _read_on(self, keep: int) -> bool:
        """Let go of what stands before `keep`, and read more. False at the end of the file."""
        more = self._stream.read(max(CHUNK, len(self._text) - keep))
        if not more:
            return False
        self._lines += self._text.count("\n", 0, keep)
        self._text = self._text[keep:] + more
        return True


_TAG = re.compile(r"""(?:[^<>"']|"[^"<]*"|'[^'<]*')*+>""")
