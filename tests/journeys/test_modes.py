"""A migration folder is its owner's alone, whatever the umask and whatever was there before (laws.md §7)."""

import os
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from migrator.cli import main
from migrator.errors import Outage, UsageError
from migrator.model import Raw
from migrator.nearby import postgresql_is_here
from migrator.settings import private
from migrator.staging import blobs
from migrator.staging.blobs import Pieces, compress
from migrator.staging.locks import alone
from migrator.staging.store import Staging, make_url
from tests.servers import absent, postgres

SETTINGS = """
[staging]
url = "sqlite:///staging.db"
blobs = "{blobs}"

[source]
adapter = "eml"
root = "{old}"

[targets.new]
adapter = "eml"
root = "new"
"""


@pytest.fixture(autouse=True)
def careless() -> Iterator[None]:
    """An administrator whose umask is 000."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    folder = tmp_path / "old" / "sato" / "INBOX"
    folder.mkdir(parents=True)
    (folder / "1.eml").write_bytes(b"Subject: small\r\n\r\ntext\r\n")
    (folder / "2.eml").write_bytes(b"Subject: large\r\n\r\n" + b"text\r\n" * 1000)
    return tmp_path / "old"


Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    def command(*words: str) -> str:
        os.umask(0)
        assert main(["--dir", str(tmp_path / "move"), *words]) == 0
        return capfd.readouterr().err

    return command


def modes(folder: Path) -> dict[str, int]:
    """Everything there that others have a right to, or that is not simply its owner's to read and write."""
    wanted = {path: 0o700 if path.is_dir() else 0o600 for path in (folder, *folder.rglob("*"))}
    found = {path: stat.S_IMODE(path.stat().st_mode) for path in wanted}
    return {str(path.relative_to(folder)): mode for path, mode in found.items() if mode != wanted[path]}


def write_settings(folder: Path, old: Path, where: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "migration.toml").write_text(SETTINGS.format(old=old, blobs=where))


@pytest.mark.parametrize("where", ["database", "packs"])
def test_a_whole_migration_leaves_nothing_open(
    run: Run, old: Path, tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs, "LARGE", 2000)
    before = {path: path.stat().st_mode for path in old.rglob("*")}
    write_settings(tmp_path / "move", old, where)
    for words in (["extract"], ["judge"], ["load", "new"], ["verify", "new"], ["ledger"], ["doctor"]):
        run(*words)
        assert modes(tmp_path / "move") == {}, words
    assert {path.suffix for path in (tmp_path / "move").rglob("*")} >= {".toml", ".db", ".lock"}
    assert {path: path.stat().st_mode for path in old.rglob("*")} == before


