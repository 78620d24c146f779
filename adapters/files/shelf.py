"""One place of an archive: its directory, its index, and the four steps by which a mail comes to lie in it.

1. The file is written in the place's workshop and synced. 2. A line in the index gives it a number and says where the
file lies. 3. The file is renamed into its place. 4. The directory is synced. Killed before the second step, there is
no mail; killed after it, whoever opens the place next does the rest. Nothing is lost, nothing is there twice.
"""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from pathlib import Path as Directory
from typing import BinaryIO, Protocol

from adapters.files.index import Index, Line, fields, sync
from migrator.mail import envelope, header_digest, split
from migrator.model import Flag, Gone, Mark, Parcel, Path, Receipt, Role, Sighting, Touched
from migrator.ports import Limits

PART = ".migrator-part"
"""What the name of a file in the workshop ends with."""

HEAD = 2**16
"""Bytes first read of a mail for its header."""

LONGEST_HEAD = 2**21
"""Bytes of a header that are ever looked at; its digest needs fewer."""

RECENT = "\\Recent"

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Layout(Protocol):
    """How an archive names its directories and files, and where a mail's flags and date stand."""

    @property
    def limits(self) -> Limits: ...

    def directory(self, mailbox: Directory, path: Path) -> Directory:
        """The directory of a place."""

    def make(self, directory: Directory) -> None:
        """Make a place's directories; twice is once. Raises OSError."""

    def exists(self, directory: Directory) -> bool:
        """Whether the place is there."""

    def workshop(self, directory: Directory) -> Directory:
        """Where files are written."""

    def homes(self, directory: Directory) -> Sequence[Directory]:
        """Where files lie."""

    def files(self, directory: Directory) -> dict[str, str]:
        """The place's mails: their names in the index, and where their files lie below the directory."""

    def keep(self, directory: Directory, flags: frozenset[Flag]) -> frozenset[Flag]:
        """Those of the flags that the place can hold, room for new keywords made. Raises OSError."""

    def name(self, line: Line, attempt: int) -> str:
        """A new mail's name in the index; another one at each attempt."""

    def file(self, directory: Directory, name: str, flags: frozenset[Flag]) -> str:
        """Where the file of that name and those flags lies, below the directory."""

    def state(self, directory: Directory, file: str, line: Line) -> tuple[frozenset[Flag], datetime]:
        """A mail's flags and received time as they stand there. Raises OSError."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file in the workshop: durable, and no mail yet."""

    parcel: Parcel
    file: Directory
    size: int
    sha256: str
    headers: str


