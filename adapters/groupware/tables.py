"""The rows of a store's tables, with what their columns mean and the rows of other tables they lead to."""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, repeat
from typing import Any, NamedTuple

from adapters.groupware.doubts import Doubts
from adapters.groupware.lists import Lists
from adapters.groupware.mapping import Join, StoreMapping, Table
from adapters.groupware.rows.shape import BrokenLine, File, Line, NoTable, RowShape, Wanted
from adapters.groupware.template import Missing, Outside, Template, cells_of
from adapters.groupware.values import Cell, Code, Flags, Text, Undecodable, UnknownCode, Unreadable
from migrator.errors import Reason, UsageError
from migrator.text import storable

Values = Mapping[str, Any]
"""What a row holds by name: its own columns, and those of the tables it leads to as `table.column`."""

Find = Callable[[RowShape, str], File | Reason]
"""What rows of that shape are read from, by its path below the root."""


BLOCK = 200
"""Lines that are read together, column by column; if one of them is odd, each by itself."""


class Row(NamedTuple):
    """A row that could be read. `digest` is of its cells without the flags and without where in a file
    its mail lies: what they say can change every day."""

    values: Values
    file: str
    line: int
    digest: str


class BadRow(NamedTuple):
    """A row that could not be read, or a whole table where `line` is 0; `above` is the row whose file it stood in."""

    file: str
    line: int
    digest: str
    reason: Reason
    above: Values


