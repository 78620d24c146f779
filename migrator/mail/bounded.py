"""Large mails are read off in a process of its own, which ends where one takes too long or too much memory.

A thread cannot be stopped, and no promise about our own code holds for every byte ever written: so the kernel keeps the
limits. What was being read then is `unparsed`, and the next mail is read by a new process. Linux only, as all of this
engine's processes are.
"""

import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType

from migrator.mail.dates import received_at
from migrator.mail.envelope import Envelope, envelope
from migrator.mail.health import Health, health
from migrator.model import Evidence

SECONDS = 5.0
"""Of the processor, for one mail: a busy machine is no fault of the mail."""
MEMORY = 200 * 2**20
"""Bytes that reading one mail may take, beside the mail itself."""
SAFE = 3 * 2**20
"""Bytes of a mail that is read here: the worst that is known takes 1.4 s a MB, and to hand over every mail would cost
extract a third of its speed."""
PATIENCE = 60.0
"""Seconds on the clock for one mail, for a reader that waits and uses no processor."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What there is to read: as `health` and `received_at` take it."""

    head: bytes
    body: bytes | None
    size: int
    dates: tuple[Evidence, ...]
    until: datetime

    @property
    def bytes(self) -> int:
        """As many as there are to read."""
        return len(self.head) + len(self.body or b"")


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read off one mail."""

    envelope: Envelope
    health: Health
    received: Evidence


def facts(letter: Letter) -> Facts:
    """Read here, without limits."""
    return Facts(
        envelope(letter.head),
        health(letter.head, letter.body, letter.size),
        received_at(letter.head, letter.dates, until=letter.until),
    )


def unparsed(letter: Letter) -> Facts:
    """What is known of a mail that nobody could read: what others say of it."""
    return Facts(envelope(b""), Health.UNPARSED, received_at(b"", letter.dates, until=letter.until))


_PROCESS = f"from {__name__} import main; main()"


class Reader:
    """Reads mails; what is not small in one process, started when it is first needed. Used by one thread at a time."""

    def __init__(self, *, seconds: float = SECONDS, memory: int = MEMORY, safe: int = SAFE) -> None:
        self._limits = str(seconds), str(memory)
        self._safe = safe
        self._child: tuple[subprocess.Popen[bytes], Connection] | None = None

    def __enter__(self) -> "Reader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def read(self, letters: Sequence[Letter]) -> list[Facts]:
        """What can be read off each, in their order."""
        here = [each if each.bytes > self._safe else facts(each) for each in letters]
        there = iter(self._read_large([each for each in here if isinstance(each, Letter)]))
        return [next(there) if isinstance(each, Letter) else each for each in here]

    def _read_large(self, letters: Sequence[Letter]) -> list[Facts]:
        found: list[Facts] = []
        while len(found) < len(letters):
            found += self._until_killed(letters[len(found) :])
            if len(found) < len(letters):
                found.append(unparsed(letters[len(found)]))
        return found

    def end(self) -> None:
        """End the process. The next mail starts another."""
        if self._child is not None:
            process, connection = self._child
            self._child = None
            connection.close()
            process.kill()
            process.wait()

    def disown(self) -> None:
        """After a fork: the process is our parent's."""
        if self._child is not None:
            process, connection = self._child
            self._child = None
            connection.close()
            process.returncode = 0

    def _until_killed(self, letters: Sequence[Letter]) -> Iterator[Facts]:
        connection = self._connection()
        with suppress(EOFError, OSError):  # it has been killed, or died of what it read
            connection.send(letters)
            for _ in letters:
                if not connection.poll(PATIENCE):
                    break
                yield connection.recv()
            else:
                return
        self.end()

    def _connection(self) -> Connection:
        if self._child is not None and self._child[0].poll() is not None:
            self.end()  # somebody killed it while it had nothing to do: no mail's fault
        if self._child is None:
            ours, theirs = socket.socketpair()
            with theirs:
                command = [sys.executable, "-P", "-c", _PROCESS, str(theirs.fileno()), *self._limits]
                process = subprocess.Popen(  # noqa: S603 - our own interpreter and words
                    command,
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,  # a traceback may hold what stands in a mail
                    process_group=0,  # Ctrl-C is for us: we finish what we have begun
                )
            self._child = process, Connection(ours.detach())
        return self._child[1]


def serve(connection: Connection, seconds: float, memory: int) -> None:
    """Read what comes, until nobody is there any more."""
    while True:
        _limit_memory(None)
        try:
            letters: Sequence[Letter] = connection.recv()
        except EOFError:
            return
        _limit_memory(memory)
        for letter in letters:
            signal.setitimer(signal.ITIMER_PROF, seconds)
            found = facts(letter)
            signal.setitimer(signal.ITIMER_PROF, 0)
            connection.send(found)


def _limit_memory(more: int | None) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if more is None:
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    else:
        pages = int(Path("/proc/self/statm").read_bytes().split()[0])
        limit = pages * resource.getpagesize() + more
        resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))


def main() -> None:
    """The process: the number of its socket, and its limits, are its arguments."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    serve(Connection(int(sys.argv[1])), float(sys.argv[2]), int(sys.argv[3]))
