"""The same bytes read by several charsets, side by side: so a person sees which reading is the right one."""

import binascii
import re
from dataclasses import dataclass

from migrator.japanese import decode, decode_header, unbase64
from migrator.mail import headers, split
from migrator.mail.mime import Leaf, leaves
from migrator.model import Raw

CHARSETS = ("utf-8", "cp932", "euc-jp", "iso-2022-jp", "latin-1")

LOOKED_AT = 64 * 1024
"""Bytes of a mail that are read."""

SHOWN = 200
"""Characters of a text that are shown."""

_ENCODED_WORD = re.compile(rb"=\?[^?\s]*\?([bq])\?([^?\s]*)\?=", re.IGNORECASE)
_BLANK = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a mail would say in one charset; None is how we read it."""

    charset: str | None
    from_: str
    subject: str
    text: str


def read(raw: Raw) -> list[Reading]:
    """Our reading first, then one a charset. Total: any bytes in, readings out."""
    with raw.open() as stream:
        data = stream.read(LOOKED_AT)
    head, _ = split(data)
    fields = dict(reversed([(name.lower(), value) for name, value in headers(head)]))
    from_, subject = fields.get(b"from", b""), fields.get(b"subject", b"")
    leaf = next((each for each in leaves(data) if isinstance(each, Leaf) and each.kind == "text/plain"), None)
    body, label = (b"", None) if leaf is None else (leaf.data[: SHOWN * 4], leaf.charset)
    ours = Reading(None, decode_header(from_), decode_header(subject), _short(decode(body, label)))
    return [
        ours,
        *(
            Reading(each, *(_short(_by(each, part)) for part in (_plain(from_), _plain(subject), body)))
            for each in CHARSETS
        ),
    ]


def _plain(value: bytes) -> bytes:
    """A header's value with its encoded words as the bytes that they stand for."""
    return _ENCODED_WORD.sub(
        lambda word: unbase64(word[2]) if word[1] in b"bB" else binascii.a2b_qp(word[2], header=True), value
    )


def _by(charset: str, data: bytes) -> str:
    return data.decode(charset, "backslashreplace")


def _short(text: str) -> str:
    return _BLANK.sub(" ", text)[:SHOWN]
