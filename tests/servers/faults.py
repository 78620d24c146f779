"""What can go wrong between a client and an IMAP server, each at a chosen moment (tests/servers/between.py)."""

import random
import re
import threading
import time
from collections.abc import Callable, Mapping

from tests.servers.between import LITERAL, PATIENCE, Command, Fault, Link


class Strike(Fault):
    """Goes wrong once, at the `at`-th thing of its kind over all connections."""

    def __init__(self, at: int = 1) -> None:
        self.at = at
        self.count = 0
        self.struck: Link | None = None
        self._lock = threading.Lock()

    def due(self, link: Link) -> bool:
        with self._lock:
            self.count += 1
            if self.count != self.at:
                return False
            self.struck = link
            return True


class Swallow(Strike):
    """The server has done it, and its answer is lost with the connection."""

    def __init__(self, at: int = 1, name: bytes = b"APPEND") -> None:
        super().__init__(at)
        self.name = name

    def said(self, link: Link, command: Command | None, line: bytes) -> bytes:
        if command and command.name == self.name and self.due(link):
            link.cut()
            return b""
        return line


class CutInside(Strike):
    """The line is cut inside a mail; `share` of it goes through."""

    def __init__(self, at: int = 1, share: float = 0.5) -> None:
        super().__init__(at)
        self.share = share

    def heard(self, link: Link, command: Command, piece: bytes) -> bytes:
        if _is_mail(command) and self.due(link):
            link.pass_on(piece[: int(len(piece) * self.share)])
            link.cut()
            return b""
        return piece


class CutAt(Strike):
    """The line is cut before any command, and the server never hears of it."""

    def heard(self, link: Link, command: Command, piece: bytes) -> bytes:
        if len(command.pieces) == 1 and self.due(link):
            link.cut()
            return b""
        return piece


class Late(Strike):
    """The client loses its connection before the last bytes of an APPEND have got through; they, and all that it had
    sent behind them, reach the server so many seconds after it has come back."""

    def __init__(self, at: int = 1, seconds: float = 0.3) -> None:
        super().__init__(at)
        self.seconds = seconds
        self._held: list[bytes] = []
        self._links = 0

    def heard(self, link: Link, command: Command, piece: bytes) -> bytes:
        if self.struck is link:
            self._held.append(piece)
            return b""
        if command.name == b"APPEND" and command.over and self.due(link):
            self._held.append(piece)
            self._links = len(link.faults.links)
            link.hang_up()
            return b""
        return piece

    def gone(self, link: Link) -> None:
        if self.struck is not link:
            return
        until = time.monotonic() + PATIENCE
        while len(link.faults.links) == self._links and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(self.seconds)
        link.pass_on(b"".join(self._held))


class Bye(Strike):
    """The server says good-bye in place of an answer: before it has stored the mail, or after."""

    def __init__(self, at: int = 1, *, stored: bool = False, words: bytes = b"BYE shutting down") -> None:
        super().__init__(at)
        self.stored = stored
        self.words = words

    def heard(self, link: Link, command: Command, piece: bytes) -> bytes:
        if not self.stored and command.name == b"APPEND" and command.over and self.due(link):
            return self._bye(link)
        return piece

    def said(self, link: Link, command: Command | None, line: bytes) -> bytes:
        if self.stored and command and command.name == b"APPEND" and self.due(link):
            return self._bye(link)
        return line

    def _bye(self, link: Link) -> bytes:
        link.say(b"* " + self.words + b"\r\n")
        link.cut()
        return b""


class Slow(Strike):
    """A mail takes its time."""

    def __init__(self, at: int = 1, seconds: float = 0.5) -> None:
        super().__init__(at)
        self.seconds = seconds

    def heard(self, link: Link, command: Command, piece: bytes) -> bytes:
        if _is_mail(command) and self.due(link):
            time.sleep(self.seconds)
        return piece


class Answer(Fault):
    """Commands that are `wrong` never reach the server and are answered with these words."""

    def __init__(self, words: bytes, wrong: Callable[[Link, Command], bool]) -> None:
        self.words = words
        self.wrong = wrong
        self.told = 0

    def heard(self, link: Link, command: Command, piece: bytes) -> bytes:
        if not command.over:
            if (literal := LITERAL.search(piece)) and len(command.pieces) % 2 and not literal[2]:
                link.say(b"+ go on\r\n")
            return b""
        if self.wrong(link, command):
            self.told += 1
            link.say(command.tag + b" " + self.words + b"\r\n")
            return b""
        lines = (number % 2 == 0 for number in range(len(command.pieces)))
        pairs = zip(lines, command.pieces, strict=True)
        return b"".join(LITERAL.sub(rb"{\1+}\r\n", each) if line else each for line, each in pairs)


