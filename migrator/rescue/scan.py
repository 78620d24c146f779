"""Look through a live store for what stops a mail reader. Nothing is changed, not even an access time."""

# pathlib knows no bytes, and old file names are bytes.
# ruff: noqa: PTH116, PTH118, PTH119, PTH120
import errno
import os
import re
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from migrator.aside import SUFFIX, written
from migrator.errors import Reason, UsageError
from migrator.mail import Health, health, split
from migrator.rescue.busy import File, file_of, locked


class Kind(StrEnum):
    """Why a file stops a mail reader; each is the code of its sentence."""

    EMPTY = "rescue.empty"
    ALL_NUL = "rescue.all-nul"
    NUL_TAIL = "rescue.nul-tail"
    CUT_IN_HEADER = "rescue.cut-in-header"
    CUT_IN_BODY = "rescue.cut-in-body"
    NO_CLOSING_BOUNDARY = "rescue.no-closing-boundary"
    TWO_MAILS = "rescue.two-mails"
    BUSY = "rescue.busy"
    LARGE = "rescue.large"
    SPARSE = "rescue.sparse"
    LOCK = "rescue.lock"
    LOCKED = "rescue.locked"
    SPECIAL = "rescue.special"
    LINK_LOOP = "rescue.link-loop"
    LINK_NOWHERE = "rescue.link-nowhere"
    DIRECTORY_LOOP = "rescue.directory-loop"
    UNREADABLE = "rescue.unreadable"

    @property
    def word(self) -> str:
        """As it is typed."""
        return self.value.partition(".")[2]


@dataclass(frozen=True, slots=True)
class Trouble:
    """One file and what is wrong with it; `changed` is its mtime in seconds since 1970."""

    path: bytes
    kind: Kind
    size: int
    changed: float


LARGE = 2**30
"""Bytes from which on a file is absurdly large, unless the caller knows better."""

QUIET = 600
"""Seconds since its last change for which a file counts as still being written."""

WHOLE = 2**20
"""Bytes of a file that are read; of a larger one the first and last END."""
END = 2**16

_LOCK = re.compile(rb".+\.(?:lock|lck)|\.?lock(?:file)?|\.nfs[0-9a-f]+", re.IGNORECASE)
_OF_HEALTH = {
    Health.EMPTY: Kind.EMPTY,
    Health.ALL_NUL: Kind.ALL_NUL,
    Health.NUL_TAIL: Kind.NUL_TAIL,
    Health.CUT_IN_HEADER: Kind.CUT_IN_HEADER,
    Health.CUT_IN_BODY: Kind.CUT_IN_BODY,
    Health.NO_CLOSING_BOUNDARY: Kind.NO_CLOSING_BOUNDARY,
    Health.TWO_MAILS: Kind.TWO_MAILS,
}


def real_root(root: bytes) -> bytes:
    """The directory that is meant, links followed. Raises UsageError where there is none."""
    try:
        real = os.path.realpath(root, strict=True)
        with os.scandir(real):
            return real
    except OSError as error:
        raise UsageError(Reason("rescue.no-root", path=written(root), answer=_answer(error))) from error


def scan(root: bytes, *, large: int = LARGE, quiet: float = QUIET) -> Iterator[Trouble]:
    """Everything below the root that stops a mail reader, in the order of paths. Raises UsageError."""
    root = real_root(root)
    look = _Look(root, large, quiet)
    yield from look.through()
    yield from look.loops()


