"""Where the mails of an mbox begin and end, and how its quoting is undone.

A From_ line begins a mail if it can be read as one (a sender and a date, RFC 4155) and stands at the start of the file
or after a blank line. A Content-Length is believed only where it leads exactly to such a line or to the end.

    variant   body lines that begin with "From "     Content-Length
    mboxo     >From                                  not looked at
    mboxrd    one more > before any >*From           not looked at
    mboxcl    >From                                  counts the body as it lies in the file
    mboxcl2   as they are                            counts the body
    auto      as they are where a counted mail shows that they are; else >From where a mail is counted, and as mboxrd
              where it is not (what mboxo wrote differs from that only in lines that began with >>From)
"""

import os
import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO, Literal

from adapters.files.fromline import LINE, from_line

Variant = Literal["auto", "mboxo", "mboxrd", "mboxcl", "mboxcl2"]

Reader = Callable[[int, int], bytes]
"""reader(size, at): so many bytes from there, fewer only at the end; it has no position."""

BLOCK = 2**20

OVERLAP = 8
"""Bytes of a block that are read again, so that no `From ` with its blank line falls between two."""

HEADER = 2**18
"""Bytes of a header in which a Content-Length is looked for."""

_LENGTH = re.compile(rb"\nContent-Length:[ \t]*(\d{1,15})[ \t]*(?=\r?\n)", re.IGNORECASE)
_LINE_ENDS = re.compile(rb"(?:\r?\n){0,2}")
_BLANK_LINE = re.compile(rb"\n\r?\n")
_LAST_BLANK_LINE = re.compile(rb"(?:\A|\n)(\r?\n)\Z")


def reader(stream: BinaryIO) -> Reader:
    """Reads a file where it is told to."""
    descriptor = stream.fileno()
    return lambda size, at: os.pread(descriptor, size, at)


@dataclass(frozen=True, slots=True)
class Frame:
    """One mail's place in the file. `line` is where its From_ line begins, None where it has none.

    `counted`: it ends where its Content-Length says.
    """

    line: int | None
    start: int
    end: int
    counted: bool = False

    def blocks(self, read: Reader) -> Iterator[bytes]:
        """Its bytes as they lie in the file."""
        yield from _blocks(read, self.start, self.end)


class Frames:
    """All mails of an mbox in the order of the file, in 32 bytes each; and how its writer quoted."""

    def __init__(self, read: Reader, size: int, variant: Variant) -> None:
        self._variant = variant
        self._bare = variant == "mboxcl2"
        self._table = array("q")
        for frame in _scan(read, size, counts=variant in ("auto", "mboxcl", "mboxcl2")):
            self._table.extend((-1 if frame.line is None else frame.line, frame.start, frame.end, frame.counted))
            if variant == "auto" and frame.counted and not self._bare:
                self._bare = _has_bare_from(frame.blocks(read))

    def __len__(self) -> int:
        return len(self._table) // 4

    def __iter__(self) -> Iterator[Frame]:
        for at in range(0, len(self._table), 4):
            line, start, end, counted = self._table[at : at + 4]
            yield Frame(None if line < 0 else line, start, end, bool(counted))

    def beginning(self, at: int) -> Iterator[Frame]:
        """The mail that lies at a byte, its From_ line with it; none where none does."""
        after = bisect_right(range(len(self)), at, key=lambda number: self._table[number * 4 + 1])
        for number in range(max(0, after - 1), min(len(self), after + 1)):
            line, start, end, counted = self._table[number * 4 : number * 4 + 4]
            yield Frame(None if line < 0 else line, start, end, bool(counted))

    def quoting(self, frame: Frame) -> "Quoting":
        """How the lines of this mail are quoted."""
        if self._bare:
            return Quoting.NONE
        if self._variant == "auto":
            return Quoting.PLAIN if frame.counted else Quoting.REVERSIBLE
        return Quoting.REVERSIBLE if self._variant == "mboxrd" else Quoting.PLAIN


# -- where mails begin and end -------------------------------------------------------------------------------------


def _scan(read: Reader, size: int, *, counts: bool) -> Iterator[Frame]:
    lines = array("q", _from_lines(read, size))

    def following(at: int) -> int:
        index = bisect_left(lines, at)
        return lines[index] if index < len(lines) else size

    start = first_content(read, size)
    at = following(0)
    if start < at:  # what stands before the first From_ line is something, too
        yield Frame(None, start, _trimmed(read, start, at))
    while at < size:
        body = at + len(_line(read, at))
        counted = counted_end(read, body, size) if counts else None
        if counted is None:
            after = following(body)
            yield Frame(at, body, _trimmed(read, body, after))
        else:
            end, after = counted
            yield Frame(at, body, end, counted=True)
        at = after


def _from_lines(read: Reader, size: int) -> Iterator[int]:
    """Where all From_ lines begin that stand first or after a blank line, found by jumping from `From ` to `From `."""
    first = first_content(read, size)
    if from_line(_line(read, first)):
        yield first
    at = 0
    while at < size:
        block = read(BLOCK, at)
        found = block.find(b"\nFrom ")
        while found >= 0:
            begins = at + found + 1
            blank = begins > first and _BLANK_LINE.search(block, max(0, found - 2), found + 1)
            if blank and from_line(_line(read, begins)):
                yield begins
            found = block.find(b"\nFrom ", found + 1)
        if len(block) < BLOCK:
            return
        at += len(block) - OVERLAP


