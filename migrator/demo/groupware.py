"""共有メール 2.1, a groupware that never was, on disk. This file and mappings/stores/kyoyu-mail.toml know its layout.

    conf/users.csv                    everybody who ever had mail here
    user/<login>/folder.csv           their folders, each below its parent
    user/<login>/mail.csv             their mails, one a row: the index
    user/<login>/<folder>/*.eml       the mails
    user/<login>/mail.lock            there while the program runs, and after it has crashed
    share/<inbox>/*.csv               a shared inbox: who belongs to it, who handles which mail and how far,
                                      what happened and was noted, tags, the store's own conversations, templates
    work/*.tmp                        mails that were being received

All CSV is CP932 with CRLF. Where a text has a line end, a cell has <BR>.
"""

import csv
import os
from collections.abc import Iterable
from datetime import datetime
from enum import IntFlag
from pathlib import Path
from types import TracebackType
from typing import IO

from migrator.demo.people import Person


class Mark(IntFlag):
    """The bits of 状態 in the index."""

    READ = 1
    REPLIED = 2
    FORWARDED = 4
    FLAGGED = 8
    DELETED = 16
    DRAFT = 32
    PRINTED = 64


INBOX, SENT, DRAFTS, TRASH, JUNK = "受信箱", "送信済み", "下書き", "ごみ箱", "迷惑メール"
KINDS = {INBOX: 1, SENT: 2, DRAFTS: 3, TRASH: 4, JUNK: 5}
"""The codes of 種別 in the table of folders; 0 is a folder somebody made."""

USERS = ("ユーザID", "ログイン名", "氏名", "所属", "メールアドレス", "在籍", "種別")
FOLDERS = ("フォルダID", "親フォルダID", "フォルダ名", "種別")
INDEX = ("メールID", "フォルダID", "ファイル名", "状態", "受信日時", "差出人", "件名", "サイズ")
MEMBERS = ("ログイン名", "権限", "期限")
STATES = ("メールID", "担当", "状態", "期日", "更新日時", "更新者")
COMMENTS = ("メールID", "番号", "記入者", "コメント", "記入日時")
HISTORY = ("番号", "メールID", "操作", "変更前", "変更後", "操作者", "操作日時")
TAGS = ("メールID", "タグ", "色")
THREADS = ("メールID", "案件番号", "枝番")
TEMPLATES = ("番号", "名称", "件名", "本文")


class Table:
    """A CSV file, written row by row; what CP932 does not have becomes a question mark."""

    def __init__(self, path: Path, columns: Iterable[str]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file: IO[str] = path.open("w", encoding="cp932", errors="replace", newline="")
        self._rows = csv.writer(self.file, lineterminator="\r\n")
        self.write(*columns)

    def write(self, *cells: object) -> None:
        self._rows.writerow(cells)

    def close(self) -> None:
        self.file.close()


class Account:
    """One account's part of the store. Folders and mails are numbered as they come."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.index = Table(home / "mail.csv", INDEX)
        self._folders = Table(home / "folder.csv", FOLDERS)
        self._made: dict[str, str] = {}
        self._mails = 0
        for name in KINDS:
            self.folder(name)

    @property
    def folders(self) -> int:
        """How many folders there are."""
        return len(self._made)

    def folder(self, *path: str) -> str:
        """The id of the folder with these names from the top; made where there is none yet, its parents too."""
        name = "\n".join(path)
        if name not in self._made:
            parent = self.folder(*path[:-1]) if len(path) > 1 else ""
            self._made[name] = f"{len(self._made) + 1:04d}"
            self._folders.write(self._made[name], parent, path[-1], KINDS.get(path[-1], 0) if not parent else 0)
            (self.home / self._made[name]).mkdir()
        return self._made[name]

    def put(
        self, folder: str, mail: bytes, *, at: datetime, marks: int = 0, sender: str = "", subject: str = ""
    ) -> tuple[str, Path]:
        """Store a mail as the groupware did, file and index row; its number and where it lies."""
        number = self.next()
        path = self.file(folder, f"{number}.eml", mail, at=at)
        self.row(number, folder, path.name, at=at, marks=marks, sender=sender, subject=subject, size=len(mail))
        return number, path

    def next(self) -> str:
        """The number of the next mail."""
        self._mails += 1
        return f"{self._mails:08d}"

    def file(self, folder: str, name: str, mail: bytes, *, at: datetime) -> Path:
        """Write a mail's file alone. It was last written when the mail came."""
        path = self.home / folder / name
        path.write_bytes(mail)
        os.utime(path, (at.timestamp(), at.timestamp()))
        return path

    def row(
        self,
        number: str,
        folder: str,
        name: str,
        *,
        at: datetime,
        marks: int = 0,
        sender: str = "",
        subject: str = "",
        size: int = 0,
    ) -> None:
        """Write a mail's index row alone."""
        moment = at.strftime("%Y/%m/%d %H:%M:%S")
        self.index.write(number, folder, name, int(marks), moment, sender, subject, size)

    def close(self) -> None:
        self.index.close()
        self._folders.close()


class Groupware:
    """A store in the making. Close it: only then are its tables complete."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._users = Table(root / "conf" / "users.csv", USERS)
        self._accounts: dict[str, Account] = {}
        self._tables: list[Table] = []

    def account(self, person: Person) -> Account:
        """The person's account, made at the first call."""
        if person.login not in self._accounts:
            number = f"{len(self._accounts) + 1:03d}"
            shared = int(person.section == "メール共有")
            self._users.write(
                number, person.login, person.name, person.section, person.address, int(not person.gone), shared
            )
            self._accounts[person.login] = Account(self.root / "user" / person.login)
        return self._accounts[person.login]

    @property
    def accounts(self) -> dict[str, Account]:
        """The accounts by login, in the order they were made."""
        return self._accounts

    def table(self, path: str, columns: Iterable[str]) -> Table:
        """One more table of the store, closed with it."""
        self._tables.append(Table(self.root / path, columns))
        return self._tables[-1]

    def close(self) -> None:
        for table in (self._users, *self._tables):
            table.close()
        for account in self._accounts.values():
            account.close()

    def __enter__(self) -> "Groupware":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
