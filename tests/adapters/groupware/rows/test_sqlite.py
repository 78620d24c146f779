"""A source's database is read from a copy, with all that its journals hold; nothing is ever written beside it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from adapters.groupware.rows.shape import File, NoTable, Wanted
from adapters.groupware.rows.sqlite import Sqlite
from migrator.errors import UsageError
from migrator.model import Raw, Unreadable
from migrator.testing import mail
from tests.adapters.groupware.builder import items, snapshot
from tests.adapters.groupware.rows.reading import rows
from tests.adapters.groupware.test_layouts import Disk

FIFTY = [f"insert into mail values ({number}, 'old', 1, zeroblob(3000))" for number in range(50)]  # noqa: S608
FORM = Sqlite(type="sqlite", path="gw.db", table="Mail")


@contextmanager
def database(path: Path, *statements: str) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("create table mail (id integer primary key, subject, size real, body blob)")
        for statement in statements:
            connection.execute(statement)
        yield connection


def test_cells_are_text_whatever_their_type_and_bytes_where_bytes_are_wanted(tmp_path: Path) -> None:
    insert = (
        "insert into mail values (7, '件名', 1.5, x'00ff'), (8, null, null, null), (9, cast(x'8cff' as text), 0, 'abc')"
    )
    with database(tmp_path / "gw.db", insert):
        pass
    assert rows(FORM, (tmp_path / "gw.db").read_bytes(), raw=["body"]) == [
        ["7", "件名", "1.5", b"\x00\xff"],
        ["8", "", "", b""],
        ["9", "\udc8c\udcff", "0.0", b"abc"],
    ]


def test_text_may_be_in_another_charset(tmp_path: Path) -> None:
    with database(tmp_path / "gw.db", "insert into mail values (7, cast(x'8c8f' as text), 1, '')"):
        pass
    form = FORM.model_copy(update={"charset": "cp932"})
    assert rows(form, (tmp_path / "gw.db").read_bytes(), "subject") == [["件"]]


def test_what_stands_only_in_the_journal_is_read_too(tmp_path: Path) -> None:
    with database(tmp_path / "gw.db", "pragma journal_mode = wal", "insert into mail values (7, 'new', 1, '')"):
        data, journal = (tmp_path / "gw.db").read_bytes(), (tmp_path / "gw.db-wal").read_bytes()
    assert rows(FORM, data, "subject", beside={"-wal": journal}) == [["new"]]


def test_a_half_done_change_is_rolled_back_in_the_copy(tmp_path: Path) -> None:
    with database(tmp_path / "gw.db", *FIFTY) as writer:
        writer.execute("pragma cache_size = 1")
        writer.execute("begin")
        writer.execute("update mail set subject = 'torn'")
        data, journal = (tmp_path / "gw.db").read_bytes(), (tmp_path / "gw.db-journal").read_bytes()
    assert ["torn"] in rows(FORM, data, "subject"), "else this test shows nothing"
    assert rows(FORM, data, "subject", beside={"-journal": journal}) == [["old"]] * 50


def test_a_damaged_page_leaves_the_rows_before_it(tmp_path: Path) -> None:
    with database(tmp_path / "gw.db", *FIFTY):
        pass
    data = bytearray((tmp_path / "gw.db").read_bytes())
    data[-20_000:] = b"\xaa" * 20_000
    read = rows(FORM, bytes(data), "id")
    assert read[-1] == "groupware.database-damaged"
    assert read[:-1] == [[str(number)] for number in range(len(read) - 1)]
    assert len(read) > 20


@pytest.mark.parametrize(
    "data", [b"no database", b"SQLite format 3\0" + bytes(3), b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_what_is_no_database_is_told_as_such(data: bytes) -> None:
    with pytest.raises(NoTable) as caught, FORM.open(File("gw.db", Raw.of(data)), Wanted(())):
        pass
    assert caught.value.reason.code == "groupware.database-damaged"


def test_a_table_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with database(tmp_path / "gw.db"):
        pass
    with pytest.raises(UsageError) as caught:
        rows(FORM.model_copy(update={"table": "mails"}), (tmp_path / "gw.db").read_bytes())
    assert dict(caught.value.reason.params) == {"file": "table", "table": "mails", "there": "mail"}


WEBMAIL = r"""
mapping = 1
name = "webmail"

[tables.users]
rows = { type = "sqlite", path = "gw.db", table = "users" }
key = ["login"]
columns = { login = "login" }

[tables.folders]
rows = { type = "sqlite", path = "gw.db", table = "folders" }
key = ["user", "name"]
joins = [{ table = "users", on = { user = "login" } }]
columns = { user = "user", name = "name" }

[tables.mails]
rows = { type = "sqlite", path = "gw.db", table = "mail" }
key = ["id"]
joins = [{ table = "users", on = { user = "login" } }, { table = "folders", on = { user = "user", folder = "name" } }]
columns = { id = "id", user = "user", folder = "folder" }

[accounts]
table = "users"
name = "login"

[folders]
table = "folders"
path = "name"

[[messages]]
table = "mails"
container = { type = "file", path = "spool/{user}/{id}" }
"""


def test_a_store_with_a_database_is_migrated_and_is_afterwards_as_it_was(tmp_path: Path) -> None:
    disk = Disk(tmp_path, WEBMAIL)
    disk.write("spool/sato/7", mail("seven"))
    disk.write("spool/sato/8", mail("eight"))
    with closing(sqlite3.connect(disk.root / "gw.db", isolation_level=None)) as live:
        live.execute("pragma journal_mode = wal")
        for table in ("users (login)", "folders (user, name)", "mail (id, user, folder)"):
            live.execute(f"create table {table}")
        live.execute("insert into users values ('sato')")
        live.execute("insert into folders values ('sato', '受信箱')")
        live.execute("insert into mail values (7, 'sato', '受信箱'), (8, 'sato', '受信箱')")
        before = snapshot(disk.root)
        found = disk.look()
        assert snapshot(disk.root) == before
    assert [each.key for each in items(found)] == ["mails:7", "mails:8"]
    assert not [each for all_ in found.values() for each in all_ if isinstance(each, Unreadable)]


def test_bytes_that_the_charset_writes_in_two_ways_stay_as_they_are(tmp_path: Path) -> None:
    nec = bytes.fromhex("ed40 8790 81e0".replace(" ", ""))
    with database(tmp_path / "gw.db", f"insert into mail values (7, 's', 1, cast(x'{nec.hex()}' as text))"):  # noqa: S608
        pass
    form = FORM.model_copy(update={"charset": "cp932"})
    assert rows(form, (tmp_path / "gw.db").read_bytes(), "body", raw=["body"]) == [[nec]]
