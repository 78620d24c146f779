"""What one run of load did, for whoever wants to take it back, or to know what it met."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, union_all

from migrator.errors import Reason, UsageError
from migrator.staging import tables
from migrator.staging.intents import SHELVE, STATE
from migrator.staging.rehearsals import of_target
from migrator.staging.store import Staging


def target_of_load(staging: Staging, run: int) -> str:
    """The target that a load went to. Raises UsageError where the run is none."""
    its = tables.run.c
    with staging.reading() as connection:
        found = connection.execute(select(its.step, its.target).where(its.id == run)).first()
    if found is None or found.step != "load":
        raise UsageError(Reason("undo.no-load", run=run))
    return str(found.target)


def owners_of_load(staging: Staging, run: int) -> list[str]:
    """The mailboxes that a load sent to, or gave rights, words or other folders."""
    place, dispatch, intent, given = tables.place.c, tables.dispatch.c, tables.intent.c, tables.entitlement.c
    sent = select(dispatch.place_id).where(dispatch.run_id == run)
    worded = select(dispatch.place_id).join(tables.intent, intent.dispatch_id == dispatch.id)
    worded = worded.where(intent.run_id == run, intent.kind.in_([STATE, SHELVE]))
    entitled = select(given.place_id).where(given.run_id == run)
    with staging.reading() as connection:
        rows = connection.execute(
            select(place.owner).where(place.id.in_(union_all(sent, worded, entitled))).distinct().order_by(place.owner)
        )
        return list(rows.scalars())


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one load was: mails and bytes that arrived, and the seconds that took."""

    mails: int
    bytes: int
    seconds: float

    def time_for(self, mails: int, size: int) -> float:
        """Seconds for so many mails and bytes, by whichever of the two takes longer."""
        return self.seconds * max(mails / self.mails, size / self.bytes)


ENOUGH = 100
"""Mails; a smaller load tells more of logging in than of sending."""


def paces(staging: Staging, target: str, newest: int = 5) -> list[Pace]:
    """The newest loads to a target, in any of its rehearsals, that were large enough to tell, and came to their end."""
    its, receipt = tables.run.c, tables.receipt.c
    loads = (
        select(its.began, its.ended, func.count().label("mails"), func.sum(receipt.size).label("bytes"))
        .join(tables.receipt, receipt.run_id == its.id)
        .where(its.step == "load", of_target(target), its.ended.is_not(None), receipt.how == "answered")
        .group_by(its.id, its.began, its.ended)
        .having(func.count() >= ENOUGH)
        .order_by(its.id.desc())
        .limit(newest)
    )
    with staging.reading() as connection:
        return [
            Pace(row.mails, max(1, int(row.bytes)), max(0.001, (row.ended - row.began).total_seconds()))
            for row in connection.execute(loads)
        ]


def left_by_newest(staging: Staging, target: str) -> Iterator[dict[str, Any]]:
    """The mails that the newest load was to amend or withdraw, and that people had changed, or that were gone."""
    its, newest = (
        tables.intent,
        select(func.max(tables.run.c.id)).where(tables.run.c.step == "load", tables.run.c.target == target),
    )
    with staging.reading() as connection:
        rows = connection.execute(
            select(
                its.c.kind.label("meant"),
                tables.outcome.c.kind,
                tables.outcome.c.detail,
                tables.dispatch.c.item_id,
                tables.place.c.owner,
                tables.place.c.path,
            )
            .join(tables.outcome, tables.outcome.c.intent_id == its.c.id)
            .join(tables.dispatch, tables.dispatch.c.id == its.c.dispatch_id)
            .join(tables.place, tables.place.c.id == tables.dispatch.c.place_id)
            .where(its.c.run_id == newest.scalar_subquery(), tables.outcome.c.kind != "done")
            .order_by(its.c.id)
        )
        for row in rows:
            moved = row.kind == "touched" and "to" in row.detail
            yield {
                "meant": row.meant,
                "outcome": "moved" if moved else row.kind,
                "item": str(row.item_id),
                "mailbox": row.owner,
                "place": "/".join(row.path),
            }
