"""What has changed at the source since it was sent: flags, and where a mail is to lie (laws.md §8).

What counts as sent is what the newest intent that has an outcome asked for, else the receipt: so nothing is asked for
twice, whatever became of it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, or_, select
from sqlalchemy.sql.selectable import Subquery

from migrator.model import DELETED, MDN_SENT, Flag, Path, Place
from migrator.staging.intents import REFLAG, RELOCATE
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
    """A mail that is to lie at `to`. It was put at `base`; another `place` is where a person has put it since."""

    mail: Delivered
    place: Place
    base: Path
    to: Place


def reflagged(shelf: Shelf, accounts: Collection[str], run: int) -> list[Reflagged]:
    """The mails whose flags have changed at the source, of those that other runs have sent."""
    standing = _standing(shelf, accounts, run)
    its = standing.c
    seen_again = exists(select(literal(1)).where(observation.c.artefact_id == its.live_id))
    query = select(standing).where(its.asked != its.flags, or_(seen_again, its.moved)).order_by(its.dispatch_id)
    found: list[Reflagged] = []
    for rows, carried in _pages(shelf, query, REFLAG):
        for row in rows:
            last = carried.get(row.dispatch_id)
            each = _reflagged(shelf, row, None if last is None else frozenset(last["flags"]))
            if each.add or each.remove:
                found.append(each)
    return found


def _reflagged(shelf: Shelf, row: Any, carried: frozenset[Flag] | None) -> Reflagged:
    """What the source has added and taken away. Of a receipt that settle found nobody knows with which flags it was
    sent: nothing is taken away then, for a person may have set it."""
    flags = frozenset(row.asked) - NEVER
    sent = frozenset(row.sent_flags) | frozenset(row.lost)
    base = carried if carried is not None else sent
    taken = frozenset[Flag]() if carried is None and row.how == "found" else base - flags - {MDN_SENT}
    return Reflagged(
        mail=delivered_of(row), place=place_of(shelf.owner, row), flags=flags, add=flags - base, remove=taken
    )


def misplaced(
    shelf: Shelf, accounts: Collection[str], run: int, homes: Mapping[tuple[str, Path], Place]
) -> list[Misplaced]:
    """The mails that were put elsewhere than their (account, folder) is at home now, of those that other runs sent."""
    standing = _standing(shelf, accounts, run)
    its = standing.c
    with shelf.reading() as connection:
        pairs = connection.execute(
            select(its.folder_id, account.c.name, folder.c.path, its.base_id, place.c.path.label("base_path"))
            .join(folder, folder.c.id == its.folder_id)
            .join(account, account.c.id == folder.c.account_id)
            .join(place, place.c.id == its.base_id)
            .group_by(its.folder_id, account.c.name, folder.c.path, its.base_id, place.c.path)
        ).all()
    strays: dict[tuple[int, int], Place] = {}
    for pair in pairs:
        home = homes.get((pair.name, tuple(pair.path)))
        if home is not None and home.path != tuple(pair.base_path):
            strays[pair.folder_id, pair.base_id] = home
    if not strays:
        return []
    wanted = or_(*(and_(its.folder_id == each, its.base_id == base) for each, base in strays))
    base = place.alias("base")
    query = (
        select(standing, base.c.path.label("base_path"))
        .join(base, base.c.id == its.base_id)
        .where(wanted)
        .order_by(its.dispatch_id)
    )
    return [
        Misplaced(
            mail=delivered_of(row),
            place=place_of(shelf.owner, row),
            base=tuple(row.base_path),
            to=strays[row.folder_id, row.base_id],
        )
        for rows, carried in _pages(shelf, query, RELOCATE)
        for row in rows
        if carried.get(row.dispatch_id, {}).get("to") != list(strays[row.folder_id, row.base_id].path)
    ]


def _pages(
    shelf: Shelf, query: Select[Any], kind: str
) -> Iterator[tuple[Sequence[Any], Mapping[DispatchId, Mapping[str, Any]]]]:
    """Rows with what was last asked for each, whatever became of it."""
    with shelf.reading() as connection:
        rows = connection.execute(query).all()
    for at in range(0, len(rows), PAGE):
        page = rows[at : at + PAGE]
        with shelf.reading() as connection:
            ended = connection.execute(
                select(intent.c.dispatch_id, intent.c.detail)
                .join(outcome, outcome.c.intent_id == intent.c.id)
                .where(intent.c.kind == kind, intent.c.dispatch_id.in_([row.dispatch_id for row in page]))
                .order_by(intent.c.id)
            )
            yield page, {row.dispatch_id: row.detail for row in ended}


def _standing(shelf: Shelf, accounts: Collection[str], run: int) -> Subquery:
    """The receipts in force, with the artefact that has the mail at the source now and what is known of it."""
    here, was, live, now = placed(), item.alias("was"), artefact.alias("live"), item.alias("now")
    ends = _ends(accounts)
    put = dispatch.alias("put")
    newest = select(func.max(item.c.id)).where(item.c.artefact_id == live.c.id).scalar_subquery()
    mine = (
        select(folder.c.id).join(account, account.c.id == folder.c.account_id).where(account.c.name.in_(list(accounts)))
    )
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
            ends.c.last.is_not(None).label("moved"),
            flags_of(live.c.id, now).label("asked"),
            func.coalesce(_relocated_to(here.c.dispatch_id), put.c.place_id).label("base_id"),
        )
        .select_from(here)
        .join(place, place.c.id == here.c.place_id)
        .join(put, put.c.id == here.c.dispatch_id)
        .join(receipt, receipt.c.dispatch_id == here.c.dispatch_id)
        .join(was, was.c.id == here.c.item_id)
        .outerjoin(ends, ends.c.artefact_id == was.c.artefact_id)
        .join(live, live.c.id == func.coalesce(ends.c.last, was.c.artefact_id))
        .join(now, now.c.id == newest)
        .where(place.c.target == shelf.target, place.c.owner == shelf.owner)
        .where(here.c.run_id != run, here.c.how != "adopted", here.c.number.is_not(None))
        .where(now.c.digest == was.c.digest, or_(now.c.id == was.c.id, ends.c.last.is_not(None)))
        .where(live.c.folder_id.in_(mine))
        .subquery("standing")
    )


def _ends(accounts: Collection[str]) -> Subquery:
    """Each artefact that moved, with the one that has its mail now, however often it moved."""
    line = (
        select(move.c.artefact_id, move.c.successor_id.label("last"))
        .join(pass_, pass_.c.id == move.c.pass_id)
        .join(account, account.c.id == pass_.c.account_id)
        .where(account.c.name.in_(list(accounts)))
        .cte("moves", recursive=True)
    )
    further = move.alias("further")
    line = line.union_all(
        select(line.c.artefact_id, further.c.successor_id).where(further.c.artefact_id == line.c.last)
    )
    later = move.alias("later")
    return (
        select(line.c.artefact_id, line.c.last)
        .where(~exists(select(literal(1)).where(later.c.artefact_id == line.c.last)))
        .subquery("ends")
    )


def _relocated_to(dispatch_id: ColumnElement[Any]) -> ColumnElement[Any]:
    return (
        select(amendment.c.place_id)
        .where(amendment.c.dispatch_id == dispatch_id, amendment.c.why == RELOCATE)
        .order_by(amendment.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
