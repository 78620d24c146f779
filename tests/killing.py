"""A process that dies: from one moment on nothing it does has any effect, clean-up included."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from sqlalchemy import event

from migrator.staging.store import Staging


class Killed(BaseException):
    """kill -9."""


class Killer:
    """Counts the moments of a run: before and after every transaction and every port call. Kills at one of them."""

    def __init__(self, at: int | None) -> None:
        self.at = at
        self.moments = 0
        self.dead = False
        self._lock = Lock()

    def moment(self, *_: Any) -> None:
        with self._lock:
            self.moments += 1
            if self.dead or self.moments == self.at:
                self.dead = True
                raise Killed

    @contextmanager
    def watching(self, staging: Staging) -> Iterator[None]:
        """Every transaction of this staging is two moments: before it begins (after the last one), and before it
        commits."""
        event.listen(staging.engine, "begin", self._begins)
        event.listen(staging.engine, "commit", self._commits)
        try:
            yield
        finally:
            event.remove(staging.engine, "begin", self._begins)
            event.remove(staging.engine, "commit", self._commits)

    def _begins(self, connection: Any) -> None:
        if connection.get_execution_options().get("migrator_writes"):
            self.moment()

    def _commits(self, connection: Any) -> None:
        if connection.get_execution_options().get("migrator_writes"):
            self.moment()
