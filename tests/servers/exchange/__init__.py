"""An Exchange Server of our own for tests: Exchange Web Services on a loopback port, validated both ways by schema.

It is a double, written from Microsoft's pages and from what was seen on the wire of another server: it proves how we
use the protocol, and nothing about an Exchange. It is unkind on purpose: mails are made anew at each read, dates have
fractions, folders have Japanese names, pages are short.

Each rule names its page: [services] and [reference] are exchange-web-services/ and web-service-reference/ below
https://learn.microsoft.com/exchange/client-developer/, [MS-…] are the Exchange Server protocol documents.
"""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

import pytest

from tests.servers.answers import Answer, Oversize, certificate
from tests.servers.exchange import folders, items, people, search, sync  # noqa: F401 - each enlists its operations
from tests.servers.exchange.calls import fault
from tests.servers.exchange.faults import Fault, Refused, Request
from tests.servers.exchange.items import ReadReceipt
from tests.servers.exchange.store import Mailbox, Store
from tests.servers.exchange.web import PATH, XML, Web, budget, work
from tests.servers.exchange.xml import Judge

PASSWORD = "open-sesame"
ALICE, BOB, TEAM = "alice@example.co.jp", "bob@example.co.jp", "team@example.co.jp"
SERVICE = "migrator@example.co.jp"
"""May impersonate, and has no mailbox."""

REQUEST = 64 * 1024 * 1024
"""Bytes of a request at most.

https://learn.microsoft.com/exchange/architecture/client-access/client-specific-message-size-limits
"""


@cache
def judge() -> Judge:
    """The schema is compiled once a process."""
    return Judge()


@dataclass
class Exchange:
    """A running server. What a test may change while it runs is a field; what it may look at is one too."""

    store: Store
    passwords: dict[str, str]
    impersonators: set[str] = field(default_factory=lambda: {SERVICE})
    tokens: dict[str, str] = field(default_factory=dict)
    """Users by bearer token."""

    request_bytes: int = REQUEST
    oversize: Oversize = 413
    concurrency: int = 27
    """Requests a mailbox may have under way at once: [services] ews-throttling-in-exchange (EWSMaxConcurrency)."""
    crowd: int | None = None
    """Requests the whole server has under way at once before it is too busy for more; None: it never is."""
    item_bytes: int | None = None
    """Bytes of a mail at most; no limit of the organisation's is None."""
    twins: bool = True
    """Whether a text gets a twin in HTML when a mail is read."""
    illegal: frozenset[str] = frozenset()
    """Characters no folder's name may have."""
    full_folders_stay: bool = False
    """Whether a folder that is not empty cannot be deleted for good."""
    public_mailbox: str = "5f0b2c1e-7c1a-4c53-9d5a-0f7a3c1b9e55@example.co.jp"
    """The mailbox that holds the content of public folders."""

    underway: Counter[str] = field(default_factory=Counter)
    busiest: Counter[str] = field(default_factory=Counter)
    """The most requests that were under way at once, by mailbox."""
    turned_away: int = 0
    """Requests that met a crowd."""
    faults: list[Fault] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    receipts: list[ReadReceipt] = field(default_factory=list)
    invalid_requests: list[str] = field(default_factory=list)
    invalid_answers: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    judge: Judge = field(default_factory=judge)
    url: str = ""
    certificate: Path | None = None

    def __getitem__(self, owner: str) -> Mailbox:
        return self.store[owner]

    def script(self, *faults: Fault) -> None:
        self.faults.extend(faults)

    @property
    def refused(self) -> list[Refused]:
        return [each for each in self.faults if isinstance(each, Refused)]

    @property
    def fired(self) -> dict[str, int]:
        """How often each kind of fault came about."""
        kinds = {type(each).__name__ for each in self.faults}
        return {kind: sum(each.fired for each in self.faults if type(each).__name__ == kind) for kind in sorted(kinds)}

    def asked(self, operation: str) -> list[Request]:
        return [each for each in self.requests if each.operation == operation]

    def serve(self, request: Request) -> Answer | None:
        with budget(self, request) as within:
            if not within:
                return Answer(500, fault("ErrorExceededConnectionCount"), XML)
            if self.crowd is not None and self.underway.total() > self.crowd:
                self.turned_away += 1
                return Answer(500, fault("ErrorServerBusy", "Try again later.", BackOffMilliseconds=20), XML)
            for each in self.faults:
                if each.due(request):
                    return each.strike(request, lambda: work(self, request))
            return work(self, request)


@contextmanager
def server(
    *owners: str, services: Iterable[str] = (SERVICE,), language: Literal["en", "ja"] = "ja", tls: bool = False
) -> Iterator[Exchange]:
    """Run a server with a mailbox for each owner (alice, bob and team unless told otherwise).

    It ends with an error where one of its own answers broke the schema or its code broke.
    """
    owners = owners or (ALICE, BOB, TEAM)
    exchange = Exchange(Store(owners, language=language), dict.fromkeys((*owners, *services), PASSWORD))
    with tempfile.TemporaryDirectory(prefix="ews-") as home:
        exchange.certificate = certificate(Path(home)) if tls else None
        web = Web(exchange, exchange.certificate)
        exchange.url = web.origin + PATH
        try:
            with web.running():
                yield exchange
        except BaseException as error:
            for each in (*exchange.broken, *exchange.invalid_requests, *exchange.invalid_answers):
                error.add_note(each)
            raise
    assert exchange.broken == []
    assert exchange.invalid_answers == []


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    """A server of this test's own."""
    with server() as running:
        yield running
