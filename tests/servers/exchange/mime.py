"""What the server reads off a mail, and the other mail it makes of it whenever somebody asks for it.

Exchange keeps properties and not bytes, and writes MIME anew at each read ([MS-OXCMAIL] 2.1, "MIME generation"). The
meaning stays: addresses, subject, text, attachments, the instant of the date. All else may be different, and here is.
"""

import base64
import email
import email.message
import email.policy
import html
import itertools
import quopri
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header, decode_header
from email.utils import format_datetime, getaddresses, parsedate_to_datetime

PLAIN = email.policy.compat32.clone(linesep="\r\n", max_line_length=None)
KEPT = ("From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Subject", "Message-ID", "In-Reply-To", "References")
"""Headers a server writes anew. The rest (X-…, Received, List-Id …) it knows as properties only."""

LAST = ("Subject", "Message-ID", "Date", "Cc", "To", "From")
"""Not the order they came in."""

JIS = re.compile(rb"\x1b\$[@B]([\x21-\x7e]*)|\x1b\([BJ]")

_boundaries = itertools.count(1)

Message = email.message.Message


@dataclass(frozen=True)
class Facts:
    """Properties of a mail. Text that cannot be decoded has replacement characters in it."""

    headers: tuple[tuple[str, str], ...]
    subject: str
    message_id: str
    date: datetime | None
    text: str
    html: str
    has_attachments: bool

    def first(self, name: str) -> str | None:
        return next((value for each, value in self.headers if each.lower() == name.lower()), None)

    def people(self, name: str) -> list[tuple[str, str]]:
        """Names and addresses of a header."""
        found = [value for each, value in self.headers if each.lower() == name.lower()]
        return [(readable(shown), address) for shown, address in getaddresses(found) if address]


def facts(raw: bytes) -> Facts:
    """Any bytes will do: a server that is given garbage may keep it without a word."""
    message = email.message_from_bytes(raw, policy=PLAIN)
    headers = tuple((name, storable(str(value))) for name, value in message.raw_items())
    bodies = {kind: storable(_text(part)) for kind in ("plain", "html") if (part := _first(message, kind))}
    return Facts(
        headers=headers,
        subject=readable(next(iter(_raw(message, "Subject")), "")),
        message_id=storable(next(iter(_raw(message, "Message-ID")), "").strip()),
        date=_date(message),
        text=bodies.get("plain", ""),
        html=bodies.get("html", ""),
        has_attachments=any(_is_attachment(part) for part in message.walk()),
    )


def composed(subject: str, body: str, kind: str, people: Mapping[str, str]) -> bytes:
    """A mail of fields, where a client gives those and no MIME."""
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message["Subject"] = subject
    for name, addresses in people.items():
        message[name] = addresses
    message.set_content(body, subtype=kind, charset="utf-8")
    return message.as_bytes()


def rebuilt(raw: bytes, sent: datetime | None = None, *, twins: bool = True, extra: Mapping[str, str] = {}) -> bytes:
    """The mail as a server makes it anew, never the same bytes twice.

    `sent` is the instant its Date will say, `extra` are headers that come from changed properties. With `twins` there
    is an HTML part beside each text that had none.
    """
    message = email.message_from_bytes(raw, policy=PLAIN)
    wanted = {name: _raw(message, name) for name in KEPT}
    if when := sent or _date(message):
        wanted["Date"] = [format_datetime(when.astimezone(UTC))]
    order = sorted(wanted, key=lambda name: LAST.index(name) if name in LAST else -1)
    made = _part(message, alone=twins, twins=twins)
    inner = [f"{name}: {value}" for name, value in made.raw_items() if name.lower().startswith("content-")]
    lines = [_header(name, value) for name in order for value in wanted[name]]
    lines += [*(_header(name, value) for name, value in extra.items()), "MIME-Version: 1.0", *inner]
    for name in set(made.keys()):
        if name.lower() != "content-type":
            del made[name]
    made["X-End"] = "of the header"
    body = made.as_bytes(policy=PLAIN).partition(b"\r\n\r\n")[2]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


def _raw(message: Message, name: str) -> list[str]:
    """A header's values as they stand, bytes beyond ASCII as surrogates."""
    return [str(value) for each, value in message.raw_items() if each.lower() == name.lower()]


def _header(name: str, value: str) -> str:
    """A header's line: what is plain text in other encoded words, the rest unfolded."""
    value = re.sub(r"\r?\n(?=[ \t])", "", value)
    value = value.replace("\r", " ").replace("\n", " ")
    if name in ("Subject", "Keywords") and (decoded := readable(value)).isprintable() and "�" not in decoded:
        value = Header(decoded, "utf-8" if not decoded.isascii() else None, maxlinelen=70).encode(linesep="\r\n")
    return f"{name}: {value}"


