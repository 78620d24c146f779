"""What ought to lie at a target by our receipts, and what verify saw there instead."""

from array import array
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, insert, select, true

from migrator.errors import Reason
from migrator.model import Account, Flag, Folder, ItemId, Mark, Place, Raw, Role, Sighting
from migrator.staging import tables
from migrator.staging.states import State, artefacts_of, first_mark, placed, states, unanswered
from migrator.staging.store import Staging

DispatchId = int


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is to be sent of one folder: the items and their raw sizes in bytes. There may be a million."""

    items: "array[int]" = field(default_factory=lambda: array("q"))
    sizes: "array[int]" = field(default_factory=lambda: array("q"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A receipt in force: where the mail lies at the target, and what went out."""

    dispatch: DispatchId
    item: ItemId
    number: int | None
    epoch: int | None
    sent: str
    size: int
    headers: str
    flags: frozenset[Flag]
    received_at: datetime
    message_id: str | None

    @property
    def ref(self) -> str | None:
        return None if self.number is None else f"{self.epoch}:{self.number}"

    @property
    def expected(self) -> Sighting:
        """How it lies there as long as nobody touches it."""
        return Sighting(
            ref=self.ref or "",
            size=self.size,
            message_id=self.message_id,
            flags=self.flags,
            received_at=self.received_at,
            headers=self.headers,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A staged mail that may lie at a target already; `decision` is the one in force for it."""

    item: ItemId
    digest: str
    size: int
    message_id: str | None
    received_at: datetime
    decision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A dispatch nobody answered: what was sent, where, and how far the place had come before (`mark`, by its number
    `mark_id`). `account`, `folder` and `key` are the mail's name at the source."""

    dispatch: DispatchId
    item: ItemId
    digest: str
    received_at: datetime
    message_id: str | None
    mark: Mark
    mark_id: int
    account: str
    folder: str
    key: str

    def named(self, code: str, place: Place) -> Reason:
        """The mail by name, for the person who has to decide."""
        return Reason(
            code,
            item=self.item,
            account=self.account,
            folder=self.folder,
            key=self.key,
            mailbox=place.owner,
            place="/".join(place.path),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that verify saw to be wrong in a place."""

    kind: str
    detail: Mapping[str, Any]
    dispatch: DispatchId | None = None


class Shelf:
    """One mailbox at one target, for reading; it writes nothing but what a run of verify saw."""

    def __init__(self, staging: Staging, target: str, owner: str) -> None:
        self._staging = staging
        self.reading = staging.reading
        self.target = target
        self.owner = owner

    # -- what there is to do --

    def folders(self, accounts: Collection[str]) -> list[Folder]:
        """Every folder of the accounts that feed this mailbox, empty ones too; mail in no folder counts as one."""
        its = tables.folder
        holds_mail = (
            select(tables.item.c.id)
            .join(tables.artefact, tables.artefact.c.id == tables.item.c.artefact_id)
            .where(tables.artefact.c.folder_id == its.c.id)
            .exists()
        )
        with self._staging.reading() as connection:
            rows = connection.execute(
                select(tables.account.c.name, tables.folder.c.path, tables.folder.c.role)
                .join(tables.folder, tables.folder.c.account_id == tables.account.c.id)
                .where(tables.account.c.name.in_(list(accounts)), (its.c.path != []) | holds_mail)
                .order_by(tables.account.c.name, tables.folder.c.id)
            )
            return [
                Folder(Account(row.name), tuple(row.path), None if row.role is None else Role(row.role)) for row in rows
            ]

    def to_do(self, accounts: Collection[str], takes: Collection[str]) -> dict[Folder, "Waiting"]:
        """The items to send, by folder and in the source's order."""
        standing = states(self.target, takes, accounts)
        waiting: dict[Folder, Waiting] = {}
        with self._staging.reading() as connection:
            rows = connection.execute(
                select(
                    tables.account.c.name,
                    tables.folder.c.path,
                    tables.folder.c.role,
                    standing.c.item_id,
                    tables.item.c.size,
                )
                .join(tables.folder, tables.folder.c.id == standing.c.folder_id)
                .join(tables.account, tables.account.c.id == tables.folder.c.account_id)
                .join(tables.item, tables.item.c.id == standing.c.item_id)
                .where(standing.c.state == State.TO_DO.value, standing.c.ready)
                .order_by(tables.folder.c.id, standing.c.artefact_id)
            )
            for row in rows:
                folder = Folder(Account(row.name), tuple(row.path), None if row.role is None else Role(row.role))
                here = waiting.setdefault(folder, Waiting())
                here.items.append(row.item_id)
                here.sizes.append(row.size)
        return waiting

    def raws(self, items: Collection[ItemId]) -> dict[ItemId, Raw]:
        """The bytes of these. Bound how many you ask for at once."""
        its = tables.item.c
        with self._staging.reading() as connection:
            digests = {
                row.id: row.digest for row in connection.execute(select(its.id, its.digest).where(its.id.in_(items)))
            }
            found = self._staging.blobs.raws(connection, set(digests.values()))
        return {item: found[digest] for item, digest in digests.items()}

    # -- what lies there --

    def places(self) -> list[Place]:
        """Every place of this mailbox that we have made or sent to."""
        its = tables.place.c
        with self._staging.reading() as connection:
            rows = connection.execute(
                select(its.path, its.role).where(its.target == self.target, its.owner == self.owner).order_by(its.id)
            )
            return [place_of(self.owner, row) for row in rows]

    def place_id(self, place: Place) -> int:
        """Staging's number for a place that it knows."""
        with self._staging.reading() as connection:
            return int(connection.execute(self._number(place)).scalar_one())

    def _number(self, place: Place) -> Select[int]:
        its = tables.place.c
        return select(its.id).where(its.target == self.target, its.owner == place.owner, its.path == list(place.path))

    def first_mark(self, place: Place) -> Mark | None:
        """How far the place had come before us, in the epoch in which our receipts there are bound."""
        with self._staging.reading() as connection:
            number = connection.execute(self._number(place)).scalar()
            row = None if number is None else connection.execute(first_mark(number)).first()
        return None if row is None else Mark(row.epoch, row.next, row.mails)

    def delivered(self, place: Place) -> list[Delivered]:
        """The receipts in force at a place, by number; where the target gave no ref, `number` is None."""
        here = placed()
        with self._staging.reading() as connection:
            rows = connection.execute(
                _with_item(here)
                .where(here.c.place_id == self._number(place).scalar_subquery())
                .order_by(here.c.number, here.c.dispatch_id)
            )
            return [delivered_of(row) for row in rows]

    def unbound(self) -> dict[Place, list[Delivered]]:
        """The receipts of this mailbox that came without a ref, by place."""
        return self.in_force(placed().c.number.is_(None))

    def put_by(self, runs: Collection[int], accounts: Collection[str] | None = None) -> dict[Place, list[Delivered]]:
        """What these runs sent here, of all accounts or these, by place. What was adopted we did not put."""
        its, mine = placed().c, true() if accounts is None else tables.item.c.artefact_id.in_(artefacts_of(accounts))
        return self.in_force(and_(its.run_id.in_(runs), its.how != "adopted", mine))

    def by_dispatch(self, dispatches: Collection[DispatchId]) -> dict[Place, list[Delivered]]:
        """The receipts in force of these dispatches, by place."""
        return self.in_force(placed().c.dispatch_id.in_(list(dispatches)))

    def in_force(self, which: ColumnElement[bool]) -> dict[Place, list[Delivered]]:
        """The receipts in force of this mailbox of which this is true (of `placed` and `item`), by place."""
        here = placed()
        found: dict[Place, list[Delivered]] = {}
        # A mail never leaves its mailbox, and where it was sent to has an index: other mailboxes are not read.
        sent = tables.dispatch.alias("sent")
        first = tables.place.alias("first")
        ours = select(first.c.id).where(first.c.target == self.target, first.c.owner == self.owner)
        with self._staging.reading() as connection:
            rows = connection.execute(
                _with_item(here, tables.place.c.path, tables.place.c.role)
                .join(sent, sent.c.id == here.c.dispatch_id)
                .join(tables.place, tables.place.c.id == here.c.place_id)
                .where(sent.c.place_id.in_(ours), which)
                .order_by(here.c.dispatch_id)
            )
            for row in rows:
                found.setdefault(place_of(self.owner, row), []).append(delivered_of(row))
        return found

    def claimed(self, place: Place) -> set[int]:
        """The numbers at a place that a receipt holds, in the epoch in which our receipts there are bound."""
        here = placed()
        with self._staging.reading() as connection:
            number = connection.execute(self._number(place)).scalar()
            if number is None:
                return set()
            first = connection.execute(first_mark(number)).one()
            rows = connection.execute(
                select(here.c.number).where(
                    here.c.place_id == number, here.c.number.is_not(None), here.c.epoch == first.epoch
                )
            )
            return set(rows.scalars())

    def twins(self, digests: Collection[str]) -> list[tuple[Place, Delivered]]:
        """Receipts in force of this mailbox for these very bytes, and where each lies."""
        here = placed()
        with self._staging.reading() as connection:
            rows = connection.execute(
                _with_item(here, tables.place.c.path, tables.place.c.role)
                .join(tables.place, tables.place.c.id == here.c.place_id)
                .where(tables.place.c.target == self.target, tables.place.c.owner == self.owner)
                .where(here.c.sent.in_(list(digests)))
                .order_by(here.c.dispatch_id)
            )
            return [(place_of(self.owner, row), delivered_of(row)) for row in rows]

    def sent_from(self, place: Place, item: ItemId, epoch: int) -> tuple[DispatchId, int] | None:
        """The first dispatch of these very bytes to a place in this epoch, and the number from which on they may lie
        there; None where they were never sent there."""
        its, mark, equal = tables.dispatch.c, tables.mark.c, tables.item.alias("equal")
        with self._staging.reading() as connection:
            row = connection.execute(
                select(its.id, mark.next)
                .join(tables.mark, mark.id == its.mark_id)
                .join(tables.item, tables.item.c.id == its.item_id)
                .join(equal, equal.c.digest == tables.item.c.digest)
                .where(equal.c.id == item, its.place_id == self._number(place).scalar_subquery(), mark.epoch == epoch)
                .order_by(mark.next, its.id)
                .limit(1)
            ).first()
        return None if row is None else (row.id, row.next)

    def doubts(self) -> dict[Place, list[Doubt]]:
        """Dispatches of this mailbox that nobody answered, by place, oldest first."""
        its, mark, item = tables.dispatch, tables.mark, tables.item
        found: dict[Place, list[Doubt]] = {}
        with self._staging.reading() as connection:
            rows = connection.execute(
                select(
                    its.c.id,
                    its.c.item_id,
                    its.c.mark_id,
                    item.c.digest,
                    item.c.received_at,
                    item.c.message_id,
                    mark.c.epoch,
                    mark.c.next,
                    mark.c.mails,
                    tables.place.c.path,
                    tables.place.c.role,
                    tables.account.c.name,
                    tables.folder.c.path.label("folder"),
                    tables.artefact.c.key,
                )
                .join(tables.place, tables.place.c.id == its.c.place_id)
                .join(mark, mark.c.id == its.c.mark_id)
                .join(item, item.c.id == its.c.item_id)
                .join(tables.artefact, tables.artefact.c.id == item.c.artefact_id)
                .join(tables.folder, tables.folder.c.id == tables.artefact.c.folder_id)
                .join(tables.account, tables.account.c.id == tables.folder.c.account_id)
                .where(tables.place.c.target == self.target, tables.place.c.owner == self.owner, unanswered(its.c.id))
                .order_by(its.c.id)
            )
            for row in rows:
                found.setdefault(place_of(self.owner, row), []).append(
                    Doubt(
                        dispatch=row.id,
                        item=row.item_id,
                        digest=row.digest,
                        received_at=row.received_at,
                        message_id=row.message_id,
                        mark=Mark(row.epoch, row.next, row.mails),
                        mark_id=row.mark_id,
                        account=row.name,
                        folder="/".join(row.folder),
                        key=row.key,
                    )
                )
        return found

    def token(self, dispatch: DispatchId) -> str:
        """What a target that keeps names calls the mail of this one sending."""
        return f"{self._staging.uuid}:{dispatch}"

    def staged(self, item: ItemId) -> Raw:
        """The staged raw of one item."""
        with self._staging.reading() as connection:
            digest = connection.execute(select(tables.item.c.digest).where(tables.item.c.id == item)).scalar_one()
        return self.raw(digest)

    def raw(self, digest: str) -> Raw:
        """One staged raw."""
        with self._staging.reading() as connection:
            return self._staging.blobs.raws(connection, [digest])[digest]

    def note(self, run: int, place: Place, found: Iterable[Difference], mark: Mark, before: int) -> None:
        """A run looked through the whole place: what it saw to be wrong, the place's mark, and how much of what lies
        there is older than we are."""
        place_id = self.place_id(place)
        differences = [
            {
                "run_id": run,
                "place_id": place_id,
                "dispatch_id": each.dispatch,
                "kind": each.kind,
                "detail": dict(each.detail),
            }
            for each in found
        ]
        with self._staging.writing() as connection:
            if differences:
                connection.execute(insert(tables.finding), differences)
            connection.execute(
                insert(tables.run_place).values(
                    run_id=run, place_id=place_id, epoch=mark.epoch, next=mark.next, mails=mark.count, before=before
                )
            )


def _with_item(here: Any, *columns: Any) -> Select[Any]:
    its = tables.item.c
    return select(here, its.received_at, its.message_id, *columns).join(tables.item, its.id == here.c.item_id)


def place_of(owner: str, row: Any) -> Place:
    return Place(owner, tuple(row.path), None if row.role is None else Role(row.role))


def delivered_of(row: Any) -> Delivered:
    return Delivered(
        dispatch=row.dispatch_id,
        item=row.item_id,
        number=row.number,
        epoch=row.epoch,
        sent=row.sent,
        size=row.size,
        headers=row.headers,
        flags=frozenset(row.flags),
        received_at=row.received_at,
        message_id=row.message_id,
    )
