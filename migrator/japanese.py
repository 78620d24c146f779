"""Charset work as Japanese mail needs it: what the sender meant, whatever the label says.

Every function is total and linear. A byte that no charset explains becomes a visible escape (`\\x87`), never a guess
and never nothing. Cells follow CP932, as Windows and the WHATWG encodings do: JIS 2141 (〜) is U+FF5E in every charset.
"""

import binascii
import codecs
import re
from collections.abc import Iterator
from encodings.aliases import aliases
from functools import lru_cache, partial
from urllib.parse import unquote_to_bytes

# -- labels --------------------------------------------------------------------------------------------------------

_JIS, _EUC, _SJIS, _UTF8, _LATIN = "jis", "euc_jp", "cp932", "utf_8", "cp1252"

# Labels mean the superset that senders really use (WHATWG Encoding §4.2), but never shift_jis_2004 or its kin: they
# read the NEC and IBM rows as other kanji, and say nothing.
_SUPERSET = {"ascii": _LATIN, "latin_1": _LATIN, "shift_jis": _SJIS, "shift_jis_2004": _SJIS, "shift_jisx0213": _SJIS}
_SUPERSET |= {"euc_jis_2004": _EUC, "euc_jisx0213": _EUC, "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949"}
_SUPERSET |= {
    "big5": "big5hkscs",
    "cp950": "big5hkscs",
    "iso8859_9": "cp1254",
    "iso8859_11": "cp874",
    "tis_620": "cp874",
}

_UNKNOWN_TO_PYTHON = {
    _JIS: "iso_2022_jp_ms jis jis7 jis_encoding junet cp50220 cp50221 cp50222 50220 50221 50222 x_iso_2022_jp",
    _SJIS: "sjis x_sjis windows_31j cswindows31j windows_932 ms_932 cp943 ibm_943 943 932 x_ms_cp932 x_shift_jis",
    _EUC: "x_euc x_euc_jp eucjp_ms euc_jp_ms eucjp_win eucjp_open cp51932 51932 cseucpkdfmtjapanese",
    _UTF8: "utf8mb3 utf8mb4 utf_8mb4 cp65001 x_utf_8 unicode_1_1_utf_8",
    _LATIN: "8859 x_ansi ansi",
    "gb18030": "x_gbk gb_2312 csgb2312",
    "cp949": "windows_949",
    "big5hkscs": "x_x_big5",
    "koi8_u": "koi8_u",
    "cp874": "cp874 windows_874",
}
_NOT_CHARSETS = {"base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec", "zlib_codec", "mbcs"}
_STATEFUL = {"utf_7", "utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le", "hz", "iso2022_kr"}
"""Charsets in which a byte below 0x80 need not be ASCII."""


def _labels() -> dict[str, str]:
    known = {label: codec for label, codec in aliases.items() if codec not in _NOT_CHARSETS}
    known |= {codec: codec for codec in known.values()}
    return {
        label: _JIS if codec.startswith("iso2022_jp") else _SUPERSET.get(codec, codec) for label, codec in known.items()
    } | {label: codec for codec, labels in _UNKNOWN_TO_PYTHON.items() for label in labels.split()}


_CODECS = _labels()


@lru_cache(maxsize=256)
def _codec(label: str | None) -> str | None:
    """The codec a label means; None for none, and for those that say nothing (unknown-8bit, x-unknown, default).

    Looked up in our own table: Python's imports a module for every label it has not met, and remembers each for ever.
    """
    if label is None or len(label) > 60:
        return None
    return _CODECS.get(re.sub("[^a-z0-9]+", "_", label.lower()).strip("_"))


# -- EUC-JP and CP932 ----------------------------------------------------------------------------------------------


