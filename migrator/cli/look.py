"""The commands that only look at what staging knows."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from migrator.cli import console, watching
from migrator.cli.road import JSON
from migrator.cli.words import worded
from migrator.errors import Reason, UsageError
from migrator.locale import _, sentence

family = typer.Typer()

ITEM = Annotated[int, typer.Argument(metavar="ITEM", help=_("A mail's number, as list and find show it."))]


@family.command(help=_("The migration at a glance."), epilog=_("Example: migrator status"))
def status(as_json: JSON = False) -> None:
    """Counts of mails, faults, proposals, decisions, and each target's state."""
    from migrator.cli import migration
    from migrator.staging import reports
    from migrator.steps.watch import watch

    with migration.opened() as (settings, staging):
        takes = migration.takes(settings)
        watched = watch(staging, migration.routes(settings), takes)
        value = reports.status(staging, takes)
    if as_json:
        console.json_value(value | watching.as_json(watched))
        return
    console.say(
        _("{accounts} accounts, {items} mails, {mb} MB, {faults} faults."),
        accounts=value["accounts"],
        items=value["items"],
        mb=round(value["bytes"] / 10**6),
        faults=value["faults"],
    )
    odd = {word: count for word, count in value["health"].items() if count}
    console.say("{title}: {counts}", title=_("health of the old mail"), counts=_counted(odd))
    for title, counts in ((_("proposals"), value["proposals"]), (_("decisions"), value["decisions"])):
        console.say("{title}: {counts}", title=title, counts=_counted(counts))
    for name, counts in value["targets"].items():
        console.say("{title}: {counts}", title=name, counts=_counted(counts))
    watching.say(watched)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{word} {count:,}" for word, count in counts.items())


@family.command(
    name="list", help=_("Every mail that staging holds."), epilog=_("Example: migrator list --decision park")
)
def list_(
    decision: Annotated[
        str | None,
        typer.Option("--decision", metavar="keep|park|hold", help=_("Only mail with this decision in force.")),
    ] = None,
    not_mail: Annotated[
        bool, typer.Option("--not-mail", help=_("Instead, what is no mail, and by which rule."))
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help=_("Copy what is no mail, as it lies at the source, into a new folder.")
        ),
    ] = None,
    as_json: JSON = False,
) -> None:
    """One line a mail; JSON Lines with everything."""
    from migrator.cli import migration
    from migrator.staging import reports

    if out is not None:
        _take_out(out, not_mail=not_mail)
        return
    with migration.opened() as (settings, staging):
        if not_mail:
            _lines(reports.not_mail(staging), ("account", "folder", "key", "rule"), as_json=as_json)
        else:
            rules = migration.rules(settings)
            _mails((worded(rules, line) for line in reports.listing(staging, decision=decision)), as_json=as_json)


def _take_out(out: Path, *, not_mail: bool) -> None:
    from migrator.cli import migration
    from migrator.steps.take_out import take_out

    if not not_mail:
        raise UsageError(Reason("export.only-not-mail"))
    settings = console.settings()
    with migration.source(settings) as source:
        if not hasattr(source, "left_out"):
            raise UsageError(Reason("export.nothing", adapter=settings.source.adapter))
        count, size = take_out(source.left_out(), out)
    console.say(
        _("{count} files, {mb} MB, copied to {folder}."), count=count, mb=round(size / 10**6, 1), folder=str(out)
    )


@family.command(
    help=_("Where is mail X? By Message-ID, address, words of the subject, or path."),
    epilog=_('Example: migrator find "見積書"'),
)
def find(query: Annotated[str, typer.Argument(metavar="QUERY")], as_json: JSON = False) -> None:
    """Every mail that matches, with its state and place at each target."""
    from migrator.cli import migration
    from migrator.staging import reports

    with migration.opened() as (settings, staging):
        rules = migration.rules(settings)
        for line in reports.find(staging, query, migration.takes(settings)):
            line = worded(rules, line)
            if as_json:
                console.json_line(line)
                continue
            show_mail(line)
            for name, standing in line["targets"].items():
                _standing(name, standing)


