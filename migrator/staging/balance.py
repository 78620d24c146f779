"""Both sides of the ledger as staging knows them: states by folder, and what a place ought to hold."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from migrator.model import Account, Folder, Place
from migrator.staging import tables
from migrator.staging.states import State, first_mark, is_made, placed, states, withdrawn
from migrator.staging.store import Staging

MADE = "made"


def states_by_folder(staging: Staging, target: str, takes: Collection[str]) -> dict[Folder, tuple[dict[str, int], int]]:
    """How many artefacts of each folder are in each state, and how many of them the source has no more. What we made
    ourselves counts under `made` alone, once it is loaded."""
    standing = states(target, takes)
    ours = is_made(standing.c.artefact_id).label("ours")
    found: dict[Folder, tuple[dict[str, int], int]] = {}
    with staging.reading() as connection:
        rows = connection.execute(
            select(
                tables.account.c.name,
                tables.folder.c.path,
                standing.c.state,
                standing.c.gone,
                ours,
                func.count().label("artefacts"),
            )
            .select_from(tables.folder)
            .join(tables.account, tables.account.c.id == tables.folder.c.account_id)
            .outerjoin(standing, standing.c.folder_id == tables.folder.c.id)
            .group_by(tables.account.c.name, tables.folder.c.path, standing.c.state, standing.c.gone, ours)
        )
        for row in rows:
            folder = Folder(Account(row.name), tuple(row.path))
            counts, gone = found.get(folder) or (dict.fromkeys([*(state.value for state in State), MADE], 0), 0)
            if row.state is not None and row.ours:
                counts[MADE] += row.artefacts if row.state == State.LOADED else 0
            elif row.state is not None:
                counts[row.state] += row.artefacts
                gone += row.artefacts if row.gone else 0
            found[folder] = counts, gone
    return found


def census_recorded(staging: Staging) -> dict[Folder, int]:
    """The artefacts a folder that the newest finished pass counted."""
    newest = (
        select(func.max(tables.pass_.c.id))
        .where(tables.pass_.c.account_id == tables.folder.c.account_id, tables.pass_.c.ended.is_not(None))
        .scalar_subquery()
    )
    with staging.reading() as connection:
        rows = connection.execute(
            select(tables.account.c.name, tables.folder.c.path, tables.census.c.artefacts)
            .join(tables.folder, tables.folder.c.id == tables.census.c.folder_id)
            .join(tables.account, tables.account.c.id == tables.folder.c.account_id)
            .where(tables.census.c.pass_id == newest)
        )
        return {Folder(Account(row.name), tuple(row.path)): row.artefacts for row in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a place ought to hold: `mails` in all, and the number it ought to give out `next`."""

    epoch: int
    mails: int
    next: int
    extra: int
    missing: int


def place_standing(staging: Staging, target: str, place: Place) -> Standing:
    """Mail older than ours + receipts in force + strangers' mail - missing, as the newest verify saw them."""
    with staging.reading() as connection:
        place_id = connection.execute(
            select(tables.place.c.id).where(
                tables.place.c.target == target,
                tables.place.c.owner == place.owner,
                tables.place.c.path == list(place.path),
            )
        ).scalar_one()
        first = connection.execute(first_mark(place_id)).one()
        here = placed()
        receipts = connection.execute(
            select(func.count()).select_from(here).where(here.c.place_id == place_id)
        ).scalar_one()
        highest = _highest(connection, place_id, first.epoch)
        its = tables.run_place.c
        seen = connection.execute(
            select(its.run_id, its.next, its.before)
            .where(its.place_id == place_id, its.epoch == first.epoch)
            .order_by(its.run_id.desc())
            .limit(1)
        ).first()
        kinds: dict[str, int] = {}
        arrived = 0
        if seen is not None:
            found = tables.finding.c
            kinds = dict(
                connection.execute(
                    select(found.kind, func.count())
                    .where(found.run_id == seen.run_id, found.place_id == place_id)
                    .where(found.dispatch_id.is_(None) | ~withdrawn(found.dispatch_id))
                    .group_by(found.kind)
                ).all()
            )
            moves = connection.execute(
                select(found.detail)
                .join(tables.place, tables.place.c.id == found.place_id)
                .where(found.run_id == seen.run_id, found.kind == "place", tables.place.c.owner == place.owner)
            ).scalars()
            arrived = sum(detail["to"] == list(place.path) for detail in moves)
        older = connection.execute(
            select(func.count()).where(
                here.c.place_id == place_id,
                here.c.epoch == first.epoch,
                here.c.number < first.next,
                here.c.run_id > (0 if seen is None else seen.run_id),
            )
        ).scalar_one()
    missing, extra = kinds.get("missing", 0), kinds.get("extra", 0)
    before = (first.mails if seen is None else seen.before) - older  # what was adopted since is a stranger's no more
    return Standing(
        epoch=first.epoch,
        mails=before + receipts + extra + arrived - missing - kinds.get("place", 0),
        next=max(first.next, highest + 1, 0 if seen is None else seen.next),
        extra=extra,
        missing=missing,
    )


def _highest(connection: Connection, place_id: int, epoch: int) -> int:
    """The largest number that mail of ours was ever given there, also mail that is withdrawn or moved on since."""
    put, amended = tables.receipt.c, tables.amendment.c
    delivered = (
        select(func.max(put.number))
        .join(tables.dispatch, tables.dispatch.c.id == put.dispatch_id)
        .where(tables.dispatch.c.place_id == place_id, put.epoch == epoch)
    )
    arrived = select(func.max(amended.number)).where(amended.place_id == place_id, amended.epoch == epoch)
    return max(connection.execute(each).scalar() or 0 for each in (delivered, arrived))
