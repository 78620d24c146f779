"""Make a path legal under a target's limits: pure, and never two paths into one.

A forbidden character becomes its full-width twin (`A/B` -> `A／B`), which people read as they did before. What cannot
be kept so simply (a twin that was there already, a control character, a name that is too long) gets a short mark of
its original behind it (`~1f3a5c`), so that no two names meet.
"""

import hashlib
import re
from collections.abc import Iterable
from unicodedata import normalize

from migrator.model import Path
from migrator.ports import Limits

TWIN = {chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)} | {" ": "\u3000"}
"""ASCII and its full-width forms (Unicode block FF00, shifted by FEE0)."""

MARK = re.compile(r"[~～][0-9a-f]{6}\Z")
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def legal(path: Path, limits: Limits) -> Path:
    """The path as the target can hold it. Injective; the same path whenever it is legal already and bears no mark."""
    if limits.depth is not None and len(path) > limits.depth:
        kept, deep = path[: limits.depth - 1], path[limits.depth - 1 :]
        path = (*kept, _marked("／".join(deep), "\0".join(deep)))
    return tuple(_name(name, limits) for name in path)


def distinct(paths: Iterable[Path], limits: Limits) -> dict[Path, Path]:
    """Each path's legal form, told apart also where the target cannot tell case or spelling apart."""
    found: dict[Path, Path] = {}
    taken: set[Path] = set()
    for path in sorted(set(paths)):
        name = legal(path, limits)
        if not limits.case_sensitive and _folded(name) in taken:
            name = (*name[:-1], _fitted(name[-1], path[-1], limits))
        taken.add(_folded(name))
        found[path] = name
    return found


def _folded(path: Path) -> Path:
    return tuple(normalize("NFC", name).casefold() for name in path)


def _name(name: str, limits: Limits) -> str:
    twins = {TWIN[each] for each in limits.forbidden if each in TWIN}
    unkept = any(each in limits.forbidden and each not in TWIN for each in name) or UNSEEN.search(name)
    clean = UNSEEN.sub("_", "".join(TWIN.get(each, "_") if each in limits.forbidden else each for each in name))
    if not name or unkept or MARK.search(name) or any(each in twins for each in name):
        return _fitted(clean or "_", name, limits)
    if limits.name_bytes is not None and len(clean.encode()) > limits.name_bytes:
        return _fitted(clean, name, limits)
    return clean


def _fitted(clean: str, original: str, limits: Limits) -> str:
    """The name with its mark, cut at a whole character so that both fit."""
    if limits.name_bytes is not None:
        clean = clean.encode()[: limits.name_bytes - 9].decode("utf-8", "ignore")
    return _marked(clean, original, "～" if "~" in limits.forbidden else "~")


def _marked(clean: str, original: str, sign: str = "~") -> str:
    return f"{clean}{sign}{hashlib.sha256(original.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}"
