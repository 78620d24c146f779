"""What databases and disks throw becomes one of our errors, and a run outlives what can be outlived."""

import errno
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import IntegrityError

from migrator.errors import Outage
from migrator.staging import tables
from migrator.staging.store import Staging, insert_one
from tests.roads import bodies_at, mail, road

INBOX = ("INBOX",)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_or_quota_is_an_outage(staging: Staging, number: int) -> None:
    with pytest.raises(Outage) as caught, staging.writing():
        raise OSError(number, "no")
    assert caught.value.reason.code == "staging.no-room"
    assert caught.value.reason.params["answer"] == errno.errorcode[number]


def test_what_is_our_own_mistake_stays_a_bug(staging: Staging) -> None:
    with pytest.raises(FileNotFoundError), staging.writing():
        raise FileNotFoundError(errno.ENOENT, "no")
    with pytest.raises(IntegrityError), staging.writing() as connection:
        insert_one(connection, tables.mark, place_id=1, epoch=1, next=1, mails=None, run_id=1)


def test_no_row_stands_in_the_text_of_an_error(staging: Staging) -> None:
    with pytest.raises(IntegrityError) as caught, staging.writing() as connection:
        insert_one(connection, tables.decision, scope="item", verdict="keep", by="sato", why="canary", at=None)
    assert "canary" not in str(caught.value).splitlines()[0]
    assert "canary" not in repr(caught.value.statement)


@pytest.mark.parametrize("word", ["nul\0nul", "lone \ud800 surrogate", "\\x00 as it was", "見積書"])
def test_any_text_can_be_written_and_asked_for(staging: Staging, word: str) -> None:
    its = tables.setback
    with staging.run("load") as run, staging.writing() as connection:
        insert_one(connection, its, run_id=run.id, account=word, path=[word], code="x", params={word: word})
    with staging.reading() as connection:
        row = connection.execute(select(its).where(its.c.account == word, its.c.path == [word])).one()
    assert (row.path, row.params) == ([word], {word: word})


def test_a_database_that_somebody_else_keeps_busy_is_waited_for_and_then_told(tmp_path: Path) -> None:
    with Staging.open("sqlite:///staging.db", folder=tmp_path) as staging:
        staging.engine.dispose()
        staging.engine = create_engine(staging.engine.url, connect_args={"timeout": 0.1})
        with sqlite3.connect(tmp_path / "staging.db", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Outage) as caught:
                staging.begin_run("load")
            other.execute("ROLLBACK")
        other.close()
        staging.engine.dispose()
    assert caught.value.reason.code == "staging.busy"


@pytest.mark.postgresql
@pytest.mark.parametrize("moment", [1, 2, 9])
def test_a_load_goes_on_when_the_database_server_has_cut_every_connection(
    postgres_url: str, tmp_path: Path, moment: int
) -> None:
    passed = 0

    def interrupt(_: str) -> None:
        nonlocal passed
        passed += 1
        if passed == moment:
            admin = create_engine(postgres_url)
            with admin.connect() as connection:
                others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                connection.execute(text(others + " AND pid <> pg_backend_pid()"))
            admin.dispose()

    with road() as way, Staging.open(postgres_url, folder=tmp_path) as staging:
        for number in range(25):
            way.old.add("sato", INBOX, mail(str(number)))
        way.extract(staging)
        way.new.interrupt = interrupt
        way.load(staging)
        assert passed >= moment
        assert bodies_at(way.new, "sato", *INBOX) == bodies_at(way.old, "sato", *INBOX)
        assert way.ledger(staging).closed
