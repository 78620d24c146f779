"""Rows out of a table of a database that lives, which migration.toml names: a mapping holds no URL and no secret."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Literal

from typing_extensions import override

from adapters.groupware.rows.shape import File, Lines, RowShape, Wanted


class LiveTable(RowShape):
    """Rows out of the table or view `table` of the database that [source.databases] calls by that name.

    Only the columns that the mapping asks for are read, in a transaction that cannot write. `charset` is the database's
    own: text is taken as it stands there.
    """

    type: Literal["database"]
    database: str
    table: str
    owner: str | None = None
    """The schema, where it is not the one that the login finds by itself."""
    path: Literal[""] = ""
    each: None = None
    optional: Literal[False] = False

    kept_in: ClassVar[Literal["file", "directory", "database"]] = "database"

    @override
    @contextmanager
    def open(self, file: File, wanted: Wanted) -> Iterator[Lines]:
        """Raises UsageError, Outage."""
        assert file.live is not None
        yield Lines(wanted.columns, file.live.rows(file, self.owner, self.table, wanted, self.charset))
