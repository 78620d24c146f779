"""A PostgreSQL of our own for tests: Debian's server in a temporary folder, reached by its Unix socket alone.

It needs no port, no root and no network, works as root too (it then runs as the user `postgres` or `nobody`), and dies
with the process that started it, even when that is killed.
"""

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from tests.servers import START, absent, die_with_parent

# Nothing outlives a test, so nothing need reach the disk. Staging must ask for durability by itself, on its own
# connection: synchronous_commit is off here so that a test can see that it does.
SWIFT = (
    "listen_addresses=",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "max_connections=200",
    "timezone=UTC",
)


def programs() -> Path | None:
    """The folder of the newest PostgreSQL server's programs; MIGRATOR_TEST_POSTGRES names another."""
    if named := os.environ.get("MIGRATOR_TEST_POSTGRES"):
        return Path(named)
    found = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path).resolve().parent)
    found = [folder for folder in found if (folder / "initdb").exists() and (folder / "postgres").exists()]
    return max(found, key=_version, default=None)


def _version(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(folder))]


def _someone_else() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: the user to give its processes."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = known.get("postgres") or known["nobody"]
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextmanager
def server(folder: Path, *more: str, port: int = 5432, access: str = "") -> Iterator[Path]:
    """Run PostgreSQL from the programs in `folder`; gives the directory of its socket.

    `more` settings come after ours, `access` are lines of pg_hba.conf that come first. With `ssl=on` in there it has a
    certificate that nobody vouches for.
    """
    who = _someone_else()
    home = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # short: a socket's path has 107 bytes at most
    if who:
        os.chown(home, who["user"], who["group"])
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    try:
        initdb = [folder / "initdb", "-D", home / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        made = subprocess.run(
            [*initdb, "--no-locale", "--no-sync"], cwd=home, env=environment, capture_output=True, check=False, **who
        )
        if made.returncode:
            raise RuntimeError(f"initdb: {made.stderr.decode(errors='replace')}")
        rules = home / "data" / "pg_hba.conf"
        rules.write_text(access + rules.read_text())
        if "ssl=on" in more:
            key = ["-newkey", "rsa:2048", "-nodes", "-keyout", home / "data" / "server.key", "-subj", "/CN=localhost"]
            openssl = ["openssl", "req", "-x509", *key, "-out", home / "data" / "server.crt"]
            subprocess.run(openssl, check=True, capture_output=True, **who)
        settings = [word for setting in (*SWIFT, f"port={port}", *more) for word in ("-c", setting)]
        with (home / "log").open("wb") as log:
            postgres = subprocess.Popen(
                [folder / "postgres", "-D", home / "data", "-k", home, *settings],
                cwd=home,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
                **who,
            )
        try:
            _wait_for(home, port, postgres)
            yield home
        finally:
            postgres.send_signal(signal.SIGINT)  # the fast shutdown
            try:
                postgres.wait(20)
            except subprocess.TimeoutExpired:
                postgres.kill()
                postgres.wait()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _wait_for(home: Path, port: int, postgres: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START
    while True:
        try:
            psycopg.connect(host=str(home), port=port, user="postgres", dbname="postgres").close()
        except psycopg.OperationalError as error:
            if postgres.poll() is not None or time.monotonic() > until:
                raise RuntimeError((home / "log").read_text()) from error
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Path]:
    """The socket directory of a server that lives as long as this test process."""
    folder = programs()
    if folder is None:
        absent("PostgreSQL", "apt-get install -y --no-install-recommends postgresql")
    with server(folder) as home:
        yield home


_numbers = count(1)


@pytest.fixture
def postgres_url(postgres_server: Path) -> Iterator[str]:
    """The URL of an empty database for this test alone."""
    with database(postgres_server) as url:
        yield url


@contextmanager
def database(socket: Path, template: str = "template1") -> Iterator[str]:
    """The URL of a database of one's own, made like the template; it is dropped in the end."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(host=str(socket), user="postgres", dbname="postgres", autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        yield f"postgresql+psycopg://postgres@/{name}?host={quote(str(socket), safe='')}"
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
