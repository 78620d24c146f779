"""The command that puts a target in order."""

from typing import Annotated

import typer

from migrator.cli import console
from migrator.cli.console import Exit
from migrator.cli.progress import progress
from migrator.cli.road import TARGET
from migrator.locale import _, sentence

family = typer.Typer()


@family.command(
    help=_("Settle what is in doubt, bind receipts to a new UIDVALIDITY, take back surplus copies of ours."),
    epilog=_("Example: migrator settle rehearsal --yes"),
)
def settle(
    target: TARGET,
    yes: Annotated[bool, typer.Option("--yes", help=_("Do it, instead of only showing it."))] = False,
) -> None:
    """Show, or with --yes do; exit 1 where a doubt or finding is left."""
    from migrator.cli import migration
    from migrator.steps import runner

    with migration.opened() as (settings, staging), progress() as report:
        how = migration.loading(settings, target, report)
        told = runner.settle(staging, migration.opener(settings, target), how, act=yes)
    for each in told:
        console.say("{text} [{code}]", text=sentence(each.reason), code=each.reason.code)
    left = sum(each.left for each in told)
    if not told:
        console.tell(_("Everything is in order."))
    elif not yes:
        console.tell(_("Nothing was done: add --yes to do it."))
    elif left:
        console.tell(_("{n} findings."), n=left)
    if left:
        raise typer.Exit(Exit.FOUND)
