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
    orders: Annotated[
        bool,
        typer.Option("--orders", help=_("Only about its orders, deliveries, bills and accounts.")),
    ] = False,
    why: Annotated[str, typer.Option("--why", help=_("The reason, for whoever asks later."))] = "",
) -> None:
    """Write the decision down; the newest is in force."""
    from migrator.cli import migration
    from migrator.staging.opinions import decide_item, decide_stream
    from migrator.staging.store import user

    with migration.opened() as (_settings, staging):
        if what.isdecimal() and len(what) < 19:  # more digits than a number of ours can have
            decide_item(staging, int(what), verdict, by=user(), why=why)
            console.say(_("{verdict}: {n} mails."), verdict=verdict.value, n=1)
            return
        done = decide_stream(staging, what, verdict, by=user(), why=why, orders=orders)
    console.say(_("{verdict}: {n} mails of {sender}."), verdict=verdict.value, n=done.mails, sender=done.stream)
    if done.orders_left:
        console.say(
            _("{n} orders, deliveries, bills and the like stay. To park those too: add --orders."), n=done.orders_left
        )


@family.command(
    help=_("Bring parked mail back to keep, also after a load: the next load carries it."),
    epilog=_('Example: migrator restore news@shop.example --why "the sales team reads it"'),
)
def restore(
    what: Annotated[str, typer.Argument(metavar="ITEM|SENDER", help=_("A mail's number, an address, or a List-Id."))],
    why: Annotated[str, typer.Option("--why", help=_("The reason, for whoever asks later."))] = "",
) -> None:
    """A person's decision to keep; what stays parked is listed, because somebody else's word stands before this one."""
    from migrator.cli import migration
    from migrator.staging.opinions import restore_item, restore_stream
    from migrator.staging.store import user

    with migration.opened() as (_settings, staging):
        if what.isdecimal():
            done = restore_item(staging, int(what), by=user(), why=why)
        else:
            done = restore_stream(staging, what, by=user(), why=why)
    console.say(_("{n} parked mails are kept again; the next load carries them."), n=done.mails)
    for item, scope in done.left:
        said = _("a person parked it by its number") if scope == "item" else _("the source deleted it")
        console.say(
            _("item {item} stays parked: {said}. To bring it back: migrator restore {item}"), item=item, said=said
        )
