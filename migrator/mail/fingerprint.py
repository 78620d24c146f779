"""The identity of a mail's meaning: what stays when a system makes its bytes anew."""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC

from migrator.japanese import decode
from migrator.mail.envelope import envelope
from migrator.mail.mime import Leaf, Opening, leaves


def fingerprint(data: bytes) -> str:
    """SHA-256 in hex over Message-ID, Date, From, To, Cc and Subject as decoded, texts, and attachments' digests.

    Not over trace and other fields, folding, charsets, transfer encodings, line ends, blanks at the end of a line, the
    tree of parts, or their names.
    """
    total = hashlib.sha256()
    for kind, meaning in _meanings(data):
        total.update(b"%s %d\n" % (kind, len(meaning)))
        total.update(meaning)
    return total.hexdigest()


def _meanings(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    for found in leaves(data):
        match found:
            case Opening(head=head):
                yield from ((b"header", text.encode("utf-8")) for text in header_facts(head))
            case Leaf(kind=kind, charset=charset, data=inner) if kind.startswith(("text/", "multipart/")):
                if text := plain(decode(inner, charset)):
                    yield b"text", text.encode("utf-8", "backslashreplace")
            case Leaf(data=inner, exact=True):
                yield b"attachment", hashlib.sha256(inner).digest()
            case Leaf(data=inner):
                yield b"attachment", hashlib.sha256(inner.replace(b"\r", b"").strip(b"\n")).digest()


def header_facts(head: bytes) -> Iterator[str]:
    """Message-ID, Date, From, To, Cc and Subject, as far as systems leave them alone."""
    facts = envelope(head)
    yield facts.message_id or ""
    yield facts.date.astimezone(UTC).isoformat() if facts.date else ""
    # Systems put quotes around names, or take them off.
    yield from (" ".join(_one_form(text.replace('"', "")).split()) for text in (facts.from_, facts.to, facts.cc))
    yield " ".join(_one_form(facts.subject).split())


def plain(text: str) -> str:
    """A text in one form."""
    lines = _one_form(text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line.rstrip() for line in lines).strip("\n")


# The cells that Unicode tables of Japanese charsets disagree on: 〜 ‖ − ¢ £ ¬ —.
_TWO_FORMS = re.compile("[〜‖−¢£¬—]")
_ONE_FORM = str.maketrans("〜‖−¢£¬—", "～∥－￠￡￢―")


def _one_form(text: str) -> str:
    return text.translate(_ONE_FORM) if _TWO_FORMS.search(text) else text
