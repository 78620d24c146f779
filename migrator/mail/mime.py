"""A mail's leaves: the parts that hold something, their transfer encoding undone. Bounded in depth, number and time."""

import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count

from migrator.japanese import decode_parameter, parameters, unbase64
from migrator.mail.scan import chosen, fields_named
from migrator.mail.wire import EMPTY_LINE, has_lone_cr_lines, header_end
from migrator.text import storable

DEPTH, PARTS = 50, 10_000
"""Deeper than this, and beyond this many parts, what comes is one leaf each, as it lies."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Here a mail begins: the outer one first, then each that lies in it as message/rfc822, with its name as a file."""

    head: bytes
    name: str | None = None
    within: int = 0
    """How many mails lie around it."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part without parts of its own. `kind` is a media type in lower case, `data` what the encoding said, `name` the
    file's where it is one."""

    kind: str
    charset: str | None
    data: bytes
    exact: bool
    """Came in base64: else transport may have changed its line ends."""
    name: str | None = None


@dataclass(frozen=True, slots=True)
class _Region:
    start: int
    end: int
    depth: int = 0
    default: str = "text/plain"
    is_mail: bool = False
    name: str | None = None
    within: int = 0


def leaves(data: bytes) -> Iterator[Opening | Leaf]:
    """Every opening and leaf, in order. A multipart whose boundary never appears is a leaf."""
    if has_lone_cr_lines(data):
        data = data.replace(b"\r", b"\n")
    waiting = [_Region(0, len(data), is_mail=True)]
    for visited in count():
        if not waiting:
            return
        region = waiting.pop()
        body = _body_start(data, region)
        head = data[region.start : body]
        if region.is_mail:
            yield Opening(head, region.name, region.within)
        fields: dict[bytes, bytes] = {}
        for field, value in chosen(head, _FIELDS):
            fields.setdefault(field, value)
        kind, given = _media_type(fields.get(b"content-type", b""), region.default)
        coding = fields.get(b"content-transfer-encoding", b"").lower()
        deeper = region.depth < DEPTH and visited < PARTS
        if deeper and kind == "message/rfc822" and coding not in _CODINGS:
            within, name = region.within + 1, _name(fields)
            waiting.append(_Region(body, region.end, region.depth + 1, is_mail=True, name=name, within=within))
        elif deeper and kind.startswith("multipart/") and (found := _sections(data, body, region.end, given)):
            default = "message/rfc822" if kind == "multipart/digest" else "text/plain"
            waiting += [
                _Region(start, end, region.depth + 1, default, within=region.within) for start, end in reversed(found)
            ]
        else:
            charset = given["charset"].decode("latin-1") if "charset" in given else None
            undo = _CODINGS.get(coding, bytes)
            yield Leaf(kind, charset, undo(data[body : region.end]), coding == b"base64", _name(fields))


@dataclass(frozen=True, slots=True)
class Shape:
    """What some servers set a limit to: files that are attached, mails one within another, bytes of the longest line
    without its end."""

    files: int
    nesting: int
    line: int


def shape(data: bytes) -> Shape:
    """The shape of one mail."""
    found = list(leaves(data))
    return Shape(
        files=sum(1 for each in found if each.name is not None),
        nesting=max((each.within for each in found if isinstance(each, Opening)), default=0),
        line=max(len(line.rstrip(b"\r")) for line in data.split(b"\n")),
    )


def attachment_names(data: bytes) -> list[str]:
    """The names of a mail's files, in order, of those too that lie in mails within it; as they stand, so a name may be
    a path or a device."""
    return [storable(found.name) for found in leaves(data) if found.name]


_FIELDS = fields_named("content-type", "content-transfer-encoding", "content-disposition")
_CODINGS = {b"base64": unbase64, b"quoted-printable": binascii.a2b_qp}


def _body_start(data: bytes, region: _Region) -> int:
    if not region.is_mail and (empty := EMPTY_LINE.match(data, region.start, region.end)):
        return empty.end()
    return header_end(data, region.start, region.end)


def _media_type(value: bytes, default: str) -> tuple[str, dict[str, bytes]]:
    kind = value.partition(b";")[0].strip().lower().decode("latin-1")
    return (kind if "/" in kind else default), parameters(value)


def _name(fields: Mapping[bytes, bytes]) -> str | None:
    """What a part is called as a file: by its Content-Disposition, else by its Content-Type (RFC 2183 §2.3)."""
    named = decode_parameter(fields.get(b"content-disposition", b""), "filename")
    return named or decode_parameter(fields.get(b"content-type", b""), "name")


def _sections(data: bytes, start: int, end: int, given: dict[str, bytes]) -> list[tuple[int, int]]:
    """Where the parts of a multipart lie; the last one to the end where the closing line was cut off."""
    boundary = given.get("boundary", b"").rstrip()
    found: list[tuple[int, int]] = []
    if not boundary:
        return found
    mark, begun, at = b"--" + boundary, None, start
    while len(found) + 1 < PARTS and (at := data.find(mark, at, end)) >= 0:
        here, at = at, at + len(mark)
        if here != start and data[here - 1] != 0x0A:
            continue
        newline = data.find(b"\n", at, end)
        tail = data[at : newline if newline >= 0 else end].strip()
        if tail not in (b"", b"--"):
            continue
        if begun is not None:
            found.append((begun, here))
        begun = newline + 1 if newline >= 0 else end
        if tail:
            return found
    if begun is not None:
        found.append((begun, end))
    return found
