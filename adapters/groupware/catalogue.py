"""What one part of the store holds: its index and its files side by side, each artefact once, in the order of keys.

Kept in a scratch database that is gone when it is closed, so that a folder of any size costs no memory.
"""

import json
import marshal
import sqlite3
import weakref
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from adapters.files.reading import key_of
from adapters.groupware.claims import Claim
from adapters.groupware.left import Left, left
from adapters.groupware.listing import listing
from adapters.groupware.places import Places
from adapters.groupware.remains import Remain, Shares
from adapters.groupware.store import Part, Store
from adapters.groupware.tables import BadRow
from migrator.errors import Reason, UsageError
from migrator.inboxes import Named
from migrator.model import Account, Flag, Folder, Path
from migrator.text import storable

_SCHEMA = """
pragma journal_mode = off;
create table artefact (number integer primary key, place integer, key text, path blob, flags text, received real,
                       digest text, rule text, reason text, message integer, cells blob, part integer, cited text);
create table claimed (path blob primary key) without rowid;
create table file (path blob primary key) without rowid;
"""

_ROW = "insert into artefact values (null, ?, ?, ?, ?, ?, ?, null, null, ?, ?, null, ?)"
_CLAIMED = "insert or ignore into claimed values (?)"
_FAULT = "insert into artefact values (null, ?, ?, ?, '', null, '', null, ?, null, null, null, null)"
_NOWHERE = "insert into artefact values (null, ?, ?, null, '', null, '', null, ?, null, null, null, ?)"
_FILE = "insert into artefact values (null, ?, ?, ?, '', null, '', ?, null, null, null, null, null)"
_LEFT = "insert into artefact values (null, ?, ?, null, '', null, '', ?, null, null, ?, null, null)"
_REMAIN = "insert into artefact values (null, ?, ?, ?, '', null, '', ?, ?, null, ?, ?, null)"

_SAME_KEY = """
select number, count(*) over (partition by place, key order by number) from artefact
where (place, key) in (select place, key from artefact group by place, key having count(*) > 1)
"""

_SAME_FILE = """
select number, key, first from (
    select number, key, row_number() over named as nth, first_value(key) over named as first from artefact
    where path in (select path from artefact where path is not null group by path having count(*) > 1)
    window named as (partition by path order by place, key)
) where nth > 1
"""

_UNCLAIMED = """
select path from file
where path not in (select path from artefact where path is not null) and path not in (select path from claimed)
"""

_FOLDER = """
select key, path, flags, received, digest, rule, reason, message, cells, part
from artefact where place = ? and key > ? order by key
"""


class Artefact(NamedTuple):
    """One thing the store names: what its row and its place say of it, nothing yet of its bytes."""

    key: str
    message: int | None
    """Which of the mapping's messages it is one of, by number; None for what no row names."""
    claim: Claim | None
    flags: frozenset[Flag]
    received: datetime | None
    digest: str
    """Of its row without the flags; empty for a file that has none."""
    rule: str | None
    reason: Reason | None
    remain: Remain | None
    """What no row names in a file of many mails."""


