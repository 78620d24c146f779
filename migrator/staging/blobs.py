"""Raw bytes, by digest: header block and body apart, so that a newsletter's body in a hundred accounts lies here once.

The header block stays in the raw's own row; a body is a blob, kept in the database, in a pack, or, above LARGE, in a
file of its own. All is zstd with a checksum, and rejoins byte for byte.
"""

import hashlib
import io
import os
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import zstandard
from sqlalchemy import Connection, bindparam, select
from typing_extensions import Buffer, override

from migrator.mail import HEAD, head_of, split
from migrator.model import CHUNK, Raw
from migrator.staging.border import private_file, shut
from migrator.staging.tables import blob, raw

LARGE = 64 * 2**20
"""Bodies above this many bytes are streamed into files of their own."""

PACK = 2**30
"""A pack is closed and the next begun once it has this many bytes."""

LEVEL = 1


@dataclass(frozen=True, slots=True)
class Pieces:
    """One raw, cut for storing: `stored_head` is the header block compressed. `body` is None where it is too large for
    memory; `source` always gives all of it."""

    source: Raw
    head: bytes
    stored_head: bytes
    body_digest: str
    body_size: int
    body: bytes | None

    @classmethod
    def of(cls, source: Raw) -> "Pieces":
        """Cut a raw and hash its body; the slow part of staging, free of the GIL for most of it."""
        if source.size <= LARGE:
            head, body = _cut(source.read())
            return cls(source, head, compress(head), hashlib.sha256(body).hexdigest(), len(body), body)
        with source.open() as stream:
            head, rest = _cut(stream.read(HEAD + 4))
            digest = hashlib.sha256(rest)
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
        return cls(source, head, compress(head), digest.hexdigest(), source.size - len(head), None)


def _cut(data: bytes) -> tuple[bytes, bytes]:
    """Header block and body; a header block above HEAD is kept with the body."""
    head, _ = split(data[: HEAD + 4])
    return (head, data[len(head) :]) if len(head) <= HEAD else (b"", data)


