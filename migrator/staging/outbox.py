"""One mailbox at one target: what is still to be sent there, what was sent, and what became of it.

Everything is written under the lease's fence, in one transaction: a run that lost its lease can no longer write.
"""

from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, insert, literal, select

from migrator.model import Account, Flag, Folder, ItemId, Mark, Parcel, Place, Raw, Receipt, Refused, Role, Sighting
from migrator.staging import tables
from migrator.staging.locks import Lease
from migrator.staging.states import State, flags_of, placed, states, unanswered, verdict_of
from migrator.staging.store import Run, Staging, insert_one

DispatchId = int


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A staged mail that is to be sent: its raw, flags and date, and the decision that lets it go."""

    item: ItemId
    raw: Raw
    flags: frozenset[Flag]
    received_at: datetime
    decision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A dispatch nobody answered: what was sent, where, and how far the place had come before."""

    dispatch: DispatchId
    item: ItemId
    digest: str
    size: int
    message_id: str | None
    received_at: datetime
    mark: Mark


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


class Outbox:
    """Used by several lanes at once; `lease` is None where nothing is going to be written."""

    def __init__(self, staging: Staging, run: Run, target: str, owner: str, lease: Lease | None) -> None:
        self._staging = staging
        self._run = run
        self.target = target
        self.owner = owner
        self._lease = lease
        self._places: dict[Place, int] = {}

    # -- what there is to do --

    def folders(self, accounts: Collection[str]) -> list[Folder]:
        """Every folder of the accounts that feed this mailbox, empty ones too."""
        with self._staging.reading() as connection:
            rows = connection.execute(
                select(tables.account.c.name, tables.folder.c.path, tables.folder.c.role)
                .join(tables.folder, tables.folder.c.account_id == tables.account.c.id)
                .where(tables.account.c.name.in_(list(accounts)))
                .order_by(tables.account.c.name, tables.folder.c.id)
            )
            return [
                Folder(Account(row.name), tuple(row.path), None if row.role is None else Role(row.role)) for row in rows
            ]

    def to_do(self, accounts: Collection[str], takes: Collection[str]) -> dict[Folder, "array[int]"]:
        """The items to send, by folder and in the source's order. Numbers only: a folder may hold a million."""
        standing = states(self.target, takes, accounts)
        waiting: dict[Folder, array[int]] = {}
        with self._staging.reading() as connection:
            rows = connection.execute(
                select(tables.account.c.name, tables.folder.c.path, tables.folder.c.role, standing.c.item_id)
                .join(tables.folder, tables.folder.c.id == standing.c.folder_id)
                .join(tables.account, tables.account.c.id == tables.folder.c.account_id)
                .where(standing.c.state == State.TO_DO.value, standing.c.ready)
                .order_by(tables.folder.c.id, standing.c.artefact_id)
            )
            for row in rows:
                folder = Folder(Account(row.name), tuple(row.path), None if row.role is None else Role(row.role))
                waiting.setdefault(folder, array("q")).append(row.item_id)
        return waiting

    def sizes(self, items: Sequence[ItemId]) -> list[int]:
        """The raw sizes in bytes, in the order asked for."""
        with self._staging.reading() as connection:
            found = dict(
                connection.execute(
                    select(tables.item.c.id, tables.item.c.size).where(tables.item.c.id.in_(items))
                ).all()
            )
        return [found[each] for each in items]

    def letters(self, items: Sequence[ItemId]) -> list[Letter]:
        """The mails themselves, in the order asked for. Bound the bytes you ask for at once."""
        its = tables.item
        with self._staging.reading() as connection:
            rows = {
                row.id: row
                for row in connection.execute(
                    select(
                        its.c.id,
                        its.c.digest,
                        its.c.received_at,
                        flags_of(its.c.artefact_id, its).label("flags"),
                        verdict_of(its.c.artefact_id, its).label("verdict"),
                    ).where(its.c.id.in_(items))
                )
            }
            raws = self._staging.blobs.raws(connection, [row.digest for row in rows.values()])
        return [
            Letter(
                item=each,
                raw=raws[rows[each].digest],
                flags=frozenset(rows[each].flags),
                received_at=rows[each].received_at,
                decision=rows[each].verdict,
            )
            for each in items
        ]

    # -- what happens to it --

    def place(self, place: Place, mark: Mark) -> None:
        """Note a place that exists at the target; at its first time also how far it had come before us."""
        with self._staging.writing() as connection:
            self._hold(connection)
            if self._place_id(connection, place) is None:
                its_id = self._place_id(connection, place, make=True)
                _mark(connection, its_id, mark, self._run.id)

    def first_mark(self, place: Place) -> Mark | None:
        """How far the place had come before we first sent anything there."""
        its = tables.mark.c
        with self._staging.reading() as connection:
            row = connection.execute(
                select(its.epoch, its.next, its.mails)
                .where(its.place_id == self._place_id(connection, place))
                .order_by(its.id)
                .limit(1)
            ).first()
        return None if row is None else Mark(row.epoch, row.next, row.mails)

    def dispatch(self, place: Place, mark: Mark, letters: Sequence[Letter]) -> list[tuple[DispatchId, Parcel]]:
        """Write down that these are about to be sent, before the first byte goes out; the parcels to send."""
        with self._staging.writing() as connection:
            self._hold(connection)
            place_id = self._place_id(connection, place, make=True)
            mark_id = _mark(connection, place_id, mark, self._run.id)
            made = connection.execute(
                insert(tables.dispatch).returning(tables.dispatch.c.id, sort_by_parameter_order=True),
                [
                    {
                        "item_id": letter.item,
                        "place_id": place_id,
                        "mark_id": mark_id,
                        "decision": letter.decision,
                        "run_id": self._run.id,
                        "fence": 0 if self._lease is None else self._lease.fence,
                    }
                    for letter in letters
                ],
            ).scalars()
            numbers = list(made)
        return [
            (
                number,
                Parcel(
                    item=letter.item,
                    place=place,
                    raw=letter.raw,
                    flags=letter.flags,
                    received_at=letter.received_at,
                    token=f"{self._staging.uuid}:{number}",
                ),
            )
            for number, letter in zip(numbers, letters, strict=True)
        ]

    def answer(self, outcomes: Iterable[tuple[DispatchId, Receipt | Refused]], how: str = "answered") -> None:
        """Write down what the target said."""
        receipts: list[dict[str, Any]] = []
        refusals: list[dict[str, Any]] = []
        for number, answer in outcomes:
            match answer:
                case Receipt():
                    receipts.append(_receipt(number, answer, how, self._run.id))
                case Refused():
                    refusals.append(
                        {
                            "dispatch_id": number,
                            "code": answer.reason.code,
                            "params": dict(answer.reason.params),
                            "run_id": self._run.id,
                        }
                    )
        with self._staging.writing() as connection:
            self._hold(connection)
            if receipts:
                connection.execute(insert(tables.receipt), receipts)
            if refusals:
                connection.execute(insert(tables.refusal), refusals)
        self._run.count("loaded", len(receipts))
        self._run.count("refused", len(refusals))

    def recall(self, dispatches: Collection[DispatchId]) -> None:
        """These never arrived, and it is certain: they are to be sent again."""
        if not dispatches:
            return
        with self._staging.writing() as connection:
            self._hold(connection)
            connection.execute(
                insert(tables.recall), [{"dispatch_id": each, "run_id": self._run.id} for each in dispatches]
            )
        self._run.count("recalled", len(dispatches))

    def moved(self, place: Place, found: Sequence[tuple[DispatchId, Sighting]]) -> None:
        """These lie in another place than they were sent to, or got a ref only now."""
        if not found:
            return
        with self._staging.writing() as connection:
            self._hold(connection)
            connection.execute(
                insert(tables.amendment),
                [
                    {
                        "dispatch_id": number,
                        "place_id": self._place_id(connection, place),
                        "epoch": int(seen.ref.rpartition(":")[0]),
                        "number": seen.number,
                        "flags": sorted(seen.flags),
                        "why": "bound",
                        "run_id": self._run.id,
                    }
                    for number, seen in found
                ],
            )

    def retry(self) -> int:
        """Refused mails of this mailbox may be tried once more; how many."""
        its = tables.dispatch
        with self._staging.writing() as connection:
            self._hold(connection)
            refused = (
                connection.execute(
                    select(tables.refusal.c.dispatch_id)
                    .join(its, its.c.id == tables.refusal.c.dispatch_id)
                    .join(tables.place, tables.place.c.id == its.c.place_id)
                    .where(tables.place.c.target == self.target, tables.place.c.owner == self.owner)
                    .where(
                        ~exists(select(literal(1)).where(tables.retry.c.dispatch_id == tables.refusal.c.dispatch_id))
                    )
                )
                .scalars()
                .all()
            )
            if refused:
                connection.execute(
                    insert(tables.retry), [{"dispatch_id": each, "run_id": self._run.id} for each in refused]
                )
        return len(refused)

    # -- doubt --

    def doubts(self) -> dict[Place, list[Doubt]]:
        """Dispatches of this mailbox that nobody answered, by place, oldest first."""
        its, mark = tables.dispatch, tables.mark
        found: dict[Place, list[Doubt]] = {}
        with self._staging.reading() as connection:
            rows = connection.execute(
                select(
                    its.c.id,
                    its.c.item_id,
                    tables.item.c.digest,
                    tables.item.c.size,
                    tables.item.c.message_id,
                    tables.item.c.received_at,
                    mark.c.epoch,
                    mark.c.next,
                    mark.c.mails,
                    tables.place.c.path,
                    tables.place.c.role,
                )
                .join(tables.place, tables.place.c.id == its.c.place_id)
                .join(mark, mark.c.id == its.c.mark_id)
                .join(tables.item, tables.item.c.id == its.c.item_id)
                .where(tables.place.c.target == self.target, tables.place.c.owner == self.owner, unanswered(its.c.id))
                .order_by(its.c.id)
            )
            for row in rows:
                found.setdefault(self._as_place(row), []).append(
                    Doubt(
                        dispatch=row.id,
                        item=row.item_id,
                        digest=row.digest,
                        size=row.size,
                        message_id=row.message_id,
                        received_at=row.received_at,
                        mark=Mark(row.epoch, row.next, row.mails),
                    )
                )
        return found

    def staged(self, item: ItemId) -> Raw:
        """The staged raw of one item."""
        with self._staging.reading() as connection:
            digest = connection.execute(select(tables.item.c.digest).where(tables.item.c.id == item)).scalar_one()
        return self.raw(digest)

    def raw(self, digest: str) -> Raw:
        """One staged raw."""
        with self._staging.reading() as connection:
            return self._staging.blobs.raws(connection, [digest])[digest]

    # -- what lies there --

    def delivered(self, place: Place) -> list[Delivered]:
        """The receipts in force at a place, by number; where the target gave no ref, `number` is None."""
        here = placed()
        with self._staging.reading() as connection:
            rows = connection.execute(
                select(here, tables.item.c.received_at, tables.item.c.message_id)
                .join(tables.item, tables.item.c.id == here.c.item_id)
                .where(here.c.place_id == self._place_id(connection, place))
                .order_by(here.c.number, here.c.dispatch_id)
            )
            return [_delivered(row) for row in rows]

    def places(self) -> list[Place]:
        """Every place of this mailbox that we have made or sent to."""
        with self._staging.reading() as connection:
            rows = connection.execute(
                select(tables.place.c.path, tables.place.c.role)
                .where(tables.place.c.target == self.target, tables.place.c.owner == self.owner)
                .order_by(tables.place.c.id)
            )
            return [self._as_place(row) for row in rows]

    def claimed(self, place: Place) -> set[int]:
        """The numbers at a place that a receipt holds."""
        return {each.number for each in self.delivered(place) if each.number is not None}

    def find(self, place: Place, finding: str, detail: Mapping[str, Any], dispatch: DispatchId | None = None) -> None:
        """Note what verify saw to be wrong."""
        with self._staging.writing() as connection:
            connection.execute(
                insert(tables.finding).values(
                    run_id=self._run.id,
                    place_id=self._place_id(connection, place),
                    dispatch_id=dispatch,
                    kind=finding,
                    detail=dict(detail),
                )
            )
        self._run.count("findings")

    def seen(self, place: Place, mark: Mark, before: int) -> None:
        """Note that this run looked through the whole place: its mark, and how much of it is older than we are."""
        with self._staging.writing() as connection:
            connection.execute(
                insert(tables.run_place).values(
                    run_id=self._run.id,
                    place_id=self._place_id(connection, place),
                    epoch=mark.epoch,
                    next=mark.next,
                    mails=mark.count,
                    before=before,
                )
            )

    # -- inside --

    def _hold(self, connection: Connection) -> None:
        if self._lease is not None:
            self._lease.hold(connection)

    def _as_place(self, row: Any) -> Place:
        return Place(self.owner, tuple(row.path), None if row.role is None else Role(row.role))

    def _place_id(self, connection: Connection, place: Place, *, make: bool = False) -> int | None:
        if place in self._places:
            return self._places[place]
        its = tables.place.c
        found = connection.execute(
            select(its.id).where(its.target == self.target, its.owner == place.owner, its.path == list(place.path))
        ).scalar()
        if found is None and make:
            found = insert_one(
                connection,
                tables.place,
                target=self.target,
                owner=place.owner,
                path=list(place.path),
                role=place.role,
            )
        if found is not None:
            self._places[place] = found
        return found


def _mark(connection: Connection, place_id: int | None, mark: Mark, run: int) -> int:
    return insert_one(
        connection, tables.mark, place_id=place_id, epoch=mark.epoch, next=mark.next, mails=mark.count, run_id=run
    )


def _receipt(number: DispatchId, receipt: Receipt, how: str, run: int) -> dict[str, Any]:
    epoch, _, uid = (receipt.ref or "").rpartition(":")
    return {
        "dispatch_id": number,
        "epoch": int(epoch) if receipt.ref else None,
        "number": int(uid) if receipt.ref else None,
        "sent": receipt.sent,
        "size": receipt.size,
        "headers": receipt.headers,
        "flags": sorted(receipt.flags),
        "lost": sorted(receipt.lost),
        "repairs": list(receipt.repairs),
        "how": how,
        "run_id": run,
    }


def _delivered(row: Any) -> Delivered:
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
