"""Which charset a stretch of bytes is in, and how sure that is."""

import re
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from migrator.japanese.cells import JIS_PROOF, characters, decode_jis, strictly, with_escapes
from migrator.japanese.labels import EUC, JIS, LATIN, SJIS, STATEFUL, UTF8, codec_of

_VAGUE = {None, UTF8, JIS, LATIN}
"""Labels that say nothing against UTF-8, and nothing for themselves."""

_UNEXPLAINED = re.compile(r"\\x[0-9a-f]{2}|[\ue000-\uf8ff\ufffd]")
_JIS_HINT = re.compile(rb"\x0e|\x1b\(")
"""What only data labelled ISO-2022-JP means by it."""
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


class Why(StrEnum):
    """On what evidence a charset was chosen."""

    ASCII = "ascii"
    """Nothing but ASCII: every charset says the same."""
    ESCAPES = "escapes"
    """ISO-2022-JP announces itself."""
    RESTORED = "restored"
    """ISO-2022-JP whose escapes an old gateway took away."""
    UTF8 = "utf-8"
    """What is valid UTF-8 is so by intent: no other charset gives such bytes by chance."""
    DECLARED = "declared"
    """The label says so, and every byte agrees."""
    LOOKS = "looks"
    """The most plausible text of those that the bytes could be."""


class Reading(NamedTuple):
    """What bytes say, and how that was found.

    `declared` is the label as it stood, `chosen` the codec that was used; `confidence` runs from 0 to 1, and below 0.5
    a person should look.
    """

    text: str
    declared: str | None
    chosen: str
    why: Why
    confidence: float


_SURE = {Why.ASCII: 1.0, Why.ESCAPES: 1.0, Why.RESTORED: 0.6, Why.UTF8: 0.99, Why.DECLARED: 0.9}


def decode(data: bytes, charset: str | None = None) -> str:
    """What the bytes say, read by their declared charset, or by what they prove where that is wrong, unknown or None.

    Order: JIS escapes, UTF-8, the label, then the most plausible of the label, UTF-8, CP932, EUC-JP and CP1252.
    """
    if charset is None and data.isascii() and b"\x1b" not in data:
        return data.decode("ascii")  # most of what is asked
    return _choose(data, charset)[0]


def read(data: bytes, charset: str | None = None) -> Reading:
    """As `decode`, with the reasons. What left bytes unexplained, or holds gaiji, is half as sure."""
    text, chosen, why = _choose(data, charset)
    sure = _margin(data, codec_of(charset)) if why == Why.LOOKS else _SURE[why]
    return Reading(text, charset, chosen, why, round(sure / 2 if _UNEXPLAINED.search(text) else sure, 2))


def _choose(data: bytes, charset: str | None) -> tuple[str, str, Why]:
    """Text, codec, and why that one."""
    codec = codec_of(charset)
    if codec in STATEFUL:
        return _stateful(data, codec)
    whole = data
    if codec == JIS and b"\x1b" not in data:
        data = with_escapes(data)
    if (b"\x1b" in data and JIS_PROOF.search(data)) or (codec == JIS and _JIS_HINT.search(data)):
        return decode_jis(data), JIS, Why.ESCAPES if data is whole else Why.RESTORED
    if data.isascii():
        return data.decode("ascii"), "ascii", Why.ASCII
    text = strictly(data, UTF8)
    if text is not None and (codec in _VAGUE or _THREE_BYTES.search(data)):
        return text.removeprefix("\ufeff"), UTF8, Why.UTF8
    text = None if codec is None or codec in _VAGUE else strictly(data, codec)
    if text is None or codec is None:
        return _guess(data, codec)
    if codec == SJIS and _HALF_WIDTH.search(text) and not _KANA.search(text):  # EUC-JP read as CP932 looks like this
        euc = strictly(data, EUC)
        if euc and len(_KANA.findall(euc)) > 1:
            return euc, EUC, Why.LOOKS
    return text, codec, Why.DECLARED


def _stateful(data: bytes, codec: str) -> tuple[str, str, Why]:
    if codec.startswith(("utf_16", "utf_32")) and data.isascii() and b"\0" not in data:
        return data.decode("ascii"), "ascii", Why.ASCII  # the bytes prove that they are not
    # These codecs let lone surrogates pass.
    return characters(data, codec).encode("utf-8", "backslashreplace").decode("utf-8"), codec, Why.DECLARED


def _guess(data: bytes, declared: str | None) -> tuple[str, str, Why]:
    best = max(_scores(data, declared), key=lambda each: each[0])[1]
    return characters(data, best).removeprefix("\ufeff"), best, Why.LOOKS


def _scores(data: bytes, declared: str | None) -> list[tuple[float, str]]:
    first = _NOT_ASCII.search(data)
    start = max(first.start() - 1, 0) if first else 0
    sample = data[start : start + SAMPLE]
    candidates = dict.fromkeys(codec for codec in (declared, UTF8, SJIS, EUC, LATIN) if codec and codec != JIS)
    return [(_plausibility(characters(sample, codec, "replace"), codec, declared), codec) for codec in candidates]


def _margin(data: bytes, declared: str | None) -> float:
    """How far the best reading is ahead of the next, as a share of what it could be."""
    (best, codec), (second, _) = sorted(_scores(data, declared), reverse=True)[:2]
    letters = len(_TELLING.findall(characters(data[: 2 * SAMPLE], codec, "replace")))
    return max(0.05, min(0.9, (best - second) / (4 * letters or 1)))


def _plausibility(text: str, codec: str, declared: str | None) -> float:
    """How much a text looks as if it were meant; comparable between readings of the same bytes."""
    telling = _TELLING.findall(text)
    score = sum(map(_weight, telling))
    if codec == declared:
        score += (1.5 if codec in _FOREIGN else 0.5) * len(telling)
    if codec == LATIN:
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
        first_level = b"\xb0" <= char.encode(EUC, "replace")[:1] < b"\xd0"
        return 2 if first_level else 0.5
    return -6 if char < "\xa0" or "\ue000" <= char <= "\uf8ff" or char == "\ufffd" else 0
