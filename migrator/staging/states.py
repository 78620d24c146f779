"""State is a question: what became of each artefact at one target, in SQL (laws.md §3 and §4).

Everything here is built of index look-ups an artefact, so that asking about one account does not read the others.
"""

from collections.abc import Collection
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, false, func, literal, null, or_, select
from sqlalchemy.sql.selectable import ScalarSelect, Subquery

from migrator.model import Verdict
from migrator.staging.tables import (
    account,
    amendment,
    artefact,
    decision,
    dispatch,
    folder,
    intent,
    item,
    made,
    mark,
    move,
    not_mail,
    observation,
    outcome,
    pass_,
    place,
    presence,
    proposal,
    recall,
    receipt,
    refusal,
    retry,
)

TAKEN_BACK = "none"
"""The verdict of a decision row that takes back those before it: nobody has decided."""


class State(StrEnum):
    """The first that is true is an artefact's state at a target."""

    NOT_MAIL = "not_mail"
    SUPERSEDED = "superseded"
    LOADED = "loaded"
    IN_DOUBT = "in_doubt"
    FAULT = "fault"
    REFUSED = "refused"
    HELD = "held"
    PARKED = "parked"
    TO_DO = "to_do"


def _newest(column: ColumnElement[Any], *where: ColumnElement[bool]) -> ScalarSelect[Any]:
    """The column in the row with the highest id."""
    table = column.table
    return select(column).where(*where).order_by(table.c.id.desc()).limit(1).scalar_subquery()


def is_newest() -> ColumnElement[bool]:
    """No later version is there. Asked of an item row itself, so that items are walked in their order, never sorted."""
    later = item.alias("later")
    return ~exists(select(literal(1)).where(later.c.artefact_id == item.c.artefact_id, later.c.id > item.c.id))


def last_presence(artefact_id: ColumnElement[int]) -> ScalarSelect[Any]:
    """Whether an artefact was there when that last changed; null where it was never missed."""
    return _newest(presence.c.present, presence.c.artefact_id == artefact_id)


def newest_item() -> Subquery:
    """Each artefact of mail with the number of its newest version (null where it never gave bytes)."""
    newest = select(func.max(item.c.id)).where(item.c.artefact_id == artefact.c.id).scalar_subquery()
    return select(
        artefact.c.id.label("artefact_id"), artefact.c.folder_id, artefact.c.pass_id, newest.label("item_id")
    ).subquery("newest")


