"""What became of every artefact of some accounts at a target, each with the decision that it rests on: for proof."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from migrator.errors import Reason
from migrator.staging import tables
from migrator.staging.reports import Line, folder_name, of_items
from migrator.staging.states import State, decision_of, is_made, placed, states
from migrator.staging.store import Staging

PAGE = 500


def stories(staging: Staging, accounts: Collection[str], target: str, takes: Collection[str]) -> Iterator[Line]:
    """One line for each, folder by folder: `state` (laws.md §3), `made` by us, `because` (what gave no bytes, or was
    refused, or the rule by which it is no mail), `decided` (verdict, scope, by, at, why), `place`, `ref`, `run`, and
    `mail`, the line of `reports.listing`, None where it gave no bytes."""
    with staging.reading() as connection:
        found = list(connection.execute(_artefacts(accounts)).scalars())
    for at in range(0, len(found), PAGE):
        yield from _page(staging, found[at : at + PAGE], target, takes)


def _artefacts(accounts: Collection[str]) -> Any:
    its, folder = tables.artefact, tables.folder
    return (
        select(its.c.id)
        .join(folder, folder.c.id == its.c.folder_id)
        .join(tables.account, tables.account.c.id == folder.c.account_id)
        .where(tables.account.c.name.in_(accounts))
        .order_by(folder.c.id, its.c.id)
    )


def _page(staging: Staging, artefacts: Sequence[int], target: str, takes: Collection[str]) -> Iterator[Line]:
    standing, its, folder = states(target, takes), tables.artefact, tables.folder
    query = (
        select(standing, its.c.key, folder.c.path, tables.account.c.name, is_made(its.c.id).label("made"))
        .select_from(standing)
        .join(its, its.c.id == standing.c.artefact_id)
        .join(folder, folder.c.id == its.c.folder_id)
        .join(tables.account, tables.account.c.id == folder.c.account_id)
        .where(standing.c.artefact_id.in_(artefacts))
    )
    with staging.reading() as connection:
        rows = {row.artefact_id: row for row in connection.execute(query)}
        items = [row.item_id for row in rows.values() if row.item_id is not None]
        decided, whereabouts = _decided(connection, items), _whereabouts(connection, items, target)
        because = _because(connection, list(rows.values()))
    mails = {int(line["item"]): line for line in of_items(staging, items)}
    for artefact in artefacts:
        row = rows[artefact]
        yield {
            "account": row.name,
            "folder": folder_name(row.path),
            "key": row.key,
            "state": row.state,
            "made": row.made,
            "gone": row.gone,
            "because": because.get(artefact),
            "decided": decided.get(row.item_id),
            **(whereabouts.get(row.item_id) or {"place": None, "ref": None, "run": None}),
            "mail": mails.get(row.item_id),
        }


def _decided(connection: Connection, items: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    """The decision in force, where one is."""
    its, said = tables.item, tables.decision.alias("said")
    number = decision_of(its.c.artefact_id, its).label("number")
    known = select(its.c.id, number).where(its.c.id.in_(items)).subquery("known")
    rows = connection.execute(
        select(known.c.id, said.c.verdict, said.c.scope, said.c.by, said.c.at, said.c.why).join_from(
            known, said, said.c.id == known.c.number
        )
    )
    return {row.id: {name: row._mapping[name] for name in ("verdict", "scope", "by", "at", "why")} for row in rows}


def _whereabouts(connection: Connection, items: Sequence[int], target: str) -> dict[int, Line]:
    here, place = placed(), tables.place
    rows = connection.execute(
        select(here.c.item_id, place.c.path, here.c.epoch, here.c.number, here.c.run_id)
        .join(place, place.c.id == here.c.place_id)
        .where(here.c.item_id.in_(items), place.c.target == target)
    )
    return {
        row.item_id: {
            "place": folder_name(row.path),
            "ref": None if row.number is None else f"{row.epoch}:{row.number}",
            "run": str(row.run_id),
        }
        for row in rows
    }


def _because(connection: Connection, rows: Sequence[Any]) -> dict[int, Reason | str]:
    """Why some are not mail, unreadable or refused."""

    def of(state: State) -> list[Any]:
        return [row for row in rows if row.state == state]

    found: dict[int, Reason | str] = {}
    for row in _newest_of(connection, tables.not_mail, [row.artefact_id for row in of(State.NOT_MAIL)]):
        found[row.artefact_id] = row.rule
    for row in _newest_of(connection, tables.fault, [row.artefact_id for row in of(State.FAULT)]):
        found[row.artefact_id] = Reason(row.code, **row.params)
    refused = {row.dispatch_id: row.artefact_id for row in of(State.REFUSED)}
    its = tables.refusal.c
    for row in connection.execute(select(its.dispatch_id, its.code, its.params).where(its.dispatch_id.in_(refused))):
        found[refused[row.dispatch_id]] = Reason(row.code, **row.params)
    return found


def _newest_of(connection: Connection, table: Any, artefacts: Sequence[int]) -> Iterator[Any]:
    newest = select(func.max(table.c.id)).where(table.c.artefact_id.in_(artefacts)).group_by(table.c.artefact_id)
    yield from connection.execute(select(table).where(table.c.id.in_(newest)))
