"""The header's fields, found in the bytes: nothing is decoded, nothing is refused, nothing takes long."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from migrator.mail.wire import has_lone_cr_lines

HEAD_LIMIT = 2**20
"""Bytes of a header block that are looked at; a mail without a blank line is all header."""
VALUE_LIMIT = 2**16
"""Bytes of one field's value that are looked at."""
FIELD_LIMIT = 10_000

_VALUE = rb"[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)"
# One line after the other: a field with its continuation lines, or a line that is none (a From_ line, junk, 8-bit).
_FIELD_OR_LINE = re.compile(rb"([!-9;-~]{1,200})" + _VALUE + rb"\n?|[^\n]*\n?")
_BEFORE_FIELDS = b"\xef\xbb\xbf\0\r\n"

Fields = re.Pattern[bytes]


def headers(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Every field in order: its name in lower case, its value unfolded but not decoded."""
    matches = (match for match in _FIELD_OR_LINE.finditer(_lines(head)) if match[1] is not None)
    return _fields(matches)


def fields_named(*names: str) -> Fields:
    """A pattern for `chosen`: these fields alone, which is three times as fast as all of them."""
    return re.compile(b"\n(" + "|".join(map(re.escape, names)).encode() + b")" + _VALUE, re.IGNORECASE)


def chosen(head: bytes, fields: Fields) -> Iterator[tuple[bytes, bytes]]:
    """As `headers`, but only the fields of the pattern."""
    return _fields(fields.finditer(b"\n" + _lines(head)))


def _lines(head: bytes) -> bytes:
    if len(head) > HEAD_LIMIT:
        head = head[:HEAD_LIMIT]
    if has_lone_cr_lines(head):
        head = head.replace(b"\r", b"\n")
    return head.lstrip(_BEFORE_FIELDS)


def _fields(matches: Iterable[re.Match[bytes]]) -> Iterator[tuple[bytes, bytes]]:
    for match in islice(matches, FIELD_LIMIT):
        name, value = match.groups()
        if b"\n" in value:
            value = value.replace(b"\r\n", b"").replace(b"\n", b"")
        yield name.lower(), value.strip()[:VALUE_LIMIT]
