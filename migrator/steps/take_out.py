"""Take out what is no mail and stays behind: address books, rules, signatures, attachments that lie beside their mails.

Each is copied as it lies there, below a new directory: RULE/its path. A list beside them says which is whose.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from migrator.errors import Reason, UsageError
from migrator.ports import LeftOut
from migrator.text import storable

LIST = "not-mail.jsonl"


def take_out(found: Iterator[LeftOut], folder: Path) -> tuple[int, int]:
    """Copy everything; how many there were, and their bytes. Raises UsageError where the directory is not a new one."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError(Reason("export.not-empty", folder=str(folder)))
        with ExitStack() as opened:
            listed = opened.enter_context((folder / LIST).open("x", encoding="utf-8"))
            count = size = 0
            for each in found:
                place = _place(folder, each)
                with place.open("xb") as copy:
                    _copied(each, copy)
                listed.write(json.dumps(_line(each, place.relative_to(folder)), ensure_ascii=False) + "\n")
                count, size = count + 1, size + each.raw.size
    except OSError as error:
        raise UsageError(Reason("export.failed", folder=str(folder), answer=storable(str(error.strerror)))) from error
    return count, size


def _place(folder: Path, each: LeftOut) -> Path:
    """RULE/path, made of names that no path climbs by and any file system keeps; a name that is taken gets a number."""
    names = [_name(step) for step in (each.rule, *each.path.split("/")) if step]
    place = folder.joinpath(*names)
    place.parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while place.exists():
        number += 1
        place = place.with_name(f"{names[-1]}~{number}")
    return place


def _name(step: str) -> str:
    """One step of a path: what no name may hold as %xx, and none of more bytes than a name may have."""
    safe = "".join(
        letter if letter.isprintable() and letter not in '<>:"\\|?*%' else quote(letter, errors="surrogatepass")
        for letter in step
    )
    if safe in (".", ".."):
        safe = safe.replace(".", "%2E")
    while len(safe.encode()) > 200:
        safe = safe[:-1]
    return safe


def _copied(each: LeftOut, copy: BinaryIO) -> None:
    for block in each.raw.chunks():
        copy.write(block)


def _line(each: LeftOut, place: Path) -> dict[str, object]:
    return {
        "account": each.folder.account.name or None,
        "folder": "/".join(each.folder.path) or None,
        "rule": each.rule,
        "path": storable(each.path),
        "file": str(place),
        "bytes": each.raw.size,
        "sha256": each.raw.digest,
    }
