"""Header values and their parameters: RFC 2047 and RFC 2231 as they are really written."""

import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from migrator.japanese.reading import Reading, decode, read

# -- values ------------------------------------------------------------------------------------------------------------

_WORD = re.compile(rb"=\?([^?\s=]{1,60})\?([bBqQ])\?")
_FOLD = re.compile(rb"(?<![\r\n])[\r\n]++(?=[ \t])")
_BLANK = re.compile("[\t\r\n]+")


def decode_header(value: bytes) -> str:
    """An unstructured header's text: RFC 2047 as it is really written, raw JIS, raw 8-bit; on one line.

    Encoded words may touch their neighbours, stand in quotes, and be cut inside a character: the bytes of adjacent
    words in one charset are joined before they are decoded.
    """
    value = _unfolded(value)
    text = "".join(decode(data, charset) for charset, data in _words(value)) if b"=?" in value else decode(value)
    return text.strip(" ") if text.isprintable() else _BLANK.sub(" ", text).strip(" ")


def readings(value: bytes) -> list[Reading]:
    """The same header, stretch by stretch of one charset, each with what was declared, chosen, and why."""
    return [read(data, charset) for charset, data in _words(_unfolded(value)) if data]


def _unfolded(value: bytes) -> bytes:
    return _FOLD.sub(b"", value) if b"\n" in value or b"\r" in value else value


def _words(value: bytes) -> Iterator[tuple[str | None, bytes]]:
    """The value's stretches of one charset, in order; None for what is not encoded."""
    charset: str | None = None
    held, at = bytearray(), 0
    for start, end, label, data in _encoded_words(value):
        gap = value[at:start]
        adjacent = at > 0 and not gap.strip()  # white space between two words is no text (RFC 2047 §6.2)
        if not adjacent or label != charset:
            yield charset, bytes(held)
            held.clear()
        if not adjacent:
            yield None, gap
        charset, at = label, end
        held += data
    yield charset, bytes(held)
    yield None, value[at:]


def _encoded_words(value: bytes) -> Iterator[tuple[int, int, str, bytes]]:
    """Each encoded word's start, end, charset and bytes."""
    at = end = 0
    while word := _WORD.search(value, at):
        at = word.end()
        if end < at and (end := value.find(b"?=", at)) < 0:
            return
        if _WORD.search(value, at, end):  # this one has no end of its own
            continue
        text = value[at:end]
        data = unbase64(text) if word[2] in b"bB" else binascii.a2b_qp(text, header=True)
        at = end + 2
        yield word.start(), at, word[1].partition(b"*")[0].decode("latin-1").lower(), data


def unbase64(data: bytes) -> bytes:
    """What base64 says, whatever stands between or after: junk, padding in the middle, a cut end."""
    out = []
    for run in data.translate(None, _NOT_BASE64).split(b"="):
        whole = run[: len(run) - (len(run) % 4 == 1)]
        out.append(binascii.a2b_base64(whole + b"=" * (-len(whole) % 4)))
    return b"".join(out)


_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))

# -- parameters --------------------------------------------------------------------------------------------------------

# In raw JIS and CP932 a quote or backslash may be half a kanji (ア, ソ): whole characters first.
_CHARACTER = rb"\x1b\$[@B][^\x1b]*+|[\x81-\x9f\xe0-\xfc][\x40-\x7e\x80-\xfc]"
_PARAMETER = re.compile(
    rb';\s*([^\s=;"]{1,100})\s*=\s*(?:"((?:' + _CHARACTER + rb'|\\.|[^"\\])*+)"?|((?:' + _CHARACTER + rb"|[^;])*+))",
    re.DOTALL,
)
_QUOTED_PAIR = re.compile(rb"(" + _CHARACTER + rb")|\\(.)", re.DOTALL)


def parameters(value: bytes) -> dict[str, bytes]:
    """The parameters of a Content-Type or Content-Disposition by lower-case name, unquoted but not decoded."""
    found: dict[str, bytes] = {}
    for match in _PARAMETER.finditer(value):
        name = match[1].decode("latin-1").lower()
        if match[2] is None:
            found.setdefault(name, match[3].strip())
        else:
            found.setdefault(name, _QUOTED_PAIR.sub(lambda pair: pair[1] or pair[2], match[2]))
    return found


def decode_parameter(value: bytes, name: str) -> str | None:
    """One parameter's text, of attachment names above all: RFC 2231 in any order, RFC 2047 in quotes, raw, or None."""
    found = parameters(value)
    if (whole := found.get(f"{name}*")) is not None:
        charset, text = _extended(whole)
        return decode(text, charset)
    if f"{name}*0" in found or f"{name}*0*" in found:
        return _continued(found, name)
    if (plain := found.get(name)) is None:
        return None
    return decode_header(plain)


def _continued(found: dict[str, bytes], name: str) -> str:
    charset: str | None = None
    held, number = bytearray(), 0
    while True:
        if (part := found.get(f"{name}*{number}*")) is None:
            if (part := found.get(f"{name}*{number}")) is None:
                return decode(bytes(held), charset)
        elif number:
            part = unquote_to_bytes(part)
        else:
            charset, part = _extended(part)
        held += part
        number += 1


def _extended(value: bytes) -> tuple[str | None, bytes]:
    """Charset and bytes of an extended value: charset'language'text (RFC 2231 §4)."""
    parts = value.split(b"'", 2)
    if len(parts) < 3:
        return None, unquote_to_bytes(value)
    return parts[0].decode("latin-1") or None, unquote_to_bytes(parts[2])
