"""対応履歴: what was noted and done in one conversation, as one readable mail beside its mails.

The same story makes the same bytes, on any day: its Message-ID names the conversation and what is told of it, and its
date is that of the last thing told. It is made by hand and not by a library, which would break long Message-IDs.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime

from migrator.inboxes import Event, Happened, Note, Principal, SharedInbox, Status, WorkState
from migrator.locale import Language, catalogue
from migrator.model import Raw
from migrator.shared.conversation import NEVER, Conversation
from migrator.shared.links import Shared
from migrator.shared.mails import HISTORY
from migrator.text import shown

REFERENCES = 500
"""Message-IDs that are named at most: of longer conversations the last ones."""

_ID = re.compile(r"<[!-;=?-~]{1,250}>")


@dataclass(frozen=True, slots=True)
class Made:
    """A mail of our own making, and when it is to have been received."""

    raw: Raw
    at: datetime


def history(
    told: Conversation, inbox: SharedInbox, people: Mapping[str, Principal], *, sender: str, lang: Language
) -> Made | None:
    """The mail; None where there is nothing to tell. `sender` is an address that takes no answers.

    There is also where only the store's own number holds the conversation together: the mail names all of its mails,
    and so it stays one at the target.
    """
    if not told.events and not told.notes and not any(link.evidence == Shared.INDEX for link in told.links):
        return None
    text = "\n".join(_lines(told, people, lang)) + "\n"
    ids = [mail.id for mail in told.mails if _ID.fullmatch(mail.id)]
    at = max(_times(told), default=told.mails[-1].at)
    digest = hashlib.sha256("\n".join([text, *ids]).encode("utf-8", "replace")).hexdigest()[:20]
    _ = catalogue(lang).gettext
    title = _("History: {subject}").replace("{subject}", shown(told.subject))
    head = [
        f"Message-ID: <{HISTORY}.{_short(inbox.key, told.key)}.{digest}@{sender.rpartition('@')[2]}>",
        f"Date: {format_datetime(at)}",
        f"From: {_named('From', inbox.name, sender)}",
        f"To: {_named('To', inbox.name, inbox.address or sender)}",
        f"Subject: {_encoded('Subject', title)}",
        *_threading(ids),
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=UTF-8",
        "Content-Transfer-Encoding: base64",
    ]
    body = base64.encodebytes(text.encode("utf-8", "replace")).replace(b"\n", b"\r\n")
    return Made(Raw.of("\r\n".join(head).encode("ascii") + b"\r\n\r\n" + body), at)


def _times(told: Conversation) -> Iterator[datetime]:
    happened: list[Event | Note] = [*told.events, *told.notes]
    return (each.at for each in happened if each.at is not None)


def _threading(ids: Sequence[str]) -> Iterator[str]:
    """To the last mail, and by all of them."""
    if ids:
        yield f"In-Reply-To: {ids[-1]}"
        yield "References: " + "\r\n ".join(ids[-REFERENCES:])


def _named(field: str, name: str, address: str) -> str:
    return f"{_encoded(field, name)}\r\n <{address}>" if name.strip() else f"<{address}>"


def _encoded(field: str, text: str) -> str:
    """RFC 2047, always: nothing in it can be anything but words."""
    return Header(" ".join(shown(text).split()), "utf-8", header_name=field).encode(linesep="\r\n")


def _short(*names: str) -> str:
    return hashlib.sha256("\0".join(names).encode("utf-8", "replace")).hexdigest()[:20]


# -- the text ------------------------------------------------------------------------------------------------------


def _lines(told: Conversation, people: Mapping[str, Principal], lang: Language) -> Iterator[str]:
    _ = catalogue(lang).gettext
    yield _("This is what the old groupware kept beside the mails of this conversation.")
    yield _("It was written when they were moved here; an answer to it reaches nobody.")
    yield ""
    for number in told.numbers:
        yield f"{_('Number')}: {shown(number)}"
    for state in told.states:
        yield f"{_('Status')}: {_state(people, state, lang)}"
    if tags := list(dict.fromkeys(shown(each.name) for each in told.tags)):
        yield f"{_('Tags')}: {', '.join(tags)}"
    happened: list[Event | Note] = [*told.events, *told.notes]
    for each in sorted(happened, key=lambda one: (one.at or NEVER, one.key)):
        yield ""
        yield f"{_time(each.at) or _('(no date)')}  {_who(people, each.by) or '-'}"
        yield from _note(each) if isinstance(each, Note) else [f"  {_event(people, each, lang)}"]


def _state(people: Mapping[str, Principal], state: WorkState, lang: Language) -> str:
    _ = catalogue(lang).gettext
    words = {
        Status.OPEN: _("open"),
        Status.IN_PROGRESS: _("in progress"),
        Status.WAITING: _("waiting for the customer"),
        Status.ON_HOLD: _("on hold"),
        Status.CLOSED: _("closed"),
        Status.NO_ACTION: _("no action needed"),
        Status.SPAM: _("spam"),
    }
    parts = [words.get(state.status, "-") if state.status else "-"]
    if state.label:
        parts.append(f"({shown(state.label)})")
    if state.assignee:
        parts.append(f"{_('assigned to')} {_who(people, state.assignee)}")
    if state.due:
        parts.append(f"{_('due')} {_time(state.due)}")
    return " ".join(parts)


def _event(people: Mapping[str, Principal], event: Event, lang: Language) -> str:
    _ = catalogue(lang).gettext
    words = {
        Happened.RECEIVED: _("received"),
        Happened.ASSIGNED: _("assigned"),
        Happened.STATUS: _("status changed"),
        Happened.REPLIED: _("answered"),
        Happened.NOTED: _("noted"),
        Happened.MERGED: _("joined with another conversation"),
        Happened.MOVED: _("moved"),
        Happened.TAGGED: _("tagged"),
        Happened.SENT_FOR_APPROVAL: _("sent for approval"),
    }
    what = words[event.what] if event.what else shown(event.label) or "-"
    old, new = (
        _who(people, each) if event.what == Happened.ASSIGNED else shown(each) for each in (event.old, event.new)
    )
    change = " → ".join(each for each in (old, new) if each)
    return f"{what}: {change}" if change else what


def _note(note: Note) -> Iterator[str]:
    for line in note.text.splitlines():
        yield f"  {shown(line)}"


def _who(people: Mapping[str, Principal], key: str | None) -> str:
    """A person's name; the source's own key where nobody is known by it."""
    person = people.get(key) if key else None
    return shown(person.name if person else key or "")


def _time(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M %z") if at else ""
