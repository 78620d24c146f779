"""Rows out of an SQL dump, read as a stream, without a server: INSERT and COPY of one table, all else passed over."""

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, Literal

from typing_extensions import override

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
from adapters.groupware.rows.sqltext import H2, POSTGRESQL, Dialect, copied, mysql, unhex
from adapters.groupware.rows.stretches import Places, Text
from migrator.errors import Reason

LOBS = "system_lob_stream"
"""The table in which H2 writes the parts of long texts and bytes, before the row that puts them together."""

_NAME = rb"(?:`[^`]*+`|\"(?:[^\"]|\"\")*+\"|[\w$\x80-\xff]++)"
_TABLE = rb"(?:" + _NAME + rb"\s*+\.\s*+)*+" + _NAME
_LISTED = rb"(?:\(\s*+(" + _NAME + rb"(?:\s*+,\s*+" + _NAME + rb")*+)\s*+\)\s*+)?+"
_HEADS = rb"(?:IF\s++NOT\s++EXISTS\s++)?+(" + _TABLE + rb")\s*+"
_INSERT = re.compile(
    rb"INSERT\s++(?:IGNORE\s++)?+INTO\s++("
    + _TABLE
    + rb")\s*+"
    + _LISTED
    + rb"(?:OVERRIDING\s++\w++\s++VALUE\s++)?+VALUES\s*+",
    re.IGNORECASE,
)
_COPY = re.compile(rb"COPY\s++(" + _TABLE + rb")\s*+" + _LISTED + rb"FROM\s++stdin\b[^;\n]*+;\r?\n", re.IGNORECASE)
_CREATE = re.compile(rb"CREATE\s++(?:\w++\s++){0,4}?TABLE\s++" + _HEADS + rb"\(", re.IGNORECASE)
_NO_COLUMN = re.compile(
    rb"(?:PRIMARY|UNIQUE|KEY|INDEX|FULLTEXT|SPATIAL|CONSTRAINT|FOREIGN|CHECK|EXCLUDE|LIKE)\b", re.IGNORECASE
)
_BLANK = re.compile(rb"(?:\s++|;|--[^\n]*+\n|/\*(?:[^*]|\*(?!/))*+\*/|\\[^\n]*+\n)*+")
_STATEMENT = re.compile(rb"\n(?=(?:INSERT|COPY|CREATE|LOCK|UNLOCK|ALTER|--|/\*))")
_COMMA, _SEMICOLON = re.compile(rb"\s*+,\s*+"), re.compile(rb"\s*+;")
_NEXT = re.compile(rb"\)\s*+,\s*+(?=\()|\n(?=(?:INSERT|COPY|CREATE|LOCK|UNLOCK|ALTER|--|/\*))")
_COMBINE = re.compile(rb"SYSTEM_COMBINE_[BC]LOB\s*\((\d+)\)", re.IGNORECASE)


class SqlDump(RowShape):
    """Rows of the table `table` out of a dump of MySQL (mysqldump), PostgreSQL (pg_dump, as text) or H2 (SCRIPT)."""

    type: Literal["sqldump"]
    dialect: Literal["mysql", "postgresql", "h2"]
    table: str
    names: tuple[str, ...] = ()
    """The columns in their order, where the dump does not say them."""

    @property
    @override
    def declared(self) -> tuple[str, ...]:
        return self.names

    @override
    @contextmanager
    def open(self, file: File, wanted: Wanted) -> Iterator[Lines]:
        dialect = {"mysql": mysql(self.charset), "postgresql": POSTGRESQL, "h2": H2}[self.dialect]
        with file.raw.open() as stream, tempfile.TemporaryFile() as spool:
            dump = _Dump(stream, self, dialect, file, wanted, spool)
            rows = dump.rows()
            first = next(rows, None)  # by then it is known what the columns are
            if not dump.columns:
                raise NoTable(Reason("groupware.dump-without", file=file.path, table=self.table))
            yield Lines(dump.columns, _chained(first, rows))


