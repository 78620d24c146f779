"""Helpers for extract: processes that walk accounts beside us (`forked`)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait

from migrator.errors import MigratorError
from migrator.model import Account
from migrator.ports import Source
from migrator.staging.store import Staging
from migrator.steps.forked import forked, hear
from migrator.steps.progress import Progress


@dataclass(frozen=True, slots=True)
class Job:
    """One account of one run."""

    run: int
    account: Account


@dataclass(frozen=True, slots=True)
class Done:
    """An account has been walked: what was counted, or one of our own errors that ended it."""

    account: Account
    counts: dict[str, int]
    error: MigratorError | None = None


Message = Progress | Done
Work = Callable[[Source, Staging, Job, Callable[[Progress], None]], Done]
Open = Callable[[], AbstractContextManager[tuple[Source, Staging]]]


class Crew:
    """Some processes that wait for jobs."""

    def __init__(self, helpers: Sequence[Connection]) -> None:
        self._helpers = helpers

    def work(self, jobs: Iterable[Job], report: Callable[[Progress], None]) -> Iterator[Done]:
        """Hand out the jobs, one at a time a helper, and yield what comes of each.

        Raises EOFError if a helper is killed, RuntimeError with its traceback if it meets a defect.
        """
        waiting = iter(jobs)
        busy: set[Connection] = set()
        for pipe in self._helpers:
            if (job := next(waiting, None)) is not None:
                pipe.send(job)
                busy.add(pipe)
        while busy:
            for pipe in [each for each in wait(list(busy)) if isinstance(each, Connection)]:
                message: Message = hear(pipe)
                if isinstance(message, Progress):
                    report(message)
                    continue
                if message.error is None and (job := next(waiting, None)) is not None:
                    pipe.send(job)
                else:
                    busy.remove(pipe)
                yield message


@contextmanager
def crew(size: int, opened: Open, work: Work) -> Iterator[Crew]:
    """Fork helpers. Call it while this process has one thread and nothing open."""

    def serve(pipe: Connection) -> None:
        job = pipe.recv()
        try:
            with opened() as (source, staging):
                while True:
                    pipe.send(work(source, staging, job, pipe.send))
                    job = pipe.recv()
        except MigratorError as error:
            pipe.send(Done(job.account, {}, error))

    with forked(size, serve) as pipes:
        yield Crew(pipes)