@dataclass(slots=True)
class Tables:
    """The tables of a store, or of one account's part of it: small ones are kept, a table of mails only streams by."""

    mapping: StoreMapping
    find: Find
    doubts: Doubts
    counting: bool = False
    """Whether it is only asked where each mail lies: then dates and digests of rows are not made."""
    small: dict[str, list[Values]] = field(default_factory=dict)
    """Rows of the tables that others lead to."""
    files: set[str] = field(default_factory=set)
    """The paths of the table files themselves."""
    bad: list[BadRow] = field(default_factory=list)
    """What was no row in the small tables."""

    _joined: dict[tuple[str, int], "Index"] = field(default_factory=dict)
    _lists: Lists = field(default_factory=Lists)

    def kept(self, name: str) -> list[Values]:
        """All rows of a table that others lead to; what repeats another, or names no account, is bad."""
        if name not in self.small:
            lines: dict[tuple[Any, ...], int] = {}
            kept = self.small[name] = []
            for row in self.rows(name):
                if isinstance(row, BadRow):
                    self.bad.append(row)
                elif (reason := self._surplus(name, row, lines)) is not None:
                    self.bad.append(BadRow(row.file, row.line, row.digest, reason, row.values))
                else:
                    kept.append(row.values)
        return self.small[name]

    def _surplus(self, name: str, row: Row, lines: dict[tuple[Any, ...], int]) -> Reason | None:
        """Why a row tells of nothing new: no other may have its key in this file, nor an account's name anywhere."""
        keys: list[tuple[Any, ...]] = [
            (row.file, *(row.values.get(column) for column in self.mapping.tables[name].key))
        ]
        if name == self.mapping.accounts.table:
            account = row.values[self.mapping.accounts.name]
            if not account:
                return Reason("groupware.account-unnamed", file=row.file, line=row.line)
            keys.append((account,))
        first = min(lines.setdefault(key, row.line) for key in keys)
        return None if first == row.line else Reason("groupware.row-twice", file=row.file, line=row.line, first=first)

    def rows(self, name: str) -> Iterator[Row | BadRow]:
        """The rows of a table, file by file, line by line. Raises UsageError where a declared column is not there."""
        table = self.mapping.tables[name]
        template = Template(table.rows.path)
        above: Sequence[Values] = [{}]
        if table.rows.each is not None:
            above = [led(table.rows.each, row) for row in self.kept(table.rows.each)]
        for values in above:
            try:
                path = template.fill(values)
            except Missing as missing:
                yield _whole(
                    template.text, values, Reason("groupware.not-led", file=template.text, column=missing.column)
                )
            except Outside as outside:
                yield _whole(template.text, values, Reason("path.outside-root", path=outside.path))
            else:
                if table.rows.kept_in == "file":
                    self.files.update(path + suffix for suffix in ("", *table.rows.beside, *table.rows.aside))
                yield from self._file(name, table, path, values)

    def _file(self, name: str, table: Table, path: str, above: Values) -> Iterator[Row | BadRow]:
        file = self.find(table.rows, path)
        if isinstance(file, Reason):
            silent = {"file.missing": table.rows.optional, "file.empty": table.rows.may_be_empty}
            if not silent.get(file.code):
                yield _whole(path, above, file)
            return
        path = file.path
        columns = table.columns.values()
        wanted = Wanted(
            tuple(column.column for column in columns),
            frozenset(column.column for column in columns if column.raw),
            tuple(table.columns[name].column for name in table.key if name in table.columns),
        )
        try:
            with table.rows.open(file, wanted) as lines:
                if not {*wanted.columns} & {*lines.columns}:
                    yield _whole(path, above, Reason("groupware.table-strange", file=path))
                    return
                reader = self._reader(name, table, lines.columns, path)
                # Rows that may hold whole mails are not gathered.
                size = 1 if wanted.raw else BLOCK
                while block := [*islice(lines.rows, size)]:
                    rows = reader.read(block, above)
                    yield from (row for row in rows if _is_its_own(row, table)) if table.only else rows
                    reader.count(len(block), lines.told)
        except NoTable as error:
            yield _whole(path, above, error.reason)

    def _reader(self, name: str, table: Table, columns: Sequence[str], path: str) -> "_Reader":
        """What reads the lines of one file. Raises UsageError where it lacks a column, or has one twice."""
        places: dict[str, int] = {}
        for key, column in table.columns.items():
            if (count := columns.count(column.column)) != 1:
                code = "groupware.column-twice" if count else "groupware.column-missing"
                raise UsageError(Reason(code, file=path, column=column.column, there=storable(", ".join(columns))))
            places[key] = columns.index(column.column)
        return _Reader(self, name, table, places, path)

    def indexes(self, name: str) -> list["Index"]:
        """The rows that a table's joins lead to, join by join."""
        return [self._index(name, number, join) for number, join in enumerate(self.mapping.tables[name].joins)]

    def listed(self, name: str, row: Values) -> dict[str, list[dict[str, Any]]]:
        """The rows that a row leads to many of, by their table. Raises TooMany."""
        found: dict[str, list[dict[str, Any]]] = {}
        for join in self.mapping.tables[name].lists:
            on = self._on(name, join)
            place = (join.table, *on.values())
            if place not in self._lists:
                self._lists.fill(place, self._many(join.table, [*on.values()]))
            found[join.table] = self._lists.rows(place, [row.get(column) for column in on])
        return found

    def _many(self, name: str, on: list[str]) -> Iterator[tuple[list[Any], list[Any], dict[str, Any]]]:
        """The rows of a list: what each is asked for by, its key, and those of its cells that mails are made of."""
        key, columns = self.mapping.tables[name].key, self.mapping.told_of(name)
        for row in self.rows(name):
            if isinstance(row, BadRow):
                self.bad.append(row)
                continue
            cells = {column: row.values[column] for column in columns}
            yield [row.values.get(column) for column in on], [row.values.get(column) for column in key], cells

    def _on(self, name: str, join: Join) -> dict[str, str]:
        """Our columns -> those of the table that a join leads to."""
        # Rows that stand below different rows of one table never belong together: no mail into another's folder.
        above = self.mapping.above(name) & self.mapping.names(join.table)
        return {**join.on, **{column: column for column in sorted(above)}}

    def _index(self, name: str, number: int, join: Join) -> "Index":
        if (name, number) not in self._joined:
            on = self._on(name, join)
            rows: dict[tuple[Any, ...], Values] = {}
            for row in self.kept(join.table):
                seen = {name: value for name, value in led(join.table, row).items() if name in self.mapping.led_columns}
                rows.setdefault(tuple(row.get(column) for column in on.values()), seen)
            self._joined[name, number] = Index(tuple(on), cells_of(tuple(on)), rows)
        return self._joined[name, number]


NONE: Values = {}


class Index(NamedTuple):
    """The rows a join leads to, by what our row holds in these columns."""

    columns: tuple[str, ...]
    cells: Callable[[Values], tuple[Any, ...]]
    rows: Mapping[tuple[Any, ...], Values]

    def row(self, values: Values) -> Values:
        """What a row is led to here."""
        try:
            key = self.cells(values)
        except KeyError:
            key = tuple([values.get(column) for column in self.columns])
        return self.rows.get(key, NONE)


