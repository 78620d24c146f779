"""What of ours ought still to lie at a target, and what lies there that no dispatch explains (laws.md §1.6, §1.8).

Words for the guard before a load, and for a person who confirms what the guard has stopped at.
"""

import random
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import exists, func, insert, literal, select

from migrator.model import ItemId, Mark, Place, Receipt
from migrator.staging import tables
from migrator.staging.intents import meant
from migrator.staging.noted import note_dispatches
from migrator.staging.outbox import Outbox, _mark, _receipt
from migrator.staging.sightings import Candidate, Delivered, DispatchId, delivered_of, place_of
from migrator.staging.states import placed, verdict_of
from migrator.staging.store import Staging, take_ids

SAMPLE, BLOCK = 100, 25
"""Receipts that are looked for at every start, and how many of them at a stretch: neighbours are seen at one glance."""

PAGE = 500

NOWHERE = Mark(0, 1, 0)
"""The mark of a place that is not there: no place has the epoch 0 (RFC 9051 §2.3.1.1, nz-number)."""


Adoption = tuple[Candidate, Receipt]
"""A mail, and the receipt for what lies there and equals it."""


class Custody(Outbox):
    """An outbox that also knows what was there before it sent anything, and what else came since."""

    def newest_mark(self, place: Place) -> Mark | None:
        """How far the place had come when we last looked before a sending; None where we never did."""
        its = tables.mark.c
        with self._staging.reading() as connection:
            row = connection.execute(
                select(its.epoch, its.next, its.mails)
                .where(its.place_id == self._place_id(connection, place))
                .order_by(its.id.desc())
                .limit(1)
            ).first()
        return None if row is None else Mark(row.epoch, row.next, row.mails)

    def candidates(self, items: Collection[ItemId], message_ids: Iterable[str | None]) -> list[Candidate]:
        """Those of these items that have one of these Message-IDs (None: none at all), by their numbers."""
        wanted, ids = set(items), set(message_ids)
        if not wanted or not ids:
            return []
        named = sorted(each for each in ids if each is not None)
        its = tables.item.c
        narrowed = [its.message_id.in_(named[at : at + PAGE]) for at in range(0, len(named), PAGE)]
        narrowed += [its.message_id.is_(None)] if None in ids else []
        found: list[Candidate] = []
        with self._staging.reading() as connection:
            for where in narrowed:
                rows = connection.execute(
                    select(
                        its.id,
                        its.digest,
                        its.size,
                        its.message_id,
                        its.received_at,
                        verdict_of(its.artefact_id, tables.item).label("decision"),
                    ).where(where, its.id.between(min(wanted), max(wanted)))
                )
                found += [
                    Candidate(
                        item=row.id,
                        digest=row.digest,
                        size=row.size,
                        message_id=row.message_id,
                        received_at=row.received_at,
                        decision=row.decision,
                    )
                    for row in rows
                    if row.id in wanted
                ]
        return sorted(found, key=lambda each: each.item)

    # -- by a person's word --

    def adopt(self, place: Place, mark: Mark, found: Sequence[Adoption]) -> None:
        """These lie in the place already, one to one: dispatch and receipt at once, and nothing is sent for them.

        The mark is the place's as it is now: what lies below it came by no dispatch of ours.
        """
        if not found:
            return
        with self._staging.writing() as connection:
            numbers = self._note(connection, place, mark, [candidate for candidate, _ in found])
            connection.execute(
                insert(tables.receipt),
                [
                    _receipt(number, receipt, "adopted", self._run.id)
                    for number, (_, receipt) in zip(numbers, found, strict=True)
                ],
            )
        self._run.count("adopted", len(found))
        note_dispatches(self._staging, self._run, [(number, {"became": "adopted"}) for number in numbers])

    def renew(self, place: Place, mark: Mark | None) -> None:
        """The place is another one than it was, or gone: its account begins anew with this mark."""
        self._epochs.pop(place, None)
        with self._staging.writing() as connection:
            self._lease.hold(connection)
            _mark(connection, self._place_id(connection, place), mark or NOWHERE, self._run.id)

    def found_again(
        self,
        place: Place,
        receipts: Sequence[tuple[DispatchId, Receipt]],
        doubts: Sequence[tuple[DispatchId, Receipt]],
    ) -> None:
        """The mail of these receipts, and of these dispatches in doubt, lies in this place now, under these refs."""
        if not receipts and not doubts:
            return
        with self._staging.writing() as connection:
            self._lease.hold(connection)
            place_id = self._place_id(connection, place)
            if doubts:
                rows = [_receipt(number, receipt, "found", self._run.id) for number, receipt in doubts]
                connection.execute(insert(tables.receipt), rows)
            amendments = [
                {
                    "dispatch_id": number,
                    "place_id": place_id,
                    "epoch": row["epoch"],
                    "number": row["number"],
                    "flags": row["flags"],
                    "why": "bound",
                    "run_id": self._run.id,
                }
                for number, receipt in (*receipts, *doubts)
                for row in (_receipt(number, receipt, "found", self._run.id),)
            ]
            connection.execute(insert(tables.amendment), amendments)
        self._run.count("bound", len(receipts) + len(doubts))

    def give_up(self, receipts: Collection[DispatchId], doubts: Collection[DispatchId]) -> None:
        """The mail of these lies nowhere, because what held it is no more: it is to be sent again.

        Written down as a withdrawal that found it gone, so that no receipt is ever deleted.
        """
        if not receipts and not doubts:
            return
        with self._staging.writing() as connection:
            self._lease.hold(connection)
            if receipts:
                numbers = take_ids(connection, tables.intent, len(receipts))
                connection.execute(
                    insert(tables.intent),
                    [
                        {
                            "id": number,
                            "dispatch_id": dispatch,
                            "kind": "withdraw",
                            "detail": {"confirmed": True},
                            "run_id": self._run.id,
                            "fence": self._lease.fence,
                        }
                        for number, dispatch in zip(numbers, receipts, strict=True)
                    ],
                )
                connection.execute(
                    insert(tables.outcome),
                    [{"intent_id": number, "kind": "gone", "detail": {"confirmed": True}} for number in numbers],
                )
            if doubts:
                connection.execute(
                    insert(tables.recall), [{"dispatch_id": each, "run_id": self._run.id} for each in doubts]
                )
        self._run.count("given_up", len(receipts) + len(doubts))


