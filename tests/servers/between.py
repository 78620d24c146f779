"""A proxy that stands between a client and an IMAP server, follows their talk command by command, and lets it go wrong.

What goes wrong is a list of `Fault`s (tests/servers/faults.py), which may be changed at any time; each sees every piece
that goes by (a line, a literal, an answer) and may change it, keep it back, answer for the server or cut the line.

A server does what had reached it when a line is cut, and the client gets through again only when that is done: so what
comes late does so because a fault wants it. The server must know LITERAL+.
"""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import BinaryIO

from tests.passing import Work, hang_up, passing

LITERAL = re.compile(rb"\{(\d+)(\+?)\}\r\n\Z")
TAGGED = re.compile(rb"([^ *+]\S*) (OK|NO|BAD)\b")
PATIENCE = 20
"""Seconds to wait at most for a client to come back, or for a server to notice that a line was cut."""


@dataclass(slots=True, eq=False)
class Command:
    """One command as the client means it: its tag and name, and its pieces so far (lines and literals in turn)."""

    tag: bytes
    name: bytes
    pieces: list[bytes] = field(default_factory=list)
    over: bool = False
    """Nothing more of it will come."""

    @property
    def mails(self) -> list[bytes]:
        """The mails of an APPEND that have come."""
        return self.pieces[1::2] if self.name == b"APPEND" else []


@dataclass(slots=True, eq=False)
class Link:
    """One connection: both its ends, and what was said on it."""

    faults: "Faults"
    client: socket.socket
    server: socket.socket
    commands: list[Command] = field(default_factory=list)
    answers: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Tag and kind (OK, NO, BAD), as the client got them."""
    _heard: threading.Condition = field(default_factory=threading.Condition)
    done: threading.Event = field(default_factory=threading.Event)
    """The server has ended, or does not count any more."""
    _go_ahead: int = 0
    _over: bool = False

    def pass_on(self, data: bytes) -> None:
        with suppress(OSError):
            self.server.sendall(data)

    def say(self, line: bytes) -> None:
        """Say something to the client in the server's place, or the server's own words."""
        tagged = TAGGED.match(line)
        if tagged and not self._over:
            self.answers.append((tagged[1], tagged[2]))
        with self._heard:
            self._go_ahead += line.startswith(b"+")
            self._heard.notify_all()
        with suppress(OSError):
            self.client.sendall(line)

    def cut(self) -> None:
        """End it for both; the server reads to the end what has reached it."""
        hang_up(self.client)
        hang_up(self.server, socket.SHUT_WR)
        self._end()

    def hang_up(self) -> None:
        """End it for the client; the server does not notice."""
        hang_up(self.client, socket.SHUT_WR)
        self.done.set()
        self._end()

    def _end(self) -> None:
        with self._heard:
            self._over = True
            self._heard.notify_all()

    @property
    def ended(self) -> bool:
        return self._over

    def answered(self, command: Command) -> bool:
        return any(tag == command.tag for tag, _ in self.answers)

    # -- the client's side -------------------------------------------------------------------------------------------

    def listen(self) -> None:
        """Follow the client to its end."""
        with suppress(OSError), self.client.makefile("rb") as stream:
            for command, piece in self._pieces(stream):
                for fault in self.faults.layers:
                    piece = fault.heard(self, command, piece)
                    if not piece:
                        break
                else:
                    self.pass_on(piece)
        for fault in self.faults.layers:
            fault.gone(self)
        self.cut()

    def _pieces(self, stream: BinaryIO) -> Iterator[tuple[Command, bytes]]:
        command = Command(b"", b"", over=True)
        while line := stream.readline():
            if command.over:
                command = self._begun(line)
            literal = LITERAL.search(line)
            asked = self._go_ahead
            command.pieces.append(line)
            command.over = literal is None
            yield command, line
            if literal is None:
                continue
            if not literal[2] and not self._wait(asked, command):
                command.over = True
                continue
            data = stream.read(int(literal[1]))
            command.pieces.append(data)
            yield command, data

    def _begun(self, line: bytes) -> Command:
        """The command that a line begins; one without a name where it goes on with a login."""
        tag, name, *more = [*line.split(None, 2), b"", b""]
        if not name:
            return Command(b"", b"")
        if name.upper() == b"UID":
            name += b" " + more[0].split()[0]
        self.commands.append(Command(tag, name.upper()))
        return self.commands[-1]

    def _wait(self, asked: int, command: Command) -> bool:
        """Whether the server lets the literal come."""
        with self._heard:
            self._heard.wait_for(lambda: self._go_ahead > asked or self.answered(command) or self._over)
            return self._go_ahead > asked

    # -- the server's side -------------------------------------------------------------------------------------------

    def talk(self) -> None:
        """Follow the server to its end."""
        with suppress(OSError), self.server.makefile("rb") as stream:
            while line := stream.readline():
                for fault in self.faults.layers:
                    line = fault.said(self, self._asked(line), line)
                    if not line:
                        break
                else:
                    self.say(line)
                if literal := LITERAL.search(line):
                    with suppress(OSError):
                        self.client.sendall(stream.read(int(literal[1])))
        hang_up(self.client)
        self._end()
        self.done.set()

    def _asked(self, line: bytes) -> Command | None:
        """The command that a tagged line answers."""
        tagged = TAGGED.match(line)
        return next((each for each in self.commands if tagged and each.tag == tagged[1]), None)


@dataclass(slots=True, eq=False)
class Faults:
    """Where to connect, what goes wrong there, and every connection there was."""

    port: int = 0
    layers: list["Fault"] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)

    @property
    def commands(self) -> list[Command]:
        return [command for link in self.links for command in link.commands]


class Fault:
    """Nothing goes wrong. A fault that keeps something back gives no bytes for it."""

    def heard(self, link: Link, command: Command, piece: bytes) -> bytes:
        """A line or literal of the client, on its way to the server."""
        return piece

    def said(self, link: Link, command: Command | None, line: bytes) -> bytes:
        """A line of the server, on its way to the client, and the command it answers if it is tagged."""
        return line

    def gone(self, link: Link) -> None:
        """The client has gone."""


# -- passing on ------------------------------------------------------------------------------------------------------


@contextmanager
def faults(host: str, port: int, *layers: Fault) -> Iterator[Faults]:
    """Listen on a free loopback port and pass on to the server what the faults let through."""
    running = Faults(0, list(layers))

    def wait() -> None:
        for link in running.links:
            link.done.wait(PATIENCE if link.ended else 0)

    def join(client: socket.socket, server: socket.socket) -> Iterator[Work]:
        link = Link(running, client, server)
        running.links.append(link)
        yield link.listen
        yield link.talk

    def end() -> None:
        for link in running.links:
            link.cut()
            hang_up(link.server)

    with passing(host, port, join, end, ahead=wait) as running.port:
        yield running
