"""What a charset's label means."""

import re
from encodings.aliases import aliases
from functools import lru_cache

JIS, EUC, SJIS, UTF8, LATIN = "jis", "euc_jp", "cp932", "utf_8", "cp1252"

# Labels mean the superset that senders really use (WHATWG Encoding §4.2), but never shift_jis_2004 or its kin: they
# read the NEC and IBM rows as other kanji, and say nothing.
_SUPERSET = {"ascii": LATIN, "latin_1": LATIN, "shift_jis": SJIS, "shift_jis_2004": SJIS, "shift_jisx0213": SJIS}
_SUPERSET |= {"euc_jis_2004": EUC, "euc_jisx0213": EUC, "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949"}
_SUPERSET |= {
    "big5": "big5hkscs",
    "cp950": "big5hkscs",
    "iso8859_9": "cp1254",
    "iso8859_11": "cp874",
    "tis_620": "cp874",
}

_UNKNOWN_TO_PYTHON = {
    JIS: "iso_2022_jp_ms jis jis7 jis_encoding junet cp50220 cp50221 cp50222 50220 50221 50222 x_iso_2022_jp",
    SJIS: "sjis x_sjis windows_31j cswindows31j windows_932 ms_932 cp943 ibm_943 943 932 x_ms_cp932 x_shift_jis",
    EUC: "x_euc x_euc_jp eucjp_ms euc_jp_ms eucjp_win eucjp_open cp51932 51932 cseucpkdfmtjapanese",
    UTF8: "utf8mb3 utf8mb4 utf_8mb4 cp65001 x_utf_8 unicode_1_1_utf_8",
    LATIN: "8859 x_ansi ansi",
    "gb18030": "x_gbk gb_2312 csgb2312",
    "cp949": "windows_949",
    "big5hkscs": "x_x_big5",
    "koi8_u": "koi8_u",
    "cp874": "cp874 windows_874",
}
_NOT_CHARSETS = {"base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec", "zlib_codec", "mbcs"}
STATEFUL = {"utf_7", "utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le", "hz", "iso2022_kr"}
"""Charsets in which a byte below 0x80 need not be ASCII."""


def _labels() -> dict[str, str]:
    known = {label: codec for label, codec in aliases.items() if codec not in _NOT_CHARSETS}
    known |= {codec: codec for codec in known.values()}
    return {
        label: JIS if codec.startswith("iso2022_jp") else _SUPERSET.get(codec, codec) for label, codec in known.items()
    } | {label: codec for codec, labels in _UNKNOWN_TO_PYTHON.items() for label in labels.split()}


_CODECS = _labels()


@lru_cache(maxsize=256)
def codec_of(label: str | None) -> str | None:
    """The codec a label means; None for none, and for those that say nothing (unknown-8bit, x-unknown, default).

    Looked up in our own table: Python's imports a module for every label it has not met, and remembers each for ever.
    """
    if label is None or len(label) > 60:
        return None
    return _CODECS.get(re.sub("[^a-z0-9]+", "_", label.lower()).strip("_"))
