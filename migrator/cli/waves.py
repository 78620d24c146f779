"""The commands about waves: how far each is, and what a person says of one."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from math import ceil
from typing import TYPE_CHECKING, Annotated, Any

import typer

from migrator.cli import console
from migrator.cli.console import Exit
from migrator.cli.road import JSON
from migrator.errors import Param, Reason, UsageError
from migrator.locale import _, sentence

if TYPE_CHECKING:
    from migrator.settings import Settings
    from migrator.staging.store import Staging
    from migrator.staging.waves import Act, Said
    from migrator.steps.ledger import Ledger
    from migrator.steps.waves import Condition, Standing

family = typer.Typer()
wave = typer.Typer(help=_("Waves: accounts that move together, and how far each wave is."))
family.add_typer(wave, name="wave")

NAME = Annotated[str, typer.Argument(metavar="W", help=_("A wave's name in migration.toml."))]
YES = Annotated[bool, typer.Option("--yes", help=_("Do it; without it nothing is changed."))]
WIDTH = 80


# -- list --------------------------------------------------------------------------------------------------------------


@wave.command(
    name="list",
    help=_(
        "Every wave: how far it is, what is to do, how long that takes, and what stands against it. With a name the "
        "target and the old store are asked, too."
    ),
    epilog=_("Example: migrator wave list pilot"),
)
def list_(
    name: Annotated[str | None, typer.Argument(metavar="[W]", help=_("Look at this wave alone, and closely."))] = None,
    as_json: JSON = False,
) -> None:
    """What staging knows of the waves, and which accounts are in none."""
    from migrator.cli import migration, waving
    from migrator.staging.reports import accounts_staged
    from migrator.steps.waves import members

    with migration.opened() as (settings, staging):
        if name is not None:
            settings.wave(name)
        alone = members(settings.waves, accounts_staged(staging))[None]
        stands = [waving.ready(settings, staging, each) for each in ([name] if name else settings.waves)]
        if name is not None:
            stands = [waving.looked(settings, staging, each) for each in stands]
    if as_json:
        console.json_value({"waves": list(map(_value, stands)), "in_no_wave": alone})
        return
    _table(stands)
    for each in stands:
        _conditions(each.name, each.against)
    if alone and name is None:
        text = _("In no wave, and loaded by no --wave: {accounts}")
        _lines(text.format(accounts=", ".join(each or "-" for each in alone)))


def _value(its: "Standing") -> dict[str, Any]:
    return {
        "wave": its.name,
        "target": its.target,
        "state": its.stage,
        "paused": _act(its.said.paused),
        "cut_over": _act(its.said.cut_over),
        "signed": _act(its.said.signed),
        "accounts": its.accounts,
        "counts": {state: many for state, many in its.counts.states.items() if many},
        "bytes_to_do": its.counts.waiting,
        "takes": its.takes,
        "against": [{"stops": each.stops, **console.plain(each.why)} for each in its.against],
    }


def _act(act: "Act | None") -> dict[str, Any] | None:
    return None if act is None else {"by": act.by, "at": act.at}


def _table(stands: Sequence["Standing"]) -> None:
    """With targets only where they are not all the same: a terminal is narrow."""
    several = len({each.target for each in stands}) > 1
    heads = [_("wave"), _("state"), _("accounts"), _("mails"), _("loaded"), _("to do"), _("about h:mm")]
    rows: list[list[Param]] = [
        [
            each.name,
            _stages()[each.stage] if each.said.paused is None else _("paused"),
            len(each.accounts),
            sum(each.counts.states.values()) - each.counts["not_mail"] - each.counts["superseded"],
            each.counts["loaded"],
            each.counts["to_do"],
            _span(each),
        ]
        for each in stands
    ]
    if several:
        heads.append(_("target"))
        rows = [[*row, each.target] for row, each in zip(rows, stands, strict=True)]
    console.table(heads, rows)


def _stages() -> dict[str, str]:
    return {
        "planned": _("planned"),
        "rehearsed": _("rehearsed"),
        "loading": _("loading"),
        "delta": _("delta"),
        "cut-over": _("cut over"),
        "signed": _("signed"),
    }


def _span(its: "Standing") -> str:
    """How long it takes by the loads seen: as in the middle one, and in the fastest and the slowest."""
    if its.takes is None or not its.counts["to_do"]:
        return ""
    return f"{_minutes(its.takes.likely)} ({_minutes(its.takes.least)}-{_minutes(its.takes.most)})"


def _minutes(seconds: float) -> str:
    """Hours and minutes, those that have begun too."""
    hours, minutes = divmod(max(1, ceil(seconds / 60)), 60)
    return f"{hours}:{minutes:02}"


def _conditions(name: str, against: Iterable["Condition"]) -> None:
    for each in against:
        stops = _("{wave} stops: ") if each.stops else _("{wave}: ")
        _say(stops.format(wave=name), each.why)


def _say(before: str, why: Reason) -> None:
    _lines(f"{before}{sentence(why)} [{why.code}]", mark="- ")


def _lines(text: str, mark: str = "") -> None:
    """In so many columns as a terminal has; what follows the first line is indented as it is."""
    from migrator.cli.shared import wrapped

    for number, line in enumerate(wrapped(text, WIDTH - len(mark))):
        console.say("{mark}{line}", mark=" " * len(mark) if number else mark, line=line)


# -- what a person says ------------------------------------------------------------------------------------------------


@wave.command(
    help=_(
        "Nothing more is sent for this wave: a load that is running stops after the batch in hand, and none begins "
        "until somebody resumes it."
    ),
    epilog=_("Example: migrator wave pause osaka"),
)
def pause(name: NAME) -> None:
    """A person's word, with who and when."""
    from migrator.cli import migration
    from migrator.staging import waves

    with migration.opened() as (settings, staging):
        said = _said(settings, staging, name)
        if said.signed:
            raise _told("wave.signed", name, said.signed)
        if said.last is None or said.last.act != waves.PAUSE:
            waves.say(staging, name, waves.PAUSE)
    console.say(_("{wave} is paused. To go on: migrator wave resume {wave}"), wave=name)


