"""The language in which a legacy store is described: tables, what their columns mean, and where the mails lie.

A mapping is data that an operator may receive by mail: it holds no URL, no secret and no command, and nothing in it is
ever run. Five questions, one part each:

    tables      where rows come from, what their columns mean, how they lead to each other (`each`, `joins`)
    accounts, folders    which table names them
    messages    which table lists the mails, and which file holds each
    not_mail    what else lies there, by name of the rule; left_out, the same in columns
    shared      which tables hold shared inboxes: who works there, and how far it is

Names in braces are columns: `{file}` of the row itself, `{users.login}` of a table that the row leads to.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema
from typing_extensions import override

from adapters.groupware.containers import Container
from adapters.groupware.rows import Rows
from adapters.groupware.sharing import About, Sharing
from adapters.groupware.template import Template
from adapters.groupware.values import Addresses, Bytes, Number, Shape, Text, Value


class Column(Shape):
    """One column: what the store calls it, and how its cells are read. A bare text is a column of text."""

    column: str
    read: Value = Field(default=Text(kind="text"), alias="as")

    @property
    def raw(self) -> bool:
        """Whether the cell's bytes are read, and not its text."""
        match self.read:
            case Text(charsets=charsets) | Addresses(charsets=charsets):
                return bool(charsets)
            case Number() as number:
                return number.raw
            case _:
                return isinstance(self.read, Bytes)

    @model_validator(mode="before")
    @classmethod
    def _spelled_out(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value

    @override
    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler, /) -> dict[str, Any]:
        return {"anyOf": [{"type": "string"}, handler(core_schema)]}


class Join(Shape):
    """The one row of another table whose columns equal ours, or in `lists` all of them: `on` = ours -> its."""

    table: str
    on: dict[str, str]


class Table(Shape):
    """Rows and what their columns mean. `key` tells a row from its neighbours, today and in every later pass."""

    rows: Rows
    key: tuple[str, ...]
    columns: dict[str, Column]
    joins: tuple[Join, ...] = ()
    lists: tuple[Join, ...] = ()
    """The many rows of other tables that a row leads to, in the order of their keys: what a written mail is made of."""
    only: dict[str, tuple[str, ...]] = Field(default={})
    """A column -> what it must read as; other rows are not this table's."""


class Accounts(Shape):
    """Which table lists the accounts, and which column names them."""

    table: str
    name: str


class Folders(Shape):
    """Which table lists the folders: named, and hung below a parent by its id; or with their whole path in one column.

    `role` is a column of codes whose `map` leads to inbox, sent, drafts, trash, junk, archive, or to "" for none.
    """

    table: str
    name: str | None = None
    id: str | None = None
    parent: str | None = None
    path: str | None = None
    separator: Annotated[str, Field(min_length=1)] = "/"
    role: str | None = None


class Messages(Shape):
    """Which table lists the mails, where each lies, and what its row says about it."""

    table: str
    container: Container
    flags: tuple[str, ...] = ()
    """Columns of flags, of its own or of the rows it is joined to (`table.column`): all that any of them tells."""
    received: str | None = None
    """A column of dates, its own or of such a row."""
    folder: str = ""
    """The folder of mails whose rows lead to none; "" for the account's unnamed one."""


class LeftRows(Shape):
    """Columns that hold what is no mail: one is given away as it is, several as JSON."""

    table: str
    columns: Annotated[tuple[str, ...], Field(min_length=1)]


