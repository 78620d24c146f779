"""Whether the bytes look like a whole mail. Whatever the answer, the mail is loaded."""

import re
from enum import StrEnum

from migrator.mail.scan import chosen, fields_named


class Health(StrEnum):
    """What is wrong with a mail's bytes, the worst first."""

    EMPTY = "empty"
    NUL = "nul"
    """Nothing but NUL: space was reserved, and nothing written."""
    NUL_TAIL = "nul-tail"
    """It ends in NUL: written in part."""
    NO_HEADER = "no-header"
    """It does not begin with a header field."""
    CUT_IN_HEADER = "cut-in-header"
    """It stops before the blank line that ends a header."""
    BARE = "bare"
    """A header without From, Date and Received."""
    OK = "ok"


# A From_ line, a BOM or blank lines before the first field are somebody else's leavings.
_FIRST_FIELD = re.compile(rb"(?:\xef\xbb\xbf)?[\r\n]*(?:>?From [^\r\n]*[\r\n]+)?[!-9;-~]{1,200}[ \t]*:")
_ENDED = re.compile(rb"(?:\n\r*\n|\r\r)\Z")
_ORIGIN = fields_named("from", "date", "received")


def health(head: bytes, body: bytes | None, size: int) -> Health:
    """Judge a mail by its header block and body; `body` is None where it is too large to be at hand."""
    tail = body or head
    if size == 0 or (body is not None and not head and not body):
        return Health.EMPTY
    if body is not None and tail.endswith(b"\0"):
        return Health.NUL_TAIL if head.strip(b"\0") or body.strip(b"\0") else Health.NUL
    if not _FIRST_FIELD.match(head):
        return Health.NO_HEADER
    if not body and body is not None and not _ENDED.search(head[-1000:]):
        return Health.CUT_IN_HEADER
    if next(chosen(head, _ORIGIN), None) is None:
        return Health.BARE
    return Health.OK
