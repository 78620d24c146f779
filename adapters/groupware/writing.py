"""A mail written out of columns, where a product kept no mail: the same columns always give the same bytes."""

import hashlib
import re
from base64 import encodebytes
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, formataddr
from typing import NamedTuple
from urllib.parse import quote

from adapters.groupware.addresses import mailboxes

MARK = "X-Migrator-Written"
"""The field by which such a mail is told from one that somebody sent. Its value says out of what it was written."""

ADDRESSES = frozenset({"from", "to", "cc", "bcc", "reply-to", "sender"})
IDS = frozenset({"references", "in-reply-to"})
OURS = re.compile(rf"mime-version|content-.*|{MARK}", re.IGNORECASE)
"""What we write ourselves, as it fits the body that we write."""

WIDTH = 76
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_NO_NAME = re.compile("[^!-9;-~]+")
_NO_TOKEN = re.compile(r"[^\w.+/-]+", re.ASCII)
_BLANK = re.compile(r"(?<=[^ ]) (?=[^ ])")
_LINE_END = re.compile(r"\r\n|\r|\n")
_FOLD = re.compile(r"(?:\r\n|\r|\n)(?=[ \t])")

Field = tuple[str, str | datetime | None]
"""The name of a header field and its value; an empty one is left out."""


class Part(NamedTuple):
    """A file that was attached, or one more body. `data` is None where it lies in a file, and is put in later."""

    name: str
    data: bytes | None
    type: str = "application/octet-stream"
    charset: str = ""
    body: bool = False


def written(
    fields: Iterable[Field], text: str, html: str | None, source: str, parts: Sequence[Part] = ()
) -> list[bytes]:
    """The mail with these header fields and bodies, in UTF-8 (RFC 5322, RFC 2045), in pieces.

    There is one piece, and two more for each part whose data is put in later: what stands in front of that data, and
    what stands there instead if it is not to be had; then the piece that follows.
    """
    seed = hashlib.sha256(text.strip().encode()).hexdigest()[:32]
    bodies = [part for part in parts if part.body]
    attached = [part for part in parts if not part.body]
    lines = [_field(name, value) for name, value in fields if value]
    out = _Pieces("".join(f"{line}\r\n" for line in [*lines, _field(MARK, source), "MIME-Version: 1.0"]))
    texts = [_text("plain", text), *([_text("html", html)] if html and html.strip() else [])]
    if attached:
        out.begin("mixed", f"m{seed}")
    if len(texts) + len(bodies) > 1:
        out.begin("alternative", seed)
    for each in texts:
        out.add(each)
    for part in bodies:
        out.put(part)
    if len(texts) + len(bodies) > 1:
        out.end()
    for part in attached:
        out.put(part)
    if attached:
        out.end()
    return out.pieces


class _Pieces:
    """A mail as it grows: multiparts within multiparts."""

    def __init__(self, head: str) -> None:
        self.pieces = [head.encode("ascii")]
        self._open: list[str] = []

    def add(self, text: str) -> None:
        """One part, header and all, as it stands."""
        self.pieces[-1] += (self._between() + text).encode("ascii")

    def begin(self, kind: str, seed: str) -> None:
        """A multipart, up to `end`. Nothing in it can be its boundary: "=_" occurs in no base64."""
        self.add(f'Content-Type: multipart/{kind}; boundary="=_{seed}"\r\n\r\n')
        self._open.append(seed)

    def end(self) -> None:
        """The end of the multipart that began last."""
        self.pieces[-1] += f"--=_{self._open.pop()}--\r\n".encode()

    def put(self, part: Part) -> None:
        """A file: its data, or a gap in which that is put later."""
        head = self._between() + _head(part)
        if part.data is not None:
            self.pieces[-1] += head.encode("ascii") + base64(part.data)
            return
        gone = b"" if part.body else self._between().encode() + _text("plain", _GONE.format(part.name)).encode("ascii")
        self.pieces += [head.encode("ascii"), gone, b""]

    def _between(self) -> str:
        return f"--=_{self._open[-1]}\r\n" if self._open else ""


_GONE = "migrator: the old system no longer has this attachment, or never had it: {}\n"


