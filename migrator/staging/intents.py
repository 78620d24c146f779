"""What is about to be done to a mail that lies at a target, and what came of it: an intent row precedes every change
as a dispatch precedes every sending (laws.md §8).

An intent without an outcome is one whose run was killed; whoever means the same again takes it up.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, insert, literal, select

from migrator import log
from migrator.model import Amended, Flag, Gone, Moved, Place, Sighting, Touched, Unable, Withdrawn
from migrator.staging import tables
from migrator.staging.locks import Lease
from migrator.staging.noted import note_dispatches
from migrator.staging.sightings import DispatchId, Shelf
from migrator.staging.store import Run, Staging, take_ids

IntentId = int

WITHDRAW, SURPLUS, REFLAG, RELOCATE, STATE, SHELVE = "withdraw", "surplus", "reflag", "relocate", "state", "shelve"
"""What can be meant: to take back the mail of a receipt, or a copy that has none; to change flags, the place, the words
that tell how far the work is, or the sub-folder that shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One mail that is to be changed: the dispatch it came by, and its ref and more as it is expected to lie there.

    `detail` is what is meant, for whoever finds the intent open: the flags, or the place.
    """

    dispatch: DispatchId
    expected: Sighting
    detail: Mapping[str, Any]


class Begun(NamedTuple):
    """An intent in hand; `killed`: a run that was killed had it in hand before, and may have come to the deed."""

    intent: IntentId
    killed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """An intent whose outcome nobody wrote down."""

    intent: IntentId
    dispatch: DispatchId
    kind: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Changed:
    """Done: it lies in this place, as it was amended. `theirs` are flags that people have set or taken away beside."""

    place: Place
    now: Amended
    theirs: frozenset[Flag] = frozenset()


Outcome = Withdrawn | Changed | Gone | Touched | Moved | Unable


class Intents:
    """The intents of one mailbox at one target, written under its lease."""

    def __init__(self, staging: Staging, run: Run, shelf: Shelf, lease: Lease) -> None:
        self._staging = staging
        self._run = run
        self._shelf = shelf
        self._lease = lease

    def begin(self, kind: str, wishes: Sequence[Wish]) -> list[Begun]:
        """Write down that these are about to be changed, before the first is; an open intent that means the same is
        taken up again."""
        if not wishes:
            return []
        its = tables.intent.c
        with self._staging.writing() as connection:
            self._lease.hold(connection)
            rows = connection.execute(
                select(its.id, its.dispatch_id, its.detail)
                .where(its.kind == kind, its.dispatch_id.in_([each.dispatch for each in wishes]), _open())
                .order_by(its.id)
            )
            numbers: dict[tuple[DispatchId, str], IntentId] = {
                (row.dispatch_id, _same(row.detail)): row.id for row in rows
            }
            details = [{"ref": each.expected.ref, **each.detail} for each in wishes]
            keys = [(each.dispatch, _same(detail)) for each, detail in zip(wishes, details, strict=True)]
            killed = set(numbers)
            new = {key: detail for key, detail in zip(keys, details, strict=True) if key not in killed}
            if new:
                numbers |= dict(zip(new, take_ids(connection, tables.intent, len(new)), strict=True))
                connection.execute(
                    insert(tables.intent),
                    [
                        {
                            "id": numbers[key],
                            "dispatch_id": key[0],
                            "kind": kind,
                            "detail": detail,
                            "run_id": self._run.id,
                            "fence": self._lease.fence,
                        }
                        for key, detail in new.items()
                    ],
                )
        return [Begun(numbers[key], killed=key in killed) for key in keys]

    def end(self, outcomes: Iterable[tuple[IntentId, Outcome]]) -> None:
        """Write down what came of them; where a mail was changed, also how it lies now."""
        ended = list(outcomes)
        if not ended:
            return
        with self._staging.writing() as connection:
            self._lease.hold(connection)
            connection.execute(
                insert(tables.outcome),
                [
                    {"intent_id": intent, "kind": _kind(outcome), "detail": _detail(outcome)}
                    for intent, outcome in ended
                ],
            )
            changed = {intent: outcome for intent, outcome in ended if isinstance(outcome, Changed)}
            if changed:
                self._amend(connection, changed)
        for _, outcome in ended:
            self._run.count(_word(outcome))
        if log.heard():
            self._log(dict(ended))

    def _log(self, ended: Mapping[IntentId, Outcome]) -> None:
        its = tables.intent.c
        with self._staging.reading() as connection:
            rows = connection.execute(select(its.id, its.dispatch_id, its.kind).where(its.id.in_(list(ended)))).all()
        became = [(row.dispatch_id, {"meant": row.kind, **_became(ended[row.id])}) for row in rows]
        note_dispatches(self._staging, self._run, became)

    def open(self, *kinds: str) -> list[Open]:
        """The intents of this mailbox that have no outcome, oldest first."""
        its = tables.intent.c
        with self._staging.reading() as connection:
            rows = connection.execute(
                select(its.id, its.dispatch_id, its.kind, its.detail)
                .join(tables.dispatch, tables.dispatch.c.id == its.dispatch_id)
                .join(tables.place, tables.place.c.id == tables.dispatch.c.place_id)
                .where(tables.place.c.target == self._shelf.target, tables.place.c.owner == self._shelf.owner)
                .where(its.kind.in_(kinds), _open())
                .order_by(its.id)
            )
            return [Open(intent=row.id, dispatch=row.dispatch_id, kind=row.kind, detail=row.detail) for row in rows]

    def _amend(self, connection: Connection, changed: Mapping[IntentId, Changed]) -> None:
        its = tables.intent.c
        rows = connection.execute(select(its.id, its.dispatch_id, its.kind).where(its.id.in_(list(changed)))).all()
        places = {each.place: self._shelf.place_id(each.place) for each in changed.values()}
        connection.execute(
            insert(tables.amendment),
            [
                {
                    "dispatch_id": row.dispatch_id,
                    "place_id": places[changed[row.id].place],
                    **_numbers(changed[row.id].now.ref),
                    "flags": sorted(changed[row.id].now.flags),
                    "why": row.kind,
                    "run_id": self._run.id,
                }
                for row in rows
            ],
        )


def meant(dispatch: ColumnElement[DispatchId]) -> ColumnElement[bool]:
    """A killed run was about to change the mail of this dispatch, and may have done it."""
    its = tables.intent.c
    return select(literal(1)).where(its.dispatch_id == dispatch, _open()).exists()


def _open() -> Any:
    return ~select(literal(1)).where(tables.outcome.c.intent_id == tables.intent.c.id).exists()


def _same(detail: Mapping[str, Any]) -> str:
    return repr(sorted(detail.items()))


def _word(outcome: Outcome) -> str:
    """How a run counts it."""
    match outcome:
        case Withdrawn():
            return "withdrawn"
        case Changed():
            return "amended"
        case Moved():
            return "moved"
        case Unable():
            return "unable"
        case _:
            return _kind(outcome)


def _became(outcome: Outcome) -> dict[str, Any]:
    """What the log says of it."""
    why = {"why": outcome.reason} if isinstance(outcome, Unable) else {}
    return {"became": _word(outcome), **why}


def _kind(outcome: Outcome) -> str:
    match outcome:
        case Changed(theirs=theirs) if theirs:
            return "touched"
        case Withdrawn() | Changed():
            return "done"
        case Gone():
            return "gone"
        case Touched() | Moved():
            return "touched"
        case Unable():
            return "refused"


def _detail(outcome: Outcome) -> dict[str, Any]:
    match outcome:
        case Touched(now=now):
            return {"ref": now.ref, "flags": sorted(now.flags)}
        case Moved(place=place, now=now):
            return {"to": list(place.path), "ref": now.ref}
        case Unable(reason=reason):
            return {"code": reason.code, "params": dict(reason.params)}
        case Changed(theirs=theirs) if theirs:
            return {"theirs": sorted(theirs)}
        case Withdrawn() | Changed() | Gone():
            return {}


def _numbers(ref: str | None) -> dict[str, int | None]:
    epoch, _, number = (ref or "").rpartition(":")
    return {"epoch": int(epoch) if ref else None, "number": int(number) if ref else None}
