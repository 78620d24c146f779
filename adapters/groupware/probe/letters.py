"""What a mail says about itself, wherever it lies."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from migrator.mail import envelope, split

HEAD = 2**16
"""Bytes of a mail that are read for it."""

_ADDRESS = re.compile(r"([A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+)@[A-Za-z0-9.-]+")
_MARK = re.compile(rb"^(X-[!-9;-~]{1,60}|Status)[ \t]*:[ \t]*([ -~]{0,64}?)[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
_PASSED_ON = re.compile(r"(?:fw|fwd|転送)\s*[::]\s*(.*)", re.IGNORECASE | re.DOTALL)


class Letter(NamedTuple):
    """A mail. `at` is where in its file it lies: nothing for the whole, a byte, or a name in an archive."""

    file: str
    at: str
    size: int
    date: datetime | None
    id: str | None
    in_reply_to: str | None
    subject: str
    sender: str
    people: frozenset[str]
    """The addresses in it, and what stands before their @; all in lower case."""
    fields: Mapping[str, str]
    """From, To, Cc and Subject as people read them."""
    marks: Mapping[str, str]
    """Short header fields that are no standard's, but may be the store's own."""

    @property
    def passes_on(self) -> str | None:
        """The subject of the letter that this one passes on."""
        found = _PASSED_ON.fullmatch(self.subject)
        return None if found is None else found[1].strip()


def letter(file: str, at: str, size: int, begin: bytes) -> Letter:
    """A mail by its first bytes."""
    head = split(begin)[0]
    said = envelope(head)
    named = [*_ADDRESS.finditer(" ".join((said.from_, said.to, said.cc)).casefold())]
    return Letter(
        file,
        at,
        size,
        said.date,
        said.message_id,
        said.in_reply_to,
        said.subject,
        said.sender.casefold(),
        frozenset(text for each in named for text in (each[0], each[1])),
        {"From": said.from_, "To": said.to, "Cc": said.cc, "Subject": said.subject},
        {name.decode(): value.decode() for name, value in _MARK.findall(head)},
    )
