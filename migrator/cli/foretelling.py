"""What `load` says of shared inboxes before it starts, and the list it writes for the mail administrator."""

import csv
import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from migrator.cli import console, migration
from migrator.errors import Reason, UsageError
from migrator.locale import _, sentence, spoken
from migrator.model import Folder, Mailbox, Place
from migrator.ports import Limits
from migrator.routes import Routes
from migrator.settings import Settings
from migrator.shared.becoming import UNREADABLE, Became, Fidelity
from migrator.shared.mails import own
from migrator.staging.rehearsals import plain
from migrator.staging.reports import accounts_staged
from migrator.staging.shared import StagedInboxes
from migrator.staging.sightings import Shelf
from migrator.staging.store import Staging, now
from migrator.steps.share import Foretold, Inbox, Sharing, foretell, inboxes
from migrator.text import cell

if TYPE_CHECKING:
    from migrator.steps.load import Loading


def shared_inboxes(settings: Settings, staging: Staging, accounts: Collection[str] | None) -> Sequence[Inbox]:
    """Those of these accounts, with all that is told of the company."""
    told = list(StagedInboxes(staging).inboxes())
    if not told:
        return ()
    names, routes = accounts_staged(staging, accounts), migration.routes(settings)
    sharing = Sharing(
        is_own=own(settings.filters.own_domains, [each.address for each in told]),
        who_is=routes.login_of,
        today=now(),
        sender=settings.shared.history_from,
        lang=settings.shared.history_language or spoken(),
    )
    return inboxes(staging, names, sharing)


def say_beforehand(settings: Settings, staging: Staging, how: "Loading", *, signed: bool) -> "Loading":
    """What becomes of every fact at this target; all of it in reports/. Raises UsageError where one would be nowhere,
    and nobody has signed that."""
    opener, routes = migration.opener(settings, how.target), how.routes
    said: list[Foretold] = []
    for mailbox, mine in _homes(routes, how.shared):
        folders = Shelf(staging, how.target, mailbox.owner).folders({each.inbox.account.name for each in mine})
        said += foretell(opener(mailbox), mine, partial(_places, routes, mailbox, folders))
    if not said:
        return how
    if any(each.holds.folders for each in said) and settings.shared.history_language is None:
        raise UsageError(Reason("shared.folders-language"))
    counts = Counter((each.inbox, each.became.kind, _class(each.became)) for each in said)
    console.table(
        (_("shared inbox"), _("what"), *_words().values()),
        (
            (inbox, kind, *(counts[inbox, kind, column] or "" for column in _words()))
            for inbox, kind in dict.fromkeys((inbox, kind) for inbox, kind, _column in sorted(counts))
        ),
    )
    reasons = [each.became.why for each in said if each.became.why]
    for code, many in Counter(each.code for each in reasons).most_common():
        example = next(each for each in reasons if each.code == code)
        console.say("- {n} × {text} [{code}]", n=many, text=sentence(example), code=code)
    console.say("- {text}", text=sentence(Reason(_clients(said))))
    _write(settings, how.target, said)
    lost = Counter(each.became.kind for each in said if each.became.fidelity == Fidelity.DROPPED)
    if lost and not signed:
        unreadable = lost[UNREADABLE]
        others = lost.total() - unreadable
        raise UsageError(Reason("shared.would-drop", unreadable=unreadable, loose=others, target=how.target))
    return replace(how, signed=lost.total())


def _places(routes: Routes, mailbox: Mailbox, folders: Sequence[Folder], limits: Limits) -> Collection[Place]:
    return routes.places(mailbox.owner, folders, limits).values()


def _clients(said: Sequence[Foretold]) -> str:
    """What people's clients will show of states."""
    if any(each.holds.folders for each in said):
        return "shared.clients-folders"
    if all(each.holds.words == 0 for each in said):
        return "shared.clients-none"
    return "shared.clients-categories" if all(each.holds.categories for each in said) else "shared.clients-keywords"


def _class(became: Became) -> str:
    """A row that nobody can read is not lost on the way."""
    return UNREADABLE if became.kind == UNREADABLE else became.fidelity.value


def _words() -> dict[str, str]:
    return {
        Fidelity.EXACT.value: _("exact"),
        Fidelity.FOLDED.value: _("folded"),
        Fidelity.LABEL_ONLY.value: _("label only"),
        Fidelity.ARCHIVED_ONLY.value: _("archive only"),
        UNREADABLE: _("unreadable"),
        Fidelity.DROPPED.value: _("lost"),
    }


def _homes(routes: Routes, shared: Sequence[Inbox]) -> list[tuple[Mailbox, list[Inbox]]]:
    accounts = sorted({each.inbox.account.name for each in shared})
    return [
        (mailbox, [each for each in shared if each.inbox.account.name in feeding])
        for mailbox, feeding in routes.mailboxes(accounts).items()
    ]


def _write(settings: Settings, target: str, said: Sequence[Foretold]) -> None:
    """Every fact as JSON Lines, and as CSV (UTF-8 with BOM) who is to be allowed to send as an inbox."""
    facts = migration.foretold(settings, target)
    folder = facts.parent
    people, whole = folder / f"send-as-{plain(target)}.csv", facts.with_suffix(".new")
    try:
        folder.mkdir(exist_ok=True)
        with whole.open("w", encoding="utf-8") as stream:
            stream.writelines(json.dumps(_line(each), ensure_ascii=False) + "\n" for each in said)
        whole.replace(facts)  # the review page may be reading it
        with people.open("w", encoding="utf-8-sig", newline="") as stream:
            rows = csv.writer(stream)
            rows.writerow(("inbox", "login", "name", "until"))
            for each in dict.fromkeys(entry for one in said for entry in one.send_as):
                until = each.until.date().isoformat() if each.until else ""
                rows.writerow(map(cell, (each.inbox, each.who, each.name, until)))
    except OSError as error:
        raise UsageError(Reason("sheet.unwritable", file=str(folder), answer=error.strerror)) from error
    console.say(_("Every fact: {facts}. For the mail administrator: {people}."), facts=str(facts), people=str(people))


def _line(each: Foretold) -> dict[str, object]:
    why = each.became.why
    return {
        "inbox": each.inbox,
        "kind": each.became.kind,
        "key": each.became.key,
        "fidelity": each.became.fidelity.value,
        "reason": {"code": why.code, "params": dict(why.params), "text": sentence(why)} if why else None,
    }
