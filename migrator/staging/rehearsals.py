"""Rehearsals: each is a target of its own to staging (`rehearsal#3`), so that no ledger ever sees another's mail.

A generation begins with an empty target; a rehearsal that finds the last one's mail there goes on in its generation, as
the night of the cut-over goes on after the first load. That they were is told by runs of the step `rehearse`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select, update

from migrator.settings import GENERATION
from migrator.staging import tables
from migrator.staging.locks import alone
from migrator.staging.states import placed, unanswered
from migrator.staging.store import Staging

STEP = "rehearse"
NUMBER = "rehearsal"
"""The count in which a run keeps the number of its rehearsal."""


def plain(target: str) -> str:
    """The name that people gave the target: a rehearsal's is told by the newest of them."""
    return target.partition(GENERATION)[0]


def of_target(target: str) -> ColumnElement[bool]:
    """Whether a run went to this target, in any of its rehearsals."""
    its = tables.run.c.target
    return or_(its == plain(target), its.startswith(plain(target) + GENERATION, autoescape=True))


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One that was begun: its number, its generation by the name that staging knows, and whether it came to its end."""

    number: int
    generation: str
    done: bool


def begun(staging: Staging, target: str | None = None) -> Iterator[Rehearsal]:
    """All rehearsals, or those of one target, oldest first; one that was taken up again comes once for each time."""
    its = tables.run.c
    query = select(its.target, its.outcome, its.counts).where(its.step == STEP).order_by(its.id)
    with staging.reading() as connection:
        rows = connection.execute(query if target is None else query.where(of_target(target))).all()
    for row in rows:
        yield Rehearsal(int(row.counts[NUMBER]), str(row.target), row.outcome == "done")


def newest(staging: Staging) -> dict[str, str]:
    """The newest generation of each target that has seen a rehearsal."""
    return {plain(each.generation): each.generation for each in begun(staging)}


def bury(staging: Staging) -> None:
    """Rehearsals that never ended were killed. Raises UsageError where somebody extracts or loads now."""
    its = tables.run.c
    silent = (its.step == STEP, its.ended.is_(None), its.outcome.is_(None))
    with alone(staging, STEP):  # on PostgreSQL this buries them already
        if staging.sqlite:
            with staging.writing() as connection:
                connection.execute(update(tables.run).where(*silent).values(outcome="killed"))


def loads_to(staging: Staging, generation: str) -> list[int]:
    """Every load of one generation, newest first."""
    its = tables.run.c
    with staging.reading() as connection:
        rows = connection.execute(
            select(its.id).where(its.step == "load", its.target == generation).order_by(its.id.desc())
        )
        return list(rows.scalars())


def is_there(staging: Staging, generation: str) -> bool:
    """Something that was sent in this generation lies at its target, or may."""
    here, sent, place = placed(), tables.dispatch.c, tables.place.c
    ours = select(place.id).where(place.target == generation)
    received = select(here.c.dispatch_id).where(here.c.place_id.in_(ours)).limit(1)
    doubted = select(sent.id).where(sent.place_id.in_(ours), unanswered(sent.id)).limit(1)
    with staging.reading() as connection:
        return any(connection.execute(each).first() is not None for each in (received, doubted))


def newest_run(staging: Staging) -> int:
    """The number of the newest run of any step."""
    with staging.reading() as connection:
        return int(connection.execute(select(func.coalesce(func.max(tables.run.c.id), 0))).scalar_one())


def loads_seen(staging: Staging, target: str) -> list[tuple[float, int]]:
    """The seconds of every load to a target that came to its end after an earlier one, and the mails that it loaded."""
    its, older = tables.run.c, tables.run.alias("older")
    before = select(older.c.id).where(older.c.step == "load", older.c.target == its.target, older.c.id < its.id)
    query = select(its.began, its.ended, its.counts).where(its.step == "load", of_target(target))
    with staging.reading() as connection:
        rows = connection.execute(query.where(its.outcome == "done", before.exists()).order_by(its.id)).all()
    return [(max(0.001, (row.ended - row.began).total_seconds()), row.counts.get("loaded", 0)) for row in rows]
