"""A world as a target."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from migrator.errors import FolderError, Reason
from migrator.mail import envelope, header_digest, split
from migrator.model import (
    Amended,
    Flag,
    Gone,
    Identity,
    Mark,
    Parcel,
    Path,
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
from migrator.ports import Limits

from .world import Box, Mail, World


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
        with self._world.call("places", "places told"), self._world.lock:
            found = [Place(owner, path, box.role) for (owner, path), box in self._world.boxes.items()]
        yield from (place for place in found if place.owner == self._owner)

    def prepare(self, place: Place) -> Mark:
        if not _fits(place.path, self.limits):
            raise FolderError(Reason("place.name-refused", place="/".join(place.path)))
        with self._world.call("prepare", "prepared"):
            return _mark(self._world.make(place.owner, place.path, place.role))

    def mark(self, place: Place) -> Mark | None:
        with self._world.call("mark", "marked"), self._world.lock:
            box = self._world.boxes.get((place.owner, place.path))
            return _mark(box) if box else None

    def deliver(self, parcels: Sequence[Parcel]) -> Iterator[Receipt | Refused]:
        assert len(parcels) <= self.limits.batch_items, "more parcels than Limits.batch_items"
        assert len({parcel.place for parcel in parcels}) <= 1, "the parcels of one call go to one place"
        for at, parcel in enumerate(parcels):
            self._world.arrive()
            try:
                self._world.interrupt("deliver")
            except BaseException:
                self._world.lose(partial(self._deliver, each) for each in parcels[at:])
                raise
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
            self._world.stored[parcel.raw.digest] += 1
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
        assert since is None or since.next > 0, "numbers begin with 1"
        with self._world.call("survey", "surveyed"), self._world.lock:
            box = self._box(place)
            mails, epoch = sorted(box.mails.items()), box.epoch
        for number, mail in mails:
            if since is None or number >= since.next:
                self._world.interrupt("sighting")
                yield self._sighting(f"{epoch}:{number}", mail)

    def fetch(self, place: Place, ref: str) -> Raw | None:
        with self._world.call("fetch", "fetched"), self._world.lock:
            mail = self._find(place, ref)
        return self._world.given(mail.raw) if mail else None

    def amend(
        self, place: Place, ref: str, expected: Sighting, change: Reflag | Relocate
    ) -> Amended | Touched | Gone | Unable:
        with self._world.call("amend", "amended"), self._world.lock:
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
        with self._world.call("withdraw", "withdrawn"), self._world.lock:
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