class Catalogue:
    """One part of a store as it was when this was made."""

    def __init__(self, store: Store, part: Part) -> None:
        """Read the part's tables and list its files. Raises UsageError where the mapping does not explain them."""
        self._store, self._part = store, part
        self._tables = store.tables(part)
        self._places = Places(store, part, self._tables)
        self._numbers: dict[tuple[str, Path], int] = {}
        self._indexed: set[str] = set()
        # An unnamed database of SQLite's own: spilt to disk, and deleted with the connection.
        self._scratch = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._scratch.close)
        try:
            self._scratch.executescript(_SCHEMA)
            self._scratch.execute("begin")
            self._fill()
            self._scratch.execute("commit")
            self._by_number = [*self._numbers]
        except sqlite3.OperationalError as error:
            raise UsageError(Reason("groupware.scratch-failed", answer=str(error))) from error

    def folders(self, account: str) -> Iterator[Folder]:
        """The account's folders as its tables list them; last the unnamed one, where something lies in no folder."""
        yield from self._places.folders(account)
        if (account, ()) in self._numbers:
            yield Folder(Account(account), ())

    def artefacts(self, folder: Folder, after: str | None) -> Iterator[Artefact]:
        """What the folder holds, in the order of keys, from the first one after `after`."""
        number = self._numbers.get((folder.account.name, folder.path))
        rows = self._scratch.execute(_FOLDER, (number, after or ""))
        for key, path, flags, received, digest, rule, reason, message, cells, part in rows:
            moment = None if received is None else datetime.fromtimestamp(received, UTC)
            claim = _claim(path, cells)
            remain = None
            if claim is not None and part is not None:
                remain = Remain(claim.files[0], self._store.shared[part], claim.places[0])
            yield Artefact(key, message, claim, _flags(flags), moment, digest, rule, _reason(reason), remain)

    def cited(self, table: str, cells: Mapping[str, object], account: str) -> Iterator[Named]:
        """The account's mails whose rows in a table of messages hold these cells, in the order of their keys."""
        for place, key in self._cited(cells, table):
            owner, path = self._by_number[place]
            if owner == account:
                yield Named(path, key)

    def holds(self, table: str, cells: Mapping[str, object]) -> bool:
        """Whether a mail of any account has a row in this table of messages that holds these cells."""
        return bool(self._cited(cells, table))

    def _cited(self, cells: Mapping[str, object], table: str) -> list[tuple[int, str]]:
        asked = self._store.mapping.cited[table]
        columns = [f"json_extract(cited, '$[{asked.index(column)}]')" for column in sorted(cells)]
        if (index := ", ".join(columns)) not in self._indexed:
            self._scratch.execute(f"create index cited_{len(self._indexed)} on artefact ({index})")
            self._indexed.add(index)
        where = " and ".join(f"{column} = ?" for column in columns)
        told = [str(cells[column]) for column in sorted(cells)]
        rows = self._scratch.execute(f"select place, key from artefact where {where} order by place, key", told)  # noqa: S608 - no cell in it
        return [(place, key) for place, key in rows.fetchall() if key.partition(":")[0] == table]

    def advice(self) -> Iterator[Reason]:
        """What is odd here, but costs no mail."""
        yield from self._places.advice()

    # -- index and files, side by side -------------------------------------------------------------------------------

    def _fill(self) -> None:
        with Shares(self._store.shared) as shares:
            for number in range(len(self._store.mapping.messages)):
                self._scratch.executemany(_ROW, self._rows(number, shares))
            self._scratch.executemany(_REMAIN, map(self._remain, shares.remains(self._store.opener)))
        self._scratch.executemany(_LEFT, map(self._left, left(self._store, self._part, self._tables)))
        for bad in (*self._tables.bad, *(self._store.common.bad if self._part.common else ())):
            self._bad(bad)
        self._store.doubts.stop()
        self._scratch.execute("create index by_key on artefact (place, key)")
        self._scratch.execute("create index by_path on artefact (path)")
        self._tell_apart()
        self._scratch.executemany("insert or ignore into file values (?)", self._listed())
        self._scratch.executemany(_FILE, (self._loose(path) for (path,) in self._scratch.execute(_UNCLAIMED)))
        self._scratch.execute("drop table file")

    def _rows(self, number: int, shares: Shares) -> Iterator[tuple[object, ...]]:
        """The rows of the messages with that number, as claims to files; what is no row becomes a fault."""
        messages = self._store.mapping.messages[number]
        name, columns = messages.table, self._store.mapping.tables[messages.table].key
        asked = self._store.mapping.cited.get(name)
        for row in self._tables.rows(name):
            if isinstance(row, BadRow):
                self._bad(row)
                continue
            values = row.values
            place = self._number(self._places.of_row(values, number))
            key = f"{name}:{'/'.join([str(values.get(column)) for column in columns]).replace('~', '~~')}"
            cited = json.dumps([str(values.get(column)) for column in asked]) if asked else None
            claim = self._store.claim(number, values, self._tables)
            if isinstance(claim, Reason):
                self._scratch.execute(_NOWHERE, (place, key, _json(claim), cited))
                continue
            flags = " ".join([flag for column in messages.flags for flag in values.get(column) or ()])
            received = values.get(messages.received) if messages.received else None
            path, packed = claim.identity, None
            if claim.places != ("",):
                packed = marshal.dumps(tuple(claim))
                self._scratch.executemany(_CLAIMED, ((each,) for each in (*claim.files, *claim.also)))
                for file, reason in self._store.absent(claim):
                    self._scratch.execute(_FAULT, (place, f"{key}+{key_of(file)}", None, _json(reason)))
                shares.add(messages.container.shares(claim))
            yield place, key, path, flags, received and received.timestamp(), row.digest, number, packed, cited

    def _bad(self, row: BadRow) -> None:
        place = self._number(self._places.unnamed(row.above))
        self._scratch.execute(_FAULT, (place, f"row:{storable(row.file)}:{row.digest}", None, _json(row.reason)))

    def _tell_apart(self) -> None:
        """Rows that share folder and key get a number ("~2"); of those that name one file, the first has it."""
        twins = [(nth, number) for number, nth in self._scratch.execute(_SAME_KEY) if nth > 1]
        self._scratch.executemany("update artefact set key = key || '~' || ? where number = ?", twins)
        copying = {each.table for each in self._store.mapping.messages if each.container.claimed_twice == "copy"}
        late = [
            (_json(Reason("groupware.file-claimed-twice", first=first)), number)
            for number, key, first in self._scratch.execute(_SAME_FILE)
            if key.partition(":")[0] not in copying
        ]
        self._scratch.executemany("update artefact set reason = ? where number = ?", late)

    def _listed(self) -> Iterator[tuple[bytes]]:
        for path, reason in listing(self._store.tree, self._part.heads, self._part.beside):
            if reason is None:
                yield (path,)
            else:
                place = self._number(self._places.of_path(self._store.decoded(path)))
                self._scratch.execute(_FAULT, (place, f"file:{key_of(path)}", path, _json(reason)))

    def _left(self, row: Left) -> tuple[object, ...]:
        """What stays behind in columns."""
        return self._number(row.folder), row.key, row.rule, marshal.dumps(tuple(Claim(cells=(row.data,))))

    def _remain(self, remain: Remain) -> tuple[object, ...]:
        """What no row names in a file of many mails."""
        text, claim = self._store.decoded(remain.path), remain.claim
        key, rule, reason = remain.seen(self._store.opener)
        if (named := self._store.rules.rule(f"{text}@{remain.place}")) is not None:
            rule, reason = named, None
        place, part = self._number(self._places.of_path(text)), self._store.shared.index(remain.part)
        return place, key, claim.identity, rule, reason and _json(reason), marshal.dumps(tuple(claim)), part

    def _loose(self, path: bytes) -> tuple[int, str, bytes, str | None]:
        """A file that no row names."""
        text = self._store.decoded(path)
        place, rule = self._number(self._places.of_path(text)), self._store.rule(text, self._tables)
        return place, f"file:{key_of(path)}", path, rule

    def _number(self, folder: Folder) -> int:
        return self._numbers.setdefault((folder.account.name, folder.path), len(self._numbers))


def _claim(path: bytes | None, packed: bytes | None) -> Claim | None:
    if packed is not None:
        return Claim(*marshal.loads(packed))  # noqa: S302 - the scratch database is our own
    return None if path is None else Claim.whole(path)


@lru_cache(maxsize=1000)
def _flags(text: str) -> frozenset[Flag]:
    return frozenset(text.split())


def _json(reason: Reason) -> str:
    return json.dumps([reason.code, dict(reason.params)])


def _reason(text: str | None) -> Reason | None:
    if text is None:
        return None
    code, params = json.loads(text)
    return Reason(code, **params)
