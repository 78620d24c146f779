"""Mails of our own making. They lie in staging beside the mails they belong to, under keys of their own, and go the way
of all mail; but no census counts them, and no pass misses them.

One that is made anew is a new version of the same artefact. One that nobody needs any more is retired: what is not
loaded yet stays parked, and what is loaded is taken back if nobody has touched it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from migrator.mail import envelope, split
from migrator.mail.streams import stream_of
from migrator.model import SEEN, Account, DateSource, Path, Raw, Verdict
from migrator.staging import tables
from migrator.staging.blobs import Pieces, compress
from migrator.staging.facts import by_source
from migrator.staging.states import is_newest, last_presence
from migrator.staging.store import Run, Staging, insert_one

HISTORY = "history"


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """A mail that we wrote, the folder it is to lie in from its first version on, and when it is to have come."""

    key: str
    folder: Path
    raw: Raw
    at: datetime


def keep(staging: Staging, run: Run, account: Account, kind: str, mails: Sequence[Own]) -> int:
    """These are all mails of this kind that the account is to have; how many are new, made anew or retired."""
    cut = [Pieces.of(each.raw) for each in mails]
    with staging.writing() as connection:
        known = _known(connection, account, kind)
        fresh = [
            (each, pieces)
            for each, pieces in zip(mails, cut, strict=True)
            if each.key not in known or not known[each.key].present or known[each.key].digest != each.raw.digest
        ]
        bodies = staging.blobs.missing(connection, [pieces for _, pieces in fresh])
        stored = {pieces.body_digest: compress(pieces.body or b"") for pieces in bodies}
        staging.blobs.put(connection, run.id, [pieces for _, pieces in fresh], stored)
        in_hand = _Keeping(connection, run, account)
        for each, _ in fresh:
            in_hand.put(each, kind, known.get(each.key))
        needed = {each.key for each in mails}
        lost = [row for key, row in known.items() if key not in needed and row.present]
        in_hand.presence((row.id for row in lost), present=False)
    return len(fresh) + len(lost)


def _known(connection: Connection, account: Account, kind: str) -> dict[str, Any]:
    """By key: the artefact's number, its newest digest, and whether it is needed."""
    its, item = tables.artefact, tables.item
    present = func.coalesce(last_presence(its.c.id), True)
    rows = connection.execute(
        select(its.c.key, its.c.id, item.c.digest, present.label("present"))
        .join(tables.made, tables.made.c.artefact_id == its.c.id)
        .join(tables.folder, tables.folder.c.id == its.c.folder_id)
        .join(tables.account, tables.account.c.id == tables.folder.c.account_id)
        .join(item, item.c.artefact_id == its.c.id)
        .where(tables.account.c.name == account.name, tables.made.c.kind == kind, is_newest())
    )
    return {row.key: row for row in rows}


class _Keeping:
    """One transaction that stores mails of our own in an account."""

    def __init__(self, connection: Connection, run: Run, account: Account) -> None:
        self._connection, self._run = connection, run
        its = tables.folder.c
        number = select(tables.account.c.id).where(tables.account.c.name == account.name).scalar_subquery()
        rows = connection.execute(select(its.id, its.path).where(its.account_id == number))
        self._folders = {tuple(row.path): row.id for row in rows}
        passes = tables.pass_.c
        self._pass = connection.execute(select(func.max(passes.id)).where(passes.account_id == number)).scalar_one()

    def put(self, own: Own, kind: str, known: Any) -> None:
        """A new version, of a new artefact if it is the first; one that was retired is needed again."""
        artefact = known.id if known else self._name(own, kind)
        if known is None or known.digest != own.raw.digest:
            self._version(artefact, own)
        if known is not None and not known.present:
            self.presence([artefact], present=True)

    def presence(self, artefacts: Iterable[int], *, present: bool) -> None:
        for each in artefacts:
            self._insert(tables.presence, artefact_id=each, present=present, pass_id=self._pass)
            verdict, why = (Verdict.KEEP, "back") if present else (Verdict.PARK, "retired")
            self._insert(tables.decision, **by_source(each, verdict, why))

    def _name(self, own: Own, kind: str) -> int:
        number = insert_one(
            self._connection,
            tables.artefact,
            folder_id=self._folders[own.folder],
            key=own.key,
            pass_id=self._pass,
        )
        self._insert(tables.made, artefact_id=number, kind=kind, run_id=self._run.id)
        return number

    def _version(self, artefact: int, own: Own) -> None:
        head = envelope(split(own.raw.read())[0])
        self._insert(
            tables.item,
            artefact_id=artefact,
            digest=own.raw.digest,
            size=own.raw.size,
            stamp=own.raw.digest,
            flags=[SEEN],
            received_at=own.at,
            date_source=DateSource.INDEX,
            message_id=head.message_id,
            subject=head.subject,
            sender=head.sender,
            from_=head.from_,
            recipients=head.to,
            date=head.date,
            stream=stream_of(head.sender, None),
            health="ok",
            pass_id=self._pass,
        )

    def _insert(self, table: Any, **values: object) -> None:
        self._connection.execute(insert(table).values(**values))
