"""One sender per target mailbox (laws.md §1.1): a lock that dies with its holder, a lease whose fence outlives it."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from migrator.errors import AccountError, Reason, UsageError
from migrator.staging import tables
from migrator.staging.store import Run, Staging, database_clock, lock_of_run, now

LEASE = 180.0
"""Seconds a lease lasts without being renewed; more than twice any adapter's socket timeout."""

ALONE = ("extract", "load", "settle", "undo", "confirm")
"""The steps of which only one may be at work on a SQLite staging."""


@contextmanager
def alone(staging: Staging, step: str) -> Iterator[None]:
    """Be the only extract, load, settle or undo on this SQLite staging. Raises UsageError naming who holds it.

    On PostgreSQL a load is alone in each target mailbox (`lease`), and an extract in the whole staging.
    """
    database = staging.database
    if database is None:
        with staging.session_lock(step) if step == "extract" else nullcontext(True) as free:
            if not free:
                raise UsageError(Reason("staging.extract-at-work"))
            bury(staging)
            yield
        return
    with os.fdopen(os.open(f"{database}.lock", os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = json.loads(file.read() or b"{}")
            raise UsageError(
                Reason(
                    "staging.locked",
                    step=str(holder.get("step", "?")),
                    host=str(holder.get("host", "?")),
                    pid=int(holder.get("pid", 0)),
                    since=str(holder.get("since", "?")),
                )
            ) from error
        file.seek(0)
        file.truncate()
        holder = {"step": step, "host": staging.host, "pid": os.getpid(), "since": now().isoformat(timespec="seconds")}
        file.write(json.dumps(holder).encode())
        file.flush()
        bury(staging)
        yield


def bury(staging: Staging) -> None:
    """Runs that never ended though nobody holds their lock were killed: say so."""
    its = tables.run.c
    with staging.writing() as connection:
        silent = select(its.id).where(its.ended.is_(None), its.outcome.is_(None))
        if staging.sqlite:  # we are alone
            dead = list(connection.execute(silent.where(its.step.in_(ALONE))).scalars())
        else:
            dead = [each for each in connection.execute(silent).scalars() if _dead(connection, each)]
        connection.execute(update(tables.run).where(its.id.in_(dead)).values(outcome="killed"))


def _dead(connection: Connection, run: int) -> bool:
    lock = func.pg_try_advisory_xact_lock(func.hashtextextended(lock_of_run(run), 0))
    return bool(connection.execute(select(lock)).scalar_one())


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to send into one target mailbox, as long as its fence is the newest."""

    scope: str
    fence: int

    def hold(self, connection: Connection) -> None:
        """Renew inside the caller's transaction, or raise AccountError: another run has taken over."""
        its = tables.lease.c
        renewed = connection.execute(
            update(tables.lease)
            .where(its.scope == self.scope, its.fence == self.fence)
            .values(deadline=database_clock(connection) + int(LEASE * 1_000_000))
        )
        if renewed.rowcount != 1:
            raise AccountError(Reason("lease.lost", mailbox=self.scope))


@contextmanager
def lease(staging: Staging, run: Run, target: str, owner: str) -> Iterator[Lease]:
    """Take the lease of one target mailbox. Raises UsageError where another run holds it and is alive."""
    scope = f"{target}/{owner}"
    with staging.session_lock(scope) as free:
        yield Lease(scope, _take(staging, run, scope, holder_is_dead=free))


def _take(staging: Staging, run: Run, scope: str, *, holder_is_dead: bool) -> int:
    its = tables.lease.c
    with staging.writing() as connection:
        clock = database_clock(connection)
        held = connection.execute(
            select(its.host, its.pid, its.fence, its.deadline).where(its.scope == scope).with_for_update()
        ).first()
        if held is not None and not holder_is_dead and held.deadline > clock:
            raise UsageError(Reason("lease.held", mailbox=scope, host=held.host, pid=held.pid))
        values = {
            "run_id": run.id,
            "host": staging.host,
            "pid": os.getpid(),
            "fence": 1 if held is None else held.fence + 1,
            "deadline": clock + int(LEASE * 1_000_000),
        }
        if held is None:
            connection.execute(insert(tables.lease).values(scope=scope, **values))
        else:
            connection.execute(update(tables.lease).where(its.scope == scope).values(**values))
        return int(values["fence"] or 0)
