"""Files that are one and the same table, or hold the same kind of mail, in different directories."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from adapters.files.reading import Content
from adapters.groupware.probe.forms import forms
from adapters.groupware.probe.separating import NO_LETTERS
from adapters.groupware.probe.sight import Sight
from adapters.groupware.rows.shape import File, Line, NoTable, RowShape, Wanted
from migrator.errors import Reason, UsageError

ROWS = 20_000
"""Rows of one table that are looked at, the same number in each of its files."""
FILES = 200
"""Files of one table that are looked at."""
CELL, LONG_CELLS = 6000, 1000
"""Letters of a cell that are kept, and of how many rows; of the rest only as many as a key could have."""
KEY = 200

Read = Callable[[str], Content | Reason]
"""Reads a file by its path below the root."""

Steps = tuple[str | None, ...]
"""A path in steps; None where its files differ."""


class Row(NamedTuple):
    """A row, and what stands in its file's path where the table's files differ."""

    file: str
    captures: tuple[str, ...]
    cells: tuple[str, ...]


@dataclass(slots=True, eq=False)
class Table:
    """One table, in however many files."""

    form: RowShape
    columns: tuple[str, ...]
    steps: Steps
    files: list[str]
    rows: list[Row] = field(default_factory=list)
    only: tuple[int, frozenset[str]] | None = None
    """Where a table holds rows of several kinds: the column that tells them, and what it holds in these rows."""

    def cells(self, place: int) -> list[str]:
        """What stands in one column."""
        return [row.cells[place] for row in self.rows]

    def is_key(self, *places: int) -> bool:
        """Whether these columns tell every row of a file from its neighbours."""
        keys = [(row.file, *(row.cells[place] for place in places)) for row in self.rows]
        return bool(keys) and len({*keys}) >= len(keys) * 0.99

    def numbers(self) -> list[int]:
        """The columns that number the rows, the best first: digits, in the order of the file, all of one length."""
        keys = [place for place in range(len(self.columns)) if self.is_key(place)]
        digits = [place for place in keys if all(cell.isdecimal() for cell in self.cells(place))]

        def odd(place: int) -> tuple[bool, bool, int]:
            rows = [(row.file, int(row.cells[place])) for row in self.rows]
            return rows != sorted(rows), len({len(row.cells[place]) for row in self.rows}) > 1, place

        return sorted(digits, key=odd)


def steps(paths: Sequence[str]) -> Steps:
    """What paths of one length have in common."""
    return tuple(
        each[0] if len({*each}) == 1 else None for each in zip(*(path.split("/") for path in paths), strict=True)
    )


def captures(table: Table, path: str) -> tuple[str, ...]:
    """What stands in a path where its table's files differ; without the end that the names of all of them have."""
    ends = {extension(each) for each in table.files}
    told = path.removesuffix(ends.pop()) if len(ends) == 1 and table.steps[-1] is None else path
    return tuple(step for common, step in zip(table.steps, told.split("/"), strict=True) if common is None)


def extension(path: str) -> str:
    """What follows the last dot of a name, with it; nothing in `.forward`."""
    stem, dot, rest = path.rpartition("/")[2].rpartition(".")
    return dot + rest if stem else ""


def alike(paths: Iterable[str]) -> list[list[str]]:
    """Mails of one depth and one kind of name, the most first."""
    found: dict[tuple[int, str], list[str]] = defaultdict(list)
    for path in paths:
        found[path.count("/"), extension(path)].append(path)
    return sorted(found.values(), key=len, reverse=True)


def named_alike(paths: Iterable[str]) -> list[list[str]]:
    """Files of one name, in directories of one depth."""
    found: dict[tuple[int, str], list[str]] = defaultdict(list)
    for path in paths:
        found[path.count("/"), path.rpartition("/")[2]].append(path)
    return [*found.values()]


def tables(read: Read, sights: dict[str, Sight]) -> Iterator[Table]:
    """Every table of the store, with the rows of a sample of its files."""
    charsets = Counter(form.charset for each in sights.values() if (form := each.form) and form.charset != NO_LETTERS)
    usual = charsets.most_common(1)[0][0] if charsets else "utf-8"
    for files in _groups(read, sights):
        shapes = Counter((sights[path].columns, *_dialect(sights[path].form)) for path in files)
        best = shapes.most_common(1)[0][0]
        chosen = next(path for path in files if (sights[path].columns, *_dialect(sights[path].form)) == best)
        form = sights[chosen].form
        assert form is not None
        coded = Counter(found.charset for path in files if (found := sights[path].form) and found.charset != NO_LETTERS)
        form = form.model_copy(update={"charset": coded.most_common(1)[0][0] if coded else usual})
        for each, columns in _forms(read, chosen, form, sights[chosen].columns):
            table = Table(each, columns, steps(files), files)
            fill(read, table)
            yield table


def fill(read: Read, table: Table) -> None:
    """Read its rows, of a sample of its files."""
    for path in table.files[:FILES]:
        for row in _rows(read, path, table):
            table.rows.append(row)


def _dialect(form: RowShape | None) -> tuple[str, ...]:
    return () if form is None else (str(getattr(form, "delimiter", "")),)


def _forms(
    read: Read, path: str, form: RowShape, columns: tuple[str, ...]
) -> Iterator[tuple[RowShape, tuple[str, ...]]]:
    content = read(path)
    if isinstance(content, Content):
        yield from forms(content.raw, form, columns)


def _signature(read: Read, path: str, sight: Sight) -> str:
    """What files of one table have in common: the columns, and in a database the names of its tables."""
    assert sight.form is not None
    told = _forms(read, path, sight.form, sight.columns)
    return repr(sorted((str(getattr(form, "table", "")), sorted(columns)) for form, columns in told))


def _groups(read: Read, sights: dict[str, Sight]) -> list[list[str]]:
    """The files of each table: of one name in many directories, or of many names in one."""
    named: dict[tuple[int, str, str], list[str]] = defaultdict(list)
    for path, sight in sights.items():
        named[path.count("/"), sight.kind, path.rpartition("/")[2]].append(path)
    single: dict[tuple[int, str, str, str], list[str]] = defaultdict(list)
    groups = []
    for (depth, kind, _), files in named.items():
        if len(files) > 1:
            groups.append(files)
        else:
            (path,) = files
            alike = _signature(read, path, sights[path])
            single[depth, kind, path.rpartition("/")[0] + extension(path), alike].append(path)
    for files in single.values():
        groups += [files] if len(files) > 2 else [[path] for path in files]
    return groups


def _rows(read: Read, path: str, table: Table) -> Iterator[Row]:
    content = read(path)
    if not isinstance(content, Content):
        return
    beside = {}
    for suffix in table.form.beside:
        more = read(path + suffix)
        if isinstance(more, Content):
            beside[suffix] = more.raw
    where = captures(table, path)
    try:
        with table.form.open(File(path, content.raw, beside), Wanted(table.columns)) as lines:
            for line in islice(lines.rows, ROWS // min(len(table.files), FILES)):
                if isinstance(line, Line) and len(line.cells) == len(table.columns):
                    kept = CELL if len(table.rows) < LONG_CELLS else KEY
                    yield Row(path, where, tuple(str(cell)[:kept].strip() for cell in line.cells))
    except (NoTable, UsageError):
        return
