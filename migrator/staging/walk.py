"""One pass over one account: facts in, as the source tells them. An unfinished pass goes on after its last key."""

import zlib
from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, literal, select, update

from migrator.model import Account, Count, Folder, Path, Verdict
from migrator.ports import Known, nothing_known
from migrator.staging import anew, tables
from migrator.staging.blobs import Pieces
from migrator.staging.facts import Artefact, Entry, Facts, Read, by_source, key_of, known_artefacts
from migrator.staging.states import is_made, last_presence
from migrator.staging.store import Run, Staging, insert_one, now, take_ids
from migrator.text import storable

GROUP = 20_000
"""What is known of so many artefacts is read at once, small folders together."""


@dataclass(frozen=True, slots=True)
class PassEnd:
    """What a finished pass found out by what it did not see."""

    moved: int = 0
    vanished: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """What a source gave of one folder, in its order; `done`: the folder ends here."""

    folder: Folder
    entries: Sequence[Entry]
    done: bool


class Walk:
    """A pass in hand. Used by one thread. `exact`: the source gives the same bytes at each read."""

    def __init__(self, staging: Staging, run: Run, account: Account, *, exact: bool = True) -> None:
        self._staging = staging
        self._exact = exact
        self._run = run
        self._known: dict[Path, dict[str, Artefact]] = {}
        with staging.writing() as connection:
            self._account = _account_id(connection, account)
            self.id, self.number, self.resumed = self._begin(connection)
            self._folders = _folders(connection, self._account)
            self._stopped = self._chunks(connection) if self.resumed else {}
            self._sizes = _sizes(connection, self._account)

    def _begin(self, connection: Connection) -> tuple[int, int, bool]:
        its = tables.pass_.c
        last = connection.execute(
            select(its.id, its.number, its.ended)
            .where(its.account_id == self._account)
            .order_by(its.number.desc())
            .limit(1)
        ).first()
        if last is not None and last.ended is None:
            return last.id, last.number, True
        number = 1 if last is None else last.number + 1
        made = insert_one(
            connection, tables.pass_, account_id=self._account, number=number, run_id=self._run.id, began=now()
        )
        return made, number, False

    def _chunks(self, connection: Connection) -> dict[int, tuple[str | None, bool]]:
        """Where the pass stopped in each folder: its last key, and whether it was done."""
        its = tables.pass_chunk.c
        rows = connection.execute(
            select(its.folder_id, its.last_key, its.done).where(its.pass_id == self.id).order_by(its.id)
        )
        return {row.folder_id: (row.last_key, row.done) for row in rows}

    # -- folders --

    def enter(self, folder: Folder) -> "Resume":
        """Begin a folder, or go on with it: where the pass stopped in it, and what is known of its keys."""
        path = _storable(folder.path)
        last_key, done = self._stopped.get(self._folders.get(path, 0), (None, False))
        if done:
            return Resume(done=True, after=None, known=nothing_known)
        self._learn(path)
        known = self._known[path]

        def is_known(key: str, stamp: str) -> bool:
            found = known.get(storable(key))
            return found is not None and found.digest is not None and found.stamp == storable(stamp)

        return Resume(done=False, after=last_key, known=is_known)

    def _learn(self, path: Path) -> None:
        """Read what is known of a folder, and in the same breath of the next ones, as far as they are small."""
        if path in self._known:
            return
        number = self._folders.get(path)
        if number is None or number not in self._sizes:
            self._known[path] = {}
            return
        later = {each: name for name, each in self._folders.items() if each >= number and name not in self._known}
        group: dict[int, Path] = {}
        room = GROUP
        for each in sorted(later):
            room -= self._sizes.get(each, 0)
            if group and room < 0:
                break
            group[each] = later[each]
        with self._staging.reading() as connection:
            found = known_artefacts(connection, list(group))
        self._known.update({name: found.get(each, {}) for each, name in group.items()})

    def as_known(self, folder: Folder, entries: list[Entry]) -> list[Entry]:
        """The entries, those unchanged that differ from what is known only in how their source made them this time."""
        if self._exact:
            return entries
        return anew.as_known(self._staging, self._known[_storable(folder.path)], entries)

    def missing(self, pieces: Sequence[Pieces]) -> dict[str, bytes]:
        """The bodies among these that staging does not hold yet, by digest."""
        with self._staging.reading() as connection:
            lacking = self._staging.blobs.missing(connection, pieces)
        return {piece.body_digest: piece.body for piece in lacking if piece.body is not None}

    def put(self, parts: Sequence[Part]) -> int:
        """Store what the source gave, all of it or nothing, and how far the pass has come. How many of the mails that
        were read are what staging had already."""
        reads = [entry for part in parts for entry in part.entries if isinstance(entry, Read)]
        with self._staging.writing() as connection:
            bodies = {read.pieces.body_digest: read.body for read in reads if read.body is not None}
            self._staging.blobs.put(connection, self._run.id, [read.pieces for read in reads], bodies)
            self._name_artefacts(connection, parts)
            facts = Facts(self.id)
            chunks = []
            for part in parts:
                known = self._known[_storable(part.folder.path)]
                keys = [storable(key_of(entry)) for entry in part.entries]
                for key, entry in zip(keys, part.entries, strict=True):
                    facts.add(known[key], entry)
                last_key = keys[-1] if keys else None
                chunks.append(
                    self._chunk(connection, part.folder, last_key, (known[key].id for key in keys), part.done)
                )
            facts.write(connection)
            connection.execute(insert(tables.pass_chunk), chunks)
        for part in parts:
            if part.done:
                del self._known[_storable(part.folder.path)]
        return facts.known_bytes

    def skip(self, folder: Folder) -> None:
        """The folder cannot be read to its end in this pass: nothing in it counts as vanished."""
        known = self._known.pop(_storable(folder.path), {})
        with self._staging.writing() as connection:
            chunk = self._chunk(connection, folder, None, (each.id for each in known.values()), done=True)
            connection.execute(insert(tables.pass_chunk).values(**chunk))

    def _chunk(
        self, connection: Connection, folder: Folder, last_key: str | None, seen: Iterable[int], done: bool
    ) -> dict[str, Any]:
        return {
            "pass_id": self.id,
            "folder_id": self._folder_id(connection, folder),
            "last_key": last_key,
            "done": done,
            "seen": zlib.compress(array("q", seen).tobytes(), 1),
        }

    def _folder_id(self, connection: Connection, folder: Folder) -> int:
        path = _storable(folder.path)
        if path not in self._folders:
            self._folders[path] = insert_one(
                connection, tables.folder, account_id=self._account, path=list(path), role=folder.role
            )
        return self._folders[path]

    def _name_artefacts(self, connection: Connection, parts: Sequence[Part]) -> None:
        new: dict[tuple[Path, str], int] = {}
        for part in parts:
            path = _storable(part.folder.path)
            keys = (storable(key_of(entry)) for entry in part.entries)
            new |= {
                (path, key): self._folder_id(connection, part.folder) for key in keys if key not in self._known[path]
            }
        if new:
            numbers = take_ids(connection, tables.artefact, len(new))
            connection.execute(
                insert(tables.artefact),
                [
                    {"id": number, "folder_id": folder, "key": key, "pass_id": self.id}
                    for number, ((_, key), folder) in zip(numbers, new.items(), strict=True)
                ],
            )
            for number, (path, key) in zip(numbers, new, strict=True):
                self._known[path][key] = Artefact(number)

    # -- the end of the pass --

    def finish(self, census: Iterable[Count]) -> PassEnd:
        """The whole account was walked: tell moved from vanished, record the census, and end the pass."""
        with self._staging.writing() as connection:
            rows = [
                {
                    "pass_id": self.id,
                    "folder_id": self._folder_id(connection, count.folder),
                    "artefacts": count.artefacts,
                    "bytes": count.bytes,
                }
                for count in census
            ]
            if rows:
                connection.execute(insert(tables.census), rows)
            end = self._reckon(connection) if self.number > 1 else PassEnd()
            connection.execute(update(tables.pass_).where(tables.pass_.c.id == self.id).values(ended=now()))
        return end

    def _reckon(self, connection: Connection) -> PassEnd:
        seen = self._seen(connection)
        missing = [row for row in _standing(connection, self._account) if row.id not in seen]
        lost_by_digest: dict[str, list[int]] = defaultdict(list)
        for row in missing:
            if row.digest is not None:
                lost_by_digest[row.digest].append(row.id)
        moves = [
            {"artefact_id": lost.pop(0), "successor_id": row.id, "pass_id": self.id}
            for row in _new_in(connection, self.id)
            if (lost := lost_by_digest.get(row.digest))
        ]
        if not self._exact:
            paired = {number for each in moves for number in (each["artefact_id"], each["successor_id"])}
            lost = [row.id for row in missing if row.id not in paired]
            new = [row.id for row in _new_in(connection, self.id) if row.id not in paired]
            moves += anew.moves(self._staging, connection, self.id, lost, new)
        moved = {each["artefact_id"] for each in moves}
        vanished = [row for row in missing if row.id not in moved]
        if moves:
            connection.execute(insert(tables.move), moves)
        if vanished:
            connection.execute(
                insert(tables.presence),
                [{"artefact_id": row.id, "present": False, "pass_id": self.id} for row in vanished],
            )
        never_loaded = _without_receipt(connection, [row.id for row in vanished if row.digest is not None])
        if never_loaded:
            connection.execute(
                insert(tables.decision), [by_source(each, Verdict.PARK, "vanished") for each in never_loaded]
            )
        return PassEnd(len(moves), len(vanished))

    def _seen(self, connection: Connection) -> set[int]:
        seen: set[int] = set()
        for chunk in connection.execute(
            select(tables.pass_chunk.c.seen).where(tables.pass_chunk.c.pass_id == self.id)
        ).scalars():
            ids = array("q")
            ids.frombytes(zlib.decompress(chunk))
            seen.update(ids)
        return seen


