"""Databases that live: each is read on one connection, in one transaction that cannot write and sees one moment.

Every cell comes as the bytes that the database keeps, numbers and dates as it writes them in a dump, so that a mapping
reads a dump and the living database alike. Nothing is held but a few rows.
"""

import difflib
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from sqlalchemy import URL, Connection, create_engine, inspect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from adapters.groupware.config import Database
from adapters.groupware.rows.shape import LONGEST, BrokenLine, Cells, File, Line, Wanted, broken
from migrator.errors import MigratorError, Outage, Reason, UsageError
from migrator.nearby import is_here, postgresql_is_here
from migrator.text import storable

PATIENCE = 15
"""Seconds until a server that does not answer counts as away."""

LARGE, SMALL = 8, 1000
"""Rows that are fetched together, where they may hold whole mails and where not."""

ABSENT = ("42P01", 1146)
"""What PostgreSQL and MySQL say of a table that is not there."""

REFUSED = (1044, 1045, 1049, 1130, 1227, 1698, 3118)
"""What MySQL and MariaDB say of a login that will be no better tomorrow."""

NOT_NOW = ("57P01", "57P02", "57P03", "53300", "40001", "40P01", 1040, 1053, 1203, 1205, 2003, 2006, 2013, 2055)
"""What either says when only this moment is wrong."""


class Databases:
    """The databases of one source, each opened when it is first asked."""

    def __init__(self, known: Mapping[str, Database]) -> None:
        self._known = known
        self._open: dict[str, Snapshot] = {}

    def snapshot(self, name: str) -> "Snapshot":
        """The database as it was when it was first asked. Raises UsageError, Outage."""
        if name not in self._known:
            near = ", ".join(difflib.get_close_matches(name, self._known, n=1) or sorted(self._known)) or "-"
            raise UsageError(Reason("database.unnamed", name=name, nearest=near))
        if name not in self._open:
            self._open[name] = Snapshot(name, self._known[name])
        return self._open[name]

    def identity(self) -> str:
        """Which databases these are, whoever logs in."""
        told = [(name, _url(name, each)) for name, each in sorted(self._known.items())]
        return "".join(f";{name}={url.host or ''}:{url.port or ''}/{url.database or ''}" for name, url in told)

    def end(self) -> None:
        """Let go of every connection; whoever asks again sees a later moment."""
        while self._open:
            self._open.popitem()[1].close()


class Snapshot:
    """One moment of a database."""

    def __init__(self, name: str, database: Database) -> None:
        self._name = name
        url = _url(name, database)
        if database.password is not None:
            url = url.set(password=database.password.reveal().get_secret_value())
        self._dialect = _DIALECTS[url.get_backend_name()]
        try:
            self._engine = create_engine(
                url,
                connect_args=self._dialect.arguments(url),
                hide_parameters=True,
                isolation_level="REPEATABLE READ",
                execution_options={"no_parameters": True},
            )
            self._connection = self._engine.connect()
            self._dialect.begin(self._connection)
        except ModuleNotFoundError as error:
            raise UsageError(Reason("database.no-driver", name=name, driver=str(error.name))) from error
        except DBAPIError as error:
            raise _told(name, error, self._dialect.refused(error)) from None

    def close(self) -> None:
        """End the transaction."""
        self._connection.invalidate()
        self._connection.close()
        self._engine.dispose()

    def rows(
        self, file: File, owner: str | None, table: str, wanted: Wanted, charset: str
    ) -> Iterator[Line | BrokenLine]:
        """The wanted columns of every row, in the order of the key. Raises UsageError, Outage."""
        name = self._quoted(*([owner] if owner else []), table)
        try:
            kinds = self._kinds(name)
        except DBAPIError as error:
            if _code(error) not in ABSENT:
                raise _told(self._name, error) from None
            raise UsageError(
                Reason("groupware.table-absent", file=file.path, table=table, there=self._tables(owner))
            ) from None
        if missing := next((column for column in wanted.columns if column not in kinds), None):
            there = storable(", ".join(kinds))
            raise UsageError(Reason("groupware.column-missing", file=file.path, column=missing, there=there))
        cells = Cells(wanted.columns, wanted, charset)
        statement, batch = self._select(name, kinds, wanted), LARGE if wanted.raw else SMALL
        try:
            streaming = self._connection.execution_options(stream_results=True, max_row_buffer=batch)
            with closing(streaming.exec_driver_sql(statement)) as result:
                for number, (*row, long) in enumerate(result, 1):
                    if long:
                        yield broken(file, number, repr(row), "groupware.mail-endless", limit=LONGEST)
                    else:
                        yield cells.line(number, [bytes(cell or b"") for cell in row])
        except DBAPIError as error:
            raise _told(self._name, error) from None

    def _select(self, name: str, kinds: Mapping[str, Any], wanted: Wanted) -> str:
        """A row with a cell of more bytes than any mail comes without it, and says so in its last column."""
        quoted = {column: self._quoted(column) for column in wanted.columns}
        sizes = [f"coalesce(octet_length({quoted[column]}), 0)" for column in wanted.columns if column in wanted.raw]
        long = f"({' + '.join(sizes)} > {LONGEST})" if sizes else "(1 = 0)"
        told = []
        for column, text in quoted.items():
            cell = self._dialect.cell(text, kinds[column])
            told.append(f"case when {long} then null else {cell} end" if column in wanted.raw else cell)
        order = ", ".join(quoted[column] for column in wanted.key)
        # Every name is quoted by the dialect, and comes from the mapping alone.
        return f"select {', '.join([*told, long])} from {name}" + (f" order by {order}" if order else "")  # noqa: S608

    def _quoted(self, *names: str) -> str:
        return ".".join(self._connection.dialect.identifier_preparer.quote_identifier(name) for name in names)

    def _kinds(self, name: str) -> dict[str, Any]:
        """The columns of a table or view, and what the driver calls their types."""
        result = self._connection.exec_driver_sql(f"select * from {name} where 1 = 0")  # noqa: S608 - quoted
        with closing(result):
            return {each[0]: each[1] for each in result.cursor.description}

    def _tables(self, owner: str | None) -> str:
        self._connection.rollback()
        return storable(", ".join(sorted(inspect(self._connection).get_table_names(owner))))