def first_content(read: Reader, size: int) -> int:
    """Where the first line that is not blank begins."""
    at = begins = 0
    for block in _blocks(read, 0, size):
        blank = len(block) - len(block.lstrip(b"\r\n"))
        if (newline := block.rfind(b"\n", 0, blank)) >= 0:  # a CR alone ends no line
            begins = at + newline + 1
        if blank < len(block):
            return begins
        at += len(block)
    return size


def counted_end(read: Reader, start: int, size: int) -> tuple[int, int] | None:
    """Where a mail ends by its Content-Length, and where the next From_ line or the end of the file is.

    None where it has none, or one that leads anywhere else.
    """
    head = _head(read, start, size)
    for length in map(int, _LENGTH.findall(b"\n" + head)):
        end = start + len(head) + length
        ends = _LINE_ENDS.match(read(4, end))
        assert ends is not None
        lines, after = ends[0].count(b"\n"), end + ends.end()
        match read(1, end - 1):
            case b"\n" if lines == 1 or (lines == 0 and length):  # without a body, the blank line is the writer's
                fits = True
            case b"\n" | b"\r":
                fits = False
            case _:  # the last line has no end of its own
                fits = lines > 0 or end == size
        if fits and (after == size or from_line(_line(read, after))):
            return end, after
    return None


def _head(read: Reader, start: int, size: int) -> bytes:
    """The header with the blank line that ends it, as far as it is looked at."""
    reach = 2**13
    while True:
        head = read(min(reach, size - start), start)
        if head[:1] == b"\n" or head[:2] == b"\r\n":  # no header
            return head[: head.index(b"\n") + 1]
        if end := _BLANK_LINE.search(head):
            return head[: end.end()]
        if len(head) < reach or reach >= HEADER:
            return head
        reach *= 4


def _trimmed(read: Reader, start: int, end: int) -> int:
    """Where a mail ends without the blank line that its writer put behind it."""
    tail = read(min(3, end - start), end - min(3, end - start))
    blank = _LAST_BLANK_LINE.search(tail)
    return end - len(blank[1]) if blank else end


def _line(read: Reader, at: int) -> bytes:
    """The line that begins there, as far as it is looked at."""
    line, newline, _ = read(LINE + 1, at).partition(b"\n")
    return line + newline


def _blocks(read: Reader, start: int, end: int) -> Iterator[bytes]:
    while start < end and (block := read(min(BLOCK, end - start), start)):
        yield block
        start += len(block)


def _has_bare_from(blocks: Iterable[bytes]) -> bool:
    """Whether any line begins with `From `."""
    last = b"\n"
    for block in blocks:
        if b"\nFrom " in last + block:
            return True
        last = (last + block)[-5:]
    return False


# -- the same, counted another way ---------------------------------------------------------------------------------


def count(stream: BinaryIO, size: int, variant: Variant) -> int:
    """How many mails an mbox holds, counted line by line from the front."""
    read, counts = reader(stream), variant in ("auto", "mboxcl", "mboxcl2")
    mails, blank, begun = 0, True, False
    while line := stream.readline(LINE + 1):
        if blank and from_line(line):
            mails, begun = mails + 1, True
            counted = counted_end(read, stream.tell(), size) if counts else None
            if counted is not None:
                stream.seek(counted[1])
                continue  # still after a blank line, as it were
        elif not begun and line.strip(b"\r\n"):
            mails, begun = 1, True
        blank = line in (b"\n", b"\r\n")
        while len(line) > LINE and not line.endswith(b"\n") and (line := stream.readline(LINE + 1)):
            pass
    return mails


# -- quoting -------------------------------------------------------------------------------------------------------


class Quoting(Enum):
    """What was done to a line that began with From, and is undone."""

    NONE = "none"
    PLAIN = "plain"
    """`>From` was `From`; more marks than one were there before."""
    REVERSIBLE = "reversible"
    """One mark more than there was."""
    ANY = "any"
    """All marks are taken away, whoever put them there: what is left does not depend on the writer."""

    def undone(self, marks: int) -> int:
        """How many of so many marks to take away."""
        match self:
            case Quoting.NONE:
                return 0
            case Quoting.PLAIN:
                return 1 if marks == 1 else 0
            case Quoting.REVERSIBLE:
                return 1
            case Quoting.ANY:
                return marks


_BEGUN = re.compile(rb">+(?:F(?:r(?:om?)?)?)?")


def unquoted(blocks: Iterable[bytes], quoting: Quoting) -> Iterator[bytes]:
    """The blocks with their quoting undone, wherever they are cut."""
    held, at_start = b"", True
    for each in blocks:
        block = held + each
        cut = block.rfind(b"\n") + 1
        begun = (cut > 0 or at_start) and len(block) - cut < BLOCK and _BEGUN.fullmatch(block, cut)
        block, held = (block[:cut], block[cut:]) if begun else (block, b"")
        if block:
            yield _unquote(block, quoting, at_start)
            at_start = block.endswith(b"\n")
    if held:
        yield held


def _unquote(block: bytes, quoting: Quoting, at_start: bool) -> bytes:
    parts, done = [], 0
    last = block.find(b">From ")
    while last >= 0:
        first = last
        while first > 0 and block[first - 1] == ord(">"):
            first -= 1
        if block[first - 1] == ord("\n") if first else at_start:
            parts.append(block[done:first])
            done = first + quoting.undone(last + 1 - first)
        last = block.find(b">From ", last + 1)
    return b"".join((*parts, block[done:])) if parts else block
