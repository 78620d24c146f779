"""Text from outside passes `storable` before a table and `shown` before a screen.

Both only ever replace a character by a visible escape (`\\x1b`, `\\u202e`): nothing is dropped, and text that needs no
change comes back as the same object.
"""

import re

# SQLite cuts text at NUL, PostgreSQL refuses it, and neither can encode a lone surrogate.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")

# What moves a cursor, reorders a line, ends one, or hides: C0, DEL, C1 (with NEL); zero width space and BOM; bidi
# marks, embeddings, overrides and isolates (UAX #9); line and paragraph separators; annotation and tag characters.
_TREACHEROUS = re.compile(
    "[\0-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)


def storable(text: str) -> str:
    """The text as SQLite and PostgreSQL both keep it: NUL and lone surrogates escaped."""
    if text.isascii() and "\0" not in text:
        return text
    return _UNSTORABLE.sub(_escape, text)


def shown(text: str) -> str:
    """The text as one line that cannot fool a terminal or a page: control, bidi and invisible characters escaped too.

    Line ends and tabs are escaped as well: what has lines is shown line by line. Markup is not this room's business:
    the console escapes rich's, the page escapes HTML's.
    """
    if text.isascii() and text.isprintable():
        return text
    return _TREACHEROUS.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
