"""Move files aside and back: by renaming alone, written down before, so that a kill at any moment leaves nothing odd.

The line of the manifest is on the disk before its file is moved. Killed before the rename, the file is where it was and
its line means nothing; killed after it, the file is aside and its line says where it belongs. A directory gets its
mtime back with its last file, if it then holds exactly what it held.
"""

# pathlib knows no bytes, and old file names are bytes.
# ruff: noqa: PTH101, PTH102, PTH104, PTH116, PTH118, PTH120
import ctypes
import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from migrator import aside
from migrator.aside import Aside, written
from migrator.errors import Reason, UsageError
from migrator.rescue.busy import file_of, locked, opened
from migrator.rescue.scan import QUIET, open_quietly, real_root

GROWTH = 1.0
"""Seconds between two looks at a file that may still grow."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of one file, or would: it moves, or `refusal` says why not."""

    path: bytes
    size: int
    refusal: Reason | None = None


# -- aside ---------------------------------------------------------------------------------------------------------


def isolate(root: bytes, chosen: Iterable[tuple[bytes, str]], *, act: bool, quiet: float = QUIET) -> Iterator[Moved]:
    """Move the chosen (path below the root, why) aside; without `act` only say what would become of each.

    Raises UsageError where nothing can be put beside the root, or another rescue is at work there.
    """
    root = real_root(root)
    reasons = dict(chosen)
    files = {path: _looked_at(root, path, quiet) for path in reasons}
    if any(isinstance(each, os.stat_result) for each in files.values()):
        time.sleep(GROWTH)
    holders = opened({file_of(each) for each in files.values() if isinstance(each, os.stat_result)})
    locks = locked()
    refusals = {path: _refusal(root, path, each, holders, locks) for path, each in files.items()}
    if not act:
        yield from (Moved(path, _size(each), refusals[path]) for path, each in files.items())
        return
    with _folder(root) as descriptor:
        _finish(root, descriptor)
        manifest = _Manifest(root, descriptor)
        for path, status in files.items():
            refusal = refusals[path]
            if refusal is None and isinstance(status, os.stat_result):
                refusal = manifest.take(path, reasons[path], status)
            yield Moved(path, _size(status), refusal)
        manifest.sync()


def _looked_at(root: bytes, path: bytes, quiet: float) -> os.stat_result | Reason:
    """The file's status, or why it cannot be moved."""
    directory, _, name = path.rpartition(b"/")
    place = os.path.join(root, directory).rstrip(b"/")
    try:
        if not name or name in (b".", b"..") or os.path.realpath(place, strict=True) != place:
            return Reason("rescue.outside", path=written(path))
        if any(each.endswith(aside.SUFFIX) for each in directory.split(b"/")):
            return Reason("rescue.aside-already", path=written(path))
        status = os.lstat(os.path.join(place, name))
    except FileNotFoundError:
        return Reason("rescue.gone", path=written(path))
    except (OSError, ValueError) as error:
        return Reason("rescue.failed", path=written(path), answer=_answer(error))
    if stat.S_ISDIR(status.st_mode):
        return Reason("rescue.directory", path=written(path))
    if status.st_dev != os.stat(os.path.dirname(root)).st_dev:
        return Reason("rescue.other-disk", path=written(path))
    if (age := time.time() - status.st_mtime) < quiet and stat.S_ISREG(status.st_mode):
        return Reason("rescue.young", path=written(path), seconds=max(0, round(age)), quiet=round(quiet))
    return status


def _refusal(
    root: bytes,
    path: bytes,
    before: os.stat_result | Reason,
    holders: dict[tuple[int, int], int],
    locks: dict[tuple[int, int], int],
) -> Reason | None:
    if isinstance(before, Reason):
        return before
    if not _same(os.path.join(root, path), before):
        return Reason("rescue.growing", path=written(path))
    file = file_of(before)
    if (holder := locks.get(file, holders.get(file))) is not None:
        return Reason("rescue.in-use", path=written(path), process=holder)
    return None