def _cell(error: UnicodeError, otherwise: str) -> tuple[str | bytes, int]:
    """Codec error handler: CP51932's cells that CPython's euc_jp lacks (NEC row 13, NEC-selected IBM rows 89-92)."""
    assert isinstance(error, UnicodeDecodeError)
    at, data = error.start, error.object
    width = 3 if data[at] == 0x8F else 2
    pair = data[at + width - 2 : at + width]
    if (char := _lacking(pair)) is not None:
        if char and width == 2:
            return char, at + 2
        error.end = at + width  # a cell nobody knows is one error, else its last byte begins a wrong kanji
    return codecs.lookup_error(otherwise)(error)


@lru_cache(maxsize=2**14)
def _lacking(pair: bytes) -> str | None:
    """What CP932 has in a cell; nothing where it is empty, None for what is no cell."""
    if len(pair) != 2 or min(pair) < 0xA1 or max(pair) > 0xFE:
        return None
    return _strictly(_shifted(*pair), _SJIS) or ""


def _shifted(row: int, cell: int) -> bytes:
    """The CP932 bytes of an EUC-JP pair."""
    row, cell = row & 0x7F, cell & 0x7F
    lead = ((row - 0x21) >> 1) + 0x81
    trail = cell + 0x1F + (cell >= 0x60) if row % 2 else cell + 0x7E
    return bytes((lead + 0x40 if lead > 0x9F else lead, trail))


def _seven_bit(error: UnicodeError) -> tuple[str | bytes, int]:
    """Codec error handler: escapes of the bytes as they were before `_HIGH`."""
    assert isinstance(error, UnicodeDecodeError)
    return _low_escapes(error.object[error.start : error.end]), error.end


@lru_cache(maxsize=2**14)
def _low_escapes(high: bytes) -> str:
    return "".join([f"\\x{byte & 0x7F:02x}" for byte in high])


codecs.register_error("migrator.seven-bit", _seven_bit)
for _name in ("strict", "replace", "backslashreplace", "migrator.seven-bit"):
    codecs.register_error(f"migrator.cell.{_name}", partial(_cell, otherwise=_name))

# Where the two families part (JIS 2141 2142 215D 2171 2172 224C), CP932's side is taken.
_APART = re.compile("[〜‖−¢£¬]")
_CP932_SIDE = str.maketrans("〜‖−¢£¬", "～∥－￠￡￢")


def _read(data: bytes, codec: str, errors: str = "backslashreplace") -> str:
    if codec != _EUC:
        return data.decode(codec, errors)
    text = data.decode(_EUC, f"migrator.cell.{errors}")
    return text.translate(_CP932_SIDE) if _APART.search(text) else text


def _strictly(data: bytes, codec: str) -> str | None:
    try:
        return _read(data, codec, "strict")
    except UnicodeError:
        return None


# -- ISO-2022-JP ---------------------------------------------------------------------------------------------------

_JIS_PROOF = re.compile(rb"\x1b(?:\$[@AB]|\$\([@-DOPQ]|\(I)")
_SHIFT = re.compile(rb"\x1b(\$[@AB]|\$\([@-DOPQ]|\([BHIJ])|[\x0e\x0f]")
_ASCII_SETS, _KANJI_SETS = {b"(B", b"(J", b"(H"}, {b"$@", b"$B", b"$(@", b"$(B"}
_OTHER_SETS = {b"$A": "iso2022_jp_2", b"$(C": "iso2022_jp_2", b"$(O": "iso2022_jp_3", b"$(P": "iso2022_jp_3"}
_OTHER_SETS |= {b"$(Q": "iso2022_jp_2004"}
_PRINTABLE = re.compile(rb"([\x21-\x7e]+)")
_HIGH = bytes(byte | 0x80 if 0x21 <= byte <= 0x7E else byte for byte in range(256))
_HIGH_KANA = bytes(byte | 0x80 if 0x21 <= byte <= 0x5F else byte for byte in range(256))
_ESCLESS = re.compile(rb"\$[@B]((?:(?!\([BJ])[\x21-\x7e]{2})++)(\([BJ])?")


