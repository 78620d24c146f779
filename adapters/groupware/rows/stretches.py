"""A dump as it is read: a window on its text, and where in it each table's statements stand."""

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from adapters.groupware.rows.shape import LONGEST

CHUNK = 2**20
MOST = 10_000
"""Stretches of one dump that are remembered."""


class Text:
    """A window on a stream, moved forward by what is matched."""

    def __init__(self, stream: BinaryIO, stretch: "Stretch | None" = None) -> None:
        """All of a stream, or from where a stretch begins."""
        self._stream = stream
        self.data, self.at, self.line, self.ended = b"", 0, 1 if stretch is None else stretch.line, False
        self._begin = stream.seek(0 if stretch is None else stretch.begin)

    @property
    def place(self) -> int:
        """Where in the stream we are."""
        return self._begin + self.at

    def more(self) -> bool:
        """Read on, twice as much as is open. False at the end of the stream."""
        open_ = len(self.data) - self.at
        more = b"" if self.ended or open_ > LONGEST else self._stream.read(max(CHUNK, open_))
        if not more:
            self.ended = True
            return False
        self._begin += self.at
        self.data, self.at = self.data[self.at :] + more, 0
        return True

    def ahead(self, size: int) -> bytes:
        """So many bytes from here on, fewer only at the end: the same, however much stands open."""
        while len(self.data) - self.at < size and self.more():
            pass
        return self.data[self.at : self.at + size]

    def pass_to(self, at: int) -> None:
        self.line += self.data.count(b"\n", self.at, at)
        self.at = at

    def match(self, pattern: re.Pattern[bytes], enough: int = 2**16) -> re.Match[bytes] | None:
        """What matches here. That nothing does is believed once `enough` bytes stand open."""
        while True:
            found = pattern.match(self.data, self.at)
            open_ = len(self.data) - self.at
            if (found.end() < len(self.data)) if found is not None else (open_ >= enough):
                return found
            if not self.more():
                return found

    def take(self, pattern: re.Pattern[bytes]) -> bool:
        """Go behind what matches here, if it does."""
        found = self.match(pattern)
        if found is not None:
            self.pass_to(found.end())
        return found is not None

    def find(self, pattern: re.Pattern[bytes], margin: int = 64) -> bool:
        """Go behind the first match from here on; to the end of the stream, and False, where there is none."""
        while True:
            found = pattern.search(self.data, self.at)
            if found is not None:
                self.pass_to(found.end())
                return True
            self.pass_to(max(self.at, len(self.data) - margin))
            if not self.more():
                self.pass_to(len(self.data))
                return False


class Stretch(NamedTuple):
    """Statements about one table, one behind the other; and the line on which they begin."""

    names: tuple[str, ...]
    begin: int
    end: int
    line: int


class Places:
    """Where each table's statements stand: found when a dump is read for the first of its tables, for the others."""

    def __init__(self) -> None:
        self.sound = True
        """Whether every statement ended as one does, and whoever reads them apart sees the same."""
        self._stretches: list[Stretch] = []
        self._goes_on = False

    def note(self, names: tuple[str, ...], begin: int, end: int, line: int) -> None:
        """One statement, in the order in which they stand; one that is about no table has no names."""
        if self._goes_on and names and self._stretches[-1].names == names:
            self._stretches[-1] = self._stretches[-1]._replace(end=end)
        elif names:
            self._stretches.append(Stretch(names, begin, end, line))
            self.sound = self.sound and len(self._stretches) <= MOST
        self._goes_on = bool(names) and self.sound
        if not self.sound:
            self._stretches.clear()

    def of(self, *tables: str) -> Iterator[Stretch]:
        """The stretches that are about one of these, by their own names or with their schemas'."""
        return (each for each in self._stretches if {each.names[-1], ".".join(each.names)} & {*tables})
