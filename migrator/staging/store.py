"""Staging: the one memory of a migration. Opens the database, keeps runs and identities, and hands out transactions.

What the steps write and ask lies beside it, by reader: walk (extract), opinions (judge, decide), outbox (load, verify),
reports (whoever only looks).
"""

import getpass
import os
import socket
import tempfile
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Table,
    create_engine,
    event,
    func,
    insert,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError

import migrator
from migrator import log
from migrator.errors import Outage, Reason, UsageError
from migrator.model import Identity
from migrator.nearby import postgresql_is_here
from migrator.staging import border, tables
from migrator.staging.blobs import Blobs
from migrator.text import storable

HEAD = "0008"
"""The newest revision in migrations/versions; the test that compares the schemas also checks this."""


class Staging:
    """A migration's database and blobs. One object a process; every method may be called from any thread."""

    def __init__(self, engine: Engine, blobs: Blobs, *, host: str | None = None) -> None:
        self.engine = engine
        self.blobs = blobs
        self.host = host or socket.gethostname()
        self.uuid = ""
        self._writing = threading.RLock()

    @classmethod
    @contextmanager
    def open(
        cls,
        url: str | URL,
        *,
        blobs: str | Path = "database",
        folder: Path | None = None,
        password: SecretStr | None = None,
    ) -> Iterator["Staging"]:
        """Open a staging database, made or brought up to date where needed.

        `folder` is the migration folder, against which relative paths count. `blobs` is "database", or a folder for
        packs; bodies above 64 MB are files in that folder, or in `blobs/` beside the database. Raises UsageError,
        Outage; so does all that is done with it later (`border`).
        """
        folder = folder or Path.cwd()
        address = _absolute(make_url(url), folder)
        if password is not None:
            address = address.set(password=password.get_secret_value())
        engine = _engine(address)
        keep = Blobs(folder / ("blobs" if blobs == "database" else blobs), packs=blobs != "database")
        staging = cls(engine, keep)
        try:
            staging._prepare()
            yield staging
        finally:
            keep.close()
            engine.dispose()

    def _prepare(self) -> None:
        if self.database is not None:
            with suppress(OSError):  # what is wrong with it, SQLite says in a moment
                os.close(border.private_file(self.database, os.O_CREAT | os.O_RDWR))
            for suffix in ("", "-wal", "-shm", ".lock"):
                border.shut(Path(f"{self.database}{suffix}"))
        border.shut_all(self.blobs.folder)
        with self.reading() as connection:
            current = _revision(connection)
        if current is None:
            self._make()
        elif current > HEAD:
            raise UsageError(Reason("staging.newer", found=current, known=HEAD))
        elif current < HEAD:
            from migrator.staging.migrations import upgrade  # alembic is slow to import and seldom needed

            with self.border():
                upgrade(self.engine)
        self.uuid = self._named() or self._name()

    def _named(self) -> str | None:
        with self.reading() as connection:
            return connection.execute(select(tables.staging.c.uuid)).scalar()

    def _name(self) -> str:
        with self.writing() as connection:
            found = connection.execute(select(tables.staging.c.uuid)).scalar()
            if found is None:  # else somebody came before us
                found = str(uuid.uuid4())
                connection.execute(insert(tables.staging).values(uuid=found, created=now()))
        return str(found)

    def _make(self) -> None:
        """The newest schema at once, without alembic; a test compares it with what the revisions build."""
        with self.writing() as connection:
            if not self.sqlite:
                connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("schema", 0))))
            if _revision(connection) is None:
                tables.metadata.create_all(connection)
                connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
                connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})

    @property
    def sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @property
    def database(self) -> Path | None:
        """The SQLite file; None on a server or in memory."""
        name = self.engine.url.database
        return Path(name) if self.sqlite and name and name != ":memory:" else None

    @property
    def home(self) -> Path | None:
        """The folder in which the mails' bytes pile up; None where a server keeps them."""
        if self.blobs.packs:
            return self.blobs.folder
        return None if self.database is None else self.database.parent

    @property
    def disks(self) -> list[Path]:
        """The folders of this machine that are written to: for the database, the blobs, and what SQLite sorts."""
        database = [] if self.database is None else [self.database.parent]
        return [*database, self.blobs.folder, Path(tempfile.gettempdir())]

    @contextmanager
    def border(self) -> Iterator[None]:
        """Whatever the database and the disks throw inside leaves as one of our errors, or as a bug."""
        try:
            yield
        except (DBAPIError, OSError) as error:
            ours = border.translated(error, self.engine.url, self.disks, self.blobs.writes)
            if ours is None:
                raise
            raise ours from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view of the database."""
        with self.border(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: what it did is on the disk when it returns, or did not happen."""
        writer = self.engine.execution_options(migrator_writes=True)
        with self._writing, self.border(), self.blobs.writing(), writer.connect() as connection, connection.begin():
            yield connection
            self.blobs.sync()

    # -- runs --

    def begin_run(
        self,
        step: str,
        target: str | None = None,
        *,
        number: int | None = None,
        counts: Mapping[str, int] | None = None,
    ) -> int:
        """A new run's number, or the one that was taken for it."""
        with self.writing() as connection:
            return insert_one(
                connection,
                tables.run,
                **({} if number is None else {"id": number}),
                step=step,
                target=target,
                began=now(),
                host=self.host,
                pid=os.getpid(),
                by=user(),
                version=migrator.__version__,
                counts=dict(counts or {}),
            )

    def end_run(self, run: int, outcome: str, counts: Mapping[str, int]) -> None:
        """How it ended: done or stopped."""
        with self.writing() as connection:
            connection.execute(
                update(tables.run)
                .where(tables.run.c.id == run)
                .values(ended=now(), outcome=outcome, counts=dict(counts))
            )

    @contextmanager
    def run(self, step: str, target: str | None = None, counts: Mapping[str, int] | None = None) -> Iterator["Run"]:
        """A run from its first to its last line; an exception is recorded as stopped, a kill as nothing. `counts` is
        what is known of it before it begins."""
        number = self._next_run()
        with self.session_lock(lock_of_run(number or 0)):  # before anybody can see the run, and take it for dead
            run = Run(self, self.begin_run(step, target, number=number, counts=counts), step, target)
            run.counts |= counts or {}
            with run.log.of(run.counts, by=user()):
                try:
                    yield run
                except BaseException:
                    with suppress(Outage):
                        self.end_run(run.id, "stopped", run.counts)
                    raise
                self.end_run(run.id, "done", run.counts)

    def _next_run(self) -> int | None:
        """A number for a run; on SQLite, where no lock needs it beforehand, the row brings its own."""
        if self.sqlite:
            return None
        with self.writing() as connection:
            return take_ids(connection, tables.run, 1)[0]

    @contextmanager
    def session_lock(self, scope: str) -> Iterator[bool]:
        """On PostgreSQL a session advisory lock, which dies with its holder; whether we got it. On SQLite always."""
        if self.sqlite:
            yield True
            return
        with self.border(), self.engine.connect() as connection:
            number = func.hashtextextended(storable(scope), 0)
            got = bool(connection.execute(select(func.pg_try_advisory_lock(number))).scalar_one())
            connection.commit()
            try:
                yield got
            finally:
                if got:
                    with suppress(Outage), self.border():  # a session that is gone holds nothing any more
                        connection.execute(select(func.pg_advisory_unlock(number)))
                        connection.commit()

    # -- identities --

    def known_identity(self, role: str, name: str, mailbox: str = "") -> Identity | None:
        """The store or server that this was last time; None at the first time."""
        its = tables.identity.c
        with self.reading() as connection:
            row = connection.execute(
                select(its.store, its.certificate)
                .where(its.role == role, its.name == name, its.mailbox == mailbox)
                .order_by(its.id.desc())
                .limit(1)
            ).first()
        return None if row is None else Identity(row.store, row.certificate)

    def known_mailboxes(self, name: str) -> set[str]:
        """The mailboxes of a target whose identity is known."""
        its = tables.identity.c
        with self.reading() as connection:
            found = connection.execute(select(its.mailbox).where(its.role == "target", its.name == name).distinct())
            return set(found.scalars())

    def record_identity(
        self,
        role: str,
        name: str,
        identity: Identity,
        *,
        mailbox: str = "",
        run: int | None = None,
        by: str | None = None,
    ) -> None:
        """This is the store or server from now on; `by` where a person said so."""
        with self.writing() as connection:
            connection.execute(
                insert(tables.identity).values(
                    role=role,
                    name=name,
                    mailbox=mailbox,
                    store=identity.store,
                    certificate=identity.certificate,
                    run_id=run,
                    confirmed_by=by,
                )
            )


