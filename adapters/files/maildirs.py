"""The shape of a Maildir, and what its names say (D. J. Bernstein's specification, Maildir++, Dovecot's keywords)."""

import re
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from os import stat_result
from string import ascii_lowercase
from typing import Any

from adapters import utf7
from adapters.files.reading import key_of, readable_name
from adapters.files.rooted import Entry, Parts, Rooted
from adapters.files.rules import dated, junk
from migrator.errors import Reason
from migrator.model import (
    ANSWERED,
    DELETED,
    DRAFT,
    FLAGGED,
    FORWARDED,
    SEEN,
    DateSource,
    Evidence,
    Flag,
    Path,
)

LETTERS: Mapping[str, Flag] = {"D": DRAFT, "F": FLAGGED, "P": FORWARDED, "R": ANSWERED, "S": SEEN, "T": DELETED}
"""What the letters after `:2,` mean; small ones are keywords, named in the folder's dovecot-keywords."""

KEYWORDS = "dovecot-keywords"
_INFO = re.compile(rb"(.+?)(?:[:;!]2,([A-Za-z]*))?", re.DOTALL)
"""`:` cannot be written on some file systems; `;` and `!` stand for it there."""

_DELIVERED = re.compile(rb"(\d{9,10})[._][^/]*\.[^/]+")
_OLDEST = 631152000  # 1990-01-01T00:00Z: Maildir is of 1995

_SLACK = 2
"""Seconds by which a file's time may lie before its name's and still be the delivery's own."""


def parse_name(name: bytes) -> tuple[bytes, str]:
    """The part of a mail's name that stays, and the letters of its flags."""
    base, colon, letters = name.partition(b":2,")
    if colon and base and (letters.isalpha() or not letters):
        return base, letters.decode()
    info = _INFO.fullmatch(name)
    assert info is not None
    return info[1], (info[2] or b"").decode()


def parse_keywords(data: bytes) -> dict[str, Flag]:
    """Dovecot's letters: a line `3 $Forwarded` gives `d` its meaning."""
    lines = (line.split(" ", 1) for line in readable_name(data).split("\n"))
    pairs = ((pair[0], pair[1]) for pair in lines if len(pair) == 2 and pair[0].isdecimal())
    numbered = {int(number): word for number, word in pairs}
    return {letter: numbered[number] for number, letter in enumerate(ascii_lowercase) if number in numbered}


class Maildir:
    """Maildir++ (`.A.B` beside the inbox's cur) and nested directories; names in modified UTF-7 or UTF-8.

    A mail's key is its name up to `:2,`. What lies in tmp was never delivered: its sender sent it again.
    """

    closed = frozenset({b"cur", b"new", b"tmp"})

    def folder(self, below: Parts, inside: Collection[bytes] | None, top: Collection[bytes]) -> Path | None:
        """A directory with cur or new in it; the account's own, or its `Maildir`, is the inbox."""
        if inside is not None and b"cur" not in inside and b"new" not in inside:
            return None
        own = b"cur" in top or b"new" in top
        base: Parts = (b"Maildir",) if b"Maildir" in top and not own else ()
        if below == base:
            return ("INBOX",)
        if below[: len(base)] == base:
            below = below[len(base) :]
        return tuple(name for each in below for name in _names(each))

    def artefact(self, below: Parts) -> bool:
        """A directory inside cur or new."""
        return len(below) == 2 and below[0] in (b"cur", b"new")

    def entries(self, source: Rooted, directory: bytes) -> Callable[[Parts], Entry]:
        """Flags stand in the name, the names of keywords in the folder's dovecot-keywords."""
        content = source.tree.read(directory + b"/" + KEYWORDS.encode())
        letters = LETTERS if isinstance(content, Reason) else {**LETTERS, **parse_keywords(content.raw.read())}

        def named(below: Parts) -> Entry:
            name = below[-1]
            if len(below) != 2 or below[0] not in self.closed:
                return Entry(key="./" + key_of(b"/".join(below)), rule=junk(name), sure=False)
            if below[0] == b"tmp" or name.startswith(b"."):
                rule = junk(name) or ("maildir-tmp" if below[0] == b"tmp" else "dot-file")
                return Entry(key="./" + key_of(b"/".join(below)), rule=rule)
            base, info = parse_name(name)
            flags = frozenset(letters[each] for each in info if each in letters)
            return Entry(key=key_of(base), flags=flags, dated=lambda status: _delivered(base, status))

        return named

    def order(self, key: str) -> Any:
        """Names begin with the time of delivery."""
        return key


def _names(name: bytes) -> list[str]:
    """The names of folders in a directory's name, more than one in Maildir++."""
    names = name[1:].split(b".") if name.startswith(b".") else [name]
    if not all(names):  # no folder of Maildir++
        return [utf7.text_of(name) or readable_name(name)]
    return [utf7.text_of(each) or readable_name(each) for each in names]


def named_at(base: bytes) -> int | None:
    """The seconds since 1970 that the name begins with, if they can be a time."""
    match = _DELIVERED.fullmatch(base)
    return int(match[1]) if match and _OLDEST <= int(match[1]) <= time.time() + 86400 else None


def _delivered(base: bytes, status: stat_result) -> tuple[Evidence, ...]:
    """The time that the name begins with, if it can be one; the file's own where it is earlier.

    A server that stores a mail received long ago (IMAP's APPEND, a copy) names it by today and sets the file's time
    back to the day it was received; nothing else makes a file older than its name.
    """
    named, written = named_at(base), int(status.st_mtime)
    if named is None:
        return dated(base)
    at = written if _OLDEST <= written < named - _SLACK else named
    return (Evidence(DateSource.SPOOL, datetime.fromtimestamp(at, UTC)),)
