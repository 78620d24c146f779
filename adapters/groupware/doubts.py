"""What a store's rows hold that the mapping does not explain, gathered over many rows and told once."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from migrator.errors import Reason, UsageError

UNDATED = 10
"""Rows without one readable date from which on the mapping, not the rows, must be wrong."""

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
class Doubts:
    """Codes nobody explained and dates nobody could read, by `table.column`."""

    _codes: dict[str, dict[str, tuple[str, int]]] = field(default_factory=dict)
    _dates: dict[str, Dates] = field(default_factory=dict)

    def code(self, column: str, code: str, file: str, line: int) -> None:
        """A code that stops the run."""
        codes = self._codes.setdefault(column, {})
        if len(codes) < TOLD:
            codes.setdefault(code, (file, line))

    def dates(self, column: str) -> Dates:
        """The tally of a column's dates."""
        return self._dates.setdefault(column, Dates())

    def stop(self) -> None:
        """Raise UsageError where the mapping must learn something first."""
        for column, codes in self._codes.items():
            file, line = next(iter(codes.values()))
            named = ", ".join(codes)
            raise UsageError(Reason("groupware.codes-unknown", column=column, codes=named, file=file, line=line))
        for column, dates in self._dates.items():
            if dates.odd >= UNDATED and not dates.read:
                raise UsageError(Reason("groupware.dates-unread", column=column, file=dates.file, line=dates.line))

    def advice(self) -> Iterator[Reason]:
        """Columns of which some dates could not be read: those mails are dated by other evidence."""
        for column, dates in self._dates.items():
            if dates.odd:
                yield Reason("groupware.dates-odd", column=column, rows=dates.odd, file=dates.file, line=dates.line)
