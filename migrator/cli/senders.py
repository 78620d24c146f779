"""What the filter thinks of senders and lists, and people's verdicts on them by spreadsheet."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from migrator.cli import console
from migrator.cli.console import Exit
from migrator.cli.road import JSON
from migrator.errors import Reason, UsageError
from migrator.locale import _

family = typer.Typer()
decisions = typer.Typer(help=_("People's decisions, as a spreadsheet."))
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
    help=_("Write a topic of the review into a spreadsheet (CSV, UTF-8 with BOM) in which a person decides."),
    epilog=_("Example: migrator decisions export senders.csv"),
)
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv")],
    topic: Annotated[
        str,
        typer.Option("--topic", help=_("A topic of `migrator review`, by its name in the address.")),
    ] = "senders",
    account: Annotated[
        list[str] | None,
        typer.Option("--account", help=_("Only what concerns this account (name or glob) alone; may be repeated.")),
    ] = None,
) -> None:
    """The column `decision` is for the decision; `reason` for the reason. The others only tell."""
    from migrator.cli import migration
    from migrator.cli.spreadsheet import write
    from migrator.review.sheets import wholly
    from migrator.review.topics import TOPICS
    from migrator.staging.books import ALL
    from migrator.staging.glances import glances

    found = next((each for each in TOPICS if each.name == topic), None)
    if found is None:
        raise UsageError(Reason("review.no-topic", name=topic, known=", ".join(each.name for each in TOPICS)))
    with migration.opened() as (settings, staging):
        desk = migration.desk(settings, staging)
        whole = desk.sheet(found)
        sheet = replace(whole, rows=tuple(row for row in whole.rows if wholly(row, tuple(account or ALL))))
        mails = glances(staging, [item for row in sheet.rows for item, _text in row.quotes])
        subjects = {row.id: [mails[item].subject for item, _text in row.quotes if item in mails] for row in sheet.rows}
        write(file, sheet, subjects, desk.say)
    console.say(_("{n} rows are in {file}."), n=len(sheet.rows), file=str(file))


@decisions.command(
    name="import",
    help=_("Take the decisions out of such a spreadsheet: all of them, or none where one is wrong or overtaken."),
    epilog=_("Example: migrator decisions import senders.csv"),
)
def import_(file: Annotated[Path, typer.Argument(metavar="FILE.csv")]) -> None:
    """Rows without a decision, or with the one that is in force, change nothing."""
    from migrator.cli import migration
    from migrator.cli.spreadsheet import read
    from migrator.review.topics import TOPICS
    from migrator.staging.books import Overtaken
    from migrator.staging.store import user

    with migration.opened() as (settings, staging):
        sheet, decided = read(file, TOPICS, migration.desk(settings, staging).sheet)
        fresh = [
            each
            for each in decided
            if each.row.said is None or (each.row.said.verdict, each.row.said.why) != (each.verdict, each.why)
        ]
        outcome = sheet.topic.book(staging).write_each(
            [(each.row.subject, each.verdict, each.why) for each in fresh],
            by=user(),
            seen=sheet.seen,
            about={each.row.subject: each.row.about for each in fresh},
        )
    if isinstance(outcome, Overtaken):
        raise UsageError(Reason("sheet.overtaken", file=str(file), many=len(outcome.subjects), lines="-"))
    console.say(
        _("{n} decisions taken over, {same} were in force already."), n=len(fresh), same=len(decided) - len(fresh)
    )


@decisions.command(
    name="settings",
    help=_("Decisions on accounts and folders that migration.toml does not say yet, as lines to write there."),
    epilog=_("Example: migrator decisions settings"),
)
def settings_() -> int:
    """Exit 1 while there are some: then nothing of these accounts is loaded."""
    from migrator.cli import migration
    from migrator.review.settling import lines

    with migration.opened() as (settings, staging):
        found = migration.unsettled(settings, staging)
    for table, rows in found.items():
        console.say("{head}", head=f"[{table}]")
        for line in lines(rows):
            console.say("{line}", line=line)
    console.tell(
        _("Write these under the tables of the same name, in place of lines of the same name.")
        if found
        else _("migration.toml says all that was decided on accounts and folders.")
    )
    return Exit.FOUND if found else Exit.DONE


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
