"""A parcel made ready for an Exchange store: its bytes, and what its MIME does not say or should not."""

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from adapters.letter import Letter
from migrator.errors import Reason
from migrator.mail import envelope, head_of, header_digest, headers, on_wire, on_wire_chunks, wire_facts
from migrator.mail.scan import chosen, fields_named
from migrator.model import ANSWERED, DRAFT, FLAGGED, FORWARDED, IN_MEMORY, SEEN, Flag, Parcel, Refused

from .words import FORWARDED_ICON, FORWARDED_ON, REPLIED, REPLIED_ICON, REPLIED_TO_ALL, possible, stamp

RECEIPT_DISARMED = "repair.receipt-unasked"

CATEGORY = 255
"""Characters a category can have."""

SILENT = frozenset(
    word.lower() for word in ("$MDNSent", "$Junk", "$NotJunk", "$Phishing", "Junk", "NotJunk", "NonJunk", "\\Recent")
)
"""Keywords of mail programs that people would wonder at among their categories."""

IMPORTANCE = {"high": "High", "urgent": "High", "low": "Low", "non-urgent": "Low"}
PRIORITY = {"1": "High", "2": "High", "4": "Low", "5": "Low"}
SENSITIVITY = {"personal": "Personal", "private": "Private", "company-confidential": "Confidential"}
"""RFC 2156 §5.3.6 to RFC 4021 §2.1, as [MS-OXCMAIL] 2.2.3.2 reads them."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Bytes that travel as base64; `chunks` can be asked for again."""

    size: int
    chunks: Callable[[], Iterable[bytes]]

    def __len__(self) -> int:
        return (self.size + 2) // 3 * 4

    def __iter__(self) -> Iterator[bytes]:
        rest = b""
        for chunk in self.chunks():
            data = rest + chunk
            whole = len(data) // 3 * 3
            rest = data[whole:]
            yield base64.b64encode(memoryview(data)[:whole])
        yield base64.b64encode(rest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared(Letter):
    """One mail as it goes into the store. What a header says is said again: a server may not look there once a request
    has said anything of the kind."""

    mime: Encoded
    received: str
    submitted: str
    importance: str
    """Low, Normal or High; `sensitivity` is Normal, Personal, Private or Confidential."""
    sensitivity: str
    read_receipt: bool
    """Whether its sender is to be told that it was read."""
    delivery_receipt: bool


def prepared(parcel: Parcel, *, largest: int, keep_receipts: bool) -> Prepared | Refused:
    """Make a parcel ready, or say why no Exchange could take it as it is."""
    received = stamp(parcel.received_at)
    if received is None:
        return Refused(parcel.item, Reason("exchange.date-impossible", date=parcel.received_at.isoformat()))
    head = head_of(parcel.raw)
    # The server takes any bytes without a word, and would show an empty mail.
    if next(headers(head), None) is None:
        return Refused(parcel.item, Reason("exchange.no-header", size=parcel.raw.size))
    mime, sent, digest, repairs = _outgoing(parcel)
    if mime.size > largest:
        return Refused(parcel.item, Reason("item.too-large", size=mime.size, limit=largest))
    facts = envelope(head)
    if facts.wants_receipt and not keep_receipts:
        repairs = (*repairs, RECEIPT_DISARMED)
    said = _said(head)
    priority = PRIORITY.get(said.get(b"x-priority", "")[:1], "Normal")
    return Prepared(
        parcel=parcel,
        size=mime.size,
        sent=sent,
        headers=digest,
        flags=carried(parcel.flags),
        repairs=repairs,
        mime=mime,
        received=received,
        submitted=(stamp(facts.date) if facts.date else None) or received,
        importance=IMPORTANCE.get(said.get(b"importance", ""), priority),
        sensitivity=SENSITIVITY.get(said.get(b"sensitivity", ""), "Normal"),
        read_receipt=keep_receipts and b"disposition-notification-to" in said,
        delivery_receipt=keep_receipts and b"return-receipt-to" in said,
    )


def _outgoing(parcel: Parcel) -> tuple[Encoded, str, str, tuple[str, ...]]:
    """The bytes as they go out, their digest and their header's, and what was changed."""
    if parcel.raw.size <= IN_MEMORY // 8:
        data, repairs = on_wire(parcel.raw.read())
        sent = hashlib.sha256(data).hexdigest() if repairs else parcel.raw.digest
        end = data.find(b"\r\n\r\n")
        headers = header_digest(data if end < 0 else data[: end + 4])
        return Encoded(len(data), lambda: (data,)), sent, headers, repairs
    known = wire_facts(parcel.raw.chunks())
    return Encoded(known.size, lambda: on_wire_chunks(parcel.raw.chunks())), known.digest, known.headers, known.repairs


_FIELDS = fields_named("importance", "x-priority", "sensitivity", "disposition-notification-to", "return-receipt-to")


def _said(head: bytes) -> dict[bytes, str]:
    """Of each of these fields the first, in lower case."""
    found: dict[bytes, str] = {}
    for name, value in chosen(head, _FIELDS):
        found.setdefault(name, value.decode("ascii", "replace").strip().lower())
    return found


# -- flags -----------------------------------------------------------------------------------------------------------


def carried(flags: Iterable[Flag]) -> frozenset[Flag]:
    """Those of the flags that a mail can carry there. Of answered and forwarded it knows the last one only."""
    kept = frozenset(flag for flag in flags if flag in _SYSTEM or is_category(flag))
    return kept - {FORWARDED} if ANSWERED in kept else kept


_SYSTEM = (SEEN, ANSWERED, FLAGGED, DRAFT, FORWARDED)


def is_category(flag: Flag) -> bool:
    """Whether a keyword can be a category: Outlook parts a list of them at commas and semicolons."""
    return (
        not flag.startswith("\\")
        and flag.lower() not in SILENT
        and flag != FORWARDED
        and 0 < len(flag) <= CATEGORY
        and not any(sign in flag for sign in ",;")
        and possible(flag)
    )


def verb(flags: frozenset[Flag]) -> tuple[int, int] | None:
    """What was last done with a mail, and the icon that shows it."""
    if ANSWERED in flags:
        return REPLIED, REPLIED_ICON
    return (FORWARDED_ON, FORWARDED_ICON) if FORWARDED in flags else None


def read_off(
    categories: Iterable[str], *, read: bool, draft: bool, flagged: bool, last_verb: str | None
) -> frozenset[Flag]:
    """The flags of a mail as the store tells them."""
    found = {each for each in categories if each and not each.startswith("\\")}  # else one could say what a flag says
    found |= {flag for flag, shown in ((SEEN, read), (DRAFT, draft), (FLAGGED, flagged)) if shown}
    if last_verb in (str(REPLIED), str(REPLIED_TO_ALL)):
        found.add(ANSWERED)
    if last_verb == str(FORWARDED_ON):
        found.add(FORWARDED)
    return frozenset(found)
