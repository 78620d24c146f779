"""The command `migrator`: its families of commands, and the options that all of them share."""

import importlib
from pathlib import Path
from typing import Annotated, Any

import typer

import migrator
from migrator import log as events
from migrator.cli import console
from migrator.locale import _

FAMILIES = (
    *("demo", "folder", "road", "rehearse", "fleet", "mend", "back", "waves", "look", "senders", "decide", "review"),
    *("rules", "shared", "reports", "metrics", "pack", "probe", "rescue"),
)
"""Modules of this package, in the order of `migrator --help`; each holds its commands in a typer app named `family`."""

app = typer.Typer(
    name="migrator",
    help=_("Leaves an old groupware: nothing is lost, nothing arrives twice, and the ledger shows it."),
    epilog=_("Begin with: migrator demo"),
    add_completion=False,
    pretty_exceptions_enable=False,
)
for name in FAMILIES:
    app.add_typer(importlib.import_module(f"migrator.cli.{name}").family)


def command() -> Any:
    """The whole command, ready to be run with a list of words."""
    return typer.main.get_command(app)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"migrator {migrator.__version__}")
        raise typer.Exit


@app.callback()
def everywhere(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Option("--dir", help=_("The migration folder; may also stand behind the command."))
    ] = Path(),
    lang: Annotated[str | None, typer.Option("--lang", help=_("ja or en; else MIGRATOR_LANG, LC_ALL, LANG."))] = None,
    log: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=_("Append what happens to FILE, as JSON Lines; else MIGRATOR_LOG.")),
    ] = None,
    log_level: Annotated[
        str | None,
        typer.Option(
            metavar="debug|info|warning",
            help=_("A line a mail, a line a folder, or only what needs a person; else MIGRATOR_LOG_LEVEL."),
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help=_("Show the version."), callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Take the options that every command shares; language and log were chosen before the help texts were made."""
    console.enter(folder)
    events.event("command.began", command=context.invoked_subcommand, version=migrator.__version__)
