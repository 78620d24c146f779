"""Folder names in modified UTF-7 (RFC 9051 Appendix A.1, RFC 3501 §5.1.3), as IMAP servers write them on disk."""

import binascii
import re

_SHIFTED = re.compile("&([^-]*)-")
_OTHERS = re.compile("&|[^\x20-\x7e]+")


def encode(text: str) -> bytes:
    """The text in modified UTF-7."""
    return _OTHERS.sub(lambda match: _shift(match[0]), text).encode("ascii")


def decode(name: bytes) -> str | None:
    """The text a name stands for; None where it is not written as this encoding would write it."""
    try:
        text = _SHIFTED.sub(lambda match: _unshift(match[1]), name.decode("ascii"))
        return text if encode(text) == name else None
    except (UnicodeError, binascii.Error):
        return None


def _shift(text: str) -> str:
    if text == "&":
        return "&-"
    coded = binascii.b2a_base64(text.encode("utf-16-be"), newline=False).rstrip(b"=").replace(b"/", b",")
    return f"&{coded.decode('ascii')}-"


def _unshift(coded: str) -> str:
    if not coded:
        return "&"
    padded = coded.replace(",", "/") + "=" * (-len(coded) % 4)
    return binascii.a2b_base64(padded).decode("utf-16-be")
