"""Helpers for extract: processes that walk accounts beside us, because reading mail keeps a whole core busy.

They are forked before anything is opened, so that no connection or lock is shared; each opens staging and source for
itself, and dies with us.
"""

import ctypes
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from migrator.errors import MigratorError
from migrator.model import Account
from migrator.ports import Source
from migrator.secret import hidden
from migrator.staging.store import Staging
from migrator.steps.progress import Progress
from migrator.text import traced

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Job:
    """One account of one run. `rehash`: every mail is read, also one whose stamp has not changed."""

    run: int
    account: Account
    rehash: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """An account has been walked: what was counted, or one of our own errors that ended it."""

    account: Account
    counts: dict[str, int]
    error: MigratorError | None = None


@dataclass(frozen=True, slots=True)
class Crash:
    """A helper met a defect of the program: the lines of its traceback."""

    lines: tuple[str, ...]


Message = Progress | Done | Crash
Work = Callable[[Source, Staging, Job, Callable[[Progress], None]], Done]
Open = Callable[[], AbstractContextManager[tuple[Source, Staging]]]


class Crew:
    """Some processes that wait for jobs."""

    def __init__(self, helpers: list[tuple[BaseProcess, Connection]]) -> None:
        self._helpers = helpers

    def work(self, jobs: Iterable[Job], hear: Callable[[Progress], None]) -> Iterator[Done]:
        """Hand out the jobs, one at a time a helper, and yield what comes of each.

        Raises EOFError if a helper is killed, RuntimeError with its traceback if it meets a defect.
        """
        waiting = iter(jobs)
        busy: set[Connection] = set()
        for _, pipe in self._helpers:
            if (job := next(waiting, None)) is not None:
                pipe.send(job)
                busy.add(pipe)
        while busy:
            for pipe in [each for each in wait(list(busy)) if isinstance(each, Connection)]:
                message: Message = pipe.recv()
                if isinstance(message, Progress):
                    hear(message)
                    continue
                if isinstance(message, Crash):
                    error = RuntimeError("a helper has crashed")
                    for line in message.lines:
                        error.add_note(line)
                    raise error
                if message.error is None and (job := next(waiting, None)) is not None:
                    pipe.send(job)
                else:
                    busy.remove(pipe)
                yield message


@contextmanager
def crew(size: int, opened: Open, work: Work) -> Iterator[Crew]:
    """Fork helpers. Call it while this process has one thread and nothing open."""
    context = multiprocessing.get_context("fork")
    helpers: list[tuple[BaseProcess, Connection]] = []
    for _ in range(size):
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, opened, work, os.getpid()), daemon=True)
        process.start()
        theirs.close()
        helpers.append((process, ours))
    try:
        yield Crew(helpers)
    finally:
        for helper, pipe in helpers:
            helper.terminate()
            helper.join()
            pipe.close()


def _serve(pipe: Connection, opened: Open, work: Work, parent: int) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends us
    if os.getppid() != parent:
        return
    job = pipe.recv()
    try:
        with opened() as (source, staging):
            while True:
                pipe.send(work(source, staging, job, pipe.send))
                job = pipe.recv()
    except MigratorError as error:
        pipe.send(Done(job.account, {}, error))
    except Exception as error:  # noqa: BLE001 - told by the parent, which ends with it
        pipe.send(Crash(tuple(hidden(line) for line in traced(error))))
