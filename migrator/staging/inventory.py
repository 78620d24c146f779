"""What lies in the old system, as staging saw it: mail by mail, what is there twice, and what could not be read."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from migrator.mail import Health
from migrator.model import DateSource, Verdict
from migrator.staging import tables
from migrator.staging.states import is_made, newest_item, proposal_of
from migrator.staging.store import Staging


@dataclass(frozen=True, slots=True)
class Held:
    """One mail of an account. `at` is None where nothing says when it came; `proposal`: where nobody has judged it."""

    account: str
    size: int
    at: datetime | None
    health: Health
    stream: str
    proposal: Verdict | None


@dataclass(frozen=True, slots=True)
class Copies:
    """Mails that lie in the store more than once, byte for byte: how many too many, and their bytes."""

    mails: int
    bytes: int


def mails(staging: Staging) -> Iterator[Held]:
    """Every mail's newest version, without those of our own making."""
    newest, its = newest_item(), tables.item.c
    query = (
        select(
            tables.account.c.name,
            its.size,
            its.received_at,
            its.date_source,
            its.health,
            its.stream,
            proposal_of(its.id, tables.proposal.c.verdict).label("proposal"),
        )
        .join(newest, newest.c.item_id == its.id)
        .join(tables.folder, tables.folder.c.id == newest.c.folder_id)
        .join(tables.account, tables.account.c.id == tables.folder.c.account_id)
        .where(~is_made(newest.c.artefact_id))
    )
    with staging.reading() as connection:
        for row in connection.execute(query.execution_options(yield_per=1_000)):
            at = None if row.date_source == DateSource.NONE else row.received_at
            verdict = None if row.proposal is None else Verdict(row.proposal)
            yield Held(row.name, row.size, at, Health(row.health), row.stream or "", verdict)


def copies(staging: Staging) -> Copies:
    """What would be saved if each mail lay there once."""
    newest, its = newest_item(), tables.item.c
    alike = (
        select((func.count() - 1).label("more"), func.max(its.size).label("size"))
        .join(newest, newest.c.item_id == its.id)
        .where(~is_made(newest.c.artefact_id))
        .group_by(its.digest)
        .having(func.count() > 1)
        .subquery()
    )
    with staging.reading() as connection:
        row = connection.execute(
            select(func.coalesce(func.sum(alike.c.more), 0), func.coalesce(func.sum(alike.c.more * alike.c.size), 0))
        ).one()
    return Copies(int(row[0]), int(row[1]))