def is_made(artefact_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """We wrote this mail ourselves."""
    return exists(select(literal(1)).where(made.c.artefact_id == artefact_id))


def proposal_of(item_id: ColumnElement[Any], column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column of the newest proposal about an item; null where nobody has judged it."""
    return _newest(column, proposal.c.item_id == item_id)


def verdict_of(artefact_id: ColumnElement[Any], of: Any) -> ColumnElement[str]:
    """The decision in force for an item row `of`: the first that exists (laws.md §4)."""
    guard = _newest(proposal.c.guard, proposal.c.item_id == of.c.id)
    return func.coalesce(
        said_of("item", artefact_id),
        case((said_of("source", artefact_id) == Verdict.PARK, literal(Verdict.PARK.value))),
        case((guard.is_not(None), literal(Verdict.KEEP.value))),
        said_of_stream(of),
        said_of("auto", artefact_id),
        literal(Verdict.KEEP.value),
    )


def decision_of(artefact_id: ColumnElement[Any], of: Any) -> ColumnElement[Any]:
    """The number of the decision row in force for an item row `of`; null where a guard or nobody has decided."""

    def newest(*where: ColumnElement[bool]) -> ScalarSelect[Any]:
        return select(func.max(decision.c.id)).where(*where).scalar_subquery()

    def about(scope: str) -> ScalarSelect[Any]:
        return newest(decision.c.artefact_id == artefact_id, decision.c.scope == scope)

    about_orders = func.coalesce(_newest(proposal.c.orders, proposal.c.item_id == of.c.id), false())
    of_stream = (newest(decision.c.sender == of.c.stream, decision.c.scope == scope) for scope in ("orders", "sender"))
    return case(
        (said_of("item", artefact_id).is_not(None), about("item")),
        (said_of("source", artefact_id) == Verdict.PARK, about("source")),
        (_newest(proposal.c.guard, proposal.c.item_id == of.c.id).is_not(None), null()),
        (said_of_stream(of).is_not(None), case((about_orders, next(of_stream)), else_=next(of_stream))),
        (said_of("auto", artefact_id).is_not(None), about("auto")),
    )


def parked_by(artefact_id: ColumnElement[Any], of: Any) -> ColumnElement[str]:
    """Whose decision in force parks an item row `of`, by scope: item, source, sender or auto; null for none."""
    return case(
        (verdict_of(artefact_id, of) != Verdict.PARK, null()),
        (said_of("item", artefact_id) == Verdict.PARK, literal("item")),
        (said_of("source", artefact_id) == Verdict.PARK, literal("source")),
        (said_of_stream(of) == Verdict.PARK, literal("sender")),
        else_=literal("auto"),
    )


def said_of_stream(of: Any) -> ColumnElement[str]:
    """The newest verdict about the sender or list of an item row `of`; about its orders, where the mail is one."""
    about_orders = func.coalesce(_newest(proposal.c.orders, proposal.c.item_id == of.c.id), false())
    by_orders, by_name = (
        _said(decision.c.sender == of.c.stream, decision.c.scope == scope) for scope in ("orders", "sender")
    )
    return case((about_orders, by_orders), else_=by_name)


def said_of(scope: str, artefact_id: ColumnElement[Any]) -> ColumnElement[Any]:
    """The newest verdict about an artefact in this scope: item, source or auto."""
    return _said(decision.c.artefact_id == artefact_id, decision.c.scope == scope)


def _said(*where: ColumnElement[bool]) -> ColumnElement[Any]:
    """The newest of these decisions' verdicts; null where it was taken back."""
    return func.nullif(_newest(decision.c.verdict, *where), TAKEN_BACK)


def flags_of(artefact_id: ColumnElement[Any], of: Any) -> ColumnElement[Any]:
    """An item's flags as the source last showed them."""
    return func.coalesce(
        _newest(observation.c.flags, observation.c.artefact_id == artefact_id), of.c.flags, type_=item.c.flags.type
    )


def withdrawn(dispatch_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """This receipt's mail was taken back by us, or was found gone when we came to take it back."""
    return exists(
        select(literal(1))
        .where(intent.c.dispatch_id == dispatch_id, intent.c.kind == "withdraw")
        .join(outcome, outcome.c.intent_id == intent.c.id)
        .where(outcome.c.kind.in_(["done", "gone"]))
    )


def unanswered(dispatch_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """A dispatch with neither receipt nor refusal nor recall."""
    return and_(
        *(
            ~exists(select(literal(1)).where(answer.c.dispatch_id == dispatch_id))
            for answer in (receipt, refusal, recall)
        )
    )


def at(target: str) -> Select[Any]:
    """The numbers of a target's places."""
    return select(place.c.id).where(place.c.target == target)


def artefacts_of(accounts: Collection[str]) -> Select[Any]:
    """The numbers of these accounts' artefacts."""
    return (
        select(artefact.c.id)
        .join(folder, folder.c.id == artefact.c.folder_id)
        .join(account, account.c.id == folder.c.account_id)
        .where(account.c.name.in_(accounts))
    )


def loaded(item_id: ColumnElement[Any], target: str) -> ColumnElement[bool]:
    sent = dispatch.alias("sent")
    return exists(
        select(literal(1))
        .where(sent.c.item_id == item_id, sent.c.place_id.in_(at(target)))
        .join(receipt, receipt.c.dispatch_id == sent.c.id)
        .where(~withdrawn(sent.c.id))
    )


def _inherited(of: Any, target: str) -> ColumnElement[bool]:
    """A receipt of the same bytes under a key that this artefact succeeded, however often it moved."""
    line = select(move.c.artefact_id, move.c.successor_id).cte("line", recursive=True)
    older = move.alias("older")
    line = line.union_all(
        select(older.c.artefact_id, line.c.successor_id).where(older.c.successor_id == line.c.artefact_id)
    )
    before = item.alias("before")
    return exists(
        select(literal(1))
        .where(line.c.successor_id == of.c.artefact_id)
        .join(before, before.c.artefact_id == line.c.artefact_id)
        .where(before.c.digest == of.c.digest, loaded(before.c.id, target))
    )


def states(target: str | None, takes: Collection[str], accounts: Collection[str] | None = None) -> Subquery:
    """Every artefact with its newest version, decision in force and state at a target (None: none, nothing is loaded).

    Columns: artefact_id, folder_id, item_id, dispatch_id (the newest at the target), verdict, state, ready, gone.
    `ready` is false while the pass that first saw it goes on; `gone` is true where the source has it no more.
    """
    newest = newest_item()
    its = item.alias("its")
    last = (
        select(func.max(dispatch.c.id))
        .where(dispatch.c.item_id == newest.c.item_id, dispatch.c.place_id.in_(at(target or "")))
        .scalar_subquery()
    )
    based = select(
        newest.c.artefact_id,
        newest.c.folder_id,
        newest.c.item_id,
        newest.c.pass_id,
        last.label("dispatch_id"),
        verdict_of(newest.c.artefact_id, its).label("verdict"),
        its.c.digest,
    ).outerjoin_from(newest, its, its.c.id == newest.c.item_id)
    if accounts is not None:
        mine = (
            select(folder.c.id).join(account, account.c.id == folder.c.account_id).where(account.c.name.in_(accounts))
        )
        based = based.where(newest.c.folder_id.in_(mine))
    known = based.subquery("known")
    refused = and_(
        exists(select(literal(1)).where(refusal.c.dispatch_id == known.c.dispatch_id)),
        ~exists(select(literal(1)).where(retry.c.dispatch_id == known.c.dispatch_id)),
    )
    moved = exists(select(literal(1)).where(move.c.artefact_id == known.c.artefact_id))
    state = case(
        (
            and_(
                known.c.item_id.is_(None),
                exists(select(literal(1)).where(not_mail.c.artefact_id == known.c.artefact_id)),
            ),
            State.NOT_MAIL.value,
        ),
        (moved, State.SUPERSEDED.value),
        (or_(loaded(known.c.item_id, target or ""), _inherited(known, target or "")), State.LOADED.value),
        (and_(known.c.dispatch_id.is_not(None), unanswered(known.c.dispatch_id)), State.IN_DOUBT.value),
        (known.c.item_id.is_(None), State.FAULT.value),
        (refused, State.REFUSED.value),
        (known.c.verdict == Verdict.HOLD.value, State.HELD.value),
        (known.c.verdict.not_in(list(takes)), State.PARKED.value),
        else_=State.TO_DO.value,
    )
    first_seen = pass_.alias("first_seen")
    present = last_presence(known.c.artefact_id)
    return (
        select(
            known.c.artefact_id,
            known.c.folder_id,
            known.c.item_id,
            known.c.dispatch_id,
            known.c.verdict,
            state.label("state"),
            or_(first_seen.c.number == 1, first_seen.c.ended.is_not(None)).label("ready"),
            or_(moved, func.coalesce(present, literal(True)).is_(False)).label("gone"),
        )
        .join(first_seen, first_seen.c.id == known.c.pass_id)
        .subquery("states")
    )


def first_mark(place_id: int) -> Select[int, int, int]:
    """How far a place had come before us: epoch, next, mails. Of its newest epoch, for after a change of epoch nothing
    is noted there before our receipts are bound again."""
    older = mark.alias("older")
    newest = select(older.c.epoch).where(older.c.place_id == place_id).order_by(older.c.id.desc()).limit(1)
    return (
        select(mark.c.epoch, mark.c.next, mark.c.mails)
        .where(mark.c.place_id == place_id, mark.c.epoch == newest.scalar_subquery())
        .order_by(mark.c.id)
        .limit(1)
    )


@cache
def placed() -> Subquery:
    """Each receipt with where its mail lies now: as it was delivered, or as it was last amended or bound again."""
    latest = select(func.max(amendment.c.id)).where(amendment.c.dispatch_id == receipt.c.dispatch_id).scalar_subquery()
    now = amendment.alias("now")
    return (
        select(
            receipt.c.dispatch_id,
            dispatch.c.item_id,
            dispatch.c.mark_id,
            dispatch.c.run_id,
            func.coalesce(now.c.place_id, dispatch.c.place_id).label("place_id"),
            case((now.c.id.is_not(None), now.c.epoch), else_=receipt.c.epoch).label("epoch"),
            case((now.c.id.is_not(None), now.c.number), else_=receipt.c.number).label("number"),
            receipt.c.sent,
            receipt.c.size,
            receipt.c.headers,
            func.coalesce(now.c.flags, receipt.c.flags, type_=receipt.c.flags.type).label("flags"),
            receipt.c.how,
        )
        .join(dispatch, dispatch.c.id == receipt.c.dispatch_id)
        .outerjoin(now, now.c.id == latest)
        .where(~withdrawn(receipt.c.dispatch_id))
        .subquery("placed")
    )
