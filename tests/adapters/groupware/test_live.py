"""A database that lives is read as it stood at one moment, without a trace; and says what is wrong with it."""

import resource
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlalchemy import create_engine, make_url, text

from adapters.groupware import adapter
from adapters.groupware.config import Database
from adapters.groupware.live import Databases
from adapters.groupware.rows.live import LiveTable
from adapters.groupware.rows.shape import File, Line, Wanted
from migrator.cli import main
from migrator.errors import MigratorError, Outage, UsageError
from migrator.model import Account, Flag, Raw
from migrator.model import Path as FolderPath
from migrator.ports import Source
from migrator.testing import SourceContract, mail
from tests.adapters.groupware.builder import LETTERS, counted, items, reasons, walk

MAPPING = r"""
mapping = 1
name = "live"

[tables.users]
rows = { type = "database", database = "main", table = "gw_user" }
key = ["id"]
columns = { id = "id", login = "login" }

[tables.folders]
rows = { type = "database", database = "main", table = "gw_folder" }
key = ["id"]
joins = [{ table = "users", on = { user = "id" } }]
columns = { id = "id", user = "owner", path = "path" }

[tables.mails]
rows = { type = "database", database = "main", table = "gw mail" }
key = ["id"]
joins = [{ table = "users", on = { user = "id" } }, { table = "folders", on = { folder = "id" } }]
[tables.mails.columns]
id = "id"
user = "owner"
folder = "folder"
mail = { column = "本文", as = { kind = "bytes" } }
at = { column = "at", as = { kind = "date", format = "strptime", pattern = "%Y-%m-%d %H:%M:%S", zone = "+00:00" } }
marks = { column = "marks", as = { kind = "flags", written = "letters", map = { R = '\Seen', A = '\Answered', F = '\Flagged' } } }

[accounts]
table = "users"
name = "login"

[folders]
table = "folders"
path = "path"
separator = "\u001f"

[[messages]]
table = "mails"
flags = ["marks"]
received = "at"
container = { type = "cell", column = "mail" }
"""  # noqa: E501

BYTES = {"postgresql": "bytea", "mysql": "longblob"}


class LiveStore:
    """Users, folders and mails in three tables, changed by plain SQL."""

    def __init__(self, url: str, home: Path) -> None:
        self.url, self._home = url, home
        self.root: dict[str, Path] = {}
        (home / "live.toml").write_text(MAPPING, "utf-8")
        self.engine = create_engine(url)
        kind = BYTES[make_url(url).get_backend_name()]
        self.quote = self.engine.dialect.identifier_preparer.quote
        self.mails = self.quote("gw mail")
        self.run("create table gw_user (id int primary key, login varchar(200), password varchar(20))")
        self.run("create table gw_folder (id int primary key, owner int, path varchar(500))")
        self.run(
            f"create table {self.mails} (id int primary key, owner int, folder int, at timestamp null, "
            f"marks varchar(9), {self.quote('本文')} {kind})"
        )
        self._users: dict[str, int] = {}
        self._folders: dict[tuple[str, FolderPath], int] = {}
        self._number = 0

    def run(self, statement: str, **values: object) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def open(self, password: object = None, **config: object) -> AbstractContextManager[Source]:
        section = {"url": self.url, **config} | ({} if password is None else {"password": password})
        assert adapter.open_source is not None
        home = self._home
        return adapter.open_source(
            adapter.config(mapping=str(home / "live.toml"), databases={"main": section}, **self.root)
        )

    def make(self, account: str, path: FolderPath) -> None:
        if account not in self._users:
            self._users[account] = len(self._users)
            self.run("insert into gw_user values (:id, :login, 'geheim')", id=self._users[account], login=account)
        if (account, path) not in self._folders:
            number = self._folders[account, path] = len(self._folders)
            values = {"id": number, "owner": self._users[account], "path": "\x1f".join(path)}
            self.run("insert into gw_folder values (:id, :owner, :path)", **values)

    def add(self, account: str, path: FolderPath, raw: bytes, flags: frozenset[Flag], received_at: datetime) -> int:
        self.make(account, path)
        self._number += 1
        marks = "".join(sorted(LETTERS[flag] for flag in flags))
        at = received_at.astimezone(UTC).replace(tzinfo=None, microsecond=0)
        values = {"owner": self._users[account], "folder": self._folders[account, path], "at": at, "raw": raw}
        self.run(
            f"insert into {self.mails} values (:id, :owner, :folder, :at, :marks, :raw)",  # noqa: S608
            id=self._number,
            marks=marks,
            **values,
        )
        return self._number

    def remove(self, handle: int) -> None:
        self.run(f"delete from {self.mails} where id = :id", id=handle)  # noqa: S608

    def reflag(self, handle: int, flags: frozenset[Flag]) -> int:
        marks = "".join(sorted(LETTERS[flag] for flag in flags))
        self.run(f"update {self.mails} set marks = :marks where id = :id", marks=marks, id=handle)  # noqa: S608
        return handle

    def snapshot(self) -> object:
        tables = ("gw_user", "gw_folder", self.mails)
        with self.engine.connect() as connection:
            return [sorted(map(repr, connection.execute(text(f"select * from {each}")))) for each in tables]  # noqa: S608


