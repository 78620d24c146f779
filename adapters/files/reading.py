"""Read files of a mail store without changing, leaving or waiting for anything.

    tree = Tree(root)                        # UsageError where there is no such directory
    match tree.read(b"sato/inbox/12"):       # a path below the root, in the bytes the directory gave
        case Content(raw=raw, stamp=stamp): ...
        case Reason() as reason: ...         # an Unreadable in the making; never an exception for one file

A file is opened read-only, without touching its access time where we may, and only if it is a regular file that lies
inside the root, links followed. One that changes while it is read is read again. What `migrator rescue` moved aside is
read, and listed by `scandir`, as if it lay in its old place.
"""

# pathlib knows no bytes, and old file names are bytes.
# ruff: noqa: PTH112, PTH114, PTH115, PTH116, PTH118, PTH120
import errno
import os
import re
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from adapters.files.moved import Listed, Moved
from migrator import japanese
from migrator.errors import Outage, Reason, UsageError
from migrator.model import IN_MEMORY, Identity, Raw

PAUSES = (0, 0.05, 0.3)
"""Seconds before each attempt to read a file that changes under our eyes."""

AWAY = {errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH}
"""What a network file system says when its server is gone: no fault of this file."""

LINKS = 40
"""Links that are followed one after the other, as Linux does."""

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""Reading never fails so: the spool file of a large mail does."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a file held while it stood still, and the stamp it had then."""

    raw: Raw
    stamp: str


def stamp(status: os.stat_result) -> str:
    """Cheap proof that a file's bytes have not changed: size, mtime in nanoseconds, inode."""
    return f"{status.st_size}.{status.st_mtime_ns}.{status.st_ino}"


class Tree:
    """One directory, below which we read. Paths are bytes relative to it; `/` separates."""

    def __init__(self, root: Path) -> None:
        try:
            self.root = os.path.realpath(os.fsencode(root), strict=True)
            with os.scandir(self.root):
                pass
        except FileNotFoundError as error:
            raise UsageError(Reason("root.missing", path=readable_path(os.fsencode(root)))) from error
        except OSError as error:
            reason = Reason("root.unreadable", path=readable_path(os.fsencode(root)), answer=answer(error))
            raise UsageError(reason) from error
        self._within: dict[bytes, bool] = {}
        self._moved = Moved(self.root)

    def identity(self) -> Identity:
        """The root's real path and inode: another directory in its place is another store."""
        return Identity(f"files:{readable_path(self.root)}:{os.stat(self.root).st_ino}")

    def full(self, path: bytes) -> bytes:
        """The path to hand to the operating system: where the file lies now."""
        if path.startswith(b"/"):
            return path
        directory, _, name = path.rpartition(b"/")
        place, where = self.root + b"/" + path, self._moved.out_of(directory).get(name)
        return place if where is None or os.path.lexists(place) or not os.path.lexists(where) else where

    def real(self, path: bytes) -> bytes:
        """As `full`, and where it is a link, where that leads from its old place. Raises OSError."""
        full = self.full(path)
        for _ in range(LINKS):
            if not os.path.islink(full):
                return full
            target = os.path.realpath(os.path.join(self.root, os.path.dirname(path), os.readlink(full)))
            if not target.startswith(self.root + b"/"):
                return target
            path = target[len(self.root) + 1 :]
            full = self.full(path)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))

    def scandir(self, directory: bytes) -> list[Listed]:
        """What a directory holds, in no order. Raises OSError."""
        with os.scandir(self.full(directory)) as entries:
            found: list[Listed] = list(entries)
        names = {each.name for each in found}
        hidden = self._moved.folders_among(names)
        if hidden:
            found = [each for each in found if each.name not in hidden]
        return [*found, *(_Absent(self, directory, name) for name in self.absent(directory) if name not in names)]

    def absent(self, directory: bytes) -> list[bytes]:
        """The names of what was moved out of a directory."""
        return sorted(name for name, where in self._moved.out_of(directory).items() if os.path.lexists(where))

    def without_folders(self, names: list[bytes]) -> list[bytes]:
        """The names of directories without those that hold what was moved aside."""
        hidden = self._moved.folders_among(names)
        return [name for name in names if name not in hidden]

    def is_directory(self, path: bytes) -> bool:
        """Whether it is a directory, or leads to one."""
        try:
            return os.path.isdir(self.real(path))
        except OSError:
            return False

    def look(self, path: bytes) -> os.stat_result | Reason:
        """What kind of file this is, without opening it: a regular file inside the root, or why not."""
        found = self._regular(path)
        return found if isinstance(found, Reason) else found[1]

    def read(self, path: bytes) -> Content | Reason:
        """The file's bytes, streamed into a Raw. Raises Outage where the whole store is away."""
        for pause in PAUSES:
            if pause:
                time.sleep(pause)
            content = self._read_once(path)
            if content is not None:
                return content
        return Reason("file.busy", path=readable_path(path))

    def open(self, path: bytes) -> BinaryIO | Reason:
        """A binary stream over the file, for those that need only parts of it. The caller closes it."""
        descriptor = self._descriptor(path)
        return descriptor if isinstance(descriptor, Reason) else os.fdopen(descriptor, "rb")

    def _read_once(self, path: bytes) -> Content | Reason | None:
        """None where the file changed while it was read."""
        descriptor = self._descriptor(path)
        if isinstance(descriptor, Reason):
            return descriptor
        try:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                return Reason("file.special", path=readable_path(path))
            if before.st_size <= IN_MEMORY:
                raw = Raw.of(os.read(descriptor, before.st_size + 1))
            else:
                with os.fdopen(descriptor, "rb", closefd=False) as stream:
                    raw = Raw.spooled(stream)
            after = os.fstat(descriptor)
        except OSError as error:
            if error.errno in NO_ROOM:
                raise UsageError(Reason("spool.no-room", path=readable_path(path))) from error
            return _reason(error, path)
        finally:
            os.close(descriptor)
        mark = stamp(before)
        if raw.size != before.st_size or stamp(after) != mark:
            return None
        return Content(raw, mark) if raw.size else Reason("file.empty", path=readable_path(path))

    def _descriptor(self, path: bytes) -> int | Reason:
        found = self._regular(path)
        if isinstance(found, Reason):
            return found
        try:
            return _open(found[0])
        except OSError as error:
            return _reason(error, path)

    def _regular(self, path: bytes) -> tuple[bytes, os.stat_result] | Reason:
        """The real path of a regular file inside the root, and its status."""
        full = self.full(path)
        try:
            status = os.lstat(full)
            if stat.S_ISLNK(status.st_mode):
                full = self.real(path)
                status = os.stat(full)
            directory = full.rpartition(b"/")[0] or b"/"
            if directory not in self._moved.folders and not self.holds(directory):
                return Reason("file.outside", path=readable_path(path))
        except OSError as error:
            return _reason(error, path)
        except ValueError:  # a NUL in a path that an index row gave us
            return Reason("file.missing", path=readable_path(path))
        if stat.S_ISDIR(status.st_mode):
            return Reason("file.directory", path=readable_path(path))
        if not stat.S_ISREG(status.st_mode):
            return Reason("file.special", path=readable_path(path))
        return full, status

    def holds(self, directory: bytes) -> bool:
        """Whether a directory lies inside the root, links followed. Raises OSError."""
        if directory not in self._within:
            real = os.path.realpath(directory, strict=True)
            self._within[directory] = real == self.root or real.startswith(self.root.rstrip(b"/") + b"/")
        return self._within[directory]


