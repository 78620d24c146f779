"""All that is known of the shared inboxes into a folder: for a help desk that imports it, or for the shelf.

inboxes.jsonl, people.csv          what there is, and who is who
faults.jsonl                       rows of the old store that nobody could read
<inbox>/conversations.jsonl        each with its mails, state, links and why they belong together
<inbox>/members.csv tags.csv       tables; a cell that a spreadsheet would compute gets an apostrophe
<inbox>/notes.jsonl events.jsonl   what was written beside the mails, and what happened
<inbox>/adrift.jsonl               what is told of mails that are not there
<inbox>/templates/                 texts for answers, and signatures
<inbox>/mails.zip                  every mail of the inbox's account as it came, named by its SHA-256
"""

import csv
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic_core import to_jsonable_python

from migrator.errors import Reason, UsageError
from migrator.inboxes import Event, Named, Note, Principal, Template
from migrator.model import Account, Unreadable
from migrator.shared.conversation import Conversation
from migrator.shared.mails import Mail
from migrator.shared.standing import Standing
from migrator.staging.shared import StagedInboxes
from migrator.staging.store import Staging
from migrator.steps.standings import at_staging
from migrator.text import computed, storable

CHARSETS = {"utf-8": "utf-8-sig", "cp932": "cp932"}
"""What a table may be written in."""


@dataclass(frozen=True, slots=True)
class Archived:
    """What was written."""

    inboxes: int
    conversations: int
    mails: int
    bytes: int


def archive(staging: Staging, domains: Sequence[str], folder: Path, *, charset: str = "utf-8") -> Archived:
    """Write all of it. Raises UsageError where the folder is not a new one, or no inbox is staged."""
    stands, staged = at_staging(staging, domains), StagedInboxes(staging)
    inboxes = conversations = mails = size = 0
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if any(folder.iterdir()):
            raise UsageError(Reason("export.not-empty", folder=str(folder)))
        _lines(folder / "inboxes.jsonl", (_plain(each.inbox) for each in stands.values()))
        _people(folder / "people.csv", staged.principals(), charset)
        _lines(folder / "faults.jsonl", (_fault(each, fault) for each in stands.values() for fault in each.faults))
        for each in stands.values():
            home = folder / _name(each.inbox.account.name)
            home.mkdir()
            digests, here = _mails(home / "mails.zip", staged, each.inbox.account)
            _inbox(home, each, staged, digests, charset)
            inboxes, conversations = inboxes + 1, conversations + len(each.conversations)
            mails, size = mails + len(digests), size + here
    return Archived(inboxes, conversations, mails, size)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(Reason("export.failed", folder=str(folder), answer=storable(str(error.strerror)))) from error


def _inbox(home: Path, each: Standing, staged: StagedInboxes, digests: Mapping[Named, str], charset: str) -> None:
    _lines(home / "conversations.jsonl", (_conversation(one, digests) for one in each.conversations))
    _lines(home / "notes.jsonl", (_fact(fact, one) for one in each.conversations for fact in one.notes))
    _lines(home / "events.jsonl", (_fact(fact, one) for one in each.conversations for fact in one.events))
    _lines(home / "adrift.jsonl", (_plain(fact) | {"kind": type(fact).__name__} for fact in each.adrift))
    members = (
        (
            fact.principal,
            fact.label,
            " ".join(sorted(fact.rights or ())),
            "" if fact.rights is None else "yes",
            fact.until,
        )
        for fact in staged.members(each.inbox)
    )
    _table(home / "members.csv", ("principal", "label", "rights", "rights_known", "until"), members, charset)
    tags = ((one.key, tag.name, tag.colour) for one in each.conversations for tag in one.tags)
    _table(home / "tags.csv", ("conversation", "tag", "colour"), tags, charset)
    _templates(home / "templates", each.templates)


