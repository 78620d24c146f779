"""The accounts of a store without a table of mails: a table that names all their directories, or only these."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from adapters.groupware.probe.draft import Column, TableDraft, of_table
from adapters.groupware.probe.families import Table
from adapters.groupware.probe.homes import Homes

ACCOUNTS = "accounts"


class Accounts(NamedTuple):
    """The table of accounts; the files of the store's own, none where only directories tell."""

    table: TableDraft
    files: Sequence[str] = ()


def accounts(found: Homes, tables: Sequence[Table]) -> Accounts:
    """The store's own table of them where it has one: its other rows are accounts without a mail."""
    for table in tables:
        if None in table.steps:
            continue
        for place, column in enumerate(table.columns):
            if found.names() <= {*table.cells(place)} and table.is_key(place):
                samples = tuple(table.cells(place)[:5])
                return Accounts(_draft(of_table(table), Column(column, sure=0.99, samples=samples)), table.files)
    rows = {"type": "names", "pattern": f"{{account}}{found.behind}/{{rest}}", "deep": "rest"}
    if found.head:
        rows = {"type": "names", "path": found.head, **{key: rows[key] for key in ("pattern", "deep")}}
    told = tuple(f"{home.name} ({home.person})" for home in found.every)[:5]
    return Accounts(_draft(rows, Column("account", sure=0.9, samples=told)))


def _draft(rows: dict[str, Any], column: Column) -> TableDraft:
    return TableDraft(rows, ["account"], columns={"account": column})
