"""The shapes whose folders are directories: MH, and trees of .eml files."""

import re
from collections.abc import Callable, Collection
from typing import Any

from adapters.files.reading import key_of, readable_name
from adapters.files.rooted import Entry, Parts, Rooted
from adapters.files.rules import dated, junk
from migrator.errors import Reason
from migrator.model import ANSWERED, DELETED, FLAGGED, FORWARDED, SEEN, Flag, Path


class _Directories:
    """Every directory is a folder; what lies in the account's own belongs to none."""

    closed: Collection[bytes] = frozenset()

    def folder(self, below: Parts, inside: Collection[bytes] | None, top: Collection[bytes]) -> Path | None:
        """Named as its directories are."""
        return tuple(readable_name(name) for name in below) or None

    def artefact(self, below: Parts) -> bool:
        """Never: it is a folder, whatever it is called."""
        return False


class Eml(_Directories):
    """Files named *.eml, and any other file that begins as a mail does. A mail's key is its file's name."""

    def entries(self, source: Rooted, directory: bytes) -> Callable[[Parts], Entry]:
        """Names say that, and now and then a date."""

        def named(below: Parts) -> Entry:
            name = below[-1]
            sure = name.lower().endswith(b".eml")
            return Entry(key=key_of(name), rule=junk(name), sure=sure, dated=lambda status: dated(name))

        return named

    def order(self, key: str) -> Any:
        """By name."""
        return key


class Mh(_Directories):
    """Files named by numbers; `,12` is a mail that was deleted and not yet removed. A mail's key is its number."""

    def entries(self, source: Rooted, directory: bytes) -> Callable[[Parts], Entry]:
        """Flags stand in the folder's .mh_sequences."""
        flags = _sequences(source, directory + b"/.mh_sequences")

        def named(below: Parts) -> Entry:
            name = below[-1]
            if name.isdigit():
                return Entry(key=name.decode(), flags=flags(int(name)))
            if re.fullmatch(rb"[,#]\d+", name):
                return Entry(key=name.decode(), flags=frozenset({DELETED}))
            return Entry(key=key_of(name), rule=junk(name), sure=False)

        return named

    def order(self, key: str) -> Any:
        """By number, and what has none after it."""
        return (0, int(key), key) if key.isdecimal() else (1, 0, key)


_SEQUENCES = {"replied": ANSWERED, "answered": ANSWERED, "flagged": FLAGGED, "forwarded": FORWARDED}


def _sequences(source: Rooted, path: bytes) -> Callable[[int], frozenset[Flag]]:
    content = source.tree.read(path)
    return sequences(None if isinstance(content, Reason) else content.raw.read())


def sequences(told: bytes | None) -> Callable[[int], frozenset[Flag]]:
    """What mh-sequence(5) says of a number: `unseen: 3-5 9`. Without the file nothing is known."""
    if told is None:
        return lambda number: frozenset()
    lines = (line.partition(":") for line in readable_name(told).split("\n"))
    ranges = {name.strip(): _ranges(numbers) for name, _, numbers in lines}
    unseen = ranges.pop("unseen", [])
    ranges.pop("cur", None)

    def flags(number: int) -> frozenset[Flag]:
        named = (_SEQUENCES.get(name, name) for name, spans in ranges.items() if _within(number, spans))
        return frozenset(named) | (frozenset() if _within(number, unseen) else {SEEN})

    return flags


def _ranges(text: str) -> list[tuple[int, int]]:
    found = re.findall(r"(?:^|\s)(\d{1,9})(?:-(\d{1,9}))?(?=\s|$)", text)
    return [(int(first), int(last or first)) for first, last in found]


def _within(number: int, spans: list[tuple[int, int]]) -> bool:
    return any(first <= number <= last for first, last in spans)
