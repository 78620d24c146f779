"""The part `[shared]` of a mapping: which tables hold shared inboxes, who works in them, and how far the work is.

    inboxes, people, members     who may do what where
    states, events, notes, tags  what is told of a mail or conversation; any number of tables each
    conversations, templates     what the store itself counts together; texts for answers

A row belongs to the inbox to whose row it leads (`each`, `joins`); one that leads to none, to the inbox in whose
account the mail lies that it is `about`. What a word of the store means stands in a `map`: a word that is not there is
shown to people and never guessed.
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import model_validator

from adapters.groupware.values import Shape
from migrator.inboxes import Happened, Right, Scope, Status


class Cites(Shape):
    """The mails that a row is about: those of a table of `messages` whose columns equal ours. `on` = ours -> its."""

    table: str
    on: dict[str, str]


class Words(Shape):
    """A column of the store's own words."""

    column: str


class Rights(Words):
    """Words -> what each lets a member do."""

    map: dict[str, tuple[Right, ...]]


class Left(Words):
    """Words -> whether each says that somebody has left the company."""

    map: dict[str, bool]


class Statuses(Words):
    """Words -> how far the work is. An empty cell that has no word of its own says nothing."""

    map: dict[str, Status]


class Happenings(Words):
    """Words -> what each tells."""

    map: dict[str, Happened]


class Part(Shape):
    """A table, and what its columns are for."""

    table: str

    dates: ClassVar[tuple[str, ...]] = ()
    """The fields that name columns of dates."""

    def columns(self) -> Iterator[tuple[str, str, bool]]:
        """Every column that is named here: by which field, its name, and whether it is one of dates."""
        for field in type(self).model_fields:
            match getattr(self, field):
                case Words(column=column):
                    yield field, column, False
                case str(column) if field not in ("table", "scope"):
                    yield field, column, field in self.dates
                case _:
                    pass

    @property
    def words(self) -> Words | None:
        """The one column of words that somebody decided the meaning of."""
        return next(
            (each for field in type(self).model_fields if isinstance(each := getattr(self, field), Words)), None
        )


class Inboxes(Part):
    """Which table lists the shared inboxes, and the account in which the mail of each lies."""

    account: str
    name: str
    address: str | None = None


class People(Part):
    """Which table lists the people, those who have left too; `key` is what other tables call them by."""

    key: str
    name: str
    login: str | None = None
    address: str | None = None
    left: Left | None = None


class Members(Part):
    """Who may do what in an inbox, and until when."""

    dates: ClassVar[tuple[str, ...]] = ("until",)

    who: str
    rights: Rights
    until: str | None = None


class About(Part):
    """What is told of mails or of a conversation. Without `about` and `thread` the row is a mail's own."""

    about: Cites | None = None
    thread: str | None = None
    """A column with the store's own name for a conversation."""


class States(About):
    """How far the work is, and who has it."""

    dates: ClassVar[tuple[str, ...]] = ("due", "at")

    scope: Scope
    status: Statuses
    assignee: str | None = None
    person: str | None = None
    due: str | None = None
    at: str | None = None
    by: str | None = None


class Events(About):
    """What happened, as the store's history tells it."""

    dates: ClassVar[tuple[str, ...]] = ("at",)

    what: Happenings
    old: str | None = None
    new: str | None = None
    at: str | None = None
    by: str | None = None


class Notes(About):
    """What people wrote beside a mail, for colleagues."""

    dates: ClassVar[tuple[str, ...]] = ("at",)

    text: str
    at: str | None = None
    by: str | None = None


class Tags(About):
    """Labels that mails or conversations carry."""

    name: str
    colour: str | None = None


class Conversations(About):
    """Which mails the store itself counts to one conversation; `number` is how people call it."""

    number: str | None = None

    @model_validator(mode="after")
    def _has_a_thread(self) -> "Conversations":
        if self.thread is None:
            raise ValueError("a conversation needs a thread")
        return self


class Templates(Part):
    """Texts for answers; without a `subject`, signatures."""

    name: str
    text: str
    subject: str | None = None


class Sharing(Shape):
    """All of it."""

    inboxes: Inboxes
    people: People
    members: Members | None = None
    states: tuple[States, ...] = ()
    events: tuple[Events, ...] = ()
    notes: tuple[Notes, ...] = ()
    tags: tuple[Tags, ...] = ()
    conversations: tuple[Conversations, ...] = ()
    templates: tuple[Templates, ...] = ()
    token: str = ""
    r"""A pattern (RE2) whose first group, found in a subject, names the conversation: `\[(\d+)-\d+\]`."""

    def parts(self) -> Iterator[tuple[tuple[str | int, ...], Part]]:
        """Every part, and where it stands."""
        yield ("inboxes",), self.inboxes
        yield ("people",), self.people
        if self.members is not None:
            yield ("members",), self.members
        for name in MANY:
            yield from (((name, number), part) for number, part in enumerate(getattr(self, name)))

    def cited(self, table: str, keys: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        """The columns by which a row of a table of messages is found; `keys` are those of every table."""
        found: set[str] = set()
        for _, part in self.parts():
            if isinstance(part, About) and (cites := cites_of(part, keys)) is not None and cites.table == table:
                found.update(cites.on.values())
        return tuple(sorted(found))


MANY = ("states", "events", "notes", "tags", "conversations", "templates")


def cites_of(part: About, keys: Mapping[str, tuple[str, ...]]) -> Cites | None:
    """Which mails a row is about, its own where it says nothing else; None where it only tells of a conversation."""
    if part.about is not None or part.thread is not None:
        return part.about
    return Cites(table=part.table, on={column: column for column in keys[part.table]})
