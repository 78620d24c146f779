"""A logged-in connection: commands out, answers in. Whatever goes wrong leaves as one of our four errors, or as `No`.

The server's BAD, and any answer to a command that is not ours, ends the connection at once: with LITERAL+ the server
may by then be reading a mail's own lines as commands (laws.md §9).
"""

import io
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from typing_extensions import Buffer, override

from migrator.errors import AccountError, FolderError, MigratorError, Outage, Reason, UsageError
from migrator.model import IN_MEMORY, Raw

from .answers import (
    FETCH,
    ITEM,
    LITERAL,
    LOGIN_ENDED,
    Continuation,
    Data,
    Fetched,
    Status,
    flags_of,
    status_of,
    values_of,
)
from .memory import Memory
from .wire import SLICE, Wire
from .words import quoted, received_at

Said = Data | Fetched | Status | Continuation


class No(Exception):  # noqa: N818 - an answer, not an error
    """The server's NO; every caller makes of it what it means there."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.kind)
        self.status = status

    def about(self, code: str, **params: str | int) -> Reason:
        """The reason, with the server's answer."""
        return Reason(code, **params, answer=self.status.shown)

    def as_folder(self, code: str, **params: str | int) -> MigratorError:
        """What a NO about one folder means to the engine."""
        if self.status.not_now:
            return Outage(self.about("imap.not-now"), retry_after=self.status.retry_after)
        if self.status.code == "OVERQUOTA":
            return AccountError(self.about("imap.over-quota"))
        return FolderError(self.about(code, **params))


class Cut(Exception):  # noqa: N818 - a message from one stream to another
    """Another command needed the connection: what this stream had asked for was thrown away unread."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A selected mailbox, as it was when it was selected."""

    epoch: int
    count: int
    permanent: tuple[str, ...] | None
    """The flags it can keep (with `\\*`: new keywords too), None where it does not say."""
    conditional: bool
    """A change can be made to depend on nobody having made another (CONDSTORE, RFC 7162)."""