@wave.command(
    help=_(
        "Take back the newest word about this wave: a pause; with --yes also a cut-over (after a roll-back) or a "
        "sign-off."
    ),
    epilog=_("Example: migrator wave resume osaka"),
)
def resume(name: NAME, yes: YES = False) -> None:
    """The next word below it stands again; all of them stay written down."""
    from migrator.cli import migration
    from migrator.staging import waves

    with migration.opened() as (settings, staging):
        last = _said(settings, staging, name).last
        if last is None:
            raise UsageError(Reason("wave.nothing-said", wave=name))
        if last.act != waves.PAUSE and not yes:
            raise UsageError(
                Reason("wave.resume-what", wave=name, act=_acts()[last.act], by=last.by, since=_when(last))
            )
        waves.say(staging, name, waves.RESUME, {"of": last.act})
    console.say(
        _("{wave}: taken back: {act}, by {by}, {since}."),
        wave=name,
        act=_acts()[last.act],
        by=last.by,
        since=_when(last),
    )


@wave.command(
    help=_(
        "The old system is closed for this wave: see go or no-go, and with --yes freeze its accounts. From then on "
        "only extract, load and verify with --wave reach them: that is the last delta. Plain runs leave them out."
    ),
    epilog=_("Example: migrator wave cutover osaka --yes"),
)
def cutover(name: NAME, yes: YES = False) -> None:
    """Exit 1 with every reason against it."""
    from migrator.cli import migration, waving
    from migrator.staging import waves
    from migrator.steps.waves import Stage

    with migration.opened() as (settings, staging):
        its = waving.looked(settings, staging, waving.ready(settings, staging, name))
        if its.said.cut_over:
            raise _told("wave.signed" if its.said.signed else "wave.cut-over", name, its.said.cut_over)
        against = [each.why for each in its.against if each.stops]
        if its.stage != Stage.DELTA:
            against.append(Reason("wave.not-delta", wave=name, n=its.counts["to_do"]))
        _table([its])
        _conditions(name, its.against)
        _end_if_open(name, against, {each.why for each in its.against})
        if not yes:
            console.tell(_("Go. Nothing was changed. To cut over: migrator wave cutover {wave} --yes"), wave=name)
            return
        waves.say(staging, name, waves.CUTOVER, {"accounts": list(its.accounts), "counts": dict(its.counts.states)})
    console.say(_("{wave} is cut over, and frozen. Now the last delta:"), wave=name)
    for line in (
        "migrator extract --wave {wave}",
        "migrator load {target} --wave {wave}",
        "migrator verify {target} --wave {wave}",
    ):
        console.say("  " + line, wave=name, target=its.target)


