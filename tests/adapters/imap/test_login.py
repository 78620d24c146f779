"""A login works in every way it can be set up, and one that fails says what to do without a secret in it."""

import imaplib
import inspect
import logging
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from imapclient import exceptions
from pydantic import ValidationError

from adapters.imap import adapter
from adapters.imap.config import ImapConfig
from adapters.imap.login import MEANING, connect, tls_context, translate
from adapters.microsoft import is_online
from migrator.errors import AccountError, MigratorError, Outage, UsageError
from migrator.model import Mailbox
from migrator.nearby import is_here
from tests.adapters.imap.conftest import Box, scripted, tapped, user
from tests.servers.dovecot import MASTER, MASTER_PASSWORD, PASSWORD, Dovecot

CANARY = "canary-7f3a"


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ImapConfig]:
    """A configuration by its differences from the plain one."""
    monkeypatch.setenv("GOOD", PASSWORD)
    monkeypatch.setenv("MASTER", MASTER_PASSWORD)
    monkeypatch.setenv("WRONG", CANARY)

    def build(**more: Any) -> ImapConfig:
        basic = {"host": "127.0.0.1", "security": "none", "password": {"env": "GOOD"}, "timeout": 10}
        return ImapConfig(**(basic | more))

    return build


def code_of(config: ImapConfig, kind: type[MigratorError], *, owner: str = "user@example.co.jp") -> str:
    """The reason's code for a login that must fail with this error."""
    with pytest.raises(MigratorError) as failure:
        connect(config, account=None, address=owner).close()
    assert type(failure.value) is kind, failure.value
    assert CANARY not in repr(failure.value.reason)
    return failure.value.reason.code


@pytest.mark.dovecot
@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
@pytest.mark.parametrize("auth", ["password", "master", "xoauth2", "master-by-name", "password-by-login"])
def test_every_kind_of_login_works_over_every_kind_of_connection(
    dovecot_sdbox: Dovecot, settings: Callable[..., ImapConfig], security: str, auth: str
) -> None:
    owner = user()
    how: dict[str, dict[str, Any]] = {
        "password": {},
        "password-by-login": {},
        "master": {"auth": "master", "master_user": MASTER, "password": {"env": "MASTER"}},
        "master-by-name": {"auth": "master", "master_user": MASTER, "password": {"env": "MASTER"}},
        "xoauth2": {"auth": "xoauth2", "token": {"command": ("echo", dovecot_sdbox.token(owner))}},
    }
    more = {"security": security, "ca_file": dovecot_sdbox.ca_file, **how[auth]}
    if "-by-" in auth and security != "tls":
        box = Box(settings(port=dovecot_sdbox.port), owner)
        with tapped(box, hide=[b"AUTH=PLAIN"]) as (behind, seen):
            session = connect(settings(port=behind.config.port, **more), account=None, address=owner)
            session.close()
            if security == "none":
                assert any(command.startswith(b"LOGIN") for command in seen.commands)
        return
    port = dovecot_sdbox.tls_port if security == "tls" else dovecot_sdbox.port
    session = connect(settings(port=port, **more), account=None, address=owner)
    assert session.can("MULTIAPPEND")
    assert (session.wire.certificate is None) == (security == "none")
    assert session.wire.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    session.close()


@pytest.mark.dovecot
def test_a_refused_login_is_the_accounts_own_or_everybodys(
    dovecot_sdbox: Dovecot, settings: Callable[..., ImapConfig]
) -> None:
    port = dovecot_sdbox.port
    expired = dovecot_sdbox.token("user@example.co.jp", seconds=-60)
    own = {"auth": "xoauth2", "token": {"command": ("echo", expired, "{address}")}}
    shared = {"auth": "xoauth2", "token": {"command": ("echo", expired)}}
    master = {"auth": "master", "master_user": MASTER, "password": {"env": "WRONG"}}
    assert code_of(settings(port=port, password={"env": "WRONG"}), AccountError) == "imap.login-refused"
    assert code_of(settings(port=port, **own), AccountError) == "imap.login-refused"
    assert code_of(settings(port=port, **shared), UsageError) == "imap.shared-login-refused"
    assert code_of(settings(port=port, **master), UsageError) == "imap.shared-login-refused"


