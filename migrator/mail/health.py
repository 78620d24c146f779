"""Whether the bytes look like a whole mail. Whatever the answer, the mail is loaded."""

import binascii
import re
from collections.abc import Iterator
from enum import StrEnum

from migrator.japanese import parameters, unbase64
from migrator.mail.scan import HEAD_LIMIT, chosen, fields_named


class Health(StrEnum):
    """What is wrong with a file that should hold one mail; where several are true, the first one said here."""

    EMPTY = "empty"
    ALL_NUL = "all-nul"
    """Nothing but NUL: space was reserved, and nothing written."""
    NUL_TAIL = "nul-tail"
    """It ends in NUL: written in part."""
    ENCRYPTED = "encrypted"
    """Nobody can judge it by its text: S/MIME or PGP; or the whole file, header and all."""
    NOT_MAIL = "not-mail"
    """It does not begin with header fields, or has none that only mail has."""
    CUT_IN_HEADER = "cut-in-header"
    """It stops before the blank line that ends a header."""
    TWO_MAILS = "two-mails"
    """Another mail begins in it, as in an mbox or behind the dot that ends a transmission."""
    PLACEHOLDER = "placeholder"
    """A program wrote this instead of a mail that it would not receive; the mail itself was never here."""
    NO_CLOSING_BOUNDARY = "no-closing-boundary"
    """A multipart without its last line: most often the end is missing."""
    CUT_IN_BODY = "cut-in-body"
    """It stops in the middle of something: fewer bytes than it says, half a character, half an encoding."""
    BUSY = "busy"
    """Still being written: told by the file, never by its bytes."""
    UNPARSED = "unparsed"
    """To read it would have taken too long, or too much memory: told by who tried, never by its bytes."""
    OK = "ok"


def health(head: bytes, body: bytes | None, size: int, tail: bytes = b"") -> Health:
    """Judge a mail by its header block and body.

    `body` is None where it is too large to be at hand; then it is judged by its header and `tail`, the end of it.
    """
    end = body or tail or head
    whole = body is not None or bool(tail)
    if size == 0 or (body is not None and not head and not body):
        return Health.EMPTY
    is_mail = looks_like_mail(head)
    if whole and end.endswith(b"\0"):
        text = head[:HEAD_LIMIT].rstrip(b"\0")
        if not text and not end.strip(b"\0"):
            return Health.ALL_NUL
        if is_mail or b"\0" not in text:  # what holds NUL everywhere is no text
            return Health.NUL_TAIL
    if not is_mail:
        return Health.ENCRYPTED if _SEALED.match(head or end) else Health.NOT_MAIL
    if body is not None and not body and not _ENDED.search(head[-1000:]):
        return Health.CUT_IN_HEADER
    if not whole:
        return Health.ENCRYPTED if _Root(head).encrypted(b"") else Health.OK
    return _of_body(_Root(head), end if body is None else body, complete=body is not None)


def looks_like_mail(head: bytes) -> bool:
    """Whether a file that begins so begins with header fields, of which one is a mail's."""
    return _FIRST_FIELD.match(head) is not None and _MAIL_FIELD.search(head, 0, HEAD_LIMIT) is not None


# A From_ line, a BOM or blank lines before the first field are somebody else's leavings.
_FIRST_FIELD = re.compile(rb"(?:\xef\xbb\xbf)?[\r\n]*+(?:>?From [^\r\n]*+[\r\n]++)?[!-9;-~]{1,200}[ \t]*+:")
_NAMES = (
    rb"(?:received|return-path|delivered-to|from|to|cc|bcc|date|subject|message-id|reply-to|sender|in-reply-to"
    rb"|references|mime-version|status|(?:content|resent|x|list|dkim|arc)-[!-9;-~]{1,76})[ \t]*+:"
)
_MAIL_FIELD = re.compile(rb"(?:\A(?:\xef\xbb\xbf)?|[\r\n])" + _NAMES, re.IGNORECASE)
_ENDED = re.compile(rb"(?:\n\r*\n|\r\r)\Z")
_SEALED = re.compile(rb"Salted__|age-encryption\.org/|-----BEGIN PGP MESSAGE-----|-----BEGIN PKCS7-----")


# -- bodies --------------------------------------------------------------------------------------------------------

_FIELDS = fields_named("content-type", "content-transfer-encoding", "content-length")

