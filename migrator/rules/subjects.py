"""Words by which a server tells an order from a newsletter: anywhere in the subject, ASCII letters in any case.

There are no patterns that all servers know. So the words are those that stand beside the patterns of the filter's own
signal, and err towards the inbox; `choosing` leaves out a sender that has ever sent an order whose subject has none.
"""

import re
from base64 import b64decode
from dataclasses import dataclass
from quopri import decodestring

from migrator.filters.judging import ORDER, Judge
from migrator.filters.signals import SignalId

UNREADABLE = ("\N{REPLACEMENT CHARACTER}", "=?", "$B", "$@")
"""What is left in a subject that a server could not decode, or in ISO-2022-JP that nobody declared."""

_ENCODED = re.compile(rb"=\?([^?\s]{1,40})\?([bBqQ])\?([^?\s]*)\?=(?:\s+(?==\?))?")


@dataclass(frozen=True, slots=True)
class Orders:
    """How orders are known: to us by signals, to a server by words in a subject."""

    asking: frozenset[SignalId]
    told_by: tuple[str, ...]

    @classmethod
    def of(cls, judge: Judge) -> "Orders":
        """As the filter knows them."""
        its = judge.signals.by_id[ORDER]
        return cls(judge.asking, tuple(dict.fromkeys((*its.words, *its.coarse))))

    @property
    def words(self) -> tuple[str, ...]:
        """What a server looks for: where it can read nothing, it must not take that for a newsletter."""
        return (*self.told_by, *UNREADABLE)

    def tells(self, subject: str) -> bool:
        """Whether a subject says that it is about an order."""
        folded = "".join(character.lower() if character.isascii() else character for character in subject)
        return any(word in folded for word in self.told_by)


def read(value: bytes) -> str:
    """A Subject field as a plain server reads it: each encoded word by itself, as RFC 2047 §2 would have it. Many a
    Japanese sender cuts ISO-2022-JP between two words, and then the second is gibberish to a server."""
    return _ENCODED.sub(lambda match: _decoded(*match.groups()).encode(), value).decode("utf-8", "replace")


def _decoded(charset: bytes, encoding: bytes, text: bytes) -> str:
    try:
        if encoding in b"bB":
            return b64decode(text + b"===").decode(charset.decode("ascii"), "replace")
        return decodestring(text, header=True).decode(charset.decode("ascii"), "replace")
    except (LookupError, ValueError):
        return ""
