"""What a source tells of its artefacts, compared with what staging knows: only differences become rows."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, insert, select

from migrator.errors import Reason
from migrator.mail import Envelope, Health
from migrator.mail.streams import stream_of
from migrator.model import DELETED, Evidence, Flag, Item, NotMail, Unchanged, Unreadable, Verdict
from migrator.staging import tables
from migrator.staging.blobs import Pieces
from migrator.staging.store import now
from migrator.text import storable


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """An item with all that was read off it: what `Walk.put` stores."""

    item: Item
    pieces: Pieces
    body: bytes | None = None
    """The body compressed, where it was found to be new."""
    envelope: Envelope
    health: Health
    received: Evidence


Entry = Read | Unchanged | Unreadable | NotMail


@dataclass(slots=True)
class Artefact:
    """What staging knows of one key: its newest version, flags, fault and rule."""

    id: int
    digest: str | None = None
    stamp: str | None = None
    flags: list[Flag] = field(default_factory=list)
    fault: tuple[str, dict[str, Any]] | None = None
    rule: str | None = None
    present: bool = True
    source_verdict: str | None = None


class Facts:
    """The rows that one batch of entries adds, table by table."""

    def __init__(self, pass_id: int) -> None:
        self._pass = pass_id
        self._rows: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        self.known_bytes = 0
        """Mails that were read and are, byte for byte, what staging has."""

    def add(self, artefact: Artefact, entry: Entry) -> None:
        """Compare what the source says with what is known, and note the difference."""
        if not artefact.present:
            artefact.present = True
            self._add(tables.presence, artefact_id=artefact.id, present=True)
        match entry:
            case Read():
                self._version(artefact, entry)
            case Unchanged():
                self._observe(artefact, entry.stamp, entry.flags)
            case Unreadable():
                self._fault(artefact, entry.path, entry.size, entry.reason)
            case NotMail():
                if artefact.rule != entry.rule:
                    artefact.rule = entry.rule
                    self._add(tables.not_mail, artefact_id=artefact.id, rule=entry.rule, size=entry.size)

    def write(self, connection: Connection) -> None:
        for table, rows in self._rows.items():
            connection.execute(insert(table), rows)

    def _version(self, artefact: Artefact, read: Read) -> None:
        item = read.item
        if artefact.digest == item.raw.digest:
            self.known_bytes += 1
            self._observe(artefact, item.stamp, item.flags)
            return
        again = artefact.digest is not None
        artefact.digest, artefact.stamp, artefact.flags = item.raw.digest, storable(item.stamp), _sorted(item.flags)
        if again:  # older observations know nothing of these flags
            self._add(tables.observation, artefact_id=artefact.id, stamp=artefact.stamp, flags=artefact.flags)
        head = read.envelope
        self._add(
            tables.item,
            artefact_id=artefact.id,
            digest=item.raw.digest,
            size=item.raw.size,
            stamp=artefact.stamp,
            flags=artefact.flags,
            path=None if item.path is None else storable(item.path),
            received_at=read.received.at,
            date_source=read.received.source,
            message_id=head.message_id,
            subject=head.subject,
            sender=head.sender,
            from_=head.from_,
            recipients=", ".join(each for each in (head.to, head.cc) if each),
            date=head.date,
            list_id=head.list_id,
            stream=stream_of(head.sender, head.list_id),
            health=read.health,
        )
        self._source_says(artefact)

    def _observe(self, artefact: Artefact, stamp: str, flags: frozenset[Flag]) -> None:
        now_flags, now_stamp = _sorted(flags), storable(stamp)
        if (artefact.stamp, artefact.flags) != (now_stamp, now_flags):
            artefact.stamp, artefact.flags = now_stamp, now_flags
            self._add(tables.observation, artefact_id=artefact.id, stamp=now_stamp, flags=now_flags)
        self._source_says(artefact)

    def _source_says(self, artefact: Artefact) -> None:
        """Deleted at the source is a decision by the source, taken back when the mail is undeleted (laws.md §4)."""
        if DELETED in artefact.flags:
            verdict, why = Verdict.PARK, "deleted"
        elif artefact.source_verdict == Verdict.PARK:
            verdict, why = Verdict.KEEP, "back"
        else:
            return
        if artefact.source_verdict != verdict:
            artefact.source_verdict = verdict
            self._rows[tables.decision].append(by_source(artefact.id, verdict, why))

    def _fault(self, artefact: Artefact, path: str | None, size: int, reason: Reason) -> None:
        params = {name: storable(value) if isinstance(value, str) else value for name, value in reason.params.items()}
        if artefact.fault != (reason.code, params):
            artefact.fault = (reason.code, params)
            self._add(
                tables.fault,
                artefact_id=artefact.id,
                path=None if path is None else storable(path),
                size=size,
                code=reason.code,
                params=params,
            )

    def _add(self, table: Any, **values: object) -> None:
        self._rows[table].append(values | {"pass_id": self._pass})


def by_source(artefact_id: int, verdict: Verdict, why: str) -> dict[str, Any]:
    return {
        "scope": "source",
        "artefact_id": artefact_id,
        "sender": None,
        "verdict": verdict,
        "by": "source",
        "why": why,
        "at": now(),
    }


def known_artefacts(connection: Connection, folders: Sequence[int]) -> dict[int, dict[str, Artefact]]:
    """What staging knows of these folders' keys; later rows of a table override earlier ones."""
    artefact = tables.artefact.c
    known: dict[int, dict[str, Artefact]] = {}
    by_id: dict[int, Artefact] = {}
    rows = connection.execute(
        select(artefact.id, artefact.folder_id, artefact.key).where(artefact.folder_id.in_(folders))
    )
    for row in rows:
        by_id[row.id] = known.setdefault(row.folder_id, {})[row.key] = Artefact(row.id)
    for row in _rows_of(connection, tables.item, folders, "digest", "stamp", "flags"):
        each = by_id[row.artefact_id]
        each.digest, each.stamp, each.flags = row.digest, row.stamp, row.flags
    for row in _rows_of(connection, tables.observation, folders, "stamp", "flags"):
        each = by_id[row.artefact_id]
        each.stamp, each.flags = row.stamp, row.flags
    for row in _rows_of(connection, tables.fault, folders, "code", "params"):
        by_id[row.artefact_id].fault = (row.code, row.params)
    for row in _rows_of(connection, tables.not_mail, folders, "rule"):
        by_id[row.artefact_id].rule = row.rule
    for row in _rows_of(connection, tables.presence, folders, "present"):
        by_id[row.artefact_id].present = row.present
    for row in _rows_of(connection, tables.decision, folders, "verdict", "scope"):
        if row.scope == "source":
            by_id[row.artefact_id].source_verdict = row.verdict
    return known


def _rows_of(connection: Connection, table: Any, folders: Sequence[int], *columns: str) -> Iterator[Any]:
    return iter(
        connection.execute(
            select(table.c.artefact_id, *(table.c[name] for name in columns))
            .join(tables.artefact, tables.artefact.c.id == table.c.artefact_id)
            .where(tables.artefact.c.folder_id.in_(folders))
            .order_by(table.c.id)
        )
    )


def key_of(entry: Entry) -> str:
    return entry.item.key if isinstance(entry, Read) else entry.key


def _sorted(flags: Iterable[Flag]) -> list[Flag]:
    return sorted(storable(flag) for flag in flags)
