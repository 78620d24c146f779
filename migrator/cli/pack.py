"""The command that writes what a department keeps as proof."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from migrator.cli import console
from migrator.errors import Reason, UsageError
from migrator.locale import _

if TYPE_CHECKING:
    from migrator.reports.pack import Decided
    from migrator.settings import Settings
    from migrator.staging.store import Staging
    from migrator.steps.ledger import Ledger

family = typer.Typer()


@family.command(
    help=_("The evidence of one department: every mail's way, its decisions and the ledger, to keep and to check."),
    epilog=_("Example: migrator pack --inbox support --out pack-support"),
)
def pack(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help=_("A new folder."))],
    account: Annotated[
        list[str] | None, typer.Option("--account", help=_("Only this account; may be repeated."))
    ] = None,
    inbox: Annotated[
        list[str] | None, typer.Option("--inbox", help=_("The account of this shared inbox; may be repeated."))
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", help=_("As migration.toml names it; may be left out where there is one."))
    ] = None,
    source: Annotated[
        bool, typer.Option("--source/--no-source", help=_("Count the old system again, or take its last count."))
    ] = True,
) -> None:
    """Both systems are only counted. Exit 1 where the ledger of these accounts does not close."""
    import migrator
    from migrator.cli import migration
    from migrator.cli.words import worded
    from migrator.reports.pack import Evidence, write
    from migrator.staging import reports
    from migrator.staging.shared import StagedInboxes
    from migrator.staging.store import now, user
    from migrator.staging.stories import stories
    from migrator.steps.standings import at_staging

    with migration.opened() as (settings, staging):
        name = migration.only_target(settings, target)
        known = {each.key: each.account.name for each in StagedInboxes(staging).inboxes()}
        mine = _accounts(staging, known, account or (), inbox or ())
        rules = migration.rules(settings)
        domains = settings.filters.own_domains
        stands = at_staging(staging, domains) if domains and set(known.values()) & set(mine) else {}
        ledger = _ledger(settings, staging, name, mine, counted=source)
        told = Evidence(
            accounts=mine,
            ledger=ledger,
            stories=(
                {**line, "mail": line["mail"] and worded(rules, line["mail"])}
                for line in stories(staging, mine, name, migration.takes(settings)[name])
            ),
            decided=list(_decided(settings, staging, mine)),
            inboxes=[each for each in stands.values() if each.inbox.account.name in mine],
            runs=[each for each in reports.runs(staging) if each["target"] in (name, None)],
            rules=_rules(settings, rules.judge.weights.text),
            ruleset=rules.digest,
            at=now(),
            by=user(),
            version=migrator.__version__,
        )
        seal = write(out, told)
    console.say(_("The pack: {file}"), file=str(out / "index.html"))
    console.say(_("Check it with: sha256sum -c SHA256SUMS. Write down the digest of that list: {seal}"), seal=seal)
    if not ledger.closed:
        console.tell(_("{target}: the ledger does NOT close."), target=name)
        raise typer.Exit(console.Exit.FOUND)


def _accounts(
    staging: "Staging", known: "dict[str, str]", accounts: Sequence[str], inboxes: Sequence[str]
) -> Sequence[str]:
    """The accounts that are meant. Raises UsageError where none is, or one is not there."""
    from migrator.staging.reports import accounts_staged

    for each in inboxes:
        if each not in known:
            raise UsageError(Reason("shared.inbox-unknown", inbox=each, known=", ".join(known) or "-"))
    wanted = [*accounts, *(known[each] for each in inboxes)]
    if not wanted:
        raise UsageError(Reason("pack.whose"))
    return accounts_staged(staging, wanted)


def _ledger(settings: "Settings", staging: "Staging", target: str, mine: Sequence[str], *, counted: bool) -> "Ledger":
    from migrator.cli import migration
    from migrator.steps.ledger import ledger

    how = migration.loading(settings, target)
    with migration.source(settings) if counted else nullcontext() as source:
        return ledger(
            staging,
            source,
            migration.opener(settings, target),
            target=target,
            routes=how.routes,
            takes=how.takes,
            accounts=mine,
        )


def _decided(settings: "Settings", staging: "Staging", mine: Sequence[str]) -> "Iterator[Decided]":
    """Every topic, as far as it concerns nobody but these accounts."""
    from migrator.cli import migration
    from migrator.cli.spreadsheet import write
    from migrator.reports.pack import Decided
    from migrator.review.door import seen
    from migrator.review.sheets import tally, wholly
    from migrator.review.topics import TOPICS
    from migrator.staging.books import signoffs

    desk, signed = migration.desk(settings, staging), signoffs(staging)
    for topic in TOPICS:
        whole = desk.sheet(topic)
        sheet = replace(whole, rows=tuple(row for row in whole.rows if wholly(row, tuple(mine))))
        if topic.optional and not sheet.rows:
            continue
        yield Decided(
            name=topic.name,
            title=topic.title(),
            rows=len(sheet.rows),
            ends={topic.word(verdict).label(): many for verdict, many in tally(sheet.rows).ends.items()},
            signatures=[
                each for each in signed.get(topic.name, ()) if any(seen(each.scope, account) for account in mine)
            ],
            write=lambda file, sheet=sheet: write(file, sheet, {}, desk.say),  # type: ignore[misc]
        )


def _rules(settings: "Settings", weights: str) -> "dict[str, str]":
    """The shipped rules, the operator's own, and the weights in force."""
    found = {
        each.name: each.read_text("utf-8")
        for each in (files("mappings") / "filters").iterdir()
        if each.name.endswith(".toml")
    }
    found |= {
        f"own-{number}-{path.name}": path.read_text("utf-8") for number, path in enumerate(settings.filters.rules)
    }
    return dict(sorted((found | {"weights.toml": weights}).items()))
