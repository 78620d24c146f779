"""What is thought of the mails: proposals by the filter, decisions by people. Both only grow; the newest counts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, select

from migrator.errors import Reason, UsageError
from migrator.model import ItemId, Proposal, Verdict
from migrator.staging import tables
from migrator.staging.states import TAKEN_BACK, newest_item, parked_by, sender_of
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


def decided_senders(staging: Staging) -> dict[str, tuple[Verdict, str, str]]:
    """The decision in force for each sender and list about which somebody decided: verdict, by whom, and why."""
    its = tables.decision.c
    with staging.reading() as connection:
        rows = connection.execute(
            select(its.sender, its.verdict, its.by, its.why).where(its.scope == "sender").order_by(its.id)
        )
        newest = {row.sender: row for row in rows}
    return {
        sender: (Verdict(row.verdict), row.by, row.why) for sender, row in newest.items() if row.verdict != TAKEN_BACK
    }


def decide_item(staging: Staging, item: ItemId, verdict: Verdict, *, by: str, why: str) -> None:
    """A person's word on one mail. Raises UsageError where there is no such item."""
    with deciding(staging) as connection:
        artefact = connection.execute(select(tables.item.c.artefact_id).where(tables.item.c.id == item)).scalar()
        if artefact is None:
            raise UsageError(Reason("item.unknown", item=item))
        connection.execute(insert(tables.decision).values(**_decision("item", verdict, by, why), artefact_id=artefact))


def decide_sender(staging: Staging, sender: str, verdict: Verdict, *, by: str, why: str) -> int:
    """A person's word on a sender or list, for mail that comes later too; how many staged mails it touches."""
    its = tables.item
    with deciding(staging) as connection:
        named = (its.c.sender == sender) | (its.c.list_id == sender)
        touched = len(connection.execute(select(its.c.id).where(named)).all())
        if not touched:
            raise UsageError(Reason("sender.unknown", sender=sender))
        connection.execute(insert(tables.decision).values(**_decision("sender", verdict, by, why), sender=sender))
    return touched


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


def restore_sender(staging: Staging, sender: str, *, by: str, why: str) -> Restored:
    """A person wants the parked mail of a sender or list after all, and what comes later. What a person parked one by
    one stays, and what the source took back. Raises UsageError where nothing is from there."""
    its = sender_of(tables.item) == sender
    before = _parked(staging, its)
    decide_sender(staging, sender, Verdict.KEEP, by=by, why=why)
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


def decisions(staging: Staging, artefact: int, senders: Sequence[str]) -> list[dict[str, Any]]:
    """Every decision that was ever made about a mail, oldest first."""
    its = tables.decision.c
    with staging.reading() as connection:
        rows = connection.execute(
            select(its.id, its.scope, its.sender, its.verdict, its.by, its.why, its.at)
            .where((its.artefact_id == artefact) | its.sender.in_(list(senders)))
            .order_by(its.id)
        )
        return [dict(row._mapping) for row in rows]
