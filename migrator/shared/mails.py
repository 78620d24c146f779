"""One mail of a shared inbox, as it counts here: from whom, to whom, and in answer to what."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from migrator.inboxes import Letter, Named
from migrator.mail import envelope, header_digest
from migrator.model import DELETED, Role
from migrator.routes import role_of

IsOwn = Callable[[str], bool]
"""Whether an address is the company's own."""

ASIDE = (Role.JUNK, Role.TRASH, Role.DRAFTS)

_ADDRESS = re.compile(r"[^\s<>()\",;:@]{1,64}@[^\s<>()\",;:@]{1,255}")


class Way(StrEnum):
    """Between whom a mail went."""

    IN = "in"
    """From outside."""
    OUT = "out"
    """From us, to somebody outside."""
    INTERNAL = "internal"
    """From us, and nobody outside is known to have got it: it answers no customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail. `id` is its Message-ID, or what stands for it: the same at the source, in staging and at a target."""

    named: Named
    id: str
    answers: frozenset[str]
    subject: str
    way: Way
    parties: tuple[str, ...]
    """The addresses outside: who wrote it, or to whom we did."""
    at: datetime
    """In UTC, to the second, as targets keep it."""
    is_bulk: bool
    """It came by a mailing list (RFC 2919)."""
    aside: bool
    """It lies where nobody expects an answer from: drafts, junk, trash."""

    @property
    def place_in_time(self) -> tuple[datetime, bool, str, Named]:
        """Of two of the same second, what came in counts as later: rather one customer too many than one too few."""
        return self.at, self.way == Way.IN, self.id, self.named


def own(domains: Collection[str], addresses: Collection[str | None] = ()) -> IsOwn:
    """What is the company's own: addresses in these domains, and these addresses."""
    lower = {domain.lower() for domain in domains}
    ours = {address.lower() for address in addresses if address}
    return lambda address: address.lower() in ours or address.rpartition("@")[2].lower() in lower


def mail(letter: Letter, is_own: IsOwn) -> Mail | None:
    """The mail that a letter is; None for one that is marked as deleted."""
    if DELETED in letter.flags:
        return None
    head = envelope(letter.head)
    role = role_of(letter.named.folder, letter.role)
    parties: tuple[str, ...] = (head.sender,)
    way = Way.IN
    if is_own(head.sender) or role == Role.SENT:
        found = (address.lower() for address in _ADDRESS.findall(f"{head.to}, {head.cc}"))
        parties = tuple(dict.fromkeys(address for address in found if not is_own(address)))
        way = Way.OUT if parties else Way.INTERNAL
    return Mail(
        named=letter.named,
        id=head.message_id or f"head:{header_digest(letter.head)}",
        answers=frozenset([*head.references, *([head.in_reply_to] if head.in_reply_to else [])]),
        subject=head.subject,
        way=way,
        parties=tuple(address.lower() for address in parties),
        at=letter.received_at.astimezone(UTC).replace(microsecond=0),
        is_bulk=head.list_id is not None,
        aside=role in ASIDE,
    )
