"""The two layouts of an archive: a Maildir that mail programs open, and .eml files that people open."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path as Directory
from secrets import token_hex
from string import ascii_lowercase

from adapters import utf7
from adapters.files.archive import shortened
from adapters.files.index import NAME, Line, sync
from adapters.files.maildirs import KEYWORDS, LETTERS, parse_keywords, parse_name
from adapters.files.shelf import EPOCH
from migrator.errors import FolderError, Reason
from migrator.model import Flag, Path
from migrator.ports import Limits

BATCH = 2**25
"""Bytes of mail that are written before they are numbered together."""


class MaildirLayout:
    """Maildir++ with names in modified UTF-7 and Dovecot's keywords: a mail server can serve it as it lies.

    Flags stand in a file's name, the received time is the file's own.
    """

    def __init__(self, item_bytes: int | None) -> None:
        self.limits = Limits(
            batch_items=100,
            batch_bytes=BATCH,
            item_bytes=item_bytes,
            forbidden=frozenset("/."),
            keywords=len(ascii_lowercase),
            late_commit=0,
        )

    def directory(self, mailbox: Directory, path: Path) -> Directory:
        if path == ("INBOX",):
            return mailbox
        _check(path, self.limits)
        return mailbox / shortened("." + ".".join(utf7.encode(name).decode() for name in path))

    def make(self, directory: Directory) -> None:
        for each in (directory, *(directory / name for name in ("tmp", "new", "cur"))):
            _make(each)

    def exists(self, directory: Directory) -> bool:
        return (directory / "cur").is_dir()

    def workshop(self, directory: Directory) -> Directory:
        return directory / "tmp"

    def homes(self, directory: Directory) -> Sequence[Directory]:
        return directory / "new", directory / "cur"

    def files(self, directory: Directory) -> dict[str, str]:
        found = {}
        for part in ("new", "cur"):
            with os.scandir(directory / part) as entries:
                for entry in entries:
                    if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
                        found[os.fsdecode(parse_name(os.fsencode(entry.name))[0])] = f"{part}/{entry.name}"
        return found

    def keep(self, directory: Directory, flags: frozenset[Flag]) -> frozenset[Flag]:
        system = flags & frozenset(LETTERS.values())
        words = {flag for flag in flags if not flag.startswith("\\") and flag.isprintable()}
        known = self._keywords(directory)
        unused = [letter for letter in ascii_lowercase if letter not in known]
        fresh = dict(zip(unused, sorted(words - set(known.values())), strict=False))
        if fresh:
            known |= fresh
            lines = (f"{ascii_lowercase.index(letter)} {word}\n" for letter, word in sorted(known.items()))
            _replace(directory / KEYWORDS, "".join(lines).encode())
        return system | (words & set(known.values()))

    def name(self, line: Line, attempt: int) -> str:
        seconds = max(0, (line.received_at - EPOCH) // timedelta(seconds=1))
        return f"{seconds}.R{token_hex(8)}.migrator,S={line.size}"

    def file(self, directory: Directory, name: str, flags: frozenset[Flag]) -> str:
        if not flags:
            return f"new/{name}"
        # Dovecot has a keyword for $Forwarded where the specification has a P: both are written
        meanings = [*LETTERS.items(), *self._keywords(directory).items()]
        return f"cur/{name}:2,{''.join(sorted(letter for letter, flag in meanings if flag in flags))}"

    def state(self, directory: Directory, file: str, line: Line) -> tuple[frozenset[Flag], datetime]:
        info = parse_name(os.fsencode(file.rpartition("/")[2]))[1]
        letters = {**LETTERS, **(self._keywords(directory) if info.lower() != info.upper() else {})}
        at = EPOCH + timedelta(microseconds=(directory / file).stat().st_mtime_ns // 1000)
        return frozenset(letters[each] for each in info if each in letters), at.astimezone(UTC)

    def _keywords(self, directory: Directory) -> dict[str, Flag]:
        try:
            return parse_keywords((directory / KEYWORDS).read_bytes())
        except FileNotFoundError:
            return {}


class EmlLayout:
    """Directories named as the places are, files named by their numbers; flags and dates stand in the index."""

    def __init__(self, item_bytes: int | None) -> None:
        # what Windows cannot have in a name either: such archives end on file servers
        self.limits = Limits(
            batch_items=100,
            batch_bytes=BATCH,
            item_bytes=item_bytes,
            name_bytes=255,
            forbidden=frozenset('/\\:*?"<>|'),
            late_commit=0,
        )

    def directory(self, mailbox: Directory, path: Path) -> Directory:
        _check(path, self.limits)
        return mailbox.joinpath(*path)

    def make(self, directory: Directory) -> None:
        for each in (*reversed(directory.parents), directory):
            _make(each)
        (directory / NAME).touch(mode=0o600)

    def exists(self, directory: Directory) -> bool:
        return (directory / NAME).is_file()

    def workshop(self, directory: Directory) -> Directory:
        return directory

    def homes(self, directory: Directory) -> Sequence[Directory]:
        return (directory,)

    def files(self, directory: Directory) -> dict[str, str]:
        with os.scandir(directory) as entries:
            names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
        return {name: name for name in names if name.lower().endswith(".eml") and not name.startswith(".")}

    def keep(self, directory: Directory, flags: frozenset[Flag]) -> frozenset[Flag]:
        return flags

    def name(self, line: Line, attempt: int) -> str:
        return f"{line.number:08}{'~' * attempt}.eml"

    def file(self, directory: Directory, name: str, flags: frozenset[Flag]) -> str:
        return name

    def state(self, directory: Directory, file: str, line: Line) -> tuple[frozenset[Flag], datetime]:
        return line.flags, line.received_at


def _check(path: Path, limits: Limits) -> None:
    """Raise FolderError for a name that would not be a directory's in its place."""
    for name in path:
        if name in ("", ".", "..", NAME) or "\0" in name or not limits.forbidden.isdisjoint(name):
            raise FolderError(Reason("place.name-refused", place="/".join(path)))


def _make(directory: Directory) -> None:
    if not directory.is_dir():
        directory.mkdir(mode=0o700, exist_ok=True)
        sync(directory.parent)


def _replace(file: Directory, data: bytes) -> None:
    """Write a small file anew, whole or not at all."""
    part = file.with_name(f"{file.name}.{token_hex(4)}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    part.rename(file)
    sync(file.parent)
