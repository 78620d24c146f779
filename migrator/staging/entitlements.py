"""Who was to be given which rights in the places of one mailbox, and what came of it: a row precedes every grant and
revoke, as an intent precedes every change of a mail (laws.md §8).

What was last asked for counts, whatever came of it: so nothing is asked for twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, exists, func, insert, literal, select

from migrator.errors import Reason
from migrator.inboxes import Right
from migrator.model import Place
from migrator.staging import tables
from migrator.staging.locks import Lease
from migrator.staging.sightings import Shelf, place_of
from migrator.staging.store import Run, Staging, insert_one

DONE, TOUCHED, REFUSED = "done", "touched", "refused"
"""What came of it; touched: a person has changed what they may do since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was last asked for somebody in a place: these rights (none: to take back what we had given), what they could
    do before and after, in the target's own words, and what came of it."""

    who: str
    rights: frozenset[Right]
    was: str
    word: str
    kind: str

    @property
    def stands(self) -> bool:
        """They have it from us."""
        return bool(self.rights) and self.kind == DONE


class Entitlements:
    """The rights in one mailbox's places, written under its lease."""

    def __init__(self, staging: Staging, run: Run, shelf: Shelf, lease: Lease) -> None:
        self._staging, self._run, self._shelf, self._lease = staging, run, shelf, lease

    def asked(self, place: Place) -> Mapping[str, Asked]:
        """What was last asked for each person there, and answered."""
        return asked(self._shelf, place)

    def given_by(self, run: int) -> dict[Place, list[Asked]]:
        """What people have from us in this mailbox, and got from this very run."""
        every = given_by(self._staging, run)
        return {place: given for place, given in every.items() if place.owner == self._shelf.owner}

    def begin(self, place: Place, who: str, rights: frozenset[Right], was: str) -> tuple[int, str]:
        """Write down what is about to be asked, before it is: its number, and what they could do before. Where a killed
        run was about to ask the same, that is what it had seen then."""
        its, wanted = tables.entitlement.c, sorted(rights)
        with self._staging.writing() as connection:
            self._lease.hold(connection)
            number = self._shelf.place_id(place)
            open_ = connection.execute(
                select(its.id, its.was)
                .where(its.place_id == number, its.who == who, its.rights == wanted, ~_ended())
                .order_by(its.id.desc())
                .limit(1)
            ).first()
            if open_ is not None:
                return open_.id, open_.was
            made = insert_one(
                connection,
                tables.entitlement,
                place_id=number,
                who=who,
                rights=wanted,
                was=was,
                run_id=self._run.id,
                fence=self._lease.fence,
            )
        return made, was

    def end(self, number: int, kind: str, word: str, why: Reason | None = None) -> None:
        """Write down what came of it, and what they can do now."""
        detail: dict[str, Any] = {"code": why.code, "params": dict(why.params)} if why else {}
        with self._staging.writing() as connection:
            self._lease.hold(connection)
            row = {"entitlement_id": number, "kind": kind, "word": word, "detail": detail}
            connection.execute(insert(tables.entitled).values(**row))


def asked(shelf: Shelf, place: Place) -> dict[str, Asked]:
    """What was last asked for each person in a place, and answered."""
    number = shelf.place_id(place)
    with shelf.reading() as connection:
        return {
            row.who: _asked(row) for row in connection.execute(_newest().where(tables.entitlement.c.place_id == number))
        }


def given_by(staging: Staging, run: int) -> dict[Place, list[Asked]]:
    """What people have from us, and got from this very run, in all mailboxes."""
    its, found = tables.place.c, dict[Place, list[Asked]]()
    with staging.reading() as connection:
        rows = connection.execute(
            _newest()
            .add_columns(its.owner, its.path, its.role)
            .join(tables.place, its.id == tables.entitlement.c.place_id)
            .where(tables.entitlement.c.run_id == run)
        )
        for row in rows:
            if _asked(row).stands:
                found.setdefault(place_of(row.owner, row), []).append(_asked(row))
    return found


def _newest() -> Select[Any]:
    """Of everything that was asked for somebody in a place and answered, what came last."""
    its, answer, later = tables.entitlement, tables.entitled, tables.entitlement.alias("later")
    last = (
        select(func.max(later.c.id))
        .join(answer, answer.c.entitlement_id == later.c.id)
        .where(later.c.place_id == its.c.place_id, later.c.who == its.c.who)
        .correlate(its)
        .scalar_subquery()
    )
    return (
        select(its.c.who, its.c.rights, its.c.was, answer.c.word, answer.c.kind)
        .join(answer, answer.c.entitlement_id == its.c.id)
        .where(its.c.id == last)
        .order_by(its.c.id)
    )


def _ended() -> Any:
    return exists(select(literal(1)).where(tables.entitled.c.entitlement_id == tables.entitlement.c.id))


def _asked(row: Any) -> Asked:
    rights = frozenset(map(Right, row.rights))
    return Asked(who=row.who, rights=rights, was=row.was, word=row.word, kind=row.kind)
