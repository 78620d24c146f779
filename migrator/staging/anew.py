"""Mails of a source that makes their bytes anew at each read: what means the same is the same version (laws.md §2)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select

from migrator.mail.meaning import Meaning
from migrator.model import Raw, Unchanged
from migrator.staging import tables
from migrator.staging.facts import Artefact, Entry, Read, key_of
from migrator.staging.store import Staging
from migrator.text import storable


def as_known(staging: Staging, known: Mapping[str, Artefact], entries: Sequence[Entry]) -> list[Entry]:
    """The entries of one folder, those unchanged that mean what staging holds under their keys."""
    return [_as_known(staging, known.get(storable(key_of(entry))), entry) for entry in entries]


def _as_known(staging: Staging, artefact: Artefact | None, entry: Entry) -> Entry:
    if not isinstance(entry, Read) or artefact is None or artefact.digest is None:
        return entry
    item = entry.item
    with staging.reading() as connection:
        held = staging.blobs.raws(connection, [artefact.digest])[artefact.digest]
    if not Meaning.of(item.raw).is_that_of(held):
        return entry
    return Unchanged(key=item.key, stamp=item.stamp, flags=item.flags)


def moves(
    staging: Staging, connection: Connection, pass_id: int, lost: Sequence[int], new: Sequence[int]
) -> list[dict[str, int]]:
    """Which new artefacts are lost ones under another key, one to one: rows of `move`.

    Message-ID and received time narrow the search, the meaning decides. What moved keeps its version: the newest of the
    successor becomes the bytes that are held, so that receipts are inherited and nothing is sent again.
    """
    before: dict[tuple[Any, Any], list[Any]] = defaultdict(list)
    for row in _newest(connection, lost):
        before[row.message_id, row.received_at].append(row)
    found = []
    for row in _newest(connection, new if before else ()):
        candidates = before[row.message_id, row.received_at]
        its = _raw(staging, connection, row.digest) if candidates else None
        for each in candidates:
            if its is not None and Meaning.of(its).is_that_of(_raw(staging, connection, each.digest)):
                candidates.remove(each)
                found.append({"artefact_id": each.artefact_id, "successor_id": row.artefact_id, "pass_id": pass_id})
                _keep_version(connection, pass_id, each, row)
                break
    return found


def _raw(staging: Staging, connection: Connection, digest: str) -> Raw:
    return staging.blobs.raws(connection, [digest])[digest]


def _newest(connection: Connection, artefacts: Sequence[int]) -> Iterator[Any]:
    """The newest version of each."""
    item = tables.item
    for artefact in artefacts:
        row = connection.execute(
            select(item).where(item.c.artefact_id == artefact).order_by(item.c.id.desc()).limit(1)
        ).first()
        if row is not None:
            yield row


def _keep_version(connection: Connection, pass_id: int, held: Any, seen: Any) -> None:
    if held.digest == seen.digest:
        return
    row = held._asdict() | {
        "artefact_id": seen.artefact_id,
        "stamp": seen.stamp,
        "flags": seen.flags,
        "path": seen.path,
        "pass_id": pass_id,
    }
    del row["id"]
    connection.execute(insert(tables.item).values(**row))
