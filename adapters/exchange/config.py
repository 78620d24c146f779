"""What the section of an Exchange source or target holds."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, field_validator, model_validator
from typing_extensions import override

from migrator.errors import Reason, UsageError
from migrator.nearby import is_here
from migrator.secret import Secret

from .throttle import Throttle

ENVELOPE = 64 * 2**10
"""Bytes of a request that are kept free for what stands around a mail."""


def _table(accounts: object) -> object:
    return {name: name for name in accounts} if isinstance(accounts, list | tuple) else accounts


class ExchangeConfig(BaseModel):
    """An Exchange server, and how to log in to its mailboxes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: str | None = None
    """`https://mail.example.co.jp/EWS/Exchange.asmx`; without it autodiscover is asked, by each mailbox's address."""
    version: Literal["Exchange2016", "Exchange2013_SP1"] = "Exchange2016"
    """The version of the protocol to speak. Exchange 2016, 2019 and SE know both."""
    ca_file: Path | None = None
    """The certificates to trust instead of the system's, in PEM."""
    auth: Literal["basic", "ntlm", "kerberos", "oauth"] = "ntlm"
    user: str = Field(default="{address}", min_length=1)
    """The login name: `{account}` is the source's name, `{address}` the mailbox's; `DOMAIN\\name` with ntlm."""
    password: Secret | None = None
    """With auth = "basic" and "ntlm"."""
    token: Secret | None = None
    """With auth = "oauth": a bearer token, asked for anew at each login and when one has expired."""
    access: Literal["impersonation", "delegate"] = "impersonation"
    """`impersonation`: one login acts as every mailbox's owner. `delegate`: it has full access, or is the owner."""
    receipts: Literal["disarm", "keep"] = "disarm"
    """`keep`: a mail that asked for a receipt when it was sent asks again when somebody opens the old copy."""
    states: Literal["categories", "none"] = "categories"
    """How states, people and tags of shared inboxes are shown: by categories and the follow-up flag, or not at all."""
    public: dict[str, str] = {}
    """Shared inboxes that lie in a public folder: account or address -> the folder, `部署/お客様窓口`."""
    timeout: float = Field(default=120, gt=0)
    """Seconds of silence after which a request is given up."""
    request_bytes: int = Field(default=64 * 2**20, ge=2**20)
    """The largest request the server takes (maxRequestLength and its kin in its web.config)."""
    batch_items: int = Field(default=25, ge=1, le=100)
    batch_bytes: int = Field(default=15_000_000, ge=1)
    """Bytes of mail in one request; a server ends a request that takes it more than a minute."""
    accounts: Annotated[dict[str, str], BeforeValidator(_table)] = {}
    """As a source: the accounts to read, as a list of addresses, or as a table from account to address."""
    connections: int = Field(default=20, ge=1)
    """Requests under way at once, whatever the number of mailboxes and lanes; fewer while the server is busy."""

    _unanswered: Counter[str] = PrivateAttr(default_factory=Counter)
    _throttle: Throttle = PrivateAttr()

    @override
    def model_post_init(self, context: object, /) -> None:
        self._throttle = Throttle(self.connections)

    @field_validator("endpoint")
    @classmethod
    def _whole(cls, endpoint: str | None) -> str | None:
        if endpoint is not None:
            parts = urlsplit(endpoint)
            if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.query:
                raise ValueError("endpoint is a URL such as https://mail.example.co.jp/EWS/Exchange.asmx")
        return endpoint

    @model_validator(mode="after")
    def _complete(self) -> "ExchangeConfig":
        if self.auth == "oauth" and self.token is None:
            raise ValueError('auth = "oauth" needs token')
        if self.auth in ("basic", "ntlm") and self.password is None:
            raise ValueError(f'auth = "{self.auth}" needs password')
        if self.auth == "kerberos" and self.endpoint is None:
            raise ValueError('auth = "kerberos" needs endpoint')
        return self

    @property
    def item_bytes(self) -> int:
        """The largest mail that fits into a request, as base64."""
        return (self.request_bytes - ENVELOPE) // 4 * 3

    @property
    def credential(self) -> Secret | None:
        """Where the password or token is."""
        return self.token if self.auth == "oauth" else self.password

    @property
    def shared_credential(self) -> bool:
        """Whether one credential opens every mailbox: then a refusal is everybody's."""
        own = f"{self.user} {self.credential}" if self.auth != "oauth" else str(self.credential)
        return self.auth == "kerberos" or not any(word in own for word in ("{account}", "{address}"))

    def root(self, owner: str, account: str | None) -> str | None:
        """Below which public folder this mailbox's folders lie; None for its own."""
        return self.public.get(owner, self.public.get(account or ""))

    @property
    def unanswered(self) -> Counter[str]:
        """How often a mail was on its way, alone, when the server did not answer; by what was sent."""
        return self._unanswered

    @property
    def throttle(self) -> Throttle:
        """What all who speak to this server share."""
        return self._throttle

    def words(self, *, account: str | None, address: str) -> dict[str, str]:
        """What fills the templates. Raises UsageError where one asks for an account and there is not just one."""
        if account is None:
            if "{account}" in f"{self.user} {self.credential}":
                raise UsageError(Reason("exchange.account-unknown", mailbox=address))
            return {"address": address}
        return {"account": account, "address": address}


def check_plain(endpoint: str) -> None:
    """Raises UsageError for plain text to another host."""
    parts = urlsplit(endpoint)
    if parts.scheme != "https" and not is_here(parts.hostname or ""):
        raise UsageError(Reason("exchange.plain-refused", host=parts.hostname))
