"""What no row names in the files that hold many mails: members of archives, records, and the bytes between.

Such a thing is an artefact like a file that no row names. Where it begins as a mail does it is one; else it is a fault,
until a rule of the mapping says what it is, by its name: `0911.ZIP@readme.txt`, `BODY.DAT@4096+512`.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import groupby
from typing import BinaryIO, NamedTuple

from adapters.files.reading import Content, key_of, readable_path
from adapters.files.rules import HEAD, looks_like_mail
from adapters.groupware.claims import Claim
from adapters.groupware.large import NOWHERE, Framed, Member, Range, Shared
from adapters.groupware.opening import Opener
from migrator.errors import Reason
from migrator.text import storable

PADDING = "padding"
"""The rule by which bytes that say nothing, in a file of mails, are no mail."""

_SILENT = b"\0\xff \t\r\n\x1a"


class Remain(NamedTuple):
    """A place in a file that no row names, and how it is read."""

    path: bytes
    part: Shared
    place: str

    @property
    def claim(self) -> Claim:
        """The same as a row would say it."""
        return Claim((self.path,), (self.place,))

    def read(self, opener: Opener) -> Content | Reason:
        """What lies there. Raises Outage."""
        if isinstance(self.part, Range):
            at, size = map(int, self.place.split("+"))
            if size != NOWHERE:
                return opener.range(self.path, at, size, b"", None)
        return self.part.read(self.claim, opener)

    def seen(self, opener: Opener) -> tuple[str, str | None, Reason | None]:
        """Its key, and the rule by which it is no mail, or why it is no mail. Raises Outage."""
        content = self.read(opener)
        name = self.place if isinstance(self.part, Member) or isinstance(content, Reason) else content.raw.digest
        key = f"file:{key_of(self.path)}@{storable(name)}"
        if isinstance(content, Reason):
            return key, None, content
        if not any(block.strip(_SILENT) for block in content.raw.chunks()):
            return key, PADDING, None
        with content.raw.open() as stream:
            if looks_like_mail(stream.read(HEAD)):
                return key, None, None
        place = f"{readable_path(self.path)}@{self.place}"
        return key, None, Reason("groupware.bytes-unnamed", place=place, size=content.raw.size)


class Shares:
    """The places that rows claim in files of many mails; kept on disk, so that any number of rows costs no memory."""

    def __init__(self, parts: Sequence[Shared]) -> None:
        self._parts, self._numbers = parts, {part: number for number, part in enumerate(parts)}
        self._scratch = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._scratch.executescript(
            "pragma journal_mode = off; create table claimed (path blob, part integer, place text)"
        )
        self._scratch.execute("begin")

    def __enter__(self) -> "Shares":
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.close()

    def add(self, told: Iterable[tuple[Shared, bytes, str]]) -> None:
        """Another claim's places."""
        rows = [(path, self._numbers[part], place) for part, path, place in told]
        if rows:
            self._scratch.executemany("insert into claimed values (?, ?, ?)", rows)

    def remains(self, opener: Opener) -> Iterator[Remain]:
        """What the claims leave of each file, file by file. A file that cannot be read leaves nothing: each of its rows
        says so. Raises Outage."""
        rows = self._scratch.execute("select distinct path, part, place from claimed order by path, part")
        for path, group in groupby(rows, key=lambda row: bytes(row[0])):
            claimed = [(self._parts[part], place) for _, part, place in group]
            yield from (Remain(path, part, place) for part, place in _remains(path, claimed, opener))


def _remains(path: bytes, claimed: list[tuple[Shared, str]], opener: Opener) -> Iterator[tuple[Shared, str]]:
    kind = claimed[0][0]
    if isinstance(kind, Member):
        names = {place for _, place in claimed}
        yield from ((kind, name) for name in opener.members(path) if name not in names)
    elif isinstance(kind, Framed):
        begins = {int(place) for _, place in claimed}
        for frame in opener.frames(path, kind.variant):
            if frame.start not in begins and frame.line not in begins:
                yield kind, str(frame.start if frame.line is None else frame.line)
    else:
        stream = opener.tree.open(path)
        if not isinstance(stream, Reason):
            with closing(stream):
                yield from _between(stream, [(part, place) for part, place in claimed if isinstance(part, Range)])


def _between(stream: BinaryIO, claimed: list[tuple[Range, str]]) -> Iterator[tuple[Range, str]]:
    """The bytes between claimed places. What a damaged place has lost of its end reaches to the next one."""
    spans = sorted([part.span(place, stream) for part, place in claimed], key=lambda span: span[0])
    size = stream.seek(0, 2)
    kind = next((part for part, _ in claimed if part.counted), claimed[0][0])
    at = 0
    for number, (start, end) in enumerate(spans):
        if at < start:
            yield from ((kind, place) for place in _records(stream, kind, at, min(start, size)))
        if end is None:
            end = next((later for later, _ in spans[number + 1 : number + 2]), size)
        at = max(at, end)
    if at < size:
        yield from ((kind, place) for place in _records(stream, kind, at, size))


def _records(stream: BinaryIO, kind: Range, at: int, stop: int) -> Iterator[str]:
    """Whole mails with their length in front of them, as far as they go; then what is left."""
    found = []
    begin = at
    while kind.counted and begin < stop:
        _, end = kind.span(f"{begin}+{NOWHERE}", stream)
        if end is None or end > stop:
            break
        found.append(f"{begin}+{NOWHERE}")
        begin = end
    if kind.magic or begin == stop:
        yield from found
        at = begin
    if at < stop:
        yield f"{at}+{stop - at}"
