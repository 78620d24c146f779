"""Source -> staging: every artefact of every account, its bytes or the reason why there are none."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from migrator.errors import AccountError, FolderError, MigratorError, Reason, UsageError
from migrator.model import Account
from migrator.ports import SharedSource, Source, nothing_known
from migrator.staging.locks import alone
from migrator.staging.store import Run, Staging
from migrator.staging.walk import Walk
from migrator.steps.crew import Crew, Done, Job
from migrator.steps.guard import same_source
from migrator.steps.intake import Intake
from migrator.steps.progress import Report, quiet
from migrator.steps.shared import take_shared


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
    shared: int = 0
    """Facts of shared inboxes that are new, changed or gone."""
    shared_faults: int = 0
    """Their rows that could not be read."""
    setbacks: int = 0

    @property
    def clean(self) -> bool:
        return not (self.faults or self.shared_faults or self.setbacks)


def extract(
    source: Source,
    staging: Staging,
    *,
    name: str,
    accounts: Collection[str] | None = None,
    rehash: bool = False,
    helpers: Crew | None = None,
    report: Report = quiet,
) -> Extracted:
    """Copy every item of the source into staging, going on where the last run stopped.

    `name` is the source's in migration.toml, under which its identity is known. `rehash`: no stamp is believed, every
    mail of what is walked now is read. Raises UsageError where it is another
    store than last time or suddenly empty, or another run is at work; Outage where the source went away.
    """
    with alone(staging, "extract"), staging.run("extract") as run:
        same_source(source, staging, name, run)
        jobs = [Job(run.id, account, rehash) for account in _chosen(source.accounts(), accounts)]
        alone_at_work = (walk_account(source, staging, job, report) for job in jobs)
        for done in alone_at_work if helpers is None else helpers.work(jobs, report):
            for word, many in done.counts.items():
                run.count(word, many)
            if done.error is not None:
                raise done.error
        if isinstance(source, SharedSource):
            take_shared(source, staging, run, {job.account.name for job in jobs})
        counts = run.counts
    return Extracted(**{field: counts.get(field, 0) for field in Extracted.__dataclass_fields__})


def walk_account(source: Source, staging: Staging, job: Job, report: Report) -> Done:
    """Walk one account, or as far as it goes: what was counted, and the error that ended more than this account."""
    run = Run(staging, job.run, "extract")
    error: MigratorError | None = None
    try:
        _extract_account(source, staging, run, job, report)
    except AccountError as ended:
        run.setback(job.account.name, ended.reason)
    except MigratorError as ended:
        error = ended
    run.log.tell()
    return Done(job.account, run.counts, error)


def _chosen(found: Iterable[Account], wanted: Collection[str] | None) -> list[Account]:
    every = list(found)
    if wanted is None:
        return every
    chosen = frozenset(wanted)
    missing = sorted(chosen - {account.name for account in every})
    if missing:
        raise UsageError(Reason("account.unknown", account=missing[0]))
    return [account for account in every if account.name in chosen]


def _extract_account(source: Source, staging: Staging, run: Run, job: Job, report: Report) -> None:
    account = job.account
    walk = Walk(staging, run, account, exact=source.exact)
    with Intake(walk, run, report) as intake:
        for folder in source.folders(account):
            resume = walk.enter(folder)
            if resume.done:
                continue
            try:
                known = nothing_known if job.rehash else resume.known
                for found in source.items(folder, after=resume.after, known=known):
                    intake.add(folder, found)
                intake.end(folder)
            except FolderError as error:
                run.setback(account.name, error.reason, folder.path)
                intake.flush()
                walk.skip(folder)
        intake.flush()
    end = walk.finish(source.census(account))
    run.count("moved", end.moved)
    run.count("vanished", end.vanished)
