"""From a configuration to a session: connect, TLS, login; and what goes wrong there, in our words.

imapclient speaks the greeting and the login. Secrets stay in this module: no error made here quotes the server's text
about a login, which might quote them back.
"""

import imaplib
import ipaddress
import re
import socket
import ssl
from collections.abc import Callable

from imapclient import IMAPClient, exceptions
from typing_extensions import Buffer, override

from migrator.errors import AccountError, FolderError, MigratorError, Outage, Reason, UsageError

from .answers import NOT_NOW
from .config import ImapConfig
from .session import Session
from .wire import Wire
from .words import quoted


def connect(config: ImapConfig, *, account: str | None, address: str) -> Session:
    """Log in to one mailbox. Raises UsageError, AccountError, Outage; a refused login is not repeated."""
    config.check_security()
    words = config.words(account=account, address=address)
    user = config.user
    for word, value in words.items():
        user = user.replace("{" + word + "}", value)
    secret = config.credential.reveal(**words).get_secret_value()
    memory = config.memory(address)
    wire = _wire(config)
    wire.ended = memory.ended
    try:
        client = _Client(wire)
        if client.state == "AUTH":
            raise UsageError(Reason("imap.preauth", host=wire.host, port=wire.port))
        if config.security == "starttls":
            _start_tls(client, config)
        _log_in(client, config, user, secret, address)
        capabilities = frozenset(word.decode("ascii", "replace").upper() for word in client.capabilities())
    except exceptions.IMAPClientError as error:
        wire.close()
        raise translate(error, wire.host, wire.port) from None
    except BaseException:
        wire.close()
        raise
    return Session(wire, capabilities, memory)


# -- imapclient over our wire ----------------------------------------------------------------------------------------


class _Imap4(imaplib.IMAP4):
    """imaplib's half of a login, reading and writing through the wire that the session will go on with."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        super().__init__(wire.host, wire.port)

    @override
    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
        self.host, self.port = host, port

    @override
    def read(self, size: int) -> bytes:
        return self._wire.read(size)

    @override
    def readline(self) -> bytes:
        return self._wire.readline()

    @override
    def send(self, data: Buffer) -> None:
        self._wire.send(bytes(data))

    @override
    def shutdown(self) -> None:
        self._wire.close()


class _Client(IMAPClient):  # type: ignore[misc]
    """imapclient over a wire that is already there, and without its log, which would hold passwords in memory."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        super().__init__(wire.host, wire.port, ssl=False)
        self._imap.debug = 0

    @override
    def _create_IMAP4(self) -> _Imap4:
        return _Imap4(self._wire)

    @override
    def _set_read_timeout(self) -> None:
        """The wire has its own."""

    def secure(self, context: ssl.SSLContext) -> None:
        """STARTTLS over the wire; imapclient then asks for the capabilities anew."""
        kind, said = self._imap._simple_command("STARTTLS")
        self._checkok("starttls", kind, said)
        self._wire.secure(context)
        self._starttls_done = True

    @property
    def state(self) -> str:
        return str(self._imap.state)


# -- connecting ------------------------------------------------------------------------------------------------------


def _wire(config: ImapConfig) -> Wire:
    host, port = config.host, config.reached_at
    try:
        connection = socket.create_connection((host, port), config.timeout)
    except OSError as error:
        raise Outage(Reason("imap.unreachable", host=host, port=port, answer=_words_of(error))) from error
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if config.security == "none" and not ipaddress.ip_address(connection.getpeername()[0]).is_loopback:
            raise UsageError(Reason("imap.plain-refused", host=host))
        if config.security == "tls":
            connection = tls_context(config).wrap_socket(connection, server_hostname=host)
    except OSError as error:
        connection.close()
        raise _tls_error(error, host, port) from error
    except BaseException:
        connection.close()
        raise
    return Wire(connection, host=host, port=port, timeout=config.timeout)


