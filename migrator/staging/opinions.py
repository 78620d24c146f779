"""What is thought of the mails: proposals by the filter, decisions by people. Both only grow; the newest counts."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, case, exists, func, insert, select

from migrator.errors import Reason, UsageError
from migrator.mail.streams import StreamKey, streams_meant
from migrator.model import ItemId, Proposal, Verdict
from migrator.staging import tables
from migrator.staging.states import TAKEN_BACK, newest_item, parked_by
from migrator.staging.store import Run, Staging, now


@contextmanager
def deciding(staging: Staging) -> Iterator[Connection]:
    """One transaction of a person's decisions, and nobody else's at the same time: so a higher number is a later one,
    and whoever looks before he decides looks at all there is."""
    with staging.writing() as connection:
        if not staging.sqlite:
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("decisions", 0))))
        yield connection


def propose(staging: Staging, run: Run, ruleset: str, proposals: Iterable[tuple[ItemId, Proposal]]) -> None:
    """Write down what the filter thinks."""
    rows = [
        {
            "item_id": item,
            "ruleset": ruleset,
            "verdict": each.verdict,
            "guard": each.guard,
            "orders": each.orders,
            "score": each.score,
            "rules": list(each.rules),
            "reasons": [{"code": reason.code, "params": dict(reason.params)} for reason in each.reasons],
            "run_id": run.id,
        }
        for item, each in proposals
    ]
    if rows:
        with staging.writing() as connection:
            connection.execute(insert(tables.proposal), rows)


def decide_by_itself(staging: Staging, artefacts: Mapping[int, Verdict], *, why: str) -> None:
    """What `auto` says of these artefacts from now on."""
    rows = [
        {**_decision("auto", verdict, "auto", why), "artefact_id": artefact} for artefact, verdict in artefacts.items()
    ]
    if rows:
        with staging.writing() as connection:
            connection.execute(insert(tables.decision), rows)


class Unit(NamedTuple):
    """What people decide about at once: a sender or list without its orders, or its orders."""

    stream: StreamKey
    orders: bool = False

    @property
    def scope(self) -> str:
        """As it stands in a decision."""
        return "orders" if self.orders else "sender"


def decided_units(staging: Staging) -> dict[Unit, tuple[Verdict, str, str]]:
    """The decision in force wherever somebody decided: verdict, by whom, and why."""
    its = tables.decision.c
    with staging.reading() as connection:
        rows = connection.execute(
            select(its.scope, its.sender, its.verdict, its.by, its.why)
            .where(its.scope.in_(("sender", "orders")))
            .order_by(its.id)
        )
        newest = {Unit(row.sender, row.scope == "orders"): row for row in rows}
    return {unit: (Verdict(row.verdict), row.by, row.why) for unit, row in newest.items() if row.verdict != TAKEN_BACK}


def decide_item(staging: Staging, item: ItemId, verdict: Verdict, *, by: str, why: str) -> None:
    """A person's word on one mail. Raises UsageError where there is no such item."""
    with deciding(staging) as connection:
        artefact = connection.execute(select(tables.item.c.artefact_id).where(tables.item.c.id == item)).scalar()
        if artefact is None:
            raise UsageError(Reason("item.unknown", item=item))
        connection.execute(insert(tables.decision).values(**_decision("item", verdict, by, why), artefact_id=artefact))


@dataclass(frozen=True, slots=True)
class Decided:
    """The sender or list about which a person decided, how many staged mails it is, and how many orders it is not."""

    stream: StreamKey
    mails: int
    orders_left: int


