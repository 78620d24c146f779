"""Target mailboxes over lanes: load and verify do one mailbox; this does many, some at a time."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace

from migrator.errors import AccountError, FolderError, Outage, Reason
from migrator.model import Mailbox
from migrator.staging.loads import owners_of_load
from migrator.staging.locks import alone
from migrator.staging.reports import accounts_staged
from migrator.staging.sightings import Shelf
from migrator.staging.store import Run, Staging
from migrator.steps.guard import known_again
from migrator.steps.load import Loading, Opener, load_mailbox
from migrator.steps.mend import Told, mend, show
from migrator.steps.progress import Progress
from migrator.steps.share import write_histories
from migrator.steps.undo import Loads, Prospect, prospect, undo_mailbox
from migrator.steps.verify import Verified, total, verify_mailbox
from migrator.steps.withdraw import Taken

WORKERS = 4
"""Mailboxes worked on at the same time, and connections in all where a mailbox may have several."""


def load(
    staging: Staging,
    open_target: Callable[[Mailbox], Opener],
    how: Loading,
    *,
    accounts: Collection[str] | None = None,
    workers: int = WORKERS,
) -> Mapping[str, int]:
    """Send every mailbox all that is to go there, 対応履歴 mails too; what this run counted.

    Raises UsageError at once, or once somebody pauses it; Outage where no mailbox could be reached at all, or in hours
    in which nothing is sent.
    """
    with alone(staging, "load"), staging.run("load", how.target) as run:
        workers = how.pace.lanes(workers)
        how.pace.may_go_on(how.stop)
        _stop_here(how)
        if how.signed:
            run.count("signed_lost", how.signed)
        write_histories(staging, run, how.shared)
        mailboxes = how.routes.mailboxes(accounts_staged(staging, accounts))
        lanes = how.lanes or max(1, workers // max(1, len(mailboxes)))
        each_how = replace(how, lanes=lanes)
        stopped = _known_again(staging, run, mailboxes, open_target, how, workers)

        def one(mailbox: Mailbox) -> None:
            load_mailbox(staging, run, mailbox, mailboxes[mailbox], open_target(mailbox), each_how)

        spread(run, [each for each in mailboxes if each not in stopped], one, workers, how)
        _stop_here(how)
        return dict(run.counts)


def _stop_here(how: Loading) -> None:
    """Raises what has stopped the load, if anything has."""
    if how.pace.stopped is not None:
        raise how.pace.stopped


def _known_again(
    staging: Staging,
    run: Run,
    mailboxes: Collection[Mailbox],
    open_target: Callable[[Mailbox], Opener],
    how: Loading,
    workers: int,
) -> set[Mailbox]:
    """Look at every mailbox that we know before anything is sent to any; those that cannot be worked on.

    Raises UsageError where one is not what it was. One that is out of reach is waited for, and looked at, by its load.
    """
    known = staging.known_mailboxes(how.target)
    stopped: set[Mailbox] = set()

    def look(mailbox: Mailbox) -> None:
        try:
            with open_target(mailbox)() as target:
                known_again(staging, run, target, how.target, mailbox, how.report)
        except Outage:
            pass
        except (AccountError, FolderError):
            stopped.add(mailbox)
            raise

    spread(run, [each for each in mailboxes if each.owner in known], look, workers, how)
    return stopped


def verify(
    staging: Staging,
    open_target: Callable[[Mailbox], Opener],
    how: Loading,
    *,
    accounts: Collection[str] | None = None,
    bodies: float = 0.0,
    workers: int = WORKERS,
) -> tuple[Verified, int]:
    """Compare every mailbox with what was sent there; what was seen, and the run's number for its findings."""
    parts: list[Verified] = []
    with staging.run("verify", how.target) as run:
        mailboxes = how.routes.mailboxes(accounts_staged(staging, accounts))

        def one(mailbox: Mailbox) -> None:
            with open_target(mailbox)() as target:
                parts.append(
                    verify_mailbox(staging, run, how.target, mailbox, target, bodies=bodies, report=how.report)
                )

        spread(run, mailboxes, one, workers, how)
        whole = total(parts)
        for name in Verified.__dataclass_fields__:
            run.count(name, getattr(whole, name))
    return replace(whole, setbacks=run.counts["setbacks"]), run.id


