"""Servers under the adapter: Dovecot in both of its formats, and pymap; every test has accounts of its own."""

import imaplib
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, BinaryIO

import pytest
from imapclient import imap_utf7

from adapters.imap import adapter
from adapters.imap.config import ImapConfig
from migrator.errors import MigratorError
from migrator.model import Flag, Mailbox, Parcel, Path, Place, Raw, Receipt, Refused
from migrator.ports import Source, Target
from migrator.testing import mail
from migrator.testing.imap_server import ImapServer, imap_server
from migrator.testing.target import AT
from tests.servers.dovecot import PASSWORD
from tests.servers.tap import Tap, tap

SERVERS = ("dovecot_maildir", "dovecot_sdbox", "pymap")
MARKED = [pytest.param(name, marks=() if name == "pymap" else pytest.mark.dovecot) for name in SERVERS]

_users = count(1)


@pytest.fixture(scope="session")
def pymap() -> Iterator[ImapServer]:
    """pymap with more users than there are tests."""
    with imap_server({f"box{number}@example.co.jp": PASSWORD for number in range(1, 800)}) as server:
        yield server


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAP_TEST_PASSWORD", PASSWORD)


def config(port: int, **more: Any) -> ImapConfig:
    """A configuration for a plain loopback server."""
    basic = {"host": "127.0.0.1", "port": port, "security": "none", "password": {"env": "IMAP_TEST_PASSWORD"}}
    return ImapConfig(**(basic | {"timeout": 20} | more))


def user() -> str:
    """A user nobody has used before, on any of the servers."""
    return f"box{next(_users)}@example.co.jp"


@dataclass(frozen=True, slots=True)
class Box:
    """One mailbox on a running server; the contract's TargetStore."""

    config: ImapConfig
    owner: str

    def open(self) -> AbstractContextManager[Target]:
        assert adapter.open_target is not None
        return adapter.open_target(self.config, Mailbox(self.owner))

    def at(self, *path: str) -> Place:
        return Place(self.owner, path)

    @contextmanager
    def somebody(self) -> Iterator["Somebody"]:
        """Another client of the same mailbox: Python's own imaplib, which shares no code with the adapter."""
        client = imaplib.IMAP4(self.config.host, self.config.reached_at)
        client.login(self.owner, PASSWORD)
        try:
            yield Somebody(client)
        finally:
            client.logout()


@dataclass(frozen=True, slots=True)
class Somebody:
    """What people do with their mailbox."""

    client: Any

    def do(self, kind: str, *arguments: str) -> list[Any]:
        answer, data = getattr(self.client, kind)(*arguments)
        assert answer == "OK", data
        return list(data)

    def folders(self) -> list[str]:
        """Names as they travel, quoted, selectable ones alone."""
        rows = [re.fullmatch(rb'\((.*?)\) (?:"."|NIL) (.*)', row) for row in self.do("list")]
        found = [row for row in rows if row and b"noselect" not in row[1].lower()]
        return sorted(f'"{row[2].decode().strip(chr(34))}"' for row in found)

    def make(self, path: Path) -> str:
        name = named(path)
        if name not in self.folders():
            self.do("create", name)
        return name

    def add(self, name: str, raw: bytes, flags: frozenset[Flag], at: datetime) -> int:
        """Put a mail's exact bytes; imaplib's own `append` would change bare CRs."""
        self.client.literal = raw
        words = f"({' '.join(sorted(flags))})"
        answer, data = self.client._simple_command("APPEND", name, words, imaplib.Time2Internaldate(at))
        assert answer == "OK", data
        self.do("select", name)
        return max(int(number) for number in self.do("uid", "search", "ALL")[0].split())

    def bodies(self, name: str) -> list[bytes]:
        """Every mail's bytes, in order."""
        if self.do("select", name, True)[0] == b"0":  # type: ignore[arg-type]
            return []
        return [part[1] for part in self.do("fetch", "1:*", "(BODY.PEEK[])") if isinstance(part, tuple)]

    def look(self) -> list[Any]:
        """Everything that reading might change, `\\Recent` included."""
        seen: list[Any] = []
        for name in self.folders():
            many = self.do("select", name, True)[0] != b"0"  # type: ignore[arg-type]
            items = "(UID FLAGS INTERNALDATE RFC822.SIZE)"
            seen.append((name, self.do("fetch", "1:*", items) if many else []))
        return seen


