"""A legacy store for tests, whose tables are written anew at every change; and two mappings that describe it."""

from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from adapters.groupware import adapter
from migrator.model import Flag, Folder, Item, NotMail, Unchanged, Unreadable
from migrator.model import Path as FolderPath
from migrator.ports import Source

Each = Item | Unchanged | Unreadable | NotMail

SHARED_TABLES = r"""
mapping = 1
name = "shared-tables"

[tables.users]
rows = { type = "csv", path = "users.tsv", charset = "utf-8", delimiter = "\t" }
key = ["id"]
columns = { id = "uid", login = "login" }

[tables.folders]
rows = { type = "csv", path = "folders.tsv", charset = "utf-8", delimiter = "\t" }
key = ["user", "id"]
joins = [{ table = "users", on = { user = "id" } }]
columns = { id = "fid", user = "uid", path = "path" }

[tables.index]
rows = { type = "csv", path = "index.tsv", charset = "utf-8", delimiter = "\t" }
key = ["number"]
joins = [
    { table = "users", on = { user = "id" } },
    { table = "folders", on = { user = "user", folder = "id" } },
]

[tables.index.columns]
number = "no"
user = "uid"
folder = "fid"
file = "file"
received = { column = "at", as = { kind = "date", format = "epoch" } }

[tables.index.columns.marks]
column = "marks"

[tables.index.columns.marks.as]
kind = "flags"
written = "letters"
map = { R = '\Seen', A = '\Answered', F = '\Flagged', W = "work" }

[accounts]
table = "users"
name = "login"

[folders]
table = "folders"
path = "path"

[[messages]]
table = "index"
container = { type = "file", path = "data/{folder}/{file}" }
flags = ["marks"]
received = "received"

[not_mail]
lock = ["*.lock", "tmp/*"]
"""
"""All accounts in the same three tables, UTF-8 with TAB; all mails below one directory."""

LETTERS = {"\\Seen": "R", "\\Answered": "A", "\\Flagged": "F", "work": "W"}


@dataclass
class Row:
    """One row of the index."""

    number: str
    account: str
    folder: str
    file: str
    marks: str = ""
    at: str = ""

    def line(self, uid: str) -> str:
        return "\t".join([self.number, uid, self.folder, self.file, self.marks, self.at])


@dataclass
class LegacyStore:
    """A store of shared tables. It is a `SourceStore` of the contract, and more."""

    root: Path
    mapping: str = SHARED_TABLES
    users: dict[str, str] = field(default_factory=dict)
    folders: dict[tuple[str, FolderPath], str] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    extra: list[bytes] = field(default_factory=list)
    """Lines of the index as bytes, after the rows."""
    _number: int = 0

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.write()

    def open(self) -> AbstractContextManager[Source]:
        file = self.root.parent / "mapping.toml"
        if not file.exists() or file.read_text("utf-8") != self.mapping:
            file.write_text(self.mapping, "utf-8")
        assert adapter.open_source is not None
        return adapter.open_source(adapter.config(mapping=str(file), root=self.root))

    def make(self, account: str, path: FolderPath) -> None:
        self.folder(account, path)
        self.write()

    def folder(self, account: str, path: FolderPath) -> str:
        self.users.setdefault(account, f"u{len(self.users)}")
        return self.folders.setdefault((account, path), f"f{len(self.folders)}")

    def add(self, account: str, path: FolderPath, raw: bytes, flags: frozenset[Flag], received_at: datetime) -> Row:
        folder = self.folder(account, path)
        self._number += 1
        marks = "".join(sorted(LETTERS[flag] for flag in flags))
        row = Row(
            f"{self._number:05d}", account, folder, f"{self._number}.eml", marks, str(int(received_at.timestamp()))
        )
        self.file(f"data/{folder}/{row.file}", raw)
        self.rows.append(row)
        self.write()
        return row

    def file(self, path: str, raw: bytes) -> Path:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(raw)
        return place

    def remove(self, handle: Row) -> None:
        self.rows.remove(handle)
        (self.root / "data" / handle.folder / handle.file).unlink()
        self.write()

    def reflag(self, handle: Row, flags: frozenset[Flag]) -> Row:
        handle.marks = "".join(sorted(LETTERS[flag] for flag in flags))
        self.write()
        return handle

    def write(self) -> None:
        self.table("users.tsv", "uid\tlogin\tname", [f"{uid}\t{login}\tだれか" for login, uid in self.users.items()])
        self.table(
            "folders.tsv",
            "fid\tuid\tpath",
            [f"{fid}\t{self.users[login]}\t{'/'.join(path)}" for (login, path), fid in self.folders.items()],
        )
        lines = [row.line(self.users[row.account]) for row in self.rows]
        self.table("index.tsv", "no\tuid\tfid\tfile\tmarks\tat", lines, self.extra)

    def table(self, name: str, header: str, lines: list[str], extra: list[bytes] = []) -> None:  # noqa: B006
        text = "".join(f"{line}\r\n" for line in (header, *lines)).encode() + b"".join(line + b"\r\n" for line in extra)
        path = self.root / name
        if not path.exists() or path.read_bytes() != text:
            path.write_bytes(text)

    def snapshot(self) -> object:
        return snapshot(self.root)


def snapshot(root: Path) -> dict[str, tuple[int, int, int, str]]:
    """Every file and directory: mode, mtime, inode, digest."""
    seen = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        seen[str(path.relative_to(root))] = (status.st_mode, status.st_mtime_ns, status.st_ino, digest)
    return seen


def nothing(key: str, stamp: str) -> bool:
    """A staging that knows no item yet."""
    return False


def walk(source: Source) -> dict[Folder, list[Each]]:
    """All that a source holds, by folder."""
    return {
        folder: list(source.items(folder, after=None, known=nothing))
        for account in source.accounts()
        for folder in source.folders(account)
    }


def counted(source: Source) -> dict[Folder, tuple[int, int]]:
    """What the census says of every folder."""
    return {
        count.folder: (count.artefacts, count.bytes)
        for account in source.accounts()
        for count in source.census(account)
    }


def reasons(found: dict[Folder, list[Each]]) -> list[str]:
    """The codes of all faults."""
    return sorted(each.reason.code for all_ in found.values() for each in all_ if isinstance(each, Unreadable))


def items(found: dict[Folder, list[Each]]) -> list[Item]:
    return [each for all_ in found.values() for each in all_ if isinstance(each, Item)]
