"""Reads a table's file as the adapter does, and tells each row in short: its cells, or the code of what is wrong."""

from collections.abc import Mapping, Sequence

from adapters.groupware.rows.shape import File, Line, RowShape, Wanted
from adapters.groupware.values import Cell
from migrator.model import Raw

Told = list[Cell] | str


def rows(
    form: RowShape, data: bytes, *columns: str, raw: Sequence[str] = (), beside: Mapping[str, bytes] | None = None
) -> list[Told]:
    """The rows of a file, in the order of the columns that are asked for, or else of its own."""
    return [told for _, told in numbered(form, data, *columns, raw=raw, beside=beside)]


def numbered(
    form: RowShape, data: bytes, *columns: str, raw: Sequence[str] = (), beside: Mapping[str, bytes] | None = None
) -> list[tuple[int, Told]]:
    """The same, and where each stands."""
    near = {suffix: Raw.of(content) for suffix, content in (beside or {}).items()}
    with form.open(File("table", Raw.of(data), near), Wanted(columns, frozenset(raw))) as lines:
        places = [list(lines.columns).index(column) for column in columns or lines.columns]
        return [
            (
                each.number,
                [each.cells[place] for place in places] if isinstance(each, Line) else each.reason.code,
            )
            for each in lines.rows
        ]