@pytest.mark.parametrize("there", [False, True])
def test_init_makes_a_private_folder_of_whatever_is_there(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "move"
    if there:
        (folder / "mappings" / "filters").mkdir(parents=True)
        (folder / "mappings" / "mine.toml").touch()
    assert main(["init", str(folder)]) == 0
    assert modes(folder) == {}


def test_a_demo_that_is_kept_is_private(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pymap")
    assert main(["demo", str(tmp_path / "demo")]) == 0
    assert modes(tmp_path / "demo") == {}


def test_what_stood_open_is_shut_and_told_once(run: Run, old: Path, tmp_path: Path) -> None:
    folder = tmp_path / "move"
    write_settings(folder, old, "packs")
    run("extract")
    for name in ("mappings/stores", "reports/2026"):
        (folder / name).mkdir(parents=True)
        (folder / name / "a file").touch()
    (folder / "staging.db.lock").touch()
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    assert "[settings.folder-shut]" in run("check", "new")
    assert modes(folder) == {}
    assert "[settings.folder-shut]" not in run("check", "new")


def test_settings_that_others_may_read_are_shut_too(run: Run, old: Path, tmp_path: Path) -> None:
    write_settings(tmp_path / "move", old, "database")
    run("status")
    (tmp_path / "move" / "migration.toml").chmod(0o644)
    run("status")
    assert modes(tmp_path / "move") == {}


def test_a_folder_that_is_not_ours_to_shut_is_refused(tmp_path: Path) -> None:
    (tmp_path / "move").mkdir()
    user, folder = os.geteuid(), tmp_path / "move" if os.geteuid() == 0 else Path("/")
    if user == 0:
        for path in (tmp_path, *tmp_path.parents[:-2]):
            path.chmod(0o755)
        os.seteuid(65534)
    try:
        with pytest.raises(UsageError) as caught:
            private(folder)
    finally:
        os.seteuid(user)
    assert caught.value.reason.code == "settings.folder-open-to-others"


@pytest.mark.parametrize("packs", [False, True])
def test_staging_is_private_by_itself_while_it_is_written(tmp_path: Path, packs: bool) -> None:
    tmp_path.chmod(0o700)
    where = tmp_path / "packs" if packs else "database"
    with Staging.open("sqlite:///staging.db", folder=tmp_path, blobs=where) as staging, alone(staging, "extract"):
        pieces = Pieces.of(Raw.of(b"Subject: hello\r\n\r\ntext\r\n"))
        with staging.writing() as connection:
            assert pieces.body is not None
            staging.blobs.put(connection, 1, [pieces], {pieces.body_digest: compress(pieces.body)})
        names = {path.name for path in tmp_path.iterdir()}
        assert {"staging.db", "staging.db-wal", "staging.db-shm", "staging.db.lock"} <= names
        assert modes(tmp_path) == {}


# -- PostgreSQL --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("postgresql+psycopg:///gw", True),
        ("postgresql+psycopg://localhost/gw", True),
        ("postgresql+psycopg://127.0.0.2:5433/gw", True),
        ("postgresql+psycopg://[::1]/gw", True),
        ("postgresql+psycopg:///gw?host=/run/postgresql", True),
        ("postgresql+psycopg://db.example.co.jp/gw", False),
        ("postgresql+psycopg://10.0.0.5/gw", False),
        ("postgresql+psycopg://localhost.example.co.jp/gw", False),
        ("postgresql+psycopg:///gw?host=/run/postgresql,db.example.co.jp", False),
        ("postgresql+psycopg:///gw?host=localhost&host=db.example.co.jp", False),
        ("postgresql+psycopg://localhost/gw?hostaddr=10.0.0.5", False),
        ("postgresql+psycopg:///gw?service=gw", False),
        ("postgresql+psycopg://localhost/gw?sslmode=disable", True),
    ],
)
def test_only_a_socket_or_loopback_goes_without_tls(url: str, here: bool) -> None:
    parsed = make_url(url)
    assert postgresql_is_here(parsed.host, parsed.query) == here


@pytest.mark.parametrize("name", ["PGHOST", "PGHOSTADDR", "PGSERVICE"])
def test_the_environment_leads_no_connection_out_without_tls(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "10.0.0.5")
    assert not postgresql_is_here(None, {})


@pytest.mark.postgresql
def test_a_server_beyond_this_computer_that_speaks_no_tls_is_not_spoken_to(tmp_path: Path) -> None:
    folder = postgres.programs()
    if folder is None:
        absent("PostgreSQL", "apt-get install -y --no-install-recommends postgresql")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with postgres.server(folder, "listen_addresses=127.0.0.1", port=port):
        for host, mode in (
            ("127.0.0.1", ""),
            ("127.1", ""),
            ("127.1", "?sslmode=disable"),
            ("127.1", "?sslmode=prefer"),
        ):
            url = f"postgresql+psycopg://postgres@{host}:{port}/postgres{mode}"
            if host == "127.0.0.1":
                with Staging.open(url, folder=tmp_path):
                    continue
            with pytest.raises(Outage) as caught, Staging.open(url, folder=tmp_path):  # 127.1: no loopback by its form
                pass
            assert caught.value.reason.code == "staging.unreachable"
