"""State folders: a sub-folder of a mail's place says how far it is, for people whose client shows no keywords.

A name tells by itself what it means, as words do: the status in one of our languages, and behind it the old store's own
word where that is another (対応中（調査中）). A mail lies in one folder: of several states it shows the first of RANK.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from migrator.inboxes import Named, Scope, Status, WorkState
from migrator.locale import Language
from migrator.shared.conversation import RANK, Conversation, newest_first, status_of
from migrator.shared.standing import Standing
from migrator.shared.words import carriers

Meant = tuple[Status | None, str]
"""A state with the old store's own word for it; None: nobody has said what that means."""

NAMES: Mapping[Language, Mapping[Status | None, str]] = {
    "ja": {
        Status.OPEN: "未対応",
        Status.IN_PROGRESS: "対応中",
        Status.WAITING: "返信待ち",
        Status.ON_HOLD: "保留",
        Status.CLOSED: "完了",
        Status.NO_ACTION: "対応不要",
        Status.SPAM: "迷惑メール",
        None: "要確認",
    },
    "en": {
        Status.OPEN: "Open",
        Status.IN_PROGRESS: "In progress",
        Status.WAITING: "Waiting",
        Status.ON_HOLD: "On hold",
        Status.CLOSED: "Closed",
        Status.NO_ACTION: "No action",
        Status.SPAM: "Spam",
        None: "Unclear",
    },
}

_KNOWN = {name: status for names in NAMES.values() for status, name in names.items()}
_HEAD = re.compile(r"(.+?)(?:（(.*)）| \((.*)\))?(?:[~～][0-9a-f]{6})?")


def name_of(status: Status | None, label: str, lang: Language) -> str:
    """What the folder is called. The same on any day, whatever else the inbox holds."""
    if label and label in _KNOWN and _KNOWN[label] == status:
        return label
    own = NAMES[lang][status]
    if not label or status == Status.NONE:
        return own
    return f"{own}（{label}）" if lang == "ja" else f"{own} ({label})"


def told_by(name: str) -> Meant | None:
    """What a folder's name says by itself; None for any other folder."""
    found = _HEAD.fullmatch(name)
    if found is None or found[1] not in _KNOWN:
        return None
    return _KNOWN[found[1]], found[2] or found[3] or found[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelved:
    """The folder of each mail that has one, what each of their names means, and which states are shown: not those of a
    mail that lies in the folder of another."""

    mails: Mapping[Named, str]
    names: Mapping[str, Meant]
    shown: frozenset[str]


def shelved(standing: Standing, lang: Language) -> Shelved:
    """Every mail into the folder of its state; what has none stays where it is."""
    mails: dict[Named, str] = {}
    names: dict[str, Meant] = {}
    shown: set[str] = set()
    for conversation in standing.conversations:
        chosen = _chosen(conversation)
        for named, state in chosen.items():
            mails[named] = name_of(state.status, state.label, lang)
            names[mails[named]] = state.status, state.label
        shown |= {
            state.key
            for state in conversation.states
            for named in carriers(conversation, state)
            if named in chosen and name_of(state.status, state.label, lang) == mails[named]
        }
    return Shelved(mails=mails, names=names, shown=frozenset(shown))


def _chosen(conversation: Conversation) -> dict[Named, WorkState]:
    """Of each mail's states the one that asks for most, of equals the newest; a row that says nothing is none."""
    chosen: dict[Named, WorkState] = {}
    for state in sorted(conversation.states, key=_urgency):
        if state.status != Status.NONE:
            for named in carriers(conversation, state):
                chosen.setdefault(named, state)
    return chosen


def _urgency(state: WorkState) -> tuple[int, bool, float, str]:
    return (RANK.index(status_of(state)), state.scope == Scope.PERSON, *newest_first(state))