def _same(full: bytes, before: os.stat_result) -> bool:
    try:
        now = os.lstat(full)
    except OSError:
        return False
    return (file_of(now), now.st_size, now.st_mtime_ns, now.st_mode) == (
        file_of(before),
        before.st_size,
        before.st_mtime_ns,
        before.st_mode,
    )


class _Manifest:
    """The manifest beside a root, open to be written; what process holds the folder holds it."""

    def __init__(self, root: bytes, folder: int) -> None:
        self._root, self._folder = root, folder
        self._lines = aside.read(root)
        self._name = os.path.join(aside.folder_of(root), aside.MANIFEST)
        self._directories = {os.path.dirname(each.path): each for each in reversed(list(aside.lying(root)))}
        self._changed: set[bytes] = set()

    def take(self, path: bytes, why: str, before: os.stat_result) -> Reason | None:
        """Move one file aside; None where that was done."""
        full, directory = os.path.join(self._root, path), os.path.dirname(path)
        try:
            digest = _digest(full) if stat.S_ISREG(before.st_mode) else None
            known = self._directories.get(directory)
            place = os.path.join(self._root, directory)
            line = Aside(
                number=len(self._lines) + 1,
                path=path,
                why=why,
                size=before.st_size,
                mtime_ns=before.st_mtime_ns,
                mode=before.st_mode,
                sha256=digest,
                directory_mtime_ns=known.directory_mtime_ns if known else os.stat(place).st_mtime_ns,
                directory_names=known.directory_names if known else _names(place),
                at=datetime.now(UTC).isoformat(timespec="seconds"),
            )
            if not _same(full, before):
                return Reason("rescue.growing", path=written(path))
            self._write(line)
            os.rename(full, aside.place(self._root, line.number))
        except OSError as error:
            code = "rescue.other-disk" if error.errno == errno.EXDEV else "rescue.failed"
            return Reason(code, path=written(path), answer=_answer(error))
        self._directories.setdefault(directory, line)
        self._changed.add(place)
        return None

    def _write(self, line: Aside) -> None:
        """Put one more line on the disk, in the place of one that was never finished."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self._name, flags, 0o600)
        try:
            with os.fdopen(os.dup(descriptor), "rb") as file:
                end = file.read().rfind(b"\n") + 1
            os.ftruncate(descriptor, end)
            text = aside.line(line)
            if os.pwrite(descriptor, text, end) < len(text):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if not self._lines:
            os.fsync(self._folder)
        self._lines.append(line)

    def sync(self) -> None:
        """Every rename is on the disk."""
        os.fsync(self._folder)
        for directory in self._changed:
            _sync(directory)


# -- back ----------------------------------------------------------------------------------------------------------


def restore(root: bytes, chosen: Sequence[bytes] = (), *, act: bool) -> Iterator[Moved]:
    """Put back what was moved aside, all of it or the chosen; without `act` only say what would become of each.

    Raises UsageError where the manifest cannot be read, or another rescue is at work there.
    """
    root = real_root(root)
    lying = list(aside.lying(root))
    yield from (
        Moved(path, 0, Reason("rescue.not-aside", path=written(path)))
        for path in {*chosen} - {each.path for each in lying}
    )
    back = [each for each in lying if not chosen or each.path in chosen]
    if not act:
        yield from (Moved(each.path, each.size, _hindered(root, each)) for each in back)
        return
    if not aside.read(root):
        return
    with _folder(root) as descriptor:
        for each in back:
            yield Moved(each.path, each.size, _put_back(root, each))
        os.fsync(descriptor)
        _finish(root, descriptor)


def _hindered(root: bytes, each: Aside) -> Reason | None:
    """Why a file cannot go back."""
    here = aside.place(root, each.number)
    try:
        if os.path.lexists(os.path.join(root, each.path)):
            return Reason("rescue.place-taken", path=written(each.path))
        if not os.path.isdir(os.path.dirname(os.path.join(root, each.path))):  # noqa: PTH112
            return Reason("rescue.no-directory", path=written(each.path))
        if each.sha256 is not None and (os.lstat(here).st_size != each.size or _digest(here) != each.sha256):
            return Reason("rescue.changed", path=written(each.path), number=each.number)
    except OSError as error:
        return Reason("rescue.failed", path=written(each.path), answer=_answer(error))
    return None


def _put_back(root: bytes, each: Aside) -> Reason | None:
    if (reason := _hindered(root, each)) is not None:
        return reason
    here, there = aside.place(root, each.number), os.path.join(root, each.path)
    try:
        status = os.lstat(here)
        if stat.S_ISREG(status.st_mode):
            if status.st_mode != each.mode:
                os.chmod(here, stat.S_IMODE(each.mode))
            if status.st_mtime_ns != each.mtime_ns:
                os.utime(here, ns=(status.st_atime_ns, each.mtime_ns))
        _rename_to_nothing(here, there)
        _sync(os.path.dirname(there))
    except FileExistsError:
        return Reason("rescue.place-taken", path=written(each.path))
    except OSError as error:
        return Reason("rescue.failed", path=written(each.path), answer=_answer(error))
    return None


def _finish(root: bytes, descriptor: int) -> None:
    """Directories that hold again what they held get their mtimes back; once nothing lies aside, the manifest rests.

    Isolate begins with it, too: a restore may have been killed before it came to this.
    """
    if not (lines := aside.read(root)):
        return
    lying = list(aside.lying(root))
    open_ones = {os.path.dirname(each.path) for each in lying}
    latest = {os.path.dirname(each.path): each for each in lines if os.path.dirname(each.path) not in open_ones}
    for directory, each in latest.items():
        place = os.path.join(root, directory).rstrip(b"/")
        try:
            status = os.stat(place)
            if status.st_mtime_ns != each.directory_mtime_ns and _names(place) == each.directory_names:
                os.utime(place, ns=(status.st_atime_ns, each.directory_mtime_ns))
        except OSError:  # it has gone, or is not ours: nobody's mail depends on it
            continue
    if not lying:
        folder = aside.folder_of(root)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f").encode()
        os.rename(os.path.join(folder, aside.MANIFEST), os.path.join(folder, b"past-%s.jsonl" % stamp))
        os.fsync(descriptor)


# -- both ----------------------------------------------------------------------------------------------------------


@contextmanager
def _folder(root: bytes) -> Iterator[int]:
    """The folder beside the root, held by this process alone. Raises UsageError."""
    path = aside.folder_of(root)
    try:
        os.mkdir(path, 0o700)
        _sync(os.path.dirname(path))
    except FileExistsError:
        pass
    except OSError as error:
        raise UsageError(Reason("rescue.no-folder", path=written(path), answer=_answer(error))) from error
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(Reason("rescue.at-work", path=written(path))) from error
        yield descriptor
    finally:
        os.close(descriptor)


def _digest(full: bytes) -> str | None:
    """SHA-256 of a file; None where the disk will not read it, which is why it is moved. Raises OSError."""
    digest = sha256()
    descriptor = open_quietly(full)
    try:
        while chunk := os.read(descriptor, 2**20):
            digest.update(chunk)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return None
    finally:
        os.close(descriptor)
    return digest.hexdigest()


def _names(directory: bytes) -> str:
    """What tells whether a directory holds the same files under the same names."""
    with os.scandir(directory) as entries:
        names = sorted(b"%s %d" % (entry.name, entry.inode()) for entry in entries)
    return sha256(b"\0".join(names)).hexdigest()


def _rename_to_nothing(here: bytes, there: bytes) -> None:
    """Rename, but never over a file that is there already (renameat2(2)). Raises OSError."""
    library = ctypes.CDLL(None, use_errno=True)
    if hasattr(library, "renameat2"):
        at_cwd, no_replace = -100, 1
        if library.renameat2(at_cwd, here, at_cwd, there, no_replace) == 0:
            return
        number = ctypes.get_errno()
        if number not in (errno.EINVAL, errno.ENOSYS):  # this file system cannot
            raise OSError(number, os.strerror(number), there)
    if os.path.lexists(there):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), there)
    os.rename(here, there)


def _sync(directory: bytes) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _size(found: os.stat_result | Reason) -> int:
    return 0 if isinstance(found, Reason) else found.st_size


def _answer(error: OSError | ValueError) -> str:
    return errno.errorcode.get(getattr(error, "errno", None) or 0, type(error).__name__)