class _Codec(threading.local):
    """One a thread: they are slow to make and must not be shared."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compress
        self.inflate = zstandard.ZstdDecompressor().decompress


_codec = _Codec()


def compress(data: bytes) -> bytes:
    """Data as it is stored."""
    return _codec.compress(data)


class Blobs:
    """Where the bytes lie. Used inside the caller's transaction; `sync` before it commits."""

    def __init__(self, folder: Path, *, packs: bool) -> None:
        self.folder = folder
        self.writes = 0
        """Bytes that the transaction in hand, or the last one, was to write."""
        self.packs = packs
        self._writer: PackWriter | None = None
        self._readers: dict[int, BinaryIO] = {}
        self._lock = threading.Lock()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction. Where it fails, nobody points into the open pack's end: the next one begins another."""
        self.writes = 0
        try:
            yield
        except BaseException:
            self._end_pack()
            raise

    def missing(self, connection: Connection, pieces: Sequence[Pieces]) -> list[Pieces]:
        """Those whose body is not stored yet, each body once; large ones, compressed as they are written, aside."""
        wanted = {piece.body_digest: piece for piece in pieces if piece.body is not None}
        found = connection.execute(select(blob.c.digest).where(blob.c.digest.in_(list(wanted)))).scalars()
        for digest in found:
            del wanted[digest]
        return list(wanted.values())

    def put(self, connection: Connection, run: int, pieces: Sequence[Pieces], bodies: Mapping[str, bytes]) -> None:
        """Store raws. `bodies` holds, compressed, what `missing` named; a large one is read from its piece."""
        fresh = {piece.body_digest: piece for piece in pieces}
        self.writes += sum(map(len, bodies.values())) + sum(len(piece.stored_head) for piece in pieces)
        self.writes += sum(piece.body_size for piece in fresh.values() if piece.body is None)
        rows = [
            {"digest": digest, "size": piece.body_size}
            | (self._file(piece) if piece.body is None else self._placed(run, bodies[digest]))
            for digest, piece in fresh.items()
            if piece.body is None or digest in bodies
        ]
        _insert_new(connection, blob, rows)
        heads = {piece.source.digest: piece for piece in pieces}.values()
        _insert_new(
            connection,
            raw,
            [
                {
                    "digest": piece.source.digest,
                    "size": piece.source.size,
                    "head": piece.stored_head,
                    "body": piece.body_digest,
                }
                for piece in heads
            ],
        )

    def sync(self) -> None:
        """Everything put so far is on the disk: called before the rows that name it are committed."""
        if self._writer is not None:
            self._writer.sync()

    def close(self) -> None:
        self._end_pack()
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()

    def raws(self, connection: Connection, digests: Iterable[str]) -> dict[str, Raw]:
        """The raws of these digests, bodies in memory unless they are large. Bound the bytes you ask for at once."""
        return {row.digest: self._rejoined(row) for row in connection.execute(_RAWS, {"digests": set(digests)})}

    def head(self, connection: Connection, digest: str, stored: bytes) -> bytes:
        """The header block of a raw, of which its row keeps `stored`: nothing of one above HEAD, which lies with the
        body."""
        if head := _codec.inflate(stored):
            return head
        return head_of(self.raws(connection, [digest])[digest])

    def pack_path(self, number: int) -> Path:
        """Where a pack lies."""
        return self.folder / pack_name(number)

    # -- inside --

    def _end_pack(self) -> None:
        """What counts in it was synced before it was committed; what a full disk kept back is nobody's."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with suppress(OSError):
                writer.close()

    def _placed(self, run: int, stored: bytes) -> dict[str, Any]:
        if not self.packs:
            return _ELSEWHERE | {"data": stored}
        if self._writer is None or self._writer.full:
            if self._writer is not None:
                self._writer.close()
            self._writer = PackWriter.begin(self.folder, run)
        return {"data": None, "pack": self._writer.number, "offset": self._writer.append(stored), "length": len(stored)}

    def _file(self, piece: Pieces) -> dict[str, Any]:
        path = self._file_path(piece.body_digest)
        if path.exists():
            return _ELSEWHERE
        _private(path.parent)
        with piece.source.open() as stream:
            stream.read(len(piece.head))
            # each writer's own: two helpers may bring the same body at the same time
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as file:
                try:
                    zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).copy_stream(stream, file)
                    file.flush()
                    os.fsync(file.fileno())
                    Path(file.name).replace(path)
                except BaseException:
                    Path(file.name).unlink(missing_ok=True)
                    raise
        _sync_folder(path.parent)
        return _ELSEWHERE

    def _file_path(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest

    def _rejoined(self, row: Any) -> Raw:
        head = _codec.inflate(row.head)
        if row.data is None and row.pack is None:
            path = self._file_path(row.body)
            return Raw(row.size, row.digest, lambda: io.BufferedReader(_Joined(head, path)))
        data = head + _codec.inflate(
            row.data if row.data is not None else self._from_pack(row.pack, row.offset, row.length)
        )
        return Raw(row.size, row.digest, lambda: io.BytesIO(data))

    def _from_pack(self, number: int, offset: int, length: int) -> bytes:
        with self._lock:
            reader = self._readers.get(number)
            if reader is None:
                reader = self._readers[number] = self.pack_path(number).open("rb")
        return os.pread(reader.fileno(), length, offset)


_RAWS = (
    select(raw.c.digest, raw.c.size, raw.c.head, blob.c.data, blob.c.pack, blob.c.offset, blob.c.length, raw.c.body)
    .join(blob, blob.c.digest == raw.c.body)
    .where(raw.c.digest.in_(bindparam("digests", expanding=True)))
)


class PackWriter:
    """One writer's file: append only, synced before the rows that point into it."""

    def __init__(self, number: int, file: BinaryIO) -> None:
        self.number = number
        self._file = file
        self._at = 0

    @classmethod
    def begin(cls, folder: Path, run: int) -> "PackWriter":
        """A new pack that no other run can be writing: its number begins with the run's."""
        _private(folder)
        for part in range(10_000):
            number = run * 10_000 + part
            try:
                file = os.fdopen(private_file(folder / pack_name(number), os.O_CREAT | os.O_EXCL | os.O_WRONLY), "wb")
            except FileExistsError:
                continue
            _sync_folder(folder)
            return cls(number, file)
        raise AssertionError("a run writes fewer than 10,000 packs")

    @property
    def full(self) -> bool:
        return self._at >= PACK

    def append(self, data: bytes) -> int:
        """Where the data begins."""
        at = self._at
        self._file.write(data)
        self._at += len(data)
        return at

    def sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        try:
            self.sync()
        finally:
            self._file.close()


_ELSEWHERE: dict[str, Any] = {"data": None, "pack": None, "offset": None, "length": None}


def pack_name(number: int) -> str:
    return f"{number:012}.pack"


class _Joined(io.RawIOBase):
    """A header block from memory, then a body that is inflated as it is read."""

    def __init__(self, head: bytes, path: Path) -> None:
        self._file = path.open("rb")
        self._body = zstandard.ZstdDecompressor().stream_reader(self._file)
        self._head = memoryview(head)

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer).cast("B")
        if not self._head:
            return self._body.readinto(view)
        size = min(len(view), len(self._head))
        view[:size] = self._head[:size]
        self._head = self._head[size:]
        return size

    @override
    def close(self) -> None:
        if not self.closed:
            self._body.close()  # type: ignore[no-untyped-call]
            self._file.close()
        super().close()


def _insert_new(connection: Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    """Insert those that are not there yet; two writers may bring the same one."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment] # slow to import
    connection.execute(insert(table).on_conflict_do_nothing(), rows)


def _private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    shut(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