def _conversation(one: Conversation, digests: Mapping[Named, str]) -> dict[str, Any]:
    """As help desks import it: number, state, who has it, customer, tags, and its mails in the order of time."""
    return {
        "conversation": one.key,
        "numbers": list(one.numbers),
        "subject": one.subject,
        "customer": one.customer,
        "status": one.status.value,
        "label": one.label,
        "assignee": one.assignee,
        "assignees": list(one.assignees),
        "due": _plain(one.due),
        "unanswered": one.unanswered,
        "wrote_again": one.wrote_again,
        "tags": sorted({tag.name for tag in one.tags}),
        "mails": [_mail(mail, digests) for mail in one.mails],
        "states": [_plain(state) for state in one.states],
        "links": [
            {"first": link.first, "second": link.second, "evidence": link.evidence.value, "confidence": link.confidence}
            for link in one.links
        ],
    }


def _mail(mail: Mail, digests: Mapping[Named, str]) -> dict[str, Any]:
    return {
        "id": mail.id,
        "way": mail.way.value,
        "at": mail.at.isoformat(),
        "parties": list(mail.parties),
        "subject": mail.subject,
        "folder": "/".join(mail.named.folder),
        "key": mail.named.key,
        "raw_sha256": digests.get(mail.named),
    }


def _fact(fact: Note | Event, one: Conversation) -> dict[str, Any]:
    told: dict[str, Any] = _plain(fact)
    return {"conversation": one.key, **told}


def _people(path: Path, people: Iterable[Principal], charset: str) -> None:
    rows = ((who.key, who.name, who.login, who.address, _yes(who.left), _yes(who.known)) for who in people)
    _table(path, ("principal", "name", "login", "address", "left", "known"), rows, charset)


def _fault(each: Standing, fault: Unreadable) -> dict[str, Any]:
    reason = {"code": fault.reason.code, "params": dict(fault.reason.params)}
    return {"inbox": each.inbox.key, "key": fault.key, "path": fault.path, "reason": reason}


def _yes(said: bool) -> str:
    return "yes" if said else "no"


def _templates(home: Path, templates: Iterable[Template]) -> None:
    home.mkdir()
    for number, each in enumerate(templates, 1):
        subject = "" if each.subject is None else f"Subject: {each.subject}\n\n"
        (home / f"{number:04d} {_name(each.name)}.txt").write_text(subject + each.text + "\n", "utf-8")


def _mails(path: Path, staged: StagedInboxes, account: Account) -> tuple[dict[Named, str], int]:
    """Every mail of the account, equal ones once; which mail is which, and their bytes."""
    found: dict[Named, str] = {}
    written: set[str] = set()
    size = 0
    with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as file:
        for named, raw in staged.raws(account):
            found[named], size = raw.digest, size + raw.size
            if raw.digest not in written:
                written.add(raw.digest)
                # The date is that of no mail, for two archives of the same must be the same.
                with file.open(zipfile.ZipInfo(f"{raw.digest}.eml"), "w", force_zip64=True) as copy:
                    for chunk in raw.chunks():
                        copy.write(chunk)
    return found, size


def _lines(path: Path, values: Iterable[Any]) -> None:
    with path.open("x", encoding="utf-8") as file:
        for value in values:
            file.write(storable(json.dumps(value, ensure_ascii=False)) + "\n")


def _table(path: Path, heads: Sequence[str], rows: Iterable[Sequence[Any]], charset: str) -> None:
    with path.open("x", encoding=CHARSETS[charset], errors="xmlcharrefreplace", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(heads)
        lines.writerows([_cell(value) for value in row] for row in rows)


def _cell(value: Any) -> str:
    text = storable("" if value is None else value.isoformat() if isinstance(value, datetime) else str(value))
    return f"'{text}" if computed(text) else text


def _plain(value: Any) -> Any:
    return to_jsonable_python(value)


def _name(text: str) -> str:
    """A name that any file system keeps and no path climbs by."""
    plain = (
        letter if letter.isprintable() and letter not in '<>:"/\\|?*%' else quote(letter, safe="") for letter in text
    )
    safe = "".join(plain)
    return (safe if safe.strip(". ") else safe.replace(".", "%2E"))[:60] or "_"
