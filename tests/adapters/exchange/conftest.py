"""A mailbox on the server under the adapter, and what a test says of it."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from adapters.exchange import adapter
from adapters.exchange.config import ExchangeConfig
from migrator.errors import MigratorError
from migrator.model import Mailbox, Parcel, Place, Raw, Receipt, Refused
from migrator.ports import Target
from migrator.testing import mail
from migrator.testing.target import AT
from tests.servers.exchange import ALICE, PASSWORD, SERVICE, Exchange, server
from tests.servers.exchange import store as stored
from tests.servers.exchange.rights import LEVELS


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EWS_TEST_PASSWORD", PASSWORD)


def config(exchange: Exchange, **more: Any) -> ExchangeConfig:
    """A configuration for the server, by impersonation."""
    basic = {"endpoint": exchange.url, "auth": "basic", "user": SERVICE, "password": {"env": "EWS_TEST_PASSWORD"}}
    return ExchangeConfig(**(basic | {"timeout": 20} | more))


def public_config(running: Exchange, root: str) -> ExchangeConfig:
    """Alice's folders lie below a public one, which is hers and nobody else's."""
    names, store = root.split("/"), running.store.public
    above = store.role("publicfoldersroot").id
    for name in names:
        above = store.add_folder(name, above, "IPF.Note").id
    store.folder(*names).rights |= {ALICE: LEVELS["Owner"], "Default": LEVELS["None"]}
    return config(running, public={ALICE: root})


@dataclass(frozen=True, slots=True)
class Box:
    """One mailbox on a running server; the contract's TargetStore."""

    exchange: Exchange
    config: ExchangeConfig
    owner: str = ALICE

    def open(self) -> AbstractContextManager[Target]:
        assert adapter.open_target is not None
        return adapter.open_target(self.config, Mailbox(self.owner))

    def at(self, *path: str) -> Place:
        return Place(self.owner, path)

    def held(self, *path: str) -> list[stored.Item]:
        """What lies in a folder, by the server's own memory."""
        mailbox = self.exchange[self.owner]
        return mailbox.held(mailbox.folder(*path).id)


@pytest.fixture
def running() -> Iterator[Exchange]:
    """A server of this test's own, whose every request was valid."""
    with server() as exchange:
        yield exchange
        assert exchange.invalid_requests == []


@pytest.fixture
def box(running: Exchange) -> Box:
    return Box(running, config(running))


_items = count(1)


def parcel(place: Place, raw: bytes | Raw | None = None, **more: Any) -> Parcel:
    """One mail on its way; unlike any other where no bytes are given."""
    number = next(_items)
    data = mail(f"p{number}") if raw is None else raw
    basic = {
        "item": number,
        "place": place,
        "raw": Raw.of(data) if isinstance(data, bytes) else data,
        "flags": frozenset(),
        "received_at": AT,
        "token": f"token-{number}",
    }
    return Parcel(**(basic | more))


def kinds(found: Sequence[Receipt | Refused]) -> str:
    """`rrxr`: receipts and refusals."""
    return "".join("r" if isinstance(each, Receipt) else "x" for each in found)


def failure(target: Target, parcels: Sequence[Parcel], kind: type[MigratorError]) -> tuple[str, str]:
    """The outcomes before an error of this kind, and its code."""
    found: list[Receipt | Refused] = []
    with pytest.raises(MigratorError) as error:
        found.extend(target.deliver(parcels))
    assert type(error.value) is kind, error.value
    return kinds(found), error.value.reason.code