def _decode_jis(data: bytes) -> str:
    """ISO-2022-JP as it is really written: CP50220 to CP50222, ISO-2022-JP-MS, and what RFC 1554 adds.

    Half-width kana by ESC ( I, by SO/SI or as bare 8-bit bytes; JIS X 0201 Roman is read as ASCII (paths, addresses).
    """
    out, charset, at = [], b"(B", 0
    for shift in _SHIFT.finditer(data):
        out.append(_segment(data[at : shift.start()], charset))
        charset = shift[1] or (b"(I" if shift[0] == b"\x0e" else b"(B")
        at = shift.end()
    out.append(_segment(data[at:], charset))
    return "".join(out)


def _segment(data: bytes, charset: bytes) -> str:
    if charset in _ASCII_SETS:
        return _eight_bit(data)
    # RFC 1468: a line ends in ASCII, even where the escape that says so was lost.
    line, newline, rest = data.partition(b"\n")
    pieces = [_run(piece, charset) if at % 2 else _eight_bit(piece) for at, piece in enumerate(_PRINTABLE.split(line))]
    return "".join(pieces) + _eight_bit(newline + rest)


def _run(run: bytes, charset: bytes) -> str:
    """Printable bytes under one designation."""
    if charset == b"(I":
        return _read(run.translate(_HIGH_KANA), _SJIS)
    if charset in _OTHER_SETS:
        return _read(b"\x1b" + charset + run, _OTHER_SETS[charset])
    odd = f"\\x{run[-1]:02x}" if len(run) % 2 else ""
    high = run[: len(run) & ~1].translate(_HIGH)
    if charset not in _KANJI_SETS:  # JIS X 0212: EUC-JP's code set 3
        high = b"".join(b"\x8f" + high[at : at + 2] for at in range(0, len(high), 2))
    return _read(high, _EUC, "migrator.seven-bit") + odd


def _eight_bit(data: bytes) -> str:
    if data.isascii():
        return data.decode("ascii")
    text = _strictly(data, _UTF8)
    return _read(data, _SJIS) if text is None else text


def _with_escapes(data: bytes) -> bytes:
    """`$BF|K\\8l(B`: ISO-2022-JP whose ESC bytes an old gateway took away, given them back."""

    def restored(match: re.Match[bytes]) -> bytes:
        if match[2] and len(match[1]) >= 4 and _strictly(match[1].translate(_HIGH), _EUC):
            return b"\x1b$B" + match[1] + b"\x1b(B"
        return match[0]

    return _ESCLESS.sub(restored, data)


# -- any charset ---------------------------------------------------------------------------------------------------

_FOREIGN = {"gb18030", "cp949", "big5hkscs"}
_THREE_BYTES = re.compile(rb"[\xe0-\xf4][\x80-\xbf]{2}")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_HALF_WIDTH = re.compile("[\uff61-\uff9f]")
_KANA = re.compile("[\u3041-\u30fc]")
_TELLING = re.compile("[^\t\n\r -~]")
_LATIN_RUN = re.compile("[\x80-\u024f]{3,}")
_LATIN_WORD = re.compile("[A-Za-z][’À-ÿ][a-z]")
SAMPLE = 1024
"""Bytes a guess looks at, from the first that is not ASCII."""


