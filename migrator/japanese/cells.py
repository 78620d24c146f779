"""Bytes to characters, in the charsets of Japan as they are really used: EUC-JP, CP932 and ISO-2022-JP."""

import codecs
import re
from functools import lru_cache, partial

from migrator.japanese.labels import EUC, SJIS, UTF8

# -- EUC-JP and CP932 --------------------------------------------------------------------------------------------------


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
    return strictly(_shifted(*pair), SJIS) or ""


def _shifted(row: int, cell: int) -> bytes:
    """The CP932 bytes of an EUC-JP pair."""
    row, cell = row & 0x7F, cell & 0x7F
    lead = ((row - 0x21) >> 1) + 0x81
    trail = cell + 0x1F + (cell >= 0x60) if row % 2 else cell + 0x7E
    return bytes((lead + 0x40 if lead > 0x9F else lead, trail))


def _seven_bit(error: UnicodeError) -> tuple[str | bytes, int]:
    """Codec error handler: escapes of the bytes as they were before `HIGH`."""
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


def characters(data: bytes, codec: str, errors: str = "backslashreplace") -> str:
    if codec != EUC:
        return data.decode(codec, errors)
    text = data.decode(EUC, f"migrator.cell.{errors}")
    return text.translate(_CP932_SIDE) if _APART.search(text) else text


def strictly(data: bytes, codec: str) -> str | None:
    try:
        return characters(data, codec, "strict")
    except UnicodeError:
        return None


# -- ISO-2022-JP -------------------------------------------------------------------------------------------------------

JIS_PROOF = re.compile(rb"\x1b(?:\$[@AB]|\$\([@-DOPQ]|\(I)")
_SHIFT = re.compile(rb"\x1b(\$[@AB]|\$\([@-DOPQ]|\([BHIJ])|[\x0e\x0f]")
_ASCII_SETS, _KANJI_SETS = {b"(B", b"(J", b"(H"}, {b"$@", b"$B", b"$(@", b"$(B"}
_OTHER_SETS = {b"$A": "iso2022_jp_2", b"$(C": "iso2022_jp_2", b"$(O": "iso2022_jp_3", b"$(P": "iso2022_jp_3"}
_OTHER_SETS |= {b"$(Q": "iso2022_jp_2004"}
_PRINTABLE = re.compile(rb"([\x21-\x7e]+)")
HIGH = bytes(byte | 0x80 if 0x21 <= byte <= 0x7E else byte for byte in range(256))
_HIGH_KANA = bytes(byte | 0x80 if 0x21 <= byte <= 0x5F else byte for byte in range(256))
_ESCLESS = re.compile(rb"\$[@B]((?:(?!\([BJ])[\x21-\x7e]{2})++)(\([BJ])?")


def decode_jis(data: bytes) -> str:
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
        return characters(run.translate(_HIGH_KANA), SJIS)
    if charset in _OTHER_SETS:
        return characters(b"\x1b" + charset + run, _OTHER_SETS[charset])
    odd = f"\\x{run[-1]:02x}" if len(run) % 2 else ""
    high = run[: len(run) & ~1].translate(HIGH)
    if charset not in _KANJI_SETS:  # JIS X 0212: EUC-JP's code set 3
        high = b"".join(b"\x8f" + high[at : at + 2] for at in range(0, len(high), 2))
    return characters(high, EUC, "migrator.seven-bit") + odd


def _eight_bit(data: bytes) -> str:
    if data.isascii():
        return data.decode("ascii")
    text = strictly(data, UTF8)
    return characters(data, SJIS) if text is None else text


def with_escapes(data: bytes) -> bytes:
    """`$BF|K\\8l(B`: ISO-2022-JP whose ESC bytes an old gateway took away, given them back."""

    def restored(match: re.Match[bytes]) -> bytes:
        if match[2] and len(match[1]) >= 4 and strictly(match[1].translate(HIGH), EUC):
            return b"\x1b$B" + match[1] + b"\x1b(B"
        return match[0]

    return _ESCLESS.sub(restored, data)