@pytest.fixture(params=["postgres_url", "mariadb_url"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LiveStore]:
    store = LiveStore(request.getfixturevalue(request.param), tmp_path)
    yield store
    store.engine.dispose()


class TestLiveDatabase(SourceContract):
    """The same promises as every source."""

    sizes: ClassVar[bool] = True

    @pytest.fixture
    def store(self, request: pytest.FixtureRequest, postgres_url: str, tmp_path: Path) -> Iterator[LiveStore]:
        store = LiveStore(postgres_url, tmp_path)
        yield store
        store.engine.dispose()


def test_what_comes_while_we_read_is_seen_by_the_next_pass_and_not_by_half(store: LiveStore) -> None:
    store.add("sato", ("受信箱",), mail("m1"), frozenset(), SourceContract.received_at)
    with store.open() as source:
        assert [*source.accounts()] == [Account("sato")]
        store.add("sato", ("受信箱",), mail("m2"), frozenset(), SourceContract.received_at)
        store.add("suzuki", ("受信箱",), mail("m3"), frozenset(), SourceContract.received_at)
        (folder,) = source.folders(Account("sato"))
        assert [count.artefacts for count in source.census(Account("sato"))] == [1]
        assert len([*source.items(folder, after=None, known=lambda key, stamp: False)]) == 1
        assert [account.name for account in source.accounts()] == ["sato", "suzuki"]
        assert sum(count for count, _ in counted(source).values()) == 3


def test_mails_come_back_byte_for_byte_with_flags_and_dates(store: LiveStore) -> None:
    raw = bytes(range(256)) * 5
    store.add("sato", ("受信箱",), raw, frozenset({"\\Seen", "\\Flagged"}), SourceContract.received_at)
    with store.open() as source:
        (item,) = items(walk(source))
    assert item.raw.read() == raw
    assert item.flags == {"\\Seen", "\\Flagged"}
    assert [each.at for each in item.dates] == [SourceContract.received_at]


def test_nothing_can_be_written(store: LiveStore) -> None:
    live = Databases({"main": Database(url=store.url)}).snapshot("main")
    with pytest.raises(Exception, match=r"(?i)read.only"):
        live._connection.exec_driver_sql("insert into gw_user values (9, 'x', 'x')")
    live.close()


def test_a_column_that_nobody_asked_for_is_not_read(store: LiveStore) -> None:
    """A password stays where it is."""
    store.make("sato", ("受信箱",))
    live = Databases({"main": Database(url=store.url)}).snapshot("main")
    kinds = live._kinds("gw_user")
    assert "password" not in live._select("gw_user", kinds, Wanted(("id", "login")))
    live.close()


def test_a_table_or_column_that_is_not_there_is_told_by_name(store: LiveStore, tmp_path: Path) -> None:
    mapping = tmp_path / "live.toml"
    for old, new, code in (
        ('table = "gw_user"', 'table = "gw_users"', "groupware.table-absent"),
        ('login = "login"', 'login = "name"', "groupware.column-missing"),
        ('"main", table = "gw_user"', '"mein", table = "gw_user"', "database.unnamed"),
    ):
        mapping.write_text(MAPPING.replace(old, new), "utf-8")
        with store.open() as source, pytest.raises(UsageError) as caught:
            [*source.accounts()]
        assert caught.value.reason.code == code


def test_rows_stand_in_the_order_of_their_key(store: LiveStore) -> None:
    for number in (3, 1, 2):
        store.run("insert into gw_user values (:id, 'x', '')", id=number)
    databases = Databases({"main": Database(url=store.url)})
    form = LiveTable(type="database", database="main", table="gw_user")
    file = File("main:gw_user", Raw.of(b""), live=databases.snapshot("main"))
    with form.open(file, Wanted(("id",), key=("id",))) as lines:
        assert [line.cells for line in lines.rows if isinstance(line, Line)] == [["1"], ["2"], ["3"]]
    databases.end()


def test_text_stands_in_the_charset_of_the_database_and_what_is_none_costs_its_row_alone(
    postgres_server: Path, postgres_url: str, tmp_path: Path
) -> None:
    """A database in SQL_ASCII holds what its programs wrote: EUC-JP here, and one name in CP932."""
    store = LiveStore(postgres_url, tmp_path)
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(
            text("create database gw_ascii template template0 encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C'")
        )
    url = (
        make_url(postgres_url)
        .set(database="gw_ascii")
        .update_query_dict({"client_encoding": "utf8"})
        .render_as_string()
    )
    try:
        (tmp_path / "eucjp").mkdir()
        euc = LiveStore(url, tmp_path / "eucjp")
        for number, (login, charset) in enumerate((("佐藤", "euc_jp"), ("鈴木", "cp932"))):
            hexed = login.encode(charset).hex()
            euc.run(
                "insert into gw_user values (:id, convert_from(decode(:login, 'hex'), 'SQL_ASCII'), '')",
                id=number,
                login=hexed,
            )
        mapping = MAPPING.replace('table = "gw_user" }', 'table = "gw_user", charset = "euc_jp" }')
        (tmp_path / "eucjp" / "live.toml").write_text(mapping, "utf-8")
        with euc.open() as source:
            assert [account.name for account in source.accounts()] == ["佐藤", ""]
            assert reasons(walk(source)) == ["groupware.cell-undecodable"]
        euc.engine.dispose()
    finally:
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("drop database gw_ascii with (force)"))
        store.engine.dispose()


