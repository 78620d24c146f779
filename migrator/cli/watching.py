"""What goes on at this moment, as `status` tells it."""

from typing import TYPE_CHECKING, Any

from migrator.cli import console
from migrator.locale import _, sentence

if TYPE_CHECKING:
    from migrator.steps.watch import Watched

SHOWN = 20
"""Mailboxes that are shown while a run goes on; all are in the JSON."""


def as_json(watched: "Watched") -> dict[str, Any]:
    """The runs that go on, and every mailbox of every target."""
    return {
        "running": [
            {
                "run": str(each.run),
                "step": each.step,
                "target": each.target,
                "by": each.by,
                "host": each.host,
                "pid": each.pid,
                "since": each.began,
                "alive": each.alive,
                "mails": each.mails,
                "bytes": each.bytes,
                "rate": round(each.rate(watched.at), 1),
                "left": None if (left := watched.left(each)) is None else round(left),
            }
            for each in watched.runs
        ],
        "mailboxes": [
            {
                "target": each.target,
                "mailbox": each.mailbox,
                "accounts": each.accounts,
                **{word: each.counts[word] for word in ("loaded", "refused", "in_doubt", "to_do")},
                "sending": None if each.run is None else str(each.run),
                "setback": each.setback,
            }
            for each in watched.mailboxes
        ],
    }


def say(watched: "Watched") -> None:
    """The runs that go on; and where one loads, the mailboxes that most want looking at."""
    from migrator.steps.progress import span

    for each in watched.runs:
        left = watched.left(each)
        console.say("")
        console.say(
            _("Run {run}, {step} {target}: by {by} on {host} (process {pid}) since {since}."),
            run=each.run,
            step=each.step,
            target=each.target or "",
            by=each.by,
            host=each.host,
            pid=each.pid,
            since=each.began.astimezone().isoformat(sep=" ", timespec="seconds"),
        )
        if not each.alive:
            console.say(_("  Its process is gone: it was killed. The same command goes on from there."))
            continue
        mails, rate = f"{each.mails:,}", f"{each.rate(watched.at):,.0f}"
        if left is None:
            console.say(_("  {mails} mails, {rate} a second."), mails=mails, rate=rate)
        else:
            console.say(_("  {mails} mails, {rate} a second, {left} left."), mails=mails, rate=rate, left=span(left))
    loading = {each.target for each in watched.runs if each.step == "load" and each.alive}
    rows = [row for row in watched.mailboxes if row.target in loading]
    if rows:
        console.say("")
        console.table(
            (_("target"), _("mailbox"), _("loaded"), _("to do"), _("in doubt"), _("refused"), _("now")),
            (
                (
                    row.target,
                    row.mailbox,
                    *(row.counts[word] for word in ("loaded", "to_do", "in_doubt", "refused")),
                    _("sending") if row.run else "" if row.setback is None else row.setback.code,
                )
                for row in rows[:SHOWN]
            ),
        )
    for row in rows[:SHOWN]:
        if row.setback is not None:
            console.say("{text} [{code}]", text=sentence(row.setback), code=row.setback.code)
