"""The commands that make rules for the new server out of what people decided here."""

import os
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from migrator.cli import console
from migrator.errors import Reason, UsageError
from migrator.locale import _

if TYPE_CHECKING:
    from migrator.rules.choosing import Chosen

family = typer.Typer()
rules = typer.Typer(help=_("What people parked, as rules for the new server."))
family.add_typer(rules, name="rules")


class Format(StrEnum):
    """Who is to read the rules."""

    SIEVE = "sieve"
    POSTFIX = "postfix"
    EXCHANGE = "exchange"
    UNSUBSCRIBE = "unsubscribe"


@rules.command(
    help=_(
        "Rules that file or mark mail of parked senders, never reject or delete it; or where to ask them to stop. "
        "A sender whose wanted mail no rule can tell apart is left out, and said so."
    ),
    epilog=_('Example: migrator rules export --format sieve --folder "メールマガジン" --out parked.sieve'),
)
def export(
    form: Annotated[
        Format,
        typer.Option("--format", metavar="sieve|postfix|exchange|unsubscribe", help=_("Which mail server reads it.")),
    ],
    folder: Annotated[
        str, typer.Option("--folder", help=_("With sieve: where the mail is filed, by its name at the new server."))
    ] = "Newsletters",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help=_("A new file to write; else it goes to stdout."))
    ] = None,
) -> None:
    """Only what a person said of a whole sender or list is exported: newest word, park."""
    from migrator.cli import migration
    from migrator.rules.choosing import choose, gather
    from migrator.rules.subjects import Orders
    from migrator.rules.unsubscribe import table
    from migrator.staging.approved import parked_senders, raws, sent

    with migration.opened() as (settings, staging):
        orders = Orders.of(migration.rules(settings).judge)
        standings, read = gather(parked_senders(staging), sent(staging), orders), partial(raws, staging)
        if form == Format.UNSUBSCRIBE:
            _write(table(standings, read), out)
            console.tell(_("{n} senders and lists. Nothing was sent or fetched."), n=len(standings))
            return
        chosen = choose(standings, read, orders)
    text, made = _script(form, chosen, folder)
    _write(text, out)
    for reason in made.left:
        console.explain(reason)
    console.tell(_("Rules for {n} senders and lists; {left} left out."), n=len(made.rules), left=len(made.left))


def _script(form: Format, chosen: "Chosen", folder: str) -> tuple[str, "Chosen"]:
    from migrator.rules import exchange, postfix, sieve
    from migrator.text import shown

    if form == Format.POSTFIX:
        return postfix.script(chosen)
    if form == Format.EXCHANGE:
        return exchange.script(chosen)
    if not folder.strip() or shown(folder) != folder:
        raise UsageError(Reason("rules.folder", folder=folder))
    return sieve.script(chosen, folder)


def _write(text: str, out: Path | None) -> None:
    if out is None:
        console.document(text)
        return
    try:
        with open(out, "x", encoding="utf-8", newline="", opener=_private) as file:
            file.write(text)
    except OSError as error:
        raise UsageError(Reason("rules.not-written", path=str(out), answer=error.strerror)) from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
