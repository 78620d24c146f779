"""What people and rules know a mail by, read off its header."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from migrator.japanese import decode, decode_header
from migrator.mail.dates import parse_date
from migrator.mail.scan import VALUE_LIMIT, chosen, fields_named
from migrator.text import storable

ID_LIMIT = 500
"""Characters of an id or address that are kept: an index row of PostgreSQL holds 2,700 bytes."""
REFERENCES_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Envelope:
    """The header's facts; every text is storable, and empty where there is none.

    Ids keep their angle brackets. `sender` is the bare address of From, its domain in lower case, the key of rules by
    sender; `from_`, `to`, `cc` are for display. `date` is the Date field's. `list_id` is RFC 2919's identifier in
    lower case, without brackets. `wants_receipt`: opening the mail would ask for, or send, a receipt.
    """

    message_id: str | None
    subject: str
    sender: str
    from_: str
    to: str
    cc: str
    date: datetime | None
    list_id: str | None
    in_reply_to: str | None
    references: tuple[str, ...]
    wants_receipt: bool


_RECEIPTS = (b"disposition-notification-to", b"return-receipt-to", b"x-confirm-reading-to")
_FIELDS = fields_named(
    *("message-id", "subject", "from", "to", "cc", "date", "list-id", "in-reply-to", "references"),
    *(name.decode() for name in _RECEIPTS),
)


def envelope(head: bytes) -> Envelope:
    """Read the facts off a header block, however broken. Of a repeated field the first counts, of To and Cc all do."""
    found: dict[bytes, list[bytes]] = {}
    for name, value in chosen(head, _FIELDS):
        if value:
            found.setdefault(name, []).append(value)

    def text(values: list[bytes]) -> str:
        return storable(decode_header(b", ".join(values)[:VALUE_LIMIT])) if values else ""

    def ids(name: bytes) -> Iterator[str]:
        return (each for value in found.get(name, nothing) for each in _ids(value))

    nothing: list[bytes] = []
    sender = found.get(b"from", nothing)[:1]
    return Envelope(
        message_id=next(ids(b"message-id"), None) or _whole(found.get(b"message-id", nothing)),
        subject=text(found.get(b"subject", nothing)[:1]),
        sender=address(sender[0]) if sender else "",
        from_=text(sender),
        to=text(found.get(b"to", nothing)),
        cc=text(found.get(b"cc", nothing)),
        date=next(filter(None, map(parse_date, found.get(b"date", ()))), None),
        list_id=_list_id(found[b"list-id"][0]) if b"list-id" in found else None,
        in_reply_to=next(ids(b"in-reply-to"), None),
        references=tuple(islice(ids(b"references"), REFERENCES_LIMIT)),
        wants_receipt=any(name in found for name in _RECEIPTS),
    )


# -- ids -----------------------------------------------------------------------------------------------------------

_BRACKETED = re.compile(rb"<([^<>]*)>")


def _ids(value: bytes) -> Iterator[str]:
    """The message ids of a field; where none stands in brackets, the words that look like one."""
    found = _BRACKETED.findall(value) or [word for word in value.strip(b"<>").split() if b"@" in word]
    return (f"<{each}>" for each in map(_id, found) if each)


def _whole(values: list[bytes]) -> str | None:
    """The Message-ID that is no proper one."""
    return next((f"<{each}>" for each in map(_id, (value.strip(b"<>") for value in values)) if each), None)


def _id(inner: bytes) -> str:
    return storable(decode(b"".join(inner[:VALUE_LIMIT].split())))[:ID_LIMIT]


def _list_id(value: bytes) -> str | None:
    found = _BRACKETED.findall(value)
    return _id(found[-1] if found else value).lower() or None


# -- addresses -----------------------------------------------------------------------------------------------------

_ATOM = rb'([^\x00-\x20\x7f-\xff<>@",:;()\\]+)'
_USUAL = re.compile(rb'(?:(?:"[^"\\\x1b]*"[ \t]*|[^"<>()\\\x1b,;:]*)<)?' + _ATOM + b"@" + _ATOM + rb">?")
_JIS_RUN = re.compile(rb"\x1b\$[@B][^\x1b]*")
# What has no end is consumed too, and let stand: else each of many openings would be followed to the end.
_QUOTED_OR_COMMENT = re.compile(rb'"(?:\\.|[^"\\])*+(?:"(?=(@)?))?|\((?:\\.|[^()\\])*+\)?', re.DOTALL)
_DELIMITERS = bytes.maketrans(b"<>,;:()", b" " * 7)


def address(value: bytes) -> str:
    """The bare address of a From field's first mailbox, quotes off the local part, domain in lower case; "" if none.

    It is looked for before anything is decoded: a display name that decodes to another address changes nothing.
    A name without a domain (MAILER-DAEMON) is an address where it stands in brackets or alone.
    """
    if usual := _USUAL.fullmatch(value):
        return f"{usual[1].decode('ascii')}@{usual[2].decode('ascii').lower().rstrip('.')}"[:ID_LIMIT]
    bare = _JIS_RUN.sub(b"", value)
    for _ in range(5):  # comments may nest
        bare = _QUOTED_OR_COMMENT.sub(_blank_if_ended, bare)
    bracketed, words = _BRACKETED.findall(bare), bare.translate(_DELIMITERS).split()
    found = next((each for each in (*bracketed, *words) if b"@" in each.strip(b"@")), None)
    if found is None:
        found = bracketed[0] if bracketed else words[0] if len(words) == 1 else b""
    if found.startswith(b"@"):  # a route: <@relay,@relay:local@domain>
        found = found.partition(b":")[2]
    local, _, domain = b"".join(found.split()).rpartition(b"@")
    if not local:
        return storable(decode(domain.strip(b'"')).lower())[:ID_LIMIT]
    plain = local.strip(b'"').replace(b"\\", b"")
    return storable(f"{decode(plain)}@{decode(domain).lower().rstrip('.')}")[:ID_LIMIT]


def _blank_if_ended(match: re.Match[bytes]) -> bytes:
    """A quoted string or comment is no address, but for a quoted local part."""
    text = match[0]
    ended = len(text) > 1 and text.endswith((b'"', b")")) and not match[1]
    return b" " if ended else text