class Expire(Answer):
    """From a command on the whole connection is told that its login has ended; a new login is like any other."""

    def __init__(self, at: int, words: bytes) -> None:
        super().__init__(words, self._expired)
        self._strike = Strike(at)

    def _expired(self, link: Link, command: Command) -> bool:
        if command.name in (b"", b"AUTHENTICATE", b"CAPABILITY", b"LOGIN"):
            return False
        return self._strike.struck is link or self._strike.due(link)


class Spoil(Strike):
    """A mail's time, or another command's name, gets lost on the way: what follows is the server's own BAD."""

    def __init__(self, at: int = 1, *, mails: bool = True) -> None:
        super().__init__(at)
        self.mails = mails

    def heard(self, link: Link, command: Command, piece: bytes) -> bytes:
        line = len(command.pieces) % 2 == 1
        if self.mails and command.name == b"APPEND" and line and not command.over and self.due(link):
            return re.sub(rb'"[^"]*" \{', b'"99-Foo-2009 00:00:00 +0000" {', piece)
        if not self.mails and len(command.pieces) == 1 and _after_login(command) and self.due(link):
            return piece.replace(command.name.split()[0], b"XSPOILT", 1)
        return piece


class Rewrite(Fault):
    """A server that adds a header to each mail it is given."""

    header = b"Received: from elsewhere\r\n\tby gateway.example.com; Mon, 2 Nov 2009 09:15:00 +0900\r\n"

    def heard(self, link: Link, command: Command, piece: bytes) -> bytes:
        if _is_mail(command):
            return self.header + piece
        if command.name == b"APPEND" and (literal := LITERAL.search(piece)):
            return piece[: literal.start()] + b"{%d%b}\r\n" % (int(literal[1]) + len(self.header), literal[2])
        return piece


class Told(Fault):
    """A server that can less, or other things, than it can: capabilities by what clients are told instead."""

    def __init__(self, told: Mapping[bytes, bytes]) -> None:
        self.told = told

    def said(self, link: Link, command: Command | None, line: bytes) -> bytes:
        if b"CAPABILITY" in line:
            for capability, other in self.told.items():
                line = re.sub(rb" %b(?=[ \]\r])" % re.escape(capability), b" " + other if other else b"", line)
        return line


class Meanwhile(Strike):
    """Something happens at the server when a mail goes by."""

    def __init__(self, at: int, what: Callable[[], object]) -> None:
        super().__init__(at)
        self.what = what

    def heard(self, link: Link, command: Command, piece: bytes) -> bytes:
        if _is_mail(command) and self.due(link):
            self.what()
        return piece


class Deadly(Fault):
    """A server that dies of some mails."""

    def __init__(self, *subjects: bytes) -> None:
        self.subjects = subjects

    def heard(self, link: Link, command: Command, piece: bytes) -> bytes:
        if _is_mail(command) and any(subject in piece for subject in self.subjects):
            link.cut()
            return b""
        return piece


class Flaky(Fault):
    """A network that cuts the line at any piece, either way, by chance."""

    def __init__(self, chance: float, seed: int) -> None:
        self.chance = chance
        self.cuts = 0
        self._random = random.Random(seed)

    def heard(self, link: Link, command: Command, piece: bytes) -> bytes:
        return self._maybe(link, piece)

    def said(self, link: Link, command: Command | None, line: bytes) -> bytes:
        return self._maybe(link, line)

    def _maybe(self, link: Link, piece: bytes) -> bytes:
        if self._random.random() >= self.chance:
            return piece
        self.cuts += 1
        link.cut()
        return b""


def _is_mail(command: Command) -> bool:
    """Whether the newest piece of the command is a mail."""
    return command.name == b"APPEND" and len(command.pieces) % 2 == 0


def _after_login(command: Command) -> bool:
    return command.name not in (b"", b"CAPABILITY", b"AUTHENTICATE", b"LOGIN", b"LOGOUT")
