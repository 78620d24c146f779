"""Takes mailboxes out of the queue and loads them, until it is told to end.

A mailbox that cannot be worked on now (out of reach, throttled, its lease held elsewhere) is put back; one that a
person must see to is left, with its setback in staging. Neither stops the others.
"""

import asyncio
import logging
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from threading import Event, Lock
from typing import Any, NoReturn

import psycopg
from procrastinate import App, BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Job, Status
from typing_extensions import override

from migrator.errors import MigratorError, Outage, Reason, UsageError
from migrator.fleet.queue import TASK, Entry, again, opened
from migrator.model import Mailbox
from migrator.staging.hosts import later, prove_files, slot
from migrator.staging.store import Staging
from migrator.steps import runner
from migrator.steps.load import PATIENCE, Loading, Opener, backoff
from migrator.steps.progress import Progress, Report

HEARTBEAT = 10.0
"""Seconds between two signs of life."""

STALLED = 60.0
"""Seconds without one after which a worker's mailboxes are put in again."""

TEND = 10.0
"""Seconds between two looks for such mailboxes."""

POLL = 5.0
"""Seconds between two looks for a mailbox whose pause is over."""

PAUSE, LONGEST = 5.0, 600.0
"""Seconds for which a mailbox is put back: at first, doubled each time, at most."""

PATIENT = 10.0
"""Seconds at most for which an outage is waited out before the mailbox is put back."""

TRIES = 30
"""Times that a mailbox is put back because its target is out of reach; about four hours."""

UNFIT = 3
"""Mailboxes in a row that a person must see to, after which it is this host that somebody must see to."""

AT_ONCE = datetime.fromtimestamp(0, UTC)
"""No clock, ours or another's, is before this."""

HELD = {"lease.held", "lease.frozen", "lease.lost"}

Prepare = Callable[[Entry], tuple[Callable[[Mailbox], Opener], Loading]]
"""What the load of an entry is told. Raises UsageError where this host has other settings than who put it in."""


