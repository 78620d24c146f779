"""One mailbox at one target: what is still to be sent there, what was sent, and what became of it.

Everything is written under the lease's fence, in one transaction: a run that lost its lease can no longer write.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, exists, func, insert, literal, select

from migrator.model import Flag, ItemId, Mark, Parcel, Place, Raw, Receipt, Refused
from migrator.staging import tables
from migrator.staging.locks import Lease
from migrator.staging.noted import note_dispatches
from migrator.staging.sightings import Candidate, DispatchId, Shelf
from migrator.staging.states import flags_of, verdict_of
from migrator.staging.store import Run, Staging, insert_one, take_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A staged mail that is to be sent: its raw, flags and date, and the decision that lets it go."""

    item: ItemId
    raw: Raw
    flags: frozenset[Flag]
    received_at: datetime
    decision: str


class Outbox(Shelf):
    """A mailbox that is written to, by several lanes at once; under its lease, so that only one run can."""

    def __init__(self, staging: Staging, run: Run, target: str, owner: str, lease: Lease) -> None:
        super().__init__(staging, target, owner)
        self._run = run
        self._lease = lease
        self.answered = 0
        """How many dispatches have been answered in this run."""
        self._places: dict[Place, int] = {}
        self._epochs: dict[Place, int] = {}

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

    def epoch(self, place: Place) -> int | None:
        """The epoch in which our receipts at a place are bound. Remembered: under our lease nobody else changes it."""
        if place not in self._epochs:
            first = self.first_mark(place)
            if first is None:
                return None
            self._epochs[place] = first.epoch
        return self._epochs[place]

    # -- what happens to it --

    def place(self, place: Place, mark: Mark) -> None:
        """Note a place that exists at the target; at its first time also how far it had come before us."""
        if self.epoch(place):  # 0 says that it was gone
            return
        self._epochs.pop(place, None)
        with self._staging.writing() as connection:
            self._lease.hold(connection)
            _mark(connection, self._place_id(connection, place, make=True), mark, self._run.id)

    def dispatch(self, place: Place, mark: Mark, letters: Sequence[Letter]) -> list[tuple[DispatchId, Parcel]]:
        """Write down that these are about to be sent, before the first byte goes out; the parcels to send."""
        with self._staging.writing() as connection:
            numbers = self._note(connection, place, mark, letters)
        return [
            (
                number,
                Parcel(
                    item=letter.item,
                    place=place,
                    raw=letter.raw,
                    flags=letter.flags,
                    received_at=letter.received_at,
                    token=self.token(number),
                ),
            )
            for number, letter in zip(numbers, letters, strict=True)
        ]

    def _note(
        self, connection: Connection, place: Place, mark: Mark, mails: Sequence[Letter | Candidate]
    ) -> list[DispatchId]:
        """Dispatch rows under our lease, and the mark they began from; their numbers."""
        self._lease.hold(connection)
        place_id = self._place_id(connection, place, make=True)
        mark_id = _mark(connection, place_id, mark, self._run.id)
        numbers = take_ids(connection, tables.dispatch, len(mails))
        connection.execute(
            insert(tables.dispatch),
            [
                {
                    "id": number,
                    "item_id": each.item,
                    "place_id": place_id,
                    "mark_id": mark_id,
                    "decision": each.decision,
                    "run_id": self._run.id,
                    "fence": self._lease.fence,
                }
                for number, each in zip(numbers, mails, strict=True)
            ],
        )
        return numbers

    def may_send(self) -> None:
        """Raises AccountError where another run has taken over; just before the first byte goes out."""
        self._lease.long_enough(self._staging)

    def answer(self, outcomes: Iterable[tuple[DispatchId, Receipt | Refused]], how: str = "answered") -> None:
        """Write down what the target said."""
        receipts: list[dict[str, Any]] = []
        refusals: list[dict[str, Any]] = []
        became: list[tuple[DispatchId, dict[str, Any]]] = []
        for number, answer in outcomes:
            became.append((number, _became(answer)))
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
        note_dispatches(self._staging, self._run, became)

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
        note_dispatches(self._staging, self._run, [(each, {"became": "recalled"}) for each in dispatches])

    def found(self, sent_to: Place, lies_in: Place, found: Sequence[tuple[DispatchId, Receipt]]) -> None:
        """Mail in doubt was seen: where it was sent to, or where somebody has moved it since."""
        if not found:
            return
        at_home = sent_to == lies_in
        with self._staging.writing() as connection:
            self._lease.hold(connection)
            connection.execute(
                insert(tables.receipt),
                [
                    _receipt(number, each if at_home else replace(each, ref=None), "found", self._run.id)
                    for number, each in found
                ],
            )
            if not at_home:
                self._amend(connection, lies_in, [(number, each.ref, each.flags) for number, each in found])
        self._run.count("loaded", len(found))
        note_dispatches(
            self._staging, self._run, [(number, _became(each) | {"how": "found"}) for number, each in found]
        )

    def bind(self, place: Place, found: Sequence[tuple[DispatchId, str, frozenset[Flag]]]) -> None:
        """These got a ref only now; the flags are still those their receipts knew."""
        if not found:
            return
        with self._staging.writing() as connection:
            self._lease.hold(connection)
            self._amend(connection, place, found)

    def bind_again(self, place: Place, first: Mark, found: Sequence[tuple[DispatchId, str, frozenset[Flag]]]) -> None:
        """The place has a new epoch: these refs are our receipts' now, and `first` is how far it had come before us."""
        self._epochs.pop(place, None)
        with self._staging.writing() as connection:
            self._lease.hold(connection)
            _mark(connection, self._place_id(connection, place), first, self._run.id)
            if found:
                self._amend(connection, place, found)
        self._run.count("bound", len(found))

    def _amend(
        self, connection: Connection, place: Place, found: Iterable[tuple[DispatchId, str | None, frozenset[Flag]]]
    ) -> None:
        place_id = self._place_id(connection, place)
        connection.execute(
            insert(tables.amendment),
            [
                {
                    "dispatch_id": number,
                    "place_id": place_id,
                    **_ref(ref),
                    "flags": sorted(flags),
                    "why": "bound",
                    "run_id": self._run.id,
                }
                for number, ref, flags in found
            ],
        )

    def resend(self, dispatches: Collection[DispatchId]) -> None:
        """A person's word: these are sent again, although they may have arrived."""
        if not dispatches:
            return
        with self._staging.writing() as connection:
            self._lease.hold(connection)
            for table in (tables.recall, tables.retry):
                connection.execute(
                    insert(table), [{"dispatch_id": each, "run_id": self._run.id} for each in dispatches]
                )
        self._run.count("resent", len(dispatches))
        note_dispatches(self._staging, self._run, [(each, {"became": "resent"}) for each in dispatches])

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

    # -- what a place gave out --

    def came(self, place: Place, mark_id: int) -> int:
        """The next number of a place as we knew it when another place's mark was taken."""
        its = tables.mark.c
        first = self.first_mark(place)
        assert first is not None
        with self._staging.reading() as connection:
            known = connection.execute(
                select(func.max(its.next))
                .where(its.place_id == self._place_id(connection, place), its.epoch == first.epoch)
                .where(its.id <= mark_id)
            ).scalar()
        return first.next if known is None else int(known)

    def accounted(self, place: Place, least: int) -> tuple[set[int], list[int]]:
        """The numbers of a place, from `least` on, that mails of ours have had there, whether or not they are still
        seen; and for each mail of ours whose number there nobody told, the least that it can have been."""
        its, amended, answered = tables.dispatch.c, tables.amendment.c, tables.receipt.c
        first = self.first_mark(place)
        assert first is not None
        with self._staging.reading() as connection:
            here = self._place_id(connection, place)
            sent = (
                select(answered.number, tables.mark.c.next)
                .join(tables.dispatch, its.id == answered.dispatch_id)
                .join(tables.mark, tables.mark.c.id == its.mark_id)
                .where(its.place_id == here, tables.mark.c.epoch == first.epoch)
            )
            told = exists(
                select(literal(1)).where(
                    amended.dispatch_id == its.id, amended.place_id == here, amended.why == "bound"
                )
            )
            untold = list(connection.execute(sent.where(answered.number.is_(None), ~told)))
            bound = select(amended.number).where(amended.place_id == here, amended.epoch == first.epoch)
            numbers = {
                *connection.execute(sent.where(answered.number >= least)).scalars(),
                *connection.execute(bound.where(amended.number >= least)).scalars(),
            }
            taken_back = connection.execute(
                select(tables.intent.c.detail)
                .join(tables.dispatch, its.id == tables.intent.c.dispatch_id)
                .where(its.place_id == here, tables.intent.c.kind == "surplus")
            ).scalars()
            refs = [detail["ref"].split(":") for detail in taken_back]
        numbers |= {int(number) for epoch, number in refs if int(epoch) == first.epoch}
        return numbers, [row.next for row in untold]

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


def _became(answer: Receipt | Refused) -> dict[str, Any]:
    """What the log says of it."""
    match answer:
        case Receipt(ref=ref):
            return {"became": "loaded", "ref": ref}
        case Refused(reason=reason):
            return {"became": "refused", "why": reason}


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
    return {
        "dispatch_id": number,
        **_ref(receipt.ref),
        "sent": receipt.sent,
        "size": receipt.size,
        "headers": receipt.headers,
        "flags": sorted(receipt.flags),
        "lost": sorted(receipt.lost),
        "repairs": list(receipt.repairs),
        "how": how,
        "run_id": run,
    }


def _ref(ref: str | None) -> dict[str, int | None]:
    epoch, _, number = (ref or "").rpartition(":")
    return {"epoch": int(epoch) if ref else None, "number": int(number) if ref else None}