@wave.command(
    help=_(
        "Sign a wave off: only while its ledger closes, nothing is to do, held or missing, what stays behind is "
        "signed, and no customer is forgotten. Without --yes it names what is open."
    ),
    epilog=_("Example: migrator wave complete osaka --yes"),
)
def complete(name: NAME, yes: YES = False) -> None:
    """Exit 1 with what is open."""
    from migrator.cli import migration, waving
    from migrator.staging import waves

    with migration.opened() as (settings, staging):
        its = waving.ready(settings, staging, name)
        if its.said.signed:
            raise _told("wave.signed", name, its.said.signed)
        if its.said.cut_over is None:
            raise UsageError(Reason("wave.not-cut-over", wave=name))
        account = _account(settings, staging, its)
        _end_if_open(name, _open(settings, staging, its, account), ())
        behind = {
            word: account.totals[word] for word in ("refused", "fault", "parked", "not_mail") if account.totals[word]
        }
        _say_behind(behind)
        if not yes:
            console.tell(_("Nothing was changed. To sign: migrator wave complete {wave} --yes"), wave=name)
            return
        waves.say(staging, name, waves.COMPLETE, {"accounts": list(its.accounts), "totals": account.totals})
    console.say(_("{wave} is signed. Nothing of it is extracted or loaded any more."), wave=name)


def _account(settings: "Settings", staging: "Staging", its: "Standing") -> "Ledger":
    from migrator.cli import migration
    from migrator.steps.ledger import ledger

    how = migration.loading(settings, its.target)
    with migration.source(settings) as source:
        return ledger(
            staging,
            source,
            migration.opener(settings, its.target),
            target=its.target,
            routes=how.routes,
            takes=how.takes,
            accounts=its.accounts,
        )


def _open(settings: "Settings", staging: "Staging", its: "Standing", account: "Ledger") -> Iterator[Reason]:
    """Everything that is still open (laws.md §3)."""
    from migrator.cli import migration, waving
    from migrator.review import ready
    from migrator.review.desk import by_name
    from migrator.review.topics import TOPICS
    from migrator.staging import waves
    from migrator.steps.waves import owners_of

    yield from (each.why for each in its.against if each.stops)
    for column in ("to_do", "held", "in_doubt", "missing", "unexplained_source", "unexplained_target"):
        if any(row.counts[column] for row in account.rows):
            yield Reason("wave.column-open", wave=its.name, column=column, n=account.totals[column])
    owners = owners_of(migration.routes(settings), its.accounts)
    if unseen := waves.unverified(staging, its.target, owners):
        yield Reason("wave.unverified", wave=its.name, target=its.target, n=len(unseen), mailbox=unseen[0])
    names = [
        *(["faults"] if account.totals["fault"] else ()),
        *(["senders", "held"] if account.totals["parked"] else ()),
    ]
    yield from ready.unsigned(migration.desk(settings, staging), by_name(TOPICS), names, its.accounts)
    yield from waving.unanswered(settings, staging, its)


def _say_behind(behind: dict[str, int]) -> None:
    words = {
        "refused": _("refused by the target"),
        "fault": _("unreadable at the source"),
        "parked": _("parked"),
        "not_mail": _("no mail, by a rule"),
    }
    if behind:
        console.say(_("What stays behind, and is signed with it:"))
        console.table((_("mails"), ""), ((many, words[word]) for word, many in behind.items()))


def _end_if_open(name: str, reasons: Iterable[Reason], said: Collection[Reason]) -> None:
    found = list(reasons)
    for each in found:
        if each not in said:
            _say("", each)
    if found:
        console.say(_("No-go for {wave}: {n} open."), wave=name, n=len(found))
        raise typer.Exit(Exit.FOUND)


def _said(settings: "Settings", staging: "Staging", name: str) -> "Said":
    from migrator.staging import waves

    settings.wave(name)
    return waves.said(staging).get(name, waves.NOTHING)


def _told(code: str, name: str, act: "Act") -> UsageError:
    return UsageError(Reason(code, wave=name, by=act.by, since=_when(act)))


def _acts() -> dict[str, str]:
    return {"pause": _("pause"), "cutover": _("cut-over"), "complete": _("sign-off")}


def _when(act: "Act") -> str:
    return act.at.astimezone().isoformat(sep=" ", timespec="minutes")
