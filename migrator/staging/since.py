"""What has changed since a run: facts that later passes over the source wrote."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from migrator.errors import Reason
from migrator.staging import tables
from migrator.staging.states import is_made, newest_item, placed, states
from migrator.staging.store import Staging, now

DAYS = 30
"""So many days before the newest mail tell how much comes in one."""


@dataclass(frozen=True, slots=True)
class Changed:
    """Artefacts of the source that a later pass saw otherwise: new ones with their bytes, other bytes under a known
    name, other flags, another folder or name, and those that are gone."""

    new: int
    bytes: int
    rewritten: int
    flags: int
    moved: int
    gone: int


def changed(staging: Staging, run: int) -> Changed:
    """What passes after this run saw for the first time. What has moved is not counted as new or gone."""
    art, item, moves = tables.artefact.c, tables.item, tables.move.c
    succeeds = select(moves.successor_id)
    new = select(func.count()).select_from(tables.artefact).where(_later(art.pass_id, run), art.id.not_in(succeeds))
    new = new.where(~is_made(art.id))
    size = select(func.coalesce(func.sum(item.c.size), 0)).join(tables.artefact, art.id == item.c.artefact_id)
    size = size.where(_later(art.pass_id, run), art.id.not_in(succeeds), ~is_made(art.id))
    old = select(art.id).where(~_later(art.pass_id, run), ~is_made(art.id))
    moved = select(func.count()).select_from(tables.move).where(_later(moves.pass_id, run))
    gone = _many(tables.presence, run, ~tables.presence.c.present)
    gone = gone.where(tables.presence.c.artefact_id.not_in(select(moves.artefact_id)))
    rewritten = _many(item, run, item.c.artefact_id.in_(old))
    seen = tables.observation
    flags = _many(seen, run, seen.c.artefact_id.in_(old))
    with staging.reading() as connection:
        counts = [int(connection.execute(each).scalar_one()) for each in (new, size, rewritten, flags, moved, gone)]
    return Changed(*counts)


def _many(table: Any, run: int, which: ColumnElement[bool]) -> Select[Any]:
    return select(func.count(table.c.artefact_id.distinct())).where(_later(table.c.pass_id, run), which)


def _later(pass_id: ColumnElement[Any], run: int) -> ColumnElement[bool]:
    return pass_id.in_(select(tables.pass_.c.id).where(tables.pass_.c.run_id > run))


@dataclass(frozen=True, slots=True)
class Broken:
    """A mail that is not what it should be."""

    account: str
    folder: tuple[str, ...]
    key: str
    why: Reason


def unsound(staging: Staging, sound: frozenset[str]) -> Iterator[Broken]:
    """Mails whose health is none of these, by their place at the source."""
    its, newest = tables.item.c, newest_item()
    query = (
        select(tables.account.c.name, tables.folder.c.path, tables.artefact.c.key, its.health)
        .join(newest, newest.c.item_id == its.id)
        .join(tables.artefact, tables.artefact.c.id == newest.c.artefact_id)
        .join(tables.folder, tables.folder.c.id == newest.c.folder_id)
        .join(tables.account, tables.account.c.id == tables.folder.c.account_id)
        .where(its.health.not_in(sound), ~is_made(newest.c.artefact_id))
        .order_by(its.id)
    )
    with staging.reading() as connection:
        for row in connection.execute(query):
            yield Broken(row.name, tuple(row.path), row.key, Reason(f"health.{row.health}"))


def withheld(staging: Staging, target: str, takes: Collection[str], accounts: Collection[str] | None) -> dict[str, int]:
    """How many mails of each sender or list are parked or held for a target."""
    standing, its = states(target, takes, accounts), tables.item.c
    query = (
        select(its.stream, func.count())
        .join(standing, standing.c.item_id == its.id)
        .where(standing.c.state.in_(["parked", "held"]))
        .group_by(its.stream)
    )
    with staging.reading() as connection:
        return {str(stream): int(many) for stream, many in connection.execute(query).all()}


@dataclass(frozen=True, slots=True)
class Refused:
    """A mail that a target would not take, with the newest reason."""

    item: int
    account: str
    folder: tuple[str, ...]
    size: int
    why: Reason


def refused(
    staging: Staging, target: str, takes: Collection[str], accounts: Collection[str] | None
) -> Iterator[Refused]:
    """Every mail that stands refused at a target."""
    standing, its = states(target, takes, accounts), tables.item.c
    query = (
        select(its.id, tables.account.c.name, tables.folder.c.path, its.size, tables.refusal)
        .join(standing, standing.c.item_id == its.id)
        .join(tables.refusal, tables.refusal.c.dispatch_id == standing.c.dispatch_id)
        .join(tables.folder, tables.folder.c.id == standing.c.folder_id)
        .join(tables.account, tables.account.c.id == tables.folder.c.account_id)
        .where(standing.c.state == "refused")
        .order_by(its.id)
    )
    with staging.reading() as connection:
        for row in connection.execute(query):
            yield Refused(row.id, row.name, tuple(row.path), row.size, Reason(row.code, **row.params))


def a_day(staging: Staging) -> tuple[float, float]:
    """Mails and bytes that come in a day, by the last month in which any came."""
    its, newest = tables.item.c, newest_item()
    own = select(its.received_at, its.size).join(newest, newest.c.item_id == its.id)
    mails = own.where(its.received_at <= now(), ~is_made(newest.c.artefact_id)).subquery()
    with staging.reading() as connection:
        last = connection.execute(select(func.max(mails.c.received_at))).scalar()
        if last is None:
            return 0.0, 0.0
        counted = select(func.count(), func.coalesce(func.sum(mails.c.size), 0))
        many, size = connection.execute(counted.where(mails.c.received_at > last - timedelta(days=DAYS))).one()
    return many / DAYS, int(size) / DAYS


@dataclass(frozen=True, slots=True)
class Timed:
    """One ended run of a step, with what it counted."""

    seconds: float
    counts: dict[str, int]


def timed(staging: Staging, step: str, most: int = 10) -> list[Timed]:
    """The newest runs of a step that came to their end."""
    its = tables.run.c
    query = select(its.began, its.ended, its.counts).where(its.step == step, its.outcome == "done")
    with staging.reading() as connection:
        rows = connection.execute(query.order_by(its.id.desc()).limit(most)).all()
    return [Timed(max(0.001, (row.ended - row.began).total_seconds()), dict(row.counts)) for row in rows]


def bytes_at(staging: Staging, target: str) -> int:
    """How much of ours lies at a target, as it was sent."""
    here, place = placed(), tables.place.c
    ours = here.c.place_id.in_(select(place.id).where(place.target == target))
    with staging.reading() as connection:
        return int(connection.execute(select(func.coalesce(func.sum(here.c.size), 0)).where(ours)).scalar_one())
