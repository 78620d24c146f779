"""An adapter as somebody else would write it, in a package of its own: a mail client that keeps all mail in one SQLite
file. It knows migrator's contract and nothing else of it."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from migrator.errors import Reason, UsageError
from migrator.model import Account, Count, DateSource, Evidence, Folder, Identity, Item, Raw, Unchanged
from migrator.ports import Adapter, Known, Source

SCHEMA = """
CREATE TABLE about (store TEXT);
CREATE TABLE box (id INTEGER PRIMARY KEY, account TEXT, path TEXT, UNIQUE (account, path));
CREATE TABLE letter (id INTEGER PRIMARY KEY AUTOINCREMENT, box INTEGER, raw BLOB, flags TEXT, came TEXT);
"""


class Config(BaseModel):
    root: Path


class PolarBear:
    """The file, read and never written."""

    exact = True

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def identity(self) -> Identity:
        store = self._one("SELECT store FROM about")
        return Identity(f"polarbear:{store}")

    def accounts(self) -> Iterator[Account]:
        for (name,) in self._database.execute("SELECT DISTINCT account FROM box ORDER BY account"):
            yield Account(name)

    def folders(self, account: Account) -> Iterator[Folder]:
        for (path,) in self._database.execute("SELECT path FROM box WHERE account = ? ORDER BY id", (account.name,)):
            yield Folder(account, tuple(json.loads(path)))

    def census(self, account: Account) -> Iterator[Count]:
        for folder in self.folders(account):
            query = "SELECT count(*), coalesce(sum(length(raw)), 0) FROM letter WHERE box = ?"
            mails, size = self._database.execute(query, (self._box(folder),)).fetchone()
            yield Count(folder, mails, size)

    def items(self, folder: Folder, *, after: str | None, known: Known) -> Iterator[Item | Unchanged]:
        query = "SELECT id, length(raw), flags, came FROM letter WHERE box = ? AND id > ? ORDER BY id"
        rows = self._database.execute(query, (self._box(folder), int(after or 0))).fetchall()
        for number, size, told, came in rows:
            key, stamp, flags = str(number), f"{number}:{size}", frozenset(json.loads(told))
            if known(key, stamp):
                yield Unchanged(key=key, stamp=stamp, flags=flags)
                continue
            raw = Raw.of(self._one("SELECT raw FROM letter WHERE id = ?", number))
            dates = (Evidence(DateSource.INDEX, datetime.fromisoformat(came)),)
            yield Item(key=key, stamp=stamp, raw=raw, flags=flags, dates=dates)

    def _box(self, folder: Folder) -> int | None:
        where = folder.account.name, json.dumps(folder.path)
        row = self._database.execute("SELECT id FROM box WHERE account = ? AND path = ?", where).fetchone()
        return row and int(row[0])

    def _one(self, query: str, *values: object) -> Any:
        return self._database.execute(query, values).fetchone()[0]


@contextmanager
def open_source(config: Config) -> Iterator[Source]:
    """Nobody else writes while we read: the client is closed."""
    path = config.root / "mail.polar"
    if not path.is_file():
        raise UsageError(Reason("files.no-root", root=str(path)))
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
        yield PolarBear(database)


adapter = Adapter(config=Config, open_source=open_source)
