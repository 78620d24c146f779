"""The tables that one file holds, where its kind has several, or where only its rows name their columns."""

import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.parsers import expat

from adapters.groupware.rows.dump import SqlDump
from adapters.groupware.rows.elements import Xml
from adapters.groupware.rows.objects import Json
from adapters.groupware.rows.sections import Ini
from adapters.groupware.rows.shape import File, NoTable, RowShape, Wanted
from adapters.groupware.rows.sqlite import Sqlite
from migrator.errors import UsageError
from migrator.model import Raw

LINE = 2**20
"""Bytes of a line that are kept."""
SOME = 200
"""Rows from which the columns are told."""

Form = tuple[RowShape, tuple[str, ...]]


def forms(raw: Raw, form: RowShape, columns: Sequence[str]) -> Iterator[Form]:
    """Each table with its columns."""
    match form:
        case Sqlite():
            yield from _of_database(raw, form)
        case SqlDump():
            yield from _of_dump(raw, form)
        case Json():
            yield from _told(raw, form)
        case Ini():
            yield from _of_sections(raw, form)
        case Xml():
            yield from _of_elements(raw, form)
        case _:
            yield form, tuple(columns)


def _of_database(raw: Raw, form: Sqlite) -> Iterator[Form]:
    with TemporaryDirectory(prefix="migrator-") as folder:
        copy = Path(folder) / "copy"
        with raw.open() as stream, copy.open("wb") as file:
            shutil.copyfileobj(stream, file)
        with closing(sqlite3.connect(copy)) as database:
            try:
                for (name,) in database.execute("select name from sqlite_schema where type = 'table'").fetchall():
                    told = database.execute("select name from pragma_table_info(?)", (name,))
                    yield form.model_copy(update={"table": name}), tuple(column for (column,) in told)
            except sqlite3.DatabaseError:
                return


_CREATED = re.compile(
    rb"\s*(?:INSERT\s+INTO|CREATE\s+(?:\w+\s+){0,3}?TABLE|COPY)\s+(?:IF\s+NOT\s+EXISTS\s+)?([\w.`\"]+)", re.I
)


def _of_dump(raw: Raw, form: SqlDump) -> Iterator[Form]:
    for name in dict.fromkeys(_dumped(raw)):
        yield from _opened(raw, form.model_copy(update={"table": name}))


def _dumped(raw: Raw) -> Iterator[str]:
    """The names of tables wherever a line begins as such a statement does; some stand in the text of mails."""
    with raw.open() as stream:
        while line := stream.readline(LINE):
            if (found := _CREATED.match(line)) is not None:
                yield found[1].decode("utf-8", "surrogateescape").rpartition(".")[2].strip('`"')


def _opened(raw: Raw, form: RowShape) -> Iterator[Form]:
    """The form, where its own file says the columns."""
    try:
        with form.open(File(form.path, raw), Wanted(())) as lines:
            yield form, tuple(lines.columns)
    except (NoTable, UsageError):
        return


def _told(raw: Raw, form: RowShape) -> Iterator[Form]:
    """The form, where its rows say them."""
    try:
        with form.open(File(form.path, raw), Wanted(())) as lines:
            for _ in islice(lines.rows, SOME):
                pass
            if lines.told:
                yield form, tuple(lines.told)
    except (NoTable, UsageError):
        return


def _of_sections(raw: Raw, form: Ini) -> Iterator[Form]:
    with raw.open() as stream:
        lines = stream.read(2**20).decode(form.charset, "surrogateescape").splitlines()
    names = Counter(line.partition("=")[0].strip() for line in lines if "=" in line and line.lstrip()[:1] not in ";#")
    yield form, (form.section, *names)


def _of_elements(raw: Raw, form: Xml) -> Iterator[Form]:
    """Every element that stands several times in its parent and has something in it is a row."""
    counts, path = Counter[str](), list[str]()
    parser = expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        path.append(name)
        if len(path) == 2 or attributes:
            counts[name] += 1

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: path.pop() and None
    try:
        parser.Parse(raw.read(), True)
    except (expat.ExpatError, ValueError, LookupError):
        return
    for name, count in counts.items():
        if count > 1:
            yield from _told(raw, form.model_copy(update={"row": name}))


def json_form(path: str, data: Any) -> Json | None:
    """Where the rows lie in a JSON value: it is an array of objects, or holds one."""
    if isinstance(data, list):
        return Json(type="json", path=path) if data and isinstance(data[0], dict) else None
    if isinstance(data, dict):
        for name, inner in data.items():
            if isinstance(inner, list) and inner and isinstance(inner[0], dict) and "." not in name:
                return Json(type="json", path=path, items=name)
    return None


def dialect(head: bytes) -> str:
    """Whose dump it is."""
    if b"`" in head or b"MySQL" in head or b"MariaDB" in head:
        return "mysql"
    return (
        "h2" if b"CREATE CACHED TABLE" in head or b"SYSTEM_LOB_STREAM" in head or b"PUBLIC." in head else "postgresql"
    )


__all__ = ["dialect", "forms", "json_form"]
