"""The many rows that a mail leads to: its addresses, its attachments. They wait on disk until their mail comes by."""

import json
import marshal
import sqlite3
import weakref
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

from adapters.groupware.rows.shape import LONGEST
from migrator.errors import Reason, UsageError

ROW = 1000
"""Bytes that a row counts beside its cells."""

Cells = dict[str, Any]


class TooMany(Exception):  # noqa: N818 - raised and caught inside this package
    """One mail leads to more than any mail consists of."""


class Lists:
    """Rows by what they hold in some columns. In a scratch database that is gone with this."""

    def __init__(self) -> None:
        # An unnamed database of SQLite's own: spilt to disk, and deleted with the connection.
        self._scratch = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._scratch.close)
        self._scratch.execute("pragma journal_mode = off")
        self._numbers: dict[object, int] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._numbers

    def fill(self, name: object, rows: Iterable[tuple[Sequence[Any], Sequence[Any], Cells]]) -> None:
        """Take a list in, once: what each row is asked for by, what orders it among its like, and its cells.

        Raises UsageError where there is no room for it.
        """
        number = self._numbers[name] = len(self._numbers)
        packed = ((_asked(on), marshal.dumps((_ordered(order), cells))) for on, order, cells in rows)
        try:
            self._scratch.execute("begin")
            self._scratch.execute(f"create table list{number} (asked text, row blob)")
            self._scratch.executemany(f"insert into list{number} values (?, ?)", packed)  # noqa: S608 - a number
            self._scratch.execute(f"create index by{number} on list{number} (asked)")
            self._scratch.execute("commit")
        except sqlite3.OperationalError as error:
            raise UsageError(Reason("groupware.scratch-failed", answer=str(error))) from error

    def rows(self, name: object, on: Sequence[Any]) -> list[Cells]:
        """The rows that hold these, in their order. Raises TooMany."""
        number, left = self._numbers[name], LONGEST
        found: list[tuple[tuple[Any, ...], Cells]] = []
        for (row,) in self._scratch.execute(
            f"select row from list{number} where asked = ? order by rowid",  # noqa: S608 - a number
            (_asked(on),),
        ):
            left -= len(row) + ROW
            if left < 0:
                raise TooMany
            found.append(marshal.loads(row))  # noqa: S302 - the scratch database is our own
        return [cells for _, cells in sorted(found, key=itemgetter(0))]


def _asked(on: Sequence[Any]) -> str:
    return json.dumps(list(on), default=str)


def _ordered(key: Sequence[Any]) -> tuple[tuple[bool, Any], ...]:
    """A key in a form that can be compared with others of its table: numbers by their value, what is absent last."""
    return tuple([(value is None, value if isinstance(value, int) else str(value)) for value in key])
