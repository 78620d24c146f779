"""A canary is put where secrets are, through every failure there is, and then looked for: it is nowhere."""

import socket
import sys
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest

from adapters.imap import login
from migrator.cli import main
from migrator.settings import masked
from tests.servers import absent, postgres
from tests.servers.dovecot import MASTER, MASTER_PASSWORD, Dovecot

CANARY = "c4n4ry-of-the-mine"
LANGUAGES = ("en", "ja")

SETTINGS = """
[staging]
url = "{url}"
{staging}

[source]
adapter = "eml"
root = "old"

[targets.new]
adapter = "imap"
host = "127.0.0.1"
port = {port}
security = "{security}"
auth = "{auth}"
user = "{{address}}"
{credential}
late_commit = 0.1
patience = 0
timeout = 2
{more}
"""

KINDS = {
    "env": '{ env = "CANARY_PASSWORD" }',
    "file": '{ file = "secret" }',
    "keyring": '{ keyring = "migrator/new" }',
    "command": '{ command = ["./give"] }',
}
"""The four references; each leads to whatever `Nest.secret` says."""


@dataclass
class Nest:
    """A migration folder with a canary in it."""

    folder: Path
    listen: Callable[[], tuple[bytes, bytes]]
    set: Callable[[str, str], None]
    settings: dict[str, Any] = field(default_factory=dict)
    heard: bytes = b""

    def secret(self, value: str) -> None:
        """What all four references give."""
        self.set("CANARY_PASSWORD", value)
        self.write("secret", value)
        self.command(
            f"cd {self.folder}; {{ tr '\\0' ' ' < /proc/$PPID/cmdline; echo \"$0 $*\"; }} >> argv; echo '{value}'"
        )
        self.keyring(lambda service, user: value)

    def command(self, script: str) -> None:
        self.write("give", f"#!/bin/sh\n{script}\n")
        (self.folder / "give").chmod(0o700)

    def keyring(self, get: Callable[[str, str], str | None]) -> None:
        """A keyring of one backend."""
        made = ModuleType("keyring")
        made.errors = ModuleType("keyring.errors")  # type: ignore[attr-defined]
        made.errors.KeyringError = type("KeyringError", (Exception,), {})  # type: ignore[attr-defined]
        made.get_password = get  # type: ignore[attr-defined]
        sys.modules["keyring"], sys.modules["keyring.errors"] = made, made.errors  # type: ignore[attr-defined]

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o600)

    def run(self, *words: str, code: int | Container[int], told: str = "", **settings: Any) -> None:
        """A command, with these settings instead of the usual ones; how it must end, and the reason it must tell."""
        self.write("migration.toml", SETTINGS.format(**(self.settings | settings)))
        for lang in LANGUAGES:
            ended = main(["--dir", str(self.folder), "--lang", lang, *words])
            out, err = self.listen()
            self.heard += out + err
            assert ended == code if isinstance(code, int) else ended in code, (words, ended, err.decode())
            assert f"[{told}]" in (out + err).decode() if told else True, err.decode()

    def has_sung(self, *keep: str) -> list[str]:
        """Where the canary is, in any coding: outputs, and every byte of every file but those that hold the secret."""
        words = [CANARY.encode(), CANARY.encode().hex().encode(), CANARY.encode("utf-16-le")]
        words += [b64encode(b"\0" * pad + CANARY.encode())[4:-4] for pad in range(3)]
        places = {"output": self.heard}
        for path in self.folder.rglob("*"):
            if path.is_file() and path.name not in ("secret", "give", *keep):
                places[path.name] = path.read_bytes()
        return [place for place, data in places.items() for word in words if word.lower() in data.lower()]


