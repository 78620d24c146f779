"""Text from outside passes `storable` before a table and `shown` before a screen.

Both only ever replace a character by a visible escape (`\\x1b`, `\\u202e`): nothing is dropped, and text that needs no
change comes back as the same object. `json_shown` does for JSON what `shown` does for a line, and loses nothing at all.
"""

import re
import traceback

# SQLite cuts text at NUL, PostgreSQL refuses it, and neither can encode a lone surrogate.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")

# What moves a cursor, reorders a line, ends one, or hides: C0, DEL, C1 (with NEL); bidi marks, embeddings, overrides
# and isolates (UAX #9); line and paragraph separators; annotation and tag characters; what has no width or looks like
# a blank (soft hyphen, Hangul fillers, Braille blank, zero width space, BOM). Joiners stay: emoji are made with them.
_TREACHEROUS = re.compile(
    "[\0-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u2800"
    "\u3164\ufeff\uffa0\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f\ud800-\udfff]"
)
_TREACHEROUS_IN_JSON = re.compile(_TREACHEROUS.pattern.replace("\0-\x1f", ""))


def storable(text: str) -> str:
    """The text as SQLite and PostgreSQL both keep it: NUL and lone surrogates escaped."""
    if text.isascii() and "\0" not in text:
        return text
    return _UNSTORABLE.sub(_escape, text)


def computed(text: str) -> bool:
    """Whether a spreadsheet would compute a cell that begins like this; an apostrophe before it keeps it a text."""
    return text.startswith(("=", "+", "-", "@", "\t", "\r"))


def cell(value: object) -> object:
    """A value as no spreadsheet computes it, on one line."""
    if not isinstance(value, str):
        return value
    return f"'{shown(value)}" if computed(value) else shown(value)


def shown(text: str) -> str:
    """The text as one line that cannot fool a terminal or a page: control, bidi and invisible characters escaped too.

    Line ends and tabs are escaped as well: what has lines is shown line by line. Markup is not this room's business:
    the console escapes rich's, the page escapes HTML's.
    """
    if text.isascii() and text.isprintable():
        return text
    return _TREACHEROUS.sub(_escape, text)


def json_shown(text: str) -> str:
    """JSON text whose strings say the same, and that no terminal obeys: all that `shown` would escape, escaped as JSON
    does it. The line ends between its tokens stay."""
    if text.isascii() and "\x7f" not in text:
        return text
    return _TREACHEROUS_IN_JSON.sub(_json_escape, text)


_SINGLE_QUOTES = "'\u2018\u2019\u201a\u201b"
"""PowerShell takes each of these for a single quote."""


def powershell(text: str) -> str:
    """A string of PowerShell: between single quotes nothing means anything but a quote, which is doubled."""
    return "'" + "".join(each * 2 if each in _SINGLE_QUOTES else each for each in text) + "'"


def _json_escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def traced(error: BaseException) -> list[str]:
    """A traceback as lines: without locals, and of each error's text only its first line. What follows there is often
    the data itself (PostgreSQL's DETAIL, a parser's excerpt), and no mail may stand in a log."""
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in chain:
        chain.append(cause)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    lines: list[str] = []
    for each in reversed(chain):
        lines += ["Traceback (most recent call last):"] if each.__traceback__ else []
        lines += "".join(traceback.format_tb(each.__traceback__)).splitlines()
        lines += "".join(traceback.format_exception_only(each)).splitlines()[:1]
        lines += getattr(each, "__notes__", ())
    return lines


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