@pytest.mark.dovecot
def test_a_token_is_asked_for_anew_at_each_login(
    dovecot_sdbox: Dovecot, settings: Callable[..., ImapConfig], tmp_path: Path
) -> None:
    owner, store = user(), tmp_path / "token"
    config = settings(port=dovecot_sdbox.port, auth="xoauth2", token={"command": ("cat", str(store))})
    store.write_text(dovecot_sdbox.token(owner, seconds=-60))
    assert code_of(config, UsageError, owner=owner) == "imap.shared-login-refused"
    store.write_text(dovecot_sdbox.token(owner))
    connect(config, account=None, address=owner).close()


@pytest.mark.dovecot
def test_a_certificate_nobody_vouches_for_is_refused(
    dovecot_sdbox: Dovecot, settings: Callable[..., ImapConfig], tmp_path: Path
) -> None:
    for security, port in (("tls", dovecot_sdbox.tls_port), ("starttls", dovecot_sdbox.port)):
        assert code_of(settings(port=port, security=security), UsageError) == "imap.certificate"
    wrong_name = settings(host="127.0.0.2", port=dovecot_sdbox.tls_port, security="tls", ca_file=dovecot_sdbox.ca_file)
    assert code_of(wrong_name, Outage) == "imap.unreachable"  # it listens on 127.0.0.1 alone
    absent = settings(port=dovecot_sdbox.tls_port, security="tls", ca_file=tmp_path / "absent.pem")
    assert code_of(absent, UsageError) == "imap.ca-file"
    assert code_of(settings(port=dovecot_sdbox.port, security="tls"), UsageError) == "imap.no-tls"


@pytest.mark.dovecot
def test_no_password_goes_out_before_tls_where_tls_was_asked_for(
    dovecot_sdbox: Dovecot, settings: Callable[..., ImapConfig]
) -> None:
    box = Box(settings(port=dovecot_sdbox.port), user())
    with tapped(box, hide=[b"STARTTLS"]) as (behind, seen):
        config = settings(port=behind.config.port, security="starttls", ca_file=dovecot_sdbox.ca_file)
        assert code_of(config, UsageError) == "imap.starttls-absent"
        assert not any(b"LOGIN" in command or b"AUTHENTICATE" in command for command in seen.commands)


def test_plain_text_goes_to_this_host_alone(settings: Callable[..., ImapConfig]) -> None:
    for host in ("192.0.2.1", "imap.example.co.jp", "localhost.example.co.jp", "2001:db8::1"):
        assert code_of(settings(host=host), UsageError) == "imap.plain-refused"
    assert all(map(is_here, ("localhost", "127.0.0.1", "127.8.8.8", "::1")))


