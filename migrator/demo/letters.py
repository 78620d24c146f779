"""One mail as bytes, the way mailers of its time wrote it.

Not by the standard library's `email`: that one writes only what is right, and old mail is not.
"""

import base64
import binascii
import quopri
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from migrator.demo.people import Person


@dataclass(frozen=True, slots=True)
class Writing:
    """How a mailer puts text into bytes: charset, and content transfer encoding."""

    charset: str
    encoding: str

    def data(self, text: str) -> bytes:
        """The text in the charset; what it does not have becomes a geta mark or a question mark, as it did then."""
        if self.charset == "iso-2022-jp":
            return jis(text)
        return text.encode("cp932" if self.charset == "shift_jis" else self.charset, "replace")

    def body(self, text: str) -> bytes:
        """The text in the charset and the transfer encoding, lines ended by LF."""
        return self.encoded(self.data(text))

    def encoded(self, data: bytes) -> bytes:
        """Bytes in the transfer encoding."""
        match self.encoding:
            case "base64":
                return base64.encodebytes(data)
            case "quoted-printable":
                return quopri.encodestring(data)
            case _:
                return data


JIS = Writing("iso-2022-jp", "7bit")
SJIS = Writing("shift_jis", "8bit")
UTF8_BASE64 = Writing("utf-8", "base64")
UTF8_QP = Writing("utf-8", "quoted-printable")
UTF8_8BIT = Writing("utf-8", "8bit")
WRITINGS = (JIS, JIS, JIS, UTF8_BASE64, UTF8_BASE64, UTF8_QP, UTF8_8BIT, SJIS)
"""As often as they are met."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail."""

    name: str
    data: bytes
    type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What people see of a mail."""

    sender: Person
    to: tuple[Person, ...]
    subject: str
    body: str
    at: datetime
    message_id: str
    references: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    attachments: tuple[Attachment, ...] = ()


def written(letter: Letter, writing: Writing) -> bytes:
    """The mail as it came over the wire: lines ended by CRLF."""
    headers = [
        ("Received", f"from mx.example.com by mail.example.co.jp with SMTP; {format_datetime(letter.at)}"),
        ("Message-ID", letter.message_id),
        ("Date", format_datetime(letter.at)),
        ("From", _mailbox(letter.sender, writing)),
        ("To", ",\n ".join(_mailbox(each, writing) for each in letter.to)),
        ("Subject", words(letter.subject, writing)),
        *([("In-Reply-To", letter.references[-1])] if letter.references else []),
        *([("References", "\n ".join(letter.references))] if letter.references else []),
        *letter.headers,
        ("MIME-Version", "1.0"),
    ]
    kind = f"text/plain; charset={writing.charset}"
    text = writing.body(letter.body)
    if letter.attachments:
        boundary = f"=_{letter.message_id.strip('<>').partition('@')[0]}"
        headers.append(("Content-Type", f'multipart/mixed; boundary="{boundary}"'))
        parts = [_part([("Content-Type", kind), ("Content-Transfer-Encoding", writing.encoding)], text)]
        parts += [_attached(each, writing) for each in letter.attachments]
        edge = f"--{boundary}".encode()
        text = b"".join(edge + b"\n" + part + b"\n" for part in parts) + edge + b"--\n"
    else:
        headers += [("Content-Type", kind), ("Content-Transfer-Encoding", writing.encoding)]
    return crlf(_part(headers, text))


def crlf(mail: bytes) -> bytes:
    """The mail with every line ended by CRLF, however it was ended."""
    return mail.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _part(headers: list[tuple[str, str]], body: bytes) -> bytes:
    return b"".join(f"{name}: {value}\n".encode() for name, value in headers) + b"\n" + body


def _attached(attachment: Attachment, writing: Writing) -> bytes:
    name = words(attachment.name, writing)
    headers = [
        ("Content-Type", f'{attachment.type}; name="{name}"'),
        ("Content-Disposition", f'attachment; filename="{name}"'),
        ("Content-Transfer-Encoding", "base64"),
    ]
    return _part(headers, base64.encodebytes(attachment.data))


def _mailbox(person: Person, writing: Writing) -> str:
    return f"{words(person.name, writing)} <{person.address}>"


def words(text: str, writing: Writing) -> str:
    """The text of a header: encoded words of at most 75 characters (RFC 2047 §2) where it is not ASCII."""
    if text.isascii():
        return text
    pieces = [text[at : at + 10] for at in range(0, len(text), 10)]
    return "\n ".join(_word(piece, writing) for piece in pieces)


def _word(piece: str, writing: Writing) -> str:
    data = writing.data(piece)
    if writing.encoding == "quoted-printable":
        quoted = binascii.b2a_qp(data, header=True, quotetabs=True).decode().replace("=\n", "").replace("?", "=3F")
        if len(quoted) <= 60:
            return f"=?{writing.charset}?Q?{quoted}?="
    return f"=?{writing.charset.upper()}?B?{base64.b64encode(data).decode()}?="


# CP932 has some characters twice; only the rows that NEC chose (ED, EE) have a place in ISO-2022-JP.
_NEC = {
    letter: bytes([lead, trail])
    for lead in (0xED, 0xEE)
    for trail in range(0x40, 0xFD)
    if (letter := bytes([lead, trail]).decode("cp932", "ignore")) and letter > "~"
}


def jis(text: str) -> bytes:
    """ISO-2022-JP as Japanese mailers really wrote it: with ①, ㈱ and 髙 of CP932, and half-width kana by ESC ( I."""
    out, charset = b"", b"(B"
    for letter in text:
        code = _NEC.get(letter) or letter.encode("cp932", "ignore") or "〓".encode("cp932")
        wanted = b"(B" if code < b"\x80" else b"(I" if len(code) == 1 else b"$B"
        if wanted != charset:
            out, charset = out + b"\x1b" + wanted, wanted
        out += code if wanted == b"(B" else bytes([code[0] & 0x7F]) if wanted == b"(I" else _jis_cell(*code)
    return out if charset == b"(B" else out + b"\x1b(B"


def _jis_cell(lead: int, trail: int) -> bytes:
    """Row and cell of JIS X 0208 for two bytes of CP932."""
    row = (lead - (0x71 if lead <= 0x9F else 0xB1)) * 2 + 1
    if trail >= 0x9F:
        return bytes([row + 1, trail - 0x7E])
    return bytes([row, trail - (0x20 if trail >= 0x80 else 0x1F)])
