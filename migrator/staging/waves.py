"""How far a wave is: what people have said of it, and what staging holds of its accounts.

People say pause, cutover and complete, and resume takes back the newest of these that stands. All else is a question.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, insert, select

from migrator.staging import tables
from migrator.staging.states import State, is_made, states
from migrator.staging.store import Staging, now, user

PAUSE, CUTOVER, COMPLETE, RESUME = "pause", "cutover", "complete", "resume"


@dataclass(frozen=True, slots=True)
class Act:
    """One word of a person."""

    act: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """What people have said of a wave and nobody has taken back, oldest first."""

    acts: tuple[Act, ...] = ()

    @property
    def paused(self) -> Act | None:
        return self._newest(PAUSE)

    @property
    def cut_over(self) -> Act | None:
        return self._newest(CUTOVER)

    @property
    def signed(self) -> Act | None:
        return self._newest(COMPLETE)

    @property
    def last(self) -> Act | None:
        """What `resume` would take back."""
        return self.acts[-1] if self.acts else None

    def _newest(self, act: str) -> Act | None:
        return next((each for each in reversed(self.acts) if each.act == act), None)


NOTHING = Said()


def say(staging: Staging, wave: str, act: str, detail: Mapping[str, Any] | None = None) -> None:
    """Write down that whoever is at work says this."""
    with staging.writing() as connection:
        connection.execute(
            insert(tables.wave_act).values(wave=wave, act=act, detail=dict(detail or {}), by=user(), at=now())
        )


def said(staging: Staging) -> dict[str, Said]:
    """What stands of each wave of which somebody has said anything."""
    standing: dict[str, list[Act]] = {}
    with staging.reading() as connection:
        for row in connection.execute(select(tables.wave_act).order_by(tables.wave_act.c.id)):
            acts = standing.setdefault(row.wave, [])
            if row.act != RESUME:
                acts.append(Act(row.act, row.by, row.at))
            elif acts:
                acts.pop()
    return {wave: Said(tuple(acts)) for wave, acts in standing.items()}


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of a wave's mails at its target; `waiting` has their bytes that are to do. `late` of these were to do
    before the newest load of them began: it did not come to its end."""

    states: Mapping[str, int]
    waiting: int = 0
    late: int = 0

    def __getitem__(self, state: str) -> int:
        return self.states.get(state, 0)


def counts(
    staging: Staging, target: str, takes: Collection[str], accounts: Collection[str], owners: Collection[str]
) -> Counts:
    """By state, without mails of our own making."""
    standing, its = states(target, takes, accounts), tables.artefact
    newest = newest_run(staging, target, owners)
    to_do = standing.c.state == State.TO_DO.value
    late = case((tables.pass_.c.run_id < (newest or 0), 1), else_=0)
    with staging.reading() as connection:
        rows = connection.execute(
            select(
                standing.c.state,
                func.count().label("mails"),
                func.coalesce(func.sum(case((to_do, tables.item.c.size), else_=0)), 0).label("bytes"),
                func.coalesce(func.sum(case((to_do, late), else_=0)), 0).label("late"),
            )
            .join(its, its.c.id == standing.c.artefact_id)
            .join(tables.pass_, tables.pass_.c.id == its.c.pass_id)
            .outerjoin(tables.item, tables.item.c.id == standing.c.item_id)
            .where(~is_made(standing.c.artefact_id))
            .group_by(standing.c.state)
        ).all()
    return Counts(
        {row.state: row.mails for row in rows},
        int(sum(row.bytes for row in rows)),
        int(sum(row.late for row in rows)),
    )


def begun(staging: Staging) -> dict[str, set[str]]:
    """By target, the mailboxes in which a load has looked at a place."""
    its, found = tables.place.c, dict[str, set[str]]()
    looked = select(tables.mark.c.place_id).where(tables.mark.c.place_id == its.id).exists()
    with staging.reading() as connection:
        for target, owner in connection.execute(select(its.target, its.owner).where(looked).distinct()):
            found.setdefault(target, set()).add(owner)
    return found


def newest_run(staging: Staging, target: str, owners: Collection[str]) -> int | None:
    """The newest load that sent to one of these mailboxes, or was the first to look there."""
    its = tables.place.c
    with staging.reading() as connection:
        return connection.execute(
            select(func.max(tables.mark.c.run_id))
            .join(tables.place, its.id == tables.mark.c.place_id)
            .where(its.target == target, its.owner.in_(owners))
        ).scalar()


def unverified(staging: Staging, target: str, owners: Collection[str]) -> list[str]:
    """Those of these mailboxes that verify has not looked through since mail was last sent there."""
    its, seen = tables.place.c, tables.run_place.c
    verified = select(func.max(seen.run_id)).where(seen.place_id == its.id).scalar_subquery()
    sent = select(func.max(tables.dispatch.c.run_id)).where(tables.dispatch.c.place_id == its.id).scalar_subquery()
    with staging.reading() as connection:
        rows = connection.execute(
            select(its.owner)
            .where(its.target == target, its.owner.in_(owners), sent > func.coalesce(verified, 0))
            .distinct()
            .order_by(its.owner)
        )
        return list(rows.scalars())


def loads_of(staging: Staging, target: str, owners: Collection[str]) -> list[int]:
    """Every load to these mailboxes, the newest first."""
    its, run = tables.place.c, tables.run.c
    mine = select(its.id).where(its.target == target, its.owner.in_(owners))
    sent = select(tables.dispatch.c.run_id).where(tables.dispatch.c.place_id.in_(mine))
    given = select(tables.entitlement.c.run_id).where(tables.entitlement.c.place_id.in_(mine))
    worded = (
        select(tables.intent.c.run_id)
        .join(tables.dispatch, tables.dispatch.c.id == tables.intent.c.dispatch_id)
        .where(tables.dispatch.c.place_id.in_(mine))
    )
    with staging.reading() as connection:
        rows = connection.execute(
            select(run.id).where(run.step == "load", run.id.in_(sent.union(given, worded))).order_by(run.id.desc())
        )
        return list(rows.scalars())
