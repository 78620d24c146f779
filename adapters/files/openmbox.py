"""An open mbox: its mails one by one, each with a key that reading, flagging or removing others does not change."""

import hashlib
import io
import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import tzinfo
from typing import BinaryIO

from typing_extensions import Buffer, override

from adapters.files.frames import Frame, Frames, Quoting, Variant, reader, unquoted
from adapters.files.fromline import LINE, from_line
from adapters.files.reading import NO_ROOM, answer, readable_path, stamp
from adapters.files.rooted import Found
from adapters.files.rules import looks_like_mail
from migrator.errors import FolderError, Reason, UsageError
from migrator.mail import split
from migrator.model import (
    ANSWERED,
    DELETED,
    DRAFT,
    FLAGGED,
    FORWARDED,
    IN_MEMORY,
    SEEN,
    DateSource,
    Evidence,
    Flag,
    Item,
    NotMail,
    Raw,
    Unchanged,
    Unreadable,
)
from migrator.ports import Known

_KEPT_BY_CLIENTS = re.compile(
    rb"\n(?:Status|X-Status|X-Keywords|X-UID|X-IMAP(?:base)?|Content-Length|Lines|X-Mozilla-(?:Status2?|Keys))[ \t]*:"
    rb"[^\n]*(?:\n[ \t][^\n]*)*",
    re.IGNORECASE,
)
"""Fields that a mail program writes into the mail as its owner works with it; each after the end of a line."""

_FIELD = re.compile(
    rb"\n((?:X-)?Status|X-Keywords|X-Mozilla-(?:Status|Keys))[ \t]*:[ \t]*([^\r\n]*?)[ \t]*(?=\r|\n|\Z)", re.IGNORECASE
)
_LETTERS = {b"R": SEEN, b"A": ANSWERED, b"F": FLAGGED, b"T": DRAFT, b"D": DELETED}
_BITS = {0x1: SEEN, 0x2: ANSWERED, 0x4: FLAGGED, 0x8: DELETED, 0x1000: FORWARDED}
"""X-Mozilla-Status; 8 is a mail deleted by its owner that the next compaction takes out."""

_INTERNAL = b"FOLDER INTERNAL DATA"
"""In the Subject of a mail that UW imapd and its kin keep for themselves, beside an X-IMAP field."""


class Changed(Exception):  # noqa: N818 - it is news, not an error
    """The file is no longer the one that was opened."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail of an mbox, known by its key, its bytes not yet kept."""

    key: str
    stamp: str
    frame: Frame
    head: bytes


class OpenMbox:
    """One mbox while it stands still."""

    def __init__(self, stream: BinaryIO, path: str, variant: Variant, zone: tzinfo) -> None:
        self._stream, self._path, self._zone = stream, path, zone
        self._read = reader(stream)
        status = os.fstat(stream.fileno())
        self._stamp = stamp(status)
        self._frames = Frames(self._read, status.st_size, variant)

    def check(self) -> None:
        """Raise Changed where the file is no longer as it was when it was opened."""
        if stamp(os.fstat(self._stream.fileno())) != self._stamp:
            raise Changed

    def mails(self) -> Iterator[Mail]:
        """All mails in the order of the file."""
        equals: Counter[str] = Counter()
        for frame in self._frames:
            digest, marks, head = self._digest(frame)
            equals[digest] += 1
            stamp = f"{marks}.{self._frames.quoting(frame).value}" if marks else "0"
            yield Mail(f"{digest}.{equals[digest]}", stamp, frame, head)

    def look(self, mail: Mail, known: Known) -> Found:
        """One mail, its bytes kept where they are not known yet."""
        size = mail.frame.end - mail.frame.start
        if not size:
            reason = Reason("file.empty", path=self._path)
            return Unreadable(key=mail.key, path=self._path, reason=reason)
        if _INTERNAL in mail.head and b"\nX-IMAP" in mail.head:
            return NotMail(key=mail.key, rule="folder-internal-data", size=size)
        if mail.frame.line is None and not looks_like_mail(mail.head):
            reason = Reason("mbox.no-from-line", path=self._path)
            return Unreadable(key=mail.key, path=self._path, reason=reason, size=size)
        flags = _flags(mail.head)
        if known(mail.key, mail.stamp):
            return Unchanged(key=mail.key, stamp=mail.stamp, flags=flags)
        dates = self._dates(mail.frame)
        return Item(
            key=mail.key, stamp=mail.stamp, raw=self._raw(mail.frame), flags=flags, dates=dates, path=self._path
        )

    def _digest(self, frame: Frame) -> tuple[str, int, bytes]:
        """SHA-256 of what stays of a mail whoever works with it, how many quoting marks it has, and its header.

        Left out are the fields that clients keep in a mail, and every `>` that any writer may have put before From.
        """
        total, size, head = hashlib.sha256(), 0, b""

        def kept() -> Iterator[bytes]:
            nonlocal size, head
            for block in frame.blocks(self._read):
                if not size:
                    head, body = split(block)
                    block = _KEPT_BY_CLIENTS.sub(b"", b"\n" + head)[1:] + body
                size += len(block)
                yield block

        bare = 0
        for block in unquoted(kept(), Quoting.ANY):
            total.update(block)
            bare += len(block)
        return total.hexdigest(), size - bare, head

    def _raw(self, frame: Frame) -> Raw:
        blocks = unquoted(frame.blocks(self._read), self._frames.quoting(frame))
        if frame.end - frame.start <= IN_MEMORY:
            return Raw.of(b"".join(blocks))
        return Raw.spooled(io.BufferedReader(_Pieces(blocks)))

    def _dates(self, frame: Frame) -> tuple[Evidence, ...]:
        if frame.line is None:
            return ()
        line = from_line(self._read(min(LINE, frame.start - frame.line), frame.line), self._zone)
        # Thunderbird writes `From - ` and the time at which it wrote.
        return () if line is None or line.sender == b"-" else (Evidence(DateSource.SPOOL, line.at),)


@contextmanager
def reading(path: bytes) -> Iterator[None]:
    """Errors of the operating system become ours: of the folder, or of the disk that large mails are spooled to."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise UsageError(Reason("spool.no-room", path=readable_path(path))) from error
        raise FolderError(Reason("file.unreadable", path=readable_path(path), answer=answer(error))) from error


class _Pieces(io.RawIOBase):
    """Pieces of bytes as a stream."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer).cast("B")
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        size = min(len(view), len(self._rest))
        view[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def _flags(head: bytes) -> frozenset[Flag]:
    """What Status and X-Status (mailx, elm, UW imapd), X-Keywords (UW imapd, Dovecot) and Mozilla's fields say.

    Others use a field of that name for other things ("Status: ASSIGNED"): only what those programs write counts.
    """
    flags: set[Flag] = set()
    for name, value in _FIELD.findall(b"\n" + head):
        match name.lower():
            case b"status" if re.fullmatch(rb"[NROU]{1,3}", value):
                flags |= {SEEN} if b"R" in value else set()
            case b"x-status" if re.fullmatch(rb"[AFTDR]{1,5}", value):
                flags |= {flag for letter, flag in _LETTERS.items() if letter in value}
            case b"x-mozilla-status" if re.fullmatch(rb"[0-9A-Fa-f]{4,8}", value):
                flags |= {flag for bit, flag in _BITS.items() if bit & int(value, 16)}
            case b"x-keywords" | b"x-mozilla-keys":
                flags |= set(value.decode("utf-8", "backslashreplace").split())
            case _:
                pass
    return frozenset(flags)
