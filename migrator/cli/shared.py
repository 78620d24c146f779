"""The commands about shared inboxes: who works there, which customers still wait, and all of it to take along."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from migrator.cli import console
from migrator.cli.console import Exit
from migrator.cli.road import JSON
from migrator.errors import Reason, UsageError
from migrator.inboxes import Right
from migrator.locale import _, sentence

if TYPE_CHECKING:
    from migrator.settings import Settings
    from migrator.shared.conversation import Conversation
    from migrator.shared.standing import Standing
    from migrator.staging.store import Staging
    from migrator.steps.rulings import Rulings

family = typer.Typer()
shared = typer.Typer(help=_("Shared inboxes: who works there, and which customers still wait for an answer."))
family.add_typer(shared, name="shared")

SOURCE, STAGING = "source", "staging"
WIDTH = 80


# -- list --------------------------------------------------------------------------------------------------------------


@shared.command(
    name="list",
    help=_("Every shared inbox: its members and what they may do, how many wait, and what only people can tell."),
    epilog=_("Example: migrator shared list"),
)
def list_(as_json: JSON = False) -> None:
    """What extract has read."""
    from migrator.cli import migration
    from migrator.staging.shared import StagedInboxes
    from migrator.steps.rulings import rulings
    from migrator.steps.standings import at_staging

    with migration.opened() as (settings, staging):
        stands, staged = at_staging(staging, settings.filters.own_domains), StagedInboxes(staging)
        rules = rulings(staging)
        who = rules.people(staged.principals())
        for each in stands.values():
            members = [
                _member(member, who.who(member.principal))
                for member in rules.members(each.inbox, staged.members(each.inbox), who)
            ]
            if as_json:
                console.json_line(_inbox(each) | {"members": members, "doubts": list(each.doubts())})
            else:
                _show_inbox(each, members)


def _member(member: Any, who: Any) -> dict[str, Any]:
    return {
        "principal": member.principal,
        "name": who.name,
        "known": who.known,
        "left": who.left,
        "rights": None if member.rights is None else sorted(member.rights),
        "label": member.label,
        "until": member.until,
    }


def _inbox(each: "Standing") -> dict[str, Any]:
    return {
        "inbox": each.inbox.key,
        "name": each.inbox.name,
        "account": each.inbox.account.name,
        "address": each.inbox.address,
        "conversations": len(each.conversations),
        "unanswered": sum(not conversation.is_bulk for conversation in each.unanswered),
        "mailing_lists": sum(conversation.is_bulk for conversation in each.unanswered),
        "wrote_again": len(each.wrote_again),
        "adrift": len(each.adrift),
        "faults": len(each.faults),
    }


def _show_inbox(each: "Standing", members: list[dict[str, Any]]) -> None:
    _title(each)
    counts = _inbox(each)
    console.say(
        _("{conversations} conversations, {unanswered} customers wait, {wrote_again} wrote after it was closed."),
        **{name: counts[name] for name in ("conversations", "unanswered", "wrote_again")},
    )
    console.table(
        (_("member"), _("name"), _("may"), _("their word"), _("until")),
        (
            (
                member["principal"],
                member["name"] if not member["left"] else _("{name} (left)").format(name=member["name"]),
                _rights(member["rights"]),
                member["label"],
                "" if member["until"] is None else f"{member['until']:%Y-%m-%d}",
            )
            for member in members
        ),
    )
    for reason in each.doubts():
        for number, line in enumerate(wrapped(sentence(reason), WIDTH - 2)):
            console.say("{mark} {line}", mark="-" if not number else " ", line=line)
    console.say("")


def _rights(rights: list[str] | None) -> str:
    if rights is None:
        return _("nobody has said")
    return _("everything") if {*rights} == {*Right} else " ".join(each for each in Right if each in rights)


def wrapped(text: str, width: int) -> Iterator[str]:
    """A sentence in lines of so many columns, broken where either language may break."""
    from rich.cells import cell_len

    from migrator.cli.helping import WORD

    line = ""
    for word in WORD.findall(text):
        if line and cell_len((line + word).rstrip()) > width:
            yield line.rstrip()
            line = ""
        line += word if line else word.lstrip()
    yield line.rstrip()


def _title(each: "Standing") -> None:
    address = f" <{each.inbox.address}>" if each.inbox.address else ""
    console.say("== {name}{address} ==", name=each.inbox.name, address=address)


# -- unanswered --------------------------------------------------------------------------------------------------------


@shared.command(
    help=_(
        "The customers who wrote last and whom nobody has answered. Without --at: the old store, staging and every "
        "target with a load are compared, and each difference is named."
    ),
    epilog=_("Example: migrator shared unanswered --at source"),
)
def unanswered(
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="source|staging|TARGET", help=_("Only as seen from there, and from there alone.")),
    ] = None,
    as_json: JSON = False,
) -> int:
    """Exit 1 where views differ, or a waiting mail would stay behind."""
    from migrator.cli import migration

    with migration.opened() as (settings, staging):
        if at is not None:
            stands = _view(settings, staging, at)
            for each in stands.values():
                _show_waiting(each, at, as_json=as_json)
            return Exit.DONE
        loaded = [name for name in settings.targets if staging.known_mailboxes(settings.target(name).name)]
        return compare(settings, staging, [SOURCE, STAGING, *loaded], as_json=as_json)


def differences(
    settings: "Settings", staging: "Staging", names: Sequence[str], accounts: Collection[str] | None = None
) -> tuple[dict[str, dict[str, "Standing"]], list[Reason]]:
    """How the inboxes, or those of some accounts, stand by each of these views, and all that differs; staging is one
    of them. A waiting mail that would stay behind differs, too."""
    from migrator.steps import standings

    views = {name: _view(settings, staging, name, accounts) for name in names}
    reasons = [standings.told(each) for each in standings.compared(views)]
    reasons += [
        Reason("shared.would-park", inbox=each.inbox, conversation=each.conversation, folder=each.folder, key=each.key)
        for each in standings.parked(staging, views[STAGING])
    ]
    return views, reasons


def _view(
    settings: "Settings", staging: "Staging", at: str, accounts: Collection[str] | None = None
) -> dict[str, "Standing"]:
    """How every inbox, or those of some accounts, stand, seen from there."""
    every = _whole_view(settings, staging, at, accounts)
    return {key: each for key, each in every.items() if accounts is None or each.inbox.account.name in accounts}


def _whole_view(
    settings: "Settings", staging: "Staging", at: str, accounts: Collection[str] | None
) -> dict[str, "Standing"]:
    from migrator.cli import migration
    from migrator.steps import standings
    from migrator.steps.rulings import rulings

    domains = settings.filters.own_domains
    if at == SOURCE:
        with migration.source(settings) as source:
            return standings.at_source(source, domains, rulings(staging))
    if at == STAGING:
        return standings.at_staging(staging, domains)
    return _at_target(settings, at, rulings(staging), accounts)


def _at_target(
    settings: "Settings", name: str, rules: "Rulings", accounts: Collection[str] | None
) -> dict[str, "Standing"]:
    """The inboxes are those that the source names, and links what people say; all else is what the target returns."""
    from migrator.cli import migration
    from migrator.model import Mailbox
    from migrator.ports import SharedSource
    from migrator.steps import standings

    opener, routes = migration.opener(settings, name), migration.routes(settings)
    with migration.source(settings) as source:
        inboxes = list(source.inboxes()) if isinstance(source, SharedSource) else []
        people = rules.people(source.principals() if isinstance(source, SharedSource) else ()).all().values()
    ours = standings.is_own(settings.filters.own_domains, inboxes)
    found = {}
    for inbox in inboxes:
        if accounts is not None and inbox.account.name not in accounts:
            continue
        if (owner := routes.owner(inbox.account.name)) is not None:
            with opener(Mailbox(owner, inbox.account.name))() as target:
                found[inbox.key] = standings.at_target(target, inbox, ours, people=people, rules=rules)
    if not found:
        raise UsageError(Reason("shared.none-at-source"))
    return found


def compare(settings: "Settings", staging: "Staging", names: Sequence[str], *, as_json: bool) -> int:
    """Show who waits by each of these views, and name what differs; staging is one of them."""
    views, reasons = differences(settings, staging, names)
    if as_json:
        _json_compared(views)
        for reason in reasons:
            console.json_line({"difference": reason})
        return Exit.FOUND if reasons else Exit.DONE
    keys = dict.fromkeys(key for view in views.values() for key in view)
    console.table(
        (_("customers who wait"), *views),
        (
            (_name(views, key), *(len(view[key].unanswered) if key in view else None for view in views.values()))
            for key in keys
        ),
    )
    for reason in reasons:
        console.explain(reason)
    if not reasons:
        console.say(_("All of them are the same wherever one looks, and none would stay behind."))
        return Exit.DONE
    console.say(_("{n} differences. A customer could be forgotten: look at each."), n=len(reasons))
    return Exit.FOUND


def _name(views: Any, key: str) -> str:
    return next(f"{view[key].inbox.name} ({key})" for view in views.values() if key in view)


def _json_compared(views: Any) -> None:
    """Each conversation in which somebody waits, once, with the views that show it so."""
    seen: dict[tuple[str, str], dict[str, Any]] = {}
    for name, view in views.items():
        for key, each in view.items():
            for conversation in each.unanswered:
                line = seen.setdefault((key, conversation.waiting[-1].id), _line(each, conversation) | {"at": []})
                line["at"].append(name)
    for line in seen.values():
        console.json_line(line)


def _line(each: "Standing", conversation: "Conversation") -> dict[str, Any]:
    waiting = conversation.waiting
    return {
        "inbox": each.inbox.key,
        "conversation": conversation.key,
        "customer": conversation.customer,
        "subject": conversation.subject,
        "waiting_since": waiting[0].at if waiting else None,
        "assignee": conversation.assignee,
        "status": conversation.status,
        "label": conversation.label,
        "numbers": conversation.numbers,
        "mailing_list": conversation.is_bulk,
        "items": [{"folder": "/".join(mail.named.folder), "key": mail.named.key} for mail in conversation.mails],
    }


def _show_waiting(each: "Standing", at: str, *, as_json: bool) -> None:
    if as_json:
        for conversation in each.unanswered:
            console.json_line(_line(each, conversation) | {"at": [at]})
        return
    waiting = sorted(each.unanswered, key=lambda conversation: conversation.waiting[0].at)
    people = [conversation for conversation in waiting if not conversation.is_bulk]
    _title(each)
    console.say(_("{n} customers wait for an answer."), n=len(people))
    _conversations(people)
    if len(people) < len(waiting):
        console.say(_("Besides {n} mails of mailing lists; --json names them."), n=len(waiting) - len(people))
    if each.wrote_again:
        console.say(_("Closed, and the customer wrote again: {n}."), n=len(each.wrote_again))
        _conversations(each.wrote_again)
    told = {conversation.key for conversation in each.wrote_again}
    unstated = [one for one in each.unstated if not one.is_bulk and one.key not in told]
    if unstated:
        console.say(_("No row says how far these are: {n}."), n=len(unstated))
        _conversations(unstated)
    console.say("")


def _conversations(found: Iterable["Conversation"]) -> None:
    """Two lines each: since when, how far, who has it, who waits; and what it is about."""
    lines = list(found)
    rows = [
        (
            f"{(each.waiting or each.mails)[0].at.astimezone():%Y-%m-%d}",
            each.label or (each.status.value if each.states else "-"),
            each.assignee or "-",
            each.customer,
        )
        for each in lines
    ]
    for row, subject in zip(_padded(rows), (each.subject for each in lines), strict=True):
        console.say("  {row}", row=row)
        console.say("              {subject}", subject=_cut(subject, WIDTH - 14))


def _padded(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    from rich.cells import cell_len

    widths = [max((cell_len(row[column]) for row in rows), default=0) for column in range(4)]
    for row in rows:
        yield "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()


def _cut(text: str, width: int) -> str:
    """The text in so many columns."""
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"


# -- export ------------------------------------------------------------------------------------------------------------


@shared.command(
    help=_(
        "All of it into a new folder, for a help desk or for the shelf: conversations, notes, history, members, "
        "templates, and the mails themselves."
    ),
    epilog=_("Example: migrator shared export shared-inboxes"),
)
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help=_("A new folder."))],
    charset: Annotated[
        str, typer.Option("--charset", metavar="utf-8|cp932", help=_("Of the tables (CSV); UTF-8 comes with a BOM."))
    ] = "utf-8",
) -> None:
    """One folder an inbox. What CP932 does not have is written as &#number; there."""
    from migrator.cli import migration
    from migrator.steps.archive import CHARSETS, archive

    if charset not in CHARSETS:
        raise UsageError(Reason("shared.charset", charset=charset, known=", ".join(CHARSETS)))
    with migration.opened() as (settings, staging):
        done = archive(staging, settings.filters.own_domains, folder, charset=charset)
    console.say(
        _("{inboxes} inboxes, {conversations} conversations, {mails} mails, {mb} MB are in {folder}."),
        inboxes=done.inboxes,
        conversations=done.conversations,
        mails=done.mails,
        mb=round(done.bytes / 10**6, 1),
        folder=str(folder),
    )
