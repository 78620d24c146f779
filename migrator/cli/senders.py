"""What the filter thinks of senders and lists, and people's verdicts on them by spreadsheet."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from migrator.cli import console
from migrator.cli.road import JSON
from migrator.locale import _

family = typer.Typer()
decisions = typer.Typer(help=_("People's verdicts on senders, as a spreadsheet."))
family.add_typer(decisions, name="decisions")


@family.command(
    help=_("Every sender and list: what the filter proposes, how sure it is, and what speaks for and against."),
    epilog=_("Example: migrator senders"),
)
def senders(
    sample: Annotated[
        int | None,
        typer.Option("--sample", min=1, help=_("Instead, so many mails at random of those proposed for parking.")),
    ] = None,
    as_json: JSON = False,
) -> None:
    """One row a sender or list, those that would save most first; JSON Lines with everything."""
    if sample is not None:
        _sample(sample, as_json=as_json)
        return
    rows = list(_rows())
    if as_json:
        for row in rows:
            console.json_line(row)
        return
    console.table(
        (_("mails"), _("MB"), _("accounts"), _("proposal"), _("sure"), _("decision"), _("sender or list")),
        (
            (
                row["items"],
                round(row["bytes"] / 10**6, 1),
                row["accounts"],
                f"{row['proposal']} ({row['tier']})" if row["proposal"] == "park" else row["proposal"],
                f"{row['score']:.0%}",
                row["decision"] or "",
                _("{sender}: orders").format(sender=row["sender"]) if row["orders"] else row["sender"],
            )
            for row in rows
        ),
    )


@decisions.command(
    name="export",
    help=_("Write the senders into a spreadsheet (CSV, UTF-8 with BOM) in which a person decides."),
    epilog=_("Example: migrator decisions export senders.csv"),
)
def export(file: Annotated[Path, typer.Argument(metavar="FILE.csv")]) -> None:
    """The column `decision` is for keep, park or hold; `why` for the reason. The others only tell."""
    from migrator.cli.spreadsheet import write

    rows = list(_rows())
    write(file, rows)
    console.say(_("{n} senders and lists are in {file}."), n=len(rows), file=str(file))


@decisions.command(
    name="import",
    help=_("Take the verdicts out of such a spreadsheet: all of them, or none where one is wrong."),
    epilog=_("Example: migrator decisions import senders.csv"),
)
def import_(file: Annotated[Path, typer.Argument(metavar="FILE.csv")]) -> None:
    """Rows without a verdict, or with the one that is in force, change nothing."""
    from migrator.cli import migration
    from migrator.cli.spreadsheet import read
    from migrator.staging.opinions import decide_units, decided_units, known_streams
    from migrator.staging.store import user

    with migration.opened() as (_settings, staging):
        decided = read(file, known_streams(staging))
        in_force = decided_units(staging)
        fresh = {unit: said for unit, said in decided.items() if in_force.get(unit, ("",))[0] != said[0]}
        decide_units(staging, fresh, by=user())
    console.say(
        _("{n} verdicts taken over, {same} were in force already."), n=len(fresh), same=len(decided) - len(fresh)
    )


@family.command(
    help=_("New filter weights from the decisions made here. They count once migration.toml names them."),
    epilog=_("Example: migrator learn"),
)
def learn() -> None:
    """Write mappings/filters/weights.toml in the migration folder; nothing else changes."""
    from migrator.cli import migration
    from migrator.steps.learn import learn_from_decisions

    with migration.opened() as (settings, staging):
        done = learn_from_decisions(staging, migration.rules(settings))
    file = console.folder() / "mappings" / "filters" / "weights.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(done.weights.text, encoding="utf-8")
    console.say(
        _("Learned from {mails} mails of {senders} senders: {file}"),
        mails=done.mails,
        senders=done.senders,
        file=str(file),
    )
    console.say(
        _("To use them, write this under [filters] in migration.toml, then judge again: {line}"),
        line='weights = "mappings/filters/weights.toml"',
    )


def _sample(size: int, *, as_json: bool) -> None:
    """For an audit: who finds nothing wrong among n knows that fewer than 3 in n are wrong (rule of three)."""
    from migrator.cli import migration
    from migrator.cli.look import show_mail
    from migrator.staging import reports

    with migration.opened() as (_settings, staging):
        lines = list(reports.sampled(staging, "park", size))
    for line in lines:
        if as_json:
            console.json_line(line)
        else:
            show_mail(line)
    if lines and not as_json:
        console.say(
            _("{n} of the mails proposed for parking. If none of them is wrong, at most {percent} % are (95 % sure)."),
            n=len(lines),
            percent=round(300 / len(lines), 1),
        )


def _rows() -> Iterable[dict[str, Any]]:
    from migrator.cli import migration
    from migrator.cli.words import said_by
    from migrator.steps.senders import senders as step

    with migration.opened() as (settings, staging):
        ruleset = migration.rules(settings)
        for row in step(staging, ruleset, migration.store(settings)):
            yield row | {
                "reasons": said_by(ruleset, row["reasons"]),
                "protected_by": said_by(ruleset, row["protected_by"]),
            }