class StoreMapping(Shape):
    """A whole store."""

    mapping: Literal[1]
    """The version of this language."""
    name: str
    about: str = ""
    paths: str = "utf-8"
    """The charset of the file names on disk."""
    tables: dict[str, Table]
    accounts: Accounts
    folders: Folders
    messages: tuple[Messages, ...]
    not_mail: dict[str, tuple[str, ...]] = Field(default={})
    """Name of a rule -> patterns of file names, or of whole paths where they hold a slash."""
    left_out: dict[str, LeftRows] = Field(default={})
    """Name of a rule -> where in the tables something lies that is no mail and stays behind: signatures, rules."""
    shared: Sharing | None = None
    provenance: dict[str, str] = Field(default={})
    """`table.column` -> who decided what its codes mean, when, from which evidence."""

    def reach(self, table: str) -> frozenset[str]:
        """Every table whose columns a row of `table` has beside its own."""
        return frozenset(self._reach(table, frozenset()))

    def _reach(self, table: str, above: frozenset[str]) -> Iterator[str]:
        here = self.tables[table]
        for other in (here.rows.each, *(join.table for join in here.joins)):
            if other is not None:
                yield other
                if other not in above:
                    yield from self._reach(other, above | {table})

    def column(self, name: str) -> Column:
        """The column of that name, `table.column`."""
        table, _, column = name.partition(".")
        return self.tables[table].columns[column]

    def names(self, table: str) -> frozenset[str]:
        """What a row of `table` holds: its own columns, and those of the tables it leads to as `table.column`."""
        led = {f"{other}.{column}" for other in self.reach(table) for column in self.tables[other].columns}
        return frozenset(self.tables[table].columns) | led

    def listed(self, table: str) -> frozenset[str]:
        """What the rows hold that a row of `table` leads to many of, as `table.column`."""
        others = {join.table for join in self.tables[table].lists}
        return frozenset(f"{other}.{column}" for other in others for column in self.tables[other].columns)

    def told_of(self, table: str) -> tuple[str, ...]:
        """The columns of a list out of which mails are written."""
        told = [column for each in self.messages for _, column, _ in each.container.needs()]
        told += [column for each in self.messages for path in each.container.also for column in path.columns]
        return tuple(sorted({column.partition(".")[2] for column in told if column.startswith(f"{table}.")}))

    def above(self, table: str) -> frozenset[str]:
        """What a row of `table` holds because of the rows below which its file stands."""
        each = self.tables[table].rows.each
        return (
            frozenset() if each is None else self.above(each) | {f"{each}.{name}" for name in self.tables[each].columns}
        )

    def moving(self, table: str) -> frozenset[str]:
        """The columns that say where a mail lies, which changes when a file is tidied or a mail is marked."""
        needs = [need for each in self.messages if each.table == table for need in each.container.needs()]
        own = self.tables[table]
        marked = {name for name, column in own.columns.items() if column.column in own.rows.moving}
        return frozenset(column for _, column, kind in needs if kind == "number") | marked

    @cached_property
    def asked(self) -> frozenset[str]:
        """Every column by which a path, a key, a join or a folder is told: all but what is only said of a mail."""
        texts = [Template(table.rows.path) for table in self.tables.values()]
        for each in self.messages:
            texts += [*each.container.paths, *each.container.texts]
        asked = {column for text in texts for column in text.columns}
        asked |= {column for each in self.messages for _, column, _ in each.container.needs()}
        said = [column for each in self.messages for column in (*each.flags, each.received or "")]
        asked |= {column for column in said if "." in column}
        asked |= {self.accounts.name, f"{self.accounts.table}.{self.accounts.name}"}
        folders = self.folders
        asked |= {each for each in (folders.name, folders.id, folders.parent, folders.path, folders.role) if each}
        asked |= {
            name if "." in name else f"{self.folders.table}.{name}" for name in self.tables[self.folders.table].key
        }
        asked |= {column for rows in self.left_out.values() for column in rows.columns}
        asked |= self._asked_of_shared()
        for name, table in self.tables.items():
            asked |= {*table.key, *self.above(name)}
            asked |= {column for join in (*table.joins, *table.lists) for column in (*join.on, *join.on.values())}
        return frozenset(asked)

    def _asked_of_shared(self) -> set[str]:
        """The columns by which it is told whose a row is, and which mails it is about."""
        if self.shared is None:
            return set()
        inboxes, asked = self.shared.inboxes, set()
        asked |= {f"{inboxes.table}.{name}" for name in self.tables[inboxes.table].key}
        for _, part in self.shared.parts():
            asked |= {column for _, column, is_date in part.columns() if not is_date or "." in column}
            if isinstance(part, About) and part.about is not None:
                asked |= {*part.about.on, *part.about.on.values()}
        return asked

    @cached_property
    def cited(self) -> dict[str, tuple[str, ...]]:
        """Of every table of messages, the columns by which something is said to be about a mail."""
        keys = {name: table.key for name, table in self.tables.items()}
        tables = {each.table for each in self.messages}
        return {} if self.shared is None else {table: self.shared.cited(table, keys) for table in sorted(tables)}

    @cached_property
    def led_columns(self) -> frozenset[str]:
        """Every `table.column` that anything in here asks for."""
        return frozenset(column for column in self.asked if "." in column)

    def coded(self) -> Iterator[tuple[str, str]]:
        """The (table, column) of every code table, and of what tells which rows are meant: somebody decided it."""
        for name, table in self.tables.items():
            for column, each in table.columns.items():
                if each.read.kind in ("code", "flags") or column in table.only:
                    yield name, column
        for _, part in () if self.shared is None else self.shared.parts():
            if (words := part.words) is not None:
                yield part.table, words.column
