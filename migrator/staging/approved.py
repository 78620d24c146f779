"""The senders and lists that a person parked, with all that was staged from them: what rules for a new server need."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, or_, select

from migrator.model import Raw, Verdict
from migrator.staging import tables
from migrator.staging.states import TAKEN_BACK, newest_item
from migrator.staging.store import Staging

PAGE = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A staged mail from a parked sender or list, or of a parked sender through a list."""

    name: str
    """The sender or list by which people decide about it."""
    is_list: bool
    sender: str
    subject: str
    digest: str
    kept: bool
    """A person decided otherwise about this very mail."""
    orders: bool
    """About an order, a delivery, a bill or an account."""
    proposal: tuple[str | None, Sequence[str]] | None
    """The guard, and the signals and rules that said so: the newest."""


def parked_senders(staging: Staging) -> list[str]:
    """Senders and lists about which the newest word of a person is park."""
    with staging.reading() as connection:
        return list(connection.execute(_parked().order_by(tables.decision.c.sender)).scalars())


def _parked() -> Select[str]:
    its = tables.decision.c
    newest = select(func.max(its.id)).where(its.scope == "sender").group_by(its.sender)
    return select(its.sender).where(its.id.in_(newest), its.verdict == Verdict.PARK)


def sent(staging: Staging) -> Iterator[Sent]:
    """All mail of parked senders and lists in its newest version, in the order in which it was staged. A parked
    address's mail through a list comes too, under the list's name."""
    last = 0
    query = _sent().order_by(tables.item.c.id).limit(PAGE)
    while True:
        with staging.reading() as connection:
            page = connection.execute(query.where(tables.item.c.id > last)).all()
        if not page:
            return
        for row in page:
            yield Sent(
                name=row.name,
                is_list=row.list_id is not None,
                sender=row.sender,
                subject=row.subject,
                digest=row.digest,
                kept=row.said not in (None, TAKEN_BACK, Verdict.PARK),
                orders=bool(row.orders),
                proposal=None if row.rules is None else (row.guard, row.rules),
            )
        last = page[-1].id


def _sent() -> Select[Any]:
    newest, item, said, decided = newest_item(), tables.item, tables.proposal.alias("said"), tables.decision.alias()
    its = item.c
    proposed = select(func.max(tables.proposal.c.id)).where(tables.proposal.c.item_id == its.id).scalar_subquery()
    word = (
        select(decided.c.verdict)
        .where(decided.c.artefact_id == its.artefact_id, decided.c.scope == "item")
        .order_by(decided.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(
            its.id,
            its.stream.label("name"),
            its.list_id,
            its.sender,
            its.subject,
            its.digest,
            word.label("said"),
            said.c.orders,
            said.c.guard,
            case((said.c.id.is_not(None), said.c.rules)).label("rules"),
        )
        .join(newest, newest.c.item_id == its.id)
        .outerjoin(said, said.c.id == proposed)
        .where(or_(_is_parked(its.stream), _is_parked(func.lower(its.sender))))
    )


def _is_parked(name: ColumnElement[str]) -> ColumnElement[bool]:
    return name.in_(_parked())


def raws(staging: Staging, digests: Iterable[str]) -> dict[str, Raw]:
    """These raws, by digest."""
    with staging.reading() as connection:
        return staging.blobs.raws(connection, digests)