def base64(data: bytes) -> bytes:
    """RFC 2045 §6.8, with line ends of mail."""
    return encodebytes(data).replace(b"\n", b"\r\n")


def streamed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same of a stream, without all of it in memory."""
    rest = b""
    for chunk in chunks:
        rest += chunk
        cut = len(rest) // 57 * 57  # what makes a line of 76
        yield base64(rest[:cut])
        rest = rest[cut:]
    yield base64(rest)


def _text(kind: str, text: str) -> str:
    lines = _LINE_END.split(text)
    body = base64("\r\n".join([*lines, ""] if lines[-1] else lines).encode()).decode("ascii")
    return f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}"


def _head(part: Part) -> str:
    kind, charset = _NO_TOKEN.sub("-", part.type), _NO_TOKEN.sub("-", part.charset)
    lines = [f"Content-Type: {kind}" + (f"; charset={charset}" if charset else "")]
    if not part.body:
        lines.append(";\r\n ".join(["Content-Disposition: attachment", *_named(_CONTROL.sub(" ", part.name).strip())]))
    return "".join(f"{line}\r\n" for line in [*lines, "Content-Transfer-Encoding: base64", ""])


def _named(name: str) -> Iterator[str]:
    """The parameter `filename`, by RFC 2231 where it is not short and plain."""
    if not name:
        return
    if name.isascii() and len(name) < WIDTH - 20 and '"' not in name and "\\" not in name:
        yield f'filename="{name}"'
        return
    letters = [quote(letter, safe="") for letter in name]
    number = 0
    while letters:
        taken = ""
        while letters and len(taken) + len(letters[0]) < WIDTH - 20:
            taken += letters.pop(0)
        yield f"filename*{number}*=" + ("" if number else "utf-8''") + taken
        number += 1


# -- header fields ---------------------------------------------------------------------------------------------------


def header_fields(text: str) -> Iterator[Field]:
    """The fields of a header that a store kept as text; lines that are none are passed over."""
    for field in _LINE_END.split(_FOLD.sub("", text)):
        name, colon, value = field.partition(":")
        if colon and not _NO_NAME.search(name.rstrip()):
            yield name.rstrip(), value.strip()


def merged(*sources: Iterable[Field]) -> list[Field]:
    """What several sources say, without what we write ourselves: a field that one has told no later one tells again.

    What may stand only once, and one source tells in several rows, is one field (RFC 5322 §3.6).
    """
    fields: list[Field] = []
    told: set[str] = set()
    for source in sources:
        own: dict[str, int] = {}
        for written_name, value in source:
            name = _NO_NAME.sub("-", written_name) or "X"
            key = name.lower()
            if not value or key in told or OURS.fullmatch(name):
                continue
            between = ", " if key in ADDRESSES else " " if key in IDS else None
            if between is not None and key in own:
                fields[own[key]] = (fields[own[key]][0], f"{fields[own[key]][1]}{between}{value}")
            else:
                own[key] = len(fields)
                fields.append((name, value))
        told |= own.keys()
    return fields


def _field(name: str, value: str | datetime) -> str:
    """One header field. No line end in a cell ever begins another."""
    if isinstance(value, datetime):
        return f"{name}: {format_datetime(value)}"
    value = _CONTROL.sub(" ", value).strip()
    if value.isascii():
        return _folded(f"{name}: {value}")
    if name.lower() in ADDRESSES:
        value = _addresses(value)
    if value.isascii():
        return f"{name}: {value}"
    return f"{name}: {Header(value, 'utf-8', header_name=name).encode(linesep=chr(13) + chr(10))}"


def _folded(line: str) -> str:
    """A long line in several, each but the first behind one of its blanks (RFC 5322 §2.2.3)."""
    if len(line) <= WIDTH:
        return line
    name, _, value = line.partition(": ")
    first, *words = _BLANK.split(value)
    lines = [f"{name}: {first}"]
    for word in words:
        if len(lines[-1]) + len(word) < WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return "\r\n ".join(lines)


def _addresses(value: str) -> str:
    """The mailboxes with their names encoded (RFC 2047); a list with a name or address no header can hold stays as it
    is, none is dropped."""
    found = mailboxes(value)
    if not all(each.address and each.address.isascii() for each in found):
        return value
    return ",\r\n ".join(map(formataddr, found))
