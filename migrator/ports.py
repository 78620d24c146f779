"""The whole adapter contract. What a signature cannot say is a test in migrator/testing, which every adapter passes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel

from migrator.errors import Reason
from migrator.inboxes import Held, Member, Principal, Right, SharedInbox, Work
from migrator.model import (
    Account,
    Amended,
    Count,
    Folder,
    Gone,
    Identity,
    Item,
    Mailbox,
    Mark,
    NotMail,
    Parcel,
    Place,
    Raw,
    Receipt,
    Reflag,
    Refused,
    Relocate,
    Sighting,
    Touched,
    Unable,
    Unchanged,
    Unreadable,
    Withdrawn,
)

Known = Callable[[str, str], bool]
"""known(key, stamp): were these bytes staged before, under this very stamp?"""


def nothing_known(key: str, stamp: str) -> bool:
    """A `Known` for whoever wants everything read."""
    return False


class Source(Protocol):
    """A store we read and never write."""

    @property
    def exact(self) -> bool:
        """False where bytes are made anew at each read (Exchange)."""

    def identity(self) -> Identity:
        """Which store this is; recorded with the first fact, checked at every start."""

    def accounts(self) -> Iterator[Account]:
        """Every account, in one stable order; last an account without a name where files belong to nobody."""

    def folders(self, account: Account) -> Iterator[Folder]:
        """Every folder of the account in one stable order, empty ones too. Raises AccountError."""

    def census(self, account: Account) -> Iterator[Count]:
        """Artefacts and bytes a folder, counted another way than by `items` (a listing, EXISTS, index rows)."""

    def items(
        self, folder: Folder, *, after: str | None, known: Known
    ) -> Iterator[Item | Unchanged | Unreadable | NotMail]:
        """Yield the folder's items in one stable order, starting after the item keyed `after`.

        Where `known(key, stamp)` is true the bytes were staged before and the stamp has not changed: yield `Unchanged`
        with the flags as they are now, without reading the bytes again. Raises FolderError, AccountError, Outage.
        """


@runtime_checkable
class SharedSource(Protocol):
    """What a source may also be: one whose store knows shared inboxes. It says what the store says, no more."""

    def inboxes(self) -> Iterator[SharedInbox]:
        """Every shared inbox, in one stable order."""

    def principals(self) -> Iterator[Principal]:
        """Everybody the store lists, those who have left too, and whoever is named by a member or a piece of work
        and listed nowhere."""

    def members(self, inbox: SharedInbox) -> Iterator[Member]:
        """Who may do what in it. Raises AccountError."""

    def work(self, inbox: SharedInbox) -> Iterator[Work | Unreadable]:
        """States, events, notes, tags, conversations and templates, each with the mails it is about, in one stable
        order; a row that cannot be read is a value, one of a member too. No two keys of an inbox are equal. What is
        about a mail that is not there names none. Raises AccountError, Outage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the target cannot do, said by the target, not by the tests."""

    batch_items: int = 1
    batch_bytes: int | None = None
    item_bytes: int | None = None
    name_bytes: int | None = None
    depth: int | None = None
    forbidden: frozenset[str] = frozenset()
    """Characters no name of a place may hold."""
    case_sensitive: bool = True
    place_items: int | None = None
    """Mails that one place can hold."""
    files: int | None = None
    """Files that may be attached to one mail."""
    nesting: int | None = None
    """Mails that may lie one within another."""
    line_bytes: int | None = None
    """Bytes of a line of a mail, without its end."""
    exact: bool = True
    """Gives bytes back as it got them, after the repairs it names (IMAP yes, Exchange no)."""
    gapless: bool = True
    """A place gives out every number, so that one which is not seen was a mail's that has gone. Where it does not, a
    mail keeps the token of its sending, and is known by that."""
    keywords: int | None = None
    """How many different keywords a place can hold; 0 = none, None = no known end."""
    late_commit: float = 30
    """Seconds after a dead connection in which a stored item may still appear."""
    can_withdraw: bool = True
    lanes: int = 1
    """How many connections to one mailbox make sending faster; 1 where a second one does not help."""


class Target(Protocol):
    """A store we fill and re-read. Opened per mailbox and lane, used by one thread."""

    @property
    def limits(self) -> Limits: ...

    def identity(self) -> Identity:
        """Which server and mailbox this is."""

    def places(self) -> Iterator[Place]:
        """Every place of the mailbox where mail can lie, whoever made it; listed anew. Raises FolderError, Outage."""

    def prepare(self, place: Place) -> Mark:
        """Make the place exist, subscribed, with its role; twice is once. Raises FolderError, AccountError, Outage."""

    def mark(self, place: Place) -> Mark | None:
        """How far the place has come. Reads only; None where there is no such place."""

    def deliver(self, parcels: Sequence[Parcel]) -> Iterator[Receipt | Refused]:
        """Put each parcel in its place; one outcome for each, in order, as it is known.

        All parcels of one call go to one place. Whatever was sent and not answered when this raises is in doubt.
        """

    def survey(self, place: Place, since: Mark | None) -> Iterator[Sighting]:
        """What lies in the place, in the order of its numbers; with `since` only numbers from `since.next` on."""

    def fetch(self, place: Place, ref: str) -> Raw | None:
        """The bytes of one mail as the target gives them; None where it is gone. Changes no flag."""

    def amend(
        self, place: Place, ref: str, expected: Sighting, change: Reflag | Relocate
    ) -> Amended | Touched | Gone | Unable:
        """Change flags or place of one mail, unless it is no longer as `expected` (its flags, `\\Recent` aside)."""

    def withdraw(self, place: Place, ref: str, expected: Sighting) -> Withdrawn | Touched | Gone:
        """Take back one mail of ours, unless it is no longer as `expected` (its flags, `\\Recent` aside)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holds:
    """What a target can hold of a shared inbox, said by the target before anything is sent there."""

    rights: frozenset[Right] = frozenset()
    words: int | None = 0
    """How many different words a place can hold; 0 = none, None = no known end."""
    legend: bool = False
    folders: bool = False
    """States are to be shown by sub-folders of a place instead of words: the operator wants it, and it can be."""
    categories: bool = False
    """Words are categories, which people see by their names."""


