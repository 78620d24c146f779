"""A parcel made ready to be sent: its bytes as they go out, and its piece of the command line."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from adapters import letter as letters
from migrator.errors import Reason
from migrator.mail import envelope, header_digest, on_wire, on_wire_chunks, wire_facts
from migrator.mail.scan import chosen, fields_named
from migrator.model import MDN_SENT, Flag, Parcel, Refused

from .words import SYSTEM, date_time, flag_list, keyword

WHOLE = 4 * 2**20
"""Bytes: a mail up to this size is sent from memory, a larger one chunk by chunk. It is also a batch's size."""

RECEIPT_DISARMED = "repair.receipt-disarmed"

_ASKING = (b"receipt-to", b"notification-to", b"reading-to")
"""In what asks for a receipt; whether it does is for `mail.envelope` to say, which takes its time."""

_MESSAGE_ID = fields_named("message-id")

COMMANDS = (
    b"append|authenticate|cancelupdate|capability|check|close|compress|convert|copy|create|delete|deleteacl|enable"
    b"|examine|expunge|fetch|genurlauth|getacl|getmetadata|getquota|getquotaroot|id|idle|list|listrights|login|logout"
    b"|lsub|move|myrights|namespace|noop|notify|rename|replace|resetkey|search|select|setacl|setmetadata|setquota|sort"
    b"|starttls|status|store|subscribe|thread|uid|unauthenticate|unselect|unsubscribe|urlfetch|xlist"
)
_WORD = re.compile(rb" (?=[a-gil-nrstuxA-GIL-NRSTUX])(?i:%b)(?![^ \r\n])" % COMMANDS)
_TAG = re.compile(rb"[!-~]+")
_LITERAL = re.compile(rb"\{\d+\+?\}\r?\n")


@dataclass(frozen=True, slots=True)
class Permitted:
    """The flags a folder can keep."""

    words: dict[str, str]
    """By their lower-case spelling, as the folder spells them."""
    new: bool
    """New keywords too."""

    @classmethod
    def of(cls, flags: Iterable[str] | None) -> "Permitted":
        """From PERMANENTFLAGS; where a server does not tell, all are permitted (RFC 9051 §6.3.2)."""
        if flags is None:
            return cls({word.lower(): word for word in SYSTEM}, True)
        words = tuple(flags)
        return cls({word.lower(): word for word in words}, "\\*" in words)

    def word(self, flag: Flag) -> str | None:
        """What stands for the flag in a command, None where it cannot be kept. Never `\\Deleted`, never `\\Recent`."""
        if flag in SYSTEM:
            return flag if flag.lower() in self.words else None
        word = keyword(flag)
        if word is None:
            return None
        return self.words.get(word.lower(), word if self.new else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter(letters.Letter):
    """One mail as it goes out by IMAP."""

    opening: bytes
    """Its flags and time, as they stand before the literal."""
    commanding: bool
    """A server that has lost its place might run a line of it; so it goes only when the server has asked for it."""
    chunks: Callable[[], Iterator[bytes]]

    @property
    def message_id(self) -> str | None:
        for chunk in self.chunks():
            return message_id(_head(chunk))
        return None


def message_id(head: bytes) -> str | None:
    """The mail's Message-ID, as `mail.envelope` reads it, without the cost of all the rest."""
    lines = b"".join(b"Message-ID: " + value + b"\r\n" for _, value in chosen(head, _MESSAGE_ID))
    return envelope(lines).message_id if lines else None


def letter(parcel: Parcel, permitted: Permitted, largest: int | None) -> Letter | Refused:
    """Make a parcel ready, or say why no server could take it as it is."""
    at = date_time(parcel.received_at)
    if at is None:
        return Refused(parcel.item, Reason("imap.date-impossible", date=parcel.received_at.isoformat()))
    if parcel.raw.size == 0:
        return Refused(parcel.item, Reason("imap.empty"))
    if parcel.raw.size <= WHOLE:
        data, repairs = on_wire(parcel.raw.read())
        size, head = len(data), _head(data)
        sent = hashlib.sha256(data).hexdigest() if repairs else parcel.raw.digest
        headers, chunks = header_digest(head), lambda: iter((data,))
        commanding = commands(data)
    else:
        facts = wire_facts(parcel.raw.chunks())
        size, sent, headers, repairs = facts.size, facts.digest, facts.headers, facts.repairs
        head, chunks = _head(next(on_wire_chunks(parcel.raw.chunks()))), lambda: on_wire_chunks(parcel.raw.chunks())
        commanding = True  # to be asked costs it nothing
    if largest is not None and size > largest:
        return Refused(parcel.item, Reason("item.too-large", size=size, limit=largest))
    words = {flag: word for flag in parcel.flags if (word := permitted.word(flag))}
    if _asks(head) and (disarmed := permitted.word(MDN_SENT)):
        # Clients ask their user, or answer by themselves, unless this flag says that it has been done (RFC 3503).
        repairs = (*repairs, RECEIPT_DISARMED)
        words[MDN_SENT] = disarmed
    return Letter(
        parcel=parcel,
        opening=b" " + flag_list(words.values()) + b" " + at + b" ",
        size=size,
        sent=sent,
        headers=headers,
        flags=frozenset(words),
        repairs=repairs,
        commanding=commanding,
        chunks=chunks,
    )


def commands(data: bytes) -> bool:
    """Whether a line of a mail is a command (`q9 CREATE x`), or ends as one does that goes on in a literal.

    With LITERAL+ a server that answers BAD may read the mail itself as commands, before it can be stopped.
    """
    return (b"{" in data and _LITERAL.search(data) is not None) or _command_lines(data)


def _command_lines(data: bytes) -> bool:
    """Whether a line's second word is a command. Looked for by that word: most of a mail is base64, without a space."""
    start = 0
    while word := _WORD.search(data, start):
        start = data.rfind(b"\n", start, word.start()) + 1 or start
        if _TAG.fullmatch(data[start : word.start()].rstrip(b" ")):
            return True
        start = data.find(b"\n", word.end()) + 1
        if not start:
            break
    return False


def _asks(head: bytes) -> bool:
    small = head.lower()
    return any(words in small for words in _ASKING) and envelope(head).wants_receipt


def _head(data: bytes) -> bytes:
    """The header block of bytes that are as they go out."""
    end = 0 if data.startswith(b"\r\n") else data.find(b"\r\n\r\n")
    return data if end < 0 else data[: end + 4]
