"""Stores of files as the programs that own them lay them out; written here anew, so that no reader checks itself."""

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path as Directory

import pytest
from imapclient.imap_utf7 import encode as utf7

from migrator.model import ANSWERED, DELETED, DRAFT, FLAGGED, FORWARDED, SEEN, Flag, Path
from migrator.ports import Adapter, Source

NOBODY = 65534

LETTERS = {DRAFT: "D", FLAGGED: "F", FORWARDED: "P", ANSWERED: "R", SEEN: "S", DELETED: "T"}


def snapshot(root: Directory) -> object:
    """Everything below a root that reading could change: names, kinds, bytes, times, rights."""
    return {
        (os.fsencode(path), status.st_mode, status.st_mtime_ns, status.st_ctime_ns, status.st_size): (
            path.read_bytes() if path.is_file() else b""
        )
        for path in sorted(root.rglob("*"))
        for status in [path.lstat()]
    }


@dataclass
class Store:
    """A root and the adapter over it."""

    root: Directory
    adapter: Adapter
    settings: dict[str, object] = field(default_factory=dict)
    made: int = 0

    def open(self) -> AbstractContextManager[Source]:
        assert self.adapter.open_source is not None
        return self.adapter.open_source(self.adapter.config(root=self.root, **self.settings))

    def snapshot(self) -> object:
        return snapshot(self.root)

    def remove(self, handle: Directory) -> None:
        handle.unlink()


class MaildirStore(Store):
    """Dovecot's Maildir++."""

    def folder(self, account: str, path: Path) -> Directory:
        folder = self.root / account
        if path != ("INBOX",):
            folder /= "." + ".".join(utf7(name).decode() for name in path)
        return folder

    def make(self, account: str, path: Path) -> None:
        for part in ("cur", "new", "tmp"):
            (self.root / account / part).mkdir(parents=True, exist_ok=True)
            (self.folder(account, path) / part).mkdir(parents=True, exist_ok=True)

    def add(self, account: str, path: Path, raw: bytes, flags: frozenset[Flag], received_at: datetime) -> Directory:
        self.make(account, path)
        self.made += 1
        name = f"{int(received_at.timestamp())}.M{self.made}P7.mail,S={len(raw)}"
        file = self.folder(account, path) / "new" / name
        file.write_bytes(raw)
        return self.reflag(file, flags) if flags else file

    def reflag(self, handle: Directory, flags: frozenset[Flag]) -> Directory:
        keywords = handle.parent.parent / "dovecot-keywords"
        known = keywords.read_text().splitlines() if keywords.exists() else []
        words = [line.split(" ", 1)[1] for line in known]
        words += sorted(flag for flag in flags if flag not in LETTERS and flag not in words)
        if words:
            keywords.write_text("".join(f"{number} {word}\n" for number, word in enumerate(words)))
        letters = sorted(LETTERS[flag] if flag in LETTERS else chr(97 + words.index(flag)) for flag in flags)
        base = handle.name.partition(":2,")[0]
        return handle.rename(handle.parent.parent / "cur" / f"{base}:2,{''.join(letters)}")


class DirectoryStore(Store):
    """Directories that are folders."""

    def folder(self, account: str, path: Path) -> Directory:
        return self.root.joinpath(account, *path)

    def make(self, account: str, path: Path) -> None:
        self.folder(account, path).mkdir(parents=True, exist_ok=True)


class EmlStore(DirectoryStore):
    def add(self, account: str, path: Path, raw: bytes, flags: frozenset[Flag], received_at: datetime) -> Directory:
        self.make(account, path)
        self.made += 1
        file = self.folder(account, path) / f"{self.made:04} 件名.eml"
        file.write_bytes(raw)
        return file

    def reflag(self, handle: Directory, flags: frozenset[Flag]) -> Directory:
        raise NotImplementedError


MH_NAMES = {ANSWERED: "replied", FLAGGED: "flagged"}


class MhStore(DirectoryStore):
    def make(self, account: str, path: Path) -> None:
        super().make(account, path)
        (self.folder(account, path) / ".mh_sequences").touch()

    def add(self, account: str, path: Path, raw: bytes, flags: frozenset[Flag], received_at: datetime) -> Directory:
        self.make(account, path)
        self.made += 1
        file = self.folder(account, path) / str(self.made + 8)
        file.write_bytes(raw)
        return self.reflag(file, flags)

    def reflag(self, handle: Directory, flags: frozenset[Flag]) -> Directory:
        names = {MH_NAMES.get(flag, flag) for flag in flags - {SEEN}}
        names |= set() if SEEN in flags else {"unseen"}
        index = handle.parent / ".mh_sequences"
        lines = dict(line.split(":", 1) for line in index.read_text().splitlines())
        for name in set(lines) | names:
            numbers = set(lines.get(name, "").split()) - {handle.name}
            lines[name] = " ".join(sorted(numbers | ({handle.name} if name in names else set()), key=int))
        index.write_text("".join(f"{name}: {numbers}\n" for name, numbers in lines.items()))
        return handle