class _PostgreSql:
    def arguments(self, url: URL) -> dict[str, Any]:
        alive = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
        safe = {} if "sslmode" in url.query or postgresql_is_here(url.host, url.query) else {"sslmode": "require"}
        return {"connect_timeout": PATIENCE, "client_encoding": "utf8", **alive, **safe}

    def begin(self, connection: Connection) -> None:
        connection.execution_options(postgresql_readonly=True)
        for name, value in (("timezone", "UTC"), ("datestyle", "ISO"), ("bytea_output", "hex")):
            self._set(connection, name, value)
        for name in ("statement_timeout", "idle_in_transaction_session_timeout", "transaction_timeout"):
            self._set(connection, name, "0")

    def _set(self, connection: Connection, name: str, value: str) -> None:
        """Old servers do not know all of them."""
        connection.exec_driver_sql(
            f"select set_config(name, '{value}', false) from pg_settings where lower(name) = '{name}'"  # noqa: S608
        )

    def cell(self, column: str, kind: Any) -> str:
        if kind == 17:  # bytea
            return column
        text = f"cast({column} as text)"
        if kind == 16:  # boolean: t and f, as in a dump
            text = f"substr({text}, 1, 1)"
        return f"convert_to({text}, getdatabaseencoding())"

    def refused(self, error: DBAPIError) -> bool:
        """Whether the server itself has said no. libpq tells no code of a connection that was not made."""
        connection = getattr(error.orig, "pgconn", None)
        answer = str(error.orig)
        asked = connection is not None and (connection.used_password or connection.needs_password)
        return asked or "pg_hba.conf" in answer or ("FATAL" in answer and "too many" not in answer)


class _MySql:
    def arguments(self, url: URL) -> dict[str, Any]:
        safe = is_here(url.host or "localhost") or any(word.startswith("ssl") for word in url.query)
        there = {} if safe else {"ssl": {"check_hostname": False}}
        return {"connect_timeout": PATIENCE, "read_timeout": 3600, "charset": "utf8mb4", **there}

    def begin(self, connection: Connection) -> None:
        connection.exec_driver_sql("set time_zone = '+00:00'")
        connection.exec_driver_sql("start transaction with consistent snapshot, read only")

    def cell(self, column: str, kind: Any) -> str:
        return f"cast({column} as binary)"

    def refused(self, error: DBAPIError) -> bool:
        return _code(error) in REFUSED


_DIALECTS: Mapping[str, _PostgreSql | _MySql] = {
    "postgresql": _PostgreSql(),
    "mysql": _MySql(),
    "mariadb": _MySql(),
}


def _url(name: str, database: Database) -> URL:
    """Raises UsageError for what is no URL of a database that we can read."""
    try:
        url = make_url(database.url)
        url.get_dialect()
    except ModuleNotFoundError as error:
        raise UsageError(Reason("database.no-driver", name=name, driver=str(error.name))) from error
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise UsageError(Reason("database.bad-url", name=name)) from None
    if url.get_backend_name() not in _DIALECTS:
        raise UsageError(Reason("database.bad-url", name=name))
    return url


def _code(error: DBAPIError) -> str | int | None:
    """What the server calls it: MySQL's number, or PostgreSQL's SQLSTATE."""
    first = error.orig.args[0] if error.orig is not None and error.orig.args else None
    state: str | None = getattr(error.orig, "sqlstate", None)
    return first if isinstance(first, int) else state


def _told(name: str, error: DBAPIError, refused: bool = False) -> MigratorError:
    """What the engine does about it: a refusal is never repeated. Of the answer only the first line is shown."""
    code = _code(error)
    answer = storable(str(error.orig).strip().partition("\n")[0])[:200]
    if refused:
        return UsageError(Reason("database.login-refused", name=name, answer=answer))
    if code is None or code in NOT_NOW or error.connection_invalidated:
        return Outage(Reason("database.away", name=name, answer=answer))
    return UsageError(Reason("database.refused", name=name, answer=answer))
