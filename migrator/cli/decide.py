"""The commands by which a person decides."""

from typing import Annotated

import typer

from migrator.cli import console
from migrator.locale import _
from migrator.model import Verdict

family = typer.Typer()


@family.command(
    help=_("A person's verdict on one mail, or on a sender or list and all that comes from there."),
    epilog=_('Example: migrator decide news@shop.example park --why "agreed with sales"'),
)
def decide(
    what: Annotated[str, typer.Argument(metavar="ITEM|SENDER", help=_("A mail's number, an address, or a List-Id."))],
    verdict: Annotated[Verdict, typer.Argument(metavar="keep|park|hold")],
    why: Annotated[str, typer.Option("--why", help=_("The reason, for whoever asks later."))] = "",
) -> None:
    """Write the decision down; the newest is in force."""
    from migrator.cli import migration
    from migrator.staging.opinions import decide_item, decide_sender
    from migrator.staging.store import user

    with migration.opened() as (_settings, staging):
        if what.isdecimal():
            decide_item(staging, int(what), verdict, by=user(), why=why)
            touched = 1
        else:
            touched = decide_sender(staging, what.lower(), verdict, by=user(), why=why)
    console.say(_("{verdict}: {n} mails."), verdict=verdict.value, n=touched)
