"""What `check` says of a target once something is staged: which way, what will be refused, how long it will take."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TextIO

from migrator import registry
from migrator.cli import console, migration
from migrator.errors import Reason, UsageError
from migrator.locale import _, sentence
from migrator.ports import Way
from migrator.settings import Settings
from migrator.staging.loads import paces
from migrator.staging.store import Staging
from migrator.steps.foresee import Foreseen, Refusal, Takes, foresee, takes_for, wanted
from migrator.text import cell


def say_what_comes(settings: Settings, staging: Staging, target: str) -> list[Reason]:
    """Show what every mailbox is to get; what of it will be refused is a finding, each reason once."""
    its = settings.target(target)
    pace = paces(staging, target)
    rows = list(
        foresee(
            staging,
            migration.opener(settings, target),
            target=its.name,
            way=Way(name=its.adapter),
            routes=migration.routes(settings),
            takes=its.takes,
        )
    )
    if not any(each.mails for each in rows):
        return []
    console.table(
        (_("mailbox"), _("by"), _("until"), _("mails"), _("MB"), _("refused"), _("about")),
        (
            (
                each.mailbox.owner,
                each.way.name,
                each.way.until.isoformat() if each.way.until else "",
                each.mails,
                round(each.bytes / 10**6, 1),
                "?" if each.error else len(each.refusals) or "",
                _about(takes_for(pace, each.mails, each.bytes)),
            )
            for each in rows
        ),
    )
    _say_time(takes_for(pace, sum(each.mails for each in rows), sum(each.bytes for each in rows)), len(pace))
    _write_script(settings, staging, target, rows)
    refusals = [refusal for each in rows for refusal in each.refusals]
    listed = settings.folder / "reports" / f"will-refuse-{target}.csv"
    if not refusals:
        listed.unlink(missing_ok=True)  # of an earlier check
        return []
    _write(listed, rows)
    console.say(_("Every mail that will be refused: {file}"), file=str(listed))
    return findings(target, refusals)


def _say_time(whole: Takes | None, loads: int) -> None:
    if whole is None:
        console.say(_("How long it takes is told once a load of 100 mails or more has ended there: rehearse."))
        return
    console.say(
        _("All of it: about {likely} ({least} to {most}), as seen in {n} loads."),
        likely=_clock(whole.likely),
        least=_clock(whole.least),
        most=_clock(whole.most),
        n=loads,
    )


def _about(takes: Takes | None) -> str:
    return "" if takes is None else _clock(takes.likely)


def _clock(seconds: float) -> str:
    """h:mm:ss, as it is written in both languages."""
    return str(timedelta(seconds=max(1, round(seconds))))


def findings(target: str, refusals: Sequence[Refusal]) -> list[Reason]:
    counts = Counter(each.why.code for each in refusals)
    first = {each.why.code: each for each in reversed(refusals)}
    return [
        Reason("check.will-refuse", target=target, n=n, example=first[code].item, why=code)
        for code, n in counts.most_common()
    ]


def _write_script(settings: Settings, staging: Staging, target: str, rows: Sequence[Foreseen]) -> None:
    """For the target's administrator, what only they can set there."""
    its = settings.target(target)
    make = registry.adapter(its.adapter).script
    text = None if make is None else make(its.config, wanted(staging, migration.routes(settings), rows))
    if text is None:
        return
    path = settings.folder / "reports" / f"mailboxes-{target}.ps1"
    with _written(path) as stream:
        stream.write(text)
    console.say(_("For the administrator of the new server, who reads it before running it: {file}"), file=str(path))


@contextmanager
def _written(path: Path) -> Iterator[TextIO]:
    """A file in UTF-8 with BOM. Raises UsageError."""
    try:
        path.parent.mkdir(exist_ok=True)
        with path.open("w", encoding="utf-8-sig", newline="") as stream:
            yield stream
    except OSError as error:
        raise UsageError(Reason("sheet.unwritable", file=str(path), answer=error.strerror)) from error


def _write(path: Path, rows: Sequence[Foreseen]) -> None:
    """Every refusal, as CSV."""
    with _written(path) as stream:
        lines = csv.writer(stream)
        lines.writerow(("item", "mailbox", "account", "folder", "bytes", "code", "reason"))
        for each in rows:
            for refusal in each.refusals:
                folder = "/".join(refusal.folder.path)
                where = (refusal.item, each.mailbox.owner, refusal.folder.account.name, folder)
                lines.writerow(map(cell, (*where, refusal.size, refusal.why.code, sentence(refusal.why))))
