"""Modified UTF-7, in which names of mailboxes travel and lie on disks (RFC 3501 §5.1.3): strict both ways."""

import binascii
import re

_PRINTABLE = re.compile(r"[ -%'-~]+")
_SHIFT = re.compile(r"&([^-]*)-")


def encode(text: str, safe: re.Pattern[str] = _PRINTABLE) -> bytes:
    """Text in modified UTF-7; what `safe` does not match is shifted. Raises UnicodeEncodeError on a lone surrogate."""
    parts: list[str] = []
    at = 0
    while at < len(text):
        if found := safe.match(text, at):
            parts.append(found[0])
            at = found.end()
        elif text[at] == "&":
            parts.append("&-")
            at += 1
        else:
            start = at
            while at < len(text) and text[at] != "&" and not safe.match(text, at):
                at += 1
            shifted = binascii.b2a_base64(text[start:at].encode("utf-16-be"), newline=False)
            parts.append(f"&{shifted.decode().rstrip('=').replace('/', ',')}-")
    return "".join(parts).encode("ascii")


def decode(name: bytes) -> str:
    """The text behind a name. Raises ValueError where it is not modified UTF-7."""
    text = name.decode("ascii")
    parts: list[str] = []
    at = 0
    while (shift := text.find("&", at)) >= 0:
        found = _SHIFT.match(text, shift)
        if not found:
            raise ValueError("a shift without end")
        parts += (text[at:shift], _shifted(found[1]) if found[1] else "&")
        at = found.end()
    return "".join((*parts, text[at:]))


def text_of(name: bytes) -> str | None:
    """The text behind a name; None where `encode` would write that text otherwise."""
    try:
        found = decode(name)
    except ValueError:
        return None
    return found if encode(found) == name else None


def _shifted(coded: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9+,]+", coded):
        raise ValueError("no base64")
    padded = coded.replace(",", "/") + "=" * (-len(coded) % 4)
    return binascii.a2b_base64(padded, strict_mode=True).decode("utf-16-be")
