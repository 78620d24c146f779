"""What staging knows, for whoever only looks. Values carry the names of interface.md; Reasons are still Reasons."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from random import SystemRandom
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from migrator.errors import Reason, UsageError
from migrator.mail import Health
from migrator.model import ItemId
from migrator.staging import tables
from migrator.staging.opinions import decisions
from migrator.staging.rehearsals import plain
from migrator.staging.states import State, flags_of, is_made, newest_item, placed, proposal_of, states, verdict_of
from migrator.staging.store import Staging

PAGE = 1_000

Line = dict[str, Any]


def accounts_staged(staging: Staging, wanted: Collection[str] | None = None) -> list[str]:
    """The accounts that staging holds. Raises UsageError for one that is asked for and is not there."""
    with staging.reading() as connection:
        found = list(connection.execute(select(tables.account.c.name).order_by(tables.account.c.name)).scalars())
    if wanted is None:
        return found
    known, chosen = frozenset(found), frozenset(wanted)
    for name in wanted:
        if name not in known:
            raise UsageError(Reason("account.unknown", account=name))
    return [name for name in found if name in chosen]


def bytes_staged(staging: Staging) -> int:
    """How much of the source is here already."""
    with staging.reading() as connection:
        return int(connection.execute(select(func.coalesce(func.sum(tables.item.c.size), 0))).scalar_one())


def status(staging: Staging, targets: Mapping[str, Collection[str]]) -> Line:
    """The migration in one value, without mails of our own making; `targets` are the configured ones with what each
    takes."""
    every, its = newest_item(), tables.item
    newest = select(every).where(~is_made(every.c.artefact_id)).subquery("theirs")
    verdict = verdict_of(newest.c.artefact_id, its)
    proposed = proposal_of(its.c.id, tables.proposal.c.verdict)
    with staging.reading() as connection:
        items, size = connection.execute(
            select(func.count(), func.coalesce(func.sum(its.c.size), 0)).join(newest, newest.c.item_id == its.c.id)
        ).one()
        decided = _counted(connection, verdict, newest)
        thought = _counted(connection, proposed, newest)
        healths = _counted(connection, its.c.health, newest)
        faults = connection.execute(
            select(func.count()).select_from(newest).where(newest.c.item_id.is_(None), _has_fault(newest.c.artefact_id))
        ).scalar_one()
    return {
        "accounts": sum(bool(name) for name in accounts_staged(staging)),
        "items": items,
        "bytes": int(size),
        "faults": faults,
        "health": {each.value: healths.get(each.value, 0) for each in Health},
        "proposals": {word: thought.get(word, 0) for word in ("keep", "park", "hold")} | {"none": thought.get(None, 0)},
        "decisions": {word: decided.get(word, 0) for word in ("keep", "park", "hold")},
        "targets": {plain(name): _target_status(staging, name, takes) for name, takes in targets.items()},
    }


def _target_status(staging: Staging, target: str, takes: Collection[str]) -> Line:
    standing = states(target, takes)
    with staging.reading() as connection:
        counts: dict[str, int] = dict(
            connection.execute(
                select(standing.c.state, func.count())
                .where(~is_made(standing.c.artefact_id))
                .group_by(standing.c.state)
            ).all()
        )
    return {state: counts.get(state, 0) for state in ("loaded", "refused", "in_doubt", "to_do")}


def _counted(connection: Connection, what: ColumnElement[Any], newest: Any) -> Counter[Any]:
    its = tables.item
    query = select(what.label("what")).select_from(its).join(newest, newest.c.item_id == its.c.id).subquery()
    return Counter(dict(connection.execute(select(query.c.what, func.count()).group_by(query.c.what)).all()))


def _has_fault(artefact_id: ColumnElement[Any]) -> ColumnElement[bool]:
    return select(tables.fault.c.id).where(tables.fault.c.artefact_id == artefact_id).exists()


# -- mails ---------------------------------------------------------------------------------------------------------


def listing(staging: Staging, *, decision: str | None = None) -> Iterator[Line]:
    """Every mail in its newest version, in the order in which it was staged."""
    query = _mails()
    if decision is not None:
        query = query.where(verdict_of(tables.item.c.artefact_id, tables.item) == decision)
    yield from _lines(staging, query)


def sampled(staging: Staging, proposal: str, size: int) -> Iterator[Line]:
    """So many mails of those with this proposal, each as likely as any other, in the order of their numbers."""
    its = tables.item.c
    proposed = proposal_of(its.id, tables.proposal.c.verdict) == proposal
    newest = newest_item()
    with staging.reading() as connection:
        found = list(
            connection.execute(select(its.id).join(newest, newest.c.item_id == its.id).where(proposed)).scalars()
        )
    chosen = SystemRandom().sample(found, min(size, len(found)))
    for at in range(0, len(chosen), PAGE):
        yield from _lines(staging, _mails().where(its.id.in_(sorted(chosen)[at : at + PAGE])))


def find(staging: Staging, words: str, targets: Mapping[str, Collection[str]]) -> Iterator[Line]:
    """Mails whose Message-ID, addresses, subject, path or key hold these words, or that were received on this day
    (2026-11-24, by the clock of this machine), with their state at each target."""
    its = tables.item.c
    pattern = "%" + words.strip("<>").replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    texts = (its.message_id, its.from_, its.sender, its.recipients, its.subject, its.path, its.list_id)
    anywhere = [text.ilike(pattern, escape="\\") for text in (*texts, tables.artefact.c.key)]
    if (day := _day(words)) is not None:
        anywhere.append(its.received_at.between(day, day + timedelta(days=1) - timedelta(microseconds=1)))
    for line in _lines(staging, _mails().where(or_(*anywhere, its.digest == words.lower()))):
        item = int(line["item"])
        yield line | {"targets": _standings(staging, item, targets)}


def _day(words: str) -> datetime | None:
    """The first moment of the day that the words name, if they name one."""
    try:
        return datetime.combine(date.fromisoformat(words), time()).astimezone()
    except ValueError:
        return None


def one(staging: Staging, item: ItemId) -> Line:
    """One mail. Raises UsageError where there is none of this number."""
    if item < 2**63:  # larger ones no database can be asked for
        for line in _lines(staging, _mails(newest_only=False).where(tables.item.c.id == item)):
            return line
    raise UsageError(Reason("item.unknown", item=item))


def explain(staging: Staging, item: ItemId, targets: Mapping[str, Collection[str]]) -> Line:
    """Everything that is known of one mail: evidence, decisions, faults, and what became of it at each target."""
    line = one(staging, item)
    with staging.reading() as connection:
        artefact, stream = connection.execute(
            select(tables.item.c.artefact_id, tables.item.c.stream).where(tables.item.c.id == item)
        ).one()
        versions = list(
            connection.execute(
                select(tables.item.c.id).where(tables.item.c.artefact_id == artefact).order_by(tables.item.c.id)
            ).scalars()
        )
    return line | {
        "versions": [str(each) for each in versions],
        "decisions": decisions(staging, artefact, stream),
        "targets": _standings(staging, item, targets),
    }


def _mails(*, newest_only: bool = True) -> Select[Any]:
    its, newest = tables.item, newest_item()
    columns = (
        its.c.id,
        tables.account.c.name.label("account"),
        tables.folder.c.path.label("folder"),
        tables.artefact.c.key,
        its.c.digest,
        its.c.size,
        its.c.message_id,
        its.c.from_,
        its.c.subject,
        its.c.received_at,
        its.c.date_source,
        flags_of(its.c.artefact_id, its).label("flags"),
        proposal_of(its.c.id, tables.proposal.c.verdict).label("proposal"),
        proposal_of(its.c.id, tables.proposal.c.rules).label("rules"),
        proposal_of(its.c.id, tables.proposal.c.guard).label("guard"),
        proposal_of(its.c.id, tables.proposal.c.score).label("score"),
        proposal_of(its.c.id, tables.proposal.c.reasons).label("reasons"),
        verdict_of(its.c.artefact_id, its).label("decision"),
        its.c.health,
    )
    query = (
        select(*columns)
        .join(tables.artefact, tables.artefact.c.id == its.c.artefact_id)
        .join(tables.folder, tables.folder.c.id == tables.artefact.c.folder_id)
        .join(tables.account, tables.account.c.id == tables.folder.c.account_id)
    )
    return query.join(newest, newest.c.item_id == its.c.id) if newest_only else query


def _lines(staging: Staging, query: Select[Any]) -> Iterator[Line]:
    last = 0
    while True:
        page_query = query.where(tables.item.c.id > last).order_by(tables.item.c.id).limit(PAGE)
        with staging.reading() as connection:
            page = list(connection.execute(page_query))
            repairs = _repairs(connection, [row.id for row in page])
        for row in page:
            yield _line(row, sorted(repairs.get(row.id, ())))
        if len(page) < PAGE:
            return
        last = page[-1].id


def _line(row: Any, repairs: list[str]) -> Line:
    return {
        "item": str(row.id),
        "account": row.account or None,
        "folder": folder_name(row.folder),
        "key": row.key,
        "sha256": row.digest,
        "size": row.size,
        "message_id": row.message_id,
        "from": row.from_,
        "subject": row.subject,
        "date": row.received_at.isoformat(),
        "date_source": row.date_source,
        "flags": row.flags,
        "proposal": row.proposal,
        "decision": row.decision,
        "rules": row.rules or [],
        "guard": row.guard,
        "score": row.score,
        "reasons": [Reason(each["code"], **each["params"]) for each in row.reasons or []],
        "health": row.health,
        "repairs": repairs,
    }


def folder_name(path: Collection[str]) -> str | None:
    """A folder as people write it; None for what lies in no folder."""
    return "/".join(path) or None


def _repairs(connection: Connection, items: list[ItemId]) -> dict[ItemId, set[str]]:
    found: dict[ItemId, set[str]] = {}
    rows = connection.execute(
        select(tables.dispatch.c.item_id, tables.receipt.c.repairs)
        .join(tables.receipt, tables.receipt.c.dispatch_id == tables.dispatch.c.id)
        .where(tables.dispatch.c.item_id.in_(items))
    )
    for row in rows:
        found.setdefault(row.item_id, set()).update(row.repairs)
    return found


def _standings(staging: Staging, item: ItemId, targets: Mapping[str, Collection[str]]) -> dict[str, Line]:
    return {plain(name): _standing(staging, item, name, takes) for name, takes in targets.items()}


def _standing(staging: Staging, item: ItemId, target: str, takes: Collection[str]) -> Line:
    """State, place, ref and run of one mail at one target."""
    with staging.reading() as connection:
        artefact, account = connection.execute(
            select(tables.item.c.artefact_id, tables.account.c.name)
            .join(tables.artefact, tables.artefact.c.id == tables.item.c.artefact_id)
            .join(tables.folder, tables.folder.c.id == tables.artefact.c.folder_id)
            .join(tables.account, tables.account.c.id == tables.folder.c.account_id)
            .where(tables.item.c.id == item)
        ).one()
        standing, here = states(target, takes, [account]), placed()
        state = connection.execute(select(standing.c.state).where(standing.c.artefact_id == artefact)).scalar_one()
        row = connection.execute(
            select(tables.place.c.path, here.c.epoch, here.c.number, here.c.run_id)
            .join(tables.place, tables.place.c.id == here.c.place_id)
            .where(here.c.item_id == item, tables.place.c.target == target)
        ).first()
        refused = connection.execute(
            select(tables.refusal.c.code, tables.refusal.c.params)
            .join(tables.dispatch, tables.dispatch.c.id == tables.refusal.c.dispatch_id)
            .join(tables.place, tables.place.c.id == tables.dispatch.c.place_id)
            .where(tables.dispatch.c.item_id == item, tables.place.c.target == target)
            .order_by(tables.dispatch.c.id.desc())
            .limit(1)
        ).first()
    line: Line = {"state": state, "place": None, "ref": None, "run": None}
    if row is not None:
        ref = None if row.number is None else f"{row.epoch}:{row.number}"
        line |= {"place": folder_name(row.path), "ref": ref, "run": str(row.run_id)}
    if state == State.REFUSED and refused is not None:
        line["reason"] = Reason(refused.code, **refused.params)
    return line


def of_items(staging: Staging, items: Collection[ItemId]) -> Iterator[Line]:
    """These mails, in the order of their numbers."""
    yield from _lines(staging, _mails(newest_only=False).where(tables.item.c.id.in_(sorted(items))))


# -- the rest --------------------------------------------------------------------------------------------------------


def not_mail(staging: Staging) -> Iterator[Line]:
    """Artefacts that are no mail, with the rule that says so."""
    yield from _by_artefact(staging, tables.not_mail, "rule", lambda row: {"rule": row.rule, "bytes": row.size})


def faults(staging: Staging) -> Iterator[Line]:
    """Artefacts that yield no bytes, with the reason and what was seen of them."""
    its, any_ = tables.fault, tables.fault.alias("any")
    newest = select(func.max(any_.c.id)).where(any_.c.artefact_id == tables.artefact.c.id).scalar_subquery()
    no_item = ~select(tables.item.c.id).where(tables.item.c.artefact_id == tables.artefact.c.id).exists()
    with staging.reading() as connection:
        rows = connection.execute(
            select(tables.account.c.name, tables.folder.c.path.label("folder"), tables.artefact.c.key, its)
            .join(tables.artefact, tables.artefact.c.id == its.c.artefact_id)
            .join(tables.folder, tables.folder.c.id == tables.artefact.c.folder_id)
            .join(tables.account, tables.account.c.id == tables.folder.c.account_id)
            .where(and_(its.c.id == newest, no_item))
            .order_by(its.c.id)
        )
        for row in rows:
            yield {
                "account": row.name or None,
                "folder": folder_name(row.folder),
                "key": row.key,
                "path": row.path,
                "reason": Reason(row.code, **row.params),
                "bytes": row.size,
            }


def findings(staging: Staging, run: int) -> Iterator[Line]:
    """What one run of verify saw to be wrong."""
    its = tables.finding
    with staging.reading() as connection:
        rows = connection.execute(
            select(its.c.kind, its.c.detail, tables.dispatch.c.item_id, tables.place.c.owner, tables.place.c.path)
            .join(tables.place, tables.place.c.id == its.c.place_id)
            .outerjoin(tables.dispatch, tables.dispatch.c.id == its.c.dispatch_id)
            .where(its.c.run_id == run)
            .order_by(its.c.id)
        )
        for row in rows:
            yield {
                "item": None if row.item_id is None else str(row.item_id),
                "kind": row.kind,
                "mailbox": row.owner,
                "place": folder_name(row.path),
                "detail": row.detail,
            }


def _by_artefact(staging: Staging, table: Any, column: str, values: Any) -> Iterator[Line]:
    with staging.reading() as connection:
        rows = connection.execute(
            select(tables.account.c.name, tables.folder.c.path.label("folder"), tables.artefact.c.key, table)
            .join(tables.artefact, tables.artefact.c.id == table.c.artefact_id)
            .join(tables.folder, tables.folder.c.id == tables.artefact.c.folder_id)
            .join(tables.account, tables.account.c.id == tables.folder.c.account_id)
            .order_by(table.c.id)
        )
        for row in rows:
            yield {"account": row.name or None, "folder": folder_name(row.folder), "key": row.key} | values(row)


def runs(staging: Staging) -> list[Line]:
    """Every run, oldest first: what, when, by whom, how it ended."""
    with staging.reading() as connection:
        return [
            {
                "run": str(row.id),
                "step": row.step,
                "target": row.target,
                "began": row.began.isoformat(),
                "ended": None if row.ended is None else row.ended.isoformat(),
                "outcome": row.outcome,
                "by": row.by,
                "counts": row.counts,
            }
            for row in connection.execute(select(tables.run).order_by(tables.run.c.id))
        ]
