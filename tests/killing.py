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
    """Counts the moments of a run: before and after every transaction and every port call. Kills at one of them: the
    `at`-th, or the `at`-th of its kind."""

    def __init__(self, at: int | None, kind: str | None = None) -> None:
        self.at = at
        self.kind = kind
        self.moments = 0
        self.dead = False
        self._lock = Lock()

    def moment(self, kind: str) -> None:
        with self._lock:
            self.moments += self.kind in (None, kind)
            if self.dead or self.moments == self.at:
                self.dead = True
                raise Killed

    @contextmanager
    def watching(self, staging: Staging) -> Iterator[None]:
        """Every transaction of this staging is two moments: "begin" before it (after the last one), and "commit"."""
        event.listen(staging.engine, "begin", self._begins)
        event.listen(staging.engine, "commit", self._commits)
        try:
            yield
        finally:
            event.remove(staging.engine, "begin", self._begins)
            event.remove(staging.engine, "commit", self._commits)

    def _begins(self, connection: Any) -> None:
        if connection.get_execution_options().get("migrator_writes"):
            self.moment("begin")

    def _commits(self, connection: Any) -> None:
        if connection.get_execution_options().get("migrator_writes"):
            self.moment("commit")
