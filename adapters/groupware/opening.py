"""Takes a mail out of what it lies in: a range of a file, an archive, a packed file. Bounded, whatever they hold."""

import bz2
import gzip
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Any, BinaryIO, cast

from adapters.files.frames import Frame, Frames, Variant, reader, unquoted
from adapters.files.reading import Content, Tree, readable_path, stamp
from migrator.errors import Reason
from migrator.model import Raw

LARGEST = 2**30
"""Bytes of a mail that is unpacked or taken out of a file: no mail is larger."""

SMALL, RATIO = 2**24, 200
"""What unpacks to more than SMALL may be RATIO times its size in the file: mail packs to a tenth, a bomb to less."""

BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    UnicodeDecodeError,
)
"""What the standard library says of archives that are damaged, or packed in a way it does not know."""


_PACKED: tuple[tuple[bytes, Callable[[BinaryIO], AbstractContextManager[Any]]], ...] = (
    (b"\x1f\x8b\x08", lambda stream: gzip.GzipFile(fileobj=stream)),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\0", lzma.LZMAFile),
)
"""What a packed file begins with, and what unpacks it."""


class _Bomb(Exception):  # noqa: N818 - raised and caught inside this module
    """It unpacks to more than any mail."""


class _Bounded:
    """So many bytes of a stream and no more; at the end, or a _Bomb where there would be more and that is `wrong`."""

    def __init__(self, stream: BinaryIO, left: int, *, wrong: bool = False) -> None:
        self._stream, self._left, self._wrong = stream, left, wrong

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes."""
        room = self._left + self._wrong
        data = self._stream.read(room if size < 0 else min(size, room))
        self._left -= len(data)
        if self._left < 0:
            raise _Bomb
        return data


def chained(raws: Sequence[Raw], between: bytes) -> Raw:
    """Several raws one behind the other, as one."""
    return joined(_blocks(raws, between))


def joined(blocks: Iterator[bytes]) -> Raw:
    """Blocks one behind the other. Raises what they raise."""
    return Raw.spooled(cast(BinaryIO, _Chain(blocks)))


def _blocks(raws: Sequence[Raw], between: bytes) -> Iterator[bytes]:
    for number, raw in enumerate(raws):
        if number:
            yield between
        yield from raw.chunks()


class _Chain:
    """Blocks as a stream."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._held = blocks, bytearray()

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, fewer only at the end."""
        while size < 0 or len(self._held) < size:
            block = next(self._blocks, None)
            if block is None:
                break
            self._held += block
        cut = len(self._held) if size < 0 else size
        data = bytes(self._held[:cut])
        del self._held[:cut]
        return data


class Opener:
    """Reads parts of files. It keeps the last archive open, mails of one lie side by side, until its `with` ends."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self._last: tuple[tuple[bytes, str], zipfile.ZipFile] | None = None
        self._open = ExitStack()
        self._mbox: tuple[tuple[bytes, str, Variant], Frames] | None = None

    def __enter__(self) -> "Opener":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._let_go()

    def range(self, path: bytes, at: int, size: int, magic: bytes, count: tuple[str, int] | None) -> Content | Reason:
        """What lies at a place in a file, behind its magic and its count. Raises Outage."""
        stream = self.tree.open(path)
        if isinstance(stream, Reason):
            return stream
        with stream:
            mark, end = _mark(stream)
            place = f"{readable_path(path)}@{at}"
            stream.seek(min(at, end))
            if stream.read(len(magic)) != magic:
                return Reason("groupware.range-strange", place=place)
            if count is not None:
                order, width = count
                number = stream.read(width)
                size = int.from_bytes(number, "little" if order == "little" else "big") if len(number) == width else end
            left = end - stream.tell()
            if size > left:
                return Reason("groupware.range-cut", place=place, size=size, found=max(left, 0))
            if size > LARGEST:
                return Reason("groupware.too-large", place=place, limit=LARGEST)
            raw = Raw.spooled(cast(BinaryIO, _Bounded(stream, size)))
            return Content(raw, mark) if _mark(stream)[0] == mark else Reason("file.busy", path=readable_path(path))

    def framed(self, path: bytes, at: int, variant: Variant) -> Content | Reason:
        """The mail of an mbox that begins at a place, its From_ line or what comes after. Raises Outage."""
        stream = self.tree.open(path)
        if isinstance(stream, Reason):
            return stream
        with stream:
            mark, size = _mark(stream)
            frames = self._framed(path, stream, mark, size, variant)
            place = f"{readable_path(path)}@{at}"
            frame = next((frame for frame in frames.beginning(at) if at in (frame.line, frame.start)), None)
            if frame is None:
                return Reason("groupware.range-strange", place=place)
            if frame.end - frame.start > LARGEST:
                return Reason("groupware.too-large", place=place, limit=LARGEST)
            blocks = unquoted(frame.blocks(reader(stream)), frames.quoting(frame))
            raw = Raw.spooled(cast(BinaryIO, _Chain(blocks)))
            return Content(raw, mark) if _mark(stream)[0] == mark else Reason("file.busy", path=readable_path(path))

    def frames(self, path: bytes, variant: Variant) -> Iterator[Frame]:
        """All mails of an mbox; none where it cannot be read. Raises Outage."""
        stream = self.tree.open(path)
        if not isinstance(stream, Reason):
            with stream:
                mark, size = _mark(stream)
                yield from self._framed(path, stream, mark, size, variant)

    def _framed(self, path: bytes, stream: BinaryIO, mark: str, size: int, variant: Variant) -> Frames:
        """The mbox's frames; those of the last one again where it still stands as it did."""
        if self._mbox is None or self._mbox[0] != (path, mark, variant):
            self._mbox = (path, mark, variant), Frames(reader(stream), size, variant)
        return self._mbox[1]

    def members(self, path: bytes) -> list[str]:
        """The names of what lies in an archive; none where it cannot be read. Raises Outage."""
        try:
            opened = self._archive(path)
        except BROKEN:
            return []
        names = [] if isinstance(opened, Reason) else opened[1].namelist()
        return [name for name in dict.fromkeys(names) if not name.endswith("/")]

    def member(self, path: bytes, name: str) -> Content | Reason:
        """A member of a zip archive. Raises Outage."""
        place = f"{readable_path(path)}@{name}"
        try:
            opened = self._archive(path)
            if isinstance(opened, Reason):
                return opened
            mark, archive = opened
            try:
                found = archive.getinfo(name)
            except KeyError:
                return Reason("groupware.member-missing", place=place)
            if found.flag_bits & 1:
                return Reason("groupware.member-locked", place=place)
            with archive.open(found) as stream:
                return self._drained(cast(BinaryIO, stream), found.compress_size, mark, place)
        except BROKEN as error:
            return Reason("groupware.packed-broken", place=place, answer=type(error).__name__)

    def unpacked(self, content: Content, path: bytes) -> Content | Reason:
        """A file's content unpacked, where its first bytes say that it is packed."""
        with content.raw.open() as packed:
            magic = packed.read(6)
            packed.seek(0)
            unpack = next((unpack for begin, unpack in _PACKED if magic.startswith(begin)), None)
            if unpack is None:
                return content
            try:
                with unpack(packed) as stream:
                    found = self._drained(stream, content.raw.size, content.stamp, readable_path(path))
            except BROKEN as error:
                return Reason("groupware.packed-broken", place=readable_path(path), answer=type(error).__name__)
        empty = isinstance(found, Content) and not found.raw.size
        return Reason("file.empty", path=readable_path(path)) if empty else found

    def _drained(self, stream: BinaryIO, packed: int, mark: str, place: str) -> Content | Reason:
        limit = min(LARGEST, max(SMALL, packed * RATIO))
        try:
            raw = Raw.spooled(cast(BinaryIO, _Bounded(stream, limit, wrong=True)))
        except _Bomb:
            return Reason("groupware.too-large", place=place, limit=limit)
        return Content(raw, mark)

    def _archive(self, path: bytes) -> tuple[str, zipfile.ZipFile] | Reason:
        """The archive, and its file's stamp; the last one again where it still stands as it did."""
        status = self.tree.look(path)
        if isinstance(status, Reason):
            return status
        if self._last is None or self._last[0] != (path, stamp(status)):
            self._let_go()
            stream = self.tree.open(path)
            if isinstance(stream, Reason):
                return stream
            with ExitStack() as opened:
                opened.enter_context(stream)
                mark, _ = _mark(stream)
                self._last = (path, mark), opened.enter_context(_opened(stream))
                self._open = opened.pop_all()
        return self._last[0][1], self._last[1]

    def _let_go(self) -> None:
        """Close the last archive."""
        self._last = None
        self._open.close()


def _opened(stream: BinaryIO) -> zipfile.ZipFile:
    """Names without a charset are CP932, as Japanese Windows writes them; where one is not, only ASCII can be told."""
    try:
        return zipfile.ZipFile(stream, metadata_encoding="cp932")
    except UnicodeDecodeError:
        return zipfile.ZipFile(stream)


def _mark(stream: BinaryIO) -> tuple[str, int]:
    status = os.fstat(stream.fileno())
    return stamp(status), status.st_size
