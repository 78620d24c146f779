"""The nouns. Frozen, complete at birth; they import nothing of ours but Reason.

Words are those of runbooks/glossary.md: an *account* and its *folders* lie at the source, a *mailbox* and its *places*
at the target; an *item* is one mail and its *raw* bytes; a *key* is the source's name for it, a *ref* the target's.
"""

import hashlib
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import BinaryIO

from typing_extensions import Buffer, override

from migrator.errors import Reason

Flag = str
"""An IMAP flag or keyword as RFC 9051 §2.3.2 spells it: `\\Seen`, `$Forwarded`, `work`."""

SEEN, ANSWERED, FLAGGED, DRAFT, DELETED = "\\Seen", "\\Answered", "\\Flagged", "\\Draft", "\\Deleted"
FORWARDED, MDN_SENT = "$Forwarded", "$MDNSent"

Path = tuple[str, ...]
"""A folder's or place's names from the top; the separator is the server's business."""

ItemId = int
"""Staging's number for one version of one artefact."""


class Role(StrEnum):
    """What a folder is for, whatever it is called (RFC 6154; INBOX by RFC 9051 §5.1)."""

    INBOX = "inbox"
    SENT = "sent"
    DRAFTS = "drafts"
    TRASH = "trash"
    JUNK = "junk"
    ARCHIVE = "archive"


class Verdict(StrEnum):
    """What a proposal or decision says: load it, leave it in staging, or wait for a person."""

    KEEP = "keep"
    PARK = "park"
    HOLD = "hold"


class DateSource(StrEnum):
    """Where a received time was read, best evidence first (laws.md §5)."""

    SPOOL = "spool"
    """Written by the server that received it: an mbox From_ line, a Maildir delivery time, an IMAP INTERNALDATE."""
    RECEIVED = "received"
    INDEX = "index"
    DATE = "date"
    FILE_NAME = "file-name"
    NEIGHBOUR = "neighbour"
    NONE = "none"
    """No evidence at all: 1980-01-01T00:00Z."""


# -- bytes ---------------------------------------------------------------------------------------------------------

IN_MEMORY = 8 * 2**20
"""Raws up to this many bytes stay in memory; larger ones are spooled to a file."""

CHUNK = 2**20


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """The exact bytes of one mail: never decoded, never re-serialised. `digest` is SHA-256 in hex.

    `open` may be called any number of times and gives a new binary stream from the first byte, which can be sought in.
    """

    size: int
    digest: str
    open: Callable[[], BinaryIO]

    @classmethod
    def of(cls, data: bytes) -> "Raw":
        """A mail that is already in memory."""
        return cls(len(data), hashlib.sha256(data).hexdigest(), lambda: io.BytesIO(data))

    @classmethod
    def spooled(cls, stream: BinaryIO, *, folder: str | None = None) -> "Raw":
        """Read a stream to its end: kept in memory up to IN_MEMORY, in an unnamed temporary file beyond.

        The file lives as long as the Raw and needs no clean-up. Raises what the stream raises, OSError included.
        """
        head = stream.read(IN_MEMORY + 1)
        if len(head) <= IN_MEMORY:
            return cls.of(head)
        digest = hashlib.sha256(head)
        size = len(head)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(head)
            del head
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
                file.write(chunk)
            file.flush()
            spool = _Spool(os.dup(file.fileno()))
        return cls(size, digest.hexdigest(), lambda: io.BufferedReader(_View(spool)))

    def read(self) -> bytes:
        """All the bytes. For a raw that may be large, use `chunks`."""
        with self.open() as stream:
            return stream.read()

    def chunks(self) -> Iterator[bytes]:
        """The bytes, a mebibyte at a time."""
        with self.open() as stream:
            while chunk := stream.read(CHUNK):
                yield chunk