@family.command(
    help=_("Everything that is known of one mail: evidence, rules, decisions, repairs, dates, whereabouts."),
    epilog=_("Example: migrator explain 1234"),
)
def explain(item: ITEM, as_json: JSON = False) -> None:
    """The whole story of one mail."""
    from migrator.cli import migration
    from migrator.staging import reports

    with migration.opened() as (settings, staging):
        story = worded(migration.rules(settings), reports.explain(staging, item, migration.takes(settings)))
    if as_json:
        console.json_value(story)
        return
    story["date"] = _local(story["date"])
    for word in ("item", "account", "folder", "key", "from", "subject", "message_id", "date", "date_source", "size"):
        console.say("{word}: {value}", word=word, value=story[word])
    for word in ("sha256", "health", "proposal", "decision"):
        console.say("{word}: {value}", word=word, value=story[word])
    for word in ("flags", "repairs", "versions"):
        console.say("{word}: {value}", word=word, value=", ".join(story[word]))
    if story["score"] is not None:
        console.say(
            _("The filter is {percent} % sure that this is marketing mail; what speaks for and against:"),
            percent=round(100 * story["score"]),
        )
    for reason in story["reasons"]:
        console.say("  {text} [{name}]", text=sentence(reason), name=reason.params.get("signal", reason.code))
    for each in story["decisions"]:
        console.say(
            "  {at}  {verdict} ({scope}) {by}: {why}",
            **{word: str(each[word]) for word in ("at", "verdict", "scope", "by", "why")},
        )
    for name, standing in story["targets"].items():
        _standing(name, standing)


@family.command(help=_("What could not be read, and why."), epilog=_("Example: migrator faults --json"))
def faults(as_json: JSON = False) -> None:
    """One line a fault; JSON Lines with everything."""
    from migrator.cli import migration
    from migrator.staging import reports

    with migration.opened() as (_settings, staging):
        for line in reports.faults(staging):
            if as_json:
                console.json_line(line)
            else:
                console.say(
                    "{account}/{folder}  {text} [{code}]",
                    account=line["account"],
                    folder=line["folder"],
                    text=sentence(line["reason"]),
                    code=line["reason"].code,
                )


@family.command(help=_("Every run: what, when, by whom, how it ended."), epilog=_("Example: migrator runs"))
def runs(as_json: JSON = False) -> None:
    """All runs, oldest first, with their setbacks in JSON."""
    from migrator.cli import migration
    from migrator.staging import reports

    with migration.opened() as (_settings, staging):
        found = reports.runs(staging)
    if as_json:
        console.json_value(found)
        return
    console.table(
        (_("run"), _("step"), _("target"), _("began"), _("ended how"), _("counts")),
        (
            (
                each["run"],
                each["step"],
                each["target"],
                _local(each["began"])[:19],
                each["outcome"],
                _counted(each["counts"]),
            )
            for each in found
        ),
    )


def _mails(lines: Iterable[dict[str, Any]], *, as_json: bool) -> None:
    for line in lines:
        if as_json:
            console.json_line(line)
        else:
            show_mail(line)


def show_mail(line: Mapping[str, Any]) -> None:
    """A mail on one line."""
    console.say(
        "{item}  {date}  {decision}  {account}/{folder}  {from}  {subject}",
        **{word: line[word] for word in ("item", "decision", "account", "folder", "from", "subject")},
        date=_local(line["date"])[:10],
    )


def _local(moment: str) -> str:
    """An RFC 3339 time as the clock on the wall here shows it."""
    return datetime.fromisoformat(moment).astimezone().isoformat(sep=" ", timespec="seconds")


def _standing(target: str, standing: Mapping[str, Any]) -> None:
    console.say(
        "    {target}: {state}  {place}  {ref}",
        target=target,
        **{word: standing[word] for word in ("state", "place", "ref")},
    )
    if "reason" in standing:
        console.say("      {text} [{code}]", text=sentence(standing["reason"]), code=standing["reason"].code)


def _lines(lines: Iterable[dict[str, Any]], words: tuple[str, ...], *, as_json: bool) -> None:
    for line in lines:
        if as_json:
            console.json_line(line)
        else:
            console.say("  ".join("{" + word + "}" for word in words), **{word: line[word] for word in words})