@pytest.fixture
def nest(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[Nest]:
    for account in ("sato", "suzuki"):
        folder = tmp_path / "old" / account / "INBOX"
        folder.mkdir(parents=True)
        (folder / "1.eml").write_bytes(b"Subject: hello\r\nMessage-ID: <1@example.co.jp>\r\n\r\ntext\r\n")
    tmp_path.chmod(0o700)
    usual = {
        "url": "sqlite:///staging.db",
        "staging": "",
        "port": 1,
        "security": "none",
        "auth": "master",
        "credential": f'master_user = "{MASTER}"\npassword = {KINDS["env"]}',
        "more": "",
    }
    monkeypatch.setitem(sys.modules, "keyring", None)  # so that both are put back as they were
    monkeypatch.setitem(sys.modules, "keyring.errors", None)
    made = Nest(tmp_path, capfdbinary.readouterr, monkeypatch.setenv, usual)
    made.secret(CANARY)
    made.run("extract", code=0)
    yield made
    assert made.has_sung() == []


def master(kind: str) -> str:
    return f'master_user = "{MASTER}"\npassword = {KINDS[kind]}'


def test_a_wrong_password_is_refused_and_told_to_nobody(nest: Nest, dovecot_maildir: Dovecot) -> None:
    here = {"port": dovecot_maildir.port}
    for kind in KINDS:
        nest.run("load", "new", code=2, told="imap.shared-login-refused", credential=master(kind), **here)
    nest.run("check", "new", code=1, told="imap.shared-login-refused", credential=master("env"), **here)
    here |= {"auth": "password", "credential": f"password = {KINDS['command']}"}
    nest.run("load", "new", code=1, **here)
    nest.run("verify", "new", code=1, **here)
    nest.run("ledger", "new", code={0, 1}, **here)
    nest.run("runs", code=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_right_password_is_kept_to_ourselves_too(nest: Nest, dovecot_maildir: Dovecot, kind: str) -> None:
    nest.secret(MASTER_PASSWORD)
    accounts = f'[accounts]\nsato = "{dovecot_maildir.account()}"\nsuzuki = "{dovecot_maildir.account()}"'
    nest.run("load", "new", code=0, port=dovecot_maildir.port, credential=master(kind), more=accounts)
    nest.run("verify", "new", code=0, port=dovecot_maildir.port, credential=master(kind), more=accounts)
    (nest.folder / "secret").unlink()
    (nest.folder / "give").unlink()
    files = [path.read_bytes() for path in nest.folder.rglob("*") if path.is_file()]
    assert not any(MASTER_PASSWORD.encode() in data for data in [nest.heard, *files])


def test_nobody_to_talk_to_or_nobody_to_trust(nest: Nest, dovecot_maildir: Dovecot) -> None:
    plain, tls = dovecot_maildir.port, dovecot_maildir.tls_port
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = taken.getsockname()[1]
    for port, security, code, told in (
        (nobody, "none", 75, "imap.unreachable"),
        (tls, "tls", 2, "imap.certificate"),
        (plain, "starttls", 2, "imap.certificate"),
        (plain, "tls", 2, "imap.no-tls"),
    ):
        nest.run("load", "new", code=code, told=told, port=port, security=security, credential=master("command"))


ANSWERS = ["NO [AUTHENTICATIONFAILED] {}", "NO [UNAVAILABLE] {}", "BAD {}", "OK {}", "* BYE {}", "{}"]


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_server_that_quotes_the_password_back_is_not_quoted(nest: Nest, answer: str) -> None:
    with parrot(answer) as port:
        for auth, credential in (
            ("master", master("file")),
            ("password", f"password = {KINDS['file']}"),
            ("xoauth2", f"token = {KINDS['command']}"),
        ):
            nest.run("load", "new", code={1, 2, 75}, port=port, auth=auth, credential=credential)
    assert b"Traceback" not in nest.heard, nest.heard.decode()


@contextmanager
def parrot(answer: str) -> Iterator[int]:
    """An IMAP server that says back what it is told about a login, in clear; its port."""

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client, client.makefile("rwb") as talk:
                say = lambda line: (talk.write(line + b"\r\n"), talk.flush())  # noqa: E731
                say(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR] ready")
                for line in talk:
                    tag, _, rest = line.strip().partition(b" ")
                    if not rest.upper().startswith(b"AUTH"):
                        say(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR\r\n" + tag + b" OK done")
                        continue
                    if rest.count(b" ") < 2:
                        say(b"+ ")
                        rest = b"x x " + next(talk, b"").strip()
                    told = b64decode(rest.split()[-1] + b"==").replace(b"\0", b" ").replace(b"\1", b" ")
                    said = answer.format(told.decode("utf-8", "replace")).encode()
                    if said.startswith(b"* "):
                        say(said)
                        break
                    say(tag + b" " + said)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_a_defect_in_the_middle_of_a_login_blots_the_secret_out(
    nest: Nest, monkeypatch: pytest.MonkeyPatch, dovecot_maildir: Dovecot
) -> None:
    def broken(client: object, config: object, user: str, secret: str, address: str) -> None:
        raise KeyError(f"no mechanism for {user} with {secret}") from ValueError(secret)

    monkeypatch.setattr(login, "_log_in", broken)
    for kind in KINDS:
        nest.run("load", "new", code=70, told="cli.bug", port=dovecot_maildir.port, credential=master(kind))
    assert b"no mechanism for sato with ***" in nest.heard


def test_a_reference_that_gives_nothing_says_so_and_no_more(nest: Nest) -> None:
    def refuse(told: str, kind: str) -> None:
        nest.run("load", "new", code=2, told=told, credential=master(kind))

    nest.command(f"echo '{CANARY}' >&2\necho '{CANARY}'\nexit 3")
    refuse("secret.command-failed", "command")
    nest.command(f"printf '{CANARY}\\377'")
    refuse("secret.not-utf-8", "command")
    (nest.folder / "give").chmod(0o600)
    refuse("secret.command-failed", "command")
    (nest.folder / "secret").chmod(0o640)
    refuse("secret.file-open-to-others", "file")
    (nest.folder / "secret").write_bytes(CANARY.encode() + b"\xff")
    (nest.folder / "secret").chmod(0o600)
    refuse("secret.not-utf-8", "file")
    unset = master("env").replace("CANARY_", "NO_CANARY_")
    nest.run("load", "new", code=2, told="secret.env-missing", credential=unset)
    nest.keyring(lambda service, user: None)
    refuse("secret.keyring-missing", "keyring")

    def locked(service: str, user: str) -> str:
        raise sys.modules["keyring.errors"].KeyringError(f"locked: {CANARY}")

    nest.keyring(locked)
    refuse("secret.keyring-failed", "keyring")
    sys.modules["keyring"] = None  # type: ignore[assignment]
    refuse("secret.keyring-absent", "keyring")


def test_a_command_that_others_could_have_written_is_not_run(nest: Nest) -> None:
    nest.command(f"touch {nest.folder}/ran")
    for path, mode in ((nest.folder / "migration.toml", 0o662), (nest.folder, 0o770)):
        nest.write("migration.toml", SETTINGS.format(**nest.settings | {"credential": master("command")}))
        path.chmod(mode)
        for _ in range(2):  # the first refusal shuts no door behind which the second would pass
            assert main(["--dir", str(nest.folder), "load", "new"]) == 2
            assert b"[settings.command-open-to-others]" in nest.listen()[1]
        nest.folder.chmod(0o700)
    assert not (nest.folder / "ran").exists()


MISTAKES = [
    'password = "{}"',
    "password = '{}'",
    'password = ["{}"]',
    'password = {{ value = "{}" }}',
    'password = {{ env = "X", value = "{}" }}',
    'password = {{ command = "{}" }}',
    'password = {{ file = 1, value = "{}" }}',
    'password = "{}',
    "password = {}",
    'password = {{ env = "X" }}\npassword = "{}"',
    'pasword = "{}"',
    'token = "{}"',
    'password = {{ env = "X" }}\nuser = "imap://sato:{}@mail.example.co.jp"',
    'password = {{ env = "X" }}\nhost = "mail.example.co.jp/?password={}"',
    'password = {{ env = "X" }}\nport = "{}"',
    'password = {{ env = "X" }}\nsecurity = "{}"',
    'password = {{ env = "X" }}\nca_file = ["{}"]',
]


def test_a_password_typed_into_the_settings_is_refused_and_not_repeated(nest: Nest) -> None:
    for line in MISTAKES:
        nest.run("status", code=2, credential=line.format(CANARY))
    assert b"Traceback" not in nest.heard
    nest.write("migration.toml", "")


URLS = [
    "postgresql+psycopg://me:{}@127.0.0.1/gw",
    "postgresql+psycopg://127.0.0.1/gw?password={}",
    "postgresql+psycopg://127.0.0.1/gw?user=me&sslpassword={}",
    "sqlite:///staging.db?passwd={}",
]


def test_a_password_in_a_url_is_refused_and_not_repeated(nest: Nest) -> None:
    for url in URLS:
        nest.run("status", code=2, told="settings.password-in-url", url=url.format(CANARY))
        assert CANARY not in masked(f"cannot reach {url.format(CANARY)}, giving up")
    nest.write("migration.toml", "")


def test_no_process_is_given_a_secret_as_an_argument(nest: Nest, dovecot_maildir: Dovecot) -> None:
    nest.run("load", "new", code=2, port=dovecot_maildir.port, credential=master("command"))
    assert (nest.folder / "argv").read_text().count("/give") >= 2


# -- PostgreSQL --------------------------------------------------------------------------------------------------------

EVERYTHING = """$$
DECLARE each regclass;
BEGIN
  FOR each IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
    RETURN QUERY EXECUTE format('SELECT t::text FROM %s t', each);
  END LOOP;
END $$"""

ACCESS = "local all postgres trust\nlocal all all scram-sha-256\nhostssl all all all scram-sha-256\n"


@pytest.fixture(scope="module")
def guarded() -> Iterator[tuple[Path, int]]:
    """A server that wants a password of all but its own administrator, and TLS on its port; its socket's directory."""
    folder = postgres.programs()
    if folder is None:
        absent("PostgreSQL", "apt-get install -y --no-install-recommends postgresql")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with postgres.server(folder, "listen_addresses=127.0.0.1", "ssl=on", port=port, access=ACCESS) as home:
        with psycopg.connect(host=str(home), port=port, user="postgres", dbname="postgres", autocommit=True) as admin:
            admin.execute(f"CREATE ROLE keeper LOGIN PASSWORD '{CANARY}'".encode())
            admin.execute("CREATE DATABASE moved OWNER keeper")
        yield home, port


@pytest.mark.postgresql
def test_the_password_of_staging_is_kept_to_ourselves(nest: Nest, guarded: tuple[Path, int]) -> None:
    home, port = guarded
    by_socket = f"postgresql+psycopg://keeper@/moved?host={home}&port={port}"
    by_name = f"postgresql+psycopg://keeper@127.1:{port}/moved"  # no loopback by its form: TLS
    nest.run("extract", code=0, url=by_socket, staging=f"password = {KINDS['env']}")
    for kind in KINDS:
        nest.run("status", code=0, url=by_name, staging=f"password = {KINDS[kind]}")
    nest.secret(f"{CANARY}-but-wrong")
    for url in (by_socket, by_name, by_name.replace(str(port), "1")):
        nest.run("status", code=75, told="staging.unreachable", url=url, staging=f"password = {KINDS['file']}")
    with psycopg.connect(host=str(home), port=port, user="postgres", dbname="moved") as admin:
        admin.execute("CREATE FUNCTION everything() RETURNS SETOF text LANGUAGE plpgsql AS " + EVERYTHING)
        rows = [row for (row,) in admin.execute("SELECT everything()")]
    assert len(rows) > 10
    assert not any(CANARY in row for row in rows)
