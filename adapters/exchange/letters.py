"""A parcel made ready to be sent: its bytes, and the properties that its MIME does not carry."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from migrator.errors import Reason
from migrator.mail import envelope, head_of, header_digest, headers, on_wire, on_wire_chunks, wire_facts
from migrator.mail.scan import chosen, fields_named
from migrator.model import (
    ANSWERED,
    DRAFT,
    FLAGGED,
    FORWARDED,
    IN_MEMORY,
    SEEN,
    Flag,
    Parcel,
    Receipt,
    Refused,
    Role,
)

from .wire import Encoded, Piece
from .words import (
    DELIVERED,
    FLAG_ICON,
    FLAG_STATUS,
    FORWARDED_ICON,
    FORWARDED_ON,
    FROM_ME,
    ICON,
    LAST_VERB,
    MESSAGE_FLAGS,
    READ,
    RED,
    REPLIED,
    REPLIED_ICON,
    SUBMITTED,
    TO_FOLLOW_UP,
    TOKEN,
    UNSENT,
    possible,
    stamp,
    text,
)

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
class Letter:
    """One mail as it goes out."""

    parcel: Parcel
    mime: Encoded
    properties: str
    """What stands behind its MIME."""
    sent: str
    headers: str
    flags: frozenset[Flag]
    repairs: tuple[str, ...]

    @property
    def size(self) -> int:
        return self.mime.size

    @property
    def token(self) -> str:
        return self.parcel.token

    def pieces(self) -> list[Piece]:
        """The mail as an element of a request."""
        opening = b"<t:Message><t:MimeContent>"
        return [opening, self.mime, f"</t:MimeContent>{self.properties}</t:Message>".encode()]

    def receipt(self, ref: str) -> Receipt:
        return Receipt(
            item=self.parcel.item,
            ref=ref,
            sent=self.sent,
            size=self.size,
            headers=self.headers,
            flags=self.flags,
            lost=self.parcel.flags - self.flags,
            repairs=self.repairs,
        )

    def refused(self, code: str, **params: str | int | None) -> Refused:
        return Refused(self.parcel.item, Reason(code, size=self.size, **params))


def letter(parcel: Parcel, *, largest: int, keep_receipts: bool) -> Letter | Refused:
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
    flags = carried(parcel.flags)
    written = stamp(facts.date) if facts.date else None
    return Letter(
        parcel=parcel,
        mime=mime,
        properties=_properties(parcel, head, flags, received, written or received, keep_receipts=keep_receipts),
        sent=sent,
        headers=digest,
        flags=flags,
        repairs=repairs,
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


def categories(flags: Iterable[Flag]) -> str:
    """Their element's content."""
    return "".join(f"<t:String>{text(flag)}</t:String>" for flag in sorted(flags) if is_category(flag))


def verb(flags: frozenset[Flag]) -> tuple[int, int] | None:
    """What was last done with a mail, and the icon that shows it."""
    if ANSWERED in flags:
        return REPLIED, REPLIED_ICON
    return (FORWARDED_ON, FORWARDED_ICON) if FORWARDED in flags else None


# -- properties ------------------------------------------------------------------------------------------------------


def _properties(
    parcel: Parcel, head: bytes, flags: frozenset[Flag], received: str, sent: str, *, keep_receipts: bool
) -> str:
    """In the order of the schema. What a header says is said again: a server may not look there once a request has
    said anything of the kind."""
    said = _said(head)
    seen = SEEN in flags
    status = READ * seen | UNSENT * (DRAFT in flags) | FROM_ME * (parcel.place.role == Role.SENT)
    shown = categories(flags)
    extended = [
        MESSAGE_FLAGS.valued(status),
        DELIVERED.valued(received),
        SUBMITTED.valued(sent),
        TOKEN.valued(parcel.token),
    ]
    if FLAGGED in flags:
        extended += [FLAG_STATUS.valued(TO_FOLLOW_UP), FLAG_ICON.valued(RED)]
    if done := verb(flags):
        extended += [LAST_VERB.valued(done[0]), ICON.valued(done[1])]
    read_receipt = keep_receipts and b"disposition-notification-to" in said
    delivery_receipt = keep_receipts and b"return-receipt-to" in said
    priority = PRIORITY.get(said.get(b"x-priority", "")[:1], "Normal")
    return "".join(
        (
            f"<t:Sensitivity>{SENSITIVITY.get(said.get(b'sensitivity', ''), 'Normal')}</t:Sensitivity>",
            f"<t:Categories>{shown}</t:Categories>" if shown else "",
            f"<t:Importance>{IMPORTANCE.get(said.get(b'importance', ''), priority)}</t:Importance>",
            *extended,
            f"<t:IsReadReceiptRequested>{_truth(read_receipt)}</t:IsReadReceiptRequested>",
            f"<t:IsDeliveryReceiptRequested>{_truth(delivery_receipt)}</t:IsDeliveryReceiptRequested>",
            f"<t:IsRead>{_truth(seen)}</t:IsRead>",
        )
    )


_FIELDS = fields_named("importance", "x-priority", "sensitivity", "disposition-notification-to", "return-receipt-to")


def _said(head: bytes) -> dict[bytes, str]:
    """Of each of these fields the first, in lower case."""
    found: dict[bytes, str] = {}
    for name, value in chosen(head, _FIELDS):
        found.setdefault(name, value.decode("ascii", "replace").strip().lower())
    return found


def _truth(value: bool) -> str:
    return "true" if value else "false"
