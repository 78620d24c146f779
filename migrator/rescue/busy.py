"""Who still has to do with a file: as far as Linux tells, and no further."""

# ruff: noqa: PTH116, PTH208
import os
from collections.abc import Collection

File = tuple[int, int]
"""Device and inode."""


def file_of(status: os.stat_result) -> File:
    """What names a file whatever it is called."""
    return status.st_dev, status.st_ino


def opened(wanted: Collection[File]) -> dict[File, int]:
    """Those of the files that another process has open, with its id. Only root sees everybody's processes."""
    found: dict[File, int] = {}
    if not wanted:
        return found
    for process in _listed("/proc"):
        if not process.isdecimal() or int(process) == os.getpid():
            continue
        for descriptor in _listed(f"/proc/{process}/fd"):
            try:
                file = file_of(os.stat(f"/proc/{process}/fd/{descriptor}"))
            except OSError:  # closed meanwhile
                continue
            if file in wanted:
                found[file] = int(process)
    return found


def locked() -> dict[File, int]:
    """Every file on which a process holds a lock, with its id (proc_locks(5))."""
    try:
        with open("/proc/locks", encoding="ascii", errors="replace") as file:  # noqa: PTH123
            lines = [line.split() for line in file]
    except OSError:
        return {}
    found: dict[File, int] = {}
    for words in lines:
        if len(words) > 5 and words[1] != "->" and words[5].count(":") == 2:
            major, minor, inode = words[5].split(":")
            found[os.makedev(int(major, 16), int(minor, 16)), int(inode)] = int(words[4])
    return found


def _listed(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []
