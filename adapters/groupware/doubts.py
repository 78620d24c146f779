"""What a store's rows hold that the mapping does not explain, gathered over many rows and told once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from migrator.errors import Reason, UsageError
from migrator.text import storable

UNDATED = 10
"""Rows without one readable date, or without a column at all, from which on the mapping must be wrong and not they."""

TOLD = 20
"""Codes that one message names."""


@dataclass(slots=True)
class Dates:
    """How often the dates of one column could be read, and where they first could not."""

    read: int = 0
    odd: int = 0
    file: str = ""
    line: int = 0

    def miss(self, file: str, line: int) -> None:
        """One that could not be read."""
        self.odd += 1
        if self.odd == 1:
            self.file, self.line = file, line


@dataclass(slots=True)
class Untold:
    """A column that no row has named, in a table whose rows name their own cells."""

    rows: int
    file: str
    there: str


UNSEEN = Untold(0, "", "")


@dataclass(slots=True)
class Doubts:
    """Codes nobody explained and dates nobody could read, by `table.column`."""

    _codes: dict[str, dict[str, tuple[str, int]]] = field(default_factory=dict)
    _dates: dict[str, Dates] = field(default_factory=dict)
    _untold: dict[tuple[str, str], Untold | None] = field(default_factory=dict)

    def code(self, column: str, code: str, file: str, line: int) -> None:
        """A code that stops the run."""
        codes = self._codes.setdefault(column, {})
        if len(codes) < TOLD:
            codes.setdefault(code, (file, line))

    def dates(self, column: str) -> Dates:
        """The tally of a column's dates."""
        return self._dates.setdefault(column, Dates())

    def told(self, table: str, column: str, rows: int, named: bool, file: str, there: Iterable[str]) -> None:
        """How many more rows of a table were read, and whether any so far has named the column."""
        untold = self._untold.get((table, column), UNSEEN)
        if named or untold is None:
            self._untold[table, column] = None
        else:
            seen = storable(", ".join([*islice(there, TOLD)]))
            self._untold[table, column] = Untold(untold.rows + rows, file, seen)

    def stop(self) -> None:
        """Raise UsageError where the mapping must learn something first."""
        for column, codes in self._codes.items():
            file, line = next(iter(codes.values()))
            named = ", ".join(codes)
            raise UsageError(Reason("groupware.codes-unknown", column=column, codes=named, file=file, line=line))
        for (_, column), untold in self._untold.items():
            if untold is not None and untold.rows >= UNDATED:
                file, there = untold.file, untold.there
                raise UsageError(Reason("groupware.column-missing", file=file, column=column, there=there))
        for column, dates in self._dates.items():
            if dates.odd >= UNDATED and not dates.read:
                raise UsageError(Reason("groupware.dates-unread", column=column, file=dates.file, line=dates.line))

    def advice(self) -> Iterator[Reason]:
        """Columns of which some dates could not be read: those mails are dated by other evidence."""
        for column, dates in self._dates.items():
            if dates.odd:
                yield Reason("groupware.dates-odd", column=column, rows=dates.odd, file=dates.file, line=dates.line)