@dataclass(frozen=True, slots=True)
class _Absent:
    """An entry of a directory that was moved out of it."""

    tree: Tree
    directory: bytes
    name: bytes

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """Only what a link leads to can be one: rescue moves no directories."""
        return follow_symlinks and self.tree.is_directory(self._path())

    def is_symlink(self) -> bool:
        """Whether it is a link."""
        return os.path.islink(self.tree.full(self._path()))

    def _path(self) -> bytes:
        return self.directory + b"/" + self.name if self.directory else self.name


def _open(full: bytes) -> int:
    # Without O_NONBLOCK a FIFO put in the file's place since would hold us for ever.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC
    try:
        return os.open(full, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:  # O_NOATIME is for a file's owner
        return os.open(full, flags)


def _reason(error: OSError, path: bytes) -> Reason:
    where = readable_path(path)
    if error.errno in AWAY:
        raise Outage(Reason("root.away", path=where, answer=answer(error))) from error
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR | errno.ENAMETOOLONG:
            return Reason("file.missing", path=where)
        case errno.EACCES | errno.EPERM:
            return Reason("file.denied", path=where)
        case errno.ELOOP:
            return Reason("file.link-loop", path=where)
        case _:
            return Reason("file.unreadable", path=where, answer=answer(error))


def answer(error: OSError) -> str:
    """What the operating system said, as errno.h spells it."""
    return errno.errorcode.get(error.errno or 0, type(error).__name__)


# -- names ---------------------------------------------------------------------------------------------------------


def readable_name(name: bytes) -> str:
    """A file's name as people read it: UTF-8, else what Japanese charset explains it, else with visible escapes."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        return japanese.decode(name)


def readable_path(path: bytes) -> str:
    """A path as people read it, name by name."""
    if path.isascii():
        return path.decode()
    return "/".join(readable_name(name) for name in path.split(b"/"))


def key_of(name: bytes) -> str:
    """A file's name or path as a key: storable text, never two names the same; `name_of` takes it back."""
    if name.isascii() and b"\\" not in name:
        return name.decode()
    text = name.replace(b"\\", b"\\x5c").decode("utf-8", "surrogateescape")
    return re.sub("[\udc80-\udcff]", lambda match: f"\\x{ord(match[0]) - 0xDC00:02x}", text)


def name_of(key: str) -> bytes:
    """The name whose key this is."""
    return re.sub(rb"\\x([0-9a-f]{2})", lambda match: bytes.fromhex(match[1].decode()), key.encode())
