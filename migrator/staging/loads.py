"""What one run of load did, for whoever wants to take it back."""

from sqlalchemy import select

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
