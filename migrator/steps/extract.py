"""Source -> staging: every artefact of every account, its bytes or the reason why there are none."""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

from migrator.errors import AccountError, FolderError, MigratorError, Reason, UsageError
from migrator.mail import envelope, health, received_at
from migrator.model import Account, DateSource, Evidence, Folder, Item, NotMail, Unchanged, Unreadable
from migrator.ports import Source
from migrator.staging.blobs import HEAD, Pieces, compress
from migrator.staging.facts import Entry, Read
from migrator.staging.locks import alone
from migrator.staging.store import Run, Staging
from migrator.staging.walk import Walk
from migrator.steps.crew import Crew, Done, Job
from migrator.steps.progress import Progress, Report, quiet

BATCH_ITEMS = 500
BATCH_BYTES = 16 * 2**20
"""One transaction holds at most so much; a larger mail is a batch of its own."""

UNCHANGED_ITEMS = 5_000

READERS = 2
"""Threads that hash, parse and compress while the next batch is read and the last one written."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """What one run of extract met."""

    items: int = 0
    bytes: int = 0
    unchanged: int = 0
    faults: int = 0
    not_mail: int = 0
    moved: int = 0
    vanished: int = 0
    setbacks: int = 0

    @property
    def clean(self) -> bool:
        return not (self.faults or self.setbacks)


def extract(
    source: Source,
    staging: Staging,
    *,
    name: str,
    accounts: Collection[str] | None = None,
    helpers: Crew | None = None,
    report: Report = quiet,
) -> Extracted:
    """Copy every item of the source into staging, going on where the last run stopped.

    `name` is the source's in migration.toml, under which its identity is known. Raises UsageError where it is another
    store than last time, or another run is at work; Outage where the source went away.
    """
    with alone(staging, "extract"), staging.run("extract") as run:
        _same_store(source, staging, name, run)
        jobs = [Job(run.id, account) for account in _chosen(source.accounts(), accounts)]
        alone_at_work = (walk_account(source, staging, job, report) for job in jobs)
        for done in alone_at_work if helpers is None else helpers.work(jobs, report):
            for word, many in done.counts.items():
                run.count(word, many)
            if done.error is not None:
                raise done.error
        counts = run.counts
    return Extracted(**{field: counts.get(field, 0) for field in Extracted.__dataclass_fields__})


def walk_account(source: Source, staging: Staging, job: Job, report: Report) -> Done:
    """Walk one account, or as far as it goes: what was counted, and the error that ended more than this account."""
    run = Run(staging, job.run)
    error: MigratorError | None = None
    try:
        _extract_account(source, staging, run, job.account, report)
    except AccountError as ended:
        run.setback(job.account.name, ended.reason)
    except MigratorError as ended:
        error = ended
    return Done(job.account, run.counts, error)


def _same_store(source: Source, staging: Staging, name: str, run: Run) -> None:
    found, known = source.identity(), staging.known_identity("source", name)
    if known is None:
        staging.record_identity("source", name, found, run=run.id)
    elif known.store != found.store:
        raise UsageError(Reason("source.another", name=name, known=known.store, found=found.store))


def _chosen(found: Iterable[Account], wanted: Collection[str] | None) -> list[Account]:
    every = list(found)
    if wanted is None:
        return every
    missing = sorted(set(wanted) - {account.name for account in every})
    if missing:
        raise UsageError(Reason("account.unknown", account=missing[0]))
    return [account for account in every if account.name in wanted]


def _extract_account(source: Source, staging: Staging, run: Run, account: Account, report: Report) -> None:
    walk = Walk(staging, run, account)
    with ThreadPoolExecutor(READERS, thread_name_prefix="reader") as pool:
        for folder in source.folders(account):
            resume = walk.enter(folder)
            if resume.done:
                continue
            try:
                intake = _Intake(walk, run, folder, pool, report)
                for found in source.items(folder, after=resume.after, known=resume.known):
                    intake.add(found)
                intake.finish()
            except FolderError as error:
                run.setback(account.name, error.reason, folder.path)
                walk.skip()
    end = walk.finish(source.census(account))
    run.count("moved", end.moved)
    run.count("vanished", end.vanished)


class _Intake:
    """Gathers what a folder gives into batches: read here, worked on in threads, written in order."""

    def __init__(self, walk: Walk, run: Run, folder: Folder, pool: ThreadPoolExecutor, report: Report) -> None:
        self._walk, self._run, self._folder, self._pool, self._report = walk, run, folder, pool, report
        self._batch: list[Item | Unchanged | Unreadable | NotMail] = []
        self._bytes = 0
        self._working: deque[list[Future[list[Entry]]]] = deque()
        self._neighbour: datetime | None = None

    def add(self, found: Item | Unchanged | Unreadable | NotMail) -> None:
        if isinstance(found, Item):
            if self._batch and self._bytes + found.raw.size > BATCH_BYTES:
                self._begin_batch()
            self._bytes += found.raw.size
        self._batch.append(found)
        if len(self._batch) >= (BATCH_ITEMS if self._bytes else UNCHANGED_ITEMS):
            self._begin_batch()

    def finish(self) -> None:
        """The folder has been walked to its end."""
        self._begin_batch()
        while len(self._working) > 1:
            self._write()
        self._write(done=True)

    def _begin_batch(self) -> None:
        if self._batch:
            share = -(-len(self._batch) // READERS)
            shares = (self._batch[at : at + share] for at in range(0, len(self._batch), share))
            self._working.append([self._pool.submit(_read_all, each) for each in shares])
        self._batch, self._bytes = [], 0
        while len(self._working) > 1:
            self._write()

    def _write(self, *, done: bool = False) -> None:
        worked = self._working.popleft() if self._working else []
        entries = list(self._dated([entry for each in worked for entry in each.result()]))
        reads = [entry for entry in entries if isinstance(entry, Read)]
        self._walk.put(self._with_bodies(entries, reads), done=done)
        self._count(entries, reads)

    def _with_bodies(self, entries: list[Entry], reads: list[Read]) -> list[Entry]:
        """Compress the bodies that staging does not have yet."""
        missing = self._walk.missing([read.pieces for read in reads])
        bodies = dict(zip(missing, self._pool.map(compress, missing.values()), strict=True))
        return [
            replace(entry, body=bodies.get(entry.pieces.body_digest)) if isinstance(entry, Read) else entry
            for entry in entries
        ]

    def _dated(self, entries: list[Entry]) -> Iterator[Entry]:
        """Mail without any date gets that of its nearest dated neighbour in the folder, before it or else behind."""
        ahead = next((each.received.at for each in entries if isinstance(each, Read) and _is_dated(each)), None)
        for entry in entries:
            if isinstance(entry, Read):
                if _is_dated(entry):
                    self._neighbour = entry.received.at
                elif (near := self._neighbour or ahead) is not None:
                    entry = replace(entry, received=Evidence(DateSource.NEIGHBOUR, near))
            yield entry

    def _count(self, entries: list[Entry], reads: list[Read]) -> None:
        size = sum(read.item.raw.size for read in reads)
        self._run.count("items", len(reads))
        self._run.count("bytes", size)
        self._run.count("unchanged", sum(isinstance(entry, Unchanged) for entry in entries))
        self._run.count("faults", sum(isinstance(entry, Unreadable) for entry in entries))
        self._run.count("not_mail", sum(isinstance(entry, NotMail) for entry in entries))
        account, path = self._folder.account.name, self._folder.path
        self._report(Progress(step="extract", account=account, path=path, items=len(entries), bytes=size))


def _is_dated(read: Read) -> bool:
    return read.received.source != DateSource.NONE


def _read_all(found: Sequence[Item | Unchanged | Unreadable | NotMail]) -> list[Entry]:
    return [_read(each) for each in found]


def _read(found: Item | Unchanged | Unreadable | NotMail) -> Entry:
    """Everything that is read off a mail, once."""
    if not isinstance(found, Item):
        return found
    pieces = Pieces.of(found.raw)
    head = pieces.head or (pieces.body or b"")[:HEAD]
    return Read(
        item=found,
        pieces=pieces,
        envelope=envelope(head),
        health=health(head, pieces.body, found.raw.size),
        received=received_at(head, found.dates),
    )
