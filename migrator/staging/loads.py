"""What one run of load did, for whoever wants to take it back, or to know what it met."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, select

from migrator.errors import Reason, UsageError
from migrator.staging import tables
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
    """The mailboxes that a load sent to."""
    with staging.reading() as connection:
        rows = connection.execute(
            select(tables.place.c.owner)
            .join(tables.dispatch, tables.dispatch.c.place_id == tables.place.c.id)
            .where(tables.dispatch.c.run_id == run)
            .distinct()
            .order_by(tables.place.c.owner)
        )
        return list(rows.scalars())


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
