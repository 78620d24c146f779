"""Who may in, and what is said to who may not: each its own reason, at once."""

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from adapters.graph.config import GraphConfig
from adapters.graph.target import GraphTarget
from migrator.errors import AccountError, MigratorError, Outage, UsageError
from migrator.model import Place
from migrator.secret import hidden
from tests.adapters.exchange.conftest import failure, kinds, parcel
from tests.adapters.graph.conftest import Box, config
from tests.servers.exchange import ALICE, BOB
from tests.servers.graph import APP, SECRET, Graph
from tests.servers.graph.login import App

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def refusal(box: Box) -> tuple[type[MigratorError], str]:
    with pytest.raises(MigratorError) as error, box.open():
        pass
    return type(error.value), error.value.reason.code


REFUSED: dict[str, tuple[dict[str, Any], str, type[MigratorError], str]] = {
    "wrong secret": ({"secret": {"env": "WRONG"}}, ALICE, UsageError, "graph.login-refused"),
    "no such application": ({"client_id": "nobody"}, ALICE, UsageError, "graph.login-refused"),
    "no such mailbox": ({}, "nobody@example.co.jp", AccountError, "graph.no-mailbox"),
    "no such file of certificates": ({"ca_file": "/nowhere.pem"}, ALICE, UsageError, "exchange.ca-missing"),
    "nobody to vouch": ({"ca_file": None}, ALICE, UsageError, "graph.tls-refused"),
    "nobody there": ({"endpoint": "https://localhost:9"}, ALICE, Outage, "graph.unanswered"),
}


