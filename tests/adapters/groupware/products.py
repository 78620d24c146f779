"""Products whose stores our mappings describe, as their users work with them: each is a `SourceStore` of the contract.

Their files are written anew at every change, as the products' own sources say that they are written.
"""

import re
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

from adapters.groupware import adapter
from migrator.model import ANSWERED, DELETED, FLAGGED, SEEN, Flag
from migrator.model import Path as FolderPath
from migrator.ports import Source
from tests.adapters.files.layouts import mbox
from tests.adapters.groupware.builder import snapshot
from tests.adapters.groupware.dbms import berkeley


@dataclass(eq=False)
class Kept:
    """One mail of a store."""

    number: int
    account: str
    path: FolderPath
    raw: bytes
    flags: frozenset[Flag]
    received_at: datetime
    files: list[tuple[str, bytes]] = field(default_factory=list)

    def header(self, name: str) -> str:
        return str(message_from_bytes(self.raw, policy=policy.compat32)[name] or "")

    @property
    def body(self) -> str:
        _, _, body = self.raw.replace(b"\r\n", b"\n").partition(b"\n\n")
        return body.decode("utf-8", "replace")


class Product:
    """What they have in common."""

    mapping = ""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folders: dict[str, list[FolderPath]] = {}
        self.mails: list[Kept] = []
        self._number = 0
        root.mkdir(parents=True, exist_ok=True)
        self.write()

    def open(self) -> AbstractContextManager[Source]:
        assert adapter.open_source is not None
        return adapter.open_source(adapter.config(mapping=self.mapping, root=self.root))

    def make(self, account: str, path: FolderPath) -> None:
        paths = self.folders.setdefault(account, [])
        if path not in paths:
            paths.append(path)
        self.write()

    def add(self, account: str, path: FolderPath, raw: bytes, flags: frozenset[Flag], received_at: datetime) -> Kept:
        self._number += 1
        self.mails.append(Kept(self._number, account, path, raw, flags, received_at))
        self.make(account, path)
        return self.mails[-1]

    def remove(self, handle: Kept) -> None:
        self.mails.remove(handle)
        self.write()

    def reflag(self, handle: Kept, flags: frozenset[Flag]) -> Kept:
        handle.flags = flags
        self.write()
        return handle

    def snapshot(self) -> object:
        return snapshot(self.root)

    def write(self) -> None:
        raise NotImplementedError

    def put(self, path: str, data: bytes) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists() or place.read_bytes() != data:
            place.write_bytes(data)


class OpenWebMail(Product):
    """An mbox a folder with marks in each mail's header, and an index in DBM."""

    mapping = "openwebmail"

    def write(self) -> None:
        for account, paths in self.folders.items():
            self.put(f"home/{account}/.openwebmail/openwebmailrc", b"language=ja\n")
            for path in paths:
                kept = [each for each in self.mails if (each.account, each.path) == (account, path)]
                name = "/".join(path)
                file = f"spool/{account}" if name == "INBOX" else f"home/{account}/mail/{name}"
                entries = [mbox([self.marked(each)], "mboxrd", "a@example.co.jp", each.received_at) for each in kept]
                self.put(file, b"".join(entries))
                index = account if name == "INBOX" else name.replace("/", "#")
                place = self.root / f"home/{account}/.openwebmail/db/{index}.db"
                place.parent.mkdir(parents=True, exist_ok=True)
                berkeley(place, self.index(kept, entries).items())

    def marked(self, mail: Kept) -> bytes:
        """With its marks behind its header, where there are any."""
        status = ("R" if SEEN in mail.flags else "") + ("D" if "D" in mail.flags else "")
        marks = "".join(letter for flag, letter in ((ANSWERED, "A"), (FLAGGED, "I")) if flag in mail.flags)
        fields = (f"Status: {status}\n" if status else "") + (f"X-Status: {marks}\n" if marks else "")
        return re.sub(rb"\n(?=\r?\n)", b"\n" + fields.encode(), mail.raw, count=1)

    def index(self, mails: Iterable[Kept], entries: Iterable[bytes]) -> dict[bytes, bytes]:
        """Its keys and values, with those that are no mail."""
        pairs = {b"DBVERSION": b"20100828.1", b"METAINFO": b"mtime=1 size=2", b"ALLMESSAGES": b"1"}
        at = 0
        for mail, entry in zip(mails, entries, strict=True):
            date = mail.received_at.astimezone(UTC).strftime("%Y%m%d%H%M%S")
            status = ("R" if SEEN in mail.flags else "") + "T" + ("Z" if DELETED in mail.flags else "")
            row = [str(at), str(len(entry)), "100", "sum", date, date, "a", "b", "件名", "text/plain", "", status, ""]
            pairs[mail.header("Message-ID").encode() or b"<made@up>"] = "\n".join(row).encode()
            at += len(entry)
        return pairs
