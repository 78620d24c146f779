"""The migration under review: what staging and the settings say, and each topic's rows as they were last read."""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from migrator.errors import Reason
from migrator.filters.ruleset import Ruleset
from migrator.filters.store import Store
from migrator.review.sheets import Sheet
from migrator.review.topic import Row, Topic
from migrator.routes import Routes
from migrator.staging.books import Said, rulings_book
from migrator.staging.glances import Stamp, stamp
from migrator.staging.store import Staging
from migrator.steps.watch import Watched, watch

Value = TypeVar("Value")

PATIENCE = 10
"""While a run adds mails, rows are read again only after so many times the time that reading them takes."""


@dataclass(frozen=True, slots=True)
class _Read:
    """Rows without their decisions: of which facts and rulings, when, and how long it took."""

    facts: Stamp
    heeded: Stamp
    at: float
    took: float
    rows: tuple[Row, ...]


@dataclass
class Desk:
    """Everything that a topic may ask. Any thread may use it."""

    staging: Staging
    ruleset: Ruleset
    routes: Routes
    new_store: Callable[[], Store]
    """What protects mails, without what a former reading has put into it."""
    said_by: Callable[[Ruleset, Iterable[str]], list[Reason]]
    """What signals and guards say, in the language spoken."""
    own_domains: tuple[str, ...] = ()
    foretold: Mapping[str, Path] = field(default_factory=dict)
    """By target, the file in which a load says what becomes of every fact of shared inboxes; it may not be there."""
    takes: Mapping[str, Collection[str]] = field(default_factory=dict)
    """By target, the verdicts that it takes."""
    troubles: list[Reason] = field(default_factory=list)
    """What keeps a topic from being shown, for whoever runs the page."""
    _kept: dict[str, tuple[Stamp, Any]] = field(default_factory=dict)
    _read: dict[str, _Read] = field(default_factory=dict)
    _sheets: dict[str, tuple[_Read, Sheet]] = field(default_factory=dict)
    _watched: tuple[float, Watched] | None = None
    _locks: dict[str, threading.Lock] = field(default_factory=dict)

    def sheet(self, topic: Topic) -> Sheet:
        """The topic's rows with the decisions in force."""
        read = self._facts(topic)
        book = topic.book(self.staging)
        seen = book.newest()  # before the decisions: what is said between the two counts as unseen
        known = self._sheets.get(topic.name)
        if known is not None and known[0] is read and known[1].seen == seen:
            return known[1]
        said = book.in_force()
        rows = []
        for row in read.rows:
            its = said.get(row.subject)
            if its is not None:
                holds = its.verdict is not None and _holds(topic, row, its)
                row = replace(row, said=its if holds else None, newest=its.number)
            rows.append(row)
        sheet = Sheet(topic, tuple(rows), seen)
        self._sheets[topic.name] = read, sheet
        return sheet

    def kept(self, name: str, make: Callable[[], Value], *, besides: int = 0) -> Value:
        """What several topics ask for, made once while the facts are the same, and the number `besides`."""
        with self._locks.setdefault(f"kept {name}", threading.Lock()):
            facts = (*stamp(self.staging), besides)
            if name not in self._kept or self._kept[name][0] != facts:
                self._kept[name] = facts, make()
            value: Value = self._kept[name][1]
            return value

    def watched(self) -> Watched:
        """What goes on now. Asked again only after so many times the time that asking takes, however many look on."""
        with self._locks.setdefault("watched", threading.Lock()):
            began = time.monotonic()
            if self._watched is None or began >= self._watched[0]:
                found = watch(self.staging, self.routes, self.takes)
                ended = time.monotonic()
                self._watched = ended + PATIENCE * (ended - began), found
            return self._watched[1]

    def say(self, reasons: Iterable[Reason | str]) -> list[Reason]:
        """Reasons, and ids of signals and guards, as reasons in the language spoken."""
        said: list[Reason] = []
        for each in reasons:
            said += [each] if isinstance(each, Reason) else self.said_by(self.ruleset, [each])
        return said

    def _stamp(self) -> Stamp:
        """Changes whenever anything does from which rows are made, but for decisions."""
        written = (file.stat().st_mtime_ns if file.exists() else 0 for file in self.foretold.values())
        return (*stamp(self.staging), *written)

    def _facts(self, topic: Topic) -> _Read:
        with self._locks.setdefault(topic.name, threading.Lock()):
            known, facts, began = self._read.get(topic.name), self._stamp(), time.monotonic()
            facts += (topic.book(self.staging).newest(),) if topic.follows else ()
            heeded = tuple(rulings_book(self.staging, each).last() for each in topic.heeds)
            fresh = known is not None and (known.facts == facts or began < known.at + PATIENCE * known.took)
            if known is not None and fresh and heeded == known.heeded:
                return known
            rows = tuple(topic.facts(self))
            ended = time.monotonic()
            self._read[topic.name] = read = _Read(facts, heeded, ended, ended - began, rows)
            return read


def _holds(topic: Topic, row: Row, said: Said) -> bool:
    """Whether a decision is still about the row: about the same proposal, or what somebody wrote is proposed now."""
    written = said.verdict == row.proposal and not topic.knows(said.verdict or "")
    return not topic.binding or said.about == row.about or written


def by_name(topics: Iterable[Topic]) -> Mapping[str, Topic]:
    """The topics by the names under which they stand in addresses."""
    return {each.name: each for each in topics}
