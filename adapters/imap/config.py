"""What the section of an IMAP source or target holds."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from migrator.errors import Reason, UsageError
from migrator.nearby import is_here
from migrator.secret import Secret

from . import exchange_online
from .memory import Memory

PORTS = {"tls": 993, "starttls": 143, "none": 143}


def _table(accounts: object) -> object:
    return {name: name for name in accounts} if isinstance(accounts, list | tuple) else accounts


class ImapConfig(BaseModel):
    """An IMAP server, and how to log in to its mailboxes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    preset: Literal["exchange-online"] | None = None
    """Fills in what is the same for every mailbox there; a key of your own wins."""
    host: str = Field(min_length=1)
    port: int | None = Field(default=None, ge=1, le=65535)
    """By default 993 with tls, else 143."""
    security: Literal["tls", "starttls", "none"] = "tls"
    """`none` only to loopback."""
    ca_file: Path | None = None
    """The certificates to trust instead of the system's, in PEM."""
    auth: Literal["password", "master", "xoauth2"] = "password"
    user: str = Field(default="{address}", min_length=1)
    """The login name: `{account}` is the source's name, `{address}` the mailbox's."""
    master_user: str | None = None
    """With auth = "master": logs in for everybody, by SASL PLAIN, or as `user*master` where that is not offered."""
    master_separator: str = "*"
    password: Secret | None = None
    token: Secret | None = None
    """With auth = "xoauth2": asked for anew at each login, so that an expired one is replaced."""
    timeout: float = Field(default=60, gt=0)
    """Seconds of silence after which a connection is given up."""
    connections: int | None = Field(default=None, ge=1, le=16)
    """Lanes to one mailbox; by default as many as help."""
    forbidden: str = ""
    """Further characters that the server refuses in names of folders."""
    states: Literal["keywords", "folders", "none"] = "keywords"
    """How the mails of a shared inbox tell how far the work is: by keywords, by sub-folders of their place (people and
    tags stay keywords), or not at all."""
    keywords: int | None = Field(default=None, ge=0)
    """How many different keywords a folder of this server keeps, where there is an end (Dovecot's Maildir: 26)."""
    public: dict[str, str] = {}
    """As a target: mailboxes, by address or account, whose folders are to lie below a folder that other people see too
    (RFC 2342), with that folder's name: { support = "Public/Support" }. It must be there, and the login may do all."""
    accounts: Annotated[dict[str, str], BeforeValidator(_table)] = {}
    """As a source: the accounts to read, as a list, or as a table from account to address."""

    _memories: dict[str, Memory] = PrivateAttr(default_factory=dict)
    _signs: frozenset[str] | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, given: Any) -> Any:
        filled = isinstance(given, dict) and given.get("preset") == "exchange-online"
        return {**exchange_online.PRESET, **given} if filled else given

    @model_validator(mode="after")
    def _complete(self) -> "ImapConfig":
        if self.auth == "xoauth2" and self.token is None:
            raise ValueError('auth = "xoauth2" needs token')
        if self.auth != "xoauth2" and self.password is None:
            raise ValueError(f'auth = "{self.auth}" needs password')
        if self.auth == "master" and not self.master_user:
            raise ValueError('auth = "master" needs master_user')
        return self

    @property
    def reached_at(self) -> int:
        """The port."""
        return self.port or PORTS[self.security]

    @property
    def shared_credential(self) -> bool:
        """Whether one credential opens every mailbox: then a refusal is everybody's."""
        if self.auth == "xoauth2":
            return not any(word in str(self.credential) for word in ("{account}", "{address}"))
        return self.auth == "master"

    @property
    def credential(self) -> Secret:
        """Where the password or token is."""
        secret = self.token if self.auth == "xoauth2" else self.password
        assert secret is not None
        return secret

    def memory(self, owner: str) -> Memory:
        """What is remembered of this owner's mailbox."""
        return self._memories.setdefault(owner, Memory())

    def signs(self, ask: Callable[[], frozenset[str]]) -> frozenset[str]:
        """What no name may hold there: `forbidden`, and what the server says when it is first asked."""
        if self._signs is None:
            self._signs = ask()
        return self._signs | frozenset(self.forbidden)

    def root(self, owner: str, account: str | None) -> str | None:
        """Below which folder this mailbox's folders lie; None for its own."""
        return self.public.get(owner, self.public.get(account or ""))

    def words(self, *, account: str | None, address: str) -> dict[str, str]:
        """What fills the templates. Raises UsageError where one asks for an account and there is not just one."""
        if account is None:
            if "{account}" in self.user or "{account}" in str(self.credential):
                raise UsageError(Reason("imap.account-unknown", mailbox=address))
            return {"address": address}
        return {"account": account, "address": address}

    def check_security(self) -> None:
        """Raises UsageError for plain text to another host."""
        if self.security == "none" and not is_here(self.host):
            raise UsageError(Reason("imap.plain-refused", host=self.host))
