"""A MariaDB of our own for tests: Debian's server in a temporary folder, reached by its Unix socket alone."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import quote

import pymysql
import pytest

from tests.servers import START, absent, die_with_parent

INSTALL = ("mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db")
SWIFT = ("--skip-networking", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=16M", "--skip-log-bin")


@contextmanager
def server(program: str) -> Iterator[Path]:
    """Run MariaDB; gives its socket."""
    home = Path(tempfile.mkdtemp(prefix="my-", dir="/tmp"))  # short: a socket's path has 107 bytes at most
    who = ["--user=root"] if os.geteuid() == 0 else []
    try:
        made = subprocess.run(
            [*INSTALL, f"--datadir={home}/data", *who],
            capture_output=True,
            check=False,
        )
        if made.returncode:
            raise RuntimeError(made.stdout.decode(errors="replace") + made.stderr.decode(errors="replace"))
        socket = home / "s"
        command = [program, "--no-defaults", f"--datadir={home}/data", f"--socket={socket}", *who, *SWIFT]
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, preexec_fn=die_with_parent
            )
        try:
            _wait_for(socket, process, home / "log")
            yield socket
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _wait_for(socket: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START
    while True:
        while not socket.exists() and process.poll() is None:
            time.sleep(0.05)
        try:
            pymysql.connect(unix_socket=str(socket), user="root").close()
        except pymysql.OperationalError as error:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(log.read_text()) from error
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[Path]:
    """The socket of a server that lives as long as this test process."""
    program = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        absent("MariaDB", "apt-get install -y --no-install-recommends mariadb-server")
    with server(program) as socket:
        yield socket


_numbers = count(1)


@pytest.fixture
def mariadb_url(mariadb_server: Path) -> Iterator[str]:
    """The URL of an empty database for this test alone."""
    name = f"test_{next(_numbers)}"
    with pymysql.connect(unix_socket=str(mariadb_server), user="root") as admin, admin.cursor() as cursor:
        cursor.execute(f"create database {name} character set utf8mb4")
        yield f"mysql+pymysql://root@/{name}?unix_socket={quote(str(mariadb_server), safe='')}"
        cursor.execute(f"drop database {name}")
