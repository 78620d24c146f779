"""What a target over an Exchange store does alike by every way: places, marks, refs, and what is still where it was."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from migrator.errors import FolderError, Reason
from migrator.model import (
    Amended,
    Gone,
    Mark,
    Parcel,
    Place,
    Raw,
    Receipt,
    Reflag,
    Refused,
    Relocate,
    Sighting,
    Touched,
    Unable,
    Withdrawn,
)

from .folders import Entry, StoreTree
from .letters import Prepared, prepared
from .refusals import Refusal

LATE_COMMIT = 90.0
"""Seconds: a server ends a request of its own after 60, and what it has begun is then there or never."""

REMEMBERED = 200_000
"""Ids of mails that are kept, so that a ref need not be looked up."""


class Mail(ABC):
    """One mail, as somebody expects it to be. Every method raises Refusal for what the server will not do."""

    @abstractmethod
    def reflag(self, change: Reflag) -> Amended | Touched | Gone | Unable: ...

    @abstractmethod
    def relocate(self, there: Entry) -> Amended | Touched | Gone:
        """Move to another folder, where it gets another id and another number."""

    @abstractmethod
    def withdraw(self) -> Withdrawn | Touched | Gone: ...


class StoreTarget(ABC):
    """The part of `ports.Target` that is the same by every way into the store."""

    _keep_receipts = False

    def __init__(self, owner: str, tree: StoreTree) -> None:
        self._owner = owner
        self.tree = tree
        self._highest: dict[str, int] = {}
        self._items: dict[str, str] = {}

    # -- what a way has to know --------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def _largest(self) -> int:
        """Bytes of the largest mail that is sent."""

    @abstractmethod
    def _newest(self, entry: Entry) -> tuple[int, int]:
        """How many mails a folder holds, and the highest number among those made last. Raises Refusal."""

    @abstractmethod
    def _numbers(self, entry: Entry) -> Iterable[tuple[int, str]]:
        """The number and id of every mail of a folder. Raises Refusal, Outage."""

    @abstractmethod
    def _sightings(self, entry: Entry) -> list[Sighting]:
        """Every mail of a folder. Raises Refusal, Outage."""

    @abstractmethod
    def _body(self, entry: Entry, item: str) -> Raw | None:
        """The bytes of one; None where it has gone. Raises Refusal, Outage."""

    @abstractmethod
    def _mail(self, entry: Entry, item: str | None, expected: Sighting) -> Mail: ...

    @abstractmethod
    def _send(self, entry: Entry, place: Place, letters: Sequence[Prepared]) -> Iterator[Receipt | Refused]:
        """One outcome for each, in order. Raises FolderError, AccountError, UsageError, Outage."""

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
                count, highest = self._newest(entry)
            except Refusal as refusal:
                if not refusal.no_folder:
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
        ready = [prepared(each, largest=self._largest, keep_receipts=self._keep_receipts) for each in parcels]
        outcomes = self._send(entry, place, [each for each in ready if isinstance(each, Prepared)])
        for each in ready:
            yield each if isinstance(each, Refused) else next(outcomes)

    def _ref(self, entry: Entry, number: int, item: str) -> str:
        self._reached(entry, number)
        ref = f"{entry.epoch}:{number}"
        if len(self._items) >= REMEMBERED:
            self._items.clear()
        self._items[ref] = item
        return ref

    # -- reading back ------------------------------------------------------------------------------------------------

    def survey(self, place: Place, since: Mark | None) -> Iterator[Sighting]:
        entry = self._entry(place)
        least = 0 if since is None else since.next
        with self._told(place):
            found = self._sightings(entry)
        yield from sorted((each for each in found if each.number >= least), key=lambda each: each.number)

    def fetch(self, place: Place, ref: str) -> Raw | None:
        entry = self._entry(place)
        with self._told(place):
            item = self._item(entry, ref)
            return None if item is None else self._body(entry, item)

    def _item(self, entry: Entry, ref: str) -> str | None:
        """The server's id of what a ref names; None where it has gone."""
        if not ref.startswith(f"{entry.epoch}:"):
            return None
        if ref not in self._items:
            for number, item in self._numbers(entry):
                self._ref(entry, number, item)
        return self._items.get(ref)

    # -- changing ----------------------------------------------------------------------------------------------------

    def amend(
        self, place: Place, ref: str, expected: Sighting, change: Reflag | Relocate
    ) -> Amended | Touched | Gone | Unable:
        entry = self._entry(place)
        with self._told(place):
            mail = self._mail(entry, self._item(entry, ref), expected)
            match change:
                case Reflag():
                    return mail.reflag(change)
                case Relocate(place=other):
                    return mail.relocate(self.tree.make(other))

    def withdraw(self, place: Place, ref: str, expected: Sighting) -> Withdrawn | Touched | Gone:
        entry = self._entry(place)
        with self._told(place):
            return self._mail(entry, self._item(entry, ref), expected).withdraw()

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