@dataclass(frozen=True, slots=True)
class Resume:
    """How to go on with a folder. `done`: this pass has walked it already."""

    done: bool
    after: str | None
    known: Known


def _folders(connection: Connection, account_id: int) -> dict[Path, int]:
    its = tables.folder.c
    rows = connection.execute(select(its.id, its.path).where(its.account_id == account_id))
    return {tuple(row.path): row.id for row in rows}


def _sizes(connection: Connection, account_id: int) -> dict[int, int]:
    """How many artefacts are known in each folder that has any."""
    artefact = tables.artefact.c
    rows = connection.execute(
        select(artefact.folder_id, func.count().label("artefacts"))
        .join(tables.folder, tables.folder.c.id == artefact.folder_id)
        .where(tables.folder.c.account_id == account_id)
        .group_by(artefact.folder_id)
    )
    return {row.folder_id: row.artefacts for row in rows}


def _storable(path: Path) -> Path:
    return tuple(storable(name) for name in path)


def _account_id(connection: Connection, account: Account) -> int:
    name = storable(account.name)
    found = connection.execute(select(tables.account.c.id).where(tables.account.c.name == name)).scalar()
    return insert_one(connection, tables.account, name=name) if found is None else int(found)


def _standing(connection: Connection, account_id: int) -> list[Any]:
    """The account's artefacts that neither moved nor vanished, with the digest of their newest version; not what we
    made ourselves, which no source ever shows."""
    artefact, newest = tables.artefact, tables.item.alias("newest")
    digest = (
        select(newest.c.digest)
        .where(newest.c.artefact_id == artefact.c.id)
        .order_by(newest.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    moved = select(literal(1)).where(tables.move.c.artefact_id == artefact.c.id).exists()
    rows = connection.execute(
        select(artefact.c.id, digest.label("digest"), last_presence(artefact.c.id).label("present"))
        .join(tables.folder, tables.folder.c.id == artefact.c.folder_id)
        .where(tables.folder.c.account_id == account_id, ~moved, ~is_made(artefact.c.id))
        .order_by(artefact.c.id)
    )
    return [row for row in rows if row.present is not False and row.present != 0]


def _new_in(connection: Connection, pass_id: int) -> list[Any]:
    """Artefacts that this pass saw for the first time, with their digest."""
    artefact, item = tables.artefact, tables.item
    return list(
        connection.execute(
            select(artefact.c.id, item.c.digest)
            .join(item, item.c.artefact_id == artefact.c.id)
            .where(artefact.c.pass_id == pass_id)
            .order_by(artefact.c.id)
        )
    )


def _without_receipt(connection: Connection, artefacts: Sequence[int]) -> list[int]:
    wanted = set(artefacts)
    if not wanted:
        return []
    loaded = connection.execute(
        select(tables.item.c.artefact_id)
        .join(tables.dispatch, tables.dispatch.c.item_id == tables.item.c.id)
        .join(tables.receipt, tables.receipt.c.dispatch_id == tables.dispatch.c.id)
        .distinct()
    ).scalars()
    return sorted(wanted - set(loaded))
