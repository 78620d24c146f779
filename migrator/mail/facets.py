"""What a mail means, one facet at a time: what is the same, and what another system made of it.

A system that keeps properties and no bytes (Exchange) gives a mail back as it makes it anew: with other encodings, in
another order, and with a text in HTML beside one that had none. People read the same; what they do not is named.
"""

import hashlib
import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from migrator.japanese import decode
from migrator.mail.fingerprint import header_facts, plain
from migrator.mail.mime import Leaf, Opening, leaves

HEADER = ("message-id", "date", "from", "to", "cc", "subject")
GIVEN = ("message-id", "date")
"""What a server gives to a mail that has none."""


@dataclass(frozen=True, slots=True)
class Facets:
    """The header's facts as HEADER names them; what can be read, however often and in whatever form; the digests of the
    attachments, and of the headers of mails in the mail."""

    header: tuple[str, ...]
    texts: frozenset[bytes]
    attachments: tuple[tuple[bytes, bytes | None], ...]
    """Of each its digest but for line ends, which transport may change; and its very own, where it came in base64."""

    @classmethod
    def of(cls, mail: bytes) -> "Facets":
        """Any bytes will do."""
        header: tuple[str, ...] = ()
        texts: set[bytes] = set()
        attachments: list[tuple[bytes, bytes | None]] = []
        for found in leaves(mail):
            match found:
                case Opening(head=head):
                    facts = tuple(header_facts(head))
                    if header:
                        attachments.append((_digest("\n".join(facts)), None))
                    header = header or facts
                case Leaf(kind=kind, charset=charset, data=data) if kind.startswith(("text/", "multipart/")):
                    # a line more or less, a blank that became a tag or an entity: people read the same
                    if text := "".join(readable(decode(data, charset), kind).split()):
                        texts.add(_digest(text))
                case Leaf(data=data, exact=exact):
                    but_for_ends = hashlib.sha256(data.replace(b"\r", b"").strip(b"\n")).digest()
                    attachments.append((but_for_ends, hashlib.sha256(data).digest() if exact else None))
        return cls(header, frozenset(texts), tuple(sorted(attachments, key=lambda each: (each[0], each[1] or b""))))

    def unlike(self, other: "Facets") -> Iterator[str]:
        """The names of the facets in which a mail differs that was made anew of this one. What every mail should have
        and this one lacks (a Message-ID, a date) may be added."""
        for name, mine, its in zip(HEADER, self.header, other.header, strict=True):
            if mine != its and (mine or name not in GIVEN):
                yield name
        if self.texts != other.texts:
            yield "text"
        if not _alike(self.attachments, other.attachments):
            yield "attachments"


def _alike(some: Sequence[tuple[bytes, bytes | None]], others: Sequence[tuple[bytes, bytes | None]]) -> bool:
    if [but_for_ends for but_for_ends, _ in some] != [but_for_ends for but_for_ends, _ in others]:
        return False
    very = zip((own for _, own in some), (own for _, own in others), strict=True)
    return all(mine is None or its is None or mine == its for mine, its in very)


_UNSEEN = re.compile(r"<!--.*?-->|<(script|style|title)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[!/?a-zA-Z][^<>]*>")


def readable(text: str, kind: str) -> str:
    """What people see of a text."""
    if kind == "text/html":
        text = html.unescape(_TAG.sub(" ", _UNSEEN.sub(" ", text)))
    return plain(text)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest()
