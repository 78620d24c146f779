"""A line of the log for each mail, by the names that the source gives it: account, folder and key."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from migrator import log
from migrator.model import ItemId
from migrator.staging import tables
from migrator.staging.store import Run, Staging

Fields = Mapping[str, Any]

PAGE = 500


def note_items(staging: Staging, run: Run, became: Sequence[tuple[ItemId, Fields]]) -> None:
    """What became of these mails in this run. Asks for their names only where somebody listens."""
    if log.heard():
        _note(staging, run, became, _named(tables.item.c.id).select_from(tables.item), tables.item.c.id)


def note_dispatches(staging: Staging, run: Run, became: Sequence[tuple[int, Fields]]) -> None:
    """The same by their dispatches, and so also by mailbox and place."""
    if log.heard():
        its = tables.dispatch.c
        named = (
            _named(its.id, tables.place.c.owner, tables.place.c.path.label("place"))
            .select_from(tables.dispatch)
            .join(tables.place, tables.place.c.id == its.place_id)
            .join(tables.item, tables.item.c.id == its.item_id)
        )
        _note(staging, run, became, named, its.id)


def _named(number: Any, *more: Any) -> Any:
    names = (tables.account.c.name, tables.folder.c.path, tables.artefact.c.key)
    return select(number.label("number"), tables.item.c.id.label("item"), *names, *more)


def _note(staging: Staging, run: Run, became: Sequence[tuple[int, Fields]], named: Any, number: Any) -> None:
    query = (
        named.join(tables.artefact, tables.artefact.c.id == tables.item.c.artefact_id)
        .join(tables.folder, tables.folder.c.id == tables.artefact.c.folder_id)
        .join(tables.account, tables.account.c.id == tables.folder.c.account_id)
    )
    for at in range(0, len(became), PAGE):
        page = became[at : at + PAGE]
        with staging.reading() as connection:
            rows = {row.number: row for row in connection.execute(query.where(number.in_({each for each, _ in page})))}
        for each, fields in page:
            row = rows[each]
            where = {"mailbox": row.owner, "place": "/".join(row.place)} if hasattr(row, "place") else {}
            its = {"account": row.name, "folder": "/".join(row.path), "key": row.key, "item": row.item, **where}
            run.log.mail(**{**its, **fields})