_FROM_LINE = re.compile(
    rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From [^\r\n]{1,300}(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
    rb"[^\r\n]{1,40}\d\d:\d\d[^\r\n]{0,60}\r?\n[!-9;-~]{1,76}[ \t]*+:"
)
_AFTER_A_DOT = re.compile(rb"\n\.\r?\n" + _NAMES, re.IGNORECASE)
_LAST = re.compile(rb"[ \t]*--[ \t]*(?:[\r\n]|\Z)")

LOOKS = 50_000
"""So often at most is a boundary, a From_ line or a lone dot looked for in one mail."""

SHORT = 2**14
"""Bytes a placeholder has at most."""
_NEVER_RECEIVED = "このメールを受信できませんでした。"  # Aipo, for what is larger than its limit
_SAID = [_NEVER_RECEIVED.encode(charset) for charset in ("utf-8", "cp932", "euc_jp")]
_SAID += [_NEVER_RECEIVED.encode("iso2022_jp")[3:-3], b"exceeded the Maximum Message Size set in"]  # Netscape, Mozilla
_PLACEHOLDER = re.compile(b"|".join(map(re.escape, _SAID)))

_ARMOUR = re.compile(rb"\s{0,100}-----BEGIN PGP MESSAGE-----")
_HALF_QUOTED = re.compile(rb"=[0-9A-Fa-f]?\Z")
_ALL_BASE64 = re.compile(rb"[A-Za-z0-9+/\r\n]*\Z")
_NOT_BASE64 = b" \t\r\n"
_UNCODED = {b"", b"7bit", b"8bit", b"binary"}

LAST_LINE = 2000
"""Bytes at the end of a text in which half a character is looked for."""


class _Root:
    """What a mail's own header says of its body."""

    def __init__(self, head: bytes) -> None:
        fields: dict[bytes, bytes] = {}
        for name, value in chosen(head, _FIELDS):
            fields.setdefault(name, value)
        value = fields.get(b"content-type", b"")
        self.kind = value.partition(b";")[0].strip().lower().decode("latin-1")
        self.given = parameters(value)
        self.coding = fields.get(b"content-transfer-encoding", b"").lower()
        length = fields.get(b"content-length", b"")
        self.length = int(length) if length.isdigit() and len(length) < 16 else 0

    def encrypted(self, body: bytes) -> bool:
        if self.kind in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
            return self.given.get("smime-type", b"enveloped-data").lower() in (b"enveloped-data", b"authenveloped-data")
        return self.kind == "multipart/encrypted" or _ARMOUR.match(body) is not None

    def boundary(self) -> bytes:
        return self.given.get("boundary", b"").rstrip() if self.kind.startswith("multipart/") else b""


def _of_body(root: _Root, body: bytes, *, complete: bool) -> Health:
    """`body` is the last part of it where it is not complete."""
    boundary = root.boundary()
    closed = _closed(body, b"--" + boundary) if boundary else None
    if _another_begins(body, closed or 0):
        return Health.TWO_MAILS
    if complete and len(body) < SHORT and _PLACEHOLDER.search(_decoded(body, root.coding)):
        return Health.PLACEHOLDER
    if boundary and closed is None:
        return Health.NO_CLOSING_BOUNDARY
    if not boundary and _is_cut(root, body, complete=complete):
        return Health.CUT_IN_BODY
    return Health.ENCRYPTED if root.encrypted(body) else Health.OK


def _another_begins(body: bytes, start: int) -> bool:
    """Whether a second mail begins there or later. A forwarded mail may have its From_ line before `start`."""
    for at in _found(body, b"From ", start):
        if _FROM_LINE.match(body, at):
            return True
    return any(_AFTER_A_DOT.match(body, at) for at in _found(body, b"\n.", start))


def _found(data: bytes, mark: bytes, at: int) -> Iterator[int]:
    """Where the mark stands, as often as is looked at."""
    for _ in range(LOOKS):
        if (at := data.find(mark, at)) < 0:
            return
        yield at
        at += len(mark)


def _decoded(body: bytes, coding: bytes) -> bytes:
    if coding == b"base64":
        return unbase64(body)
    return binascii.a2b_qp(body) if coding == b"quoted-printable" else body


def _closed(body: bytes, mark: bytes) -> int | None:
    """Where the line ends that closes a multipart."""
    for at in _found(body, mark, 0):
        if (at == 0 or body[at - 1] in b"\r\n") and (last := _LAST.match(body, at + len(mark))):
            return last.end()
    return None


def _is_cut(root: _Root, body: bytes, *, complete: bool) -> bool:
    if complete and root.length > len(body) + body.count(b"\n"):  # it may have been counted with CRLF
        return True
    if root.coding == b"quoted-printable":
        return _HALF_QUOTED.search(body, max(0, len(body) - 8)) is not None
    if root.coding == b"base64":
        if not complete or not _ALL_BASE64.match(body, max(0, len(body) - LAST_LINE)):  # padded, or text was added
            return False
        return len(body.translate(None, _NOT_BASE64)) % 4 != 0
    if root.coding not in _UNCODED or not (root.kind or "text/plain").startswith("text/"):
        return False
    if _ARMOUR.match(body) and complete and b"-----END PGP " not in body:
        return True
    return _is_half_character(body[-LAST_LINE:].rpartition(b"\n"), root.given.get("charset", b"").lower())


# A designation of kanji or kana that nothing takes back, or half of one.
_OPEN_JIS = re.compile(rb"\x1b(?:\$?\(?|(?:\$[@AB]|\$\([@-DOPQ]|\(I)[\x21-\x7e]*+)\Z")
_JAPANESE = {
    b"shift_jis": "cp932",
    b"shift-jis": "cp932",
    b"x-sjis": "cp932",
    b"cp932": "cp932",
    b"windows-31j": "cp932",
}
_JAPANESE |= {b"euc-jp": "euc_jp", b"x-euc-jp": "euc_jp"}


def _is_half_character(end: tuple[bytes, bytes, bytes], label: bytes) -> bool:
    """Whether a text's last line, which ends in no line end, stops inside a character."""
    _, newline, line = end
    if b"\x1b" in line:
        return _OPEN_JIS.search(line) is not None
    if line.isascii() or not newline:  # where it begins, it may begin inside a character
        return False
    if label in _JAPANESE:
        return _stops_short(line, _JAPANESE[label]) is not None
    start = _stops_short(line, "utf-8")
    return start is not None and (label in (b"utf-8", b"utf8") or not line[:start].isascii())


def _stops_short(line: bytes, charset: str) -> int | None:
    """Where the character begins of which the end is missing."""
    try:
        line.decode(charset)
    except UnicodeDecodeError as error:
        if error.reason in ("unexpected end of data", "incomplete multibyte sequence"):
            return error.start
    return None
