"""`migrator review`: a link on loopback that works once; beyond it only TLS, names and secrets."""

import http.client
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from migrator.cli import main
from tests.servers import absent, die_with_parent

SETTINGS = """
[source]
adapter = "memory"
world = "review"
"""
REVIEWER = """
[review.reviewers.suzuki]
secret = { env = "REVIEW_SUZUKI" }
accounts = ["support"]
"""
TLS = """
[review]
certificate = "review.pem"
key = "review.key"
hosts = ["review.example.co.jp"]
"""
SECRET = "a long enough secret"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    (tmp_path / "migration.toml").write_text(SETTINGS)
    return tmp_path


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[str]:
    """The command, as it runs in a terminal; what it printed first. It ends by Ctrl-C, and says nothing but that."""
    program = "import sys; from migrator.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "--lang", "en", "--dir", str(folder), "review", *words]
    environment = os.environ | {"REVIEW_SUZUKI": SECRET}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=die_with_parent,
    ) as process:
        stream: IO[str] | None = process.stdout
        assert stream is not None
        try:
            yield stream.readline()
        finally:
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=30)[1]
        assert process.returncode == 130
        assert SECRET not in said
        assert [line for line in said.splitlines() if "Error" in line or "Traceback" in line] == []


def test_the_link_that_is_printed_works_once_and_only_on_loopback(folder: Path) -> None:
    with serving(folder) as line:
        found = re.search(r"http://(127\.0\.0\.1:\d+)(/enter/[\w-]{43})\n", line)
        assert found is not None, line
        host, path = found.groups()
        assert [status(host, path) for _ in range(2)] == [303, 403]
        assert status(host, "/") == 403


def status(host: str, path: str) -> int:
    connection = http.client.HTTPConnection(host, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_from_other_desks_a_reviewer_comes_in_by_tls_and_secret(folder: Path) -> None:
    certificate(folder)
    (folder / "migration.toml").write_text(SETTINGS + TLS + REVIEWER)
    with serving(folder, "--listen", "0.0.0.0:0") as line:
        found = re.search(r"https://review\.example\.co\.jp:(\d+)/enter\n", line)
        assert found is not None, line
        trusting = ssl.create_default_context(cafile=str(folder / "review.pem"))
        trusting.check_hostname = False  # the name is not this machine's; the certificate is asked for all the same
        connection = http.client.HTTPSConnection("127.0.0.1", int(found[1]), timeout=30, context=trusting)
        name = f"review.example.co.jp:{found[1]}"
        headers = {"host": name, "origin": f"https://{name}", "content-type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/enter", f"name=suzuki&secret={SECRET.replace(' ', '+')}", headers)
        answer = connection.getresponse()
        assert answer.status == 303
        assert "Secure" in str(answer.headers["set-cookie"])
        connection.close()
        assert status_by_ip(int(found[1]), trusting) == 421


def status_by_ip(port: int, trusting: ssl.SSLContext) -> int:
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=trusting)
    try:
        connection.request("GET", "/enter")
        return connection.getresponse().status
    finally:
        connection.close()


def certificate(folder: Path) -> None:
    words = (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=review.example.co.jp -keyout review.key -out review.pem"
    )
    try:
        subprocess.run(["openssl", *words.split()], cwd=folder, check=True, capture_output=True)
    except FileNotFoundError:
        absent("openssl", "apt-get install openssl")


@pytest.mark.parametrize(
    ("text", "listen", "code"),
    [
        ("", "0.0.0.0:0", "review.needs-tls"),
        (REVIEWER, "0.0.0.0:0", "review.needs-tls"),
        (TLS, "0.0.0.0:0", "review.needs-reviewers"),
        (TLS.replace("hosts", "# hosts") + REVIEWER, "0.0.0.0:0", "review.needs-hosts"),
        (TLS + REVIEWER.replace("REVIEW_SUZUKI", "REVIEW_SHORT"), "0.0.0.0:0", "review.secret-short"),
        (TLS + REVIEWER, "[::]:0", "review.certificate"),
        (REVIEWER.replace("REVIEW_SUZUKI", "REVIEW_NOWHERE"), "127.0.0.1:0", "secret.env-missing"),
        ("", "127.0.0.1", "review.listen"),
        ("", "127.0.0.1:70000", "review.listen"),
        ("", "127.0.0.1:x", "review.listen"),
        ("", ":0", "review.listen"),
        ("", "nowhere.invalid:0", "review.listen"),
    ],
)
def test_where_it_may_not_listen_it_says_what_is_missing(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str, listen: str, code: str
) -> None:
    monkeypatch.setenv("REVIEW_SUZUKI", SECRET)
    monkeypatch.setenv("REVIEW_SHORT", "tooshort")
    (folder / "migration.toml").write_text(SETTINGS + text)
    assert main(["--dir", str(folder), "review", "--listen", listen]) == 2
    assert f"[{code}]" in capsys.readouterr().err


def test_without_its_packages_it_says_how_to_get_them(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    there: Callable[[str], object] = __import__("importlib.util").util.find_spec
    monkeypatch.setattr("migrator.cli.review.find_spec", lambda name: None if name == "jinja2" else there(name))
    assert main(["--dir", str(folder), "review"]) == 2
    assert "[review.absent]" in capsys.readouterr().err
