"""Commands about the migration folder itself."""

from pathlib import Path
from typing import Annotated

import typer

from migrator.cli import console
from migrator.errors import Reason, UsageError
from migrator.locale import _, spoken, template

family = typer.Typer()


@family.command(
    help=_("Make a migration folder: a commented migration.toml, and mappings of your own."),
    epilog=_("Example: migrator init move-2027"),
)
def init(folder: Annotated[Path, typer.Argument(metavar="DIR", help=_("The folder to make."))]) -> None:
    """Write the settings' template in the language spoken; what is there already is never touched."""
    from migrator.settings import FILE, private

    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        private(folder)
        with path.open("x", encoding="utf-8") as file:
            file.write(template(FILE, spoken()))
        for mine in ("stores", "filters"):
            (folder / "mappings" / mine).mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise UsageError(Reason("init.exists", path=str(error.filename))) from error
    except OSError as error:
        raise UsageError(Reason("init.failed", path=str(error.filename), answer=error.strerror)) from error
    console.say(_("Made {path}. Fill it in, then: migrator check --dir {folder}"), path=str(path), folder=str(folder))
