"""The store under its mapping: whose part of the tree is whose, and which file a row means."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from adapters.files.reading import PAUSES, Content, stamp
from adapters.groupware.composing import absent
from adapters.groupware.containers import Claim, Shared
from adapters.groupware.doubts import Doubts
from adapters.groupware.listing import Rules, listing
from adapters.groupware.lists import TooMany
from adapters.groupware.mapping import StoreMapping
from adapters.groupware.opening import LARGEST, RATIO, Opener
from adapters.groupware.rows.live import LiveTable
from adapters.groupware.rows.shape import LONGEST, File, RowShape
from adapters.groupware.tables import Tables, Values, led
from adapters.groupware.template import Missing, Outside, Template
from migrator.errors import AccountError, Reason, UsageError
from migrator.model import Raw

if TYPE_CHECKING:  # SQLAlchemy takes its time, and few stores need it
    from adapters.groupware.live import Databases

TABLE, ATTACHMENT = "table", "attachment"
"""The rules by which the store's own tables are no mail, nor what is attached to mails that are written."""


@dataclass(frozen=True, eq=False)
class Part:
    """What is looked at in one go: one account's part of the store, what belongs to none, or the whole."""

    accounts: Mapping[str, Values]
    """The accounts' rows by name; without any, it is what belongs to nobody."""
    heads: tuple[bytes, ...]
    """The directories that hold it."""
    beside: frozenset[bytes] = frozenset()
    """Directories in there that belong to other parts."""
    common: bool = True
    """Whether it holds what belongs to nobody, faults of the tables that all share among it."""

    @property
    def names(self) -> tuple[str, ...]:
        """Whose mail it holds; the empty name stands for nobody's."""
        return (*self.accounts, *(("",) if self.common else ()))


