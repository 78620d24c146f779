"""IMAP as a source: the accounts of a list, one connection at a time, nothing ever selected for writing."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import takewhile

from migrator.errors import FolderError, Outage, Reason, UsageError
from migrator.model import (
    Account,
    Count,
    DateSource,
    Evidence,
    Flag,
    Folder,
    Identity,
    Item,
    NotMail,
    Unchanged,
    Unreadable,
)
from migrator.ports import Known

from . import reading
from .answers import Fetched
from .config import ImapConfig
from .folders import VIRTUAL, Entry, Tree
from .login import connect
from .server import identity_of
from .session import Cut, No, Session
from .words import number_set

WINDOW = 100
"""Mails asked for in one command."""

IN_FLIGHT = 2
WHOLE_MAIL = b"(UID FLAGS INTERNALDATE BODY.PEEK[])"


@contextmanager
def open_source(config: ImapConfig) -> Iterator["ImapSource"]:
    """Raises UsageError."""
    if not config.accounts:
        raise UsageError(Reason("imap.accounts-missing", host=config.host))
    config.check_security()
    source = ImapSource(config)
    try:
        yield source
    finally:
        source.close()


@dataclass(slots=True)
class _Visit:
    """The account that is being read."""

    account: Account
    session: Session
    tree: Tree = field(init=False)

    def __post_init__(self) -> None:
        self.tree = Tree(self.session)


class ImapSource:
    """`ports.Source` over IMAP; also `ports.Advises`."""

    exact = True

    def __init__(self, config: ImapConfig) -> None:
        self._config = config
        self._visit: _Visit | None = None

    def close(self) -> None:
        if self._visit:
            self._visit.session.close()
            self._visit = None

    def _at(self, account: Account) -> _Visit:
        """The account's connection; the one before is closed. Raises AccountError, UsageError, Outage."""
        if self._visit and self._visit.account == account and self._visit.session.alive:
            return self._visit
        self.close()
        address = self._config.accounts.get(account.name, account.name)
        self._visit = _Visit(account, connect(self._config, account=account.name, address=address))
        return self._visit

    # -- what is there -----------------------------------------------------------------------------------------------

    def identity(self) -> Identity:
        return identity_of(self._at(next(self.accounts())).session, None)

    def accounts(self) -> Iterator[Account]:
        return map(Account, self._config.accounts)

    def folders(self, account: Account) -> Iterator[Folder]:
        visit = self._at(account)
        visit.tree.forget()
        for entry in list(visit.tree.entries.values()):
            if entry.selectable:
                yield Folder(account, entry.path, entry.role)

    def census(self, account: Account) -> Iterator[Count]:
        for folder in list(self.folders(account)):
            with _told(folder):
                yield Count(folder, *reading.census(self._at(account).session, self._entry(folder).name))

    def advice(self) -> Iterator[Reason]:
        """Folders that show mail which lies in others as well: it would arrive twice."""
        for account in self.accounts():
            for entry in self._at(account).tree.entries.values():
                if entry.attributes & VIRTUAL:
                    yield Reason("imap.virtual-folder", account=account.name, folder="/".join(entry.path))

    def _entry(self, folder: Folder) -> Entry:
        entry = self._at(folder.account).tree.entries.get(folder.path)
        if entry is None or not entry.selectable:
            raise FolderError(Reason("imap.no-such-folder", account=folder.account.name, folder=_shown(folder)))
        return entry

    # -- the mails ---------------------------------------------------------------------------------------------------

    def items(
        self, folder: Folder, *, after: str | None, known: Known
    ) -> Iterator[Item | Unchanged | Unreadable | NotMail]:
        with _told(folder):
            walk = _Walk(self._at(folder.account).session, self._entry(folder).name, _shown(folder))
            yield from walk.items(after, known)


