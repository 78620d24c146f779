"""A mail written out of columns, where a product kept no mail: the same columns always give the same bytes."""

import hashlib
import re
from base64 import encodebytes
from collections.abc import Mapping
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, formataddr

from adapters.groupware.addresses import mailboxes

MARK = "X-Migrator-Written"
"""The field by which such a mail is told from one that somebody sent. Its value says out of what it was written."""

ADDRESSES = frozenset({"from", "to", "cc", "bcc", "reply-to", "sender"})

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def written(fields: Mapping[str, str | datetime | None], text: str, html: str | None, source: str) -> bytes:
    """The mail with these header fields, empty ones left out, and these bodies, in UTF-8 (RFC 5322, RFC 2045)."""
    lines = [_field(name, value) for name, value in fields.items() if value]
    lines += [_field(MARK, source), "MIME-Version: 1.0"]
    plain = _part("plain", text)
    if html is None or not html.strip():
        return "\r\n".join([*lines, plain]).encode("ascii")
    boundary = "=_" + hashlib.sha256(f"{text}\0{html}".encode()).hexdigest()[:32]
    parts = "".join(f"--{boundary}\r\n{part}" for part in (plain, _part("html", html)))
    head = f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n'
    return "\r\n".join([*lines, head, f"{parts}--{boundary}--\r\n"]).encode("ascii")


def _part(kind: str, text: str) -> str:
    body = encodebytes("\r\n".join([*text.splitlines(), ""]).encode()).decode("ascii").replace("\n", "\r\n")
    return f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}"


def _field(name: str, value: str | datetime) -> str:
    """One header field. No line end in a cell ever begins another."""
    if isinstance(value, datetime):
        return f"{name}: {format_datetime(value)}"
    value = _CONTROL.sub(" ", value).strip()
    if name.lower() in ADDRESSES:
        value = _addresses(value)
    if value.isascii():
        return f"{name}: {value}"
    return f"{name}: {Header(value, 'utf-8', header_name=name).encode(linesep=chr(13) + chr(10))}"


def _addresses(value: str) -> str:
    """The mailboxes with their names encoded (RFC 2047); a list with a name or address no header can hold stays as it
    is, none is dropped."""
    found = mailboxes(value)
    if not all(each.address and each.address.isascii() for each in found):
        return value
    return ",\r\n ".join(map(formataddr, found))