@pytest.mark.parametrize(("more", "owner", "kind", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_each_refusal_has_its_reason_and_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch, running: Graph, more: dict[str, Any], owner: str, kind: type, code: str
) -> None:
    monkeypatch.setenv("WRONG", "mellon")
    assert refusal(Box(running, config(running, **more), owner)) == (kind, code)
    assert len(running.asked("POST batch")) <= 1


def test_a_permission_that_was_not_granted_is_named(running: Graph, box: Box) -> None:
    running.apps[APP] = App(SECRET, permissions=frozenset({"Mail.ReadWrite"}))
    with box.open() as target:
        target.prepare(box.at("box"))
        assert failure(target, [parcel(box.at("box"))], AccountError) == ("", "graph.import-denied")
    running.apps[APP] = App(SECRET, permissions=frozenset({"User.Read"}))
    assert refusal(Box(running, config(running))) == (AccountError, "graph.access-denied")


def test_an_expired_token_is_replaced_without_a_word(running: Graph, box: Box) -> None:
    with box.open() as target:
        target.prepare(box.at("box"))
        running.grants.clear()
        assert kinds(list(target.deliver([parcel(box.at("box"))]))) == "r"
    assert len(box.held("box")) == 1
    assert len(running.grants) == 1


def test_a_token_that_is_refused_although_it_is_new_ends_the_run(running: Graph, box: Box) -> None:
    with box.open() as target:
        target.prepare(box.at("box"))
        running.patience = -1
        running.grants.clear()
        assert failure(target, [parcel(box.at("box"))], UsageError) == ("", "graph.token-refused")
    assert len(running.asked("POST importMime")) == 0


def test_one_login_serves_every_mailbox(running: Graph) -> None:
    known = config(running)
    for owner in (ALICE, BOB, ALICE):
        with Box(running, known, owner).open() as target:
            assert target.mark(Place(owner, ("INBOX",))) is not None
    assert len(running.grants) == 1


def test_the_environments_bundle_of_certificates_is_not_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, box: Box
) -> None:
    (tmp_path / "other.pem").write_text("")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "other.pem"))
    (tmp_path / ".netrc").write_text("machine localhost login x password y\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with box.open() as target:
        assert target.mark(Place(ALICE, ("INBOX",))) is not None


# -- by certificate --------------------------------------------------------------------------------------------------


@pytest.fixture
def certified(running: Graph, tmp_path: Path) -> dict[str, Any]:
    """The keys of a section that logs in by a certificate."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "migrator")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(KEY, hashes.SHA256())
    )
    (tmp_path / "app.pem").write_bytes(made.public_bytes(Encoding.PEM))
    key = tmp_path / "key.pem"
    key.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key.chmod(0o600)
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    running.apps[APP] = App(key=public, permissions=running.apps[APP].permissions)
    return {"auth": "certificate", "secret": None, "certificate": tmp_path / "app.pem", "key": {"file": str(key)}}


def test_an_app_logs_in_by_its_certificate(running: Graph, certified: dict[str, Any]) -> None:
    with Box(running, config(running, **certified)).open() as target:
        assert target.mark(Place(ALICE, ("INBOX",))) is not None
    running.apps[APP] = App(key="another")
    assert refusal(Box(running, config(running, **certified))) == (UsageError, "graph.login-refused")


def test_a_key_or_certificate_that_is_none_is_told_and_not_shown(
    running: Graph, certified: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NO_KEY", "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----")
    wrong = config(running, **certified | {"key": {"env": "NO_KEY"}})
    with pytest.raises(UsageError) as error, Box(running, wrong).open():
        pass
    assert error.value.reason.code == "graph.no-key"
    assert "canary" not in str(error.value)
    (tmp_path / "garbage.pem").write_text("garbage")
    for path, code in (("garbage.pem", "graph.no-key"), ("absent.pem", "graph.no-certificate")):
        told = config(running, **certified | {"certificate": tmp_path / path})
        assert refusal(Box(running, told)) == (UsageError, code)


# -- by a person -------------------------------------------------------------------------------------------------------


@pytest.fixture
def person(running: Graph) -> Iterator[None]:
    """Somebody who enters every code that is shown."""
    done = threading.Event()

    def enter() -> None:
        while not done.is_set():
            for device, user in list(running.devices.items()):
                running.devices[device] = user or ALICE
            time.sleep(0.05)

    thread = threading.Thread(target=enter)
    thread.start()
    yield
    done.set()
    thread.join()


@pytest.mark.usefixtures("person")
def test_a_person_enters_a_code_once_for_all_mailboxes(running: Graph, caplog: pytest.LogCaptureFixture) -> None:
    known = config(running, auth="device-code", secret=None)
    running[BOB].full_access.add(ALICE)
    with caplog.at_level(logging.WARNING, "adapters.graph.login"):
        for owner in (ALICE, BOB):
            with Box(running, known, owner).open() as target:
                assert target.mark(Place(owner, ("INBOX",))) is not None
    (line,) = caplog.messages
    assert "/device" in line
    running.grants.clear()
    with Box(running, known).open() as target:
        assert target.mark(Place(ALICE, ("INBOX",))) is not None
    assert len(caplog.messages) == 1, "whoever is known is not asked again"
    assert refusal(Box(running, known, "team@example.co.jp")) == (AccountError, "graph.access-denied")


# -- the section -------------------------------------------------------------------------------------------------------


def test_a_section_says_what_it_needs_and_knows_the_clouds() -> None:
    basic = {"tenant": "example.co.jp", "client_id": "x", "auth": "device-code"}
    for wrong in (
        {"auth": "secret"},
        {"auth": "certificate", "key": {"env": "X"}},
        {"endpoint": "https://graph.example.co.jp"},
        {"endpoint": "http://graph.microsoft.com"},
        {"endpoint": "https://graph.microsoft.com/v1.0"},
        {"batch_items": 21},
    ):
        with pytest.raises(ValidationError):
            GraphConfig(**basic | wrong)
    assert GraphConfig(**basic).login_at == "https://login.microsoftonline.com/example.co.jp"
    there = GraphConfig(**basic | {"endpoint": "https://microsoftgraph.chinacloudapi.cn/"})
    assert there.login_at == "https://login.chinacloudapi.cn/example.co.jp"


@pytest.mark.parametrize("module", ["msal", "requests"])
def test_without_the_extra_the_command_lives_and_one_line_says_what_to_install(module: str) -> None:
    program = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "import adapters.graph as it\nfrom migrator.model import Mailbox\nfrom migrator.errors import UsageError\n"
        "config = it.GraphConfig(tenant='example.co.jp', client_id='x', auth='device-code')\n"
        "try: it.adapter.open_target(config, Mailbox('a@example.co.jp'))\n"
        "except UsageError as error: print(error.reason.code)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "graph.extra-missing"


def test_the_settings_are_read_without_msal_and_requests() -> None:
    program = "import adapters.graph, sys; print('msal' in sys.modules, 'requests' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_check_tells_of_beta_of_limits_and_of_receipts(running: Graph) -> None:
    with Box(running, config(running, receipts="keep")).open() as target:
        assert isinstance(target, GraphTarget)
        codes = [each.code for each in target.advice()]
        assert codes == ["graph.beta-used", "graph.limits", "exchange-online.retention", "exchange.receipts-kept"]
        assert target.way().name == "Microsoft Graph, beta"
    with Box(running, config(running, beta=False)).open() as target:
        assert isinstance(target, GraphTarget)
        assert next(target.advice()).code == "graph.beta-off"


def test_no_secret_stands_in_an_error(running: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WRONG", "canary-secret")
    with pytest.raises(UsageError) as error, Box(running, config(running, secret={"env": "WRONG"})).open():
        pass
    assert "canary" not in f"{error.value} {error.value.__cause__} {error.value.__context__}"
    assert hidden("canary-secret") == "***"


def test_a_login_that_is_down_is_an_outage(running: Graph) -> None:
    with pytest.raises(Outage) as error, Box(running, config(running, authority="https://localhost:9")).open():
        pass
    assert error.value.reason.code == "graph.unanswered"
