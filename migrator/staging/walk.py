"""One pass over one account: facts in, as the source tells them. An unfinished pass goes on after its last key."""

import zlib
from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, literal, select, update

from migrator.model import Account, Count, Folder, Path, Verdict
from migrator.ports import Known
from migrator.staging import tables
from migrator.staging.blobs import Pieces
from migrator.staging.facts import Artefact, Entry, Facts, Read, by_source, key_of, known_artefacts
from migrator.staging.store import Run, Staging, insert_one, now, take_ids
from migrator.text import storable


@dataclass(frozen=True, slots=True)
class PassEnd:
    """What a finished pass found out by what it did not see."""

    moved: int = 0
    vanished: int = 0


class Walk:
    """A pass in hand. Used by one thread."""

    def __init__(self, staging: Staging, run: Run, account: Account) -> None:
        self._staging = staging
        self._run = run
        self._known: dict[str, Artefact] = {}
        self._folder = Folder(account, ())
        with staging.writing() as connection:
            self._account = _account_id(connection, account)
            self.id, self.number, self.resumed = self._begin(connection)
            self._folders: dict[Path, int] = {
                tuple(row.path): row.id
                for row in connection.execute(
                    select(tables.folder.c.id, tables.folder.c.path).where(tables.folder.c.account_id == self._account)
                )
            }

            self._stopped = self._chunks(connection) if self.resumed else {}

    def _chunks(self, connection: Connection) -> dict[int, tuple[str | None, bool]]:
        """Where the pass stopped in each folder: its last key, and whether it was done."""
        its = tables.pass_chunk.c
        rows = connection.execute(
            select(its.folder_id, its.last_key, its.done).where(its.pass_id == self.id).order_by(its.id)
        )
        return {row.folder_id: (row.last_key, row.done) for row in rows}

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

    # -- one folder --

    def enter(self, folder: Folder) -> "Resume":
        """Begin a folder, or go on with it: where the pass stopped in it, and what is known of its keys."""
        self._folder = folder
        number = self._folders.get(_storable(folder.path))
        last_key, done = self._stopped.get(number or 0, (None, False))
        if done:
            return Resume(done=True, after=None, known=_nothing_known)
        self._known = {}
        if number is not None:
            with self._staging.reading() as connection:
                self._known = known_artefacts(connection, number)
        return Resume(done=False, after=last_key, known=self._is_known)

    def _is_known(self, key: str, stamp: str) -> bool:
        found = self._known.get(storable(key))
        return found is not None and found.digest is not None and found.stamp == storable(stamp)

    def missing(self, pieces: Sequence[Pieces]) -> dict[str, bytes]:
        """The bodies among these that staging does not hold yet, by digest."""
        with self._staging.reading() as connection:
            lacking = self._staging.blobs.missing(connection, pieces)
        return {piece.body_digest: piece.body for piece in lacking if piece.body is not None}

    def put(self, entries: Sequence[Entry], *, done: bool = False) -> None:
        """Store what the source gave, all of it or nothing, and how far the pass has come; `done`: the folder ends."""
        reads = [entry for entry in entries if isinstance(entry, Read)]
        with self._staging.writing() as connection:
            number = self._folder_id(connection, self._folder)
            bodies = {read.pieces.body_digest: read.body for read in reads if read.body is not None}
            self._staging.blobs.put(connection, self._run.id, [read.pieces for read in reads], bodies)
            keys = [storable(key_of(entry)) for entry in entries]
            self._name_artefacts(connection, number, keys)
            facts = Facts(self.id)
            for key, entry in zip(keys, entries, strict=True):
                facts.add(self._known[key], entry)
            facts.write(connection)
            seen = [self._known[key].id for key in keys]
            self._chunk(connection, number, keys[-1] if keys else None, seen, done=done)

    def skip(self) -> None:
        """The folder cannot be read to its end in this pass: nothing in it counts as vanished."""
        with self._staging.writing() as connection:
            number = self._folder_id(connection, self._folder)
            self._chunk(connection, number, None, [known.id for known in self._known.values()], done=True)

    def _chunk(
        self, connection: Connection, folder: int, last_key: str | None, seen: Iterable[int], *, done: bool
    ) -> None:
        connection.execute(
            insert(tables.pass_chunk).values(
                pass_id=self.id,
                folder_id=folder,
                last_key=last_key,
                done=done,
                seen=zlib.compress(array("q", seen).tobytes(), 1),
            )
        )

    def _folder_id(self, connection: Connection, folder: Folder) -> int:
        path = _storable(folder.path)
        if path not in self._folders:
            self._folders[path] = insert_one(
                connection, tables.folder, account_id=self._account, path=list(path), role=folder.role
            )
        return self._folders[path]

    def _name_artefacts(self, connection: Connection, folder: int, keys: Sequence[str]) -> None:
        new = [key for key in dict.fromkeys(keys) if key not in self._known]
        if new:
            numbered = dict(zip(new, take_ids(connection, tables.artefact, len(new)), strict=True))
            connection.execute(
                insert(tables.artefact),
                [
                    {"id": number, "folder_id": folder, "key": key, "pass_id": self.id}
                    for key, number in numbered.items()
                ],
            )
            self._known.update((key, Artefact(number)) for key, number in numbered.items())

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


def _storable(path: Path) -> Path:
    return tuple(storable(name) for name in path)


def _nothing_known(key: str, stamp: str) -> bool:
    return False


def _account_id(connection: Connection, account: Account) -> int:
    name = storable(account.name)
    found = connection.execute(select(tables.account.c.id).where(tables.account.c.name == name)).scalar()
    return insert_one(connection, tables.account, name=name) if found is None else int(found)


def _standing(connection: Connection, account_id: int) -> list[Any]:
    """The account's artefacts that neither moved nor vanished, with the digest of their newest version."""
    artefact, newest = tables.artefact, tables.item.alias("newest")
    digest = (
        select(newest.c.digest)
        .where(newest.c.artefact_id == artefact.c.id)
        .order_by(newest.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    present = (
        select(tables.presence.c.present)
        .where(tables.presence.c.artefact_id == artefact.c.id)
        .order_by(tables.presence.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    moved = select(literal(1)).where(tables.move.c.artefact_id == artefact.c.id).exists()
    rows = connection.execute(
        select(artefact.c.id, digest.label("digest"), present.label("present"))
        .join(tables.folder, tables.folder.c.id == artefact.c.folder_id)
        .where(tables.folder.c.account_id == account_id, ~moved)
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
