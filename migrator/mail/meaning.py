"""Whether two mails mean the same, however hard they are to read."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from migrator.mail.bounded import Bounded, Pool
from migrator.mail.facets import Facets
from migrator.mail.fingerprint import fingerprint
from migrator.mail.scan import HEAD_LIMIT, chosen, fields_named
from migrator.mail.wire import on_wire_chunks
from migrator.model import Raw

LARGE = 64 * 2**20
"""No fingerprint is taken of a mail above this many bytes."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """A mail's fingerprint, and its bytes, each where they are to be had."""

    fingerprint: str | None
    raw: Raw | None = None

    @classmethod
    def of(cls, raw: Raw) -> "Meaning":
        """Read off the mail's bytes, within the limits of `bounded`."""
        return cls(FINGERPRINTS.read([raw.read()])[0] if raw.size <= LARGE else None, raw)

    def is_that_of(self, other: Raw) -> bool:
        """By fingerprints; where one of the mails is too large for that or too hard to read, by what is written."""
        its = Meaning.of(other)
        if self.fingerprint is not None and its.fingerprint is not None:
            return self.fingerprint == its.fingerprint
        return self.raw is not None and written_digest(self.raw.chunks()) == written_digest(other.chunks())

    def changes(self, other: Raw) -> tuple[str, ...]:
        """The facets in which a mail that was made anew (this) differs from the one it was made of; empty where it
        means the same. `bytes` where nobody can tell facets apart and what is written differs."""
        if self.is_that_of(other):
            return ()
        raw = self.raw
        if raw is None or max(raw.size, other.size) > LARGE:
            return ("bytes",)
        its, mine = FACETS.read([other.read(), raw.read()])
        return ("bytes",) if its is None or mine is None else tuple(its.unlike(mine))


_FIELDS = fields_named("message-id", "date", "from", "to", "cc", "subject")
_BLANK_LINE = b"\r\n\r\n"


def written_digest(chunks: Iterable[bytes]) -> str:
    """SHA-256 in hex of the body's bytes on the wire, and of the fields that a fingerprint is made of as they stand.

    A stream is read once, and little of it kept. What a header block has above HEAD_LIMIT counts as body.
    """
    total, head, at = hashlib.sha256(), bytearray(), -1
    for piece in on_wire_chunks(chunks):
        if at >= 0:
            total.update(piece)
            continue
        head += piece
        at = head.find(_BLANK_LINE)
        if at < 0 and len(head) > HEAD_LIMIT:
            at = HEAD_LIMIT
        if at >= 0:
            total.update(head[at:])
    for name, value in sorted(chosen(bytes(head[:at] if at >= 0 else head), _FIELDS)):
        total.update(b"\n%s:%s" % (name, b"".join(value.split())))
    return total.hexdigest()


def _unread(mail: bytes) -> None:
    """Of a mail that takes too long or too much memory there is none."""


FINGERPRINTS: Pool[bytes, str | None] = Pool(lambda: Bounded(fingerprint, _unread))
FACETS: Pool[bytes, Facets | None] = Pool(lambda: Bounded(Facets.of, _unread))