class Shelf:
    """A place that is there. Everything but reading mails is done with `held`."""

    def __init__(self, layout: Layout, mailbox: Directory, path: Path, role: Role | None) -> None:
        self.layout = layout
        self.directory = layout.directory(mailbox, path)
        self.index = Index(self.directory, path, role)
        self._files: dict[str, str] = {}

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the place alone; what a process that died left half done is finished or cleared away."""
        with self.index.locked():
            self._finish()
            yield

    def present(self) -> dict[int, str]:
        """The mails that lie there now, by number; one that others put there gets its number now."""
        self._files = self.layout.files(self.directory)
        strange = [name for name in sorted(self._files) if name not in self.index.numbers]
        if strange:
            self.index.append(
                [fields(self._stranger(number, name)) for number, name in enumerate(strange, self.index.next)]
            )
        return {number: self._files[name] for name, number in self.index.numbers.items() if name in self._files}

    def mark(self) -> Mark:
        """How far the place has come."""
        present = len(self.present())
        return Mark(self.index.epoch, self.index.next, present)

    def find(self, ref: str) -> tuple[int, str] | None:
        """The number of a ref and where its file lies; None where it is gone."""
        epoch, _, number = ref.partition(":")
        line = self.index.lines.get(int(number)) if epoch == str(self.index.epoch) and number.isdecimal() else None
        if line is None or self.index.numbers[line.name] != line.number:
            return None
        file = self._files.get(line.name)
        if file is None or not (self.directory / file).exists():
            self._files = self.layout.files(self.directory)
            file = self._files.get(line.name)
        return None if file is None else (line.number, file)

    def untouched(self, ref: str, expected: Sighting) -> tuple[int, str] | Touched | Gone:
        """What `find` says, if the mail is still as it was seen."""
        found = self.find(ref)
        now = None if found is None else self.sight(*found)
        if found is None or now is None:
            return Gone()
        same = (now.flags, now.size) == (expected.flags - {RECENT}, expected.size)
        return found if same and expected.headers in (None, now.headers) else Touched(now)

    # -- in and out ------------------------------------------------------------------------------------------------

    def write(self, parcel: Parcel) -> Written:
        """Step 1 for one mail."""
        file = self.layout.workshop(self.directory) / f".{secrets.token_hex(12)}{PART}"
        digest, size, head = sha256(), 0, bytearray()
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as stream:
            for chunk in parcel.raw.chunks():
                stream.write(chunk)
                digest.update(chunk)
                size += len(chunk)
                head += chunk if len(head) < LONGEST_HEAD else b""
            stream.flush()
            at = (parcel.received_at - EPOCH) // timedelta(microseconds=1) * 1000
            os.utime(stream.fileno(), ns=(at, at))
            os.fsync(stream.fileno())
        return Written(parcel, file, size, digest.hexdigest(), header_digest(split(bytes(head))[0]))

    def take_in(self, written: Sequence[Written]) -> list[Receipt]:
        """Steps 2 to 4 for some mails at once."""
        sync(self.layout.workshop(self.directory))
        lines = [self._line(each, number) for number, each in enumerate(written, self.index.next)]
        self.index.append(map(fields, lines))
        self._move_in(lines)
        return [
            Receipt(
                item=each.parcel.item,
                ref=f"{self.index.epoch}:{line.number}",
                sent=each.sha256,
                size=each.size,
                headers=each.headers,
                flags=line.flags,
                lost=each.parcel.flags - line.flags,
            )
            for each, line in zip(written, lines, strict=True)
        ]

    def take_over(self, other: "Shelf", number: int, file: str) -> Line:
        """A mail moves here from another place of the mailbox, whole; both are held."""
        line = other.index.lines[number]
        flags, at = other.layout.state(other.directory, file, line)
        line = replace(
            line,
            number=self.index.next,
            flags=self.layout.keep(self.directory, flags),
            received_at=at,
            source=os.path.relpath(other.directory / file, self.directory),
        )
        line = self._named(line)
        self.index.append([fields(line)])
        self._move_in([line])
        sync((other.directory / file).parent)
        return line

    def reflag(self, number: int, file: str, flags: frozenset[Flag]) -> frozenset[Flag]:
        """A mail gets these flags; those it has then."""
        kept = self.layout.keep(self.directory, flags)
        name = self.index.lines[number].name
        self.index.append([{"number": number, "flags": sorted(kept)}])
        (self.directory / file).rename(self.directory / self.layout.file(self.directory, name, kept))
        for home in self.layout.homes(self.directory):
            sync(home)
        return kept

    def drop(self, file: str) -> None:
        """A mail's file is taken away for good."""
        (self.directory / file).unlink()
        sync((self.directory / file).parent)

    # -- reading ---------------------------------------------------------------------------------------------------

    def sight(self, number: int, file: str) -> Sighting | None:
        """One mail as it lies there; None where it has gone."""
        for where in (file, None):
            if where is None:  # renamed since: read by its owner
                self._files = self.layout.files(self.directory)
                where = self._files.get(self.index.lines[number].name)
            if where is not None:
                with suppress(FileNotFoundError):
                    return self._sight(number, where)
        return None

    def _sight(self, number: int, file: str) -> Sighting:
        line = self.index.lines[number]
        with (self.directory / file).open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            head = _head(stream)
        flags, at = self.layout.state(self.directory, file, line)
        return Sighting(
            ref=f"{self.index.epoch}:{number}",
            size=size,
            message_id=envelope(head).message_id,
            flags=flags,
            received_at=at,
            headers=header_digest(head),
            token=line.token,
        )

    # -- steps 2 and 3 ---------------------------------------------------------------------------------------------

    def _line(self, written: Written, number: int) -> Line:
        parcel = written.parcel
        line = Line(
            number=number,
            name="",
            received_at=parcel.received_at,
            flags=self.layout.keep(self.directory, parcel.flags),
            token=parcel.token,
            size=written.size,
            sha256=written.sha256,
            source=os.path.relpath(written.file, self.directory),
        )
        return self._named(line)

    def _named(self, line: Line) -> Line:
        """A name that no file there has."""
        for attempt in count():
            line = replace(line, name=self.layout.name(line, attempt))
            if not (self.directory / self.layout.file(self.directory, line.name, line.flags)).exists():
                break
        return line

    def _stranger(self, number: int, name: str) -> Line:
        """What others put there: received when its file says."""
        at = datetime.fromtimestamp((self.directory / self._files[name]).stat().st_mtime, UTC)
        return Line(number=number, name=name, received_at=at)

    def _move_in(self, lines: Sequence[Line]) -> None:
        for line in lines:
            file = self.layout.file(self.directory, line.name, line.flags)
            (self.directory / str(line.source)).rename(self.directory / file)
        for home in self.layout.homes(self.directory):
            sync(home)
        self.index.fresh.clear()

    def _finish(self) -> None:
        """Move in what the index names and still lies elsewhere; clear away what it does not name."""
        if not self.index.fresh:
            return
        there = self.layout.files(self.directory)
        late = [line for line in self.index.fresh if line.source and line.name not in there]
        self._move_in([line for line in late if (self.directory / str(line.source)).exists()])
        for file in self.layout.workshop(self.directory).glob(f".*{PART}"):
            file.unlink()


def _head(stream: BinaryIO) -> bytes:
    data = stream.read(HEAD)
    head, body = split(data)
    return head if body or len(data) < HEAD else split(data + stream.read(LONGEST_HEAD))[0]