def decode(data: bytes, charset: str | None = None) -> str:
    """What the bytes say, read by their declared charset, or by what they prove where that is wrong, unknown or None.

    Order: JIS escapes, UTF-8, the label, then the most plausible of the label, UTF-8, CP932, EUC-JP and CP1252.
    """
    if charset is None and data.isascii() and b"\x1b" not in data:
        return data.decode("ascii")  # most of what is asked
    codec = _codec(charset)
    if codec in _STATEFUL:
        return _decode_stateful(data, codec)
    if codec == _JIS and b"\x1b" not in data:
        data = _with_escapes(data)
    if (b"\x1b" in data and _JIS_PROOF.search(data)) or (codec == _JIS and b"\x0e" in data):
        return _decode_jis(data)
    if data.isascii():
        return data.decode("ascii")
    text = _strictly(data, _UTF8)
    if text is not None and (codec in (None, _UTF8, _JIS, _LATIN) or _THREE_BYTES.search(data)):
        return text.removeprefix("\ufeff")
    if codec in (None, _UTF8, _JIS, _LATIN):
        return _guess(data, codec)
    text = _strictly(data, codec)
    if text is None:
        return _guess(data, codec)
    if codec == _SJIS and _HALF_WIDTH.search(text) and not _KANA.search(text):  # EUC-JP read as CP932 looks like this
        euc = _strictly(data, _EUC)
        return euc if euc and len(_KANA.findall(euc)) > 1 else text
    return text


def _decode_stateful(data: bytes, codec: str) -> str:
    if codec.startswith(("utf_16", "utf_32")) and data.isascii() and b"\0" not in data:
        return data.decode("ascii")  # the bytes prove that they are not
    # These codecs let lone surrogates pass.
    return _read(data, codec).encode("utf-8", "backslashreplace").decode("utf-8")


def _guess(data: bytes, declared: str | None) -> str:
    first = _NOT_ASCII.search(data)
    start = max(first.start() - 1, 0) if first else 0
    sample = data[start : start + SAMPLE]
    candidates = [codec for codec in (declared, _UTF8, _SJIS, _EUC, _LATIN) if codec and codec != _JIS]
    best = max(candidates, key=lambda codec: _plausibility(_read(sample, codec, "replace"), codec, declared))
    return _read(data, best).removeprefix("\ufeff")


def _plausibility(text: str, codec: str, declared: str | None) -> float:
    """How much a text looks as if it were meant; comparable between readings of the same bytes."""
    telling = _TELLING.findall(text)
    score = sum(map(_weight, telling))
    if codec == declared:
        score += (1.5 if codec in _FOREIGN else 0.5) * len(telling)
    if codec == _LATIN:
        score += 3 * len(_LATIN_WORD.findall(text)) - 1.5 * sum(map(len, _LATIN_RUN.findall(text)))
    return score


@lru_cache(maxsize=2**14)
def _weight(char: str) -> float:
    if char < "\x80":
        return -2
    if "\u3000" <= char <= "\u30ff" or "\uff01" <= char <= "\uff60":
        return 2
    if "\uff61" <= char <= "\uff9f":
        return -1
    if "\u4e00" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7ff" or "\uf900" <= char <= "\ufaff":
        first_level = b"\xb0" <= char.encode(_EUC, "replace")[:1] < b"\xd0"
        return 2 if first_level else 0.5
    return -6 if char < "\xa0" or "\ue000" <= char <= "\uf8ff" or char == "\ufffd" else 0


# -- headers -------------------------------------------------------------------------------------------------------

_WORD = re.compile(rb"=\?([^?\s=]{1,60})\?([bBqQ])\?")
_FOLD = re.compile(rb"(?<![\r\n])[\r\n]++(?=[ \t])")
_BLANK = re.compile("[\t\r\n]+")


def decode_header(value: bytes) -> str:
    """An unstructured header's text: RFC 2047 as it is really written, raw JIS, raw 8-bit; on one line.

    Encoded words may touch their neighbours, stand in quotes, and be cut inside a character: the bytes of adjacent
    words in one charset are joined before they are decoded.
    """
    if b"\n" in value or b"\r" in value:
        value = _FOLD.sub(b"", value)
    text = "".join(decode(data, charset) for charset, data in _words(value)) if b"=?" in value else decode(value)
    return text.strip(" ") if text.isprintable() else _BLANK.sub(" ", text).strip(" ")


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

# -- parameters ----------------------------------------------------------------------------------------------------

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
