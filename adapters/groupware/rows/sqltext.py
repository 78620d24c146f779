"""How values are written in the SQL dumps of MySQL, PostgreSQL and H2, and what they mean."""

import re
from collections.abc import Callable
from typing import NamedTuple

_NUMBER = rb"[-+]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d++)?"
_WORD = rb"[A-Za-z_][A-Za-z_0-9]*+"
_DOUBLED = rb"'[^']*+(?:''[^']*+)*+'"
"""Standard SQL: a quote is doubled, and a backslash is itself."""
_ESCAPED = rb"'[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+'"
"""MySQL, and E'…' of PostgreSQL: a backslash makes something else of what follows."""
_PLAIN = rb"[^'\\\x81-\x9f\xe0-\xfc]*+"
_ESCAPED_TWO_BYTES = rb"'" + _PLAIN + rb"(?:(?:[\x81-\x9f\xe0-\xfc].|\\.|'')" + _PLAIN + rb")*+'"
"""The same in CP932, where the second byte of a character may be that of a backslash."""
_HEX = rb"0x[0-9A-Fa-f]*+|[xX]'[0-9A-Fa-f\s]*+'|[bB]'[01]*+'"


class Dialect(NamedTuple):
    """How one kind of database writes its dumps."""

    value: bytes
    """A pattern of one value."""
    read: Callable[[bytes], bytes | None]
    """What it means: the bytes of the cell, None for NULL. Raises ValueError."""
    text: bytes
    """A pattern of a text, wherever it stands."""


def _doubled(data: bytes) -> bytes:
    return data[1:-1].replace(b"''", b"'") if b"''" in data[1:-1] else data[1:-1]


_ESCAPE = re.compile(rb"\\(.)|''", re.DOTALL)
_ESCAPE_TWO_BYTES = re.compile(rb"([\x81-\x9f\xe0-\xfc].)|\\(.)|''", re.DOTALL)
_MEANT = {b"0": b"\0", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"Z": b"\x1a"}


def _escaped(data: bytes) -> bytes:
    inner = data[1:-1]
    if b"\\" not in inner and b"'" not in inner:
        return inner
    if b"''" in inner:
        return _ESCAPE.sub(lambda found: b"'" if found[1] is None else _MEANT.get(found[1], found[1]), inner)
    # A line of mail ends in two of them, so the usual ones are replaced in one go; pairs of backslashes part the rest.
    return b"\\".join([_usual(part) for part in inner.split(b"\\\\")])


def _usual(part: bytes) -> bytes:
    for written, meant in _USUAL:
        part = part.replace(written, meant)
    return _ESCAPE.sub(rb"\1", part) if b"\\" in part else part


_USUAL = [(b"\\" + letter, meant) for letter, meant in {**_MEANT, b"'": b"'", b'"': b'"'}.items()]


def _escaped_two_bytes(data: bytes) -> bytes:
    def meant(found: re.Match[bytes]) -> bytes:
        return found[1] or (b"'" if found[2] is None else _MEANT.get(found[2], found[2]))

    return _ESCAPE_TWO_BYTES.sub(meant, data[1:-1])


_E_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))|''", re.DOTALL)
_E_MEANT = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


def c_escapes(data: bytes) -> bytes:
    """What PostgreSQL means by backslashes, in E'…' and in the lines of COPY."""
    if b"\\" not in data and b"'" not in data:
        return data

    def meant(found: re.Match[bytes]) -> bytes:
        two, octal, four, eight, letter = found.groups()
        if two:
            return bytes([int(two, 16)])
        if octal:
            return bytes([int(octal, 8) & 255])
        if four or eight:
            return chr(int(four or eight, 16)).encode("utf-8", "surrogatepass")
        return b"'" if letter is None else _E_MEANT.get(letter, letter)

    return _E_ESCAPE.sub(meant, data)


_COPY_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|(.))", re.DOTALL)


def copied(data: bytes) -> bytes | None:
    """A cell of a COPY line; None for NULL."""
    if data == rb"\N":
        return None
    if b"\\" not in data:
        return data

    def meant(found: re.Match[bytes]) -> bytes:
        two, octal, letter = found.groups()
        if two:
            return bytes([int(two, 16)])
        return bytes([int(octal, 8) & 255]) if octal else _E_MEANT.get(letter, letter)

    return _COPY_ESCAPE.sub(meant, data)


def unhex(quoted: bytes) -> bytes:
    """What hexadecimal digits in quotes mean. Raises ValueError."""
    return bytes.fromhex(quoted[1:-1].decode())


