"""How many requests may be under way at a server at once: fewer when it is busy, slowly more again.

A server counts by mailbox or by login (EWSMaxConcurrency, 27 unless told otherwise) and has less when it is loaded:
https://learn.microsoft.com/exchange/client-developer/exchange-web-services/ews-throttling-in-exchange. Halving, and one
more for each round that went well, is how TCP shares a line nobody knows the width of (RFC 5681 §3.1).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition


@dataclass(slots=True)
class Turn:
    """One request under way. Who sent it says so when the server was too busy for it."""

    halvings: int
    busy: bool = False


class Throttle:
    """Shared by all who speak to one server."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._bound = float(most)
        self._under_way = 0
        self._halvings = 0
        self._changed = Condition()

    @property
    def bound(self) -> int:
        """Requests that may be under way now; never less than one."""
        return int(self._bound)

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Wait until one more may go, and learn from what comes of it."""
        with self._changed:
            self._changed.wait_for(lambda: self._under_way < self.bound)
            self._under_way += 1
            turn = Turn(self._halvings)
        try:
            yield turn
        finally:
            with self._changed:
                self._under_way -= 1
                self._learn(turn)
                self._changed.notify_all()

    def _learn(self, turn: Turn) -> None:
        """What was sent before the last halving says nothing about the bound since."""
        if not turn.busy:
            self._bound = min(self._most, self._bound + 1 / self._bound)
        elif turn.halvings == self._halvings:
            self._bound = max(1.0, self._bound / 2)
            self._halvings += 1
