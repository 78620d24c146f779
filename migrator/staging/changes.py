"""What has changed at the source since it was sent: flags, and where a mail is to lie (laws.md §8).

What counts as sent is what the newest intent that has an outcome asked for, else the receipt: so nothing is asked for
twice, whatever became of it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, literal, or_, select
from sqlalchemy.sql.selectable import Subquery

from migrator.model import DELETED, MDN_SENT, Flag, Path, Place
from migrator.staging.intents import REFLAG, RELOCATE, SHELVE
from migrator.staging.sightings import Delivered, DispatchId, Shelf, delivered_of, place_of
from migrator.staging.states import flags_of, placed
from migrator.staging.tables import (
    account,
    amendment,
    artefact,
    dispatch,
    folder,
    intent,
    item,
    move,
    observation,
    outcome,
    pass_,
    place,
    receipt,
)

NEVER = frozenset({DELETED, "\\Recent"})
"""Flags that are never sent (laws.md §6)."""

PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Reflagged:
    """A mail whose flags at the source, `flags`, are no longer those that were sent."""

    mail: Delivered
    place: Place
    flags: frozenset[Flag]
    add: frozenset[Flag]
    remove: frozenset[Flag]


@dataclass(frozen=True, slots=True, kw_only=True)
class Misplaced:
    """A mail that is to lie at `to`. It was put at `base`, by its state too; another `place` is where a person has put
    it since."""

    mail: Delivered
    place: Place
    base: Path
    to: Place


def reflagged(shelf: Shelf, accounts: Collection[str], run: int) -> list[Reflagged]:
    """The mails whose flags have changed at the source, of those that other runs have sent."""
    found: list[Reflagged] = []
    for standing in _standing(shelf, accounts, run):
        its = standing.c
        seen_again = exists(select(literal(1)).where(observation.c.artefact_id == its.live_id))
        with shelf.reading() as connection:
            rows = connection.execute(
                select(standing).where(its.asked != its.flags, or_(seen_again, its.moved)).order_by(its.dispatch_id)
            ).all()
        asked = _asked(shelf, rows, REFLAG)
        each = (_reflagged(shelf, row, asked.get(row.dispatch_id)) for row in rows)
        found += (changed for changed in each if changed.add or changed.remove)
    return found


def _reflagged(shelf: Shelf, row: Any, asked: Mapping[str, Any] | None) -> Reflagged:
    """What the source has added and taken away. Of a receipt that settle found nobody knows with which flags it was
    sent: nothing is taken away then, for a person may have set it."""
    flags = frozenset[Flag](row.asked) - NEVER
    base = frozenset[Flag]([*row.sent_flags, *row.lost] if asked is None else asked["flags"])
    unknown = asked is None and row.how == "found"
    return Reflagged(
        mail=delivered_of(row),
        place=place_of(shelf.owner, row),
        flags=flags,
        add=flags - base,
        remove=frozenset() if unknown else base - flags - {MDN_SENT},
    )


def misplaced(
    shelf: Shelf, accounts: Collection[str], run: int, homes: Mapping[tuple[str, Path], Place]
) -> list[Misplaced]:
    """The mails that were put elsewhere than their (account, folder) is at home now, of those that other runs sent."""
    found: list[Misplaced] = []
    for standing in _standing(shelf, accounts, run):
        strays = _strays(shelf, standing, homes)
        if not strays:
            continue
        its, base = standing.c, place.alias("base")
        with shelf.reading() as connection:
            rows = connection.execute(
                select(standing, base.c.path.label("base_path"))
                .join(base, base.c.id == its.base_id)
                .where(or_(*(and_(its.folder_id == each, its.base_id == put) for each, put in strays)))
                .order_by(its.dispatch_id)
            ).all()
        asked, shelved = _asked(shelf, rows, RELOCATE), _asked(shelf, rows, SHELVE)
        for row in rows:
            to = strays[row.folder_id, row.base_id]
            if asked.get(row.dispatch_id, {}).get("to") != list(to.path):
                mail, lies = delivered_of(row), place_of(shelf.owner, row)
                own = shelved.get(row.dispatch_id, {}).get("to") == list(lies.path)
                found.append(Misplaced(mail=mail, place=lies, base=lies.path if own else tuple(row.base_path), to=to))
    return found


def _strays(shelf: Shelf, standing: Subquery, homes: Mapping[tuple[str, Path], Place]) -> dict[tuple[int, int], Place]:
    """The pairs of folder and place whose mail lies wrong, with where it is at home."""
    its = standing.c
    counted = select(its.folder_id, its.base_id).distinct().subquery("counted")
    with shelf.reading() as connection:
        pairs = connection.execute(
            select(counted, account.c.name, folder.c.path, place.c.path.label("base_path"))
            .join(folder, folder.c.id == counted.c.folder_id)
            .join(account, account.c.id == folder.c.account_id)
            .join(place, place.c.id == counted.c.base_id)
        )
        return {
            (pair.folder_id, pair.base_id): home
            for pair in pairs
            if (home := homes.get((pair.name, tuple(pair.path)))) is not None and home.path != tuple(pair.base_path)
        }


def _asked(shelf: Shelf, rows: Sequence[Any], kind: str) -> dict[DispatchId, Mapping[str, Any]]:
    """What was last asked for each of these, whatever became of it."""
    found: dict[DispatchId, Mapping[str, Any]] = {}
    for at in range(0, len(rows), PAGE):
        wanted = [row.dispatch_id for row in rows[at : at + PAGE]]
        with shelf.reading() as connection:
            ended = connection.execute(
                select(intent.c.dispatch_id, intent.c.detail)
                .join(outcome, outcome.c.intent_id == intent.c.id)
                .where(intent.c.kind == kind, intent.c.dispatch_id.in_(wanted))
                .order_by(intent.c.id)
            )
            found |= {row.dispatch_id: row.detail for row in ended}
    return found


def _standing(shelf: Shelf, accounts: Collection[str], run: int) -> Iterator[Subquery]:
    """The receipts in force, with the artefact that has the mail at the source now and what is known of it.

    First of mail that lies where it was first seen, then of mail that has moved, a page at a time: one question for
    both would keep a database from using its indexes.
    """
    was = item.alias("was")
    stayed = ~exists(select(literal(1)).where(move.c.artefact_id == was.c.artefact_id))
    newest = select(func.max(item.c.id)).where(item.c.artefact_id == was.c.artefact_id).scalar_subquery()
    yield _receipts(shelf, accounts, run, was, was.c.artefact_id, stayed & (was.c.id == newest), moved=False)
    moves = list(_moves(shelf, accounts).items())
    for at in range(0, len(moves), PAGE):
        page = dict(moves[at : at + PAGE])
        live = case(page, value=was.c.artefact_id)
        yield _receipts(shelf, accounts, run, was, live, was.c.artefact_id.in_(list(page)), moved=True)


def _receipts(
    shelf: Shelf,
    accounts: Collection[str],
    run: int,
    was: Any,
    live_id: ColumnElement[Any],
    which: ColumnElement[bool],
    *,
    moved: bool,
) -> Subquery:
    here, put, live, now = placed(), dispatch.alias("put"), artefact.alias("live"), item.alias("now")
    newest = select(func.max(item.c.id)).where(item.c.artefact_id == live_id).scalar_subquery()
    mailbox = select(place.c.id).where(place.c.target == shelf.target, place.c.owner == shelf.owner)
    return (
        select(
            here,
            was.c.received_at,
            was.c.message_id,
            place.c.path,
            place.c.role,
            receipt.c.flags.label("sent_flags"),
            receipt.c.lost,
            live.c.id.label("live_id"),
            live.c.folder_id,
            literal(moved).label("moved"),
            flags_of(live.c.id, now).label("asked"),
            func.coalesce(_relocated_to(put.c.id), put.c.place_id).label("base_id"),
        )
        .select_from(put)
        .join(here, here.c.dispatch_id == put.c.id)
        .join(place, place.c.id == here.c.place_id)
        .join(receipt, receipt.c.dispatch_id == put.c.id)
        .join(was, was.c.id == put.c.item_id)
        .join(live, live.c.id == live_id)
        .join(now, now.c.id == newest)
        .join(folder, folder.c.id == live.c.folder_id)
        .join(account, account.c.id == folder.c.account_id)
        .where(put.c.place_id.in_(mailbox), put.c.run_id != run, which)
        .where(here.c.how != "adopted", here.c.number.is_not(None), now.c.digest == was.c.digest)
        .where(account.c.name.in_(list(accounts)))
        .subquery("standing")
    )


def _moves(shelf: Shelf, accounts: Collection[str]) -> dict[int, int]:
    """Each artefact that moved, with the one that has its mail now, however often it moved."""
    with shelf.reading() as connection:
        rows = connection.execute(
            select(move.c.artefact_id, move.c.successor_id)
            .join(pass_, pass_.c.id == move.c.pass_id)
            .join(account, account.c.id == pass_.c.account_id)
            .where(account.c.name.in_(list(accounts)))
            .order_by(move.c.artefact_id.desc())  # successors are younger: their own way is known already
        )
        last: dict[int, int] = {}
        for row in rows:
            last[row.artefact_id] = last.get(row.successor_id, row.successor_id)
    return last


def _relocated_to(dispatch_id: ColumnElement[Any]) -> ColumnElement[Any]:
    return (
        select(amendment.c.place_id)
        .where(amendment.c.dispatch_id == dispatch_id, amendment.c.why == RELOCATE)
        .order_by(amendment.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