class Run:
    """One invocation of a step: its number, and what it has counted so far."""

    def __init__(self, staging: Staging, number: int, step: str = "", target: str | None = None) -> None:
        self.id = number
        self.counts: dict[str, int] = {}
        self.setbacks: list[Reason] = []
        self.log = log.Voice(number, step, target)
        self._staging = staging
        self._lock = threading.Lock()

    def count(self, word: str, by: int = 1) -> None:
        with self._lock:
            self.counts[word] = self.counts.get(word, 0) + by

    def setback(self, account: str, reason: Reason, path: tuple[str, ...] | None = None) -> None:
        """A folder or account that could not be worked on in this run."""
        self.count("setbacks")
        self.setbacks.append(reason)
        self.log.setback(account, path, reason)
        with self._staging.writing() as connection:
            connection.execute(
                insert(tables.setback).values(
                    run_id=self.id, account=account, path=path, code=reason.code, params=dict(reason.params)
                )
            )


def lock_of_run(run: int) -> str:
    """The session lock that a living run holds."""
    return f"run/{run}"


def insert_one(connection: Connection, table: Table, **values: object) -> int:
    """Add one row; its number."""
    return int(connection.execute(insert(table).values(**values).returning(table.c.id)).scalar_one())


def take_ids(connection: Connection, table: Table, many: int) -> list[int]:
    """Numbers for rows that are about to be inserted: far quicker than to ask the database for them row by row."""
    if connection.dialect.name == "sqlite":
        # Nobody else can write before our transaction ends, and rows are never deleted.
        first = int(connection.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one()) + 1
        return list(range(first, first + many))
    sequence = func.pg_get_serial_sequence(table.name, "id")
    return list(connection.execute(select(func.nextval(sequence)).select_from(func.generate_series(1, many))).scalars())


