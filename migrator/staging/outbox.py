"""One mailbox at one target: what is still to be sent there, what was sent, and what became of it.

Everything is written under the lease's fence, in one transaction: a run that lost its lease can no longer write.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, exists, insert, literal, select

from migrator.model import Flag, ItemId, Mark, Parcel, Place, Raw, Receipt, Refused, Role, Sighting
from migrator.staging import tables
from migrator.staging.locks import Lease
from migrator.staging.sightings import DispatchId, Shelf
from migrator.staging.states import flags_of, unanswered, verdict_of
from migrator.staging.store import Run, Staging, insert_one, take_ids


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


class Outbox(Shelf):
    """A mailbox that is written to, by several lanes at once; under its lease, so that only one run can."""

    def __init__(self, staging: Staging, run: Run, target: str, owner: str, lease: Lease) -> None:
        super().__init__(staging, target, owner)
        self._run = run
        self._lease = lease
        self.answered = 0
        """How many dispatches have been answered in this run."""
        self._places: dict[Place, int] = {}

    def letters(self, items: Sequence[ItemId]) -> list[Letter]:
        """The mails themselves, in the order asked for. Bound the bytes you ask for at once."""
        with self._staging.reading() as connection:
            rows = {row.id: row for row in connection.execute(_letters(), {"items": items})}
            raws = self._staging.blobs.raws(connection, [row.digest for row in rows.values()])
        return [
            Letter(
                item=row.id,
                raw=raws[row.digest],
                flags=frozenset(row.flags),
                received_at=row.received_at,
                decision=row.verdict,
            )
            for row in map(rows.__getitem__, items)
        ]

    # -- what happens to it --

    def place(self, place: Place, mark: Mark) -> None:
        """Note a place that exists at the target; at its first time also how far it had come before us."""
        with self._staging.reading() as connection:
            if self._place_id(connection, place) is not None:
                return
        with self._staging.writing() as connection:
            self._lease.hold(connection)
            _mark(connection, self._place_id(connection, place, make=True), mark, self._run.id)

    def dispatch(self, place: Place, mark: Mark, letters: Sequence[Letter]) -> list[tuple[DispatchId, Parcel]]:
        """Write down that these are about to be sent, before the first byte goes out; the parcels to send."""
        with self._staging.writing() as connection:
            self._lease.hold(connection)
            place_id = self._place_id(connection, place, make=True)
            mark_id = _mark(connection, place_id, mark, self._run.id)
            numbers = take_ids(connection, tables.dispatch, len(letters))
            connection.execute(
                insert(tables.dispatch),
                [
                    {
                        "id": number,
                        "item_id": letter.item,
                        "place_id": place_id,
                        "mark_id": mark_id,
                        "decision": letter.decision,
                        "run_id": self._run.id,
                        "fence": self._lease.fence,
                    }
                    for number, letter in zip(numbers, letters, strict=True)
                ],
            )
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
            self._lease.hold(connection)
            if receipts:
                connection.execute(insert(tables.receipt), receipts)
            if refusals:
                connection.execute(insert(tables.refusal), refusals)
        self.answered += len(receipts) + len(refusals)
        self._run.count("loaded", len(receipts))
        self._run.count("refused", len(refusals))

    def recall(self, dispatches: Collection[DispatchId]) -> None:
        """These never arrived, and it is certain: they are to be sent again."""
        if not dispatches:
            return
        with self._staging.writing() as connection:
            self._lease.hold(connection)
            connection.execute(
                insert(tables.recall), [{"dispatch_id": each, "run_id": self._run.id} for each in dispatches]
            )
        self._run.count("recalled", len(dispatches))

    def moved(self, place: Place, found: Sequence[tuple[DispatchId, Sighting]]) -> None:
        """These lie in another place than they were sent to, or got a ref only now."""
        if not found:
            return
        with self._staging.writing() as connection:
            self._lease.hold(connection)
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
            self._lease.hold(connection)
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
                found.setdefault(
                    Place(self.owner, tuple(row.path), None if row.role is None else Role(row.role)), []
                ).append(
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

    # -- inside --

    def _place_id(self, connection: Connection, place: Place, *, make: bool = False) -> int | None:
        if place in self._places:
            return self._places[place]
        its = tables.place.c
        found = connection.execute(
            select(its.id).where(its.target == self.target, its.owner == place.owner, its.path == list(place.path))
        ).scalar()
        if found is not None:
            self._places[place] = found
        elif make:  # not remembered: the transaction may yet be rolled back
            found = insert_one(
                connection,
                tables.place,
                target=self.target,
                owner=place.owner,
                path=list(place.path),
                role=place.role,
            )
        return found


@cache
def _letters() -> Select[Any]:
    """What a letter is made of, for `items`; made once, because to make it takes longer than to ask it."""
    its = tables.item
    return select(
        its.c.id,
        its.c.digest,
        its.c.received_at,
        flags_of(its.c.artefact_id, its).label("flags"),
        verdict_of(its.c.artefact_id, its).label("verdict"),
    ).where(its.c.id.in_(bindparam("items", expanding=True)))


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
