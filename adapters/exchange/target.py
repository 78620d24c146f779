"""Exchange as a target: one mailbox over one connection."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from datetime import date
from functools import partial
from urllib.parse import urlsplit

from lxml import etree
from typing_extensions import override

from adapters.microsoft import PLACE_ITEMS, is_online
from adapters.microsoft.folders import DEPTH, NAME_BYTES, Entry
from adapters.microsoft.letters import Prepared
from adapters.microsoft.refusals import Refusals
from adapters.microsoft.target import LATE_COMMIT, StoreTarget, shown
from adapters.microsoft.words import IMPOSSIBLE
from migrator.errors import Reason
from migrator.model import Identity, Mailbox, Place, Raw, Receipt, Refused, Role, Sighting
from migrator.ports import Limits, Target, Way

from . import reading
from .changes import ExchangeMail
from .config import ExchangeConfig
from .connect import connect
from .folders import Tree
from .sending import Post

ENDS = date(2027, 4, 1)
"""Exchange Online answers EWS no more from this day on (Microsoft's Exchange team, MC1227454)."""


def open_target(config: ExchangeConfig, mailbox: Mailbox) -> AbstractContextManager[Target]:
    """Log in to one mailbox and look at its folders. Raises UsageError, AccountError, Outage."""
    target = ExchangeTarget(config, mailbox)
    try:
        _ = target.tree.top
    except BaseException:
        target.close()
        raise
    return closing(target)


class ExchangeTarget(StoreTarget):
    """`ports.Target` over EWS; also `ports.Advises`."""

    def __init__(self, config: ExchangeConfig, mailbox: Mailbox) -> None:
        self._config = config
        self._wire = connect(config, account=mailbox.account, address=mailbox.owner)
        super().__init__(mailbox.owner, Tree(self._wire, mailbox.owner, delegate=config.access == "delegate"))
        self._keep_receipts = config.receipts == "keep"
        self._refusals = Refusals()

    def close(self) -> None:
        self._wire.close()

    # -- what it is --------------------------------------------------------------------------------------------------

    @property
    def limits(self) -> Limits:
        return Limits(
            batch_items=self._config.batch_items,
            batch_bytes=self._config.batch_bytes,
            item_bytes=self._config.item_bytes,
            name_bytes=NAME_BYTES,
            depth=DEPTH,
            forbidden=frozenset(IMPOSSIBLE) | {"\\"},
            case_sensitive=False,
            place_items=PLACE_ITEMS if self._is_online else None,
            exact=False,
            gapless=False,
            late_commit=LATE_COMMIT,
        )

    def identity(self) -> Identity:
        host = urlsplit(self._wire.endpoint).hostname
        return Identity(f"exchange {host} {hashlib.sha256(self.tree.top.encode()).hexdigest()[:16]}")

    @property
    def _is_online(self) -> bool:
        return is_online(urlsplit(self._wire.endpoint).hostname or "")

    def way(self) -> Way:
        """Asks nobody."""
        return Way(name="EWS", until=ENDS if self._is_online else None)

    def advice(self) -> Iterator[Reason]:
        """What `migrator check` should tell of this mailbox."""
        if self._is_online:
            yield Reason("exchange.online-ends", mailbox=self._owner)
        if self._keep_receipts:
            yield Reason("exchange.receipts-kept", mailbox=self._owner)
        cleaned = [entry.path[-1] for entry in self.tree.entries.values() if entry.role in (Role.TRASH, Role.JUNK)]
        if cleaned:
            yield Reason("exchange.cleaning-untold", mailbox=self._owner, places=", ".join(sorted(cleaned)))

    # -- by EWS ------------------------------------------------------------------------------------------------------

    @property
    @override
    def _largest(self) -> int:
        return self._config.item_bytes

    @override
    def _send(self, entry: Entry, place: Place, letters: Sequence[Prepared]) -> Iterator[Receipt | Refused]:
        return Post(
            wire=self._wire,
            folder=entry.identity,
            place=shown(place),
            mailbox=self._owner,
            batch_items=self._config.batch_items,
            batch_bytes=self._config.batch_bytes,
            unanswered=self._config.unanswered,
            refusals=self._refusals,
            ref=partial(self._ref_of, entry),
        ).deliver(letters)

    @override
    def _newest(self, entry: Entry) -> tuple[int, int]:
        return reading.newest(self._wire, entry.identity)

    @override
    def _numbers(self, entry: Entry) -> Iterable[tuple[int, str]]:
        return reading.listed(
            self._wire, entry.identity, reading.NUMBER, lambda item: (reading.number(item), reading.identity(item)[0])
        )

    @override
    def _sightings(self, entry: Entry) -> list[Sighting]:
        return reading.listed(self._wire, entry.identity, reading.SIGHTING, partial(self._sighting, entry))

    @override
    def _body(self, entry: Entry, item: str) -> Raw | None:
        return reading.body(self._wire, item)

    @override
    def _mail(self, entry: Entry, item: str | None, expected: Sighting) -> ExchangeMail:
        return ExchangeMail(self._wire, item, expected, seen=partial(self._sighting, entry), ref=self._ref_of)

    def _sighting(self, entry: Entry, item: etree._Element) -> Sighting:
        self._ref_of(entry, item)
        return reading.sighting(item, entry.epoch)

    def _ref_of(self, entry: Entry, item: etree._Element) -> str:
        return self._ref(entry, reading.number(item), reading.identity(item)[0])
