"""What was found out about a store: which table lists what, and which cells lead where."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from adapters.groupware.probe.columns import Dated, Marks
from adapters.groupware.probe.families import Row, Steps, Table
from adapters.groupware.probe.fixed import order, overlap
from adapters.groupware.probe.letters import Letter
from adapters.groupware.rows.fixed import Fixed
from migrator.model import Role

MOST = 0.9
"""The share of cells that must lead somewhere for a column to be believed."""


class Link(NamedTuple):
    """A column that leads somewhere, how sure that is, and where it was seen."""

    place: int
    share: float
    samples: tuple[str, ...] = ()


NOWHERE = Link(0, 0.0)


class Step(NamedTuple):
    """What stands in one step of the mails' paths: text before it, whose column it is, text behind it.

    `table`: "" for the mail's own row. `codes`: what the column's cells stand for there, where they are not it.
    """

    before: str
    table: str
    place: int
    behind: str
    share: float
    codes: Mapping[str, str] = {}


@dataclass(slots=True)
class Part:
    """One place where a mail, or a part of it, lies."""

    type: Literal["file", "cell", "range", "mbox", "zip"]
    files: list[str] = field(default_factory=list)
    pattern: Steps = ()
    steps: dict[int, Step] = field(default_factory=dict)
    column: int | None = None
    """The cell, or the byte at which a range begins."""
    written: str = "raw"
    packed: bool = False
    size: int | None = None
    counted: str | None = None
    magic: str = ""
    member: Step | None = None
    share: float = 1.0
    samples: tuple[str, ...] = ()

    def columns(self) -> set[int]:
        """The columns of the mail's own row that it names."""
        steps = [*self.steps.values(), *([self.member] if self.member else [])]
        named = {step.place for step in steps if not step.table}
        return named | {place for place in (self.column, self.size) if place is not None}


class HeaderRows(NamedTuple):
    """A table that holds header fields, one a row: whose they are, in which order, their names and what they say.

    `codes`: what the names are written as, where they are not names.
    """

    table: Table
    mail: int
    number: int
    name: int
    value: int
    codes: Mapping[str, str] = {}


class Attached(NamedTuple):
    """A table of attachments: whose they are, in which order, how they are called, and their files below a place."""

    table: Table
    mail: int
    number: int
    name: int
    before: str
    file: int
    page: bool = False
    """Whether they are bodies in HTML, and were not attached."""
    charset: int | None = None


@dataclass(slots=True)
class Composed:
    """A mail that is nowhere as a whole: what it can be written out of. `key` is what its parts lead to."""

    key: int
    header: int | None = None
    fields: dict[str, int] = field(default_factory=dict)
    """Columns of the mail's own row that hold a header field."""
    bodies: Table | None = None
    """The table that holds the texts, where it is another one; then `body_of` says whose each is."""
    body_of: int = 0
    text: int | None = None
    html: int | None = None
    rows: list[HeaderRows] = field(default_factory=list)
    files: list[Attached] = field(default_factory=list)

    def columns(self) -> set[int]:
        """Those of the mail's own row."""
        own = {self.key, *self.fields.values(), self.header}
        own |= {self.text, self.html} if self.bodies is None else set()
        return {place for place in own if place is not None}


class Match(NamedTuple):
    """A row, the file in which its mail lies ("" for the row itself), and what the mail says where it was read."""

    row: Row
    file: str
    letter: Letter | None


@dataclass(slots=True)
class Listing:
    """A table of mails. `split`: its parts make one mail; else the first that is there is the mail."""

    table: Table
    parts: list[Part]
    matched: list[Match]
    split: bool = False
    composed: Composed | None = None
    owner: Link | None = None
    """The column whose cells are ids of accounts."""
    folder: Link | None = None
    loose: str = ""
    """The folder of mails whose rows name none."""
    received: tuple[int, Dated] | None = None
    dates: dict[int, Dated] = field(default_factory=dict)
    """All columns that are the date of their mail, `received` among them."""
    flags: list[tuple[int, Marks]] = field(default_factory=list)

    def used(self) -> set[int]:
        """The columns whose use is known."""
        links = [each.place for each in (self.owner, self.folder) if each is not None]
        told = [*self.dates, *(place for place, _ in self.flags)]
        parts = self.composed.columns() if self.composed is not None else set()
        return {*links, *told, *parts, *(place for part in self.parts for place in part.columns())}

    def only_indexes(self, mboxes: Collection[str]) -> bool:
        """Whether all that it leads to lies in mboxes, which tell their mails by themselves."""
        files = {path for part in self.parts for path in part.files}
        return bool(files) and files <= {*mboxes}

    def taken(self) -> set[int]:
        """The columns that can be of no other use: in records of binary fields, also what cannot stand beside those."""
        used, form = self.used(), self.table.form
        if not isinstance(form, Fixed):
            return used
        fields = [*form.fields.values()]
        known = [fields[place] for place in used]
        orders = {order(each) for each in known} - {""}
        wrong = {place for place, field in enumerate(fields) if orders and order(field) not in {"", *orders}}
        return (
            used | wrong | {place for place, field in enumerate(fields) if any(overlap(field, each) for each in known)}
        )


@dataclass(slots=True)
class Chain:
    """How a folder's row tells whose it is: by where its table lies, by a column, by a row of a table between."""

    column: int | None = None
    via: Table | None = None
    via_key: int = 0
    via_column: int = 0


@dataclass(slots=True)
class Found:
    """All of it; None where nothing was found."""

    tables: list[Table]
    listings: list[Listing] = field(default_factory=list)
    users: Table | None = None
    login: Link = NOWHERE
    """The column that names the accounts."""
    home: int | None = None
    """That which names their directories."""
    user_id: int | None = None
    """That to which the rows of mails lead."""
    folders: Table | None = None
    folder_id: int = 0
    whose: Chain = field(default_factory=Chain)
    through: bool = False
    """Whether only its folder tells whose a mail is."""
    parent: int | None = None
    name: int = 0
    is_path: bool = False
    role: int | None = None
    roles: dict[str, Role] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    """Every code of `role`, with a folder that has it."""

    @property
    def index(self) -> Listing | None:
        """The listing of the most mails."""
        return self.listings[0] if self.listings else None

    def used_tables(self) -> list[Table]:
        """Those that the proposal names."""
        tables = [self.users, self.folders, self.whose.via, *(each.table for each in self.listings)]
        return [each for each in tables if each is not None]