def decide_stream(
    staging: Staging, words: str, verdict: Verdict, *, by: str, why: str, orders: bool = False
) -> Decided:
    """A person's word on the sender or list that these words mean, for mail that comes later too; on its orders as
    well, unless it parks: those are parked by `orders` alone. Raises UsageError where nothing is from there."""
    with deciding(staging) as connection:
        stream = _meant(connection, words)
        units = [Unit(stream, orders)] if orders or verdict == Verdict.PARK else [Unit(stream), Unit(stream, True)]
        connection.execute(
            insert(tables.decision),
            [{**_decision(unit.scope, verdict, by, why), "sender": unit.stream} for unit in units],
        )
        rest, about_orders = _counted(connection, stream)
    if orders:
        return Decided(stream, about_orders, 0)
    if verdict == Verdict.PARK:
        return Decided(stream, rest, about_orders)
    return Decided(stream, rest + about_orders, 0)


def _meant(connection: Connection, words: str) -> StreamKey:
    its = tables.item.c.stream
    for stream in streams_meant(words):
        if connection.execute(select(exists().where(its == stream))).scalar():
            return stream
    raise UsageError(Reason("sender.unknown", sender=words))


def _counted(connection: Connection, stream: StreamKey) -> tuple[int, int]:
    """Mails of a stream that are not about orders, and those that are, in their newest versions."""
    newest, its, said = newest_item(), tables.item.c, tables.proposal.c
    last = select(said.orders).where(said.item_id == its.id).order_by(said.id.desc()).limit(1).scalar_subquery()
    found = connection.execute(
        select(func.count(), func.coalesce(func.sum(case((last, 1), else_=0)), 0))
        .select_from(tables.item)
        .join(newest, newest.c.item_id == its.id)
        .where(its.stream == stream)
    ).one()
    return found[0] - found[1], found[1]


@dataclass(frozen=True, slots=True)
class Restored:
    """How many mails are no longer parked, and those that still are, each with whose word does it: item or source."""

    mails: int
    left: list[tuple[ItemId, str]]


def restore_item(staging: Staging, item: ItemId, *, by: str, why: str) -> Restored:
    """A person wants one parked mail after all, whoever parked it. Raises UsageError where there is no such item."""
    with staging.reading() as connection:
        artefact = connection.execute(select(tables.item.c.artefact_id).where(tables.item.c.id == item)).scalar()
    if not _parked(staging, tables.item.c.artefact_id == artefact):
        if artefact is None:
            raise UsageError(Reason("item.unknown", item=item))
        return Restored(0, [])
    decide_item(staging, item, Verdict.KEEP, by=by, why=why)
    return Restored(1, [])


def restore_stream(staging: Staging, words: str, *, by: str, why: str) -> Restored:
    """A person wants the parked mail of a sender or list after all, and what comes later. What a person parked one by
    one stays, and what the source took back. Raises UsageError where nothing is from there."""
    with staging.reading() as connection:
        its = tables.item.c.stream == _meant(connection, words)
    before = _parked(staging, its)
    decide_stream(staging, words, Verdict.KEEP, by=by, why=why)
    left = _parked(staging, its)
    return Restored(len(before) - len(left), left)


def _parked(staging: Staging, which: ColumnElement[bool]) -> list[tuple[ItemId, str]]:
    newest, its = newest_item(), tables.item
    scope = parked_by(its.c.artefact_id, its).label("scope")
    rows = select(its.c.id, scope).join(newest, newest.c.item_id == its.c.id).where(which).subquery()
    with staging.reading() as connection:
        found = connection.execute(select(rows.c.id, rows.c.scope).where(rows.c.scope.is_not(None)).order_by(rows.c.id))
        return [(row.id, row.scope) for row in found]


def _decision(scope: str, verdict: Verdict, by: str, why: str) -> dict[str, Any]:
    return {"scope": scope, "verdict": verdict, "by": by, "why": why, "at": now()}


def decisions(staging: Staging, artefact: int, stream: StreamKey) -> list[dict[str, Any]]:
    """Every decision that was ever made about a mail, oldest first."""
    its = tables.decision.c
    with staging.reading() as connection:
        rows = connection.execute(
            select(its.id, its.scope, its.sender, its.verdict, its.by, its.why, its.at)
            .where((its.artefact_id == artefact) | (its.sender == stream))
            .order_by(its.id)
        )
        return [dict(row._mapping) for row in rows]