class Store:
    """One legacy store, described."""

    def __init__(self, mapping: StoreMapping, opener: Opener, databases: "Databases | None" = None) -> None:
        self.mapping, self.opener, self.tree, self._databases = mapping, opener, opener.tree, databases
        self.doubts = Doubts()
        self.rules = Rules(mapping.not_mail)
        self._tables = [Template(table.rows.path) for table in mapping.tables.values() if table.rows.kept_in == "file"]
        self.paths = [(each.table, path) for each in mapping.messages for path in each.container.paths]
        """The table of every path of a container, and the path."""
        parts = [part for each in mapping.messages for part in getattr(each.container, "parts", (each.container,))]
        self.shared = [*dict.fromkeys(part for part in parts if isinstance(part, Shared))]
        """The containers that hold many mails in one file."""
        self._also = [path for each in mapping.messages for path in each.container.also]
        accounts = mapping.accounts.table
        known = [f"{accounts}.{column}" for column in mapping.tables[accounts].columns]
        self.heads = [(table, path.head(known)) for table, path in self.paths]
        """Of each of them, the directories that hold all the mails of one account."""

    def find(self, rows: RowShape, path: str) -> File | Reason:
        """What rows are read from. Raises UsageError, Outage where that is a database."""
        if isinstance(rows, LiveTable):
            if self._databases is None:
                raise UsageError(Reason("database.unnamed", name=rows.database, nearest="-"))
            return File(f"{rows.database}:{rows.table}", Raw.of(b""), live=self._databases.snapshot(rows.database))
        return self.below(path, rows) if rows.kept_in == "directory" else self.read(path, rows.beside)

    def read(self, path: str, beside: Collection[str] = ()) -> File | Reason:
        """A table's file, with those of its neighbours that are there, as they were at one moment."""
        if self._is_hollow(path):
            return Reason("groupware.hollow", path=path)
        suffixes = ("", *beside)
        for _ in PAUSES:
            found = {suffix: self.tree.read(self.encoded(path + suffix)) for suffix in suffixes}
            if not beside or all(self._stands(path + suffix, each) for suffix, each in found.items()):
                break
        else:
            return Reason("file.busy", path=path)
        for suffix, each in found.items():
            if isinstance(each, Reason) and (not suffix or each.code not in ("file.missing", "file.empty")):
                return each
        raws = {suffix: each.raw for suffix, each in found.items() if isinstance(each, Content)}
        return File(path, raws.pop(""), raws)

    def _is_hollow(self, path: str) -> bool:
        """Whether a large file is mostly holes: nothing that a program ever wrote."""
        status = self.tree.look(self.encoded(path))
        return not isinstance(status, Reason) and status.st_size > LARGEST > status.st_blocks * 512 * RATIO

    def below(self, path: str, rows: RowShape) -> File:
        """The paths of all files below a directory, from there on, in order, parted by NULs; those of directories end
        in a slash. Beside it the files that tell of their neighbours."""
        head = self.encoded(path)
        listed = listing(self.tree, [head], directories=rows.directories)
        found = sorted(each.path for each in listed if each.reason is None)
        names = [self.decoded(each[len(head) + 1 if head else 0 :]) for each in found]
        telling = {
            name: each for name, each in zip(names, found, strict=True) if name.rpartition("/")[2] in rows.inside
        }
        told = {
            name: content.raw for name, each in telling.items() if isinstance(content := self.tree.read(each), Content)
        }
        return File(path, Raw.of("\0".join(names).encode("utf-8", "surrogateescape")), told)

    def _stands(self, path: str, found: Content | Reason) -> bool:
        """Whether a file is still what was read, or still not there."""
        now = self.tree.look(self.encoded(path))
        if isinstance(found, Content):
            return not isinstance(now, Reason) and stamp(now) == found.stamp
        if found.code == "file.missing":
            return isinstance(now, Reason)
        return found.code != "file.empty" or (not isinstance(now, Reason) and now.st_size == 0)

    def encoded(self, path: str) -> bytes:
        """A path as it stands on disk."""
        return path.encode(self.mapping.paths, "surrogateescape")

    def decoded(self, path: bytes) -> str:
        """A path on disk as the tables would write it."""
        return path.decode(self.mapping.paths, "surrogateescape")

    def claim(self, number: int, values: Values, tables: Tables) -> Claim | Reason:
        """Where the mail of a row of the messages with that number lies, or why it lies nowhere."""
        messages = self.mapping.messages[number]
        try:
            if self.mapping.tables[messages.table].lists:
                values = {**values, **tables.listed(messages.table, values)}
            return messages.container.claim(values, self.encoded)
        except TooMany:
            return Reason("groupware.too-large", place=messages.table, limit=LONGEST)
        except Missing as missing:
            texts = [path.text for path in self.mapping.messages[number].container.paths]
            return Reason("groupware.not-led", file=", ".join(texts), column=missing.column)
        except Outside as outside:
            return Reason("path.outside-root", path=outside.path)
        except UnicodeEncodeError as error:
            return Reason("groupware.file-missing", path=error.object)

    def absent(self, claim: Claim) -> Iterator[tuple[bytes, Reason]]:
        """The files of a mail's attachments that cannot be put into it. Raises Outage."""
        for path in claim.also:
            if (reason := absent(self.tree, path)) is not None:
                yield path, reason

    def rule(self, path: str, tables: Tables) -> str | None:
        """Why a file that no row names is no mail: one of the store's tables, or by a rule of the mapping."""
        if (
            path in tables.files
            or path in self.common.files
            or any(self._is_table(each, path) for each in self._tables)
        ):
            return TABLE
        if (rule := self.rules.rule(path)) is not None:
            return rule
        return ATTACHMENT if any(each.match(path) for each in self._also) else None

    def _is_table(self, template: Template, path: str) -> bool:
        """Whether the path looks like a table's, and not like a mail's as well."""
        if template.match(path) is None:
            return False
        return template.last_step_is_fixed or not any(mails.match(path) for _, mails in self.paths)

    # -- parts -------------------------------------------------------------------------------------------------------

    def tables(self, part: Part, *, counting: bool = False) -> Tables:
        """The tables as far as they tell of this part, or only of where its mails lie."""
        small = {**self.common.small, self.mapping.accounts.table: [*part.accounts.values()]}
        return Tables(self.mapping, self.find, self.doubts, counting, small)

    @cached_property
    def common(self) -> Tables:
        """The tables that belong to no single account, and that others lead to; the accounts' own among them."""
        tables = Tables(self.mapping, self.find, self.doubts)
        for name in sorted(self._led_to()):
            if not self._scoped(name):
                tables.kept(name)
        # Two tables may be read out of one file, and a line that is none is told once.
        tables.bad = [*{(row.file, row.digest): row for row in tables.bad}.values()]
        self.doubts.stop()
        return tables

    @cached_property
    def accounts(self) -> dict[str, Values]:
        """The accounts' rows by name, in the order of their table."""
        name = self.mapping.accounts.name
        return {row[name]: row for row in self.common.kept(self.mapping.accounts.table)}

    @cached_property
    def parts(self) -> dict[str, Part]:
        """The part that holds each account, by its name; that of the empty name holds what belongs to nobody.

        Where accounts share their tables or directories there is but one part, the whole.
        """
        heads = {name: self._heads(row) for name, row in self.accounts.items()}
        every = [head for each in heads.values() for head in each]
        apart = all(self._scoped(each.table) for each in self.mapping.messages)
        if not apart or not all(head.columns for _, head in self.heads) or len(every) != len(set(every)):
            whole = Part(self.accounts, (b"",))
            return {**dict.fromkeys(self.accounts, whole), "": whole}
        parts = {
            name: Part({name: row}, heads[name], frozenset(every) - {*heads[name]}, common=False)
            for name, row in self.accounts.items()
        }
        return {**parts, "": Part({}, (b"",), frozenset(every))}

    def part(self, account: str) -> Part:
        """The part that holds an account. Raises AccountError where the store knows no such account."""
        if account not in self.parts:
            raise AccountError(Reason("groupware.account-unknown", account=account))
        return self.parts[account]

    def _heads(self, row: Values) -> tuple[bytes, ...]:
        """The directories in which all of an account's mails lie; none where its name would climb out of the store."""
        try:
            values = led(self.mapping.accounts.table, row)
            heads = {head.fill(values) for _, head in self.heads}
        except Outside:
            return ()
        below = {head for head in heads if any(head.startswith(f"{other}/") for other in heads)}
        return tuple(self.encoded(head) for head in sorted(heads - below))

    def _led_to(self) -> set[str]:
        tables = {self.mapping.accounts.table, self.mapping.folders.table}
        tables |= {rows.table for rows in self.mapping.left_out.values()}
        if (shared := self.mapping.shared) is not None:
            tables |= {shared.inboxes.table, shared.people.table}
        for name in (*tables, *(each.table for each in self.mapping.messages)):
            tables |= self.mapping.reach(name)
        return tables

    def _scoped(self, table: str) -> bool:
        """Whether each account has a file of its own of this table."""
        return f"{self.mapping.accounts.table}.{self.mapping.accounts.name}" in self.mapping.above(table)
