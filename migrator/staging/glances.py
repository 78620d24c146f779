"""What a person sees of the mails when he decides: a glance at one, what the folders hold, whom mails are to."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select

from migrator.model import Account, Folder, ItemId, Path, Raw, Role, Verdict
from migrator.staging import tables
from migrator.staging.opinions import Unit
from migrator.staging.states import newest_item, said_of, verdict_of
from migrator.staging.store import Staging

PAGE = 500

_said = tables.proposal.alias("said")
"""The newest proposal about each mail."""

Stamp = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """One mail, as far as a person needs it to know which one is meant."""

    item: ItemId
    artefact: int
    account: str
    folder: Path
    key: str
    sender: str
    from_: str
    subject: str
    received_at: datetime
    size: int
    health: str
    digest: str
    score: float | None
    rules: Sequence[str]
    guard: str | None


def stamp(staging: Staging) -> Stamp:
    """Changes whenever facts or proposals do; decisions do not count."""
    its = [tables.item, tables.observation, tables.presence, tables.move, tables.fault, tables.proposal]
    its += [tables.folder, tables.shared_fact]
    keys = [table.c.artefact_id if table is tables.move else table.c.id for table in its]
    with staging.reading() as connection:
        asked = select(*(select(func.coalesce(func.max(key), 0)).scalar_subquery() for key in keys))
        return tuple(map(int, connection.execute(asked).one()))


def glances(staging: Staging, items: Collection[ItemId]) -> dict[ItemId, Glance]:
    """These mails, by their numbers."""
    wanted = sorted(set(items))
    found: dict[ItemId, Glance] = {}
    for at in range(0, len(wanted), PAGE):
        found |= {each.item: each for each in _seen(staging, tables.item.c.id.in_(wanted[at : at + PAGE]))}
    return found


def of_unit(staging: Staging, unit: Unit, many: int) -> list[Glance]:
    """The newest mails of a sender or list without its orders, or its orders, by their numbers."""
    about_orders = func.coalesce(_said.c.orders, false())
    return list(_seen(staging, and_(tables.item.c.stream == unit.stream, about_orders == unit.orders), many))


def held(staging: Staging) -> Iterator[Glance]:
    """Mails for which a look by a person is proposed, or which a person holds, or decided about one by one; the newest
    first."""
    its = tables.item.c
    mine = said_of("item", its.artefact_id)
    held_now = verdict_of(its.artefact_id, tables.item) == Verdict.HOLD
    yield from _seen(staging, or_(_proposed() == Verdict.HOLD, mine.is_not(None), held_now))


def behind(staging: Staging, account: str) -> Iterator[Glance]:
    """The account's mails that are proposed for parking, or parked."""
    parked = verdict_of(tables.item.c.artefact_id, tables.item) == Verdict.PARK
    yield from _seen(staging, (tables.account.c.name == account) & or_(_proposed() == Verdict.PARK, parked))


