"""The schema: built by migrations or from the tables, it is the same; and it is as durable as the laws ask."""

from functools import partial
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    create_engine,
    insert,
    select,
    text,
)

import migrator.staging.migrations
from migrator.staging import tables
from migrator.staging.migrations import upgrade
from migrator.staging.store import HEAD, Staging
from migrator.staging.tables import metadata


def test_migrations_build_the_schema_that_the_tables_declare(staging: Staging) -> None:
    with staging.engine.execution_options(migrator_writes=True).begin() as connection:
        metadata.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
    upgrade(staging.engine)
    with staging.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD


def test_what_was_staged_and_decided_before_streams_is_known_by_them(staging: Staging) -> None:
    with staging.engine.execution_options(migrator_writes=True).begin() as connection:
        metadata.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
    upgrade(staging.engine, "0002")
    old = MetaData()
    old.reflect(staging.engine)
    table = old.tables
    with staging.writing() as connection:
        add = partial(_add, connection)
        add(table["run"], id=1)
        add(table["account"], id=1, name="sato")
        add(table["folder"], id=1, account_id=1)
        add(table["pass"], id=1, account_id=1, run_id=1)
        add(table["blob"], digest="b")
        add(table["raw"], digest="r", body="b")
        for number, list_id in ((1, None), (2, "News.1@list.example")):
            add(table["artefact"], id=number, folder_id=1, pass_id=1, key=str(number))
            sender = "Bounce-12345@Shop.example"
            add(table["item"], id=number, artefact_id=number, digest="r", pass_id=1, sender=sender, list_id=list_id)
            rules = '["transaction.subject"]' if list_id is None else "[]"
            add(table["proposal"], id=number, item_id=number, rules=rules, run_id=1)
            verdict = "park" if list_id is None else "keep"
            said = {"scope": "sender", "sender": list_id or sender, "verdict": verdict, "by": "", "why": "", "at": 0}
            connection.execute(insert(table["decision"]).values(**said))
    upgrade(staging.engine)
    now = tables.item.c, tables.proposal.c, tables.decision.c
    with staging.reading() as connection:
        assert connection.execute(select(now[0].stream).order_by(now[0].id)).scalars().all() == [
            "bounce-*@shop.example",
            "news.1@list.example",
        ]
        assert connection.execute(select(now[1].orders).order_by(now[1].id)).scalars().all() == [True, False]
        assert connection.execute(select(now[2].sender, now[2].scope, now[2].verdict).order_by(now[2].id)).all() == [
            ("bounce-*@shop.example", "sender", "park"),
            ("news.1@list.example", "sender", "keep"),
            ("news.1@list.example", "orders", "keep"),
        ]


def _add(connection: Connection, table: Table, **values: object) -> None:
    """A row; what is not said is empty."""
    empty = {Integer: 0, BigInteger: 0, Text: "", LargeBinary: b"", Boolean: False, Float: 0.0}
    rest = {
        column.name: next(value for kind, value in empty.items() if isinstance(column.type, kind))
        for column in table.columns
        if not column.nullable and column.name not in values
    }
    connection.execute(insert(table).values(**rest, **values))


def test_the_newest_revision_is_the_one_that_staging_asks_for() -> None:
    folder = Path(migrator.staging.migrations.__file__).parent
    assert ScriptDirectory(str(folder)).get_current_head() == HEAD


def test_both_ways_give_the_same_tables_columns_and_indexes(tmp_path: Path) -> None:
    migrated = create_engine(f"sqlite:///{tmp_path}/migrated.db")
    upgrade(migrated)
    with Staging.open("sqlite:///made.db", folder=tmp_path) as staging:
        assert _shape(migrated) == _shape(staging.engine)
    migrated.dispose()


def _shape(engine: object) -> dict[str, tuple[list[tuple[str, str, bool]], list[str]]]:
    found = MetaData()
    found.reflect(engine)  # type: ignore[arg-type]
    return {
        name: (
            sorted((column.name, str(column.type), bool(column.nullable)) for column in table.columns),
            sorted(str(index.name) for index in table.indexes),
        )
        for name, table in found.tables.items()
        if name != "alembic_version"
    }


def test_a_commit_is_on_the_disk_when_it_returns(staging: Staging) -> None:
    with staging.writing() as connection:
        if staging.sqlite:
            assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
            assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        else:
            assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"
