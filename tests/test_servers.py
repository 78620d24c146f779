"""The servers tests lean on are what they claim to be."""

import psycopg
from sqlalchemy.engine import make_url


def _connect(url: str) -> psycopg.Connection:
    parts = make_url(url)
    return psycopg.connect(host=str(parts.query["host"]), user=parts.username, dbname=parts.database, autocommit=True)


def test_each_test_has_an_empty_database_of_its_own(postgres_url: str) -> None:
    with _connect(postgres_url) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        connection.execute("CREATE TABLE left_behind (n int)")
    assert tables == (0,)


def test_a_second_test_does_not_see_what_the_first_left(postgres_url: str) -> None:
    with _connect(postgres_url) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        connection.execute("CREATE TABLE left_behind (n int)")
    assert tables == (0,)


def test_durability_is_off_unless_a_connection_asks_for_it(postgres_url: str) -> None:
    with _connect(postgres_url) as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("off",)
