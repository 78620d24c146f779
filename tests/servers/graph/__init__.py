"""A Microsoft Graph of our own for tests: the calls on mail that an importer makes, and the login before them.

It is a double, written from Microsoft's pages; nothing of it was ever seen on the wire of the real one. Each rule names
its page: [graph] is https://learn.microsoft.com/graph/ (throttling-limits, json-batching, api/…, resources/…). It keeps
mails as the Exchange double does, and gives them back as unkindly.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from tests.servers.answers import Answer, Oversize, certificate
from tests.servers.exchange import ALICE, BOB, TEAM
from tests.servers.exchange.faults import Fault, Request, Work
from tests.servers.exchange.store import Mailbox, Store
from tests.servers.graph import mail  # noqa: F401 - enlists its calls
from tests.servers.graph.calls import error, serve
from tests.servers.graph.login import App, Grant
from tests.servers.graph.web import Web

APP, SECRET = "11111111-2222-3333-4444-555555555555", "open-sesame"
TENANT = "example.co.jp"
MIME = 4 * 1024 * 1024
"""Bytes of a mail as MIME at most: [graph] api/user-post-messages."""


@dataclass
class Graph:
    """A running server. What a test may change while it runs is a field; what it may look at is one too."""

    store: Store
    apps: dict[str, App]
    grants: dict[str, Grant] = field(default_factory=dict)
    """What each token given out allows."""

    request_bytes: int = MIME * 4 // 3 + 4
    """Bytes of a request at most, MIME as base64."""
    oversize: Oversize = 413
    concurrency: int = 4
    """Requests an app may have under way in a mailbox: [graph] throttling-limits (Outlook service limits)."""
    patience: int = 3600
    """Seconds a token is good for."""
    received: Literal["now", "date"] = "now"
    """When an imported mail was received: no page says it."""
    advanced: bool = True
    """Whether it is after 2026-12-31: what a mail says, once it is no draft, changes with Mail-Advanced.ReadWrite."""
    twins: bool = True

    faults: list[Fault] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    underway: Counter[tuple[str, str]] = field(default_factory=Counter)
    busiest: Counter[tuple[str, str]] = field(default_factory=Counter)
    """The most requests that were under way at once, by app and mailbox."""
    receipts: list[str] = field(default_factory=list)
    """The mails whose senders were told that somebody has read them."""
    devices: dict[str, str | None] = field(default_factory=dict)
    """Device codes given out, and who has entered each."""
    refreshing: dict[str, str] = field(default_factory=dict)
    """Refresh tokens given out, and to whom."""
    broken: list[str] = field(default_factory=list)
    origin: str = ""
    certificate: Path | None = None

    @property
    def url(self) -> str:
        """Where the versions begin: v1.0 and beta."""
        return self.origin

    @property
    def authority(self) -> str:
        return f"{self.origin}/{TENANT}"

    def __getitem__(self, owner: str) -> Mailbox:
        return self.store[owner]

    def script(self, *faults: Fault) -> None:
        self.faults.extend(faults)

    @property
    def fired(self) -> dict[str, int]:
        kinds = {type(each).__name__ for each in self.faults}
        return {kind: sum(each.fired for each in self.faults if type(each).__name__ == kind) for kind in sorted(kinds)}

    def asked(self, operation: str) -> list[Request]:
        return [each for each in self.requests if each.operation == operation]

    def number(self, operation: str) -> int:
        with self.store.lock:
            self.counts[operation] += 1
            return self.counts[operation]

    def serve(self, request: Request) -> Answer | None:
        self.requests.append(request)
        for each in self.faults:
            if each.due(request):
                return each.strike(request, lambda: serve(self, request))
        return serve(self, request)


class Throttled(Fault):
    """HTTP 429 with Retry-After in seconds: [graph] throttling."""

    def __init__(self, at: object = 1, operation: str = "POST importMime", *, retry_after: int | None = 1) -> None:
        super().__init__(at, operation)
        self.retry_after = retry_after

    def answer(self, request: Request, work: Work) -> Answer | None:
        headers = {"Retry-After": str(self.retry_after)} if self.retry_after is not None else {}
        return error(429, "ApplicationThrottled", "Application is over its limit.", headers)


@contextmanager
def server(*owners: str, language: Literal["en", "ja"] = "ja") -> Iterator[Graph]:
    """Run a server with a mailbox for each owner, by TLS as logins want it; an error ends it where its code broke."""
    app = App(SECRET, permissions=frozenset({"Mail.ReadWrite", "Mail-Advanced.ReadWrite.All"}))
    graph = Graph(Store(owners or (ALICE, BOB, TEAM), language=language), {APP: app})
    with tempfile.TemporaryDirectory(prefix="graph-") as home:
        graph.certificate = certificate(Path(home))
        web = Web(graph, graph.certificate)
        graph.origin = web.origin
        try:
            with web.running():
                yield graph
        except BaseException as error:
            for each in graph.broken:
                error.add_note(each)
            raise
    assert graph.broken == []


@pytest.fixture
def graph() -> Iterator[Graph]:
    """A server of this test's own."""
    with server() as running:
        yield running
