"""What one department is given to keep: every mail's way, its decisions and the ledger, readable without migrator.

index.html            what a person reads first
mails.csv             one line for every artefact of the accounts, with what became of it and why
ledger.csv            both sides counted, folder by folder
waiting.csv           of shared inboxes: the customers who waited when the pack was made
runs.csv              every run that had to do with this target
decisions/TOPIC.csv   what people decided about these accounts, topic by topic; signatures.csv: who signed what
rules/                the rules by which mail was judged
SHA256SUMS            digests of all these files (`sha256sum -c SHA256SUMS`)
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any

from migrator.errors import Reason, UsageError
from migrator.locale import sentence, spoken
from migrator.reports.columns import column_words
from migrator.reports.page import ENVIRONMENT
from migrator.shared.standing import Standing
from migrator.staging.books import Signoff
from migrator.staging.reports import folder_name
from migrator.staging.states import State
from migrator.steps.ledger import COLUMNS, Ledger
from migrator.text import cell, storable

SUMS = "SHA256SUMS"

LISTED = 200
"""So many lines of a kind stand on the page; the others in the table beside it."""

MAIL = (
    *("account", "folder", "key", "received", "date_source", "from", "subject", "message_id", "bytes", "sha256"),
    *("flags", "health", "state", "because", "decision", "decided_in", "decided_by", "decided_at", "why"),
    *("proposal", "sure", "speaks_for_it", "place", "ref", "run", "repairs", "gone_from_source", "made_by_migrator"),
)

Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One topic of the review as it stands for these accounts; `write` puts its rows into a table."""

    name: str
    title: str
    rows: int
    ends: Mapping[str, int]
    """Rows by decision, as it is called."""
    signatures: Sequence[Signoff]
    write: Callable[[Path], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that goes into a pack, already cut down to its accounts."""

    accounts: Sequence[str]
    ledger: Ledger
    stories: Iterable[Line]
    """As staging.stories tells them, with the reasons of each mail in words."""
    decided: Sequence[Decided]
    inboxes: Sequence[Standing]
    runs: Sequence[Line]
    rules: Mapping[str, str]
    """Names of files and what stands in them."""
    ruleset: str
    """The digest of the whole set of rules."""
    at: datetime
    by: str
    version: str


@dataclass(slots=True)
class Told:
    """What the page tells of the mails, gathered while their table is written."""

    mails: int = 0
    bytes: int = 0
    states: Counter[str] = field(default_factory=Counter)
    because: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By state and sentence."""
    parked: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By sender, who decided it, and why."""
    named: list[Line] = field(default_factory=list)
    """Mails that were refused or could not be read, one by one."""

    def add(self, line: Line) -> None:
        if line["made"]:
            return
        state, mail, why = line["state"], line["mail"], _because(line)
        self.mails += mail is not None
        self.bytes += mail["size"] if mail else 0
        self.states[state] += 1
        if why:
            self.because[state, why] += 1
        if state in (State.PARKED, State.HELD) and mail:
            said = line["decided"] or {"by": "", "why": ""}
            self.parked[mail["from"], said["by"], said["why"]] += 1
        if state in (State.REFUSED, State.FAULT) and len(self.named) < LISTED:
            self.named.append({**line, "why": why})


def write(folder: Path, told: Evidence) -> str:
    """Write the pack into a new folder; the SHA-256 of its list of digests, in hexadecimal, for somebody to note down.

    Raises UsageError where the folder is not a new one or cannot be written.
    """
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if any(folder.iterdir()):
            raise UsageError(Reason("export.not-empty", folder=str(folder)))
        mails = Told()
        _table(folder / "mails.csv", MAIL, (_mail(line) for line in _through(told.stories, mails)))
        _table(folder / "ledger.csv", ("account", "folder", *COLUMNS), _ledger(told.ledger))
        if told.inboxes:
            _table(folder / "waiting.csv", WAITING, _waiting(told.inboxes))
        _table(folder / "runs.csv", RUN, ([each[name] for name in RUN] for each in told.runs))
        (folder / "decisions").mkdir()
        for topic in told.decided:
            topic.write(folder / "decisions" / f"{topic.name}.csv")
        _table(folder / "decisions" / "signatures.csv", SIGNATURE, _signatures(told.decided))
        (folder / "rules").mkdir()
        for name, text in told.rules.items():
            (folder / "rules" / name).write_text(text, encoding="utf-8")
        (folder / "index.html").write_text(_page(told, mails, sorted(_files(folder))), encoding="utf-8")
        return _sealed(folder)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(Reason("export.failed", folder=str(folder), answer=storable(str(error.strerror)))) from error


def _through(stories: Iterable[Line], mails: Told) -> Iterator[Line]:
    for line in stories:
        mails.add(line)
        yield line


# -- tables --------------------------------------------------------------------------------------------------------

WAITING = ("inbox", "conversation", "customer", "subject", "waiting_since", "assignee", "status", "by_list")
RUN = ("run", "step", "target", "began", "ended", "outcome", "by")
SIGNATURE = ("topic", "by", "at", "accounts", "rows", "digest")


def _mail(line: Line) -> Sequence[object]:
    mail, decided = line["mail"] or {}, line["decided"] or {}
    score = mail.get("score")
    return (
        *(line["account"], line["folder"], line["key"]),
        *(mail.get(name) for name in ("date", "date_source", "from", "subject", "message_id", "size", "sha256")),
        *(" ".join(mail.get("flags", ())), mail.get("health"), line["state"], _because(line)),
        *(mail.get("decision"), *(decided.get(name) for name in ("scope", "by", "at", "why"))),
        *(mail.get("proposal"), None if score is None else f"{score:.0%}"),
        " / ".join(sentence(each) for each in mail.get("reasons", ())),
        *(line["place"], line["ref"], line["run"], " ".join(mail.get("repairs", ()))),
        *("yes" if line[name] else "" for name in ("gone", "made")),
    )


def _because(line: Line) -> str:
    why = line["because"]
    return sentence(why) if isinstance(why, Reason) else why or ""


def _ledger(ledger: Ledger) -> Iterator[Sequence[object]]:
    for row in ledger.rows:
        folder = row.folder
        yield folder.account.name, folder_name(folder.path), *(row.counts[column] for column in COLUMNS)
    yield "", "", *(ledger.totals[column] for column in COLUMNS)


def _waiting(inboxes: Iterable[Standing]) -> Iterator[Sequence[object]]:
    for its in inboxes:
        for each in its.unanswered:
            since = each.waiting[0].at
            who = its.inbox.name, each.key, each.customer, each.subject
            yield *who, since, each.assignee, each.status.value, "yes" if each.is_bulk else ""


def _signatures(decided: Iterable[Decided]) -> Iterator[Sequence[object]]:
    for topic in decided:
        for each in topic.signatures:
            yield topic.name, each.by, each.at, " ".join(each.scope), len(each.rows), each.digest


def _table(file: Path, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """UTF-8 with BOM and CRLF, as Excel wants it."""
    with file.open("x", encoding="utf-8-sig", newline="") as stream:
        lines = csv.writer(stream)
        lines.writerow(heads)
        for row in rows:
            lines.writerow([cell(each.isoformat() if isinstance(each, datetime) else each) for each in row])


# -- the page and the seal -----------------------------------------------------------------------------------------


def _page(told: Evidence, mails: Told, files: Sequence[str]) -> str:
    totals = told.ledger.totals
    return ENVIRONMENT.get_template("pack.html").render(
        lang=spoken(),
        its=told,
        mails=mails,
        totals=totals,
        columns=[column for column in COLUMNS if totals[column] or column in ("found", "loaded")],
        unexplained=sum(totals[each] for each in ("unexplained_source", "unexplained_target", "missing", "in_doubt")),
        words=column_words(),
        waiting=sum(not each.is_bulk for its in told.inboxes for each in its.unanswered),
        listed=LISTED,
        because=mails.because.most_common(LISTED),
        parked=mails.parked.most_common(LISTED),
        files=files,
        sums=SUMS,
    )


def _files(folder: Path) -> Iterator[str]:
    for file in folder.rglob("*"):
        if file.is_file():
            yield file.relative_to(folder).as_posix()


def _sealed(folder: Path) -> str:
    """Write the digests of all files, in the form of coreutils, and say the digest of these."""
    lines = [f"{_digest(folder / name)}  {name}\n" for name in sorted(_files(folder))]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")
    return _digest(folder / SUMS)


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