class _Look:
    """One look through a store."""

    def __init__(self, root: bytes, large: int, quiet: float) -> None:
        self._root, self._large, self._quiet = root, large, quiet
        self._now = time.time()
        self._locked = locked()
        self._links: list[tuple[bytes, bytes, os.stat_result]] = []

    def through(self) -> Iterator[Trouble]:
        """Directory by directory; a directory that lies in itself (a mount can do that) is entered once."""
        above: dict[File, int] = {}
        stack: list[tuple[bytes, int]] = [(b"", 0)]
        while stack:
            directory, depth = stack.pop()
            above = {file: at for file, at in above.items() if at < depth}
            full = os.path.join(self._root, directory)
            try:
                status = os.stat(full)
                if file_of(status) in above:
                    yield Trouble(directory, Kind.DIRECTORY_LOOP, 0, status.st_mtime)
                    continue
                above[file_of(status)] = depth
                with os.scandir(full) as entries:
                    listed = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
            except OSError:
                yield Trouble(directory, Kind.UNREADABLE, 0, 0)
                continue
            for name, is_directory in listed:
                path = os.path.join(directory, name)
                if not is_directory and (found := self._file(path)) is not None:
                    yield found
            inside = [name for name, is_directory in listed if is_directory and not name.endswith(SUFFIX)]
            stack.extend((os.path.join(directory, name), depth + 1) for name in reversed(inside))

    def _file(self, path: bytes) -> Trouble | None:
        full = os.path.join(self._root, path)
        try:
            status = os.lstat(full)
        except FileNotFoundError:
            return None  # gone since it was listed
        except OSError:
            return Trouble(path, Kind.UNREADABLE, 0, 0)
        kind = self._link(path, full, status) if stat.S_ISLNK(status.st_mode) else self._kind(full, status)
        return None if kind is None else Trouble(path, kind, status.st_size, status.st_mtime)

    def _kind(self, full: bytes, status: os.stat_result) -> Kind | None:
        if not stat.S_ISREG(status.st_mode):
            return Kind.SPECIAL
        if file_of(status) in self._locked:
            return Kind.LOCKED
        young = self._now - status.st_mtime < self._quiet
        if _LOCK.fullmatch(os.path.basename(full)):
            return None if young else Kind.LOCK
        if status.st_size > self._large:
            return Kind.LARGE
        if status.st_size >= WHOLE and status.st_blocks * 512 < status.st_size // 2:
            return Kind.SPARSE
        try:
            kind = _judged(full, status.st_size)
        except FileNotFoundError:
            return None
        except OSError:
            return Kind.UNREADABLE
        return Kind.BUSY if kind is not None and young else kind

    # -- links -----------------------------------------------------------------------------------------------------

    def _link(self, path: bytes, full: bytes, status: os.stat_result) -> Kind | None:
        try:
            target = os.path.realpath(full, strict=True)
            if os.path.isdir(target):  # noqa: PTH112
                self._links.append((path, target, status))
        except OSError as error:
            return Kind.LINK_LOOP if error.errno == errno.ELOOP else Kind.LINK_NOWHERE
        return None

    def loops(self) -> Iterator[Trouble]:
        """Links to directories by which one comes back to where one was, other links followed on the way."""
        places = [(os.path.dirname(os.path.join(self._root, path)), target) for path, target, _ in self._links]
        for number, (path, _, status) in enumerate(self._links):
            if _comes_back(number, places):
                yield Trouble(path, Kind.DIRECTORY_LOOP, status.st_size, status.st_mtime)


def _comes_back(start: int, places: list[tuple[bytes, bytes]]) -> bool:
    """Whether below a link's target, or below those of the links met there, its own directory lies."""
    home, _ = places[start]
    ahead, seen = [start], {start}
    while ahead:
        target = places[ahead.pop()][1]
        if _within(home, target):
            return True
        met = [number for number, (place, _) in enumerate(places) if number not in seen and _within(place, target)]
        seen.update(met)
        ahead += met
    return False


def _within(path: bytes, directory: bytes) -> bool:
    return path == directory or path.startswith(directory.rstrip(b"/") + b"/")


# -- bytes ---------------------------------------------------------------------------------------------------------


def open_quietly(full: bytes) -> int:
    """A descriptor to read a regular file by, without touching its access time where we may. Raises OSError."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC
    try:
        return os.open(full, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:  # O_NOATIME is for a file's owner
        return os.open(full, flags)


def _judged(full: bytes, size: int) -> Kind | None:
    """What a regular file's bytes say. Raises OSError."""
    descriptor = open_quietly(full)
    try:
        if size <= WHOLE:
            start, tail = os.read(descriptor, WHOLE), b""
        else:
            start, tail = os.pread(descriptor, END, 0), os.pread(descriptor, END, size - END)
    finally:
        os.close(descriptor)
    head, body = split(start)
    found = health(head, None, size, tail) if tail else health(head, body, len(start))
    if found == Health.TWO_MAILS and start.startswith(b"From "):
        return None  # an mbox
    return _OF_HEALTH.get(found)


def _answer(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, type(error).__name__)
