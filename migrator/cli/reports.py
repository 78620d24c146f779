"""The commands that write a report for people who type no commands."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from migrator.cli import console
from migrator.errors import Reason, UsageError
from migrator.locale import _, spoken

if TYPE_CHECKING:
    from migrator.reports.survey import Disk
    from migrator.settings import Settings
    from migrator.staging.store import Staging

family = typer.Typer()

GIGABYTE = 10**9


@family.command(
    help=_("The health report (診断書) of the old system: one HTML file to read, send or print on A4."),
    epilog=_("Example: migrator report --lang ja --out report.html"),
)
def report(
    out: Annotated[Path | None, typer.Option("--out", help=_("The file; else reports/report-LANGUAGE.html."))] = None,
    free: Annotated[
        float | None, typer.Option("--free", help=_("GB that are free on the old disk, where it is not at hand."))
    ] = None,
) -> None:
    """Counts what is staged; the old system is asked only how full its disk is."""
    from migrator.cli import migration

    with migration.opened() as (settings, staging):
        file = write(settings, staging, out, free)
    console.say(_("The report: {file}"), file=str(file))


def write(settings: "Settings", staging: "Staging", out: Path | None = None, free: float | None = None) -> Path:
    """Write the report in the language spoken now; where it lies. Raises UsageError."""
    import migrator
    from migrator.reports.page import survey_page
    from migrator.reports.survey import survey
    from migrator.staging.store import now
    from migrator.steps import standings

    domains = settings.filters.own_domains
    stands = standings.at_staging(staging, domains) if domains else {}
    found = survey(staging, stands, _disk(settings, free), now().astimezone().date())
    file = settings.folder / "reports" / f"report-{spoken()}.html" if out is None else out
    try:
        file.parent.mkdir(exist_ok=True)
        file.write_text(survey_page(found, migrator.__version__), encoding="utf-8")
    except OSError as error:
        raise UsageError(Reason("sheet.unwritable", file=str(file), answer=error.strerror)) from error
    return file


def _disk(settings: "Settings", free: float | None) -> "Disk | None":
    """The disk that the old store lies on; what is free there as said, or as it is found."""
    from migrator.reports.survey import Disk

    root = getattr(settings.source.config, "root", None)
    here = shutil.disk_usage(root) if root is not None and Path(root).is_dir() else None
    if free is not None:
        left = int(free * GIGABYTE)
        return Disk(left if here is None else max(here.total, left), left)
    return None if here is None else Disk(here.total, here.free)
