"""The same load on many hosts: what puts mailboxes into the queue, and the command that takes them out."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from migrator.cli import console
from migrator.cli.console import Exit
from migrator.cli.progress import progress
from migrator.errors import Reason, UsageError
from migrator.locale import _, spoken

if TYPE_CHECKING:
    from migrator.model import Mailbox
    from migrator.settings import Settings
    from migrator.staging.store import Staging
    from migrator.steps.load import Loading, Opener

family = typer.Typer()


@family.command(
    help=_("Load the mailboxes that `load --fleet` has put into the queue; on as many hosts as you like."),
    epilog=_("Example: migrator worker --drain"),
)
def worker(
    workers: Annotated[int, typer.Option("--workers", min=1, help=_("Mailboxes at the same time."))] = 1,
    drain: Annotated[bool, typer.Option("--drain", help=_("End once no mailbox waits any more."))] = False,
) -> None:
    """Take one mailbox after the other until Ctrl-C or SIGTERM; what is in hand then goes back into the queue."""
    from migrator.cli import foretelling, migration

    _needed()
    from migrator.fleet.queue import Entry
    from migrator.fleet.worker import Worker

    with migration.opened() as (settings, staging), progress() as report:

        def prepare(entry: Entry) -> "tuple[Callable[[Mailbox], Opener], Loading]":
            if entry.settings != digest(settings, entry.target):
                raise UsageError(Reason("fleet.settings-differ", host=staging.host, target=entry.target))
            how = migration.loading(
                settings,
                entry.target,
                retry=entry.retry,
                resend=entry.resend,
                existing=entry.existing,
                shared=foretelling.shared_inboxes(settings, staging, entry.accounts),
            )
            return migration.opener(settings, entry.target), replace(how, signed=entry.signed)

        done = Worker(
            staging=staging,
            prepare=prepare,
            at_once=lambda target: settings.target(target).at_once,
            report=report,
            mailboxes=workers,
            drain=drain,
        )
        counts = done.run()
    words = ("done", "put_back", "left", "loaded", "refused", "in_doubt", "setbacks")
    text = _("{done} mailboxes done, {put_back} put back, {left} left to a person; {loaded} mails loaded.")
    console.say(text, **{word: counts.get(word, 0) for word in words})
    if done.interrupted:
        raise KeyboardInterrupt
    if any(counts.get(word) for word in ("left", "refused", "in_doubt", "setbacks")):
        raise typer.Exit(Exit.FOUND)


def put_in(settings: "Settings", staging: "Staging", how: "Loading", accounts: Sequence[str]) -> None:
    """An entry for every mailbox of these accounts; say how many."""
    _needed()
    from migrator.fleet.queue import Entry, put
    from migrator.staging.hosts import show_files

    inboxes = {each.inbox.account.name for each in how.shared}
    entries = [
        Entry(
            target=how.target,
            mailbox=mailbox.owner,
            accounts=feeding,
            settings=digest(settings, how.target),
            retry=how.retry,
            resend=how.resend,
            existing=how.existing,
            signed=0 if inboxes.isdisjoint(feeding) else how.signed,
            files=show_files(staging),
        )
        for mailbox, feeding in how.routes.mailboxes(accounts).items()
    ]
    many = put(staging, entries)
    console.say(_("{many} of {all} mailboxes put into the queue; the others are in it."), many=many, all=len(entries))
    console.say(_("On every host: migrator worker"))


def digest(settings: "Settings", target: str) -> str:
    """What every host must have alike, lest one mailbox be loaded in two ways; without anything secret."""
    its = settings.target(target)
    alike = {
        "accounts": dict(settings.accounts),
        "folders": dict(settings.folders),
        "shared": settings.shared.model_dump(mode="json"),
        "own_domains": list(settings.filters.own_domains),
        "language": settings.shared.history_language or spoken(),
        "target": {"adapter": its.adapter, "takes": sorted(its.takes), "role": its.role},
    }
    return hashlib.sha256(json.dumps(alike, sort_keys=True).encode()).hexdigest()[:16]


def _needed() -> None:
    if find_spec("procrastinate") is None:
        raise UsageError(Reason("fleet.absent"))
