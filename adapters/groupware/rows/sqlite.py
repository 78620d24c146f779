"""Rows out of a table of an SQLite database, which is copied with its journals and opened there.

To open it in place would write beside it, and without its journal what was last written is not in it.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import ClassVar, Literal

from typing_extensions import override

from adapters.groupware.rows.shape import BrokenLine, File, Line, Lines, NoTable, RowShape, Wanted, decoded
from adapters.groupware.values import Cell
from migrator.errors import Reason, UsageError
from migrator.model import Raw
from migrator.text import storable

DAMAGED = (sqlite3.DatabaseError, UnicodeDecodeError)
"""The second, where SQLite's own message quotes bytes of the file that are no UTF-8."""

# The schema of a database is somebody else's program: none of it may run here, nor anything but reading.
_SAFELY = "pragma trusted_schema = off; pragma cell_size_check = on; pragma mmap_size = 0; pragma query_only = on;"


class Sqlite(RowShape):
    """Rows out of the table `table` of an SQLite database."""

    type: Literal["sqlite"]
    table: str

    beside: ClassVar[tuple[str, ...]] = ("-wal", "-journal")
    aside: ClassVar[tuple[str, ...]] = ("-shm",)

    @override
    @contextmanager
    def open(self, file: File, wanted: Wanted) -> Iterator[Lines]:
        with tempfile.TemporaryDirectory(prefix="migrator-") as folder:
            copy = Path(folder) / "copy"
            for suffix, raw in (("", file.raw), *file.beside.items()):
                _write(copy.with_name(f"copy{suffix}"), raw, file.path + suffix)
            with closing(sqlite3.connect(copy, isolation_level=None)) as database:
                text = _Text(self.charset)
                database.text_factory = bytes
                try:
                    database.executescript(_SAFELY)
                    name = self._found(database, file, text)
                    described = database.execute("select name from pragma_table_info(?)", (name,))
                    columns = [text.read(column) for (column,) in described]
                except DAMAGED as error:
                    raise NoTable(_damaged(file, 0, error)) from error
                yield Lines(columns, self._rows(database, name, file, text, [each in wanted.raw for each in columns]))

    def _found(self, database: sqlite3.Connection, file: File, text: "_Text") -> str:
        """The table's name as the database writes it. Raises UsageError where there is none."""
        there = [text.read(name) for (name,) in database.execute("select name from sqlite_schema where type = 'table'")]
        found = [name for name in there if name.casefold() == self.table.casefold()]
        if not found:
            names = storable(", ".join(there))
            raise UsageError(Reason("groupware.table-absent", file=file.path, table=self.table, there=names))
        return found[0]

    def _rows(
        self, database: sqlite3.Connection, name: str, file: File, text: "_Text", raw: list[bool]
    ) -> Iterator[Line | BrokenLine]:
        number = 0
        try:
            for row in database.execute('select * from "{}"'.format(name.replace('"', '""'))):  # noqa: S608 - quoted
                number += 1
                cells = [text.cell(value, whole) for value, whole in zip(row, raw, strict=True)]
                yield Line(number, cells, text.was_odd())
        except DAMAGED as error:
            # What lies on the pages behind a damaged one cannot be reached; the rows before it stand.
            yield BrokenLine(number + 1, b"%d" % (number + 1), _damaged(file, number + 1, error))


class _Text:
    """Reads what the database calls text, whatever bytes it is."""

    def __init__(self, charset: str) -> None:
        self._charset, self._odd = charset, False

    def read(self, data: bytes) -> str:
        text, odd = decoded(data, self._charset)
        self._odd = self._odd or odd
        return text

    def was_odd(self) -> bool:
        """Whether some text since the last question was none."""
        odd, self._odd = self._odd, False
        return odd

    def cell(self, value: object, whole: bool) -> Cell:
        match value:
            case None:
                return b"" if whole else ""
            case bytes():
                return value if whole else self.read(value)
            case _:
                return str(value).encode() if whole else str(value)


def _write(path: Path, raw: Raw, name: str) -> None:
    """Raises UsageError where the temporary directory has no room for a copy."""
    try:
        with raw.open() as stream, path.open("wb") as copy:
            shutil.copyfileobj(stream, copy, 2**20)
    except OSError as error:
        raise UsageError(Reason("spool.no-room", path=name)) from error


def _damaged(file: File, line: int, error: Exception) -> Reason:
    return Reason("groupware.database-damaged", file=file.path, line=line, answer=storable(str(error)))
