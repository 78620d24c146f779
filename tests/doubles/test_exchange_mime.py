"""The Exchange double makes mails anew, unkindly and honestly: no byte stays where it was, and nothing means less."""

import email
import hashlib
from collections import Counter
from email.message import Message
from pathlib import Path

import pytest

from tests.servers.exchange.mime import decoded, facts, rebuilt


def texts(message: Message) -> set[str]:
    """What there is to read, without blanks."""
    parts = (part for part in message.walk() if part.get_content_type() == "text/plain" and not part.get_filename())
    return {"".join(decoded(part.get_payload(decode=True), part.get_content_charset()).split()) for part in parts}


def attachments(message: Message) -> Counter[str]:
    parts = (part for part in message.walk() if part.get_filename() and not part.is_multipart())
    contents = (part.get_payload(decode=True).replace(b"\r\n", b"\n").strip(b"\n") for part in parts)
    return Counter(hashlib.sha256(each).hexdigest() for each in contents)


def sound(message: Message) -> bool:
    return not any(part.defects or part.get_content_maintype() == "message" for part in message.walk())


def test_real_mail_made_anew_means_what_it_meant(corpora: Path) -> None:
    tried = 0
    for path in sorted(corpora.rglob("*.eml"))[::15]:
        raw = path.read_bytes()
        if not sound(before := email.message_from_bytes(raw)):
            continue
        made = rebuilt(raw)
        after = email.message_from_bytes(made)
        was, now = facts(raw), facts(made)
        assert made != raw, path
        assert (now.subject, now.message_id, now.date) == (was.subject, was.message_id, was.date), path
        for header in ("From", "To", "Cc"):
            assert now.people(header) == was.people(header), path
        assert texts(before) - {""} <= texts(after), path
        assert attachments(after) == attachments(before), path
        tried += 1
    assert tried > 150


def test_a_signed_mail_keeps_what_is_signed() -> None:
    signed = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: 7bit\r\n\r\nI, the undersigned.\r\n"
    signature = b"Content-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\nMIIB\r\n"
    head = b'Subject: contract\r\nContent-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary="=S"'
    raw = head + b"\r\n\r\n--=S\r\n" + signed + b"\r\n--=S\r\n" + signature + b"--=S--\r\n"
    assert signed in rebuilt(raw)


@pytest.mark.parametrize("raw", [b"", b"\0\xff\xfe", b"no header\n", b"Content-Type: multipart/mixed\n\nx", b"\x1b$B"])
def test_garbage_is_taken_without_a_word(raw: bytes) -> None:
    assert rebuilt(raw)
    assert facts(raw).subject == ""


def test_every_kanji_of_iso_2022_jp_is_read() -> None:
    for row in range(0x30, 0x74):
        cells = bytes(byte for cell in range(0x21, 0x7F) for byte in (row, cell))
        line = b"\x1b$B" + (cells[:102] if row == 0x4F else cells) + b"\x1b(B"
        assert decoded(line, "iso-2022-jp") == line.decode("iso2022_jp")
