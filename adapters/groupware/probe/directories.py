"""Stores whose directories keep mail by a rule of their own: cur and new of a Maildir, MH's files named by numbers."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from adapters.files.maildirs import LETTERS, parse_name
from adapters.files.reading import Content
from adapters.groupware.probe.accounts import ACCOUNTS, Accounts
from adapters.groupware.probe.draft import Column, Draft, Meant, MessagesDraft, TableDraft
from adapters.groupware.probe.homes import Homes, common
from adapters.groupware.probe.sight import INDEX, MAIL
from adapters.groupware.probe.survey import Survey
from adapters.groupware.rows.directories import BETWEEN, MaildirRows, MhRows
from adapters.groupware.rows.shape import File, Line, Wanted
from migrator.model import ANSWERED, DELETED, FLAGGED, FORWARDED, SEEN, Flag, Raw

FOLDERS, MAILS = "folders", "mails"
MOST = 0.9
"""The share of files of mails that must be named by the rule."""
SEQUENCES = ".mh_sequences"

_MAILDIR = re.compile(r"(?:(.*)/)?(?:cur|new)/[^/]+")
_MH = re.compile(r"(?:(.*)/)?[,#]?\d+")


class Kept(NamedTuple):
    """By which rule, and in which directory of each account."""

    form: MaildirRows | MhRows
    head: str


def kept(survey: Survey, found: Homes) -> Kept | None:
    """The rule by which the homes' mails are named; None where there is none."""
    rests = [rest for home in found.every for rest in home.files.values()]
    if above := _above(_MAILDIR, rests):
        steps = [[step for step in each.split("/") if not step.startswith(".")] for each in above]
        return Kept(MaildirRows(type="maildir"), common([f"{'/'.join(each)}/" for each in steps], 0))
    if not any(path.rpartition("/")[2] == SEQUENCES for path in survey.files) or not _above(_MH, rests):
        return None
    head = common(rests, 0)
    if all(rest.rpartition("/")[0] == head for rest in rests):  # the one folder that everybody has
        head = head.rpartition("/")[0]
    return Kept(MhRows(type="mh"), head)


def _above(rule: re.Pattern[str], rests: list[str]) -> list[str]:
    """The directories of folders; none where too few files are named by the rule."""
    told = [match for rest in rests if (match := rule.fullmatch(rest)) is not None]
    return [match[1] or "" for match in told] if len(told) >= len(rests) * MOST else []


def drafted(survey: Survey, found: Homes, rule: Kept, accounts: Accounts) -> Draft:
    """The mapping of such a store."""
    path = "/".join(filter(None, (found.path(f"{ACCOUNTS}.account"), rule.head)))
    rows = {"type": rule.form.type, "path": path, "each": ACCOUNTS}
    folders = TableDraft(rows, ["folder"], columns={"folder": Column("folder")})
    mails = TableDraft(rows, ["mail"], [{"table": FOLDERS, "on": {"folder": "folder"}}])
    marks, dated = _told(survey, found, rule)
    mails.columns = {name: Column(name) for name in ("folder", "file", "mail")}
    mails.columns["marks"] = _marks(marks, rule)
    message = MessagesDraft(MAILS, {"type": "file", "path": f"{path}/{{file}}"}, 0.99, _samples(found), ["marks"])
    if dated:
        mails.columns["at"] = Column("at", {"kind": "date", "format": "epoch"})
        message.received = "at"
    draft = Draft((ACCOUNTS, "account"), {"table": FOLDERS, "path": "folder", "separator": BETWEEN})
    draft.tables = {ACCOUNTS: accounts.table, FOLDERS: folders, MAILS: mails}
    draft.messages, draft.used = [message], [*accounts.files]
    if isinstance(rule.form, MaildirRows) and any("/tmp/" in path for path in survey.files):  # noqa: S108
        draft.not_mail["undelivered"] = ["*/tmp/*"]
    return draft


def _samples(found: Homes) -> tuple[str, ...]:
    return tuple(path for home in found.every for path in home.files)[:5]


_KNOWN: dict[str, frozenset[Flag]] = {
    "maildir": frozenset(LETTERS.values()),
    "mh": frozenset({SEEN, ANSWERED, FLAGGED, DELETED, FORWARDED}),
}
"""What names and sequences say by themselves."""


def _marks(counts: Counter[str], rule: Kept) -> Column:
    total, known = counts.pop("", 0), _KNOWN[rule.form.type]
    words = [*sorted(known), *sorted({*counts} - known)]
    codes = {
        word: Meant(word if word in known else None, 0.99, seen=(counts[word], total or counts.total()))
        for word in words
    }
    return Column("marks", {"kind": "flags", "written": "words"}, codes)


def _told(survey: Survey, found: Homes, rule: Kept) -> tuple[Counter[str], bool]:
    """How often each mark stands on a mail, under "" how many mails there are; whether their names tell when."""
    counts, dated = Counter[str](), False
    for home in found.every:
        top = "/".join(filter(None, (found.head, f"{home.name}{found.behind}", rule.head))) + "/"
        for marks, at in _rows(survey, rule, top):
            counts.update(["", *marks.split()])
            dated = dated or at != ""
    return counts, dated


def _rows(survey: Survey, rule: Kept, top: str) -> Iterator[tuple[str, str]]:
    """The marks and the date of every mail below a directory."""
    below = {name: name.removeprefix(top) for name in survey.files if name.startswith(top)}
    beside = {
        rest: content.raw
        for name, rest in below.items()
        if rest.rpartition("/")[2] in rule.form.inside and isinstance(content := survey.read(name), Content)
    }
    listed = Raw.of(b"\0".join(map(survey.encoded, below.values())))
    with rule.form.open(File(top, listed, beside), Wanted(("marks", "at"))) as lines:
        for line in lines.rows:
            if isinstance(line, Line):
                marks, at = line.cells
                yield str(marks), str(at)


# -- what is kept beside the mails ---------------------------------------------------------------------------------


def claim(survey: Survey) -> None:
    """A file beside a Maildir's cur is an index where its lines name the mails and folders that lie there."""
    names: dict[str, set[bytes]] = defaultdict(set)
    for path in survey.mails:
        if (match := _MAILDIR.fullmatch(path)) is not None:
            names[match[1] or ""].add(parse_name(survey.encoded(path).rpartition(b"/")[2])[0])
    for path in [*names]:
        above, _, name = path.rpartition("/")
        if above in names:
            names[above].add(survey.encoded(name.removeprefix(".")))
    for path, seen in survey.files.items():
        here = names.get(path.rpartition("/")[0])
        if here and seen.kind != MAIL and isinstance(content := survey.read(path), Content):
            told = _naming(content, here)
            if told * 2 >= seen.size:
                survey.explain(path, INDEX, told)
                survey.sights.pop(path, None)


_WIDE = 2**16
"""Bytes of a line that is looked at."""


def _naming(content: Content, names: set[bytes]) -> int:
    """The bytes of the lines that are one of these names, or end in one behind a colon."""
    told = 0
    with content.raw.open() as stream:
        while line := stream.readline(_WIDE):
            name = line.rstrip(b"\r\n")
            ends = {name, name.partition(b" :")[2]}
            told += len(line) * any(parse_name(each)[0] in names for each in ends if each)
    return told
