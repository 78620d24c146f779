"""Bytes to characters, in the charsets of Japan as they are really used: EUC-JP, CP932 and ISO-2022-JP."""

import codecs
import re
import sys
from collections.abc import Callable
from functools import lru_cache, partial

from migrator.japanese.labels import EUC, SJIS, UTF8

# -- EUC-JP and CP932 --------------------------------------------------------------------------------------------------


_Handler = Callable[[UnicodeError], tuple[str | bytes, int]]


def _cell(error: UnicodeError, otherwise: _Handler) -> tuple[str | bytes, int]:
    """Codec error handler: CP51932's cells that CPython's euc_jp lacks (NEC row 13, NEC-selected IBM rows 89-92)."""
    assert isinstance(error, UnicodeDecodeError)
    at, data = error.start, error.object
    width = 3 if data[at] == 0x8F else 2
    pair = data[at + width - 2 : at + width]
    if (char := _lacking(pair)) is not None:
        if char and width == 2:
            return char, at + 2
        error.end = at + width  # a cell nobody knows is one error, else its last byte begins a wrong kanji
    return otherwise(error)


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
    codecs.register_error(f"migrator.cell.{_name}", partial(_cell, otherwise=codecs.lookup_error(_name)))

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
_SHIFT = re.compile(rb"(\x1b(?:\$[@AB]|\$\([@-DOPQ]|\([BHIJ])|[\x0e\x0f])")
_CELLS = re.compile(rb"([\x21-\x7e]+|\x0f)")
HIGH = bytes(byte | 0x80 if 0x21 <= byte <= 0x7E else byte for byte in range(256))
_HIGH_KANA = bytes(byte | 0x80 if 0x21 <= byte <= 0x5F else byte for byte in range(256))
_ASCII = rb"[^\x0e\x80-\xff]"
_UTF8 = re.compile(
    rb"(?<![^\x0e])(?:" + _ASCII + rb"*+(?:[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}"
    rb"|\xf4[\x80-\x8f][\x80-\xbf]{2}))++" + _ASCII + rb"*+(?![^\x0e])"
)
"""A stretch between two SO that is UTF-8 and not ASCII (RFC 3629 §4)."""
_ESCLESS = re.compile(rb"\$[@B]((?:(?!\([BJ])[\x21-\x7e]{2})++)(\([BJ])?")


def decode_jis(data: bytes) -> str:
    """ISO-2022-JP as it is really written: CP50220 to CP50222, ISO-2022-JP-MS, and what RFC 1554 adds.

    Half-width kana by ESC ( I, by SO/SI or as bare 8-bit bytes; JIS X 0201 Roman is read as ASCII (paths, addresses).
    """
    first, *rest = _SHIFT.split(data)
    order: list[_Decoder] = [_eight_bit]
    held: dict[_Decoder, list[bytes]] = {_eight_bit: [first]}
    for shift, segment in zip(rest[::2], rest[1::2], strict=True):
        if not segment:
            continue
        decoder, after = _DECODERS.get(shift, _supplement), segment
        if decoder is not _eight_bit:
            # RFC 1468: a line ends in ASCII, even where the escape that says so was lost.
            line, newline, after = segment.partition(b"\n")
            if line:
                order.append(decoder)
                held.setdefault(decoder, []).append(line)
            after = newline + after
        if after:
            order.append(_eight_bit)
            held[_eight_bit].append(after)
    told = {decoder: iter(decoder(stretches)) for decoder, stretches in held.items()}
    return "".join(map(next, map(told.__getitem__, order)))


# Stretches of one kind are decoded all at once: a call for each would cost the most. SO parts them on the way, and SI
# the lines: being shifts they stand in none, and they are no half of any cell.

_Decoder = Callable[[list[bytes]], list[str]]
"""The texts of some stretches."""


def _in_lines(runs: _Decoder) -> _Decoder:
    """Lines under one designation: printable bytes are cells of it, what stands between them is not."""

    def decoder(lines: list[bytes]) -> list[str]:
        stretches = _CELLS.split(b"\x0f".join(lines))
        texts = [""] * len(stretches)
        texts[::2] = _eight_bit(stretches[::2])
        if len(stretches) > 1:
            texts[1::2] = runs(stretches[1::2])
        return "".join(texts).split("\x0f")

    return decoder


def _eight_bit(held: list[bytes]) -> list[str]:
    """UTF-8 where all of a stretch is, else CP932."""
    whole = b"\x0e".join(held)
    texts = characters(whole, SJIS).split("\x0e")
    at = number = 0
    for stretch in _UTF8.finditer(whole):
        number += whole.count(b"\x0e", at, stretch.start())
        at = stretch.start()
        texts[number] = stretch[0].decode(UTF8)
    return texts


@_in_lines
def _kana(held: list[bytes]) -> list[str]:
    return characters(b"\x0e".join(held).translate(_HIGH_KANA), SJIS).split("\x0e")


class _Pairs(dict[int, str]):
    """What two bytes mean, each pair decoded when it is first met. 80 is put before half a cell, and before SI."""

    def __init__(self, meaning: Callable[[bytes], str]) -> None:
        super().__init__()
        self._meaning = meaning

    def __missing__(self, pair: int) -> str:
        first, second = data = pair.to_bytes(2, sys.byteorder)
        if first == 0x80 and second != 0x0F:
            text = f"\\x{second:02x}"
        else:
            text = chr(second) if first in (0x80, 0x0E) else self._meaning(data)
        self[pair] = text
        return text


def _pairs(meaning: Callable[[bytes], str]) -> _Decoder:
    """Cells of two bytes."""
    table = _Pairs(meaning)

    @_in_lines
    def decoder(held: list[bytes]) -> list[str]:
        even = [run[:-1] + b"\x80" + run[-1:] if len(run) % 2 else run for run in held]
        cells = memoryview(b"\x0e\x0e".join(even)).cast("H")
        return "".join(map(table.__getitem__, cells)).split("\x0e")

    return decoder


def _euc(before: bytes) -> Callable[[bytes], str]:
    return lambda pair: characters(before + pair.translate(HIGH), EUC, "migrator.seven-bit")


def _designated(shift: bytes, codec: str) -> Callable[[bytes], str]:
    return lambda pair: characters(shift + pair, codec)


_supplement = _pairs(_euc(b"\x8f"))
_DECODERS: dict[bytes, _Decoder] = {
    **dict.fromkeys((b"\x1b(B", b"\x1b(J", b"\x1b(H", b"\x0f"), _eight_bit),
    **dict.fromkeys((b"\x1b(I", b"\x0e"), _kana),
    **dict.fromkeys((b"\x1b$@", b"\x1b$B", b"\x1b$(@", b"\x1b$(B"), _pairs(_euc(b""))),
    **{shift: _pairs(_designated(shift, "iso2022_jp_2")) for shift in (b"\x1b$A", b"\x1b$(C")},
    **{shift: _pairs(_designated(shift, "iso2022_jp_3")) for shift in (b"\x1b$(O", b"\x1b$(P")},
    b"\x1b$(Q": _pairs(_designated(b"\x1b$(Q", "iso2022_jp_2004")),
}
"""By shift; all else is JIS X 0212."""


def with_escapes(data: bytes) -> bytes:
    """`$BF|K\\8l(B`: ISO-2022-JP whose ESC bytes an old gateway took away, given them back."""

    def restored(match: re.Match[bytes]) -> bytes:
        if match[2] and len(match[1]) >= 4 and strictly(match[1].translate(HIGH), EUC):
            return b"\x1b$B" + match[1] + b"\x1b(B"
        return match[0]

    return _ESCLESS.sub(restored, data)
