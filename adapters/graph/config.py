"""What the section of a Graph target holds."""

from collections import Counter
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator

from migrator.nearby import is_here
from migrator.secret import Secret

if TYPE_CHECKING:
    from .login import Login

BATCH = 20
"""Requests in a batch at most ("Combine multiple HTTP requests using JSON batching")."""

LOGINS = {
    "graph.microsoft.com": "https://login.microsoftonline.com",
    "graph.microsoft.us": "https://login.microsoftonline.us",
    "dod-graph.microsoft.us": "https://login.microsoftonline.us",
    "microsoftgraph.chinacloudapi.cn": "https://login.chinacloudapi.cn",
}
"""Where each cloud logs in ("National cloud deployments")."""


class GraphConfig(BaseModel):
    """A tenant's Exchange Online, and how an application or a person logs in to its mailboxes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: str = "https://graph.microsoft.com"
    """Another cloud's: `https://graph.microsoft.us`, `https://dod-graph.microsoft.us`,
    `https://microsoftgraph.chinacloudapi.cn`."""
    authority: str | None = None
    """Where its logins are; Microsoft's clouds are known."""
    tenant: str = Field(min_length=1)
    """The directory's id, or one of its domains."""
    client_id: str = Field(min_length=1)
    """The registered application's id."""
    auth: Literal["certificate", "secret", "device-code"] = "certificate"
    """`certificate` and `secret`: the application alone, in every mailbox it may. `device-code`: a person, in the own
    mailbox and such as they have full access to."""
    certificate: Path | None = None
    """With auth = "certificate": the certificate that is registered, in PEM; `key` is its private key."""
    key: Secret | None = None
    secret: Secret | None = None
    """With auth = "secret"."""
    ca_file: Path | None = None
    """The certificates to trust instead of those that come with Python's certifi, in PEM."""
    beta: bool = False
    """Whether mails may be made by importMime, which Microsoft calls beta; without it none can be made."""
    receipts: Literal["disarm", "keep"] = "disarm"
    """`keep`: a mail that asked for a receipt when it was sent asks again when somebody opens the old copy."""
    timeout: float = Field(default=120, gt=0)
    """Seconds of silence after which a request is given up."""
    item_bytes: int = Field(default=3 * 2**20, ge=2**10)
    """The largest mail that is sent: as base64 it fits into a request, which has 4 MB at most."""
    batch_items: int = Field(default=BATCH, ge=1, le=BATCH)
    batch_bytes: int = Field(default=15_000_000, ge=1)
    """Bytes of mail that are made before they are moved to their place."""

    _unanswered: Counter[str] = PrivateAttr(default_factory=Counter)
    _login: "Login | None" = PrivateAttr(default=None)
    _lock: Lock = PrivateAttr(default_factory=Lock)

    @field_validator("endpoint", "authority")
    @classmethod
    def _whole(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if not parts.hostname or parts.username or parts.query or parts.path.strip("/"):
            raise ValueError("a URL such as https://graph.microsoft.com, without a path")
        if parts.scheme != "https" and not (parts.scheme == "http" and is_here(parts.hostname)):
            raise ValueError("tokens and mail travel by https only")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _complete(self) -> "GraphConfig":
        if self.auth == "certificate" and (self.certificate is None or self.key is None):
            raise ValueError('auth = "certificate" needs certificate and key')
        if self.auth == "secret" and self.secret is None:
            raise ValueError('auth = "secret" needs secret')
        if self.authority is None and self.host not in LOGINS:
            raise ValueError("an endpoint that is none of Microsoft's needs authority")
        return self

    @property
    def host(self) -> str:
        return urlsplit(self.endpoint).hostname or ""

    @property
    def login_at(self) -> str:
        """The URL of the tenant's logins."""
        return f"{self.authority or LOGINS[self.host]}/{self.tenant}"

    @property
    def unanswered(self) -> Counter[str]:
        """How often a mail was on its way when nobody answered; by what was sent."""
        return self._unanswered

    def login(self) -> "Login":
        """The one login of all mailboxes and lanes: a token is the application's, and a person is asked once."""
        from .login import Login

        with self._lock:
            if self._login is None:
                self._login = Login(self)
            return self._login
