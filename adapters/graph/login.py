"""Tokens for Graph, by msal; and sessions that trust whom the section names.

Secrets stay in this module: no error made here quotes what was sent or what the login answered.
"""

import logging
import re
from threading import Lock
from typing import Any

import msal
import requests
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from typing_extensions import override

from migrator.errors import MigratorError, Outage, Reason, UsageError

from .config import GraphConfig

log = logging.getLogger(__name__)

SCOPES = ("Mail.ReadWrite", "Mail.ReadWrite.Shared", "Mail-Advanced.ReadWrite")
"""What a person is asked to let us do; an application was granted its permissions beforehand."""

_CODE = re.compile(r"AADSTS\d+")


class Session(requests.Session):
    """Sends each request once. Of the environment it takes the proxies alone: a bundle of certificates named there goes
    before a session's own, and a .netrc before its token."""

    def __init__(self, config: GraphConfig) -> None:
        super().__init__()
        if config.ca_file is not None and not config.ca_file.is_file():
            raise UsageError(Reason("exchange.ca-missing", path=str(config.ca_file)))
        self.verify = True if config.ca_file is None else str(config.ca_file)
        self.trust_env = False
        self.headers["User-Agent"] = "migrator"
        self._timeout = config.timeout
        for scheme in ("https://", "http://"):
            self.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=1, max_retries=0))

    @override
    def request(self, method: str | bytes, url: str | bytes, *args: Any, **more: Any) -> requests.Response:
        proxies = get_environ_proxies(str(url))
        bounds = {"timeout": self._timeout, "proxies": proxies, "allow_redirects": False}
        return super().request(method, url, *args, **more | bounds)


def broken(error: Exception, endpoint: str) -> MigratorError:
    """What it means that a request had no answer. The text of some of these quotes what was sent."""
    if isinstance(error, requests.exceptions.SSLError):
        return UsageError(Reason("graph.tls-refused", endpoint=endpoint))
    return Outage(Reason("graph.unanswered", endpoint=endpoint, answer=type(error).__name__))


class Login:
    """One login, for all mailboxes and lanes; used by many threads."""

    def __init__(self, config: GraphConfig) -> None:
        self._config = config
        self._session = Session(config)
        self._lock = Lock()
        self._app: Any = None

    def token(self) -> str:
        """A token that should be good. A refused login is not repeated. Raises UsageError, Outage."""
        with self._lock:
            return self._told(self._asked(again=False))

    def renew(self, refused: str) -> str:
        """Another one than that which was refused."""
        with self._lock:
            now = self._told(self._asked(again=False))
            return now if now != refused else self._told(self._asked(again=True))

    def _asked(self, *, again: bool) -> dict[str, Any]:
        try:
            if self._app is None:
                self._app = self._opened()
            return self._from_person(again) if self._config.auth == "device-code" else self._from_app(again)
        except requests.exceptions.RequestException as error:
            raise broken(error, self._config.login_at) from None
        except ValueError:  # msal, of a tenant that its authority does not know
            raise UsageError(Reason("graph.no-tenant", authority=self._config.login_at)) from None

    def _opened(self) -> Any:
        # Microsoft vouches for its own logins only, and is asked about others unless told not to
        known = {
            "authority": self._config.login_at,
            "http_client": self._session,
            "instance_discovery": None if self._config.authority is None else False,
        }
        if self._config.auth == "device-code":
            return msal.PublicClientApplication(self._config.client_id, **known)
        return msal.ConfidentialClientApplication(self._config.client_id, self._credential(), **known)

    def _credential(self) -> str | dict[str, str]:
        if self._config.secret is not None and self._config.auth == "secret":
            return self._config.secret.reveal().get_secret_value()
        assert self._config.key is not None
        assert self._config.certificate is not None
        try:
            certificate = self._config.certificate.read_text("ascii")
        except (OSError, UnicodeDecodeError):
            raise UsageError(Reason("graph.no-certificate", path=str(self._config.certificate))) from None
        key = self._config.key.reveal().get_secret_value()
        try:
            load_pem_private_key(key.encode(), None)
            load_pem_x509_certificate(certificate.encode())
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise UsageError(Reason("graph.no-key", path=str(self._config.certificate))) from None
        return {"private_key": key, "public_certificate": certificate}

    def _from_app(self, again: bool) -> dict[str, Any]:
        if again:
            self._app.remove_tokens_for_client()
        found: dict[str, Any] = self._app.acquire_token_for_client([f"{self._config.endpoint}/.default"])
        return found

    def _from_person(self, again: bool) -> dict[str, Any]:
        scopes = [f"{self._config.endpoint}/{each}" for each in SCOPES]
        for account in self._app.get_accounts():
            found = self._app.acquire_token_silent(scopes, account, force_refresh=again)
            if found and "access_token" in found:
                return dict(found)
        flow = self._app.initiate_device_flow(scopes)
        if "user_code" not in flow:
            return dict(flow)
        log.warning("%s: %s", flow["verification_uri"], flow["user_code"])
        return dict(self._app.acquire_token_by_device_flow(flow))

    def _told(self, found: dict[str, Any]) -> str:
        token = found.get("access_token")
        if isinstance(token, str):
            return token
        code = _CODE.search(str(found.get("error_description", "")))
        answer = code[0] if code else str(found.get("error", ""))[:40]
        if found.get("error") in ("temporarily_unavailable", "server_error"):
            raise Outage(Reason("graph.not-now", answer=answer))
        raise UsageError(Reason("graph.login-refused", authority=self._config.login_at, answer=answer))
