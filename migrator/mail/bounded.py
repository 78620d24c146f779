"""What is not small is read in a process of its own, which ends where one mail takes too long or too much memory.

A thread cannot be stopped, and no promise about our own code holds for every byte ever written: so the kernel keeps the
limits. Of what was being read then is said that nobody could, and the next mail is read by a new process. Linux only,
as all of this engine's processes are.
"""

import atexit
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence, Sized
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, TypeVar

SECONDS = 5.0
"""Of the processor, for one mail: a busy machine is no fault of the mail."""
MEMORY = 200 * 2**20
"""Bytes that reading one mail may take, beside the mail itself."""
SAFE = 3 * 2**20
"""Bytes of a mail that is read here: the worst that is known takes 1.4 s a MB, and to hand over every mail would cost
extract a third of its speed."""
PATIENCE = 60.0
"""Seconds on the clock for one mail, for a reader that waits and uses no processor."""

Given = TypeVar("Given", bound=Sized)
Found = TypeVar("Found")

_PROCESS = f"from {__name__} import main; main()"


class Bounded(Generic[Given, Found]):
    """One way to read mails; what is not small in one process, started when it is first needed. Used by one thread at a
    time.

    `work` reads one, and can be pickled, as can what it takes and gives; `unread` says what is known of one that nobody
    could read.
    """

    def __init__(
        self,
        work: Callable[[Given], Found],
        unread: Callable[[Given], Found],
        *,
        seconds: float = SECONDS,
        memory: int = MEMORY,
        safe: int = SAFE,
    ) -> None:
        self._work, self._unread = work, unread
        self._limits = str(seconds), str(memory)
        self._safe = safe
        self._child: tuple[subprocess.Popen[bytes], Connection] | None = None

    def __enter__(self) -> "Bounded[Given, Found]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def read(self, mails: Sequence[Given]) -> list[Found]:
        """What can be read off each, in their order."""
        large = iter(self._read_large([each for each in mails if len(each) > self._safe]))
        return [next(large) if len(each) > self._safe else self._work(each) for each in mails]

    def _read_large(self, mails: Sequence[Given]) -> list[Found]:
        found: list[Found] = []
        while len(found) < len(mails):
            found += self._until_killed(mails[len(found) :])
            if len(found) < len(mails):
                found.append(self._unread(mails[len(found)]))
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

    def _until_killed(self, mails: Sequence[Given]) -> Iterator[Found]:
        connection = self._connection()
        with suppress(EOFError, OSError):  # it has been killed, or died of what it read
            connection.send(mails)
            for _ in mails:
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
            self._child[1].send(self._work)
        return self._child[1]


class Pool(Generic[Given, Found]):
    """Readers of one kind, as many as there were threads that read at the same time. They last as long as we do."""

    def __init__(self, make: Callable[[], Bounded[Given, Found]]) -> None:
        self._make = make
        self._idle: list[Bounded[Given, Found]] = []
        os.register_at_fork(after_in_child=self._forget)
        atexit.register(self.end)

    def read(self, mails: Sequence[Given]) -> list[Found]:
        """What can be read off each, in their order."""
        try:
            reader = self._idle.pop()
        except IndexError:
            reader = self._make()
        try:
            found = reader.read(mails)
        except BaseException:
            reader.end()  # it may still have something to say
            raise
        self._idle.append(reader)
        return found

    def end(self) -> None:
        """End the processes of those that are not used now."""
        for each in self._idle:
            each.end()

    def _forget(self) -> None:
        for each in self._idle:
            each.disown()
        self._idle.clear()


# -- in the process ------------------------------------------------------------------------------------------------


def serve(connection: Connection, seconds: float, memory: int) -> None:
    """Learn how to read, then read what comes, until nobody is there any more."""
    work: Callable[[Any], object] = connection.recv()
    while True:
        _limit_memory(None)
        try:
            mails: Sequence[Any] = connection.recv()
        except EOFError:
            return
        _limit_memory(memory)
        for mail in mails:
            signal.setitimer(signal.ITIMER_PROF, seconds)
            found = work(mail)
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
