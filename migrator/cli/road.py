"""The commands that move things, in the order of the road."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from migrator.cli import console
from migrator.cli.back import WAVE, say_shared, show_changes
from migrator.cli.console import Exit
from migrator.cli.fleet import put_in
from migrator.cli.progress import progress
from migrator.errors import MigratorError, Reason, UsageError
from migrator.locale import _, sentence

family = typer.Typer()

HELPERS = min(4, os.cpu_count() or 1)
"""Processes that read the source side by side, an account each."""

TARGET = Annotated[str, typer.Argument(metavar="TARGET", help=_("A target's name in migration.toml."))]
SOME_TARGET = Annotated[
    str | None, typer.Argument(metavar="[TARGET]", help=_("A target's name; not needed where there is just one."))
]
ACCOUNTS = Annotated[
    list[str] | None, typer.Option("--account", help=_("Only this account; may be given more than once."))
]
JSON = Annotated[bool, typer.Option("--json", help=_("The result as JSON."))]


@family.command(
    help=_("Look at the whole configuration: settings, staging, source, and every mailbox of the targets."),
    epilog=_("Example: migrator check rehearsal"),
)
def check(target: SOME_TARGET = None) -> None:
    """Every finding with its remedy; exit 1 where there is one."""
    from migrator.cli import migration, waving
    from migrator.cli.foreseeing import say_what_comes
    from migrator.review.settling import reasons
    from migrator.steps.check import check_source, check_staging, check_target

    with migration.opened() as (settings, staging):
        found = list(check_staging(staging.database))
        try:
            found += check_source(lambda: migration.source(settings), staging)
            with migration.source(settings) as source:
                accounts = [account.name for account in source.accounts()]
        except MigratorError as error:
            found.append(error.reason)
            accounts = []
        found += waving.mistakes(settings, accounts)
        found += reasons(migration.unsettled(settings, staging))
        for name in settings.targets if target is None else [target]:
            found += check_target(name, migration.routes(settings), accounts, migration.opener(settings, name))
            found += say_what_comes(settings, staging, name)
    for reason in found:
        console.say("{text} [{code}]", text=sentence(reason), code=reason.code)
    console.tell(_("{n} findings.") if found else _("Everything is in order."), n=len(found))
    _end(found=bool(found))


@family.command(
    help=_("Source -> staging. A second run finds what is new, changed, moved or gone."),
    epilog=_("Example: migrator extract --account sato"),
)
def extract(
    account: ACCOUNTS = None,
    wave: WAVE = None,
    rehash: Annotated[
        bool,
        typer.Option(
            "--rehash", help=_("Read every mail again, also where size, time or index row say it is the same.")
        ),
    ] = False,
) -> None:
    """Copy the source into staging, going on where the last run stopped."""
    from migrator.cli import migration, waving
    from migrator.steps.extract import extract as step

    with (
        migration.helpers(HELPERS) as helpers,
        migration.opened() as (settings, staging),
        migration.source(settings) as source,
        progress() as report,
    ):
        name = settings.source.adapter
        accounts = waving.to_extract(settings, staging, source, wave, account)
        done = step(source, staging, name=name, accounts=accounts, rehash=rehash, helpers=helpers, report=report)
    console.say(
        _("{items} mails staged ({mb} MB), {unchanged} unchanged, {moved} moved, {vanished} gone, {not_mail} no mail."),
        items=done.items,
        mb=round(done.bytes / 10**6),
        unchanged=done.unchanged,
        moved=done.moved,
        vanished=done.vanished,
        not_mail=done.not_mail,
    )
    if done.shared or done.shared_faults:
        console.say(
            _("Shared inboxes: {n} facts changed, {faults} rows could not be read: migrator shared list"),
            n=done.shared,
            faults=done.shared_faults,
        )
    if done.faults:
        console.say(_("{n} files could not be read: migrator faults"), n=done.faults)
    if done.setbacks:
        console.say(_("{n} folders or accounts could not be worked on: migrator runs --json"), n=done.setbacks)
    _end(found=not done.clean)


@family.command(
    help=_("What the filter thinks of each mail, with its reasons. It withholds nothing: people decide."),
    epilog=_("Example: migrator judge --what-if mappings/filters/stricter.toml"),
)
def judge(
    what_if: Annotated[
        Path | None, typer.Option("--what-if", metavar="FILE", help=_("Only show what these rules would change."))
    ] = None,
) -> None:
    """Propose keep, park or hold for every mail whose proposal is not what it was."""
    from migrator.cli import migration
    from migrator.steps.judge import judge as step
    from migrator.steps.judge import what_if as compare

    with migration.opened() as (settings, staging), progress() as report:
        store = migration.store(settings)
        rules = migration.rules(settings)
        if what_if is not None:
            then = migration.rules(settings, beside=[what_if.absolute()])
            _show_changes(compare(staging, rules, then, store, report))
            return
        counts = step(staging, rules, store, report, auto=settings.filters.auto == "safest")
    console.say(
        _("Proposals: {keep} keep, {park} park, {hold} hold."),
        **{word: counts.get(word, 0) for word in ("keep", "park", "hold")},
    )


def _show_changes(changes: Mapping[tuple[str, str, str], int]) -> None:
    if not changes:
        console.say(_("These rules change no proposal."))
    console.table(
        (_("sender or list"), _("now"), _("then"), _("mails")),
        ((sender, now, then, many) for (sender, now, then), many in sorted(changes.items(), key=lambda each: -each[1])),
    )


@family.command(
    help=_("Staging -> target: what is to go and has not gone yet, each mail exactly once."),
    epilog=_("Example: migrator load rehearsal --dry-run"),
)
def load(
    target: TARGET,
    account: ACCOUNTS = None,
    wave: WAVE = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=_("Only say what would go where, and touch nothing."))
    ] = False,
    retry: Annotated[
        str | None, typer.Option("--retry", metavar="refused", help=_("Ask again for mails that were refused."))
    ] = None,
    resend: Annotated[
        bool, typer.Option("--resend", help=_("Send again what stayed in doubt, though it may have arrived."))
    ] = False,
    existing: Annotated[
        str | None,
        typer.Option(
            "--existing",
            metavar="adopt|send",
            help=_("Equal mail that was there before us: count it as loaded, or send all the same."),
        ),
    ] = None,
    sign_lost: Annotated[
        bool, typer.Option("--sign-lost", help=_("Go on though facts of shared inboxes will be nowhere, as was shown."))
    ] = False,
    workers: Annotated[int, typer.Option("--workers", min=1, help=_("Connections at the same time."))] = 4,
    fleet: Annotated[
        bool,
        typer.Option("--fleet", help=_("Send nothing; put the mailboxes into the queue for migrator worker.")),
    ] = False,
) -> None:
    """Settle what is in doubt, then send the rest."""
    from migrator.cli import foretelling, migration, waving
    from migrator.review.settling import reasons
    from migrator.staging.loads import left_by_newest
    from migrator.staging.reports import accounts_staged
    from migrator.steps import runner

    if retry not in (None, "refused"):
        raise UsageError(Reason("load.retry-what", value=retry))
    if existing not in (None, "adopt", "send"):
        raise UsageError(Reason("load.existing-what", value=existing))
    with migration.opened() as (settings, staging), progress() as report:
        accounts = waving.to_load(settings, staging, target, wave, account, act=not dry_run)
        how = migration.loading(
            settings,
            target,
            report,
            pace=waving.pace(settings, staging, target, accounts),
            retry=retry is not None,
            resend=resend,
            existing=existing,
            shared=foretelling.shared_inboxes(settings, staging, accounts),
        )
        opener = migration.opener(settings, target)
        for reason in reasons(migration.unsettled(settings, staging, accounts_staged(staging, accounts))):
            if not dry_run:
                raise UsageError(reason)
            console.explain(reason)
        how = foretelling.say_beforehand(settings, staging, how, signed=sign_lost or dry_run)
        if dry_run:
            _show_plan(staging, opener, how, accounts)
            return
        if fleet:
            put_in(settings, staging, how, accounts_staged(staging, accounts))
            return
        counts = runner.load(staging, opener, how, accounts=accounts, workers=workers)
        left = list(left_by_newest(staging, how.target))
    words = {word: counts.get(word, 0) for word in ("loaded", "refused", "in_doubt", "recalled", "setbacks")}
    console.say(_("{loaded} mails loaded, {refused} refused, {in_doubt} in doubt."), **words)
    show_changes(counts, left)
    say_shared(counts)
    if adopted := counts.get("adopted", 0):
        console.say(_("{n} mails that were there already now count as loaded; nothing was sent for them."), n=adopted)
    if words["setbacks"]:
        console.say(_("{n} folders or accounts could not be worked on: migrator runs --json"), n=words["setbacks"])
    _end(found=bool(words["refused"] or words["in_doubt"] or words["setbacks"]))


def _show_plan(staging: Any, opener: Any, how: Any, accounts: list[str] | None) -> None:
    from migrator.steps.plan import plan

    rows = list(plan(staging, opener, target=how.target, routes=how.routes, takes=how.takes, accounts=accounts))
    console.table(
        (_("mailbox"), _("place"), _("mails"), _("MB"), _("too large"), _("to be made")),
        (
            (
                each.place.owner,
                "/".join(each.place.path),
                each.items,
                round(each.bytes / 10**6, 1),
                each.too_large,
                _("yes") if each.new else "",
            )
            for each in rows
        ),
    )
    for each in rows:
        for folder in each.renamed:
            console.say(
                _("{account}: {folder} is called {place} there, because the target cannot hold its name."),
                account=folder.account.name,
                folder="/".join(folder.path),
                place="/".join(each.place.path),
            )


@family.command(
    help=_("Read the target back and name every difference. Changes nothing."),
    epilog=_("Example: migrator verify rehearsal --bodies 5%"),
)
def verify(
    target: TARGET,
    account: ACCOUNTS = None,
    wave: WAVE = None,
    bodies: Annotated[
        str | None,
        typer.Option("--bodies", metavar="all|N%", help=_("Compare every byte of all mails, or of a share.")),
    ] = None,
    as_json: JSON = False,
) -> None:
    """Compare headers and sizes of every mail with its receipt, and bodies on request."""
    from migrator.cli import migration, waving
    from migrator.staging.reports import findings
    from migrator.steps import runner

    share = _share(bodies)
    with migration.opened() as (settings, staging), progress() as report:
        how = migration.loading(settings, target, report)
        accounts = waving.to_look(settings, staging, wave, account)
        done, run = runner.verify(staging, migration.opener(settings, target), how, accounts=accounts, bodies=share)
        found = list(findings(staging, run))
    if as_json:
        words = ("checked", "bodies", "identical", "equivalent", "headers_only", "setbacks")
        console.json_value({word: getattr(done, word) for word in words} | {"findings": found})
    else:
        _show_findings(found)
        console.say(
            _("{checked} mails compared, {bodies} of them byte by byte; {n} findings."),
            checked=done.checked,
            bodies=done.bodies,
            n=len(found),
        )
        if done.setbacks:
            console.say(_("{n} folders or accounts could not be worked on: migrator runs --json"), n=done.setbacks)
    _end(found=bool(found or done.setbacks))


def _show_findings(found: Iterable[dict[str, Any]]) -> None:
    for each in found:
        if each["kind"] == "rights":
            console.say(
                _("rights  {owner}/{place}  {who}: given {given}, now {now}"),
                owner=each["mailbox"],
                place=each["place"],
                who=each["detail"]["who"],
                given=each["detail"]["given"] or "-",
                now=each["detail"]["is"] or "-",
            )
            continue
        console.say(
            "{kind}  {owner}/{place}  {ref}  {item}",
            kind=each["kind"],
            owner=each["mailbox"],
            place=each["place"],
            ref=each["detail"].get("ref"),
            item=each["item"],
        )


def _share(bodies: str | None) -> float:
    if bodies is None:
        return 0.0
    if bodies == "all":
        return 1.0
    try:
        share = float(bodies.removesuffix("%")) / 100
    except ValueError as error:
        raise UsageError(Reason("verify.bodies-what", value=bodies)) from error
    if not 0 <= share <= 1:
        raise UsageError(Reason("verify.bodies-what", value=bodies))
    return share


@family.command(
    help=_("The double-entry account of source and target; exit 1 while it does not close."),
    epilog=_("Example: migrator ledger rehearsal"),
)
def ledger(target: SOME_TARGET = None, as_json: JSON = False) -> None:
    """Count both sides anew and show every difference."""
    from migrator.cli import migration
    from migrator.cli.account import show
    from migrator.steps.ledger import ledger as step

    with migration.opened() as (settings, staging):
        name = migration.only_target(settings, target)
        how = migration.loading(settings, name)
        with migration.source(settings) as source:
            account = step(
                staging,
                source,
                migration.opener(settings, name),
                target=how.target,
                routes=how.routes,
                takes=how.takes,
            )
    show(account, as_json=as_json)
    _end(found=not account.closed)


@family.command(
    help=_("A person says that this is the store or server to go on with, as it stands now."),
    epilog=_("Example: migrator confirm source groupware"),
)
def confirm(
    role: Annotated[str, typer.Argument(metavar="source|target")],
    name: Annotated[str, typer.Argument(metavar="NAME", help=_("As migration.toml names it."))],
) -> None:
    """What lies there counts, what does not is to be sent again; nothing is sent or changed there by this."""
    from migrator.cli import migration
    from migrator.steps import confirm as step

    with migration.opened() as (settings, staging), progress() as report:
        if role == "source" and name == settings.source.adapter:
            with migration.source(settings) as source:
                step.confirm_source(staging, source, name)
            counts: Mapping[str, int] = {}
        elif role == "target":
            how = migration.loading(settings, name, report)
            counts = step.confirm_target(staging, migration.opener(settings, name), how)
        else:
            raise UsageError(Reason("confirm.what", role=role, name=name, source=settings.source.adapter))
    words = {word: counts.get(word, 0) for word in ("bound", "adopted", "given_up", "findings", "setbacks")}
    if role == "target":
        text = _(
            "{bound} receipts bound again, {adopted} mails adopted, {given_up} to be sent again, {findings} findings."
        )
        console.say(text, **words)
    if words["setbacks"]:
        console.say(_("{n} folders or accounts could not be worked on: migrator runs --json"), n=words["setbacks"])
        _end(found=True)
    console.say(_("Confirmed: {role} {name}."), role=role, name=name)


@family.command(
    help=_("Is staging itself sound? Every mail is hashed again, every reference followed."),
    epilog=_("Example: migrator doctor"),
)
def doctor() -> None:
    """Read all of staging; exit 1 where something is wrong."""
    from migrator.cli import migration
    from migrator.staging.doctor import examine

    found = 0
    with migration.opened() as (_settings, staging):
        for reason in examine(staging):
            found += 1
            console.say("{text} [{code}]", text=sentence(reason), code=reason.code)
    console.tell(_("{n} findings.") if found else _("Everything is in order."), n=found)
    _end(found=bool(found))


def _end(*, found: bool) -> None:
    if found:
        raise typer.Exit(Exit.FOUND)
