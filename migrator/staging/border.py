"""The border: what databases and disks throw at staging, as one of our errors; translated here and nowhere else."""

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, OperationalError

from migrator.errors import MigratorError, Outage, Reason, UsageError

HEADROOM = 64 * 10**6
"""Bytes asked for beyond what the transaction in hand writes: for the write-ahead log, and for the next ones."""

NO_ROOM = {errno.ENOSPC, errno.EDQUOT}

DISK_FULL = "53100"
"""PostgreSQL's SQLSTATE."""

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def translated(error: Exception, url: URL, disks: Iterable[Path], writes: int) -> MigratorError | None:
    """The error as ours; None where it is none that a disk or database can be blamed for.

    `disks` are the folders that staging writes to on this machine, `writes` the bytes that were to be written.
    """
    if isinstance(error, OSError):
        return _no_room(disks, writes, errno.errorcode[error.errno or 0]) if error.errno in NO_ROOM else None
    if not isinstance(error, DBAPIError):
        return None
    where = url.render_as_string(hide_password=True)
    cause = error.orig
    if isinstance(cause, sqlite3.Error) and (code := getattr(cause, "sqlite_errorcode", None)) is not None:
        name = str(cause.sqlite_errorname)
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_WRITE):
            return _no_room(disks, writes, name)
        if code & 0xFF in _DAMAGED:
            return UsageError(Reason("doctor.database-damaged", answer=name))
        if code & 0xFF == sqlite3.SQLITE_IOERR:
            return Outage(Reason("staging.disk-failed", url=where, answer=name))
        if code & 0xFF == sqlite3.SQLITE_BUSY:
            return Outage(Reason("staging.busy", url=where))
    if getattr(cause, "sqlstate", None) == DISK_FULL:
        return Outage(Reason("staging.server-no-room", url=where))
    return Outage(Reason("staging.unreachable", url=where)) if isinstance(error, OperationalError) else None


def _no_room(disks: Iterable[Path], writes: int, answer: str) -> Outage:
    fullest = min(disks, key=free)
    return Outage(
        Reason(
            "staging.no-room",
            path=str(fullest),
            free_mb=free(fullest) // 10**6,
            need_mb=(writes + HEADROOM) // 10**6,
            answer=answer,
        )
    )


def free(folder: Path) -> int:
    """Bytes that may still be written to the disk on which a folder lies, or will lie."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def private_file(path: str | Path, flags: int) -> int:
    """An opener for `open` that gives nobody else a right to what it makes, whatever the umask (laws.md §7)."""
    return os.open(path, flags, 0o600)


def shut(path: Path) -> bool:
    """Take others' rights to a file or folder away, if it is ours and there; whether they had any."""
    try:
        mode = path.stat().st_mode
        if mode & 0o077:
            path.chmod(mode & 0o7700)
    except (FileNotFoundError, PermissionError):
        return False
    return bool(mode & 0o077)


def shut_all(folder: Path) -> None:
    """The same for a folder of ours, and for all in it where it stood open."""
    if shut(folder):
        for path in folder.rglob("*"):
            shut(path)
