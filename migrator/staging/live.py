"""What is going on at this moment: the runs that have not ended, how far each has come, and who is sending where.

A run remembers nothing about its speed. It is asked of the rows that it has written so far.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, null, select, text

from migrator.errors import Reason
from migrator.staging import tables
from migrator.staging.states import is_made, states
from migrator.staging.store import Staging, database_clock, lock_of_run


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """A run without an end: who began it where, and the mails and bytes that it has come to."""

    run: int
    step: str
    target: str | None
    by: str
    host: str
    pid: int
    began: datetime
    alive: bool
    """False where its process is known to be gone: it was killed, and the next run will say so."""
    mails: int
    bytes: int | None

    def rate(self, now: datetime) -> float:
        """Mails a second since it began."""
        return self.mails / max(1.0, (now - self.began).total_seconds())


def going(staging: Staging) -> list[Going]:
    """Every run that has not come to its end, oldest first."""
    its = tables.run.c
    with staging.reading() as connection:
        rows = connection.execute(
            select(its.id, its.step, its.target, its.by, its.host, its.pid, its.began)
            .where(its.ended.is_(None), its.outcome.is_(None))
            .order_by(its.id)
        ).all()
        found = []
        for row in rows:
            mails, size = _come_to(connection, row.id, row.step)
            found.append(
                Going(
                    run=row.id,
                    step=row.step,
                    target=row.target,
                    by=row.by,
                    host=row.host,
                    pid=row.pid,
                    began=row.began,
                    alive=_alive(connection, staging, row),
                    mails=mails,
                    bytes=size,
                )
            )
    return found


def _come_to(connection: Connection, run: int, step: str) -> tuple[int, int | None]:
    row = connection.execute(_WRITTEN.get(step, _written_by_load)(run)).one()
    return int(row.mails or 0), None if row.bytes is None else int(row.bytes)


def _written_by_extract(run: int) -> Select[Any]:
    of_run = select(tables.pass_.c.id).where(tables.pass_.c.run_id == run)
    return _summed(tables.item.c.size).where(tables.item.c.pass_id.in_(of_run))


def _written_by_judge(run: int) -> Select[Any]:
    return _summed().where(tables.proposal.c.run_id == run)


def _written_by_load(run: int) -> Select[Any]:
    return _summed(tables.receipt.c.size).where(tables.receipt.c.run_id == run)


def _written_by_verify(run: int) -> Select[Any]:
    its: Any = tables.run_place.c
    return select(func.sum(its.mails).label("mails"), _UNKNOWN).where(its.run_id == run)


def _written_by_undo(run: int) -> Select[Any]:
    its = tables.intent.c
    return (
        _summed()
        .join_from(tables.intent, tables.outcome, tables.outcome.c.intent_id == its.id)
        .where(its.run_id == run)
    )


def _summed(size: ColumnElement[Any] | None = None) -> Select[Any]:
    return select(func.count().label("mails"), _UNKNOWN if size is None else func.sum(size).label("bytes"))


_UNKNOWN: Any = null().label("bytes")

_WRITTEN = {
    "extract": _written_by_extract,
    "judge": _written_by_judge,
    "verify": _written_by_verify,
    "undo": _written_by_undo,
}


def _alive(connection: Connection, staging: Staging, row: Any) -> bool:
    """By the lock that dies with the run; on SQLite by its process, where that ran here. Takes no lock itself."""
    if not staging.sqlite:
        held = text(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND ((classid::bigint << 32) | objid::bigint) = hashtextextended(:lock, 0)"
        )
        return bool(connection.execute(held, {"lock": lock_of_run(row.id)}).scalar_one())
    if row.host != staging.host:
        return True
    try:
        os.kill(row.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def standings(staging: Staging, target: str, takes: Collection[str]) -> Mapping[str, Counter[str]]:
    """How many mails of each account are in which state at a target, without mails of our own making."""
    standing = states(target, takes)
    query = (
        select(tables.account.c.name, standing.c.state, func.count().label("mails"))
        .join(tables.folder, tables.folder.c.id == standing.c.folder_id)
        .join(tables.account, tables.account.c.id == tables.folder.c.account_id)
        .where(~is_made(standing.c.artefact_id))
        .group_by(tables.account.c.name, standing.c.state)
    )
    found: dict[str, Counter[str]] = defaultdict(Counter)
    with staging.reading() as connection:
        for row in connection.execute(query):
            found[row.name][row.state] = row.mails
    return found


def sending(staging: Staging, target: str) -> dict[str, int]:
    """The mailboxes of a target that a run holds at this moment, and its number."""
    its = tables.lease.c
    with staging.reading() as connection:
        held = connection.execute(select(its.scope, its.run_id).where(its.deadline > database_clock(connection)))
        return {row.scope.removeprefix(f"{target}/"): row.run_id for row in held if row.scope.startswith(f"{target}/")}


def setbacks(staging: Staging, target: str) -> dict[str, Reason]:
    """What the newest load of a target could not work on: by mailbox, the last reason."""
    newest = select(func.max(tables.run.c.id)).where(tables.run.c.step == "load", tables.run.c.target == target)
    its = tables.setback
    with staging.reading() as connection:
        rows = connection.execute(select(its).where(its.c.run_id == newest.scalar_subquery()).order_by(its.c.id))
        return {row.account: Reason(row.code, **row.params) for row in rows}
