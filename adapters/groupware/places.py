"""Which account and folder a row or a path belongs to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from adapters.groupware.mapping import StoreMapping
from adapters.groupware.store import Part, Store
from adapters.groupware.tables import Tables, Values
from adapters.groupware.template import Template
from migrator.errors import Reason
from migrator.model import Account, Folder, Path, Role

T = TypeVar("T")


class Places:
    """The folders of a part's accounts, and what belongs into which. Nothing ever leaves its part."""

    def __init__(self, store: Store, part: Part, tables: Tables) -> None:
        mapping = self._mapping = store.mapping
        self._part = part
        self._name = f"{mapping.accounts.table}.{mapping.accounts.name}"
        self._loose: list[Reason] = []
        self._folders: dict[str, dict[tuple[Any, ...], Folder]] = {}
        rows = tables.kept(mapping.folders.table)
        by_account: dict[str, list[Values]] = defaultdict(list)
        for row in rows:
            by_account[row.get(self._name) or ""].append(row)
        accounts = tables.kept(mapping.accounts.table)
        for account in accounts:
            name = account[mapping.accounts.name]
            self._folders[name] = self._tree(Account(name), by_account[name])
        self._by_path = {name: self._named(Account(name), folders.values()) for name, folders in self._folders.items()}
        table = mapping.folders.table
        key = mapping.tables[table].key
        self._led = [name if "." in name else f"{table}.{name}" for name in key]
        folders = [(row, self._of(row, key)) for row in rows]
        # A file that is named like no mail still belongs to the account in whose directory it lies.
        below = [(table, Template(f"{head.text}/{{}}")) for table, head in store.heads]
        self._readers = [_PathReader(mapping, table, path, accounts, folders) for table, path in (*store.paths, *below)]

    def folders(self, account: str) -> Iterator[Folder]:
        """The account's folders as the tables list them, each path once, and those that the mapping names itself."""
        yield from self._by_path.get(account, {}).values()

    def _named(self, account: Account, folders: Iterable[Folder]) -> dict[Path, Folder]:
        found: dict[Path, Folder] = {}
        ours = [Folder(account, (each.folder,)) for each in self._mapping.messages if each.folder]
        for folder in (*folders, *ours):
            found.setdefault(folder.path, folder)
        return found

    def of_row(self, values: Values, number: int) -> Folder:
        """The folder that a row of the messages with that number leads to; where it leads to none, the one that the
        mapping names for such, or the account's unnamed one."""
        if (found := self._of(values, self._led)) is not None:
            return found
        folder, unnamed = self._mapping.messages[number].folder, self.unnamed(values)
        return self._by_path.get(unnamed.account.name, {}).get((folder,), unnamed)

    def unnamed(self, values: Values) -> Folder:
        """The unnamed folder of the account a row leads to."""
        return Folder(Account(self._within(values.get(self._name) or "")), ())

    def of_path(self, path: str) -> Folder:
        """The folder in which a file without a row seems to lie."""
        found = next((folder for reader in self._readers if (folder := reader.place(path)) is not None), None)
        if found is None or found.account.name not in self._part.names:
            return Folder(Account(self._within("")), ())
        return found

    def _within(self, account: str) -> str:
        """The account, where it is one of this part's; else the part's last one, which in most parts is nobody's."""
        return account if account in self._part.names else self._part.names[-1]

    def advice(self) -> Iterator[Reason]:
        """Folders whose parent is not there: they stand at the top."""
        yield from self._loose

    def _of(self, values: Values, names: Iterable[str]) -> Folder | None:
        """The folder whose key a row holds in these columns."""
        folders = self._folders.get(values.get(self._name) or "")
        return None if folders is None else folders.get(tuple([values.get(name) for name in names]))

    def _tree(self, account: Account, rows: Iterable[Values]) -> dict[tuple[Any, ...], Folder]:
        form = self._mapping.folders
        key = self._mapping.tables[form.table].key
        by_id = {row[form.id]: row for row in rows} if form.id else {}
        tree = {}
        for row in rows:
            role = row[form.role] if form.role else ""
            path = self._path(account, row, by_id)
            tree[tuple(row.get(name) for name in key)] = Folder(account, path, Role(role) if role else None)
        return tree

    def _path(self, account: Account, row: Values, by_id: Mapping[str, Values]) -> tuple[str, ...]:
        form = self._mapping.folders
        if form.path is not None:
            steps = [step for step in row[form.path].split(form.separator) if step]
            return tuple(steps) or ("?",)
        assert form.name is not None
        names: list[str] = []
        seen: set[str] = set()
        while True:
            own = row[form.id] if form.id else ""
            seen.add(own)
            names.append(row[form.name] or f"({own})")
            parent = row[form.parent] if form.parent else ""
            if parent not in by_id or parent in seen:
                if parent not in TOP:
                    self._loose.append(Reason("groupware.folder-loose", account=account.name, folder=names[-1]))
                return tuple(reversed(names))
            row = by_id[parent]


TOP = ("", "0", "-1")
"""What stands for no parent, where no folder has it as its id."""


class _PathReader:
    """Reads the account and folder of a file out of its path, by the template of one kind of message."""

    def __init__(
        self,
        mapping: StoreMapping,
        table: str,
        template: Template,
        accounts: Iterable[Values],
        folders: Iterable[tuple[Values, Folder | None]],
    ) -> None:
        self._template = template
        self._by_account = _pairs(mapping, table, mapping.accounts.table, template)
        self._by_folder = _pairs(mapping, table, mapping.folders.table, template)
        name = mapping.accounts.name
        self._accounts = _only((_told(row, self._by_account.values()), row[name]) for row in accounts)
        self._folders: dict[tuple[str, ...], Folder] = {}
        if self._by_folder.keys() - self._by_account.keys():  # else the path tells the account and no more
            self._folders = _only((_told(row, self._by_folder.values()), folder) for row, folder in folders)

    def place(self, path: str) -> Folder | None:
        """The folder that the path tells, or at least its account's unnamed one; None where it tells no account."""
        captured = self._template.match(path)
        if captured is None:
            return None
        name = self._accounts.get(_told(captured, self._by_account)) if self._by_account else None
        folder = self._folders.get(_told(captured, self._by_folder))
        if folder is not None and name in (None, folder.account.name):
            return folder
        return None if name is None else Folder(Account(name), ())


def _only(pairs: Iterable[tuple[tuple[str, ...], T | None]]) -> dict[tuple[str, ...], T]:
    """What each key leads to, where it leads to one thing only."""
    found: dict[tuple[str, ...], set[T | None]] = defaultdict(set)
    for key, value in pairs:
        found[key].add(value)
    return {
        key: value for key, values in found.items() if len(values) == 1 and (value := next(iter(values))) is not None
    }


def _told(row: Values, columns: Iterable[str]) -> tuple[str, ...]:
    return tuple(str(row.get(column)) for column in columns)


def _pairs(mapping: StoreMapping, table: str, wanted: str, template: Template) -> dict[str, str]:
    """Columns of the template -> the columns of the `wanted` table that hold the same."""
    joined = {
        ours: its for join in mapping.tables[table].joins if join.table == wanted for ours, its in join.on.items()
    }
    pairs = {}
    for column in template.columns:
        own = column.removeprefix(f"{wanted}.")
        if own != column and own in mapping.tables[wanted].columns:
            pairs[column] = own
        elif column in joined:
            pairs[column] = joined[column]
        elif "." in column and column in mapping.names(wanted):
            pairs[column] = column
    return pairs