class _Spool:
    """An unnamed file that is closed, without a warning, when the last reference goes."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __del__(self) -> None:
        os.close(self.descriptor)


class _View(io.RawIOBase):
    """A reader with a position of its own over a file that several readers share."""

    def __init__(self, spool: _Spool) -> None:
        self._spool, self._at = spool, 0

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: os.fstat(self._spool.descriptor).st_size}[whence]
        if start + offset < 0:
            raise ValueError(offset)
        self._at = start + offset
        return self._at

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        got = os.preadv(self._spool.descriptor, [buffer], self._at)
        self._at += got
        return got


# -- the source's side ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Identity:
    """Which store or server this is: `store` stays while it does. A changed certificate alone is only reported."""

    store: str
    certificate: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A person's store at the source, or a shared inbox's. The empty name stands for what belongs to nobody."""

    name: str


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder of an account. The empty path stands for files that belong to no folder."""

    account: Account
    path: Path
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """What a census found in one folder: artefacts and their bytes, counted another way than by reading the items."""

    folder: Folder
    artefacts: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """A received time as the store itself tells it, and where it was read. Always aware."""

    source: DateSource
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One mail as the source gives it.

    `key` names the same mail in every later pass: no offset, flag or mtime in it. `stamp` is the cheap proof that its
    bytes have not changed (size, mtime, index row, UID). `path` says where it lies, for people.
    """

    key: str
    stamp: str
    raw: Raw
    flags: frozenset[Flag] = frozenset()
    dates: tuple[Evidence, ...] = ()
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchanged:
    """A mail whose bytes were staged before and whose stamp still says so; its flags as they are now."""

    key: str
    stamp: str
    flags: frozenset[Flag] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """An artefact that yields no bytes: a fault. `size` is what the directory or index says, 0 where nothing does."""

    key: str
    path: str | None
    reason: Reason
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NotMail:
    """An artefact that is no mail, by a named rule of the adapter or mapping (an index file, a lock)."""

    key: str
    rule: str
    size: int = 0


# -- the target's side ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One owner's store at the target, the unit of sending. `account` is the one that feeds it, if just one does."""

    owner: str
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A folder at the target. `path` is already legal there; ("INBOX",) is the inbox."""

    owner: str
    path: Path
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a place has come: its epoch (UIDVALIDITY), the next number it gives out, how many mails it holds."""

    epoch: int
    next: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One item on its way: what to put, and where. `token` names this one sending, for targets that can keep a name."""

    item: ItemId
    place: Place
    raw: Raw
    flags: frozenset[Flag]
    received_at: datetime
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The target has it.

    `sent` is the digest of the bytes as they went out, `size` their number, `headers` their header digest
    (mail.header_digest); `flags` what it carries there, `lost` what could not be carried, `repairs` the codes of what
    the protocol made us change.
    """

    item: ItemId
    ref: str | None
    sent: str
    size: int
    headers: str
    flags: frozenset[Flag] = frozenset()
    lost: frozenset[Flag] = frozenset()
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """The target will not take this mail, today or tomorrow. Its neighbours still go."""

    item: ItemId
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One mail as the target shows it: `ref` is "epoch:number", `size` in bytes there, `headers` its header digest."""

    ref: str
    size: int
    message_id: str | None
    flags: frozenset[Flag]
    received_at: datetime
    headers: str | None = None
    fingerprint: str | None = None
    digest: str | None = None
    token: str | None = None

    @property
    def number(self) -> int:
        """The number in the ref; a place gives out larger ones later."""
        return int(self.ref.rpartition(":")[2])


@dataclass(frozen=True, slots=True)
class Reflag:
    """Flags to set and to take away."""

    add: frozenset[Flag] = frozenset()
    remove: frozenset[Flag] = frozenset()


@dataclass(frozen=True, slots=True)
class Relocate:
    """Move to another place of the same owner."""

    place: Place


@dataclass(frozen=True, slots=True)
class Amended:
    """Done; the mail's ref (a new one after a move, None where the server does not tell) and flags now."""

    ref: str | None
    flags: frozenset[Flag]


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Our copy is gone from the place."""


@dataclass(frozen=True, slots=True)
class Touched:
    """A person has changed it since: left as it is."""

    now: Sighting


@dataclass(frozen=True, slots=True)
class Moved:
    """A person has put it into another place: left there."""

    place: Place
    now: Sighting


@dataclass(frozen=True, slots=True)
class Gone:
    """It is no longer there."""


@dataclass(frozen=True, slots=True)
class Unable:
    """The target cannot make this change, today or tomorrow; the mail is as it was."""

    reason: Reason


# -- what is thought of it -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What the filter thinks of a mail, by which rules and why. `guard` names what protects it from being parked;
    `orders`: it is about an order, a delivery, a bill or an account, and people decide about it apart."""

    verdict: Verdict
    rules: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    score: float | None = None
    guard: str | None = None
    orders: bool = False
