"""The mails of a shared inbox that lie at a target, each with the words it was last to be given there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import exists, literal, select

from migrator.inboxes import Named
from migrator.model import Path, Place
from migrator.staging import tables
from migrator.staging.intents import STATE
from migrator.staging.sightings import Delivered, DispatchId, Shelf, delivered_of, place_of
from migrator.staging.states import placed

PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Worded:
    """One mail where it lies now; `named` is what the source calls it now. `asked`: the words of the newest intent that
    was ended, whatever came of it, and `was` what it had been asked before that."""

    mail: Delivered
    place: Place
    named: Named
    asked: frozenset[str] = frozenset()
    was: frozenset[str] = frozenset()


def worded(shelf: Shelf, account: str) -> list[Worded]:
    """The receipts in force of an account's mails in this mailbox, but for what we made ourselves. Of a mail that has
    moved at the source the name it has there now."""
    here, its, folder, made = placed(), tables.item, tables.folder, tables.made
    ours = exists(select(literal(1)).where(made.c.artefact_id == its.c.artefact_id))
    with shelf.reading() as connection:
        rows = connection.execute(
            select(
                here,
                its.c.received_at,
                its.c.message_id,
                its.c.artefact_id,
                tables.place.c.path,
                tables.place.c.role,
            )
            .join(its, its.c.id == here.c.item_id)
            .join(tables.place, tables.place.c.id == here.c.place_id)
            .join(tables.artefact, tables.artefact.c.id == its.c.artefact_id)
            .join(folder, folder.c.id == tables.artefact.c.folder_id)
            .join(tables.account, tables.account.c.id == folder.c.account_id)
            .where(tables.place.c.target == shelf.target, tables.place.c.owner == shelf.owner)
            .where(tables.account.c.name == account, here.c.number.is_not(None), ~ours)
            .order_by(here.c.dispatch_id)
        ).all()
        names = _names(connection, account)
    asked = _asked(shelf, [row.dispatch_id for row in rows])
    return [
        Worded(
            mail=delivered_of(row),
            place=place_of(shelf.owner, row),
            named=names[row.artefact_id],
            asked=asked.get(row.dispatch_id, frozenset()),
        )
        for row in rows
    ]


def worded_by(shelf: Shelf, run: int) -> Iterator[Worded]:
    """The mails that a run gave words, and no later one others; `was` is what they had been asked before it."""
    its, later, ended = tables.intent, tables.intent.alias("later"), tables.outcome
    newer = exists(
        select(literal(1)).where(
            later.c.dispatch_id == its.c.dispatch_id, later.c.kind == STATE, later.c.run_id > its.c.run_id
        )
    )
    with shelf.reading() as connection:
        rows = connection.execute(
            select(its.c.dispatch_id, its.c.detail)
            .join(ended, ended.c.intent_id == its.c.id)
            .where(its.c.kind == STATE, its.c.run_id == run, ended.c.kind.in_(["done", "touched"]), ~newer)
            .order_by(its.c.id)
        ).all()
    found: dict[DispatchId, tuple[frozenset[str], frozenset[str]]] = {}
    for row in rows:
        before = found.get(row.dispatch_id)
        was = frozenset(row.detail["was"]) if before is None else before[1]
        found[row.dispatch_id] = frozenset(row.detail["state"]), was
    for place, mails in shelf.by_dispatch(list(found)).items():
        for mail in mails:
            state, was = found[mail.dispatch]
            yield Worded(mail=mail, place=place, named=Named((), ""), asked=state, was=was)


def _names(connection: Any, account: str) -> Mapping[int, Named]:
    """What the source calls each artefact now, whatever it was called when it was sent."""
    artefact, folder, move = tables.artefact, tables.folder, tables.move
    rows = connection.execute(
        select(artefact.c.id, artefact.c.key, folder.c.path, move.c.successor_id)
        .join(folder, folder.c.id == artefact.c.folder_id)
        .join(tables.account, tables.account.c.id == folder.c.account_id)
        .outerjoin(move, move.c.artefact_id == artefact.c.id)
        .where(tables.account.c.name == account)
        .order_by(artefact.c.id.desc())  # successors are younger: their own name is known already
    )
    names: dict[int, Named] = {}
    for row in rows:
        path: Path = tuple(row.path)
        names[row.id] = names.get(row.successor_id) or Named(path, row.key)
    return names


def _asked(shelf: Shelf, dispatches: Sequence[DispatchId]) -> dict[DispatchId, frozenset[str]]:
    its, found = tables.intent, dict[DispatchId, frozenset[str]]()
    for at in range(0, len(dispatches), PAGE):
        page = list(dispatches[at : at + PAGE])
        with shelf.reading() as connection:
            rows = connection.execute(
                select(its.c.dispatch_id, its.c.detail)
                .join(tables.outcome, tables.outcome.c.intent_id == its.c.id)
                .where(its.c.kind == STATE, its.c.dispatch_id.in_(page))
                .order_by(its.c.id)
            )
            found |= {row.dispatch_id: frozenset(row.detail["state"]) for row in rows}
    return found