def sample(staging: Staging, target: str, owner: str, choose: random.Random) -> list[tuple[Place, list[Delivered]]]:
    """Some receipts in force of a mailbox, by place, a few stretches of neighbours; all of them where there are few.

    What a person has confirmed to be missing is not asked for again, nor what we ourselves were about to change when a
    run was killed.
    """
    here, its, found = placed(), tables.dispatch.c, tables.finding.c
    confirmed = exists(
        select(literal(1))
        .where(found.dispatch_id == here.c.dispatch_id, found.kind.in_(["missing", "place"]))
        .join(tables.run, tables.run.c.id == found.run_id)
        .where(tables.run.c.step == "confirm")
    )
    mine = select(tables.place.c.id).where(tables.place.c.target == target, tables.place.c.owner == owner)
    query = (
        select(here, tables.item.c.received_at, tables.item.c.message_id, tables.place.c.path, tables.place.c.role)
        .join(tables.item, tables.item.c.id == here.c.item_id)
        .join(tables.place, tables.place.c.id == here.c.place_id)
        .where(here.c.place_id.in_(mine), here.c.number.is_not(None), ~confirmed, ~meant(here.c.dispatch_id))
        .order_by(here.c.dispatch_id)
    )
    with staging.reading() as connection:
        low, high = connection.execute(select(func.min(its.id), func.max(its.id)).where(its.place_id.in_(mine))).one()
        rows = list(connection.execute(query.limit(SAMPLE)))
        stretches = [rows]
        if len(rows) == SAMPLE:
            starts = [choose.randint(low, max(low, high - BLOCK)) for _ in range(SAMPLE // BLOCK)]
            stretches = [
                list(connection.execute(query.where(here.c.dispatch_id >= start).limit(BLOCK))) for start in starts
            ]
    chosen: list[tuple[Place, list[Delivered]]] = []
    for stretch in stretches:
        by_place: dict[Place, list[Delivered]] = {}
        for row in stretch:
            by_place.setdefault(place_of(owner, row), []).append(delivered_of(row))
        chosen += by_place.items()
    return chosen


def suddenly_empty(staging: Staging, source: str) -> bool:
    """Whether a source without any artefact would be news: staging knows it with some, and nobody has confirmed since
    that it is empty."""
    its, passes = tables.identity.c, tables.pass_
    with staging.reading() as connection:
        confirmed = connection.execute(
            select(func.max(its.run_id)).where(its.role == "source", its.name == source, its.confirmed_by.is_not(None))
        ).scalar()
        counted = select(func.max(passes.c.run_id)).join(tables.census, tables.census.c.pass_id == passes.c.id)
        seen = select(func.max(passes.c.run_id)).join(tables.artefact, tables.artefact.c.pass_id == passes.c.id)
        full = [
            connection.execute(counted.where(tables.census.c.artefacts > 0)).scalar(),
            connection.execute(seen).scalar(),
        ]
    last = max((each for each in full if each is not None), default=None)
    return last is not None and (confirmed is None or confirmed < last)
