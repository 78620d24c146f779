"""What the stranger runs against their adapter: migrator's contract, over a store that their users work with."""

import json
import sqlite3
from contextlib import AbstractContextManager, closing
from datetime import datetime
from pathlib import Path

import polarbear
import pytest

from migrator.model import Flag
from migrator.model import Path as MailPath
from migrator.ports import Source
from migrator.registry import adapter
from migrator.testing import SourceContract


class Client:
    """Whoever works with the mail client."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._do(("INSERT INTO about VALUES ('store-1')",), schema=polarbear.SCHEMA)

    def open(self) -> AbstractContextManager[Source]:
        installed = adapter("polarbear")
        assert installed.open_source is not None
        return installed.open_source(installed.config(root=self.root))

    def make(self, account: str, path: MailPath) -> None:
        self._do(("INSERT OR IGNORE INTO box (account, path) VALUES (?, ?)", account, json.dumps(path)))

    def add(self, account: str, path: MailPath, raw: bytes, flags: frozenset[Flag], received_at: datetime) -> int:
        self.make(account, path)
        return self._do(
            (
                "INSERT INTO letter (box, raw, flags, came) SELECT id, ?, ?, ? FROM box WHERE account = ? AND path = ?",
                raw,
                json.dumps(sorted(flags)),
                received_at.isoformat(),
                account,
                json.dumps(path),
            )
        )

    def remove(self, handle: int) -> None:
        self._do(("DELETE FROM letter WHERE id = ?", handle))

    def reflag(self, handle: int, flags: frozenset[Flag]) -> int:
        self._do(("UPDATE letter SET flags = ? WHERE id = ?", json.dumps(sorted(flags)), handle))
        return handle

    def snapshot(self) -> object:
        return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in self.root.iterdir()}

    def _do(self, statement: tuple[object, ...], schema: str = "") -> int:
        with closing(sqlite3.connect(self.root / "mail.polar")) as database, database:
            database.executescript(schema)
            query, *values = statement
            return database.execute(str(query), values).lastrowid or 0


class TestPolarBear(SourceContract):
    keywords = frozenset({"$Forwarded", "対応中"})

    @pytest.fixture
    def store(self, tmp_path: Path) -> Client:
        return Client(tmp_path)
