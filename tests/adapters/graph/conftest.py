"""A mailbox on the Graph double under the adapter, and what a test says of it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import pytest

from adapters.graph import adapter
from adapters.graph.config import GraphConfig
from migrator.model import Mailbox, Place
from migrator.ports import Target
from tests.servers.exchange import ALICE
from tests.servers.exchange import store as stored
from tests.servers.graph import APP, SECRET, TENANT, Graph, server


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPH_TEST_SECRET", SECRET)


def config(graph: Graph, **more: Any) -> GraphConfig:
    """A configuration for the server, by the application's secret."""
    basic = {
        "endpoint": graph.url,
        "authority": graph.url,
        "tenant": TENANT,
        "client_id": APP,
        "auth": "secret",
        "secret": {"env": "GRAPH_TEST_SECRET"},
        "ca_file": graph.certificate,
        "beta": True,
        "timeout": 20,
    }
    return GraphConfig(**(basic | more))


@dataclass(frozen=True, slots=True)
class Box:
    """One mailbox on a running server; the contract's TargetStore."""

    graph: Graph
    config: GraphConfig
    owner: str = ALICE

    def open(self) -> AbstractContextManager[Target]:
        assert adapter.open_target is not None
        return adapter.open_target(self.config, Mailbox(self.owner))

    def at(self, *path: str) -> Place:
        return Place(self.owner, path)

    def held(self, *path: str) -> list[stored.Item]:
        """What lies in a folder, by the server's own memory."""
        mailbox = self.graph[self.owner]
        return mailbox.held(mailbox.folder(*path).id)


@pytest.fixture
def running() -> Iterator[Graph]:
    """A server of this test's own; no sender was ever told that somebody has read an old mail."""
    with server() as graph:
        yield graph
        assert graph.receipts == []


@pytest.fixture
def box(running: Graph) -> Box:
    return Box(running, config(running))