@runtime_checkable
class SharedTarget(Protocol):
    """What a target may also be: one that can hold shared inboxes. What people may do belongs to a place, and how far
    the work is to a mail, in words that begin with `inboxes.WORD`; what they mean is told by the legend."""

    def holds(self) -> Holds:
        """Asked of the server; changes nothing. Raises Outage."""

    def rights(self, place: Place) -> Mapping[str, Held]:
        """Who may do what there, the owner aside. Raises FolderError, Outage."""

    def grant(self, place: Place, who: str, rights: frozenset[Right]) -> Held | Unable:
        """Let somebody do this, beside what they may do already; what they may do then."""

    def revoke(self, place: Place, who: str, now: str, was: str) -> bool:
        """Let somebody do what they could do before (`was`, the target's word; empty: nothing), unless they may no
        longer do just what we let them (`now`); whether it is as it was."""

    def set_state(
        self, place: Place, ref: str, state: frozenset[str], was: frozenset[str]
    ) -> Amended | Touched | Gone | Unable:
        """Give one mail these words instead of those it had, unless a person has given it others since."""

    def states(self, place: Place) -> Iterator[tuple[str, frozenset[str]]]:
        """The ref of every mail that carries words, with them, in the order of its numbers."""

    def publish(self, place: Place, legend: str) -> None:
        """Keep the legend with the place, instead of the one it had. Raises FolderError, Outage."""

    def legend(self, place: Place) -> str | None:
        """The legend that was published there."""


class Advises(Protocol):
    """What a source or target may also be: one that knows what `migrator check` should tell."""

    def advice(self) -> Iterator[Reason]:
        """What differs there from what the operator may expect (quota, clock, retention), each with its remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """By which way mail goes there, in its usual words, and the day on which that way is closed for good."""

    name: str
    until: date | None = None


class Leads(Protocol):
    """What a target may also be: one that is reached by a way worth a name."""

    def way(self) -> Way:
        """Asks nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What a rule says is no mail, as it lies there. `path` is its own, as people read it."""

    folder: Folder
    path: str
    rule: str
    raw: Raw


class Exports(Protocol):
    """What a source may also be: one that can give away what is no mail and is not migrated."""

    def left_out(self) -> Iterator[LeftOut]:
        """All that the operator's own rules name; not the store's tables and caches of ours. Raises Outage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tract:
    """The files of one kind in one directory: their bytes, and how many of these a reader gave back."""

    directory: str
    kind: str
    files: int
    size: int
    explained: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What an unknown store seems to be. `mapping` is the text of a proposed mapping, empty where there is none."""

    tracts: tuple[Tract, ...]
    unknown: tuple[str, ...]
    """Files that no reader claims."""
    questions: tuple[Reason, ...] = ()
    """What only a person can answer."""
    mapping: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A mailbox that a load needs, and what nobody can set there from outside. `shared`: it is a shared inbox's, and
    has people who are to open it whole, and such as are to send as it, some until a day."""

    owner: str
    name: str
    account: str | None = None
    """The one account that feeds it."""
    shared: bool = False
    whole: tuple[str, ...] = ()
    send_as: tuple[tuple[str, date | None], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """What an entry point of the group `migrator.adapters` names: a value, not a class to inherit.

    `config` is the pydantic model of its section in migration.toml without the engine's own keys (`adapter`, `role`,
    `takes`, `late_commit`). Both openers raise UsageError, AccountError or Outage; a refused login is never repeated.
    """

    config: type[BaseModel]
    open_source: Callable[[Any], AbstractContextManager[Source]] | None = None
    open_target: Callable[[Any, Mailbox], AbstractContextManager[Target]] | None = None
    script: Callable[[Any, Sequence[Wanted]], str | None] | None = None
    """For the target's administrator, what only they can set there, as a PowerShell script; None where a section of
    migration.toml names a server for which there is none."""
    probe: Callable[[Path], Probed] | None = None
    """Looks at a store that no mapping describes yet; it only proposes. Raises UsageError, Outage."""
