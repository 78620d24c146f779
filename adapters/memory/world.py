"""A world of mail: what its users do there, and what may go wrong."""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count

from migrator.errors import FolderError, Reason
from migrator.inboxes import Named, Principal, SharedInbox
from migrator.model import Account, Flag, Path, Raw, Role
from migrator.ports import Limits

from .desk import Desk

AT = datetime(2009, 11, 2, 0, 15, tzinfo=UTC)
"""When a mail was received if a test does not care."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail as it lies in a world; or an artefact that yields none, with its `fault` or `rule`."""

    raw: Raw
    flags: frozenset[Flag]
    received_at: datetime
    token: str | None = None
    edition: int = 0
    fault: Reason | None = None
    rule: str | None = None


@dataclass(slots=True)
class Box:
    """A folder or place: its mails by number."""

    epoch: int
    role: Role | None = None
    next: int = 1
    mails: dict[int, Mail] = field(default_factory=dict)

    def put(self, mail: Mail) -> int:
        """The mail's number."""
        number, self.next = self.next, self.next + 1
        self.mails[number] = mail
        return number


class World:
    """All accounts and mailboxes of one system. Its methods are what users do there; any thread may call them.

    `limits`, `tokens` (it keeps a parcel's token), `refs` (it tells where a mail was put) and `exact` may be set at
    any time. `interrupt` is called before and after every call of the adapter, and before every item or sighting it
    yields, by a word for the moment ("deliver" before a parcel is stored, "delivered" after): what it raises leaves
    the adapter. Where `late` is set, parcels that were on their way then are stored all the same, so many seconds
    later by `clock`. `stored` counts what was delivered, by digest, whatever became of it since.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.store = uuid.uuid4().hex
        self.limits = Limits(batch_items=10, late_commit=0)
        self.exact = True
        self.tokens = True
        self.refs = True
        self.interrupt: Callable[[str], None] = lambda moment: None
        self.late: float | None = None
        self.clock: Callable[[], float] = time.monotonic
        self.stored: Counter[str] = Counter()
        self.boxes: dict[tuple[str, Path], Box] = {}
        self.people: dict[str, Principal] = {}
        self.desks: dict[str, Desk] = {}
        self.reads = count(1)
        self._epochs = count(1)
        self._on_its_way: list[tuple[float, Callable[[], object]]] = []

    def make(self, owner: str, path: Path, role: Role | None = None) -> Box:
        """The box of that path, made if need be."""
        with self.lock:
            if (owner, path) not in self.boxes:
                self.boxes[owner, path] = Box(next(self._epochs), role)
            return self.boxes[owner, path]

    def add(
        self, owner: str, path: Path, raw: bytes | Raw, flags: Iterable[Flag] = (), received_at: datetime = AT
    ) -> int:
        """A mail arrives; its number."""
        mail = Mail(raw=raw if isinstance(raw, Raw) else Raw.of(raw), flags=frozenset(flags), received_at=received_at)
        with self.lock:
            return self.make(owner, path).put(mail)

    def spoil(self, owner: str, path: Path, fault: Reason) -> int:
        """An artefact turns up that cannot be read."""
        with self.lock:
            mail = Mail(raw=Raw.of(b""), flags=frozenset(), received_at=AT, fault=fault)
            return self.make(owner, path).put(mail)

    def litter(self, owner: str, path: Path, rule: str) -> int:
        """An artefact turns up that is no mail."""
        with self.lock:
            return self.make(owner, path).put(Mail(raw=Raw.of(b""), flags=frozenset(), received_at=AT, rule=rule))

    def flag(self, owner: str, path: Path, number: int, flags: Iterable[Flag]) -> None:
        """A mail gets these flags instead of those it had."""
        with self.lock:
            mails = self.boxes[owner, path].mails
            mails[number] = replace(mails[number], flags=frozenset(flags))

    def edit(self, owner: str, path: Path, number: int, raw: bytes) -> None:
        """A mail's bytes become others under the same name, as when a half-written file is completed."""
        with self.lock:
            mails = self.boxes[owner, path].mails
            mails[number] = replace(mails[number], raw=Raw.of(raw), edition=mails[number].edition + 1, fault=None)

    def move(self, owner: str, path: Path, number: int, to: Path) -> int:
        """A mail goes to another folder; its number there."""
        with self.lock:
            return self.make(owner, to).put(self.boxes[owner, path].mails.pop(number))

    def delete(self, owner: str, path: Path, number: int) -> None:
        """A mail is gone for good."""
        with self.lock:
            del self.boxes[owner, path].mails[number]

    def rename(self, owner: str, path: Path, to: Path) -> None:
        """A folder gets another name."""
        with self.lock:
            self.boxes[owner, to] = self.boxes.pop((owner, path))

    def renumber(self, owner: str, path: Path) -> None:
        """A folder is made anew by the server: another epoch, and every mail under another number."""
        with self.lock:
            old = self.boxes[owner, path]
            new = self.boxes[owner, path] = Box(next(self._epochs), old.role)
            for mail in old.mails.values():
                new.put(mail)

    def know(self, principal: Principal) -> None:
        """Somebody is listed, or what is known of them changes."""
        with self.lock:
            self.people[principal.key] = principal

    def share(self, owner: str, *, address: str | None = None, token: str = "") -> Desk:
        """The owner's account becomes a shared inbox."""
        with self.lock:
            inbox = SharedInbox(key=owner, name=owner, account=Account(owner), address=address, token=token)
            return self.desks.setdefault(owner, Desk(inbox))

    def named(self, owner: str, path: Path, number: int) -> Named:
        """A mail as the adapter names it."""
        with self.lock:
            return Named(path, f"{self.boxes[owner, path].epoch}.{number}")

    def mails(self, owner: str, path: Path) -> list[Mail]:
        """What lies in a box now, in the order of its numbers."""
        with self.lock:
            box = self.boxes.get((owner, path))
            return [box.mails[number] for number in sorted(box.mails)] if box else []

    @contextmanager
    def call(self, before: str, after: str) -> Iterator[None]:
        """Around a call of the adapter."""
        self.arrive()
        self.interrupt(before)
        yield
        self.interrupt(after)

    def lose(self, storing: Iterable[Callable[[], object]]) -> None:
        """The connection has died while these were on their way: nobody hears of them again."""
        if self.late is not None:
            with self.lock:
                self._on_its_way += [(self.clock() + self.late, store) for store in storing]

    def arrive(self) -> None:
        """What was on its way is stored when its time has come."""
        with self.lock:
            due = [store for at, store in self._on_its_way if at <= self.clock()]
            self._on_its_way = [(at, store) for at, store in self._on_its_way if at > self.clock()]
            for store in due:
                with suppress(FolderError):  # its place is gone
                    store()

    def given(self, raw: Raw) -> Raw:
        """The bytes as this system gives them: made anew at each read where it is not exact."""
        return raw if self.exact else Raw.of(b"X-Read: %d\r\n" % next(self.reads) + raw.read())


_worlds: dict[str, World] = {}
_lock = threading.Lock()


def world(name: str) -> World:
    """The world of that name, made if need be."""
    with _lock:
        return _worlds.setdefault(name, World())


def forget(name: str) -> None:
    """The world of that name is no more; the next one to ask gets a new one."""
    with _lock:
        _worlds.pop(name, None)