# -- mbox ----------------------------------------------------------------------------------------------------------


def asctime(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%a %b %e %H:%M:%S %Y")


def quoted(raw: bytes, variant: str) -> bytes:
    """The mail with its From lines quoted as a writer of that variant does."""
    match variant:
        case "mboxo" | "mboxcl":
            return re.sub(rb"(?m)^From ", b">From ", raw)
        case "mboxrd":
            return re.sub(rb"(?m)^(>*From )", rb">\1", raw)
        case _:
            return raw


def counted(raw: bytes, variant: str) -> bytes:
    """The mail with a Content-Length of its body as it will lie in the file."""
    head, blank, body = re.match(rb"(?s)(.*?\n)(\r?\n|\Z)(.*)", raw).groups()  # type: ignore[union-attr]
    return head + b"Content-Length: %d\n" % len(quoted(body, variant)) + blank + body


def mbox(mails: Iterable[bytes], variant: str, sender: str = "MAILER-DAEMON", at: datetime | None = None) -> bytes:
    """An mbox as a writer of that variant writes it; each mail ends in a blank line."""
    line = f"From {sender} {asctime(at or datetime(2009, 11, 2, tzinfo=UTC))}\n".encode()
    return b"".join(line + quoted(raw, variant) + (b"" if raw.endswith(b"\n") else b"\n") + b"\n" for raw in mails)


class MboxStore(Store):
    """One file a folder; From_ lines in UTC."""

    variant = "mboxrd"

    def file(self, account: str, path: Path) -> Directory:
        return self.root.joinpath(account, *(f"{name}.sbd" for name in path[:-1]), path[-1])

    def make(self, account: str, path: Path) -> None:
        file = self.file(account, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()

    def add(
        self, account: str, path: Path, raw: bytes, flags: frozenset[Flag], received_at: datetime
    ) -> tuple[Directory, int]:
        self.make(account, path)
        self.made += 1
        file = self.file(account, path)
        entry = mbox([self.flagged(raw, flags)], self.variant, f"mark-{self.made}@example.co.jp", received_at)
        file.write_bytes(file.read_bytes() + entry)
        return file, self.made

    def flagged(self, raw: bytes, flags: frozenset[Flag]) -> bytes:
        if not flags:
            return raw
        letters = "".join({ANSWERED: "A", FLAGGED: "F", DRAFT: "T"}.get(flag, "") for flag in sorted(flags))
        words = " ".join(sorted(flag for flag in flags if not flag.startswith("\\")))
        fields = f"Status: {'R' if SEEN in flags else ''}O\nX-Status: {letters}\nX-Keywords: {words}\n"
        return fields.encode() + raw

    def parts(self, file: Directory) -> list[bytes]:
        return re.split(rb"(?m)^(?=From mark-)", file.read_bytes())[1:]

    def remove(self, handle: tuple[Directory, int]) -> None:  # type: ignore[override]
        file, number = handle
        kept = [part for part in self.parts(file) if not part.startswith(b"From mark-%d@" % number)]
        file.write_bytes(b"".join(kept))

    def reflag(self, handle: tuple[Directory, int], flags: frozenset[Flag]) -> tuple[Directory, int]:
        file, number = handle
        parts = self.parts(file)
        for at, part in enumerate(parts):
            if part.startswith(b"From mark-%d@" % number):
                line, newline, rest = part.partition(b"\n")
                parts[at] = line + newline + self.flagged(rest, flags)
        file.write_bytes(b"".join(parts))
        return handle


# -- rights --------------------------------------------------------------------------------------------------------


@contextmanager
def unprivileged(*, owned: bool = True) -> Iterator[Directory]:
    """A root in which this process has no more rights than anybody; with a file of root's where it is not `owned`."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        root = Directory(name)
        if not owned:
            (root / "of-root").write_bytes(b"x")
        if os.geteuid():
            if not owned:
                pytest.skip("only root can leave a file of somebody else")
            yield root
            return
        os.chown(root, NOBODY, NOBODY)
        os.seteuid(NOBODY)
        try:
            yield root
        finally:
            os.seteuid(0)