def now() -> datetime:
    """The time of a run's own acts; never a mail's date."""
    return datetime.now(UTC)


def database_clock(connection: Connection) -> int:
    """Microseconds since 1970 by the database's clock, the one that all hosts share."""
    sqlite = "SELECT CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"
    postgresql = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
    return int(connection.execute(text(sqlite if connection.dialect.name == "sqlite" else postgresql)).scalar_one())


def user() -> str:
    """Who is at work, by the operating system."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _absolute(url: URL, folder: Path) -> URL:
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        return url.set(database=str(folder / url.database))
    return url


def _engine(url: URL) -> Engine:
    arguments: dict[str, Any]
    if url.get_backend_name() == "sqlite":
        arguments = {"timeout": 60, "check_same_thread": False}
        engine = create_engine(url, connect_args=arguments, hide_parameters=True, pool_use_lifo=True)
        event.listen(engine, "connect", _sqlite_connected)
        event.listen(engine, "begin", _sqlite_begins)
        return engine
    if url.get_backend_name() != "postgresql":
        raise UsageError(Reason("staging.database-unknown", name=url.get_backend_name()))
    arguments = server_arguments(url)
    return create_engine(url, connect_args=arguments, pool_size=32, max_overflow=32, hide_parameters=True)


def server_arguments(url: URL) -> dict[str, Any]:
    """What every connection to a PostgreSQL staging is told beside its URL."""
    arguments = {"options": "-c synchronous_commit=on -c timezone=UTC"}
    if not postgresql_is_here(url.host, url.query) and url.query.get("sslmode") not in {"verify-ca", "verify-full"}:
        arguments["sslmode"] = "require"  # laws.md §7: beyond a socket or loopback only with TLS
    return arguments


def _sqlite_connected(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, so that a writer can say IMMEDIATE
    for pragma in ("page_size=16384", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-8192"):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begins(connection: Connection) -> None:
    writes = connection.get_execution_options().get("migrator_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _revision(connection: Connection) -> str | None:
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
