"""A tap on an IMAP connection: it writes down every command, changes what a server says it can, and cuts the line."""

import re
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

from tests.passing import Work, hang_up, passing

LITERAL = re.compile(rb"\{(\d+)\+?\}\r\n\Z")


@dataclass(slots=True)
class Tap:
    """Where to connect, and what has gone by."""

    port: int = 0
    told: Mapping[bytes, bytes] = field(default_factory=dict)
    """Capabilities, or flags that can be kept, of which clients are told another, or with b"" none."""
    cut_after: int | None = None
    """Bytes from the server after which the connection ends, once."""
    cut_on: bytes | None = None
    """What the server cannot say without the connection ending."""
    meddle: Callable[[bytes], None] = lambda _: None
    """Called with what a client says before the server hears it."""
    _sent: list[bytearray] = field(default_factory=list)
    _ends: list[socket.socket] = field(default_factory=list)

    @property
    def commands(self) -> list[bytes]:
        """Every command of every connection, without its tag and its literals, in upper case."""
        return [line.split(b" ", 1)[1].strip().upper() for sent in self._sent for line in _lines(bytes(sent))]

    @property
    def names(self) -> set[bytes]:
        """What was commanded, by name: UID FETCH is FETCH."""
        return {command.removeprefix(b"UID ").partition(b" ")[0] for command in self.commands}

    @property
    def sent(self) -> bytes:
        """Everything clients have sent, one connection after the other."""
        return b"".join(map(bytes, self._sent))

    def forget(self) -> None:
        """Begin a new list."""
        for sent in self._sent:
            sent.clear()

    def cut(self) -> None:
        """End every connection now."""
        for end in self._ends:
            hang_up(end)

    def _from_client(self, client: socket.socket, server: socket.socket) -> None:
        sent = bytearray()
        self._sent.append(sent)
        for data in _chunks(client):
            sent += data
            self.meddle(data)
            with suppress(OSError):
                server.sendall(data)
        hang_up(server)

    def _from_server(self, server: socket.socket, client: socket.socket) -> None:
        for data in _chunks(server):
            shown = data
            for capability, other in self.told.items():
                pattern = rb" %b(?=[ \])\r])" % re.escape(capability)
                shown = re.sub(pattern, b" " + other if other else b"", shown)
            if self.cut_on is not None and self.cut_on in shown:
                with suppress(OSError):
                    client.sendall(shown.partition(self.cut_on)[0])
                break
            if self.cut_after is not None:
                self.cut_after -= len(shown)
                if self.cut_after <= 0:
                    self.cut_after = None
                    break
            with suppress(OSError):
                client.sendall(shown)
        hang_up(client)
        hang_up(server)


def _lines(sent: bytes) -> Iterator[bytes]:
    """Commands with their literals left out."""
    at, command = 0, b""
    while (end := sent.find(b"\r\n", at)) >= 0:
        command += sent[at : end + 2]
        at = end + 2
        if literal := LITERAL.search(command):
            at += int(literal[1])
            command = command[: literal.start()]
        else:
            if b" " in command.strip():  # else the continuation of a login
                yield command
            command = b""


def _chunks(end: socket.socket) -> Iterator[bytes]:
    with suppress(OSError):
        while data := end.recv(65536):
            yield data


@contextmanager
def tap(host: str, port: int, told: Mapping[bytes, bytes] | None = None) -> Iterator[Tap]:
    """Listen on a free loopback port and pass everything on to the server."""
    running = Tap(told=told or {})

    def join(client: socket.socket, server: socket.socket) -> Iterator[Work]:
        running._ends.extend((client, server))
        yield partial(running._from_client, client, server)
        yield partial(running._from_server, server, client)

    with passing(host, port, join, running.cut) as running.port:
        yield running
