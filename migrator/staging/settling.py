"""What `migrator settle` writes down: receipts that are bound again, and surplus copies that are taken back."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import exists, func, insert, literal, select

from migrator.model import Flag, Mark, Place
from migrator.staging import tables
from migrator.staging.outbox import Outbox
from migrator.staging.sightings import DispatchId, Shelf
from migrator.staging.store import insert_one

SURPLUS = "surplus"
"""The kind of an intent that takes back a copy no receipt holds; one that takes back a receipt's is `withdraw`."""


def sent_from(shelf: Shelf, place: Place, digest: str, epoch: int) -> int | None:
    """The number from which on copies of a mail can be ours: the place's next one before we first sent it there."""
    its = tables.dispatch.c
    with shelf.staging.reading() as connection:
        return connection.execute(
            select(func.min(tables.mark.c.next))
            .join(tables.dispatch, its.mark_id == tables.mark.c.id)
            .join(tables.item, tables.item.c.id == its.item_id)
            .where(its.place_id == shelf.place_id(place), tables.item.c.digest == digest)
            .where(tables.mark.c.epoch == epoch)
        ).scalar()


class Settling(Outbox):
    """A mailbox that is put in order."""

    def bind_again(self, place: Place, first: Mark, found: Sequence[tuple[DispatchId, str, frozenset[Flag]]]) -> None:
        """The place has a new epoch: these refs are our receipts' now, and `first` is how far it had come before us."""
        with self._staging.writing() as connection:
            self._lease.hold(connection)
            self._mark(connection, place, first)
            if found:
                self._amend(connection, place, found)
        self._run.count("bound", len(found))

    def intend(self, dispatch: DispatchId, detail: Mapping[str, Any]) -> int:
        """Write down that a surplus copy is about to be taken back; the intent's number, of an older one if it was
        never carried out."""
        for number, (_, known) in self.open_intents().items():
            if known["ref"] == detail["ref"] and known["place"] == detail["place"]:
                return number
        with self._staging.writing() as connection:
            self._lease.hold(connection)
            return insert_one(
                connection,
                tables.intent,
                dispatch_id=dispatch,
                kind=SURPLUS,
                detail=dict(detail),
                run_id=self._run.id,
                fence=self._lease.fence,
            )

    def open_intents(self) -> dict[int, tuple[DispatchId, Mapping[str, Any]]]:
        """Surplus copies that were about to be taken back, and nobody wrote down what became of it."""
        its = tables.intent.c
        with self._staging.reading() as connection:
            rows = connection.execute(
                select(its.id, its.dispatch_id, its.detail)
                .join(tables.dispatch, tables.dispatch.c.id == its.dispatch_id)
                .join(tables.place, tables.place.c.id == tables.dispatch.c.place_id)
                .where(tables.place.c.target == self.target, tables.place.c.owner == self.owner, its.kind == SURPLUS)
                .where(~exists(select(literal(1)).where(tables.outcome.c.intent_id == its.id)))
                .order_by(its.id)
            )
            return {row.id: (row.dispatch_id, row.detail) for row in rows}

    def outcome(self, intent: int, kind: str) -> None:
        """What became of an intent: done, gone or touched."""
        with self._staging.writing() as connection:
            self._lease.hold(connection)
            connection.execute(insert(tables.outcome).values(intent_id=intent, kind=kind, detail={}))
        self._run.count("withdrawn", kind != "touched")
