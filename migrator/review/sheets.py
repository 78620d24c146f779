"""A topic's rows with the decisions laid over them: who sees which, which are asked for, and what they come to."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from migrator.review.door import Visitor, seen
from migrator.review.topic import SURE, Row, Topic

PAGE = 100
"""Rows on a page."""

SHOWN = ("all", "open", "decided", "against", "sure", "changed")
"""Which rows a view shows: against = decided otherwise than proposed; sure = undecided and so sure that they may be
ticked beforehand; changed = since somebody signed."""


@dataclass(frozen=True)
class Sheet:
    """All rows of a topic; `seen` is the number up to which decisions are in it."""

    topic: Topic
    rows: tuple[Row, ...]
    seen: int

    @cached_property
    def by_id(self) -> Mapping[str, Row]:
        return {row.id: row for row in self.rows}

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """What is searched of each row, by its id."""
        return {row.id: _text(row) for row in self.rows}

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """Each row's digest, by its id."""
        return {row.id: row_digest(row) for row in self.rows}

    def of(self, visitor: Visitor) -> Sequence[Row]:
        """The rows of which they see anything."""
        if "*" in visitor.accounts:
            return self.rows
        sees = {account: visitor.sees(account) for account in frozenset().union(*(row.accounts for row in self.rows))}
        return [row for row in self.rows if any(sees[account] for account in row.accounts)]


def row_digest(row: Row) -> str:
    """Of what a person sees and signs of one row: not of counts and examples, which change with every new mail."""
    said = None if row.said is None else [row.said.verdict, row.said.why, row.said.by]
    spelled = json.dumps([row.id, row.about, said])
    return sha256(spelled.encode()).hexdigest()[:16]


def wholly(row: Row, accounts: tuple[str, ...]) -> bool:
    """Whether it concerns nobody's mail but that of these accounts (names or globs)."""
    return "*" in accounts or (bool(row.accounts) and all(seen(accounts, each) for each in row.accounts))


def decides(visitor: Visitor, row: Row) -> bool:
    """Whether this person may decide about it: it must concern nobody's mail that they do not see."""
    return visitor.may("decide") and wholly(row, visitor.accounts)


def is_sure(topic: Topic, row: Row) -> bool:
    """Whether it may be ticked beforehand: never in a starred topic, never what is protected or warned of."""
    sure = row.confidence is not None and row.confidence >= SURE and row.accepts is not None
    return sure and not (topic.starred or row.said or row.warnings or row.against)


@dataclass(frozen=True, slots=True)
class View:
    """What of a sheet is asked for."""

    query: str = ""
    show: str = "all"
    proposal: str = ""
    page: int = 1

    def of(self, sheet: Sheet, rows: Iterable[Row], changed: Collection[str]) -> list[Row]:
        """Those of these rows of the sheet that fit, on whatever page."""
        words = self.query.casefold().split()
        return [
            row
            for row in rows
            if self._shows(sheet.topic, row, changed)
            and (not self.proposal or row.proposal == self.proposal)
            and (not words or all(word in sheet.texts[row.id] for word in words))
        ]

    def _shows(self, topic: Topic, row: Row, changed: Collection[str]) -> bool:
        match self.show:
            case "open":
                return row.said is None
            case "decided":
                return row.said is not None
            case "against":
                return row.said is not None and row.accepts is not None and not row.agrees
            case "sure":
                return is_sure(topic, row)
            case "changed":
                return row.id in changed
            case _:
                return True


def _text(row: Row) -> str:
    said = "" if row.said is None else f"{row.said.verdict} {row.said.by} {row.said.why}"
    params = " ".join(str(value) for note in row.notes for value in note.params.values())
    return f"{row.title} {row.proposal} {said} {params}".casefold()


@dataclass(frozen=True, slots=True)
class Tally:
    """How far a topic has come."""

    rows: int
    decided: int
    ends: Mapping[str, int]
    """Rows by decision."""

    @property
    def open(self) -> int:
        return self.rows - self.decided


def tally(rows: Iterable[Row]) -> Tally:
    """Counts of rows and decisions."""
    ends: dict[str, int] = {}
    many = 0
    for row in rows:
        many += 1
        if row.said is not None and row.said.verdict is not None:
            ends[row.said.verdict] = ends.get(row.said.verdict, 0) + 1
    return Tally(many, sum(ends.values()), ends)


@dataclass(frozen=True, slots=True)
class Band:
    """Proposals of about this confidence that people have answered: how many, and how many of them were right."""

    confidence: float
    right: int
    many: int


def reliability(rows: Iterable[Row]) -> list[Band]:
    """How often proposals were right, by their confidence in tenths, the surest first."""
    counts: dict[int, list[int]] = {}
    for row in rows:
        if row.said is None or row.accepts is None or row.confidence is None:
            continue
        if row.said.about in ("", row.about):  # what was said of an earlier proposal does not count
            right_and_many = counts.setdefault(min(9, int(row.confidence * 10 + 1e-9)), [0, 0])
            right_and_many[0] += row.said.verdict == row.accepts
            right_and_many[1] += 1
    return [Band(tenth / 10, right, many) for tenth, (right, many) in sorted(counts.items(), reverse=True)]
