"""Lines of a CSV file, one at a time: a broken one is a value, and costs its neighbours nothing.

The standard reader would let one stray quote swallow the rest of the file; so lines are cut first, and are put together
again only where that makes a row of the right width. The dialect is RFC 4180's, with any delimiter.
"""

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, BinaryIO, Literal

from pydantic import Field
from typing_extensions import override

from adapters.groupware.rows.shape import BrokenLine, File, Line, Lines, RowShape, Wanted
from migrator.errors import Reason

BOM = b"\xef\xbb\xbf"

LONGEST = 2**20
"""Bytes a line may have."""

FOLDED = 200
"""Lines one row may have, where cells hold line ends."""


class Csv(RowShape):
    """Rows out of a text file, one a line, cells parted by `delimiter`."""

    type: Literal["csv"]
    charset: str = "cp932"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    quote: Annotated[str, Field(max_length=1)] = '"'
    """What encloses a cell that holds a delimiter; "" where nothing does."""
    names: tuple[str, ...] = ()
    """The columns in their order, where the file has no first line that names them."""
    skip: Annotated[int, Field(ge=0)] = 0
    """Lines of another kind before the first."""

    @property
    @override
    def declared(self) -> tuple[str, ...]:
        return self.names

    @override
    @contextmanager
    def open(self, file: File, wanted: Wanted) -> Iterator[Lines]:
        with file.raw.open() as stream:
            separated = Separated(stream, self, file.path)
            yield Lines(separated.columns, iter(separated))


class Separated:
    """The rows of one file. `columns` are known before the first row is read; none where no line names them."""

    def __init__(self, stream: BinaryIO, form: Csv, file: str) -> None:
        self._stream, self._form, self._file = stream, form, file
        self._number = 0
        self._mark = BOM if form.charset.lower().replace("_", "-") in ("utf-8", "utf8") else b""
        self._ahead: deque[tuple[int, bytes]] = deque()
        for _ in range(form.skip):
            self._next()
        self.columns: Sequence[str] = form.names
        if not form.names:
            first = next(self._rows(width=None), None)
            if isinstance(first, Line):
                self.columns = tuple(str(cell).strip() for cell in first.cells)

    def __iter__(self) -> Iterator[Line | BrokenLine]:
        charset, delimiter, quote, width = self._form.charset, self._form.delimiter, self._form.quote, len(self.columns)
        while (ahead := self._next()) is not None:
            number, raw = ahead
            # Nearly every line is plain text without a quote; whatever is not goes the careful way.
            try:
                text = raw.decode(charset).rstrip("\r\n")
            except UnicodeDecodeError:
                yield self._row(number, raw, width)
                continue
            cells = text.split(delimiter)
            if len(cells) == width and not (quote and quote in text) and len(raw) <= LONGEST and text:
                yield Line(number, cells)
            elif raw.rstrip(b"\r\n"):
                yield self._row(number, raw, width)

    def _rows(self, width: int | None) -> Iterator[Line | BrokenLine]:
        while (ahead := self._next()) is not None:
            number, raw = ahead
            if raw.rstrip(b"\r\n"):
                yield self._row(number, raw, width)

    def _next(self) -> tuple[int, bytes] | None:
        if self._ahead:
            return self._ahead.popleft()
        raw = self._stream.readline(LONGEST + 1)
        if not raw:
            return None
        self._number += 1
        if len(raw) > LONGEST:
            rest = raw
            while len(rest) > LONGEST and not rest.endswith(b"\n"):
                rest = self._stream.readline(LONGEST + 1)
        if self._number == 1:
            raw = raw.removeprefix(self._mark)
        return self._number, raw

    def _row(self, number: int, raw: bytes, width: int | None) -> Line | BrokenLine:
        if len(raw) > LONGEST:
            return self._broken(number, raw, "groupware.line-too-long", limit=LONGEST)
        text, odd = self._text(raw)
        try:
            cells = self._cells(text)
            if cells is None:
                cells, odd = self._folded(text, odd, width)
        except csv.Error:
            return self._broken(number, raw, "groupware.line-unquoted")
        if width is not None and len(cells) != width:
            return self._broken(number, raw, "groupware.line-width", found=len(cells), expected=width)
        return Line(number, cells, odd)

    def _broken(self, number: int, raw: bytes, code: str, **params: int) -> BrokenLine:
        return BrokenLine(number, raw, Reason(code, file=self._file, line=number, **params))

    def _text(self, raw: bytes) -> tuple[str, bool]:
        """The line as text, without its end; bytes that are no text stand in it as lone surrogates."""
        try:
            return raw.decode(self._form.charset).rstrip("\r\n"), False
        except UnicodeDecodeError:
            return raw.decode(self._form.charset, "surrogateescape").rstrip("\r\n"), True

    def _cells(self, text: str) -> list[str] | None:
        """The line's cells; None where a cell is still open at its end. Raises csv.Error where a quote stands wrong."""
        if not self._form.quote or self._form.quote not in text:
            return text.split(self._form.delimiter)
        try:
            return next(csv.reader([text], delimiter=self._form.delimiter, quotechar=self._form.quote, strict=True))
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                return None
            raise

    def _folded(self, text: str, odd: bool, width: int | None) -> tuple[list[str], bool]:
        """The row that the line makes together with those after it, where a cell holds line ends.

        Raises csv.Error, with those lines put back, where they make none.
        """
        taken: list[tuple[int, bytes]] = []
        try:
            while len(taken) < FOLDED and len(text) < LONGEST and (ahead := self._next()) is not None:
                taken.append(ahead)
                more, strange = self._text(ahead[1])
                text, odd = f"{text}\n{more}", odd or strange
                if self._form.quote in more and (cells := self._cells(text)) is not None:
                    if width is not None and len(cells) != width:
                        break
                    return cells, odd
            raise csv.Error("no closing quote")
        except csv.Error:
            self._ahead.extendleft(reversed(taken))
            raise
