"""The schema: built by migrations or from the tables, it is the same; and it is as durable as the laws ask."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, create_engine, text

import migrator.staging.migrations
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
