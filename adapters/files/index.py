"""The index of an archive's place: which file has which number, in JSON Lines that a person can read.

    {"epoch": 1700000000, "path": ["取引先", "山田"], "role": null}
    {"number": 1, "name": "00000001.eml", "received_at": "2009-11-02T09:15:30+09:00", "flags": ["\\\\Seen"], …}
    {"number": 1, "flags": []}

It only grows. A line that is there in full counts; a last line without its end was never written. Whoever reads or
writes holds the file's lock, so what lies half done and is not in the index belongs to nobody alive.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path as Directory
from typing import Any

from migrator.errors import FolderError, Outage, Reason
from migrator.model import Flag, Path, Role

NAME = "migrator-index.jsonl"

PAUSE, PATIENCE = 0.05, 1200
"""Seconds between two attempts at the lock, and how many are made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What the index says of one mail.

    `name` is its file's, in a Maildir up to `:2,`. `source` is where the file lay before it came to its place,
    relative to the place's directory; a line is written first and the file moved then, so it may lie there still.
    """

    number: int
    name: str
    received_at: datetime
    flags: frozenset[Flag] = frozenset()
    token: str | None = None
    size: int | None = None
    sha256: str | None = None
    source: str | None = None


def head(file: Directory) -> tuple[Path, Role | None]:
    """The path and role of the place whose index this is. Raises OSError, FolderError."""
    with file.open("rb") as lines:
        try:
            found = json.loads(lines.readline())
            return tuple(found["path"]), None if found["role"] is None else Role(found["role"])
        except (ValueError, TypeError, KeyError) as error:
            raise FolderError(Reason("archive.index-broken", path=str(file))) from error


class Index:
    """One place's index, read as far as it has grown. `fresh` are the lines whose files nobody has looked after yet."""

    def __init__(self, directory: Directory, path: Path, role: Role | None) -> None:
        self.file = directory / NAME
        self._head = {"path": list(path), "role": role}
        self._forget()

    def _forget(self) -> None:
        self.epoch = 0
        self.next = 1
        self.lines: dict[int, Line] = {}
        self.numbers: dict[str, int] = {}
        self.fresh: list[Line] = []
        self._inode = self._read = 0

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the index alone, read to its end; made if need be. Raises OSError."""
        descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._lock(descriptor)
            self._catch_up(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        """Take the file's lock; a process that sleeps with it must not put us to sleep, too."""
        for _ in range(PATIENCE):
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(PAUSE)
        raise Outage(Reason("archive.locked", path=str(self.file)))

    def append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Write lines to the disk, all of them, and take them in. The lock must be held."""
        data = b"".join(json.dumps(line, ensure_ascii=True).encode() + b"\n" for line in lines)
        with self.file.open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self._take_in(data)

    def _catch_up(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        if status.st_ino != self._inode or status.st_size < self._read:
            self._forget()
            self._inode = status.st_ino
        data = b""
        while chunk := os.pread(descriptor, 2**20, self._read + len(data)):
            data += chunk
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.ftruncate(descriptor, self._read + whole)
        self._take_in(data[:whole])
        if not self.epoch:
            self.append([{"epoch": int(time.time()), **self._head}])
            sync(self.file.parent)

    def _take_in(self, data: bytes) -> None:
        for text in data.splitlines():
            try:
                self._take(json.loads(text))
            except (ValueError, TypeError, KeyError) as error:
                raise FolderError(Reason("archive.index-broken", path=str(self.file))) from error
        self._read += len(data)

    def _take(self, found: Mapping[str, Any]) -> None:
        if "epoch" in found:
            self.epoch = int(found["epoch"])
        elif "name" in found:
            line = _line(found)
            self.lines[line.number] = line
            self.fresh.append(line)
            self.numbers[line.name] = line.number
            self.next = max(self.next, line.number + 1)
        else:
            self.lines[found["number"]] = replace(self.lines[found["number"]], flags=frozenset(found["flags"]))


def fields(line: Line) -> dict[str, Any]:
    """A line as it is written."""
    return {
        "number": line.number,
        "name": line.name,
        "received_at": line.received_at.isoformat(),
        "flags": sorted(line.flags),
        "token": line.token,
        "size": line.size,
        "sha256": line.sha256,
        "source": line.source,
    }


def _line(found: Mapping[str, Any]) -> Line:
    at = datetime.fromisoformat(found["received_at"])
    return Line(
        number=int(found["number"]),
        name=str(found["name"]),
        received_at=at if at.tzinfo else at.replace(tzinfo=UTC),
        flags=frozenset(found.get("flags", ())),
        token=found.get("token"),
        size=found.get("size"),
        sha256=found.get("sha256"),
        source=found.get("source"),
    )


def sync(directory: Directory) -> None:
    """What was named or renamed in the directory stays so through a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