def test_a_server_that_is_not_there_is_an_outage(settings: Callable[..., ImapConfig]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert code_of(settings(port=port), Outage) == "imap.unreachable"


GREETING = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n"


def answering(login: bytes, *, greeting: bytes = GREETING, capability: bytes = b"IMAP4rev1 AUTH=PLAIN") -> Any:
    """A server with one answer to every login."""

    def talk(lines: BinaryIO, say: Callable[[bytes], None]) -> None:
        say(greeting)
        for line in lines:
            tag, _, command = line.strip().partition(b" ")
            if command.upper() == b"CAPABILITY":
                say(b"* CAPABILITY %b\r\n%b OK done\r\n" % (capability, tag))
            elif command.upper().startswith(b"AUTHENTICATE"):
                say(b"+ \r\n")
                lines.readline()
                say(login.replace(b"TAG", tag))
                if b"BYE" in login:
                    return
            elif command.upper().startswith(b"LOGIN"):
                say(login.replace(b"TAG", tag))
            else:
                say(tag + b" OK done\r\n")

    return talk


@pytest.mark.parametrize(
    ("login", "kind", "code"),
    [
        (b"TAG NO [AUTHENTICATIONFAILED] no\r\n", AccountError, "imap.login-refused"),
        (b"TAG NO no\r\n", AccountError, "imap.login-refused"),
        (b"TAG BAD what is " + CANARY.encode() + b"\r\n", AccountError, "imap.login-refused"),
        (b"TAG NO [UNAVAILABLE] later\r\n", Outage, "imap.login-not-now"),
        (b"TAG NO [INUSE] later\r\n", Outage, "imap.login-not-now"),
        (b"TAG NO [LIMIT] too many connections\r\n", Outage, "imap.login-not-now"),
        (b"TAG NO [PRIVACYREQUIRED] not in the clear\r\n", UsageError, "imap.login-disabled"),
        (b"* BYE too many connections\r\n", Outage, "imap.lost"),
        (b"nonsense\r\n", Outage, "imap.lost"),
    ],
)
def test_what_a_server_answers_to_a_login_decides_what_is_done_next(
    settings: Callable[..., ImapConfig], login: bytes, kind: type[MigratorError], code: str
) -> None:
    with scripted(answering(login)) as port:
        assert code_of(settings(port=port, password={"env": "WRONG"}), kind) == code


def test_one_mailbox_that_the_master_may_not_open_is_that_mailboxs_matter(settings: Callable[..., ImapConfig]) -> None:
    with scripted(answering(b"TAG NO [AUTHORIZATIONFAILED] no such mailbox\r\n")) as port:
        config = settings(port=port, auth="master", master_user="m")
        assert code_of(config, AccountError) == "imap.login-refused"


@pytest.mark.parametrize(
    ("greeting", "kind", "code"),
    [
        (b"* BYE busy\r\n", Outage, "imap.protocol"),
        (b"* PREAUTH welcome, whoever you are\r\n", UsageError, "imap.preauth"),
        (b"220 mail.example.co.jp ESMTP\r\n", Outage, "imap.lost"),
        (b"", Outage, "imap.lost"),
    ],
)
def test_a_greeting_that_is_none_is_one_of_our_errors(
    settings: Callable[..., ImapConfig], greeting: bytes, kind: type[MigratorError], code: str
) -> None:
    def talk(lines: BinaryIO, say: Callable[[bytes], None]) -> None:
        if greeting:
            answering(b"TAG OK done\r\n", greeting=greeting)(lines, say)

    with scripted(talk) as port:
        assert code_of(settings(port=port), kind) == code


def test_a_server_that_forbids_plain_logins_gets_no_password(settings: Callable[..., ImapConfig]) -> None:
    with scripted(
        answering(b"TAG OK done\r\n", greeting=b"* OK hi\r\n", capability=b"IMAP4rev1 LOGINDISABLED")
    ) as port:
        assert code_of(settings(port=port), UsageError) == "imap.login-disabled"


@pytest.mark.parametrize("name", ["a\r\nA1 DELETE INBOX", "a\0b", "a\x7fb"])
def test_no_name_of_an_account_can_be_a_command(settings: Callable[..., ImapConfig], name: str) -> None:
    with scripted(answering(b"TAG OK done\r\n", capability=b"IMAP4rev1")) as port:
        assert code_of(settings(port=port), UsageError, owner=name) == "imap.login-characters"


def test_a_template_that_needs_an_account_says_so_where_there_is_none(settings: Callable[..., ImapConfig]) -> None:
    assert code_of(settings(user="{account}"), UsageError) == "imap.account-unknown"
    assert code_of(settings(password={"env": "PASSWORD_{account}"}), UsageError) == "imap.account-unknown"


def test_every_exception_of_imapclient_and_imaplib_is_one_of_our_four() -> None:
    theirs = {
        kind
        for module in (exceptions, imaplib.IMAP4, imaplib)
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Exception)
    }
    assert len(theirs) >= 8
    for kind in theirs:
        assert kind in MEANING, f"{kind} has no meaning of its own"
        assert isinstance(translate(kind("server words"), "h", 1), MigratorError)
        assert "server words" not in repr(translate(kind("server words"), "h", 1).reason)


