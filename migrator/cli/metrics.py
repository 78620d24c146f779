"""The migration in numbers, for a monitoring system."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from migrator.cli import console
from migrator.errors import Reason, UsageError
from migrator.locale import _

family = typer.Typer()


@family.command(
    help=_("Numbers for Prometheus: mails by step and state, refusals, setbacks, runs. No person is named in them."),
    epilog=_("Example: migrator metrics --out /var/lib/prometheus/node-exporter/migrator.prom"),
)
def metrics(
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE.prom", help=_("Replace this file at one stroke, for node_exporter.")),
    ] = None,
) -> None:
    """Print them, or write the file that node_exporter reads."""
    from migrator.cli import migration
    from migrator.staging.counted import counted

    if find_spec("prometheus_client") is None:
        raise UsageError(Reason("metrics.absent"))
    from migrator.reports.metrics import text, write

    with migration.opened() as (settings, staging):
        found = counted(staging, migration.takes(settings))
    if out is None:
        console.document(text(found))
        return
    try:
        write(found, out)
    except OSError as error:
        raise UsageError(Reason("metrics.unwritable", path=str(out), answer=error.strerror or "?")) from error
