"""Source -> staging: who may work in which shared inbox, who handles which mail, and how far it is."""

from collections.abc import Collection

from migrator.errors import AccountError
from migrator.ports import SharedSource
from migrator.staging.shared import WORK, Taken, take
from migrator.staging.store import Run, Staging


def take_shared(source: SharedSource, staging: Staging, run: Run, accounts: Collection[str]) -> None:
    """Write down what has changed since the last run in the shared inboxes of these accounts.

    Raises Outage. An inbox that cannot be read is a setback, and nothing of it counts as gone.
    """
    inboxes = [inbox for inbox in source.inboxes() if inbox.account.name]
    take(staging, run.id, ["inbox"], inboxes)
    take(staging, run.id, ["principal"], source.principals())
    for inbox in inboxes:
        if inbox.account.name not in accounts:
            continue
        name = inbox.account.name
        try:
            _count(run, take(staging, run.id, ["member"], source.members(inbox), inbox=inbox.key, account=name))
            _count(run, take(staging, run.id, WORK, source.work(inbox), inbox=inbox.key, account=name))
        except AccountError as error:
            run.setback(name, error.reason)


def _count(run: Run, taken: Taken) -> None:
    run.count("shared", taken.changed + taken.gone)
    run.count("shared_faults", taken.faults)