def refusal(open_: AbstractContextManager[Source]) -> MigratorError:
    with open_ as source, pytest.raises(MigratorError) as caught:
        [*source.accounts()]
    return caught.value


def test_a_server_that_is_not_there_is_an_outage(store: LiveStore) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = make_url(store.url).set(host="127.0.0.1", port=port, query={}).render_as_string()
    error = refusal(store.open(url=url))
    assert isinstance(error, Outage)
    assert error.reason.code == "database.away"


def test_a_server_that_goes_while_we_read_is_an_outage(postgres_url: str, tmp_path: Path) -> None:
    store = LiveStore(postgres_url, tmp_path)
    for number in range(50):
        store.add("sato", ("受信箱",), bytes(10**5) + b"%d" % number, frozenset(), SourceContract.received_at)
    databases = Databases({"main": Database(url=store.url)})
    file = File("main:gw mail", Raw.of(b""), live=databases.snapshot("main"))
    form = LiveTable(type="database", database="main", table="gw mail")
    with form.open(file, Wanted(("本文",), frozenset({"本文"}))) as lines:
        next(lines.rows)
        store.run("select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction'")
        with pytest.raises(Outage) as caught:
            list(lines.rows)
    assert caught.value.reason.code == "database.away"
    databases.end()
    store.engine.dispose()


def test_a_login_that_is_refused_is_told_once_and_never_shown(
    store: LiveStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GW_PASSWORD", "kanarienvogel")
    if make_url(store.url).get_backend_name() == "mysql":
        store.run("create user if not exists leser@localhost identified by 'richtig'")
        url = make_url(store.url).set(username="leser").render_as_string()
    else:
        url = make_url(store.url).set(username="niemand").render_as_string()
    error = refusal(store.open(url=url, password={"env": "GW_PASSWORD"}))
    assert isinstance(error, UsageError)
    assert error.reason.code == "database.login-refused"
    assert "kanarienvogel" not in repr(error.reason)


@pytest.mark.parametrize("url", ["sqlite:///gw.db", "nonsense", "oracle://x@y/z", "postgresql+nothing://x@y/z"])
def test_what_is_no_url_of_a_database_that_we_read_says_so(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        Databases({"main": Database(url=url)}).snapshot("main")
    assert caught.value.reason.code == "database.bad-url"


def test_a_large_table_streams_by(store: LiveStore) -> None:
    """200 MB of mails, of which a few are held at a time."""
    body = b"x" * 2**21
    for _ in range(100):
        store.add("sato", ("受信箱",), body, frozenset(), SourceContract.received_at)
    databases = Databases({"main": Database(url=store.url)})
    form = LiveTable(type="database", database="main", table="gw mail")
    wanted = Wanted(("本文",), frozenset({"本文"}))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with form.open(File("main:gw mail", Raw.of(b""), live=databases.snapshot("main")), wanted) as lines:
        assert sum(len(line.cells[0]) for line in lines.rows if isinstance(line, Line)) == 100 * 2**21
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 120_000
    databases.end()


SETTINGS = """
[source]
adapter = "groupware"
mapping = "live.toml"

[source.databases.main]
url = "{url}"
password = {{ env = "GW_PASSWORD" }}
"""


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        ({}, 0, ("mails.marks", "mails.marks")),
        ({"username": "niemand"}, 2, ("refused the login", "ログインを拒否しました")),
        ({"host": "127.0.0.1", "port": 1, "query": {}}, 75, ("does not answer", "応答がありません")),
    ],
)
def test_check_tells_in_one_line_and_both_languages_whether_the_database_can_be_read(
    change: dict[str, Any],
    code: int,
    told: tuple[str, str],
    postgres_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GW_PASSWORD", "kanarienvogel")
    store = LiveStore(postgres_url, tmp_path)
    store.add("sato", ("受信箱",), mail("m1"), frozenset(), SourceContract.received_at)
    store.engine.dispose()
    url = make_url(postgres_url).set(**change).render_as_string()
    (tmp_path / "migration.toml").write_text(SETTINGS.format(url=url), "utf-8")
    for language, sentence in zip(("en", "ja"), told, strict=True):
        for command in ("check", "extract"):
            ended = main(["--lang", language, "--dir", str(tmp_path), command])
            assert ended == code or command == "check"
            said = capsys.readouterr()
            (line,) = [line for line in (said.out + said.err).splitlines() if sentence in line] or [""]
            assert line or (code == 0 and command == "extract")
            assert "kanarienvogel" not in said.out + said.err


def test_a_store_is_another_where_it_has_a_root(store: LiveStore, tmp_path: Path) -> None:
    with store.open() as source:
        alone = source.identity()
    store.root = {"root": tmp_path}
    with store.open() as source:
        assert source.identity() != alone
