"""Mail in memory: a named world kept in this process, both source and target, for tests and for trying things out.

    old = world("old")
    number = old.add("sato", ("受信箱",), b"Subject: hello\\r\\n\\r\\n")
    with adapter.open_source(Memory(world="old")) as source: ...

A `World` has two sides: what its users do (add, move, flag, edit, delete, rename …), and what the adapter shows of it.
"""

import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count

from pydantic import BaseModel, ConfigDict

from migrator.errors import FolderError, Reason
from migrator.mail import envelope, header_digest, split
from migrator.model import (
    Account,
    Amended,
    Count,
    DateSource,
    Evidence,
    Flag,
    Folder,
    Gone,
    Identity,
    Item,
    Mailbox,
    Mark,
    NotMail,
    Parcel,
    Path,
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
    Unchanged,
    Unreadable,
    Withdrawn,
)
from migrator.ports import Adapter, Known, Limits

AT = datetime(2009, 11, 2, 0, 15, tzinfo=UTC)
"""When a mail was received if a test does not care."""


class Memory(BaseModel):
    """`world` names the world; it is made when it is first asked for and lives as long as the process."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    world: str


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
    any time. `interrupt` is called as "deliver" before a parcel is stored and as "delivered" after: what it raises
    leaves the target.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.store = uuid.uuid4().hex
        self.limits = Limits(batch_items=10, late_commit=0)
        self.exact = True
        self.tokens = True
        self.refs = True
        self.interrupt: Callable[[str], None] = lambda moment: None
        self.boxes: dict[tuple[str, Path], Box] = {}
        self.reads = count(1)
        self._epochs = count(1)

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

    def mails(self, owner: str, path: Path) -> list[Mail]:
        """What lies in a box now, in the order of its numbers."""
        with self.lock:
            box = self.boxes.get((owner, path))
            return [box.mails[number] for number in sorted(box.mails)] if box else []

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


# -- source --------------------------------------------------------------------------------------------------------


class MemorySource:
    """A world as a source. A mail's key is its box's epoch and its number there."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def exact(self) -> bool:
        return self._world.exact

    def identity(self) -> Identity:
        return Identity(f"memory:{self._world.store}")

    def accounts(self) -> Iterator[Account]:
        with self._world.lock:
            owners = {owner for owner, _ in self._world.boxes}
        yield from (Account(owner) for owner in sorted(owners, key=lambda owner: (owner == "", owner)))

    def folders(self, account: Account) -> Iterator[Folder]:
        with self._world.lock:
            found = [(path, box.role) for (owner, path), box in self._world.boxes.items() if owner == account.name]
        yield from (Folder(account, path, role) for path, role in sorted(found, key=lambda each: each[0]))

    def census(self, account: Account) -> Iterator[Count]:
        for folder in self.folders(account):
            mails = self._world.mails(account.name, folder.path)
            yield Count(folder, len(mails), sum(mail.raw.size for mail in mails))

    def items(
        self, folder: Folder, *, after: str | None, known: Known
    ) -> Iterator[Item | Unchanged | Unreadable | NotMail]:
        with self._world.lock:
            box = self._world.boxes.get((folder.account.name, folder.path))
            if box is None:
                raise FolderError(Reason("folder.missing", folder="/".join(folder.path)))
            mails, epoch = sorted(box.mails.items()), box.epoch
        start = (0, 0) if after is None else _numbers(after)
        for number, mail in mails:
            if (epoch, number) > start:
                yield self._look(f"{epoch}.{number}", mail, known)

    def _look(self, key: str, mail: Mail, known: Known) -> Item | Unchanged | Unreadable | NotMail:
        if mail.rule is not None:
            return NotMail(key=key, rule=mail.rule, size=mail.raw.size)
        if mail.fault is not None:
            return Unreadable(key=key, path=None, reason=mail.fault, size=mail.raw.size)
        stamp = f"{mail.raw.size}.{mail.edition}"
        if known(key, stamp):
            return Unchanged(key=key, stamp=stamp, flags=mail.flags)
        dates = (Evidence(DateSource.SPOOL, mail.received_at),)
        return Item(key=key, stamp=stamp, raw=self._world.given(mail.raw), flags=mail.flags, dates=dates)


def _numbers(key: str) -> tuple[int, int]:
    epoch, _, number = key.partition(".")
    return int(epoch), int(number)


# -- target --------------------------------------------------------------------------------------------------------