def prospects(staging: Staging, open_target: Callable[[Mailbox], Opener], how: Loading, loads: Loads) -> list[Prospect]:
    """What `undo` of these loads would do, place by place. Changes nothing. Raises UsageError, AccountError, Outage."""
    found: list[Prospect] = []
    for mailbox in _mailboxes_of(staging, how, loads):
        with open_target(mailbox)() as target:
            found += prospect(Shelf(staging, how.target, mailbox.owner), target, loads)
    return found


def undo(
    staging: Staging,
    open_target: Callable[[Mailbox], Opener],
    how: Loading,
    loads: Loads,
    *,
    workers: int = WORKERS,
) -> tuple[Mapping[str, int], list[Taken]]:
    """Take back what these loads put and nobody touched since: what this run counted, and what was left or gone.

    Raises UsageError at once; Outage where no mailbox could be reached at all.
    """
    left: list[Taken] = []
    with alone(staging, "undo"), staging.run("undo", how.target) as run:

        def one(mailbox: Mailbox) -> None:
            left.extend(undo_mailbox(staging, run, loads, mailbox, open_target(mailbox), how))

        spread(run, _mailboxes_of(staging, how, loads), one, workers, how)
        return dict(run.counts), left


def _mailboxes_of(staging: Staging, how: Loading, loads: Loads) -> list[Mailbox]:
    """The mailboxes that these loads sent to, of those that are meant; [accounts] may have changed since."""
    routed = {mailbox.owner: mailbox for mailbox in how.routes.mailboxes(accounts_staged(staging))}
    owners = sorted({owner for run in loads.runs for owner in owners_of_load(staging, run)})
    return [routed.get(owner, Mailbox(owner)) for owner in owners if loads.owners is None or owner in loads.owners]


def settle(
    staging: Staging, open_target: Callable[[Mailbox], Opener], how: Loading, *, act: bool, workers: int = WORKERS
) -> list[Told]:
    """Put every mailbox of a target in order, or only say what would be done; all that a person has to know.

    Raises UsageError at once; Outage where no mailbox could be reached at all.
    """
    told: list[Told] = []
    mailboxes = how.routes.mailboxes(accounts_staged(staging))
    if not act:
        for mailbox in mailboxes:
            with open_target(mailbox)() as target:
                told += show(staging, how.target, mailbox, target)
        return told
    with alone(staging, "settle"), staging.run("settle", how.target) as run:

        def one(mailbox: Mailbox) -> None:
            mend(staging, run, mailbox, open_target(mailbox), how, told.append)

        spread(run, mailboxes, one, workers, how)
        return told + [Told(each, left=True) for each in run.setbacks]


def spread(
    run: Run, mailboxes: Collection[Mailbox], work: Callable[[Mailbox], None], workers: int, how: Loading
) -> None:
    """Do the work for each mailbox, some at a time. One that fails is a setback; all out of reach is an Outage."""
    outages: list[Outage] = []
    told: list[Progress] = []  # last: what stops everything is heard alone
    with ThreadPoolExecutor(min(workers, len(mailboxes)) or 1, thread_name_prefix="mailbox") as pool:
        waiting: dict[Future[None], Mailbox] = {pool.submit(work, each): each for each in mailboxes}
        try:
            while waiting:
                for done in wait(waiting, return_when=FIRST_COMPLETED, timeout=1).done:
                    mailbox = waiting.pop(done)
                    try:
                        done.result()
                    except (AccountError, FolderError) as error:
                        run.setback(mailbox.owner, error.reason)
                        told.append(Progress(step="", account=mailbox.owner, tells=error.reason))
                    except Outage as error:
                        outages.append(error)
                        run.setback(mailbox.owner, _ended(error, mailbox))
        except BaseException:
            how.stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    if outages and len(outages) == len(mailboxes):
        raise outages[0]
    for each in told:
        how.report(each)


def _ended(error: Outage, mailbox: Mailbox) -> Reason:
    return Reason("mailbox.out-of-reach", mailbox=mailbox.owner, cause=error.reason.code)
