"""One sender per target mailbox (laws.md §1.1): a lock that dies with its holder, a lease whose fence outlives it.

A run that is frozen keeps its lock, but cannot renew its lease: once that has run out, the next run takes over by a
higher fence, and what the frozen one writes when it wakes is refused.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from threading import Event, Thread
from typing import BinaryIO

from sqlalchemy import Connection, func, insert, select, text, update
from sqlalchemy.exc import OperationalError

from migrator.errors import AccountError, Outage, Reason, UsageError
from migrator.staging import tables
from migrator.staging.border import private_file
from migrator.staging.store import Run, Staging, database_clock, lock_of_run, now

LEASE = 180.0
"""Seconds a lease lasts without being renewed; more than twice any adapter's socket timeout."""

ALONE = ("extract", "load", "settle", "undo", "confirm")
"""The steps of which only one may be at work on a SQLite staging."""

ENDED = 0
"""The deadline of a lease that its holder gave back, or that was taken from it."""


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
    with _lock(staging, Path(f"{database}.lock")) as file:
        file.seek(0)
        file.truncate()
        holder = {"step": step, "host": staging.host, "pid": os.getpid(), "since": now().isoformat(timespec="seconds")}
        with staging.border():
            file.write(json.dumps(holder).encode())
        bury(staging)
        yield


def _lock(staging: Staging, path: Path) -> BinaryIO:
    """The file beside the database, locked. One that a frozen run holds is put aside: it keeps the lock of a file that
    is no longer there."""
    while True:
        file = os.fdopen(private_file(str(path), os.O_RDWR | os.O_CREAT), "r+b", buffering=0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            with file:
                holder = json.loads(file.read() or b"{}")
                if _put_aside(staging, path, file, holder):
                    continue
            raise UsageError(
                Reason(
                    "staging.locked",
                    step=str(holder.get("step", "?")),
                    host=str(holder.get("host", "?")),
                    pid=int(holder.get("pid", 0)),
                    since=str(holder.get("since", "?")),
                )
            ) from error
        if _is_at(path, file):
            return file
        file.close()


def _put_aside(staging: Staging, path: Path, file: BinaryIO, holder: dict[str, object]) -> bool:
    """Whether it is worth while to try again: the file's holder is frozen, or another run has put it aside.

    A run that has leases renews them as long as it can do anything at all.
    """
    its = tables.lease.c
    with staging.writing() as connection:  # nobody else can be here at the same time
        if not _is_at(path, file):
            return True
        clock = database_clock(connection)
        running = connection.execute(select(its.host, its.pid, its.deadline).where(its.deadline != ENDED)).all()
        mine = [each for each in running if (each.host, each.pid) == (holder.get("host"), holder.get("pid"))]
        if not mine or any(each.deadline >= clock for each in running):
            return False
        path.unlink()
    return True


def _is_at(path: Path, file: BinaryIO) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def bury(staging: Staging) -> None:
    """Runs that never ended though nobody holds their lock were killed: say so."""
    its = tables.run.c
    with staging.writing() as connection:
        silent = select(its.id).where(its.ended.is_(None), its.outcome.is_(None))
        if staging.sqlite:  # we are alone
            dead = list(connection.execute(silent.where(its.step.in_(ALONE))).scalars())
            leases = tables.lease.c
            connection.execute(
                update(tables.lease).where(leases.deadline != ENDED).values(fence=leases.fence + 1, deadline=ENDED)
            )
        else:
            dead = [each for each in connection.execute(silent).scalars() if _dead(connection, each)]
        connection.execute(update(tables.run).where(its.id.in_(dead)).values(outcome="killed"))


def _dead(connection: Connection, run: int) -> bool:
    if connection.dialect.name == "sqlite":  # whoever works on it is alone
        return True
    lock = func.pg_try_advisory_xact_lock(func.hashtextextended(lock_of_run(run), 0))
    return bool(connection.execute(select(lock)).scalar_one())


class Lease:
    """The right to send into one target mailbox, as long as its fence is the newest."""

    def __init__(self, scope: str, fence: int) -> None:
        self.scope = scope
        self.fence = fence
        self._until = 0.0

    def hold(self, connection: Connection) -> None:
        """Renew inside the caller's transaction, or raise AccountError: another run has taken over."""
        its = tables.lease.c
        asked = time.monotonic()
        renewed = connection.execute(
            update(tables.lease)
            .where(its.scope == self.scope, its.fence == self.fence)
            .values(deadline=database_clock(connection) + int(LEASE * 1_000_000))
        )
        if renewed.rowcount != 1:
            raise AccountError(Reason("lease.lost", mailbox=self.scope))
        self._until = asked + LEASE

    def long_enough(self, staging: Staging) -> None:
        """Half of it is left, which is more than any socket's timeout: something may be sent. Raises AccountError."""
        if self._until - time.monotonic() < LEASE / 2:
            with staging.writing() as connection:
                self.hold(connection)

    def end(self, staging: Staging) -> None:
        """Give it back, if it is still ours."""
        its = tables.lease.c
        with staging.writing() as connection:
            connection.execute(
                update(tables.lease).where(its.scope == self.scope, its.fence == self.fence).values(deadline=ENDED)
            )


@contextmanager
def lease(staging: Staging, run: Run, target: str, owner: str) -> Iterator[Lease]:
    """Take the lease of one target mailbox, and renew it as long as this process is not frozen.

    Raises UsageError where another run holds it and is alive, AccountError where this run was taken for dead.
    """
    scope = f"{target}/{owner}"
    held = Lease(scope, _take(staging, run, scope))
    over = Event()

    def renew() -> None:
        while not over.wait(LEASE / 3):
            with suppress(OperationalError, Outage):  # the next sending will see
                try:
                    with staging.writing() as connection:
                        held.hold(connection)
                except AccountError:
                    return

    renewing = Thread(target=renew, name="lease", daemon=True)
    renewing.start()
    try:
        yield held
    finally:
        over.set()
        renewing.join()
        with suppress(OperationalError, Outage):
            held.end(staging)


def _take(staging: Staging, run: Run, scope: str) -> int:
    its = tables.lease.c
    with staging.writing() as connection:
        if connection.execute(select(tables.run.c.outcome).where(tables.run.c.id == run.id)).scalar_one() is not None:
            raise AccountError(Reason("lease.lost", mailbox=scope))
        if not staging.sqlite:
            connection.execute(text("SET LOCAL lock_timeout = '10s'"))
        try:
            held = connection.execute(
                select(its.run_id, its.host, its.pid, its.fence, its.deadline)
                .where(its.scope == scope)
                .with_for_update()
            ).first()
        except OperationalError as error:
            raise UsageError(Reason("lease.frozen", mailbox=scope)) from error
        clock = database_clock(connection)
        if held is not None and held.deadline > clock and not _dead(connection, held.run_id):
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