class Session:
    """One connection after login."""

    def __init__(self, wire: Wire, capabilities: frozenset[str], memory: Memory) -> None:
        self.wire = wire
        self.capabilities = capabilities
        self.memory = memory
        self._number = 0
        self._owed: deque[bytes] = deque()
        self._selected: tuple[bytes, bool] | None = None

    def can(self, capability: str) -> bool:
        return capability in self.capabilities

    @property
    def alive(self) -> bool:
        return not self.wire.closed

    def close(self) -> None:
        """Say good-bye if that can be said without waiting."""
        if self.alive and not self._owed:
            with suppress(Outage):
                self.wire.send(b"bye LOGOUT\r\n")
        self.wire.close()

    # -- commands ----------------------------------------------------------------------------------------------------

    def new_tag(self) -> bytes:
        """A new command's name, whose answer is owed from now on."""
        self._number += 1
        tag = b"m%d" % self._number
        self._owed.append(tag)
        return tag

    def begin(self, line: bytes) -> bytes:
        """Send one command without waiting, behind others perhaps; its tag."""
        tag = self.new_tag()
        self.wire.send(tag + b" " + line + b"\r\n")
        return tag

    def said(self, tag: bytes) -> Iterator[Data | Fetched | Status]:
        """What the server says until it answers this command, the answer included. Raises No, Cut, Outage."""
        while True:
            if tag not in self._owed:
                raise Cut
            while self._owed[0] != tag:
                self._skip()
            match self.next():
                case Status(tag=answered) as status if answered == tag:
                    if status.kind == "NO":
                        raise No(status)
                    yield status
                    return
                case Continuation():
                    continue
                case said:
                    yield said

    def run(self, *lines: bytes) -> list[Data | Fetched | Status]:
        """Send commands in one go and read all that is said until the last is answered. Raises No, Outage.

        Servers may answer one with another's data (RFC 9051 §5.5): what was said is not told apart.
        """
        self.drain()
        tags = [self.begin(line) for line in lines]
        said: list[Data | Fetched | Status] = []
        refusal: No | None = None
        while any(tag in self._owed for tag in tags):
            match self.next():
                case Status(kind="NO", tag=tag) as status if tag in tags:
                    refusal = No(status)
                case Continuation():
                    pass
                case each:
                    said.append(each)
        if refusal:
            raise refusal
        return said

    def run_each(self, lines: list[bytes]) -> Iterator[Status]:
        """Send some commands in one go; the answer of each, NO included."""
        self.drain()
        for tag in [self.begin(line) for line in lines]:
            try:
                *_, answer = self.said(tag)
            except No as no:
                yield no.status
            else:
                assert isinstance(answer, Status)
                yield answer

    def drain(self) -> None:
        """Read what was asked for before to its end, and keep nothing of it."""
        while self._owed:
            self._skip()

    def _skip(self) -> None:
        """Read on to the next command's answer, and keep nothing of it."""
        first = self._owed[0]
        while first in self._owed:
            self.next()

    # -- mailboxes ---------------------------------------------------------------------------------------------------

    def open(self, name: bytes, *, write: bool = False, anew: bool = True) -> Opened | None:
        """Select a mailbox, to read or to write; None where it is the selected one and need not be looked at anew.

        Raises No.
        """
        if self._selected == (name, write) and not anew:
            return None
        self._selected = None
        epoch = count = 0
        permanent, conditional = None, False
        option = b" (CONDSTORE)" if write and self.can("CONDSTORE") else b""
        for said in self.run((b"SELECT " if write else b"EXAMINE ") + quoted(name) + option):
            match said:
                case Status(code="UIDVALIDITY", argument=argument) if argument.isdigit():
                    epoch = int(argument)
                case Status(code="PERMANENTFLAGS", argument=argument):
                    permanent = tuple(argument.strip("()").split())
                case Status(code="HIGHESTMODSEQ"):
                    conditional = bool(option)
                case Data(values=(bytes(number), _)) if said.kind == b"EXISTS" and number.isdigit():
                    count = int(number)
                case _:
                    pass
        self._selected = (name, write)
        return Opened(epoch, count, permanent, conditional)

    def leave(self) -> None:
        """Select nothing, where the server can. Never CLOSE, which expunges."""
        if self._selected and self.can("UNSELECT"):
            self._selected = None
            with suppress(No):
                self.run(b"UNSELECT")

    # -- answers -----------------------------------------------------------------------------------------------------

    def next(self) -> Said:
        """The next thing the server says. Raises Outage on BAD and BYE, having closed the connection."""
        line = self.wire.readline().rstrip(b"\r\n")
        if found := FETCH.match(line):
            return self._fetched(line, found.end())
        if line.startswith(b"+"):
            return Continuation()
        if status := status_of(line):
            return self._judged(status)
        if not line.startswith(b"* "):
            raise self._broken("answer")
        return self._data(line[2:])

    def _judged(self, status: Status) -> Status:
        host, port = self.wire.host, self.wire.port
        if status.kind == "BYE":
            reason = Reason("imap.bye", host=host, port=port, answer=status.shown)
            raise self.wire.broken(reason, retry_after=status.retry_after)
        ours = status.tag in self._owed
        if status.kind == "BAD" or (status.tag != b"*" and not ours):
            self.memory.cautious = True
            # an answer to somebody else's words might quote them
            answer = status.shown if ours or status.tag == b"*" else ""
            raise self.wire.broken(Reason("imap.bad", host=host, port=port, answer=answer))
        if status.kind == "NO" and status.code in LOGIN_ENDED:
            raise self.wire.broken(Reason("imap.login-ended", host=host, port=port, answer=status.shown))
        if ours:
            self._owed.remove(status.tag)
        return status

    def _data(self, line: bytes) -> Data:
        parts = [line]
        while found := LITERAL.search(parts[-1]):
            parts[-1] = parts[-1][: found.start()]
            if int(found[1]) > IN_MEMORY:
                raise self._broken("literal")
            parts += (self.wire.read(int(found[1])), self.wire.readline().rstrip(b"\r\n"))
        try:
            return Data(values_of(parts))
        except ValueError as error:
            raise self._broken("data") from error

    def _fetched(self, line: bytes, at: int) -> Fetched:
        found = Fetched()
        while item := ITEM.match(line, at):
            at = item.end()
            match item.lastgroup:
                case "value" if item["number"].upper() == b"UID":
                    found.uid = int(item["value"])
                case "value":
                    found.size = int(item["value"])
                case "flags":
                    found.flags = flags_of(item["flags"])
                case "date":
                    with suppress(ValueError):
                        found.received_at = received_at(item["date"])
                case "modseq":
                    found.modseq = int(item["modseq"])
                case "quoted":
                    found.body = Raw.of(item["quoted"].replace(b'\\"', b'"').replace(b"\\\\", b"\\"))
                case "literal":
                    found.body = self._literal(int(item["literal"]))
                    line, at = self.wire.readline().rstrip(b"\r\n"), 0
                case "end":
                    return found
                case _:
                    pass
        raise self._broken("FETCH")

    def _literal(self, size: int) -> Raw:
        if size <= IN_MEMORY:
            return Raw.of(self.wire.read(size))
        try:
            return Raw.spooled(io.BufferedReader(_Literal(self.wire, size), SLICE))
        except OSError as error:
            self.wire.close()
            raise UsageError(Reason("imap.spool-failed", bytes=size, answer=error.strerror or "")) from error

    def _broken(self, what: str) -> Outage:
        return self.wire.broken(Reason("imap.protocol", host=self.wire.host, port=self.wire.port, what=what))


class _Literal(io.RawIOBase):
    """A literal as a stream, for what is too large to be held."""

    def __init__(self, wire: Wire, size: int) -> None:
        self._wire, self._left = wire, size

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer)
        data = self._wire.read(min(len(view), self._left))
        view[: len(data)] = data
        self._left -= len(data)
        return len(data)
