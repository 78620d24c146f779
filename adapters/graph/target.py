"""Exchange Online as a target: one mailbox over Graph."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing

from typing_extensions import override

from adapters.microsoft import PLACE_ITEMS
from adapters.microsoft.folders import DEPTH, NAME_BYTES, Entry
from adapters.microsoft.letters import Prepared
from adapters.microsoft.refusals import Refusals
from adapters.microsoft.target import LATE_COMMIT, StoreTarget, shown
from adapters.microsoft.words import IMPOSSIBLE
from migrator.errors import Reason, UsageError
from migrator.model import Identity, Mailbox, Mark, Place, Raw, Receipt, Refused, Sighting
from migrator.ports import Limits, Target, Way

from . import reading, words
from .changes import GraphMail
from .config import GraphConfig
from .folders import GraphTree
from .hall import Hall
from .reading import Message
from .sending import Post
from .wire import Wire


def open_target(config: GraphConfig, mailbox: Mailbox) -> AbstractContextManager[Target]:
    """Log in and look at one mailbox's folders. Raises UsageError, AccountError, Outage."""
    target = GraphTarget(config, mailbox)
    try:
        _ = target.tree.top
    except BaseException:
        target.close()
        raise
    return closing(target)


class GraphTarget(StoreTarget):
    """`ports.Target` over Graph; also `ports.Advises` and `ports.Leads`."""

    def __init__(self, config: GraphConfig, mailbox: Mailbox) -> None:
        self._config = config
        self._wire = Wire(config, mailbox.owner)
        super().__init__(mailbox.owner, GraphTree(self._wire, mailbox.owner))
        self._keep_receipts = config.receipts == "keep"
        self._hall = Hall(self._wire)
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
            place_items=PLACE_ITEMS,
            exact=False,
            gapless=False,
            late_commit=LATE_COMMIT,
        )

    def identity(self) -> Identity:
        return Identity(f"graph {self._config.host} {hashlib.sha256(self.tree.top.encode()).hexdigest()[:16]}")

    def way(self) -> Way:
        """Asks nobody."""
        return Way(name="Microsoft Graph" + (", beta" if self._config.beta else ""))

    def advice(self) -> Iterator[Reason]:
        """What `migrator check` should tell of this mailbox."""
        yield Reason("graph.beta-used" if self._config.beta else "graph.beta-off")
        yield Reason("graph.limits", limit=self._config.item_bytes)
        yield Reason("exchange-online.retention")
        if self._keep_receipts:
            yield Reason("exchange.receipts-kept", mailbox=self._owner)

    @override
    def prepare(self, place: Place) -> Mark:
        """Without leave to use what is beta no mail can be made, so no folder is."""
        self._allowed()
        with self._told(place):
            self._hall.clear()
        return super().prepare(place)

    def _allowed(self) -> None:
        if not self._config.beta:
            raise UsageError(Reason("graph.beta-off"))

    # -- by Graph ----------------------------------------------------------------------------------------------------

    @property
    @override
    def _largest(self) -> int:
        return self._config.item_bytes

    @override
    def _send(self, entry: Entry, place: Place, letters: Sequence[Prepared]) -> Iterator[Receipt | Refused]:
        self._allowed()
        return Post(
            wire=self._wire,
            hall=self._hall,
            folder=entry.identity,
            place=shown(place),
            mailbox=self._owner,
            batch_items=self._config.batch_items,
            unanswered=self._config.unanswered,
            refusals=self._refusals,
            ref=lambda message: self._ref_of(entry, message),
        ).deliver(letters)

    @override
    def _newest(self, entry: Entry) -> tuple[int, int]:
        return reading.newest(self._wire, entry.identity)

    @override
    def _numbers(self, entry: Entry) -> Iterable[tuple[int, str]]:
        return reading.everything(
            self._wire, entry.identity, lambda each: (words.number(each), str(each["id"])), words.NUMBER_OF_A_MAIL
        )

    @override
    def _sightings(self, entry: Entry) -> list[Sighting]:
        return reading.everything(self._wire, entry.identity, lambda each: self._sighting(entry, each))

    @override
    def _body(self, entry: Entry, item: str) -> Raw | None:
        return reading.body(self._wire, item)

    @override
    def _mail(self, entry: Entry, item: str | None, expected: Sighting) -> GraphMail:
        return GraphMail(
            self._wire,
            entry.identity,
            item,
            expected,
            seen=lambda message: self._sighting(entry, message),
            ref=self._ref_of,
        )

    def _sighting(self, entry: Entry, message: Message) -> Sighting:
        self._ref_of(entry, message)
        return words.sighting(message, entry.epoch)

    def _ref_of(self, entry: Entry, message: Message) -> str:
        return self._ref(entry, words.number(message), str(message["id"]))
