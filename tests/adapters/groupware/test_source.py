"""A declared legacy store keeps the contract of every source, whichever way its tables are laid out."""

import csv
import io
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import ClassVar

import pytest

from adapters.groupware import adapter
from migrator.model import ANSWERED, DELETED, DRAFT, FLAGGED, FORWARDED, SEEN, Flag
from migrator.model import Path as FolderPath
from migrator.ports import Source
from migrator.testing import NAMES, SourceContract
from tests.adapters.groupware.builder import LegacyStore, snapshot


class TestSharedTables(SourceContract):
    """One table of users, folders and mails for all accounts."""

    keywords: ClassVar[frozenset[Flag]] = frozenset({"work"})

    @pytest.fixture
    def store(self, tmp_path: Path) -> LegacyStore:
        return LegacyStore(tmp_path / "store")


BITS = {SEEN: 1, ANSWERED: 2, FORWARDED: 4, FLAGGED: 8, DELETED: 16, DRAFT: 32}


USERS = ["ユーザID", "ログイン名", "氏名", "メールアドレス", "在籍", "種別"]


class KyoyuMail:
    """A store of `kyoyu-mail`, as its users change it: each account has tables of its own, in CP932."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folders: dict[str, dict[FolderPath, list[str]]] = {}
        self._rows: dict[str, list[list[str]]] = {}
        self._write("conf/users.csv", USERS, [])

    def open(self) -> AbstractContextManager[Source]:
        assert adapter.open_source is not None
        return adapter.open_source(adapter.config(mapping="kyoyu-mail", root=self.root))

    def make(self, account: str, path: FolderPath) -> None:
        folders = self._folders.setdefault(account, {})
        for depth in range(1, len(path) + 1):
            parent = folders[path[: depth - 1]][0] if depth > 1 else ""
            folders.setdefault(path[:depth], [f"{len(folders):04d}", parent, path[depth - 1], "0"])
        self._tables(account)

    def add(
        self, account: str, path: FolderPath, raw: bytes, flags: frozenset[Flag], received_at: datetime
    ) -> list[str]:
        self.make(account, path)
        rows = self._rows.setdefault(account, [])
        number = f"{sum(map(len, self._rows.values())):08d}.{received_at.timestamp():.0f}"
        folder = self._folders[account][path][0]
        at = received_at.astimezone(SourceContract.received_at.tzinfo)
        row = [number, folder, f"{number}.eml", str(sum(BITS[flag] for flag in flags)), f"{at:%Y/%m/%d %H:%M:%S}"]
        place = self.root / "user" / account / folder / row[2]
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(raw)
        rows.append(row)
        self._tables(account)
        return row

    def remove(self, handle: list[str]) -> None:
        for account, rows in self._rows.items():
            if handle in rows:
                rows.remove(handle)
                (self.root / "user" / account / handle[1] / handle[2]).unlink()
                self._tables(account)

    def reflag(self, handle: list[str], flags: frozenset[Flag]) -> list[str]:
        handle[3] = str(sum(BITS[flag] for flag in flags))
        for account in self._rows:
            self._tables(account)
        return handle

    def snapshot(self) -> object:
        return snapshot(self.root)

    def _tables(self, account: str) -> None:
        users = [[f"{number:03d}", login] for number, login in enumerate(self._folders)]
        self._write("conf/users.csv", USERS, [[*each, "", "", "1", "0"] for each in users])
        folders = ["フォルダID", "親フォルダID", "フォルダ名", "種別"]
        self._write(f"user/{account}/folder.csv", folders, [*self._folders[account].values()])
        index = ["メールID", "フォルダID", "ファイル名", "状態", "受信日時"]
        self._write(f"user/{account}/mail.csv", index, self._rows.get(account, []))

    def _write(self, path: str, columns: list[str], rows: list[list[str]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerows([columns, *rows])
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.getvalue().encode("cp932"))


def in_cp932(path: FolderPath) -> bool:
    return "".join(path).encode("cp932", "ignore").decode("cp932") == "".join(path)


class TestTablesOfEachAccount(SourceContract):
    """The shipped mapping: every account has its own tables and directory."""

    flags: ClassVar[frozenset[Flag]] = frozenset(BITS)
    names: ClassVar[tuple[FolderPath, ...]] = (*filter(in_cp932, NAMES), ("お客様", "架空電機/保守", "(空)"))

    @pytest.fixture
    def store(self, tmp_path: Path) -> KyoyuMail:
        return KyoyuMail(tmp_path / "store")