def tls_context(config: ImapConfig) -> ssl.SSLContext:
    """Certificates are verified; TLS 1.2 at least (RFC 8996), also where the system's Python would go lower.

    Raises UsageError where the file of trusted certificates cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=config.ca_file)
    except OSError as error:
        path = str(config.ca_file)
        raise UsageError(Reason("imap.ca-file", path=path, answer=_words_of(error))) from error
    context.minimum_version = max(context.minimum_version, ssl.TLSVersion.TLSv1_2)
    return context


def _start_tls(client: _Client, config: ImapConfig) -> None:
    host, port = config.host, config.reached_at
    if not client.has_capability("STARTTLS"):
        raise UsageError(Reason("imap.starttls-absent", host=host, port=port))
    try:
        client.secure(tls_context(config))
    except OSError as error:
        raise _tls_error(error, host, port) from error


def _tls_error(error: OSError, host: str, port: int) -> MigratorError:
    match error:
        case ssl.SSLCertVerificationError():
            return UsageError(Reason("imap.certificate", host=host, port=port, answer=error.verify_message))
        case ssl.SSLError(reason="WRONG_VERSION_NUMBER" | "NO_PROTOCOLS_AVAILABLE" | "UNSUPPORTED_PROTOCOL"):
            return UsageError(Reason("imap.no-tls", host=host, port=port))
        case _:
            return Outage(Reason("imap.unreachable", host=host, port=port, answer=_words_of(error)))


def _words_of(error: OSError) -> str:
    return error.strerror or type(error).__name__


# -- logging in ------------------------------------------------------------------------------------------------------


def _log_in(client: _Client, config: ImapConfig, user: str, secret: str, address: str) -> None:
    """Raises UsageError where the credential is everybody's, AccountError where it is this mailbox's own."""
    if any(ord(each) < 32 or ord(each) == 127 for each in user + secret + (config.master_user or "")):
        raise UsageError(Reason("imap.login-characters", mailbox=address))
    plain = client.has_capability("AUTH=PLAIN")
    try:
        match config.auth:
            case "xoauth2":
                client.sasl_login("XOAUTH2", _xoauth2(user, secret))
            case "master" if plain:
                client.plain_login(config.master_user, secret, authorization_identity=user)
            case "password" if plain:
                client.plain_login(user, secret)
            case "master":
                _plain_text_login(client, f"{user}{config.master_separator}{config.master_user}", secret, address)
            case _:
                _plain_text_login(client, user, secret, address)
    except exceptions.LoginError as error:
        raise _refused(error, config, address) from None


def _plain_text_login(client: _Client, user: str, secret: str, address: str) -> None:
    """LOGIN, for servers without SASL PLAIN."""
    if client.has_capability("LOGINDISABLED"):
        raise UsageError(Reason("imap.login-disabled", mailbox=address))
    if not (user + secret).isascii():
        raise UsageError(Reason("imap.login-characters", mailbox=address))
    # imaplib quotes the password, but not the user
    client.login(quoted(user.encode()).decode(), secret)


def _xoauth2(user: str, token: str) -> Callable[[bytes], str]:
    """The mechanism: the token once, and an empty answer to the challenge that tells what was wrong with it."""
    answers = iter([f"user={user}\1auth=Bearer {token}\1\1"])
    return lambda _: next(answers, "")


def _refused(error: Exception, config: ImapConfig, address: str) -> MigratorError:
    if isinstance(error.__context__, imaplib.IMAP4.abort):
        return Outage(Reason("imap.lost", host=config.host, port=config.reached_at))
    found = re.search(r"\[([A-Z-]+)[ \]]", str(error))
    code = found[1] if found else ""
    reason = Reason("imap.login-refused", mailbox=address, host=config.host, answer=code or "NO")
    if code in NOT_NOW | {"LIMIT"}:
        return Outage(Reason("imap.login-not-now", mailbox=address, host=config.host, answer=code))
    if code == "PRIVACYREQUIRED":
        return UsageError(Reason("imap.login-disabled", mailbox=address))
    if config.shared_credential and code != "AUTHORIZATIONFAILED":
        return UsageError(Reason("imap.shared-login-refused", mailbox=address, host=config.host, answer=code or "NO"))
    return AccountError(reason)


# -- every exception of theirs, as one of our four -------------------------------------------------------------------

_Meaning = Callable[[str, int], MigratorError]


def _protocol(what: str) -> _Meaning:
    return lambda host, port: Outage(Reason("imap.protocol", host=host, port=port, what=what))


MEANING: dict[type[Exception], _Meaning] = {
    exceptions.LoginError: lambda host, _: AccountError(
        Reason("imap.login-refused", mailbox="", host=host, answer="NO")
    ),
    exceptions.CapabilityError: lambda host, port: UsageError(Reason("imap.incapable", host=host, port=port)),
    exceptions.IllegalStateError: _protocol("state"),
    exceptions.InvalidCriteriaError: _protocol("criteria"),
    exceptions.ProtocolError: _protocol("answer"),
    imaplib.IMAP4.readonly: lambda host, port: FolderError(Reason("imap.read-only", host=host, port=port)),
    imaplib.IMAP4.abort: lambda host, port: Outage(Reason("imap.lost", host=host, port=port)),
    imaplib.IMAP4.error: _protocol("answer"),
}
"""What each exception of imapclient and imaplib means here; a test sees to it that none is forgotten."""


def translate(error: Exception, host: str, port: int) -> MigratorError:
    """Their exception as ours."""
    for kind in type(error).__mro__:
        if meaning := MEANING.get(kind):
            return meaning(host, port)
    raise error
