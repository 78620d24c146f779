"""Who may in, and what is said to who may not: each its own reason, at once."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.exchange.config import ExchangeConfig
from adapters.exchange.target import ExchangeTarget
from adapters.microsoft import is_online
from migrator.errors import AccountError, MigratorError, Outage, UsageError
from migrator.model import Place
from migrator.testing import mail
from tests.adapters.exchange.conftest import Box, config, failure, kinds, parcel
from tests.servers.exchange import ALICE, BOB, Exchange, server
from tests.servers.exchange.faults import Unauthorised

WRONG = {"user": BOB, "access": "delegate", "password": {"env": "WRONG"}}
REFUSED: dict[str, tuple[dict[str, Any], str, type[MigratorError], str]] = {
    "shared password": ({"password": {"env": "WRONG"}}, ALICE, UsageError, "exchange.login-refused"),
    "own password": (WRONG | {"user": "{address}"}, ALICE, AccountError, "exchange.login-refused"),
    "no such mailbox": ({}, "nobody@example.co.jp", AccountError, "exchange.no-mailbox"),
    "no role": ({"user": BOB}, ALICE, AccountError, "exchange.impersonation-denied"),
    "no right": ({"user": BOB, "access": "delegate"}, ALICE, AccountError, "exchange.access-denied"),
    "dead token": ({"auth": "oauth", "token": {"env": "WRONG"}}, ALICE, UsageError, "exchange.token-refused"),
}


@pytest.mark.parametrize(("more", "owner", "kind", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_each_refusal_has_its_reason_and_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch, running: Exchange, more: dict[str, Any], owner: str, kind: type, code: str
) -> None:
    monkeypatch.setenv("WRONG", "mellon")
    with pytest.raises(MigratorError) as error, Box(running, config(running, **more), owner).open():
        pass
    assert (type(error.value), error.value.reason.code) == (kind, code)
    assert len(running.requests) <= 1


def test_an_expired_token_is_replaced_without_a_word(tmp_path: Path, running: Exchange) -> None:
    token = tmp_path / "token"
    token.write_text("first")
    running.tokens |= {"first": "migrator@example.co.jp", "second": "migrator@example.co.jp"}
    box = Box(running, config(running, auth="oauth", token={"command": ["cat", str(token)]}))
    with box.open() as target:
        target.prepare(box.at("box"))
        del running.tokens["first"]
        token.write_text("second")
        assert kinds(list(target.deliver([parcel(box.at("box"))]))) == "r"
    assert len(box.held("box")) == 1


def test_a_login_that_is_lost_on_the_way_ends_the_load_of_the_mailbox(box: Box) -> None:
    box.exchange.script(Unauthorised(2))
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        list(target.deliver([parcel(place)]))
        assert failure(target, [parcel(place)], UsageError) == ("", "exchange.login-refused")
        assert len(box.held("box")) == 1


def test_a_certificate_is_trusted_by_the_target_that_names_it_and_by_no_other() -> None:
    with server(tls=True) as exchange:
        trusting = Box(exchange, config(exchange, ca_file=exchange.certificate))
        for _ in range(2):
            with trusting.open() as target:
                assert target.mark(Place(ALICE, ("INBOX",))) is not None
            with pytest.raises(UsageError) as error, Box(exchange, config(exchange)).open():
                pass
            assert error.value.reason.code == "exchange.tls-refused"


@pytest.mark.parametrize(
    ("endpoint", "kind", "code"),
    [
        ("{origin}/owa/", UsageError, "exchange.no-endpoint"),
        ("http://127.0.0.1:9/EWS/Exchange.asmx", Outage, "exchange.unanswered"),
        ("http://mail.example.co.jp/EWS/Exchange.asmx", UsageError, "exchange.plain-refused"),
    ],
)
def test_an_endpoint_that_is_none_is_told_as_such(running: Exchange, endpoint: str, kind: type, code: str) -> None:
    where = endpoint.replace("{origin}", running.url.rpartition("/EWS/")[0])
    with pytest.raises(MigratorError) as error, Box(running, config(running, endpoint=where)).open():
        pass
    assert (type(error.value), error.value.reason.code) == (kind, code)


def test_a_section_says_what_it_needs() -> None:
    for wrong in ({"auth": "basic"}, {"auth": "oauth"}, {"auth": "kerberos"}, {"endpoint": "mail.example.co.jp"}):
        with pytest.raises(ValidationError):
            ExchangeConfig(**wrong)


def test_without_the_extra_the_command_lives_and_one_line_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['exchangelib'] = None\n"
        "import adapters.exchange as it\nfrom migrator.model import Mailbox\nfrom migrator.errors import UsageError\n"
        "config = it.ExchangeConfig(auth='basic', password={'env': 'X'}, endpoint='https://x.example/')\n"
        "try: it.adapter.open_target(config, Mailbox('a@example.co.jp'))\n"
        "except UsageError as error: print(error.reason.code)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "exchange.extra-missing"


def test_the_settings_are_read_without_exchangelib() -> None:
    program = "import adapters.exchange, sys; print('exchangelib' in sys.modules, 'lxml' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_check_tells_of_the_cloud_and_of_receipts(running: Exchange) -> None:
    with Box(running, config(running, receipts="keep")).open() as target:
        assert isinstance(target, ExchangeTarget)
        assert [each.code for each in target.advice()] == ["exchange.receipts-kept", "exchange.cleaning-untold"]
    for host in ("outlook.office365.com", "outlook.office365.us", "partner.outlook.cn"):
        assert is_online(host)
    assert not is_online("outlook.office365.com.example.co.jp")


def test_ntlm_logs_in_and_sends_a_stream_once(running: Exchange) -> None:
    """requests_ntlm sends a request two or three times until the handshake has ended: the body is read anew each time,
    and the server acts once."""
    box = Box(running, config(running, auth="ntlm", user="CORP\\migrator"))
    large = mail("large", body=b"0123456789abcdef\r\n" * 100_000)
    with box.open() as target:
        target.prepare(box.at("box"))
        assert kinds(list(target.deliver([parcel(box.at("box"), large), parcel(box.at("box"))]))) == "rr"
    first, _ = box.held("box")
    assert len(first.raw) == len(large)


def test_a_wrong_password_by_ntlm_is_an_error_at_once(monkeypatch: pytest.MonkeyPatch, running: Exchange) -> None:
    monkeypatch.setenv("WRONG", "mellon")
    wrong = config(running, auth="ntlm", user="CORP\\migrator", password={"env": "WRONG"})
    with pytest.raises(UsageError) as error, Box(running, wrong).open():
        pass
    assert error.value.reason.code == "exchange.login-refused"
    assert running.requests == []