def _digits(data: bytes) -> bytes:
    """A number in hexadecimal or binary digits is the bytes it is made of."""
    if data[:2] == b"0x":
        return bytes.fromhex(data[2:].decode())
    inner = data[2:-1]
    if data[:1] in b"xX":
        return bytes.fromhex(b"".join(inner.split()).decode())
    return int(inner or b"0", 2).to_bytes(max(1, (len(inner) + 7) // 8), "big")


_INTRODUCER = re.compile(rb"\A_\w+?\s*+(?=['xXbB]'|'|0x)")
"""_binary '…', _utf8mb4 x'…'."""


def _mysql(text: Callable[[bytes], bytes]) -> Callable[[bytes], bytes | None]:
    def read(data: bytes) -> bytes | None:
        if data[:1] == b"_":
            data = _INTRODUCER.sub(b"", data)
        if data[:1] == b"'":
            return text(data)
        if data[:2] in (b"0x", b"x'", b"X'", b"b'", b"B'"):
            return _digits(data)
        return None if data.upper() == b"NULL" else data

    return read


def _postgresql(data: bytes) -> bytes | None:
    data = data[: data.rindex(b"'") + 1] if b"'" in data else data  # without ::text behind it
    if data[:1] == b"'":
        return _doubled(data)
    if data[:1] in b"eE" and data[1:2] == b"'":
        return c_escapes(data[2:-1])
    if data[:2] in (b"x'", b"X'", b"b'", b"B'"):
        return data[2:-1]
    return None if data.upper() == b"NULL" else data


_U = re.compile(r"\\(?:\\|\+([0-9A-Fa-f]{6})|([0-9A-Fa-f]{4}))")
_JAVA = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|([0-7]{1,3})|(.))", re.DOTALL)
_INNER = re.compile(rb"'.*'", re.DOTALL)


def _unicode(data: bytes) -> bytes:
    r"""U&'…' of standard SQL: \3042."""
    text = _U.sub(lambda found: chr(int(found[1] or found[2] or "5c", 16)), data.decode("utf-8", "surrogateescape"))
    return _joined(text)


def _java(data: bytes) -> bytes:
    r"""STRINGDECODE('…') of H2: Java's own escapes, \u3042."""
    meant = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}

    def plain(found: re.Match[str]) -> str:
        if found[1]:
            return chr(int(found[1], 16))
        return chr(int(found[2], 8)) if found[2] else meant.get(found[3], found[3])

    return _joined(_JAVA.sub(plain, data.decode("utf-8", "surrogateescape")))


def _joined(text: str) -> bytes:
    """Java's halves of a character put together; bytes that were no text are themselves again."""
    if re.search("[\ud800-\udbff][\udc00-\udfff]", text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return re.sub("[\ud800-\udc7f\udd00-\udfff]", "\ufffd", text).encode("utf-8", "surrogateescape")


def _h2(data: bytes) -> bytes | None:
    head = data[:12].upper()
    if head[:1] == b"'":
        return _doubled(data)
    if head[:2] == b"X'":
        return _digits(data)
    if head in (b"NULL", b"DEFAULT"):
        return None
    inner = _INNER.search(data)
    if inner is None:
        return data
    text = _doubled(inner[0])
    if head.startswith(b"U&"):
        return _unicode(text)
    if head == b"STRINGDECODE":
        return _java(text)
    if re.match(rb"(?:CAST|DATE|TIME|TIMESTAMP|UUID|JSON)\b", head):
        return _digits(data[data.index(inner[0]) - 1 :][: len(inner[0]) + 1]) if b"X'" in data.upper() else text
    raise ValueError(data[:20])


def mysql(charset: str) -> Dialect:
    """mysqldump's, in the charset that it was told to write."""
    two = charset.lower().replace("-", "_") in ("cp932", "shift_jis", "sjis", "ms932", "windows_31j")
    text, read = (_ESCAPED_TWO_BYTES, _escaped_two_bytes) if two else (_ESCAPED, _escaped)
    value = rb"(?:_" + _WORD + rb"\s*+)?(?:" + text + rb"|" + _HEX + rb")|" + _NUMBER + rb"|" + _WORD
    return Dialect(value, _mysql(read), text)


_CAST = rb"(?:::[\w\s\".]++(?:\([\d,\s]*+\))?+(?:\[\])*+)?+"
POSTGRESQL = Dialect(
    rb"(?:[eE]" + _ESCAPED + rb"|" + _HEX + rb"|" + _DOUBLED + rb")" + _CAST + rb"|" + _NUMBER + rb"|" + _WORD,
    _postgresql,
    rb"[eE]" + _ESCAPED + rb"|" + _DOUBLED,
)
H2 = Dialect(
    rb"[xX]'[0-9A-Fa-f\s]*+'|" + _DOUBLED + rb"|U&" + _DOUBLED + rb"(?:\s*+UESCAPE\s*+'.')?+"
    rb"|(?:DATE|TIME|TIMESTAMP|UUID|JSON)(?:\s++WITH(?:OUT)?\s++TIME\s++ZONE)?+\s*+(?:[xX])?"
    + _DOUBLED
    + rb"|(?:STRINGDECODE|CAST|SYSTEM_COMBINE_[BC]LOB)\s*+\((?:[^'()]|"
    + _DOUBLED
    + rb"|\([^()']*+\))*+\)"
    rb"|" + _NUMBER + rb"|" + _WORD,
    _h2,
    _DOUBLED,
)
