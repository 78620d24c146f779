"""The nouns of shared inboxes (メール共有): who may do what, who handles which mail, and how far it is.

They are what a store says, in its own grain: a state may belong to one mail, to a whole conversation, or to one mail
as one person sees it (its scope). What follows from them (conversations, who still waits) is worked out in
migrator.shared. Each fact has a `key`, the source's own name for it, the same in every later pass; `by`, `assignee` and
`principal` are keys of principals.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from migrator.model import Account, Flag, Path, Role


class Right(StrEnum):
    """What a member may do. They stay apart: a store that lets people answer may still not let them delete."""

    READ = "read"
    REPLY = "reply"
    SEND_AS = "send-as"
    DELETE = "delete"
    ADMIN = "admin"


class Status(StrEnum):
    """How far the work is, in words that every product can be brought down to; its own word stays beside it."""

    OPEN = "open"
    IN_PROGRESS = "in-progress"
    WAITING = "waiting"
    """For the customer."""
    ON_HOLD = "on-hold"
    CLOSED = "closed"
    NO_ACTION = "no-action"
    SPAM = "spam"
    NONE = "none"
    """The store has a row that says nothing."""


class Scope(StrEnum):
    """What one state is the state of."""

    MAIL = "mail"
    CONVERSATION = "conversation"
    PERSON = "person"
    """One mail, as one person sees it."""


class Happened(StrEnum):
    """What an event tells."""

    RECEIVED = "received"
    ASSIGNED = "assigned"
    STATUS = "status"
    REPLIED = "replied"
    NOTED = "noted"
    MERGED = "merged"
    MOVED = "moved"
    TAGGED = "tagged"
    SENT_FOR_APPROVAL = "sent-for-approval"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedInbox:
    """An inbox that several people work in; its mail lies in the folders of `account`."""

    key: str
    name: str
    account: Account
    address: str | None = None
    token: str = ""
    """A pattern (RE2) whose first group, found in a subject, names the conversation: `\\[(\\d+)-\\d+\\]`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A person or group the store names. Those who have left stay: they wrote answers and notes."""

    key: str
    name: str
    login: str | None = None
    address: str | None = None
    left: bool = False
    known: bool = True
    """False for one that no table of people lists and some piece of work names: a person must say who that is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What a principal may do in an inbox, and until when; `label` is the store's own word for it.

    `rights` is None where the word stands in no table of the mapping: a person must say what it means.
    """

    key: str
    principal: str
    rights: frozenset[Right] | None
    label: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """What somebody may do in a place of a target: the rights it amounts to, and the target's own word for it."""

    rights: frozenset[Right]
    word: str


WORD = "gw_"
"""What every word begins with by which a mail at a target tells its state, who has it, or a tag; the legend says what
each means."""


LOOSE = "shared.fact-loose"
"""Why a row is a fault that can be read: it belongs to no inbox, and what it is about is in no account."""


@dataclass(frozen=True, slots=True, order=True)
class Named:
    """One mail of the inbox's account, as `Source.items` names it."""

    folder: Path
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a fact is about: mails, or the conversation that the store itself numbers, or both."""

    items: tuple[Named, ...] = ()
    thread: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkState:
    """How far the work is. `status` is None where `label`, the store's own word, stands in no table of the mapping."""

    key: str
    about: About
    scope: Scope
    status: Status | None
    label: str = ""
    assignee: str | None = None
    person: str | None = None
    """Whose view it is, where the scope is a person's."""
    due: datetime | None = None
    at: datetime | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened, as the store's history tells it."""

    key: str
    about: About
    what: Happened | None
    label: str = ""
    old: str = ""
    new: str = ""
    at: datetime | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What somebody wrote beside a mail, for colleagues."""

    key: str
    about: About
    text: str
    at: datetime | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A label that a mail or conversation carries."""

    key: str
    about: About
    name: str
    colour: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Belongs:
    """Mails that the store itself counts to one conversation; `number` is how people call it, in subjects too."""

    key: str
    about: About
    number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A text that is kept for answers; a signature is one without a subject."""

    key: str
    name: str
    text: str
    subject: str | None = None


Work = WorkState | Event | Note | Tag | Belongs | Template

Fact = SharedInbox | Principal | Member | Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One mail of an inbox's account as a source, staging or a target shows it: all that tells who waits for whom."""

    named: Named
    """At a target: its place there, and its ref."""
    head: bytes
    received_at: datetime
    flags: frozenset[Flag] = frozenset()
    role: Role | None = None
    """Of its folder, where the store tells it."""
