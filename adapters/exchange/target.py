"""Exchange as a target: one mailbox over one connection."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import date
from functools import partial
from urllib.parse import urlsplit

from lxml import etree

from adapters.microsoft import PLACE_ITEMS, is_online
from adapters.microsoft.folders import DEPTH, NAME_BYTES, Entry
from adapters.microsoft.letters import Prepared, prepared
from adapters.microsoft.refusals import Refusals
from adapters.microsoft.words import IMPOSSIBLE
from migrator.errors import FolderError, Reason
from migrator.model import (
    Amended,
    Gone,
    Identity,
    Mailbox,
    Mark,
    Parcel,
    Place,
    Raw,
    Receipt,
    Reflag,
    Refused,
    Relocate,
    Role,
    Sighting,
    Touched,
    Unable,
    Withdrawn,
)
from migrator.ports import Limits, Target, Way

from . import reading
from .changes import Mail
from .config import ExchangeConfig
from .connect import connect
from .folders import Tree
from .sending import Post
from .troubles import Refusal

ENDS = date(2027, 4, 1)
"""Exchange Online answers EWS no more from this day on (Microsoft's Exchange team, MC1227454)."""

LATE_COMMIT = 90.0
"""Seconds: a server ends a request of its own after 60, and what it has begun is then there or never."""

REMEMBERED = 200_000
"""Ids of mails that are kept, so that a ref need not be looked up."""


def open_target(config: ExchangeConfig, mailbox: Mailbox) -> AbstractContextManager[Target]:
    """Log in to one mailbox and look at its folders. Raises UsageError, AccountError, Outage."""
    target = ExchangeTarget(config, mailbox)
    try:
        _ = target.tree.top
    except BaseException:
        target.close()
        raise
    return closing(target)


class ExchangeTarget:
    """`ports.Target` over EWS; also `ports.Advises`."""

    def __init__(self, config: ExchangeConfig, mailbox: Mailbox) -> None:
        self._config = config
        self._owner = mailbox.owner
        self._wire = connect(config, account=mailbox.account, address=mailbox.owner)
        self.tree = Tree(self._wire, mailbox.owner, delegate=config.access == "delegate")
        self._refusals = Refusals()
        self._highest: dict[str, int] = {}
        self._items: dict[str, str] = {}

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
        if self._config.receipts == "keep":
            yield Reason("exchange.receipts-kept", mailbox=self._owner)
        cleaned = [entry.path[-1] for entry in self.tree.entries.values() if entry.role in (Role.TRASH, Role.JUNK)]
        if cleaned:
            yield Reason("exchange.cleaning-untold", mailbox=self._owner, places=", ".join(sorted(cleaned)))

    # -- places ------------------------------------------------------------------------------------------------------

    def places(self) -> Iterator[Place]:
        self.tree.forget()
        for entry in list(self.tree.entries.values()):
            if entry.holds_mail:
                yield Place(self._owner, entry.path, entry.role)

    def prepare(self, place: Place) -> Mark:
        self.tree.make(place)
        mark = self.mark(place)
        if mark is None:  # it was there when the folders were listed
            self.tree.forget()
            self.tree.make(place)
            mark = self.mark(place)
        if mark is None:
            raise FolderError(Reason("exchange.place-vanishes", place=shown(place)))
        return mark

    def mark(self, place: Place) -> Mark | None:
        entry = self.tree.find(place)
        if entry is None:  # somebody else may have made it since
            self.tree.forget()
            entry = self.tree.find(place)
        if entry is None:
            return None
        with self._told(place):
            try:
                count, highest = reading.newest(self._wire, entry.identity)
            except Refusal as refusal:
                if refusal.code != "ErrorFolderNotFound":
                    raise
                self.tree.forget()
                return None
        return Mark(entry.epoch, self._reached(entry, highest) + 1, count)

    def _reached(self, entry: Entry, number: int) -> int:
        """The highest number that is known of a folder."""
        highest = max(number, self._highest.get(entry.identity, 0))
        self._highest[entry.identity] = highest
        return highest

    def _entry(self, place: Place) -> Entry:
        """Raises FolderError where there is no such place."""
        entry = self.tree.find(place)
        if entry is None:
            self.tree.forget()
            entry = self.tree.find(place)
        if entry is None:
            raise FolderError(Reason("exchange.no-such-place", place=shown(place)))
        return entry

    # -- sending -----------------------------------------------------------------------------------------------------

    def deliver(self, parcels: Sequence[Parcel]) -> Iterator[Receipt | Refused]:
        if not parcels:
            return
        place = parcels[0].place
        entry = self._entry(place)
        ready = [
            prepared(parcel, largest=self._config.item_bytes, keep_receipts=self._config.receipts == "keep")
            for parcel in parcels
        ]
        post = Post(
            wire=self._wire,
            folder=entry.identity,
            place=shown(place),
            mailbox=self._owner,
            batch_items=self._config.batch_items,
            batch_bytes=self._config.batch_bytes,
            unanswered=self._config.unanswered,
            refusals=self._refusals,
            ref=lambda item: self._ref(entry, item),
        )
        outcomes = post.deliver([each for each in ready if isinstance(each, Prepared)])
        for each in ready:
            yield each if isinstance(each, Refused) else next(outcomes)

    def _ref(self, entry: Entry, item: etree._Element) -> str:
        number = reading.number(item)
        self._reached(entry, number)
        ref = f"{entry.epoch}:{number}"
        if len(self._items) >= REMEMBERED:
            self._items.clear()
        self._items[ref] = reading.identity(item)[0]
        return ref

    # -- reading back ------------------------------------------------------------------------------------------------

    def survey(self, place: Place, since: Mark | None) -> Iterator[Sighting]:
        entry = self._entry(place)
        least = 0 if since is None else since.next
        with self._told(place):
            found = reading.listed(self._wire, entry.identity, reading.SIGHTING, partial(self._sighting, entry))
        yield from sorted((each for each in found if each.number >= least), key=lambda each: each.number)

    def _sighting(self, entry: Entry, item: etree._Element) -> Sighting:
        self._ref(entry, item)
        return reading.sighting(item, entry.epoch)

    def fetch(self, place: Place, ref: str) -> Raw | None:
        entry = self._entry(place)
        with self._told(place):
            item = self._item(entry, ref)
            return None if item is None else reading.body(self._wire, item)

    def _item(self, entry: Entry, ref: str) -> str | None:
        """The server's id of what a ref names; None where it has gone."""
        if not ref.startswith(f"{entry.epoch}:"):
            return None
        if ref not in self._items:
            reading.listed(self._wire, entry.identity, reading.NUMBER, partial(self._ref, entry))
        return self._items.get(ref)

    # -- changing ----------------------------------------------------------------------------------------------------

    def amend(
        self, place: Place, ref: str, expected: Sighting, change: Reflag | Relocate
    ) -> Amended | Touched | Gone | Unable:
        with self._told(place):
            mail = self._mail(place, ref, expected)
            match change:
                case Reflag():
                    return mail.reflag(change)
                case Relocate(place=other):
                    there = self.tree.make(other)
                    return mail.relocate(there.identity, lambda item: self._ref(there, item))

    def withdraw(self, place: Place, ref: str, expected: Sighting) -> Withdrawn | Touched | Gone:
        with self._told(place):
            return self._mail(place, ref, expected).withdraw()

    def _mail(self, place: Place, ref: str, expected: Sighting) -> Mail:
        entry = self._entry(place)
        return Mail(self._wire, self._item(entry, ref), lambda item: self._sighting(entry, item), expected)

    @contextmanager
    def _told(self, place: Place) -> Iterator[None]:
        """A refusal that nobody below has understood, as one of our errors."""
        try:
            yield
        except Refusal as refusal:
            raise refusal.meaning(self._owner, shown(place)) from refusal


def shown(place: Place) -> str:
    """A place as people read it."""
    return "/".join(place.path)
