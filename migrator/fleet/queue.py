"""Entries of the queue, each a target mailbox with what its load is told."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.jobs import Job
from procrastinate.schema import SchemaManager

from migrator.staging.hosts import queue_room
from migrator.staging.store import Staging

TASK = "load"

AT_A_TIME = 1000
"""Entries that one transaction puts in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One mailbox that is to be loaded, and all that a worker cannot read in its own migration.toml."""

    target: str
    mailbox: str
    accounts: Sequence[str]
    """Those that feed it, or of them the ones that were named."""
    settings: str
    """The digest of what every host must have alike."""
    retry: bool = False
    resend: bool = False
    existing: str | None = None
    signed: int = 0
    files: bool = False
    """Whether bodies lie in files, which every host must be able to read."""

    @property
    def lock(self) -> str:
        """Of the entries of one mailbox one is worked on at a time, and one waits."""
        return f"{self.target}/{self.mailbox}"

    def job(self) -> Job:
        """A new entry, as procrastinate has it."""
        return Job(
            id=None,
            queue=self.target,
            lock=self.lock,
            queueing_lock=self.lock,
            task_name=TASK,
            task_kwargs=asdict(self),
        )


def opened(staging: Staging) -> App:
    """procrastinate on this staging's server, in a schema of its own. Raises UsageError where staging is SQLite."""
    its = version("procrastinate")
    room = queue_room(staging, "fleet_" + "_".join(its.split(".")[:2]), SchemaManager.get_schema())
    return App(connector=PsycopgConnector(min_size=1, max_size=2, kwargs=room))


def put(staging: Staging, entries: Iterable[Entry]) -> int:
    """Put in those whose mailbox neither waits nor is worked on; how many."""
    many = 0
    with opened(staging).open() as app:
        busy = {job.lock for status in ("todo", "doing") for job in app.job_manager.list_jobs(status=status)}
        jobs = [each.job() for each in entries if each.lock not in busy]
        for first in range(0, len(jobs), AT_A_TIME):
            many += _put(app, jobs[first : first + AT_A_TIME])
    return many


def _put(app: App, jobs: list[Job]) -> int:
    """All of them, or one by one where somebody else has just put one in."""
    try:
        return len(app.job_manager.batch_defer_jobs(jobs=jobs))
    except AlreadyEnqueued:
        return 0 if len(jobs) == 1 else sum(_put(app, [job]) for job in jobs)


def again(job: Job) -> Job:
    """The same entry under a number of its own: what its old holder says of the old one is not about this one."""
    return Job(
        id=None,
        queue=job.queue,
        lock=job.lock,
        queueing_lock=job.queueing_lock,
        task_name=job.task_name,
        task_kwargs=job.task_kwargs,
    )
