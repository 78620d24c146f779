"""What the filter judges by: the signals that each mail shows, kept, and what the store itself knows of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, exists, func, insert, literal, or_, select

from migrator.mail.streams import StreamKey
from migrator.model import Account, Flag, Folder, ItemId, Path, Raw, Role
from migrator.routes import role_of
from migrator.staging import tables
from migrator.staging.states import flags_of, is_made, is_newest, newest_item, said_of
from migrator.staging.store import Staging

PAGE = 5_000

UNREAD_ITEMS, UNREAD_BYTES = 500, 32 * 2**20
"""So many mails are read at once; a larger one alone."""


@dataclass(frozen=True, slots=True)
class Features:
    """What was found in one raw: signals by their ids, a digest of what its text says to all its recipients, and the
    Message-IDs that it answers."""

    shown: frozenset[str]
    alike: str = ""
    answers: tuple[str, ...] = ()


class Evidence(NamedTuple):
    """One staged mail in its newest version, with its features and the proposal that is in force for it.

    A tuple, because a million of them are made in a minute.
    """

    item: ItemId
    artefact: int
    account: str
    folder: Path
    role: Role | None
    sender: str
    list_id: str | None
    flags: frozenset[Flag]
    health: str
    size: int
    stream: StreamKey
    """The list or sender by which people decide about it."""
    message_id: str | None
    shown: str
    """The signals, between blanks."""
    alike: str
    answers: Sequence[str]
    proposal: tuple[str, str | None, bool] | None
    """Verdict, guard, and whether it is about an order."""
    auto: str | None
    """What `auto` has decided of it last."""


@dataclass(frozen=True, slots=True)
class Written:
    """A mail that somebody of the company wrote."""

    recipients: str
    message_id: str | None
    answers: Sequence[str]


def unread(staging: Staging, signals: str) -> Iterator[dict[str, Raw]]:
    """The raws that nobody has looked at for these signals, by digest, some at a time. What we made ourselves is looked
    at by no filter: so it is no evidence either."""
    newest, its, kept = newest_item(), tables.item.c, tables.feature.c
    seen = exists(select(literal(1)).where(kept.digest == its.digest, kept.signals == signals))
    query = (
        select(its.digest, func.max(its.size).label("size"))
        .join(newest, newest.c.item_id == its.id)
        .where(~seen, ~is_made(newest.c.artefact_id))
        .group_by(its.digest)
        .order_by(its.digest)
        .limit(UNREAD_ITEMS)
    )
    last = ""
    while True:
        with staging.reading() as connection:
            rows = connection.execute(query.where(its.digest > last)).all()
        if not rows:
            return
        for page in _within(UNREAD_BYTES, rows):
            with staging.reading() as connection:
                yield staging.blobs.raws(connection, page)
        last = rows[-1].digest


def _within(limit: int, rows: Iterable[Any]) -> Iterator[list[str]]:
    page: list[str] = []
    total = 0
    for row in rows:
        if page and total + row.size > limit:
            yield page
            page, total = [], 0
        page.append(row.digest)
        total += row.size
    if page:
        yield page


def keep(staging: Staging, signals: str, found: Mapping[str, Features]) -> None:
    """Write down what these raws show."""
    rows = [
        {
            "digest": digest,
            "signals": signals,
            "shown": " ".join(sorted(each.shown)),
            "alike": each.alike,
            "answers": list(each.answers),
        }
        for digest, each in found.items()
    ]
    if rows:
        with staging.writing() as connection:
            connection.execute(insert(tables.feature), rows)


def evidence(staging: Staging, signals: str) -> Iterator[list[Evidence]]:
    """Every mail that has features, in the order in which it was staged, a page at a time."""
    its = tables.item.c
    query = _evidence(signals).order_by(its.id).limit(PAGE)
    folders = _folders(staging)
    last = 0
    while True:
        with staging.reading() as connection:
            page = [_row(row, folders) for row in connection.execute(query.where(its.id > last))]
        if not page:
            return
        yield page
        last = page[-1].item


def subjects_of(staging: Staging, items: Sequence[ItemId]) -> dict[ItemId, str]:
    """The subjects of these mails."""
    its = tables.item.c
    found: dict[ItemId, str] = {}
    with staging.reading() as connection:
        for at in range(0, len(items), PAGE):
            rows = connection.execute(select(its.id, its.subject).where(its.id.in_(items[at : at + PAGE])))
            found.update((row.id, row.subject) for row in rows)
    return found


def _evidence(signals: str) -> Select[Any]:
    item, said = tables.item, tables.proposal.alias("said")
    its = item.c
    last = select(func.max(tables.proposal.c.id)).where(tables.proposal.c.item_id == its.id).scalar_subquery()
    return (
        select(
            its.id,
            its.artefact_id,
            tables.artefact.c.folder_id,
            its.sender,
            its.list_id,
            flags_of(its.artefact_id, item).label("flags"),
            its.health,
            its.size,
            its.stream,
            its.message_id,
            tables.feature.c.shown,
            tables.feature.c.alike,
            tables.feature.c.answers,
            said.c.verdict,
            said.c.guard,
            said.c.orders,
            said_of("auto", its.artefact_id).label("auto"),
        )
        .join(tables.artefact, tables.artefact.c.id == its.artefact_id)
        .join(tables.feature, and_(tables.feature.c.digest == its.digest, tables.feature.c.signals == signals))
        .outerjoin(said, said.c.id == last)
        .where(is_newest())
    )


NO_FLAGS: frozenset[Flag] = frozenset()


def _row(row: Any, folders: Mapping[int, Folder]) -> Evidence:
    """In the order of `_evidence`."""
    item, artefact, folder_id, sender, list_id, flags, *its, verdict, guard, orders, auto = row
    health, size, stream, message_id, shown, alike, answers = its
    folder = folders[folder_id]
    return Evidence(
        item,
        artefact,
        folder.account.name,
        folder.path,
        folder.role,
        sender,
        list_id,
        frozenset(flags) if flags else NO_FLAGS,
        health,
        size,
        stream,
        message_id,
        shown,
        alike,
        answers,
        None if verdict is None else (verdict, guard, orders),
        auto,
    )


def written(staging: Staging, signals: str, domains: Iterable[str]) -> Iterator[Written]:
    """Every mail that the company wrote: from one of its own domains, or out of a folder for sent mail."""
    its = tables.item.c
    sent = [number for number, folder in _folders(staging).items() if folder.role == Role.SENT]
    own = [its.sender.endswith(f"@{domain.lower()}", autoescape=True) for domain in domains]
    query = (
        select(its.id, its.recipients, its.message_id, tables.feature.c.answers)
        .join(tables.artefact, tables.artefact.c.id == its.artefact_id)
        .join(tables.feature, and_(tables.feature.c.digest == its.digest, tables.feature.c.signals == signals))
        .where(is_newest(), or_(tables.artefact.c.folder_id.in_(sent), *own))
        .order_by(its.id)
        .limit(PAGE)
    )
    last = 0
    while True:
        with staging.reading() as connection:
            page = connection.execute(query.where(its.id > last)).all()
        if not page:
            return
        yield from (Written(row.recipients, row.message_id, row.answers) for row in page)
        last = page[-1].id


def _folders(staging: Staging) -> dict[int, Folder]:
    """Every folder by its number, with what it is for as the source says, or else its name."""
    its = tables.folder.c
    with staging.reading() as connection:
        rows = connection.execute(
            select(its.id, its.path, its.role, tables.account.c.name).join(
                tables.account, tables.account.c.id == its.account_id
            )
        ).all()
    return {row.id: _folder(row.name, tuple(row.path), row.role) for row in rows}


def _folder(account: str, path: Path, role: str | None) -> Folder:
    return Folder(Account(account), path, role_of(path, None if role is None else Role(role)))
