"""What the source tells of its shared inboxes: facts by run, of which only differences become rows.

A fact's row holds all that was told; null says that the source tells it no longer. The newest row of a key counts.
Conversations are no rows: migrator.shared works them out of these facts and the mails (runbooks/decisions.md).
"""

import hashlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Select, and_, func, insert, or_, select, union
from sqlalchemy.sql.selectable import Subquery

from migrator.errors import Reason
from migrator.inboxes import (
    Belongs,
    Event,
    Fact,
    Happened,
    Letter,
    Member,
    Named,
    Note,
    Principal,
    SharedInbox,
    Status,
    Tag,
    Template,
    Work,
    WorkState,
)
from migrator.model import Account, Raw, Role, Unreadable, Verdict
from migrator.staging import tables
from migrator.staging.columns import canonical
from migrator.staging.states import flags_of, is_made, is_newest, last_presence, newest_item, parked_by, said_of
from migrator.staging.store import Staging, take_ids
from migrator.text import storable

BATCH = 1_000

NO_INBOX = ""
"""What stands for the inbox of a fact that belongs to none."""

KINDS: dict[str, type[Any]] = {
    "inbox": SharedInbox,
    "principal": Principal,
    "member": Member,
    "state": WorkState,
    "event": Event,
    "note": Note,
    "tag": Tag,
    "belongs": Belongs,
    "template": Template,
    "fault": Unreadable,
}
WORK = tuple(kind for kind, shape in KINDS.items() if shape not in (SharedInbox, Principal, Member))
_KIND_OF = {shape: kind for kind, shape in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Taken:
    """How many facts of one inbox were told, were new or changed, are told no longer, and could not be read."""

    told: int = 0
    changed: int = 0
    gone: int = 0
    faults: int = 0


def take(
    staging: Staging,
    run: int,
    kinds: Iterable[str],
    facts: Iterable[Fact | Unreadable],
    *,
    inbox: str = NO_INBOX,
    account: str = "",
) -> Taken:
    """Write down what has changed of the facts of these kinds. `account` is the one whose mails they are about.

    All of them must be given: what is not counts as told no longer, but only if `facts` comes to its end.
    """
    with staging.reading() as connection:
        known = _known(connection, inbox, list(kinds))
    seen: set[tuple[str, str]] = set()
    changed = faults = 0
    coming = iter(facts)
    while batch := list(islice(coming, BATCH)):
        rows = [_row(each) for each in batch]
        faults += sum(isinstance(each, Unreadable) for each in batch)
        names = [(row["kind"], storable(row["key"])) for row in rows]
        seen.update(names)
        new = [row for name, row in zip(names, rows, strict=True) if known.get(name) != _digest(row["told"])]
        changed += len(new)
        _write(staging, run, inbox, account, new)
    lost = sorted(name for name in known.keys() - seen if known[name] != _digest(None))
    gone = [{"kind": kind, "key": key, **_GONE} for kind, key in lost]
    _write(staging, run, inbox, account, gone)
    return Taken(len(seen), changed, len(gone), faults)


_GONE: dict[str, Any] = {"told": None, "thread": None, "handled": False, "items": ()}


def _row(fact: Fact | Unreadable) -> dict[str, Any]:
    about = getattr(fact, "about", None)
    return {
        "kind": _KIND_OF[type(fact)],
        "key": fact.key,
        "thread": about.thread if about else None,
        "handled": _is_handled(fact),
        "told": _told(fact),
        "items": about.items if about else (),
    }


def _told(fact: Fact | Unreadable) -> dict[str, Any]:
    if isinstance(fact, Unreadable):
        reason = {"code": fact.reason.code, "params": dict(fact.reason.params)}
        return {"key": fact.key, "path": fact.path, "reason": reason, "size": fact.size}
    told: dict[str, Any] = _shape(_KIND_OF[type(fact)]).dump_python(fact, mode="json")
    if told.get("rights"):
        told["rights"] = sorted(told["rights"])
    return told


def _once(told: Any) -> Any:
    """The same, every text in it held in memory once, whoever else has it: labels, people, folders, keys of mails."""
    match told:
        case str():
            return sys.intern(told)
        case list():
            return [_once(each) for each in told]
        case dict():
            return {name: _once(each) for name, each in told.items()}
        case _:
            return told


def _fact(kind: str, told: dict[str, Any]) -> Any:
    if kind == "fault":
        return Unreadable(**{**told, "reason": Reason(told["reason"]["code"], **told["reason"]["params"])})
    return _shape(kind).validate_python(told, strict=False)


@cache
def _shape(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(KINDS[kind])


def _is_handled(fact: Fact | Unreadable) -> bool:
    match fact:
        case WorkState(status=status, assignee=assignee):
            return assignee is not None or status != Status.NONE
        case Event(what=what, by=by):
            return by is not None and what != Happened.RECEIVED
        case Note() | Tag():
            return True
        case _:
            return False


def _digest(told: Any) -> bytes:
    text = canonical(told)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _known(connection: Connection, inbox: str, kinds: list[str]) -> dict[tuple[str, str], bytes]:
    """The digest of what was told last under each name."""
    its = tables.shared_fact.c
    rows = connection.execute(
        select(its.kind, its.key, its.told).where(its.inbox == inbox, its.kind.in_(kinds)).order_by(its.id)
    )
    return {(row.kind, row.key): _digest(row.told) for row in rows}


def _write(staging: Staging, run: int, inbox: str, account: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    with staging.writing() as connection:
        numbers = take_ids(connection, tables.shared_fact, len(rows))
        about = [
            {"fact_id": number, "account": account, "path": list(each.folder), "key": each.key}
            for number, row in zip(numbers, rows, strict=True)
            for each in row["items"]
        ]
        facts = [
            {"id": number, "inbox": inbox, "run_id": run, **{name: row[name] for name in row if name != "items"}}
            for number, row in zip(numbers, rows, strict=True)
        ]
        connection.execute(insert(tables.shared_fact), facts)
        if about:
            connection.execute(insert(tables.shared_about), about)


# -- questions -----------------------------------------------------------------------------------------------------


def _newest(*kinds: str) -> Subquery:
    """The facts of these kinds that are told, each by its newest row."""
    its, later = tables.shared_fact, tables.shared_fact.alias("later")
    same = later.c.inbox == its.c.inbox, later.c.kind == its.c.kind, later.c.key == its.c.key
    newer = select(later.c.id).where(*same, later.c.id > its.c.id).exists()
    return select(its).where(its.c.kind.in_(kinds), its.c.told.is_not(None), ~newer).subquery()


def handled() -> Select[int]:
    """The numbers of the artefacts that somebody handles in a shared inbox: assigned, stated, noted or tagged, each by
    itself or with the conversation that the store counts it to. For the filter: none of them may be parked."""
    alone, fact, belongs = (_newest(*kinds) for kinds in (_HANDLES, _HANDLES, ("belongs",)))
    threads = (
        select(belongs.c.id)
        .join(fact, and_(belongs.c.inbox == fact.c.inbox, belongs.c.thread == fact.c.thread))
        .where(fact.c.handled, fact.c.thread.is_not(None))
    )
    facts = union(select(alone.c.id).where(alone.c.handled), threads).subquery()
    about, artefact, folder, account = tables.shared_about, tables.artefact, tables.folder, tables.account
    return (
        select(artefact.c.id)
        .select_from(facts)
        .join(about, about.c.fact_id == facts.c.id)
        .join(account, account.c.name == about.c.account)
        .join(folder, and_(folder.c.account_id == account.c.id, folder.c.path == about.c.path))
        .join(artefact, and_(artefact.c.folder_id == folder.c.id, artefact.c.key == about.c.key))
        .distinct()
    )


_HANDLES = ("state", "event", "note", "tag")


def handled_artefacts(staging: Staging) -> frozenset[int]:
    """The same, asked now."""
    with staging.reading() as connection:
        return frozenset(connection.execute(handled()).scalars())


PROPOSED = "proposed"


def would_park(staging: Staging, account: Account) -> dict[Named, str]:
    """The account's mails that stay behind or would, and by whose word: `sender`, `auto`, or so far only `proposed`.
    Those of which themselves a person has decided are left out."""
    newest, its = newest_item(), tables.item
    said, scope = said_of("item", its.c.artefact_id), parked_by(its.c.artefact_id, its)
    proposal = (
        select(tables.proposal.c.verdict)
        .where(tables.proposal.c.item_id == its.c.id)
        .order_by(tables.proposal.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(tables.folder.c.path, tables.artefact.c.key, func.coalesce(scope, PROPOSED).label("scope"))
        .select_from(its)
        .join(newest, newest.c.item_id == its.c.id)
        .join(tables.artefact, tables.artefact.c.id == its.c.artefact_id)
        .join(tables.folder, tables.folder.c.id == tables.artefact.c.folder_id)
        .join(tables.account, tables.account.c.id == tables.folder.c.account_id)
        .where(tables.account.c.name == account.name, said.is_(None))
        .where(or_(scope.is_not(None), proposal == Verdict.PARK.value))
    )
    with staging.reading() as connection:
        return {Named(tuple(row.path), row.key): row.scope for row in connection.execute(query)}


class StagedInboxes:
    """What staging knows of shared inboxes, in the words of ports.SharedSource; and their mails."""

    def __init__(self, staging: Staging) -> None:
        self._staging = staging

    def inboxes(self) -> Iterator[SharedInbox]:
        yield from self._facts(NO_INBOX, "inbox")

    def principals(self) -> Iterator[Principal]:
        yield from self._facts(NO_INBOX, "principal")

    def members(self, inbox: SharedInbox) -> Iterator[Member]:
        yield from self._facts(inbox.key, "member")

    def work(self, inbox: SharedInbox) -> Iterator[Work | Unreadable]:
        yield from self._facts(inbox.key, *WORK)

    def _facts(self, inbox: str, *kinds: str) -> Iterator[Any]:
        """The facts kind by kind in the order of their keys, as the index has them."""
        for kind in kinds:
            newest = _newest(kind)
            query = (
                select(newest.c.key, newest.c.told).where(newest.c.inbox == inbox).order_by(newest.c.key).limit(BATCH)
            )
            last = ""
            while True:
                with self._staging.reading() as connection:
                    page = connection.execute(query.where(newest.c.key > last)).all()
                if not page:
                    break
                yield from (_fact(kind, _once(row.told)) for row in page)
                last = page[-1].key

    def letters(self, account: Account) -> Iterator[Letter]:
        """Every mail of the account in its newest version that is still there and did not move, oldest number first."""
        for page in self._pages(account):
            with self._staging.reading() as connection:
                heads = [self._staging.blobs.head(connection, row.digest, row.head) for row in page]
            for row, head in zip(page, heads, strict=True):
                yield Letter(
                    named=Named(tuple(_once(row.path)), _once(row.key)),
                    head=head,
                    received_at=row.received_at,
                    flags=frozenset(row.flags),
                    role=None if row.role is None else Role(row.role),
                )

    def raws(self, account: Account) -> Iterator[tuple[Named, Raw]]:
        """The same mails whole."""
        for page in self._pages(account):
            for row in page:
                with self._staging.reading() as connection:
                    raw = self._staging.blobs.raws(connection, [row.digest])[row.digest]
                yield Named(tuple(row.path), row.key), raw

    def _pages(self, account: Account) -> Iterator[list[Any]]:
        its, folder = tables.item.c, tables.folder
        moved = select(tables.move.c.artefact_id).where(tables.move.c.artefact_id == its.artefact_id).exists()
        query = (
            select(
                its.id,
                tables.artefact.c.key,
                folder.c.path,
                folder.c.role,
                its.digest,
                tables.raw.c.head,
                its.received_at,
                flags_of(its.artefact_id, tables.item).label("flags"),
                last_presence(its.artefact_id).label("present"),
            )
            .join(tables.artefact, tables.artefact.c.id == its.artefact_id)
            .join(folder, folder.c.id == tables.artefact.c.folder_id)
            .join(tables.account, tables.account.c.id == folder.c.account_id)
            .join(tables.raw, tables.raw.c.digest == its.digest)
            .where(tables.account.c.name == account.name, ~moved, is_newest(), ~is_made(its.artefact_id))
            .order_by(its.id)
            .limit(BATCH)
        )
        last = 0
        while True:
            with self._staging.reading() as connection:
                page = connection.execute(query.where(its.id > last)).all()
            if not page:
                return
            yield [row for row in page if row.present is None or row.present]
            last = page[-1].id