@pytest.mark.dovecot
def test_no_secret_is_in_a_log_or_an_error(
    dovecot_sdbox: Dovecot, settings: Callable[..., ImapConfig], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        with pytest.raises(AccountError) as failure:
            connect(settings(port=dovecot_sdbox.port, password={"env": "WRONG"}), account=None, address=user())
        connect(settings(port=dovecot_sdbox.port), account=None, address=user()).close()
    chain: list[BaseException] = []
    error: BaseException | None = failure.value
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__
    for text in (caplog.text, *map(repr, chain)):
        assert CANARY not in text
        assert PASSWORD not in text


@pytest.mark.parametrize(
    "wrong",
    [
        {"auth": "xoauth2"},
        {"auth": "master"},
        {"password": None},
        {"host": ""},
        {"security": "ssl"},
        {"password": "in the clear"},
        {"passwort": {"env": "X"}},
        {"port": 0},
    ],
)
def test_a_configuration_that_cannot_work_is_not_built(
    settings: Callable[..., ImapConfig], wrong: dict[str, object]
) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


def test_the_port_follows_the_security(settings: Callable[..., ImapConfig]) -> None:
    ports = [settings(security=each).reached_at for each in ("tls", "starttls", "none")]
    assert (ports, settings(port=10143).reached_at) == ([993, 143, 143], 10143)


def test_accounts_are_a_list_or_a_table(settings: Callable[..., ImapConfig]) -> None:
    assert settings(accounts=["sato"]).accounts == {"sato": "sato"}
    assert settings(accounts={"sato": "sato@example.co.jp"}).accounts == {"sato": "sato@example.co.jp"}
    with pytest.raises(UsageError) as failure, adapter.open_source(settings()):  # type: ignore[misc]
        pass
    assert failure.value.reason.code == "imap.accounts-missing"


def test_a_target_is_not_opened_where_the_login_is_refused(settings: Callable[..., ImapConfig]) -> None:
    with scripted(answering(b"TAG NO no\r\n")) as port:
        assert adapter.open_target is not None
        with pytest.raises(AccountError), adapter.open_target(settings(port=port), Mailbox("a@example.co.jp")):
            pass


def test_tls_versions_of_yesterday_are_not_spoken(
    settings: Callable[..., ImapConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some builds of Python leave the choice to OpenSSL."""

    def lenient(**_: object) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        return context

    monkeypatch.setattr(ssl, "create_default_context", lenient)
    assert tls_context(settings()).minimum_version >= ssl.TLSVersion.TLSv1_2


def test_a_preset_fills_in_what_the_section_does_not_say(settings: Callable[..., ImapConfig]) -> None:
    token = {"command": ["token"]}
    its = ImapConfig(preset="exchange-online", token=token)
    assert (its.host, its.reached_at, its.security, its.auth) == ("outlook.office365.com", 993, "tls", "xoauth2")
    assert its.user == "{address}"
    assert its.shared_credential
    assert ImapConfig(preset="exchange-online", token=token, host="outlook.office365.us").host == "outlook.office365.us"
    with pytest.raises(ValidationError, match="needs token"):
        ImapConfig(preset="exchange-online")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("outlook.office365.com", True),
        ("OUTLOOK.OFFICE365.COM.", True),
        ("partner.outlook.cn", True),
        ("imap.example.co.jp", False),
        ("notoffice365.com", False),
        ("127.0.0.1", False),
    ],
)
def test_exchange_online_is_known_by_its_name(host: str, expected: bool) -> None:
    assert is_online(host) is expected