class _Walk:
    """One folder's mails in the order of their numbers."""

    def __init__(self, session: Session, name: bytes, shown: str) -> None:
        self._session = session
        self._name = name
        self._shown = shown
        self._memory = session.memory
        opened = session.open(name)
        assert opened is not None
        self._epoch, self._count = opened.epoch, opened.count

    def items(self, after: str | None, known: Known) -> Iterator[Item | Unchanged | Unreadable]:
        """Raises No, Outage."""
        epoch, _, last = (after or "").partition(".")
        first = int(last) + 1 if epoch == str(self._epoch) and last.isdigit() else 1
        flags = self._flags(first) if self._count else {}
        wanted = [number for number in flags if not known(self._key(number), self._key(number))]
        bodies = self._bodies(wanted)
        unread = set(wanted)
        for number, its in flags.items():
            if number not in unread:
                yield Unchanged(key=self._key(number), stamp=self._key(number), flags=its)
            elif item := next(bodies):
                yield item

    def _key(self, number: int) -> str:
        return f"{self._epoch}.{number}"

    def _flags(self, first: int) -> dict[int, frozenset[Flag]]:
        """The numbers from `first` on, ascending, with their flags."""
        found = {
            said.uid: said.flags
            for said in self._session.run(b"UID FETCH %d:* (UID FLAGS)" % first)
            if isinstance(said, Fetched) and said.uid is not None and said.uid >= first and said.flags is not None
        }
        return dict(sorted(found.items()))

    # -- bodies ------------------------------------------------------------------------------------------------------

    def _bodies(self, wanted: Sequence[int]) -> Iterator[Item | Unreadable | None]:
        """One outcome for each, in order; None for what has gone meanwhile."""
        at = 0
        while at < len(wanted):
            for item in self._stream(wanted[at:]):
                yield item
                at += 1
            if at < len(wanted):
                yield self._alone(wanted[at])
                at += 1

    def _stream(self, wanted: Sequence[int]) -> Iterator[Item]:
        """Mails as they come, as long as they come in order and nobody else needs the connection.

        Ends before the first one that does not come, and before one that is suspected of having ended a connection.
        """
        harmless = list(takewhile(lambda number: not self._memory.suspects(self._named(number)), wanted))
        windows = [harmless[at : at + WINDOW] for at in range(0, len(harmless), WINDOW)]
        expected = deque(harmless)
        tags: deque[bytes] = deque()
        self._session.open(self._name, anew=False)
        with suppress(Cut, No):
            for at, window in enumerate(windows):
                with self._suspecting(window[0]):
                    for ahead in windows[at + len(tags) : at + IN_FLIGHT]:
                        tags.append(self._session.begin(b"UID FETCH %b %b" % (number_set(ahead), WHOLE_MAIL)))
                stream = self._session.said(tags.popleft())
                while True:
                    with self._suspecting(expected[0] if expected else window[-1]):
                        said = next(stream, None)
                    if said is None:
                        break
                    if isinstance(said, Fetched) and said.body is not None:
                        if not expected or said.uid != expected[0]:
                            return
                        yield self._item(said)
                        expected.popleft()
                if expected and expected[0] <= window[-1]:
                    return

    def _alone(self, number: int) -> Item | Unreadable | None:
        """One mail, and why it cannot be had; None where it is not there any more."""
        if self._memory.convicts(self._named(number)):
            return self._unreadable(number, "imap.deadly", "")
        opened = self._session.open(self._name)
        if opened and opened.epoch != self._epoch:
            raise FolderError(Reason("imap.epoch-changed", was=self._epoch, now=opened.epoch))
        answer = ""
        try:
            with self._accusing(number):
                for said in self._session.run(b"UID FETCH %d %b" % (number, WHOLE_MAIL)):
                    if isinstance(said, Fetched) and said.body is not None and said.uid == number:
                        self._memory.acquit(self._named(number))
                        return self._item(said)
        except No as no:
            if no.status.code in ("UNAVAILABLE", "INUSE"):
                raise
            answer = no.status.shown
        if number in reading.numbers(self._session, number, number):
            return self._unreadable(number, "imap.unreadable", answer)
        return None

    def _item(self, fetched: Fetched) -> Item:
        assert fetched.uid is not None
        assert fetched.body is not None
        at = fetched.received_at
        return Item(
            key=self._key(fetched.uid),
            stamp=self._key(fetched.uid),
            raw=fetched.body,
            flags=fetched.flags or frozenset(),
            dates=(Evidence(DateSource.SPOOL, at),) if at else (),
            path=f"{self._shown}:{fetched.uid}",
        )

    # -- mails that end connections ----------------------------------------------------------------------------------

    def _unreadable(self, number: int, code: str, answer: str) -> Unreadable:
        reason = Reason(code, folder=self._shown, number=number, answer=answer)
        return Unreadable(key=self._key(number), path=f"{self._shown}:{number}", reason=reason)

    def _named(self, number: int) -> str:
        return f"{self._shown}\0{self._key(number)}"

    @contextmanager
    def _suspecting(self, number: int) -> Iterator[None]:
        """Remember which mail was waited for when the connection ended."""
        try:
            yield
        except Outage:
            self._memory.suspect(self._named(number))
            raise

    @contextmanager
    def _accusing(self, number: int) -> Iterator[None]:
        """Remember that this mail alone had been asked for when the connection ended."""
        try:
            yield
        except Outage as outage:
            self._memory.accuse(self._named(number), surely=outage.reason.code == "imap.bad")
            raise


def _shown(folder: Folder) -> str:
    return "/".join(folder.path)


@contextmanager
def _told(folder: Folder) -> Iterator[None]:
    """A NO that nobody below has understood, as one of our errors."""
    try:
        yield
    except No as no:
        raise no.as_folder("imap.folder-refused", place=_shown(folder)) from no
