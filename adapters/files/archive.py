"""An archive of files as a target: `root/<mailbox>/…`, every mail one file, every place a directory with its index."""

import errno
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path as Directory

from adapters.files.index import NAME, head
from adapters.files.reading import answer
from adapters.files.shelf import Layout, Shelf
from migrator.errors import AccountError, FolderError, Outage, Reason, UsageError
from migrator.model import (
    Amended,
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

_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\%:*?"<>|]|^\.|\.$')


class ArchiveTarget:
    """One mailbox of an archive. Its directory is made when it is opened."""

    def __init__(self, root: Directory, owner: str, layout: Layout) -> None:
        self._layout = layout
        self._owner = owner
        self._mailbox = root / safe_name(owner)
        self._shelves: dict[Path, Shelf] = {}
        try:
            self._mailbox.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(Reason("archive.unwritable", path=str(self._mailbox), answer=answer(error))) from error

    @property
    def limits(self) -> Limits:
        return self._layout.limits

    def identity(self) -> Identity:
        """The directory's path and inode."""
        return Identity(f"files:{self._mailbox.resolve()}:{self._mailbox.stat().st_ino}")

    def places(self) -> Iterator[Place]:
        """Those that have an index; a directory that somebody made holds no mail that was ever ours."""
        for file in sorted(self._mailbox.rglob(NAME)):
            path, role = head(file)
            yield Place(self._owner, path, role)

    def prepare(self, place: Place) -> Mark:
        with self._told(place):
            directory = self._layout.directory(self._mailbox, place.path)
            self._layout.make(directory)
            shelf = self._shelf(place)
            with shelf.held():
                return shelf.mark()

    def mark(self, place: Place) -> Mark | None:
        with self._told(place):
            if not self._layout.exists(self._layout.directory(self._mailbox, place.path)):
                return None
            with self._held(place) as shelf:
                return shelf.mark()

    def deliver(self, parcels: Sequence[Parcel]) -> Iterator[Receipt | Refused]:
        """All files of a call are numbered by one write to the index: they arrive together."""
        if not parcels:
            return
        place = parcels[0].place
        refusals = [self._refusal(parcel) for parcel in parcels]
        with self._told(place), self._held(place) as shelf:
            fitting = zip(parcels, refusals, strict=True)
            receipts = iter(shelf.take_in([shelf.write(parcel) for parcel, refused in fitting if not refused]))
        yield from (refused or next(receipts) for refused in refusals)

    def _refusal(self, parcel: Parcel) -> Refused | None:
        limit = self.limits.item_bytes
        if limit is None or parcel.raw.size <= limit:
            return None
        return Refused(parcel.item, Reason("item.too-large", size=parcel.raw.size, limit=limit))

    def survey(self, place: Place, since: Mark | None) -> Iterator[Sighting]:
        with self._told(place):
            with self._held(place) as shelf:
                present = sorted(shelf.present().items())
            for number, file in present:
                if since is None or number >= since.next:
                    sighting = shelf.sight(number, file)
                    if sighting is not None:
                        yield sighting

    def fetch(self, place: Place, ref: str) -> Raw | None:
        with self._told(place), self._held(place) as shelf:
            found = shelf.find(ref)
            if found is None:
                return None
            with (shelf.directory / found[1]).open("rb") as stream:
                return Raw.spooled(stream)

    def amend(
        self, place: Place, ref: str, expected: Sighting, change: Reflag | Relocate
    ) -> Amended | Touched | Gone | Unable:
        with self._told(place), ExitStack() as stack:
            places = (
                [place] if isinstance(change, Reflag) else sorted({place, change.place}, key=lambda each: each.path)
            )
            shelves = {each: stack.enter_context(self._held(each)) for each in places}
            found = shelves[place].untouched(ref, expected)
            if not isinstance(found, tuple):
                return found
            if isinstance(change, Reflag):
                return Amended(ref, shelves[place].reflag(*found, (expected.flags - change.remove) | change.add))
            other = shelves[change.place]
            line = other.take_over(shelves[place], *found)
            return Amended(f"{other.index.epoch}:{line.number}", line.flags)

    def withdraw(self, place: Place, ref: str, expected: Sighting) -> Withdrawn | Touched | Gone:
        with self._told(place), self._held(place) as shelf:
            found = shelf.untouched(ref, expected)
            if not isinstance(found, tuple):
                return found
            shelf.drop(found[1])
            return Withdrawn()

    # -- places ----------------------------------------------------------------------------------------------------

    @contextmanager
    def _held(self, place: Place) -> Iterator[Shelf]:
        shelf = self._shelf(place)
        if not self._layout.exists(shelf.directory):
            raise FolderError(Reason("place.missing", place="/".join(place.path)))
        with shelf.held():
            yield shelf

    def _shelf(self, place: Place) -> Shelf:
        if place.path not in self._shelves:
            self._shelves[place.path] = Shelf(self._layout, self._mailbox, place.path, place.role)
        return self._shelves[place.path]

    @contextmanager
    def _told(self, place: Place) -> Iterator[None]:
        """What the operating system says, in our words: is it this place, this mailbox, or the whole disk?"""
        try:
            yield
        except OSError as error:
            where = {"place": "/".join(place.path), "answer": answer(error)}
            match error.errno:
                case errno.ENOSPC | errno.EDQUOT | errno.EIO:
                    raise Outage(Reason("archive.no-room", **where)) from error
                case errno.EACCES | errno.EPERM | errno.EROFS:
                    raise AccountError(Reason("archive.denied", **where)) from error
                case _:
                    raise FolderError(Reason("archive.failed", **where)) from error


def safe_name(owner: str) -> str:
    """An owner's name as a directory's on any file system; never two owners in one."""
    name = _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", owner) or "%"
    return shortened(name)


def shortened(name: str, limit: int = 255) -> str:
    """The name, or its beginning and a digest of it where no file system would take it whole."""
    data = os.fsencode(name)
    if len(data) <= limit:
        return name
    return data[: limit - 17].decode("utf-8", "ignore") + "~" + sha256(data).hexdigest()[:16]
