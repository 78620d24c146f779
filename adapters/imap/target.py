"""IMAP as a target: one mailbox over one connection, which is made anew after it was lost."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from adapters.microsoft import PLACE_ITEMS, is_online
from migrator.errors import AccountError, FolderError, Reason
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
from migrator.ports import Limits, Way

from . import changes, exchange_online, reading
from .append import Arrivals, Post
from .config import ImapConfig
from .folders import INBOX, Entry, Tree
from .letters import WHOLE, Letter, Permitted, letter
from .login import connect
from .server import identity_of, item_bytes, refused_in_names
from .session import No, Session

BATCH_ITEMS = 100
LANES = 4
"""Connections that make a load with MULTIAPPEND faster; single APPENDs gain little and block one another on Maildir."""

NAME_BYTES = 255
FULL = 0.9
"""Used share of a quota that is worth a word."""


class ImapTarget:
    """`ports.Target` over IMAP; also `ports.Advises`."""

    def __init__(self, config: ImapConfig, mailbox: Mailbox) -> None:
        self._config = config
        self._mailbox = mailbox
        self._limits: Limits | None = None
        self._connect()

    def _connect(self) -> None:
        self._connection = connect(self._config, account=self._mailbox.account, address=self._mailbox.owner)
        self._tree: Tree | None = None
        self._arrivals: dict[Place, Arrivals] = {}
        self._permitted: dict[bytes, Permitted] = {}

    def close(self) -> None:
        self._connection.close()

    @property
    def _session(self) -> Session:
        if not self._connection.alive:
            self._connect()
        return self._connection

    @property
    def tree(self) -> Tree:
        """The mailbox's folders. Raises AccountError where they are to lie below one that is not there."""
        session = self._session
        if self._tree is None:
            root = self._config.root(self._mailbox.owner, self._mailbox.account)
            tree = Tree(session, root)
            if tree.root is not None and not _is_there(session, tree.root):
                raise AccountError(Reason("imap.no-public-folder", mailbox=self._mailbox.owner, folder=root))
            self._tree = tree
        return self._tree

    # -- what it is --------------------------------------------------------------------------------------------------

    @property
    def limits(self) -> Limits:
        if self._limits is None:
            session = self._session
            separator = self.tree.separator.decode()
            lanes = self._config.connections or (LANES if session.can("MULTIAPPEND") else 1)
            control = {chr(code) for code in (*range(0x20), 0x7F)}
            self._limits = Limits(
                batch_items=BATCH_ITEMS,
                batch_bytes=WHOLE,
                item_bytes=item_bytes(session),
                name_bytes=NAME_BYTES,
                depth=None if separator else 1,
                forbidden=self._config.signs(lambda: refused_in_names(session, self.tree.prefix))
                | set(separator)
                | control,
                place_items=PLACE_ITEMS if self._is_online else None,
                can_withdraw=session.can("UIDPLUS"),
                lanes=lanes,
            )
        return self._limits

    @property
    def _is_online(self) -> bool:
        return is_online(self._config.host)

    def way(self) -> Way:
        """Asks nobody."""
        return exchange_online.WAY if self._is_online else Way(name="IMAP")

    def identity(self) -> Identity:
        with told(Place(self._mailbox.owner, INBOX)):
            mark = reading.status(self._session, b"INBOX")  # the login's own, wherever its folders lie
        return identity_of(self._session, mark.epoch if mark else None)

    def advice(self) -> Iterator[Reason]:
        """What `migrator check` should tell of this mailbox."""
        owner = self._mailbox.owner
        for resource, used, limit in reading.quota(self._session):
            if used >= limit * FULL:
                yield Reason("imap.quota-near", mailbox=owner, resource=resource, percent=100 * used // limit)
        if not self._session.can("UIDPLUS"):
            yield Reason("imap.no-uidplus", mailbox=owner)
        with suppress(FolderError):
            permitted = self._flags_of(Place(owner, INBOX))
            if not permitted.new:
                yield Reason("imap.no-keywords", mailbox=owner)
        cleaned = [entry.path[-1] for entry in self.tree.entries.values() if entry.role in (Role.TRASH, Role.JUNK)]
        if cleaned:
            yield Reason("imap.cleaning-untold", mailbox=owner, places=", ".join(sorted(cleaned)))
        if self._is_online:
            yield from exchange_online.advice()

    # -- places ------------------------------------------------------------------------------------------------------

    def places(self) -> Iterator[Place]:
        tree = self.tree
        tree.forget()
        for entry in list(tree.entries.values()):
            place = Place(self._mailbox.owner, entry.path, entry.role)
            if entry.holds_mail and tree.find(place) == entry:
                yield place

    def prepare(self, place: Place) -> Mark:
        entry = self.tree.make(place)
        mark = self._mark_of(entry.name, place)
        if mark is None:  # it was there when the folders were listed
            self.tree.forget()
            mark = self._mark_of(self.tree.make(place).name, place)
        if mark is None:
            raise FolderError(Reason("imap.place-vanishes", place=shown(place), answer=""))
        self._arrivals_at(place).known(mark)
        return mark

    def mark(self, place: Place) -> Mark | None:
        with told(place):
            mark = self._mark_of(self.tree.name(place), place)
        self._arrivals_at(place).known(mark)
        return mark

    def _mark_of(self, name: bytes, place: Place) -> Mark | None:
        """Not every server says NONEXISTENT (Dovecot does not): what no list shows is not there either."""
        with told(place):
            try:
                return reading.status(self._session, name)
            except No as no:
                if no.status.not_now:
                    raise
                if self.tree.find(place) is not None:  # it was there when the folders were listed
                    self.tree.forget()
                entry = self.tree.find(place)
                if entry is None or not entry.selectable:
                    return None
                raise

    def _entry(self, place: Place) -> Entry:
        """Raises FolderError where there is no such place."""
        entry = self.tree.find(place)
        if entry is None:  # somebody else may have made it since
            self.tree.forget()
            entry = self.tree.find(place)
        if entry is None:
            raise FolderError(Reason("imap.no-such-place", place=shown(place)))
        return entry

    def _arrivals_at(self, place: Place) -> Arrivals:
        if place not in self._arrivals:
            self._arrivals[place] = Arrivals(
                mark=lambda: self._mark_of(self.tree.name(place), place), survey=lambda mark: self.survey(place, mark)
            )
        return self._arrivals[place]

    def asked_of(self, place: Place) -> bytes:
        """The folder that answers for a place: below a public folder, which passes on what it has, this one as long as
        the place is not there."""
        tree = self.tree
        return tree.root if tree.root is not None and tree.find(place) is None else tree.name(place)

    def _flags_of(self, place: Place) -> Permitted:
        """The flags a place can keep, asked once; EXAMINE would not tell."""
        name = self.asked_of(place)
        if name not in self._permitted:
            with told(place):
                opened = self._session.open(name, write=True)
                self._session.leave()
            self._permitted[name] = Permitted.of(opened.permanent if opened else None)
        return self._permitted[name]

    # -- sending -----------------------------------------------------------------------------------------------------

    def deliver(self, parcels: Sequence[Parcel]) -> Iterator[Receipt | Refused]:
        if not parcels:
            return
        place = parcels[0].place
        entry = self._entry(place)
        try:
            permitted = self._flags_of(place)
        except FolderError:  # gone since it was listed, perhaps
            self._make_again(place)
            permitted = self._flags_of(place)
        post = Post(
            self._session,
            shown(place),
            entry.name,
            self._arrivals_at(place),
            make=lambda: self._make_again(place),
        )
        ready = (letter(parcel, permitted, self.limits.item_bytes) for parcel in parcels)
        for batch in _batches(ready):
            match batch:
                case Refused():
                    yield batch
                case _:
                    yield from post.deliver(batch)

    def _make_again(self, place: Place) -> None:
        self.tree.forget()
        self.tree.make(place)

    # -- reading back ------------------------------------------------------------------------------------------------

    def survey(self, place: Place, since: Mark | None) -> Iterator[Sighting]:
        with told(place):
            yield from reading.survey(self._session, self._entry(place).name, since)

    def fetch(self, place: Place, ref: str) -> Raw | None:
        with told(place):
            return reading.body(self._session, self._entry(place).name, ref)

    # -- changing ----------------------------------------------------------------------------------------------------

    def amend(
        self, place: Place, ref: str, expected: Sighting, change: Reflag | Relocate
    ) -> Amended | Touched | Gone | Unable:
        with told(place):
            mail = changes.Mail(self._session, self._entry(place).name, ref, expected)
            match change:
                case Reflag():
                    return mail.reflag(change, self._flags_of(place))
                case Relocate(place=there):
                    return mail.relocate(self.tree.make(there).name)

    def withdraw(self, place: Place, ref: str, expected: Sighting) -> Withdrawn | Touched | Gone:
        with told(place):
            return changes.Mail(self._session, self._entry(place).name, ref, expected).withdraw()


def _is_there(session: Session, name: bytes) -> bool:
    """Whether our login sees this folder; many servers do not say whether it is absent or forbidden."""
    try:
        return reading.status(session, name) is not None
    except No as no:
        if no.status.not_now:
            raise no.as_folder("imap.folder-refused", place=name.decode("ascii", "replace")) from no
        return False


def shown(place: Place) -> str:
    """A place as people read it."""
    return "/".join(place.path)


@contextmanager
def told(place: Place) -> Iterator[None]:
    """A NO that nobody below has understood, as one of our errors."""
    try:
        yield
    except No as no:
        raise no.as_folder("imap.folder-refused", place=shown(place)) from no


def _batches(ready: Iterator[Letter | Refused]) -> Iterator[list[Letter] | Refused]:
    """Letters in as large batches as one command should hold, refusals between them, all in order."""
    batch: list[Letter] = []
    weight = 0
    for each in ready:
        match each:
            case Refused():
                if batch:
                    yield batch
                    batch, weight = [], 0
                yield each
            case Letter():
                if batch and (len(batch) == BATCH_ITEMS or weight + each.size > WHOLE):
                    yield batch
                    batch, weight = [], 0
                batch.append(each)
                weight += each.size
    if batch:
        yield batch
