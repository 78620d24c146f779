"""From a configuration to a wire: the endpoint, whom it trusts, how to log in; and what goes wrong there, in our words.

Secrets stay in this module: no error made here quotes what was sent.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

import requests
from exchangelib import Credentials
from exchangelib.autodiscover.discovery import Autodiscovery
from exchangelib.autodiscover.protocol import AutodiscoverProtocol
from exchangelib.credentials import OAuth2AuthorizationCodeCredentials
from exchangelib.errors import EWSError, UnauthorizedError
from exchangelib.transport import GSSAPI, NTLM, get_auth_instance
from oauthlib.oauth2 import OAuth2Token
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from typing_extensions import override

from migrator.errors import AccountError, MigratorError, Reason, UsageError

from .config import ExchangeConfig, check_plain
from .wire import Wire


def connect(config: ExchangeConfig, *, account: str | None, address: str) -> Wire:
    """A wire to one mailbox; nothing is asked of it yet. Raises UsageError, AccountError, Outage."""
    words = config.words(account=account, address=address)
    user = config.user
    for word, value in words.items():
        user = user.replace("{" + word + "}", value)
    verify: str | bool = True
    if config.ca_file is not None:
        if not config.ca_file.is_file():
            raise UsageError(Reason("exchange.ca-missing", path=str(config.ca_file)))
        verify = str(config.ca_file)
    login = _Login(config, user, words)
    endpoint = config.endpoint or _discovered(login, address, verify)
    check_plain(endpoint)
    session = requests.Session()
    session.headers["User-Agent"] = "migrator"
    # a request is sent once: nothing below is to repeat it
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=1, max_retries=0))
    session.auth = login.auth()
    return Wire(
        session,
        endpoint,
        verify=verify,
        timeout=config.timeout,
        version=config.version,
        mailbox=address,
        impersonated=config.access == "impersonation",
        refused=login.refused(urlsplit(endpoint).hostname or ""),
        renew=login.renew,
        throttle=config.throttle,
    )


class _Bearer(AuthBase):
    """A token, asked for when it is first needed and again when it has expired."""

    def __init__(self, ask: Callable[[], str]) -> None:
        self._ask = ask
        self._token = ask()

    def renew(self) -> None:
        self._token = self._ask()

    @override
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Login:
    """How to log in with what the configuration names."""

    def __init__(self, config: ExchangeConfig, user: str, words: dict[str, str]) -> None:
        self._config = config
        self._user = user
        self._words = words
        self._bearer = _Bearer(self._secret) if config.auth == "oauth" else None
        self.renew = None if self._bearer is None else self._bearer.renew

    def _secret(self) -> str:
        assert self._config.credential is not None
        return self._config.credential.reveal(**self._words).get_secret_value()

    def auth(self) -> AuthBase:
        match self._config.auth:
            case "basic":
                return requests.auth.HTTPBasicAuth(self._user.encode(), self._secret().encode())
            case "ntlm":
                # NTLM takes an address for a name without a domain only when it is told that there is none
                user = "\\" + self._user if "@" in self._user and "\\" not in self._user else self._user
                return _auth_instance(NTLM, username=user, password=self._secret())
            case "kerberos":
                return _auth_instance(GSSAPI)
            case "oauth":
                assert self._bearer is not None
                return self._bearer

    def credentials(self) -> Any:
        """The same for exchangelib's autodiscover, which tries by itself how the server wants it."""
        if self._config.auth == "oauth":
            return OAuth2AuthorizationCodeCredentials(access_token=OAuth2Token({"access_token": self._secret()}))
        return Credentials(self._user, self._secret())

    def refused(self, host: str) -> MigratorError:
        """A refused login: everybody's where the credential is shared, else this mailbox's."""
        if self._config.auth == "oauth":
            reason = Reason("exchange.token-refused", host=host)
        else:
            reason = Reason("exchange.login-refused", host=host, user=self._user, auth=self._config.auth)
        return (UsageError if self._config.shared_credential else AccountError)(reason)


def _auth_instance(kind: str, **more: str) -> AuthBase:
    try:
        instance: AuthBase = get_auth_instance(auth_type=kind, **more)
    except (ImportError, KeyError) as error:
        raise UsageError(Reason("exchange.extra-missing", module="requests_gssapi")) from error
    return instance


# -- autodiscover ----------------------------------------------------------------------------------------------------

_trusted: ContextVar[str | bool] = ContextVar("trusted", default=True)


class _Trusting(HTTPAdapter):
    """Trusts what the running discovery trusts. exchangelib makes its sessions itself, and of an adapter takes only
    the class; which certificates to trust is told by the context, so that no target's trust becomes another's."""

    @override
    def send(self, *arguments: Any, **more: Any) -> requests.Response:
        if (verify := _trusted.get()) is not True:
            more["verify"] = verify
        return super().send(*arguments, **more)


# Of autodiscover alone, and with the very trust that exchangelib has where nothing is told.
AutodiscoverProtocol.HTTP_ADAPTER_CLS = _Trusting


@contextmanager
def _trust(verify: str | bool) -> Iterator[None]:
    token = _trusted.set(verify)
    try:
        yield
    finally:
        _trusted.reset(token)


def _discovered(login: _Login, address: str, verify: str | bool) -> str:
    try:
        with _trust(verify):
            found, _ = Autodiscovery(email=address, credentials=login.credentials()).discover()
    except UnauthorizedError:
        raise login.refused(address.rpartition("@")[2]) from None
    except (EWSError, requests.exceptions.RequestException) as error:
        answer = type(error).__name__
        raise AccountError(Reason("exchange.autodiscover-failed", mailbox=address, answer=answer)) from error
    return str(found.ews_url)