def named(path: Path) -> str:
    """A path as somebody else's client writes it."""
    return '"' + imap_utf7.encode("/".join(path)).decode() + '"'


@dataclass(frozen=True, slots=True)
class Office:
    """Two mailboxes that are read; the contract's SourceStore."""

    boxes: dict[str, Box]
    config: ImapConfig

    def open(self) -> AbstractContextManager[Source]:
        assert adapter.open_source is not None
        return adapter.open_source(self.config)

    def make(self, account: str, path: Path) -> None:
        with self.boxes[account].somebody() as somebody:
            somebody.make(path)

    def add(self, account: str, path: Path, raw: bytes, flags: frozenset[Flag], received_at: datetime) -> Any:
        with self.boxes[account].somebody() as somebody:
            return account, path, somebody.add(somebody.make(path), raw, flags, received_at)

    def remove(self, handle: Any) -> None:
        account, path, number = handle
        with self.boxes[account].somebody() as somebody:
            somebody.do("select", named(path))
            somebody.do("uid", "store", str(number), "+FLAGS.SILENT", "(\\Deleted)")
            somebody.do("expunge")

    def reflag(self, handle: Any, flags: frozenset[Flag]) -> Any:
        account, path, number = handle
        with self.boxes[account].somebody() as somebody:
            somebody.do("select", named(path))
            somebody.do("uid", "store", str(number), "FLAGS.SILENT", f"({' '.join(sorted(flags))})")
        return handle

    def snapshot(self) -> object:
        found = []
        for box in self.boxes.values():
            with box.somebody() as somebody:
                found.append(somebody.look())
        return found


@pytest.fixture
def new_box(request: pytest.FixtureRequest) -> Callable[[str], Box]:
    """A fresh mailbox on the server of that name."""
    return lambda server: Box(config(request.getfixturevalue(server).port), user())


@pytest.fixture(params=MARKED)
def box(request: pytest.FixtureRequest, new_box: Callable[[str], Box]) -> Box:
    """A fresh mailbox on each of the servers."""
    return new_box(request.param)


@pytest.fixture
def pymap_box(new_box: Callable[[str], Box]) -> Box:
    return new_box("pymap")


@pytest.fixture(params=MARKED)
def office(request: pytest.FixtureRequest) -> Office:
    port = request.getfixturevalue(request.param).port
    owners = {"sato": user(), "suzuki": user()}
    boxes = {account: Box(config(port), owner) for account, owner in owners.items()}
    return Office(boxes, config(port, accounts=owners))


@contextmanager
def tapped(
    box: Box, *, hide: Sequence[bytes] = (), told: Mapping[bytes, bytes] | None = None
) -> Iterator[tuple[Box, Tap]]:
    """The same mailbox behind a tap; `hide` are capabilities that the server is not to tell of."""
    with tap(box.config.host, box.config.reached_at, dict.fromkeys(hide, b"") | dict(told or {})) as running:
        yield Box(config(running.port), box.owner), running


def outcomes(target: Target, parcels: Sequence[Parcel]) -> list[Receipt | Refused]:
    return list(target.deliver(parcels))


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


_items = count(1)


def parcel(place: Place, raw: bytes | Raw | None = None, **more: Any) -> Parcel:
    """One mail on its way; unlike any other where no bytes are given."""
    number = next(_items)
    data = mail(f"p{number}") if raw is None else raw
    return Parcel(
        **{
            "item": number,
            "place": place,
            "raw": Raw.of(data) if isinstance(data, bytes) else data,
            "flags": frozenset(),
            "received_at": AT,
            "token": "",
        }
        | more
    )


@contextmanager
def scripted(talk: Callable[[BinaryIO, Callable[[bytes], None]], None]) -> Iterator[int]:
    """The port of a server that says what `talk` makes it say: it gets what is read from, and what writes to, a client.

    Each connection is talked to in turn.
    """
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client, client.makefile("rb") as lines, suppress(OSError):
                talk(lines, client.sendall)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
