"""The mails of a shared inbox at a target, each with the words and the folder that it was last to get there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import exists, literal, select

from migrator.inboxes import Named
from migrator.model import Path, Place
from migrator.staging import tables
from migrator.staging.intents import SHELVE, STATE
from migrator.staging.sightings import Delivered, DispatchId, Shelf, delivered_of, place_of
from migrator.staging.states import placed

PAGE = 500
AT_A_TIME = 5_000
"""Mails in memory at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worded:
    """One mail where it lies now; `named` is what the source calls it now. `asked`: the words of the newest intent that
    was ended, whatever came of it, and `was` what it had been asked before that."""

    mail: Delivered
    place: Place
    named: Named
    asked: frozenset[str] = frozenset()
    was: frozenset[str] = frozenset()
    shelved: Path | None = None
    """Where the newest such intent that was ended wanted it for its state; None: there was none."""


def worded(shelf: Shelf, account: str) -> Iterator[list[Worded]]:
    """The receipts in force of an account's mails in this mailbox, those that we made ourselves too, some thousand at a
    time. Of a mail that has moved at the source the name it has there now."""
    here, its, folder = placed(), tables.item, tables.folder
    with shelf.reading() as connection:
        names = _names(connection, account)
    query = (
        select(
            here,
            its.c.received_at,
            its.c.message_id,
            its.c.artefact_id,
            tables.artefact.c.key,
            folder.c.path.label("folder_path"),
            tables.place.c.path,
            tables.place.c.role,
        )
        .join(its, its.c.id == here.c.item_id)
        .join(tables.place, tables.place.c.id == here.c.place_id)
        .join(tables.artefact, tables.artefact.c.id == its.c.artefact_id)
        .join(folder, folder.c.id == tables.artefact.c.folder_id)
        .join(tables.account, tables.account.c.id == folder.c.account_id)
        .where(tables.place.c.target == shelf.target, tables.place.c.owner == shelf.owner)
        .where(tables.account.c.name == account, here.c.number.is_not(None))
        .order_by(here.c.dispatch_id)
        .limit(AT_A_TIME)
    )
    last = 0
    while True:
        with shelf.reading() as connection:
            rows = connection.execute(query.where(here.c.dispatch_id > last)).all()
        if not rows:
            return
        yield list(_worded(shelf, rows, names))
        last = rows[-1].dispatch_id


def _worded(shelf: Shelf, rows: Sequence[Any], names: Mapping[int, Named]) -> Iterator[Worded]:
    dispatches = [row.dispatch_id for row in rows]
    asked, shelved = _asked(shelf, dispatches, STATE), _asked(shelf, dispatches, SHELVE)
    for row in rows:
        yield Worded(
            mail=delivered_of(row),
            place=place_of(shelf.owner, row),
            named=names.get(row.artefact_id) or Named(tuple(row.folder_path), row.key),
            asked=frozenset(asked.get(row.dispatch_id, {}).get("state", ())),
            shelved=tuple(shelved[row.dispatch_id]["to"]) if row.dispatch_id in shelved else None,
        )


def worded_by(shelf: Shelf, run: int) -> Iterator[Worded]:
    """The mails that a run gave words, and no later one others; `was` is what they had been asked before it."""
    found = _meant_by(shelf, run, STATE)
    for place, mails in shelf.by_dispatch(list(found)).items():
        for mail in mails:
            first, last = found[mail.dispatch]
            state, was = frozenset(last["state"]), frozenset(first["was"])
            yield Worded(mail=mail, place=place, named=Named((), ""), asked=state, was=was)


def shelved_by(shelf: Shelf, run: int) -> Iterator[tuple[Delivered, Place, Path]]:
    """The mails that a run put into another folder for their state, and no later one into others; where each lies now,
    and where it lay before that run."""
    found = _meant_by(shelf, run, SHELVE)
    for place, mails in shelf.by_dispatch(list(found)).items():
        for mail in mails:
            yield mail, place, tuple(found[mail.dispatch][0]["was"])


Detail = Mapping[str, Any]


def _meant_by(shelf: Shelf, run: int, kind: str) -> dict[DispatchId, tuple[Detail, Detail]]:
    """The first and the last that a run meant with each mail and came to an end with, but for what a later run has
    meant otherwise."""
    its, later, ended = tables.intent, tables.intent.alias("later"), tables.outcome
    newer = exists(
        select(literal(1)).where(
            later.c.dispatch_id == its.c.dispatch_id, later.c.kind == kind, later.c.run_id > its.c.run_id
        )
    )
    found: dict[DispatchId, tuple[Detail, Detail]] = {}
    with shelf.reading() as connection:
        rows = connection.execute(
            select(its.c.dispatch_id, its.c.detail)
            .join(ended, ended.c.intent_id == its.c.id)
            .where(its.c.kind == kind, its.c.run_id == run, ended.c.kind.in_(["done", "touched"]), ~newer)
            .order_by(its.c.id)
        )
        for row in rows:
            first, _ = found.get(row.dispatch_id, (row.detail, None))
            found[row.dispatch_id] = first, row.detail
    return found


def _names(connection: Any, account: str) -> Mapping[int, Named]:
    """What the source calls each artefact now that it has moved since it was first seen."""
    moved, now, folder, move = tables.artefact.alias("moved"), tables.artefact, tables.folder, tables.move
    rows = connection.execute(
        select(moved.c.id, now.c.key, folder.c.path, move.c.successor_id)
        .join(move, move.c.artefact_id == moved.c.id)
        .join(now, now.c.id == move.c.successor_id)
        .join(folder, folder.c.id == now.c.folder_id)
        .join(tables.account, tables.account.c.id == folder.c.account_id)
        .where(tables.account.c.name == account)
        .order_by(moved.c.id.desc())  # successors are younger: their own name is known already
    )
    names: dict[int, Named] = {}
    for row in rows:
        names[row.id] = names.get(row.successor_id) or Named(tuple(row.path), row.key)
    return names


def _asked(shelf: Shelf, dispatches: Sequence[DispatchId], kind: str) -> dict[DispatchId, Detail]:
    """What the newest intent of this kind that was ended had meant with each."""
    its, found = tables.intent, dict[DispatchId, Detail]()
    for at in range(0, len(dispatches), PAGE):
        page = list(dispatches[at : at + PAGE])
        with shelf.reading() as connection:
            rows = connection.execute(
                select(its.c.dispatch_id, its.c.detail)
                .join(tables.outcome, tables.outcome.c.intent_id == its.c.id)
                .where(its.c.kind == kind, its.c.dispatch_id.in_(page))
                .order_by(its.c.id)
            )
            found |= {row.dispatch_id: row.detail for row in rows}
    return found