class PutBack(Exception):  # noqa: N818 - nothing is wrong
    """The mailbox goes back into the queue, until a time by the database's clock."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


class Left(Exception):  # noqa: N818 - said already
    """A person must see to this mailbox."""


class _PutsBack(BaseRetryStrategy):
    @override
    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if isinstance(exception, Outage):
            return RetryDecision(retry_at=AT_ONCE)
        return RetryDecision(retry_at=exception.until) if isinstance(exception, PutBack) else None


@dataclass
class Worker:
    """One process of a fleet, with some mailboxes in hand."""

    staging: Staging
    prepare: Prepare
    at_once: Callable[[str], int | None]
    report: Report
    mailboxes: int = 1
    drain: bool = False
    """End once no mailbox waits or is worked on any more."""
    counts: Counter[str] = field(default_factory=Counter)
    interrupted: bool = False
    _stop: Event = field(default_factory=Event)
    _ends_with: BaseException | None = None
    _lock: Lock = field(default_factory=Lock)
    _loads: set[Event] = field(default_factory=set)
    _proven: bool = False
    _in_a_row: int = 0

    def run(self) -> Mapping[str, int]:
        """Work until Ctrl-C, SIGTERM, or the end of the queue; what was counted.

        Raises UsageError where this host cannot do the work, Outage where staging is out of reach for too long.
        """
        logging.getLogger("procrastinate").setLevel(logging.CRITICAL)  # what it would say, we say
        if self.staging.blobs.packs:
            self._prove()
        asyncio.run(self._serve())
        if self._ends_with is not None:
            raise self._ends_with
        return self.counts

    # -- the queue, on the event loop ----------------------------------------------------------------------------------

    async def _serve(self) -> None:
        """Open the queue again whenever it was out of reach, or we were taken for dead."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_what_matters)
        loop.add_signal_handler(signal.SIGINT, self._end, True)
        loop.add_signal_handler(signal.SIGTERM, self._end)
        pauses = backoff(PATIENCE)
        while not self._stop.is_set():
            done = self.counts.total()
            try:
                app = await asyncio.to_thread(opened, self.staging)
                async with app.open_async():
                    if await self._work(app):
                        return
            except (Outage, ConnectorException, psycopg.OperationalError) as error:
                pauses = backoff(PATIENCE) if self.counts.total() > done else pauses
                pause = next(pauses, None)
                if pause is None:
                    where = self.staging.engine.url.render_as_string(hide_password=True)
                    raise Outage(Reason("staging.unreachable", url=where)) from error
                await self._sleep(pause)

    def _end(self, interrupted: bool = False) -> None:
        self.interrupted = self.interrupted or interrupted
        self._stop.set()
        with self._lock:
            for stop in self._loads:
                stop.set()

    async def _work(self, app: App) -> bool:
        """Take entries; whether that is over, and not only interrupted by an outage."""
        app.task(name=TASK, pass_context=True, retry=_PutsBack())(self._one)
        taking = asyncio.create_task(
            app.run_worker_async(
                concurrency=self.mailboxes,
                install_signal_handlers=False,
                update_heartbeat_interval=HEARTBEAT,
                stalled_worker_timeout=STALLED,
                fetch_job_polling_interval=POLL,
            )
        )
        tending = asyncio.create_task(self._tend(app))
        await asyncio.wait({taking, tending}, return_when=asyncio.FIRST_COMPLETED)
        over = tending.done()
        for task in (taking, tending):
            task.cancel()
        ended = await asyncio.gather(taking, tending, return_exceptions=True)
        for error in ended:
            if isinstance(error, BaseException) and not isinstance(error, asyncio.CancelledError):
                raise error
        return over

    async def _tend(self, app: App) -> None:
        """Until the end: put in again what silent workers have in hand."""
        while not self._stop.is_set():
            for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED):
                await self._rescue(app, job)
            if self.drain and not await _waiting(app):
                return
            await self._sleep(TEND)

    async def _rescue(self, app: App, job: Job) -> None:
        with suppress(AlreadyEnqueued):
            await app.job_manager.batch_defer_jobs_async(jobs=[again(job)])
        with suppress(ConnectorException):  # another worker was quicker
            await app.job_manager.finish_job(job, Status.ABORTED, delete_job=False)
        self._say(str(job.task_kwargs["mailbox"]), Reason("fleet.rescued", mailbox=str(job.task_kwargs["mailbox"])))

    async def _sleep(self, seconds: float) -> None:
        await asyncio.to_thread(self._stop.wait, seconds)

    # -- one mailbox, in a thread --------------------------------------------------------------------------------------

    def _one(self, context: JobContext, /, **told: Any) -> None:
        entry = Entry(**told)
        try:
            with slot(self.staging, entry.target, self.at_once(entry.target), self._stop) as ours:
                if not ours:
                    raise PutBack(AT_ONCE)
                self._load(entry, context.job.attempts)
        except (PutBack, Left, Outage):  # the last one is staging's own
            raise
        except BaseException as error:
            self._ends_with = error
            self._end()
            raise PutBack(AT_ONCE) from error

    def _load(self, entry: Entry, tries: int) -> None:
        if entry.files and not self._proven:
            self._prove()
        heard: list[Reason] = []

        def hear(progress: Progress) -> None:
            if progress.tells is not None and not progress.step:  # what ended the mailbox
                heard.append(progress.tells)
            self.report(progress)

        opener, how = self.prepare(entry)
        with self._ending() as stop:
            how = replace(how, report=hear, stop=stop, patience=min(how.patience, PATIENT))
            try:
                counts = self._counted(opener, how, entry)
            except Outage as error:
                self._put_back(entry, max(error.retry_after or 0, PAUSE * 2 ** min(tries, 10)), tries, error)
            except UsageError as error:
                if error.reason.code not in HELD:
                    self._leave(entry, error)
                self._put_back(entry, PAUSE, 0, error)
            self._count(counts)
        if any(reason.code in HELD for reason in heard) or self._stop.is_set():
            raise PutBack(AT_ONCE)
        self._in_a_row = 0
        self._count({"left" if heard else "done": 1})
        if heard:
            raise Left

    def _counted(self, opener: Callable[[Mailbox], Opener], how: Loading, entry: Entry) -> Mapping[str, int]:
        lanes = max(1, runner.WORKERS // self.mailboxes)
        return runner.load(self.staging, opener, how, accounts=entry.accounts, workers=lanes)

    @contextmanager
    def _ending(self) -> Iterator[Event]:
        """An event of one load's own: it ends when we do, and may end itself."""
        stop = Event()
        with self._lock:
            self._loads.add(stop)
        if self._stop.is_set():
            stop.set()
        try:
            yield stop
        finally:
            with self._lock:
                self._loads.discard(stop)

    def _put_back(self, entry: Entry, seconds: float, tries: int, error: MigratorError) -> NoReturn:
        if tries >= TRIES:
            self._leave(entry, error)
        seconds = min(seconds, LONGEST)
        until = later(self.staging, seconds)
        cause = error.reason.code
        self._say(entry.mailbox, Reason("fleet.put-back", mailbox=entry.mailbox, cause=cause, seconds=round(seconds)))
        self._count({"put_back": 1})
        raise PutBack(until) from error

    def _leave(self, entry: Entry, error: MigratorError) -> NoReturn:
        """Say why, and go on; several in a row are not the mailboxes' fault."""
        self._say(entry.mailbox, error.reason)
        self._say(entry.mailbox, Reason("fleet.left", mailbox=entry.mailbox, cause=error.reason.code))
        self._count({"left": 1})
        self._in_a_row += 1
        if self._in_a_row >= UNFIT and isinstance(error, UsageError):
            raise error
        raise Left from error

    def _prove(self) -> None:
        prove_files(self.staging)
        self._proven = True

    def _say(self, mailbox: str, what: Reason) -> None:
        self.report(Progress(step="load", account=mailbox, tells=what))

    def _count(self, counts: Mapping[str, int]) -> None:
        with self._lock:
            self.counts.update(counts)


async def _waiting(app: App) -> int:
    """Entries that wait or are worked on."""
    queues = await app.job_manager.list_queues_async()
    return sum(int(queue["todo"]) + int(queue["doing"]) for queue in queues)


def _what_matters(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The queue may be out of reach, or have given our entry to another: that is dealt with where it is met again."""
    if not isinstance(context.get("exception"), ConnectorException):
        loop.default_exception_handler(context)