def _part(part: Message, *, alone: bool, twins: bool) -> Message:
    """A part made anew: other boundaries, another transfer encoding; beside a text that stands alone its HTML twin."""
    kind = part.get_content_type()
    if kind == "multipart/signed" or kind.startswith("message/"):
        return part  # a signature covers its bytes; a mail in a mail is an item of its own
    if part.is_multipart():
        part.set_boundary(f"_{next(_boundaries):03}_NextPart_")
        alone = twins and kind != "multipart/alternative"
        part.set_payload([_part(each, alone=alone, twins=twins) for each in part.get_payload()])
        return part
    content = part.get_payload(decode=True)
    content = content if isinstance(content, bytes) else b""
    before = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    del part["Content-Transfer-Encoding"]
    if kind.startswith("text/") and before == "base64":
        part["Content-Transfer-Encoding"] = "quoted-printable"
        lines = content.replace(b"\r\n", b"\n").split(b"\n")
        part.set_payload("\r\n".join(quopri.encodestring(line, quotetabs=True).decode("ascii") for line in lines))
    else:
        part["Content-Transfer-Encoding"] = "base64"
        part.set_payload(base64.encodebytes(content).decode("ascii").replace("\n", "\r\n"))
    return _twin(part) if alone and kind == "text/plain" and not _is_attachment(part) else part


def _twin(part: Message) -> Message:
    """The text, and the same as HTML."""
    other = email.message.Message(policy=PLAIN)
    other["Content-Type"] = 'text/html; charset="utf-8"'
    other["Content-Transfer-Encoding"] = "base64"
    page = f"<html><body><pre>{html.escape(_text(part))}</pre></body></html>"
    other.set_payload(base64.encodebytes(page.encode()).decode("ascii").replace("\n", "\r\n"))
    both = email.message.Message(policy=PLAIN)
    both["Content-Type"] = f'multipart/alternative; boundary="_{next(_boundaries):03}_NextPart_"'
    alone = email.message.Message(policy=PLAIN)
    for name, value in part.raw_items():
        if name.lower().startswith("content-"):
            alone[name] = value
    alone.set_payload(part.get_payload())
    both.set_payload([alone, other])
    return both


def _is_attachment(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or (part.get_filename() is not None)


def _first(message: Message, kind: str) -> Message | None:
    texts = (part for part in message.walk() if part.get_content_type() == f"text/{kind}" and not part.is_multipart())
    return next((part for part in texts if not _is_attachment(part)), None)


def _text(part: Message) -> str:
    content = part.get_payload(decode=True)
    return decoded(content if isinstance(content, bytes) else b"", part.get_content_charset())


def decoded(content: bytes, charset: str | None) -> str:
    """Text in a charset as Windows in Japan reads it: what is not declared, or wrongly so, is guessed."""
    if b"\x1b$" in content and (charset or "us-ascii").lower() in ("iso-2022-jp", "us-ascii"):
        return JIS.sub(_shifted, content).decode("cp932", "replace")
    for each in (charset, "utf-8", "cp932"):
        try:
            return content.decode(each or "us-ascii")
        except (LookupError, UnicodeDecodeError):
            continue
    return content.decode("latin-1")


def _shifted(segment: re.Match[bytes]) -> bytes:
    """A segment of ISO-2022-JP in Shift_JIS, which for Windows has NEC's and IBM's characters too."""
    made = bytearray()
    for first, second in zip((segment[1] or b"")[::2], (segment[1] or b"")[1::2], strict=False):
        made.append((first - 0x21) // 2 + (0x81 if first < 0x5F else 0xC1))
        made.append(second + (0x7E if first % 2 == 0 else 0x1F if second < 0x60 else 0x20))
    return bytes(made)


def _date(message: Message) -> datetime | None:
    try:
        when = parsedate_to_datetime(str(message.get("Date")))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when


def readable(value: str) -> str:
    """A header's value with its encoded words decoded, or as it stands."""
    unfolded = re.sub(r"\r?\n(?=[ \t])", "", value)
    try:
        pieces = decode_header(unfolded)
        return storable("".join(_decoded(piece, charset) for piece, charset in pieces))
    except (email.errors.HeaderParseError, LookupError, ValueError):
        return storable(unfolded)


def _decoded(piece: bytes | str, charset: str | None) -> str:
    return piece if isinstance(piece, str) else decoded(piece, charset)


def storable(value: str) -> str:
    """What XML can carry of a text."""
    decoded = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "�", decoded)