class MemoryTarget:
    """One owner's boxes of a world as a target."""

    def __init__(self, world: World, owner: str) -> None:
        self._world, self._owner = world, owner

    @property
    def limits(self) -> Limits:
        return self._world.limits

    def identity(self) -> Identity:
        return Identity(f"memory:{self._world.store}:{self._owner}")

    def places(self) -> Iterator[Place]:
        with self._world.lock:
            found = [Place(owner, path, box.role) for (owner, path), box in self._world.boxes.items()]
        yield from (place for place in found if place.owner == self._owner)

    def prepare(self, place: Place) -> Mark:
        if not _fits(place.path, self.limits):
            raise FolderError(Reason("place.name-refused", place="/".join(place.path)))
        return _mark(self._world.make(place.owner, place.path, place.role))

    def mark(self, place: Place) -> Mark | None:
        with self._world.lock:
            box = self._world.boxes.get((place.owner, place.path))
            return _mark(box) if box else None

    def deliver(self, parcels: Sequence[Parcel]) -> Iterator[Receipt | Refused]:
        assert len(parcels) <= self.limits.batch_items, "more parcels than Limits.batch_items"
        assert len({parcel.place for parcel in parcels}) <= 1, "the parcels of one call go to one place"
        for parcel in parcels:
            self._world.interrupt("deliver")
            outcome = self._deliver(parcel)
            self._world.interrupt("delivered")
            yield outcome

    def _deliver(self, parcel: Parcel) -> Receipt | Refused:
        limit = self.limits.item_bytes
        if limit is not None and parcel.raw.size > limit:
            return Refused(parcel.item, Reason("item.too-large", size=parcel.raw.size, limit=limit))
        with self._world.lock:
            box = self._box(parcel.place)
            flags = self._kept(box, parcel.flags)
            token = parcel.token if self._world.tokens else None
            mail = Mail(raw=parcel.raw, flags=flags, received_at=parcel.received_at, token=token)
            ref = f"{box.epoch}:{box.put(mail)}"
        return Receipt(
            item=parcel.item,
            ref=ref if self._world.refs else None,
            sent=parcel.raw.digest,
            size=parcel.raw.size,
            headers=_headers(parcel.raw),
            flags=flags,
            lost=parcel.flags - flags,
        )

    def survey(self, place: Place, since: Mark | None) -> Iterator[Sighting]:
        with self._world.lock:
            box = self._box(place)
            mails, epoch = sorted(box.mails.items()), box.epoch
        for number, mail in mails:
            if since is None or number >= since.next:
                yield self._sighting(f"{epoch}:{number}", mail)

    def fetch(self, place: Place, ref: str) -> Raw | None:
        with self._world.lock:
            mail = self._find(place, ref)
        return self._world.given(mail.raw) if mail else None

    def amend(
        self, place: Place, ref: str, expected: Sighting, change: Reflag | Relocate
    ) -> Amended | Touched | Gone | Unable:
        with self._world.lock:
            mail = self._find(place, ref)
            if mail is None:
                return Gone()
            if mail.flags != expected.flags:
                return Touched(self._sighting(ref, mail))
            box, number = self._box(place), _number(ref)
            if isinstance(change, Reflag):
                flags = (mail.flags - change.remove) | self._kept(box, change.add)
                box.mails[number] = replace(mail, flags=flags)
                return Amended(ref, flags)
            other = self._box(change.place)
            flags = self._kept(other, mail.flags)
            del box.mails[number]
            moved = f"{other.epoch}:{other.put(replace(mail, flags=flags))}"
            return Amended(moved if self._world.refs else None, flags)

    def withdraw(self, place: Place, ref: str, expected: Sighting) -> Withdrawn | Touched | Gone:
        with self._world.lock:
            mail = self._find(place, ref)
            if mail is None:
                return Gone()
            if mail.flags != expected.flags:
                return Touched(self._sighting(ref, mail))
            del self._box(place).mails[_number(ref)]
            return Withdrawn()

    def _box(self, place: Place) -> Box:
        box = self._world.boxes.get((place.owner, place.path))
        if box is None:
            raise FolderError(Reason("place.missing", place="/".join(place.path)))
        return box

    def _find(self, place: Place, ref: str) -> Mail | None:
        box = self._world.boxes.get((place.owner, place.path))
        if box is None or ref != f"{box.epoch}:{_number(ref)}":
            return None
        return box.mails.get(_number(ref))

    def _kept(self, box: Box, flags: frozenset[Flag]) -> frozenset[Flag]:
        """The flags, with as many keywords as the place can still hold."""
        if self.limits.keywords is None:
            return flags
        keywords = {flag for flag in flags if not flag.startswith("\\")}
        there = {flag for mail in box.mails.values() for flag in mail.flags if not flag.startswith("\\")}
        room = max(0, self.limits.keywords - len(there))
        return flags - set(sorted(keywords - there)[room:])

    def _sighting(self, ref: str, mail: Mail) -> Sighting:
        return Sighting(
            ref=ref,
            size=mail.raw.size,
            message_id=envelope(mail.raw.read()).message_id,
            flags=mail.flags,
            received_at=mail.received_at,
            headers=_headers(mail.raw),
            digest=mail.raw.digest if self._world.exact else None,
            token=mail.token,
        )


def _fits(path: Path, limits: Limits) -> bool:
    return (
        (limits.depth is None or len(path) <= limits.depth)
        and limits.forbidden.isdisjoint("".join(path))
        and (limits.name_bytes is None or all(len(name.encode()) <= limits.name_bytes for name in path))
    )


def _mark(box: Box) -> Mark:
    return Mark(box.epoch, box.next, len(box.mails))


def _number(ref: str) -> int:
    return int(ref.rpartition(":")[2])


def _headers(raw: Raw) -> str:
    return header_digest(split(raw.read())[0])


# -- adapter -------------------------------------------------------------------------------------------------------


@contextmanager
def open_source(config: Memory) -> Iterator[MemorySource]:
    yield MemorySource(world(config.world))


@contextmanager
def open_target(config: Memory, mailbox: Mailbox) -> Iterator[MemoryTarget]:
    yield MemoryTarget(world(config.world), mailbox.owner)


adapter = Adapter(config=Memory, open_source=open_source, open_target=open_target)