class _Reader:
    """Reads the lines of one table's file."""

    def __init__(self, tables: Tables, name: str, table: Table, places: Mapping[str, int], path: str) -> None:
        self._tables, self._name, self._table, self._path = tables, name, table, path
        self._indexes = tables.indexes(name)
        kinds = {key: table.columns[key].read.kind for key in places}
        dates = {key for key, kind in kinds.items() if kind == "date"}
        left_out = dates - tables.mapping.asked if tables.counting else set()
        bodies = tables.mapping.bodies(name)
        reads = {key: table.columns[key].read for key in places if key not in left_out}
        self._cells = [
            (key, places[key], read.whole() if isinstance(read, Text) and key in bodies else read.reader())
            for key, read in reads.items()
        ]
        self._dates = {key: tables.doubts.dates(f"{name}.{key}") for key in sorted(dates - left_out)}
        moving = tables.mapping.moving(name)
        self._moving = sorted({places[key] for key in places if kinds[key] == "flags" or key in moving}, reverse=True)
        self._raw = {places[key] for key in places if table.columns[key].raw}

    def count(self, rows: int, told: Collection[str] | None) -> None:
        """Remember which columns no row had, where rows name their own cells."""
        if told is not None:
            for column in self._table.columns.values():
                self._tables.doubts.told(self._name, column.column, rows, column.column in told, self._path, told)

    def read(self, lines: Sequence[Line | BrokenLine], above: Values) -> Sequence[Row | BadRow]:
        """The rows that lines hold."""
        plain = [line for line in lines if isinstance(line, Line) and not line.odd]
        if len(plain) == len(lines):
            try:
                return self._together(plain, above)
            except (Unreadable, Undecodable, UnknownCode):
                pass
        return [self._alone(line, above) for line in lines]

    def _together(self, lines: Sequence[Line], above: Values) -> list[Row]:
        """The rows of lines of which none is odd. Raises where a cell says that one is."""
        written = [*zip(*[line.cells for line in lines], strict=True)]
        columns = [[*map(read, written[place])] for _, place, read in self._cells]
        names = (*above, *[key for key, _, _ in self._cells])
        values = [dict(zip(names, row)) for row in zip(*map(repeat, above.values()), *columns)]  # noqa: B905 - repeat
        for key, dates in self._dates.items():
            dates.read += sum(row[key] is not None for row in values)
        for index in self._indexes:
            for row in values:
                row.update(index.row(row))
        if self._tables.counting:
            return [Row(row, self._path, line.number, "") for row, line in zip(values, lines, strict=True)]
        for place in self._raw:
            written[place] = (*map(_told, written[place]),)
        for place in self._moving:
            del written[place]
        told = map("\x1f".join, zip(*written, strict=True)) if written else repeat("")
        return [
            Row(row, self._path, line.number, _digest(text))
            for row, line, text in zip(values, lines, told)  # noqa: B905 - repeat
        ]

    def _alone(self, line: Line | BrokenLine, above: Values) -> Row | BadRow:
        """The row that a line holds; a date that cannot be read is none."""
        if isinstance(line, BrokenLine):
            return BadRow(self._path, line.number, _digest(line.raw), line.reason, above)
        cells, values = line.cells, dict(above)
        if line.odd:
            for key, place, _ in self._cells:
                if any("\udc80" <= letter <= "\udcff" for letter in str(cells[place])):
                    return self._bad(line, above, "groupware.cell-undecodable", key, charset=self._table.rows.charset)
        for key, place, read in self._cells:
            try:
                values[key] = read(cells[place])
            except Unreadable:
                values[key] = None
                self._dates[key].miss(self._path, line.number)
            except Undecodable as error:
                return self._bad(line, above, "groupware.cell-undecodable", key, charset=error.written)
            except UnknownCode as unknown:
                return self._unknown(line, above, key, unknown.code[:20])
        for key, dates in self._dates.items():
            if values[key] is not None:
                dates.read += 1
        for index in self._indexes:
            values.update(index.row(values))
        return Row(values, self._path, line.number, self._digest(cells))

    def _unknown(self, line: Line, above: Values, key: str, code: str) -> BadRow:
        read = self._table.columns[key].read
        if isinstance(read, Code | Flags) and read.unknown == "stop":
            self._tables.doubts.code(f"{self._name}.{key}", code, self._path, line.number)
        return self._bad(line, above, "groupware.code-unknown", key, value=code)

    def _bad(self, line: Line, above: Values, code: str, key: str, **params: str) -> BadRow:
        column = self._table.columns[key].column
        reason = Reason(code, file=self._path, line=line.number, column=column, **params)
        return BadRow(self._path, line.number, self._digest(line.cells), reason, above)

    def _digest(self, cells: Sequence[Cell]) -> str:
        rest = [*map(_told, cells)]
        for place in self._moving:
            del rest[place]
        return _digest("\x1f".join(rest))


def led(table: str, row: Values) -> dict[str, Any]:
    """A row as those see it that it was led to from: its own columns by `table.column`."""
    return {name if "." in name else f"{table}.{name}": value for name, value in row.items()}


def _is_its_own(row: Row | BadRow, table: Table) -> bool:
    """Whether a row is one of those that the table is said to hold only."""
    return isinstance(row, BadRow) or all(str(row.values[column]) in only for column, only in table.only.items())


def _told(cell: Cell) -> str:
    """A cell as it counts in the digest of its row."""
    return _digest(cell) if isinstance(cell, bytes) else cell


def _whole(file: str, above: Values, reason: Reason) -> BadRow:
    return BadRow(file, 0, _digest(file), reason, above)


def _digest(text: str | bytes) -> str:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=8).hexdigest()
