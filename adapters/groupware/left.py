"""What stays behind in columns: signatures, rules, vacation texts. Each of their rows is an artefact and no mail."""

import json
from collections.abc import Iterator
from typing import NamedTuple

from adapters.groupware.mapping import LeftRows
from adapters.groupware.store import Part, Store
from adapters.groupware.tables import Tables, Values, led
from migrator.model import Account, Folder

PREFIX = "left"
"""What the keys of such rows begin with."""


class Left(NamedTuple):
    """One row of it."""

    folder: Folder
    key: str
    rule: str
    data: bytes


def left(store: Store, part: Part, tables: Tables) -> Iterator[Left]:
    """The rows of a part that hold something."""
    mapping = store.mapping
    name = f"{mapping.accounts.table}.{mapping.accounts.name}"
    for rule, rows in mapping.left_out.items():
        for values in tables.kept(rows.table):
            account = {**values, **led(rows.table, values)}.get(name) or ""
            account = account if account in store.accounts else ""
            data = _data(rows, values)
            if data and account in part.names:
                key = "/".join(str(values.get(column)) for column in mapping.tables[rows.table].key)
                yield Left(Folder(Account(account), ()), f"{PREFIX}:{rule}:{rows.table}/{key}", rule, data)


def _data(rows: LeftRows, values: Values) -> bytes:
    """One column as it is, several as JSON; empty where nothing stands in them."""
    cells = {column: values[column] for column in rows.columns}
    if not any(cells.values()):
        return b""
    if len(cells) > 1:
        return json.dumps(cells, ensure_ascii=False, default=_shown).encode("utf-8", "surrogatepass")
    (cell,) = cells.values()
    return cell if isinstance(cell, bytes) else str(cell).encode("utf-8", "surrogatepass")


def _shown(value: object) -> object:
    """What JSON does not know: flags, moments, and bytes in hexadecimal digits."""
    match value:
        case bytes():
            return value.hex()
        case frozenset():
            return sorted(value)
        case _:
            return str(value)
