"""What `migrator rescue` moved aside: where it lay, and where it lies. Written by rescue, read by every file adapter.

The files of /srv/gw lie in /srv/gw.migrator-aside, numbered, beside a manifest: one JSON line a file, on the disk
before the file is moved. The disk itself says the rest: a file is aside exactly while its number is there. So there is
nothing to mend after a kill, whenever it was.
"""

# pathlib knows no bytes, and old file names are bytes.
# ruff: noqa: PTH123
import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

from migrator.errors import Reason, UsageError
from migrator.text import shown

SUFFIX = b".migrator-aside"
MANIFEST = b"manifest.jsonl"
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """One file as it was before it was moved. `path` is its place below the root.

    `sha256` is None for what has no bytes (a link, a pipe) or would not be read. `directory_mtime_ns` and
    `directory_names` tell what its directory was like before the first file was taken out of it.
    """

    number: int
    path: bytes
    why: str
    size: int
    mtime_ns: int
    mode: int
    sha256: str | None
    directory_mtime_ns: int
    directory_names: str
    at: str


def folder_of(root: bytes) -> bytes:
    """The folder beside a root that holds what was moved out of it."""
    return root + SUFFIX


def place(root: bytes, number: int) -> bytes:
    """Where the file of that number lies."""
    return folder_of(root) + b"/%06d" % number


def read(root: bytes) -> list[Aside]:
    """The manifest beside a root, in order; empty where there is none. Raises UsageError where it cannot be read.

    A last line without an end was being written when the process died; its file was not moved yet.
    """
    path = folder_of(root) + b"/" + MANIFEST
    try:
        with open(path, "rb") as file:
            lines = file.read().split(b"\n")[:-1]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UsageError(Reason("aside.unreadable", path=written(path), answer=str(error.strerror))) from error
    return [_aside(path, number, line) for number, line in enumerate(lines, 1)]


def lying(root: bytes) -> Iterator[Aside]:
    """What lies aside now. Raises UsageError."""
    return (each for each in read(root) if os.path.lexists(place(root, each.number)))


def line(each: Aside) -> bytes:
    """One line of the manifest."""
    values = {"manifest": VERSION, **asdict(each), "path": written(each.path)}
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"


def _aside(path: bytes, number: int, text: bytes) -> Aside:
    try:
        values: dict[str, Any] = json.loads(text)
        if values.pop("manifest") != VERSION or values.keys() != {field.name for field in fields(Aside)}:
            raise ValueError(number)
        return Aside(**{**values, "path": unwritten(values["path"])})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(Reason("aside.manifest-broken", path=written(path), line=number)) from error


# -- names ---------------------------------------------------------------------------------------------------------


def written(path: bytes) -> str:
    """A path as it can be shown and typed: what is no text, moves a cursor or hides stands as `\\x1b`; `unwritten`
    takes it back."""
    text = path.decode("utf-8", "surrogateescape")
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return "".join(char if char != "\\" and shown(char) == char else _escaped(char) for char in text)


def unwritten(text: str) -> bytes:
    """The path that `written` made this of."""
    return re.sub(
        rb"\\x([0-9a-f]{2})", lambda match: bytes.fromhex(match[1].decode()), text.encode("utf-8", "surrogateescape")
    )


def _escaped(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))
