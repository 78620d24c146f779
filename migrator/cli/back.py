"""The command that goes back: what one load put is taken out of the target again."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from migrator.cli import console
from migrator.cli.console import Exit
from migrator.cli.progress import progress
from migrator.locale import _, sentence
from migrator.model import Gone, Moved, Place, Touched, Withdrawn

if TYPE_CHECKING:
    from migrator.staging.entitlements import Asked
    from migrator.steps.undo import Prospect
    from migrator.steps.withdraw import Taken

family = typer.Typer()

WAVE = Annotated[
    str | None, typer.Option("--wave", metavar="W", help=_("Only the accounts of this wave in migration.toml."))
]


@family.command(
    help=_(
        "Show what one load, or every load of a wave, put; with --yes take it back, except what somebody touched since."
    ),
    epilog=_("Example: migrator undo 12 --yes"),
)
def undo(
    run: Annotated[
        int | None, typer.Argument(metavar="[RUN]", help=_("A load's number, as migrator runs shows it."))
    ] = None,
    wave: WAVE = None,
    yes: Annotated[bool, typer.Option("--yes", help=_("Do it; without it nothing is changed."))] = False,
) -> None:
    """What is taken back is to do again; exit 1 where something was left."""
    from migrator.cli import migration, waving
    from migrator.steps import runner

    with migration.opened() as (settings, staging), progress() as report:
        target, loads = waving.to_undo(settings, staging, run, wave)
        how, opener = migration.loading(settings, target, report), migration.opener(settings, target)
        if not yes:
            given = waving.given_by(staging, loads)
            _show(runner.prospects(staging, opener, how, loads), given, str(run) if wave is None else f"--wave {wave}")
            return
        counts, left = runner.undo(staging, opener, how, loads)
    list_left(left)
    words = {word: counts.get(word, 0) for word in ("withdrawn", "touched", "moved", "gone")}
    doubts, setbacks = counts.get("in_doubt", 0), counts.get("setbacks", 0)
    console.say(
        _("{withdrawn} mails taken back; {touched} touched and {moved} moved by people stay; {gone} were gone."),
        **words,
    )
    say_shared(counts)
    if doubts:
        console.say(_("{n} mails are in doubt, and were left: migrator load {target}"), n=doubts, target=target)
    if setbacks:
        console.say(_("{n} folders or accounts could not be worked on: migrator runs --json"), n=setbacks)
    console.tell(_("Folders stay as they are. What was taken back is loaded again by the next load."))
    if words["touched"] or words["moved"] or doubts or setbacks:
        raise typer.Exit(Exit.FOUND)


def _show(found: Iterable["Prospect"], given: Mapping[Place, Sequence["Asked"]], which: str) -> None:
    places = list(found)
    console.table(
        (_("mailbox"), _("place"), _("to take back"), _("touched"), _("moved"), _("gone")),
        (
            (
                each.place.owner,
                "/".join(each.place.path),
                each.take,
                *(sum(isinstance(taken.outcome, kind) for taken in each.left) for kind in (Touched, Moved, Gone)),
            )
            for each in places
        ),
    )
    for place, people in given.items():
        for one in people:
            rights = ", ".join(sorted(one.rights))
            console.say(
                _("rights  {owner}/{place}  {who}: {rights}"),
                owner=place.owner,
                place="/".join(place.path),
                who=one.who,
                rights=rights,
            )
    for each in places:
        list_left(each.left)
        if each.stopped is not None:
            console.say("{text} [{code}]", text=sentence(each.stopped), code=each.stopped.code)
    console.tell(_("Nothing was changed. To take these mails back: migrator undo {run} --yes"), run=which)
    if any(each.left or each.stopped for each in places):
        raise typer.Exit(Exit.FOUND)


def list_left(left: Iterable["Taken"]) -> None:
    """One line for each mail that people changed, moved or deleted."""
    for each in left:
        match each.outcome:
            case Touched(now=now):
                console.say(
                    _("touched  {owner}/{place}  {ref}  item {item}: now {flags}, sent with {sent}"),
                    **_words(each),
                    flags=" ".join(sorted(now.flags)),
                    sent=" ".join(sorted(each.mail.flags)),
                )
            case Moved(place=place):
                console.say(
                    _("moved  {owner}/{place}  {ref}  item {item}: now in {there}"),
                    **_words(each),
                    there="/".join(place.path),
                )
            case Gone():
                console.say(_("gone  {owner}/{place}  {ref}  item {item}"), **_words(each))
            case Withdrawn():
                pass


def _words(each: "Taken") -> dict[str, str | int | None]:
    return {
        "owner": each.place.owner,
        "place": "/".join(each.place.path),
        "ref": each.mail.ref,
        "item": each.mail.item,
    }


def say_shared(counts: Mapping[str, int]) -> None:
    """What was done about rights."""
    words = {word: counts.get(word, 0) for word in ("granted", "revoked", "rights_left")}
    if any(words.values()):
        console.say(
            _("Shared inboxes: {granted} rights given, {revoked} taken back, {rights_left} left as people made them."),
            **words,
        )


def show_changes(counts: Mapping[str, int], left: Iterable[Mapping[str, str]]) -> None:
    """What a load changed in mail of earlier loads, and what it left to people."""
    if amended := counts.get("amended", 0):
        console.say(_("{n} flags or places followed the source."), n=amended)
    if withdrawn := counts.get("withdrawn", 0):
        console.say(_("{n} mails taken back: older versions, or the rest of an undo that was stopped."), n=withdrawn)
    meant = {
        "reflag": _("flags"),
        "relocate": _("place"),
        "withdraw": _("older version"),
        "state": _("state"),
        "shelve": _("state folder"),
    }
    outcome = {
        "touched": _("changed by people: theirs stays"),
        "moved": _("moved by people: stays there"),
        "gone": _("no longer there"),
        "refused": _("the target cannot change it"),
    }
    for each in left:
        console.say(
            "{what}  {mailbox}/{place}  {item}  {how}",
            what=meant[each["meant"]],
            how=outcome[each["outcome"]],
            **{word: each[word] for word in ("mailbox", "place", "item")},
        )
