"""What a migration comes to in numbers, by step, target, state and code: nothing here names a person or a mailbox."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from migrator.staging import tables
from migrator.staging.live import going, standings
from migrator.staging.store import Staging

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How the newest finished run of a step ended."""

    step: str
    target: str
    outcome: str
    ended: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """All of it at one moment. A target is "" where a step has none."""

    mails: Mapping[Labels, int] = field(default_factory=dict)
    """By step and target, all that it ever wrote."""
    bytes: Mapping[Labels, int] = field(default_factory=dict)
    states: Mapping[Labels, int]
    """By target and state; `to_do` is how far the target lags behind."""
    refusals: Mapping[Labels, int]
    """By target and code."""
    faults: Mapping[Labels, int]
    """By code."""
    setbacks: Mapping[Labels, int]
    """By step, target and code."""
    findings: Mapping[Labels, int]
    """By target and kind, of the newest verify of each."""
    running: Mapping[Labels, int]
    """By step and target, the runs that are alive."""
    ended: Collection[Ended]


def counted(staging: Staging, targets: Mapping[str, Collection[str]]) -> Counted:
    """Count it; `targets` with what each takes."""
    states: Counter[Labels] = Counter()
    for target, takes in targets.items():
        for counts in standings(staging, target, takes).values():
            states.update({(target, state): many for state, many in counts.items()})
        states.update({(target, state): 0 for state in ("to_do", "loaded", "in_doubt", "refused")})
    runs = going(staging)
    alive: Counter[Labels] = Counter((each.step, each.target or "") for each in runs if each.alive)
    with staging.reading() as connection:
        written = list(_written(connection))
        ended = {(each.step, each.target): each for each in _ended(connection)}
        for each in runs:
            if not each.alive:  # the next run will say so; a monitor must know it before
                its = Ended(step=each.step, target=each.target or "", outcome="killed", ended=None)
                ended[its.step, its.target] = its
        return Counted(
            mails={labels: mails for labels, mails, _ in written},
            bytes={labels: size for labels, _, size in written if size is not None},
            states=states,
            refusals=_grouped(connection, _refusals()),
            faults=_grouped(connection, select(tables.fault.c.code, func.count()).group_by(tables.fault.c.code)),
            setbacks=_grouped(connection, _setbacks()),
            findings=_grouped(connection, _findings()),
            running={each: alive[each] for each in {*alive, *ended}},
            ended=list(ended.values()),
        )


def _written(connection: Connection) -> Iterator[tuple[Labels, int, int | None]]:
    mails, size = connection.execute(select(func.count(), func.sum(tables.item.c.size))).one()
    yield ("extract", ""), mails, int(size or 0)
    yield ("judge", ""), connection.execute(select(func.count()).select_from(tables.proposal)).scalar_one(), None
    its, target = tables.receipt.c, tables.place.c.target
    sent = (
        select(target, func.count(), func.sum(its.size))
        .join(tables.dispatch, tables.dispatch.c.place_id == tables.place.c.id)
        .join(tables.receipt, its.dispatch_id == tables.dispatch.c.id)
        .where(its.how != "adopted")
        .group_by(target)
    )
    for name, mails, size in connection.execute(sent):
        yield ("load", name), mails, int(size)
    seen: Select[Any] = (
        select(target, func.sum(tables.run_place.c.mails))
        .join(tables.run_place, tables.run_place.c.place_id == tables.place.c.id)
        .group_by(target)
    )
    for name, mails in connection.execute(seen):
        yield ("verify", name), int(mails), None


def _refusals() -> Select[Any]:
    code, target = tables.refusal.c.code, tables.place.c.target
    return (
        select(target, code, func.count())
        .join(tables.dispatch, tables.dispatch.c.place_id == tables.place.c.id)
        .join(tables.refusal, tables.refusal.c.dispatch_id == tables.dispatch.c.id)
        .group_by(target, code)
    )


def _setbacks() -> Select[Any]:
    run, code = tables.run.c, tables.setback.c.code
    target = func.coalesce(run.target, "")
    joined = select(run.step, target, code, func.count()).join(tables.setback, tables.setback.c.run_id == run.id)
    return joined.group_by(run.step, target, code)


def _findings() -> Select[Any]:
    run, its = tables.run.c, tables.finding.c
    newest = select(func.max(run.id)).where(run.step == "verify", run.ended.is_not(None)).group_by(run.target)
    joined = select(run.target, its.kind, func.count()).join(tables.finding, its.run_id == run.id)
    return joined.where(run.id.in_(newest)).group_by(run.target, its.kind)


def _ended(connection: Connection) -> Iterator[Ended]:
    its = tables.run.c
    newest = select(func.max(its.id)).where(its.outcome.is_not(None)).group_by(its.step, its.target)
    for row in connection.execute(select(its.step, its.target, its.outcome, its.ended).where(its.id.in_(newest))):
        yield Ended(step=row.step, target=row.target or "", outcome=row.outcome, ended=row.ended)


def _grouped(connection: Connection, query: Select[Any]) -> dict[Labels, int]:
    return {tuple(labels): many for *labels, many in connection.execute(query)}
