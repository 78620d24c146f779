"""What the store knows of a mail beside its bytes: who wrote to whom, who answered, what was marked or filed."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from migrator.filters.book import addresses_in
from migrator.model import ANSWERED, FLAGGED, Flag, Path, Role

OWN = "store.own"
THREAD = "store.thread"
WROTE = "store.correspondent"
BOOK = "store.address-book"
MARKED = "store.marked"
FILED = "store.filed"
HANDLED = "store.handled"
DAMAGED = "store.damaged"

_FOR_ADVERTISING = re.compile(
    r"メルマガ|メールマガジン|ニュース|広告|通販|ショッピング|セール|dm\b|news|magazine|promo|shop|spam|junk|迷惑",
    re.IGNORECASE,
)
"""Names of folders into which rules put advertising: that it lies there protects no mail."""


class Store:
    """What the mails that the company itself wrote tell of the others. A million Message-IDs are kept as numbers."""

    def __init__(self, domains: Iterable[str] = (), book: Iterable[str] = ()) -> None:
        self.domains = tuple(domain.lower() for domain in domains)
        self._domains = tuple(f"@{domain}" for domain in self.domains)
        self._book = {each.lower() for each in book}
        self._to: set[str] = set()
        self._wrote: set[int] = set()
        self._answered: set[int] = set()
        self._handled: frozenset[int] = frozenset()

    def handled(self, artefacts: Iterable[int]) -> None:
        """Somebody handles these in a shared inbox: assigned, in a state, commented or tagged."""
        self._handled |= frozenset(artefacts)

    def wrote(self, recipients: str, message_id: str | None, answers: Sequence[str]) -> None:
        """Somebody of the company wrote this."""
        self._to.update(address.lower() for address in addresses_in(recipients) if not self._is_own(address))
        if message_id is not None:
            self._wrote.add(hash(message_id))
        self._answered.update(map(hash, answers))

    def guards(
        self,
        *,
        artefact: int,
        sender: str,
        folder: Path,
        role: Role | None,
        flags: Collection[Flag],
        health: str,
        message_id: str | None,
        answers: Iterable[str],
    ) -> Iterator[str]:
        """What protects a mail, the best reason first."""
        if role in (Role.SENT, Role.DRAFTS) or self._is_own(sender):
            yield OWN
        if any(hash(each) in self._wrote for each in answers):
            yield THREAD
        if ANSWERED in flags or (message_id is not None and hash(message_id) in self._answered):
            yield THREAD
        if sender.lower() in self._to:
            yield WROTE
        if sender.lower() in self._book:
            yield BOOK
        if artefact in self._handled:
            yield HANDLED
        if FLAGGED in flags:
            yield MARKED
        if role is None and folder and not any(_FOR_ADVERTISING.search(name) for name in folder):
            yield FILED
        if health != "ok":
            yield DAMAGED

    def _is_own(self, address: str) -> bool:
        return address.lower().endswith(self._domains) if self._domains else False
