"""Processes beside us, because one interpreter keeps one core busy.

They are forked before anything is opened, so that no connection or lock is shared; each opens what it needs for itself,
and dies with us.
"""

import ctypes
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from migrator.secret import hidden
from migrator.text import traced

PR_SET_PDEATHSIG = 1

Serve = Callable[[Connection], None]
"""What a process does with the pipe to us. It raises EOFError once nobody is there any more."""


@dataclass(frozen=True, slots=True)
class _Crash:
    """A process met a defect of the program: the lines of its traceback."""

    lines: tuple[str, ...]


@contextmanager
def forked(size: int, serve: Serve) -> Iterator[list[Connection]]:
    """Fork processes that serve; the pipes to them. Call it while this process has one thread and nothing open."""
    context = multiprocessing.get_context("fork")
    processes: list[tuple[BaseProcess, Connection]] = []
    for _ in range(size):
        ours, theirs = context.Pipe()
        process: BaseProcess = context.Process(target=_live, args=(theirs, serve, os.getpid()), daemon=True)
        process.start()
        theirs.close()
        processes.append((process, ours))
    try:
        yield [pipe for _, pipe in processes]
    finally:
        for process, pipe in processes:
            process.terminate()
            process.join()
            pipe.close()


def hear(pipe: Connection) -> Any:
    """What a process says next. Raises EOFError if it was killed, RuntimeError with its traceback at a defect."""
    message = pipe.recv()
    if isinstance(message, _Crash):
        error = RuntimeError("a helper has crashed")
        for line in message.lines:
            error.add_note(line)
        raise error
    return message


def _live(pipe: Connection, serve: Serve, parent: int) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends us
    if os.getppid() != parent:
        return
    try:
        serve(pipe)
    except Exception as error:  # noqa: BLE001 - told by the parent, which ends with it
        pipe.send(_Crash(tuple(hidden(line) for line in traced(error))))