def _proposed() -> ColumnElement[Any]:
    """The newest proposal for an item."""
    return (
        select(tables.proposal.c.verdict)
        .where(tables.proposal.c.item_id == tables.item.c.id)
        .order_by(tables.proposal.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )


def named(staging: Staging, account: str) -> dict[tuple[Path, str], ItemId]:
    """The account's mails in their newest versions, by folder and key."""
    newest = newest_item()
    query = (
        select(newest.c.item_id, tables.folder.c.path, tables.artefact.c.key)
        .join(tables.artefact, tables.artefact.c.id == newest.c.artefact_id)
        .join(tables.folder, tables.folder.c.id == newest.c.folder_id)
        .join(tables.account, tables.account.c.id == tables.folder.c.account_id)
        .where(tables.account.c.name == account, newest.c.item_id.is_not(None))
    )
    with staging.reading() as connection:
        return {(tuple(row.path), row.key): row.item_id for row in connection.execute(query)}


def damaged(staging: Staging) -> Iterator[Glance]:
    """Mails whose bytes do not look like one whole mail."""
    yield from _seen(staging, tables.item.c.health != "ok")


def spelled(staging: Staging) -> Iterator[tuple[ItemId, str, str]]:
    """Every mail's number, From and Subject as they were read."""
    newest, its = newest_item(), tables.item.c
    with staging.reading() as connection:
        rows = connection.execute(select(its.id, its.from_, its.subject).join(newest, newest.c.item_id == its.id))
        for row in rows:
            yield row.id, row.from_, row.subject


def _seen(staging: Staging, which: ColumnElement[bool], many: int | None = None) -> Iterator[Glance]:
    query = _glances().where(which).order_by(tables.item.c.id.desc()).limit(many)
    with staging.reading() as connection:
        for row in connection.execute(query):
            yield Glance(
                item=row.id,
                artefact=row.artefact_id,
                account=row.account,
                folder=tuple(row.path),
                key=row.key,
                sender=row.sender,
                from_=row.from_,
                subject=row.subject,
                received_at=row.received_at,
                size=row.size,
                health=row.health,
                digest=row.digest,
                score=row.score,
                rules=row.rules or (),
                guard=row.guard,
            )


def _glances() -> Select[Any]:
    its, later = tables.item.c, tables.item.alias("later")
    replaced = select(later.c.id).where(later.c.artefact_id == its.artefact_id, later.c.id > its.id).exists()
    last = select(func.max(tables.proposal.c.id)).where(tables.proposal.c.item_id == its.id).scalar_subquery()
    names = (its.id, its.artefact_id, its.sender, its.from_, its.subject, its.received_at, its.size, its.health)
    return (
        select(
            *names,
            its.digest,
            tables.account.c.name.label("account"),
            tables.folder.c.path,
            tables.artefact.c.key,
            _said.c.score,
            _said.c.rules,
            _said.c.guard,
        )
        .join(tables.artefact, tables.artefact.c.id == its.artefact_id)
        .join(tables.folder, tables.folder.c.id == tables.artefact.c.folder_id)
        .join(tables.account, tables.account.c.id == tables.folder.c.account_id)
        .outerjoin(_said, _said.c.id == last)
        .where(~replaced)
    )


def raw_of(staging: Staging, digest: str) -> Raw:
    """One mail's bytes."""
    with staging.reading() as connection:
        return staging.blobs.raws(connection, [digest])[digest]


@dataclass(frozen=True, slots=True)
class Contents:
    """A folder of the source and what it holds."""

    folder: Folder
    mails: int
    size: int


def folders(staging: Staging) -> list[Contents]:
    """Every folder, empty ones too, by account and path."""
    newest, its = newest_item(), tables.item
    query = (
        select(
            tables.account.c.name,
            tables.folder.c.path,
            tables.folder.c.role,
            func.count(its.c.id).label("mails"),
            func.coalesce(func.sum(its.c.size), 0).label("size"),
        )
        .join(tables.account, tables.account.c.id == tables.folder.c.account_id)
        .outerjoin(newest, newest.c.folder_id == tables.folder.c.id)
        .outerjoin(its, its.c.id == newest.c.item_id)
        .group_by(tables.folder.c.id, tables.account.c.name, tables.folder.c.path, tables.folder.c.role)
        .order_by(tables.account.c.name, tables.folder.c.path)
    )
    with staging.reading() as connection:
        return [
            Contents(
                Folder(Account(row.name), tuple(row.path), None if row.role is None else Role(row.role)),
                row.mails,
                int(row.size),
            )
            for row in connection.execute(query)
        ]


def recipients(staging: Staging) -> Iterator[tuple[str, str]]:
    """Every mail's account and the addresses that it is to."""
    newest, its = newest_item(), tables.item.c
    query = (
        select(tables.account.c.name, its.recipients)
        .join(newest, newest.c.item_id == its.id)
        .join(tables.folder, tables.folder.c.id == newest.c.folder_id)
        .join(tables.account, tables.account.c.id == tables.folder.c.account_id)
        .where(or_(tables.folder.c.role.is_(None), tables.folder.c.role != Role.SENT))
    )
    with staging.reading() as connection:
        for row in connection.execute(query):
            yield row.name, row.recipients