def _chained(first: Line | BrokenLine | None, rest: Iterator[Line | BrokenLine]) -> Iterator[Line | BrokenLine]:
    if first is not None:
        yield first
        yield from rest


class _Dump:
    """Finds the rows of one table in a dump."""

    def __init__(
        self, stream: BinaryIO, form: SqlDump, dialect: Dialect, file: File, wanted: Wanted, spool: BinaryIO
    ) -> None:
        self._stream, self._form, self._file, self._wanted = stream, form, file, wanted
        self._text, self._places = Text(stream), Places()
        self.columns: Sequence[str] = form.names
        self._created: dict[str, Sequence[str]] = {}
        self._read, self._value = dialect.read, re.compile(dialect.value, re.DOTALL | re.IGNORECASE)
        self._one = re.compile(rb"\s*+(" + dialect.value + rb")\s*+([,)])", re.DOTALL | re.IGNORECASE)
        self._rest = re.compile(
            rb"(?:[^'\"`;$/-]++|" + dialect.text + rb"|\"(?:[^\"]|\"\")*+\"|`[^`]*+`"
            rb"|--[^\n]*+\n|/\*(?:[^*]|\*(?!/))*+\*/|\$(\w*+)\$(?:[^$]|\$(?!\1\$))*+\$\1\$|\$(?=[^\w$])|-(?=[^-])|/(?=[^*]))*+(;)?+",
            re.DOTALL,
        )
        self._spool, self._lobs = spool, dict[int, list[tuple[int, int]]]()

    def rows(self) -> Iterator[Line | BrokenLine]:
        known, form = self._file.known, self._form
        places = None if known is None else known.get((form.dialect, form.charset))
        if places is None:
            yield from self._statements()
            if known is not None and self._places.sound:
                known[form.dialect, form.charset] = self._places
            return
        for stretch in places.of(form.table.casefold(), *([LOBS] if form.dialect == "h2" else [])):
            self._text = Text(self._stream, stretch)
            yield from self._statements(stretch.end)
            if not self._places.sound:
                return

    def _statements(self, end: int | None = None) -> Iterator[Line | BrokenLine]:
        """Up to the end; without one, or where a statement has lost its own, to that of the dump."""
        text = self._text
        while (end is None or text.place < end or not self._places.sound) and self._open():
            begin, line = text.place, text.line
            names: tuple[str, ...] = ()
            if (found := text.match(_INSERT)) is not None:
                text.pass_to(found.end())
                names = self._names(found[1])
                yield from self._inserted(names, found[2])
            elif (found := text.match(_COPY)) is not None:
                text.pass_to(found.end())
                names = self._names(found[1])
                if self._is_ours(names):
                    yield from self._copied(self._order(found[2]))
                elif not text.data.startswith(b"\\.", text.at):
                    text.find(re.compile(rb"\n\\\.\r?\n"))
            elif (found := text.match(_CREATE)) is not None:
                names = self._names(found[1])
                if self._is_ours(names):
                    text.pass_to(found.end())
                    self._create()
                else:
                    self._skip()
            else:
                self._skip()
            self._places.note(names, begin, text.place, line)

    def _open(self) -> bool:
        """Whether there is another statement; remarks and blanks before it are passed over."""
        self._text.take(_BLANK)
        return self._text.at < len(self._text.data) or self._text.more()

    def _names(self, written: bytes) -> tuple[str, ...]:
        """A table's name, behind those of its schema."""
        return tuple([_unquoted(name, self._form.charset).casefold() for name in re.findall(_NAME, written)])

    def _is_ours(self, names: tuple[str, ...]) -> bool:
        """Whether a table's name is ours, with its schema or without."""
        return self._form.table.casefold() in (names[-1], ".".join(names))

    def _order(self, listed: bytes | None) -> Sequence[str]:
        """The columns of one statement's rows."""
        if listed is None:
            return self.columns
        columns = [_unquoted(name, self._form.charset) for name in re.findall(_NAME, listed)]
        self.columns = self.columns or columns
        return columns

    def _create(self) -> None:
        """The columns of a CREATE TABLE, from behind its bracket."""
        text = self._text
        end = text.match(self._rest, LONGEST)
        body = text.data[text.at : len(text.data) if end is None else end.end()]
        columns, depth, begin = list[str](), 0, 0
        for mark in re.finditer(rb"'(?:[^'\\]|\\.|'')*+'|" + _NAME + rb"|[(),]", body, re.DOTALL):
            depth += (mark[0] == b"(") - (mark[0] == b")")
            if depth < 0 or (not depth and mark[0] == b","):
                item = body[begin : mark.start()].strip()
                begin = mark.end()
                name = re.match(_NAME, item)
                if name is not None and not _NO_COLUMN.match(item):
                    columns.append(_unquoted(name[0], self._form.charset))
            if depth < 0:
                break
        self.columns = self.columns or columns
        self._skip()

    def _skip(self) -> None:
        """Go behind the end of this statement."""
        text = self._text
        while True:
            found = self._rest.match(text.data, text.at)
            assert found is not None  # it matches nothing, at least
            if found[2]:
                text.pass_to(found.end())
                return
            if found.end() == found.start() and len(text.data) - text.at > 64 and not text.more():
                self._places.sound = False
                text.find(_STATEMENT)  # a text that never ends
                return
            text.pass_to(found.end())
            if not text.more():
                text.pass_to(len(text.data))
                return

    # -- INSERT ------------------------------------------------------------------------------------------------------

    def _inserted(self, names: tuple[str, ...], listed: bytes | None) -> Iterator[Line | BrokenLine]:
        lobs = self._form.dialect == "h2" and names[-1] == LOBS
        if not lobs and not self._is_ours(names):
            self._skip()
            return
        columns = () if lobs else self._order(listed)
        order = _Order(columns, self.columns, self._wanted, self._form.charset)
        text = self._text
        while True:
            number = text.line
            values = self._values()
            if values is None:
                self._places.sound = False
                begin = text.ahead(1000)
                yield broken(self._file, number, begin, "groupware.dump-broken")
                if not text.find(_NEXT) or not text.data.startswith(b"(", text.at):
                    return
                continue
            if lobs:
                if not self._kept(values):
                    yield broken(self._file, number, b",".join(values)[:1000], "groupware.dump-broken")
            else:
                yield self._line(number, values, order)
            if text.take(_SEMICOLON):
                return
            if not text.take(_COMMA):
                self._places.sound = False
                if text.at < len(text.data):
                    yield broken(self._file, text.line, text.ahead(100), "groupware.dump-broken")
                    text.find(_STATEMENT)
                else:
                    yield broken(self._file, text.line, b"", "groupware.dump-broken")
                return

    def _values(self) -> list[bytes] | None:
        """The values of the row that begins here, as they are written; None where there is none."""
        values = self._values_read()
        return values if values is not None or self._row_end() is None else self._values_read()

    def _values_read(self) -> list[bytes] | None:
        """The same, as far as the text is read."""
        text = self._text
        values = list[bytes]()
        place, mark = text.at + 1, b"," if text.data.startswith(b"(", text.at) else b""
        while mark == b",":
            found = self._one.match(text.data, place)
            if found is None:
                return None
            value, mark = found.groups()
            values.append(value)
            place = found.end()
        if not mark:
            return None
        text.pass_to(place)
        return values

    def _row_end(self) -> int | None:
        """Where the row ends that is not wholly read yet, value by value; None where it is no row."""
        text = self._text
        if text.match(_OPEN) is None:
            return None
        ahead = 1
        while True:
            found = _VALUE_ENDS.match(text.data, text.at + ahead)
            if found is not None and found.end() < len(text.data):
                return found.end()
            place = text.at + ahead
            value = self._value.match(text.data, place)
            if value is not None and _ENDED.match(text.data, value.end()):  # else it is the beginning of another
                ahead = value.end() - text.at
                mark = _BETWEEN.match(text.data, text.at + ahead)
                if mark is not None:
                    ahead = mark.end() - text.at
                continue
            mark = _BETWEEN.match(text.data, place)
            if mark is not None and mark.end() > place and mark.end() < len(text.data):
                ahead = mark.end() - text.at
                continue
            unfinished = len(text.data) - place < 4096 or _QUOTE_AHEAD.match(text.data, place) is not None
            if not unfinished or not text.more():
                return None

    def _line(self, number: int, values: list[bytes], order: "_Order") -> Line | BrokenLine:
        if len(values) != order.width:
            joined = b",".join(values)[:1000]
            return broken(self._file, number, joined, "groupware.line-width", found=len(values), expected=order.width)
        try:
            cells = [self._combined(value) for value in values]
        except (ValueError, KeyError):
            return broken(self._file, number, b",".join(values)[:1000], "groupware.dump-broken")
        return order.line(number, cells)

    # -- H2's long texts ---------------------------------------------------------------------------------------------

    def _combined(self, value: bytes) -> bytes:
        """What a value means. Raises ValueError, KeyError."""
        if self._form.dialect == "h2" and (found := _COMBINE.fullmatch(value)):
            parts = []
            for at, size in self._lobs.pop(int(found[1])):
                self._spool.seek(at)
                parts.append(self._spool.read(size))
            return b"".join(parts)
        return self._read(value) or b""

    def _kept(self, values: list[bytes]) -> bool:
        """Whether it is a part of a long text or of long bytes: id, number, text, bytes (in older dumps as digits)."""
        try:
            number, _, text, data = values
            lob = int(number)
            part = self._read(text) or (unhex(data) if data[:1] == b"'" else self._read(data)) or b""
        except ValueError:
            return False
        at = self._spool.seek(0, 2)
        self._spool.write(part)
        self._lobs.setdefault(lob, []).append((at, len(part)))
        return True

    # -- COPY --------------------------------------------------------------------------------------------------------

    def _copied(self, columns: Sequence[str]) -> Iterator[Line | BrokenLine]:
        order = _Order(columns, self.columns, self._wanted, self._form.charset)
        text = self._text
        while True:
            end = text.data.find(b"\n", text.at)
            while end < 0 and text.more():
                end = text.data.find(b"\n", text.at)
            number, line = text.line, text.data[text.at : len(text.data) if end < 0 else end].removesuffix(b"\r")
            if end < 0:
                text.pass_to(len(text.data))
                yield broken(self._file, number, line[:1000], "groupware.dump-broken")
                return
            text.at, text.line = end + 1, number + 1
            if line == b"\\.":
                return
            cells = [copied(cell) or b"" for cell in line.split(b"\t")]
            if len(cells) == order.width:
                yield order.line(number, cells)
            else:
                yield broken(
                    self._file, number, line[:1000], "groupware.line-width", found=len(cells), expected=order.width
                )


_OPEN = re.compile(rb"\(")
_BETWEEN = re.compile(rb"\s*+,\s*+|\s++")
_ENDED = re.compile(rb"\s*+[,)]")
_VALUE_ENDS = re.compile(rb"\s*+\)")
_QUOTE_AHEAD = re.compile(rb"[\w\s&(]{0,64}'")


class _Order:
    """Puts the values of one statement under the columns of the whole table."""

    def __init__(self, given: Sequence[str], columns: Sequence[str], wanted: Wanted, charset: str) -> None:
        self.width = len(given)
        places = {name: place for place, name in enumerate(given)}
        self._places = None if [*given] == [*columns] else [places.get(name) for name in columns]
        self._cells = Cells(columns, wanted, charset)

    def line(self, number: int, cells: list[bytes]) -> Line:
        if self._places is not None:
            cells = [b"" if place is None else cells[place] for place in self._places]
        return self._cells.line(number, cells)


def _unquoted(name: bytes, charset: str) -> str:
    text = name.decode(charset, "surrogateescape")
    return text[1:-1].replace('""', '"') if text[:1] in ('"', "`") else text
