"""The shared inboxes of a store: what its tables tell of them, row by row, in the words of migrator.inboxes."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from adapters.groupware.mapping import StoreMapping
from adapters.groupware.sharing import (
    About,
    Conversations,
    Events,
    Members,
    Notes,
    Part,
    Sharing,
    States,
    Tags,
    Templates,
    cites_of,
)
from adapters.groupware.store import Store
from adapters.groupware.tables import BadRow, Tables, Values
from migrator import inboxes as nouns
from migrator.errors import AccountError, Reason
from migrator.inboxes import Member, Named, Principal, SharedInbox, Work
from migrator.model import Account, Unreadable
from migrator.text import storable

Cite = Callable[[str, Mapping[str, object], str], Iterator[Named]]
"""The mails of an account whose rows in a table hold these cells."""


Known = Callable[[str, Mapping[str, object]], bool]
"""Whether a row of that table holds these cells."""


class Desks:
    """What a mapping's part `[shared]` leads to; nothing at all where it has none."""

    def __init__(self, store: Store) -> None:
        self._store, self._mapping = store, store.mapping
        self._keys = {name: table.key for name, table in store.mapping.tables.items()}
        self._reach = {name: {name, *store.mapping.reach(name)} for name in store.mapping.tables}

    @property
    def _shared(self) -> Sharing:
        assert self._mapping.shared is not None  # whoever has an inbox has got it from here
        return self._mapping.shared

    def inboxes(self) -> Iterator[SharedInbox]:
        """In the order of their table."""
        if self._mapping.shared is None:
            return
        form = self._shared.inboxes
        for row in self._store.common.kept(form.table):
            account = str(row[form.account])
            if account in self._store.accounts:
                yield SharedInbox(
                    key=_key(self._mapping, form.table, row),
                    name=row[form.name] or account,
                    account=Account(account),
                    address=_text(row, form.address) or None,
                    token=self._shared.token,
                )

    def advice(self) -> Iterator[Reason]:
        """Rows of inboxes that lie in no account: nobody's mail would be theirs."""
        if self._mapping.shared is not None:
            form = self._shared.inboxes
            for row in self._store.common.kept(form.table):
                if row[form.account] not in self._store.accounts:
                    yield Reason("groupware.inbox-loose", table=form.table, account=str(row[form.account]))

    def principals(self) -> Iterator[Principal]:
        """The people in the order of their table; then those who are named and stand in it nowhere."""
        if self._mapping.shared is None:
            return
        form, known = self._shared.people, set()
        for row in self._store.common.kept(form.table):
            if (key := str(row[form.key])) and key not in known:
                known.add(key)
                yield Principal(
                    key=key,
                    name=row[form.name] or key,
                    login=_text(row, form.login) or None,
                    address=_text(row, form.address) or None,
                    left=form.left is not None and form.left.map.get(_text(row, form.left.column), False),
                )
        strangers = {name for inbox in self.inboxes() for name in self._named(inbox)} - known
        yield from (Principal(key=name, name=name, known=False) for name in sorted(strangers))

    def members(self, inbox: SharedInbox) -> Iterator[Member]:
        """In the order of their table."""
        tables, names = self._tables(inbox), Counter[str]()
        for part, row in self._rows(inbox, tables, Members):
            if isinstance(row, BadRow):
                continue  # told by `work`
            assert isinstance(part, Members)
            label = _text(row, part.rights.column)
            rights = part.rights.map.get(label)
            yield Member(
                key=_apart(names, f"member:{_row_key(self._mapping, part.table, row)}"),
                principal=_text(row, part.who),
                rights=None if rights is None else frozenset(rights),
                label=label,
                until=_date(row, part.until),
            )

    def work(self, inbox: SharedInbox, cite: Cite) -> Iterator[Work | Unreadable]:
        """Table by table as the mapping lists them, row by row. Raises UsageError where a date column is none."""
        tables, names = self._tables(inbox), Counter[str]()
        for part, row in self._rows(inbox, tables, Part):
            if isinstance(row, BadRow):
                yield _fault(row, names)
            elif (fact := self._fact(part, row, names, self._about(part, row, inbox, cite))) is not None:
                yield fact
        yield from (_fault(row, names) for row in tables.bad)
        self._store.doubts.stop()

    def loose(self, inbox: SharedInbox, knows: Iterable[Known]) -> Iterator[Unreadable]:
        """Rows that lead to no inbox and no account, and whose mails none of `knows` does: told in the first inbox,
        by their names alone, for nobody can say whose they are."""
        if inbox.key != next(self.inboxes()).key:
            return
        tables, left = self._tables(inbox), dict[tuple[str, str], tuple[str, Mapping[str, object]] | None]()
        for part, row in self._rows(inbox, tables, About):
            if isinstance(row, BadRow) or not isinstance(part, About) or not self._is_nobodys(part):
                continue
            if self._fact(part, row, Counter(), nouns.About(thread=_text(row, part.thread))) is not None:
                cites = cites_of(part, self._keys)
                cells = {its: row.get(ours) for ours, its in cites.on.items()} if cites else {}
                left[part.table, _row_key(self._mapping, part.table, row)] = (cites.table, cells) if cites else None
        for known in knows if left else ():
            left = {name: its for name, its in left.items() if its is None or not known(*its)}
        for table, key in left:
            yield Unreadable(key=f"loose:{key}", path=None, reason=Reason(nouns.LOOSE, table=table, key=key))

    def _is_nobodys(self, part: Part) -> bool:
        """Whether rows of a table lead to mails alone."""
        return not {self._shared.inboxes.table, self._mapping.accounts.table} & self._reach[part.table]

    def _named(self, inbox: SharedInbox) -> Iterator[str]:
        """Everybody whom a row of the inbox names."""
        for part, row in self._rows(inbox, self._tables(inbox), Part):
            if not isinstance(row, BadRow):
                columns = (getattr(part, field, None) for field in ("who", "assignee", "person", "by"))
                yield from filter(None, (_text(row, column) for column in columns))

    # -- rows --

    def _tables(self, inbox: SharedInbox) -> Tables:
        """The store's tables, as far as they tell of this inbox."""
        common, accounts, form = self._store.common.small, self._mapping.accounts, self._shared.inboxes
        ours = [row for row in common[form.table] if _key(self._mapping, form.table, row) == inbox.key]
        if not ours:
            raise AccountError(Reason("groupware.account-unknown", account=inbox.account.name))
        owner = [row for row in common[accounts.table] if row[accounts.name] == inbox.account.name]
        small = {**common, accounts.table: owner, form.table: ours}
        return Tables(self._mapping, self._store.find, self._store.doubts, small=small)

    def _rows(self, inbox: SharedInbox, tables: Tables, kind: type[Part]) -> Iterator[tuple[Part, Values | BadRow]]:
        """The rows of the inbox in the tables of that kind; each bad line once, however many parts read its table."""
        told: set[str] = set()
        for where, part in self._shared.parts():
            if where in (("inboxes",), ("people",)) or not isinstance(part, kind):
                continue
            for row in tables.rows(part.table):
                if isinstance(row, BadRow):
                    if part.table not in told:
                        yield part, row
                elif self._is_of(inbox, part.table, row.values):
                    yield part, row.values
            told.add(part.table)

    def _is_of(self, inbox: SharedInbox, table: str, row: Values) -> bool:
        """Whether a row leads to the inbox, or to no inbox at all and to no other account."""
        form, accounts = self._shared.inboxes, self._mapping.accounts
        reach = self._reach[table]
        if form.table in reach:
            names = (name if "." in name else f"{form.table}.{name}" for name in self._mapping.tables[form.table].key)
            return "/".join(str(row.get(name)) for name in names) == inbox.key
        return accounts.table not in reach or row.get(f"{accounts.table}.{accounts.name}") == inbox.account.name

    def _about(self, part: Part, row: Values, inbox: SharedInbox, cite: Cite) -> nouns.About | None:
        """What a row is about; None for a row that is about no inbox's mail and that belongs to none itself."""
        if not isinstance(part, About):
            return nouns.About()
        items: tuple[Named, ...] = ()
        if (cites := cites_of(part, self._keys)) is not None:
            cells = {its: row.get(ours) for ours, its in cites.on.items()}
            items = tuple(cite(cites.table, cells, inbox.account.name))
        thread = _text(row, part.thread) or None
        is_ours = self._shared.inboxes.table in self._reach[part.table]
        return nouns.About(items=items, thread=thread) if items or is_ours else None

    def _fact(self, part: Part, row: Values, names: Counter[str], about: nouns.About | None) -> Work | None:
        """What a row tells; None where it tells nothing."""
        if about is None:
            return None

        def key(kind: str) -> str:
            return _apart(names, f"{kind}:{_row_key(self._mapping, part.table, row)}")

        match part:
            case States():
                label = _text(row, part.status.column)
                nothing = None if label else nouns.Status.NONE
                return nouns.WorkState(
                    key=key("state"),
                    about=about,
                    scope=part.scope,
                    status=part.status.map.get(label, nothing),
                    label=label,
                    assignee=_text(row, part.assignee) or None,
                    person=_text(row, part.person) or None,
                    due=_date(row, part.due),
                    at=_date(row, part.at),
                    by=_text(row, part.by) or None,
                )
            case Events():
                label = _text(row, part.what.column)
                return nouns.Event(
                    key=key("event"),
                    about=about,
                    what=part.what.map.get(label),
                    label=label,
                    old=_text(row, part.old),
                    new=_text(row, part.new),
                    at=_date(row, part.at),
                    by=_text(row, part.by) or None,
                )
            case Notes() if text := _text(row, part.text):
                at, by = _date(row, part.at), _text(row, part.by) or None
                return nouns.Note(key=key("note"), about=about, text=text, at=at, by=by)
            case Tags() if name := _text(row, part.name):
                return nouns.Tag(key=key("tag"), about=about, name=name, colour=_text(row, part.colour))
            case Conversations() if about.thread is not None:
                return nouns.Belongs(key=key("belongs"), about=about, number=_text(row, part.number))
            case Templates() if text := _text(row, part.text):
                subject = _text(row, part.subject) or None
                return nouns.Template(key=key("template"), name=_text(row, part.name), text=text, subject=subject)
            case _:
                return None


def _fault(row: BadRow, names: Counter[str]) -> Unreadable:
    return Unreadable(key=_apart(names, f"row:{storable(row.file)}:{row.digest}"), path=row.file, reason=row.reason)


def _key(mapping: StoreMapping, table: str, row: Values) -> str:
    return "/".join(str(row.get(column)) for column in mapping.tables[table].key)


def _row_key(mapping: StoreMapping, table: str, row: Values) -> str:
    return f"{table}/{_key(mapping, table, row)}".replace("~", "~~")


def _apart(names: Counter[str], key: str) -> str:
    """The key, with a number behind it where another row of the inbox has it already."""
    names[key] += 1
    return key if names[key] == 1 else f"{key}~{names[key]}"


def _text(row: Values, column: str | None) -> str:
    value: Any = row.get(column) if column else None
    return "" if value is None else str(value)


def _date(row: Values, column: str | None) -> datetime | None:
    value = row.get(column) if column else None
    return value if isinstance(value, datetime) else None
