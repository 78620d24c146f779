"""A mapping in the making: what is proposed, how sure that is, where it was seen, and what is left to be asked."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from adapters.groupware.probe.columns import Marks
from adapters.groupware.probe.families import Table
from migrator.errors import Reason
from migrator.model import ANSWERED, DRAFT, FORWARDED, SEEN


class Meant(NamedTuple):
    """What a code is proposed to stand for; None where only a person knows."""

    meaning: str | None
    sure: float = 0.0
    samples: tuple[str, ...] = ()
    seen: tuple[int, int] | None = None
    """In how many of how many rows it stands."""


@dataclass(slots=True)
class Column:
    """A column: what the store calls it, and how its cells are read."""

    column: str
    read: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, Meant] = field(default_factory=dict)
    sure: float | None = None
    samples: tuple[str, ...] = ()
    remark: str = ""


@dataclass(slots=True)
class TableDraft:
    """A table."""

    rows: dict[str, Any]
    key: list[str] = field(default_factory=list)
    joins: list[dict[str, Any]] = field(default_factory=list)
    lists: list[dict[str, Any]] = field(default_factory=list)
    only: dict[str, list[str]] = field(default_factory=dict)
    columns: dict[str, Column] = field(default_factory=dict)


@dataclass(slots=True)
class MessagesDraft:
    """Where the mails of a table lie."""

    table: str
    container: dict[str, Any]
    sure: float
    samples: tuple[str, ...] = ()
    flags: list[str] = field(default_factory=list)
    received: str | None = None
    folder: str = ""


@dataclass(slots=True)
class Draft:
    """A whole mapping."""

    accounts: tuple[str, str]
    folders: dict[str, str]
    tables: dict[str, TableDraft] = field(default_factory=dict)
    messages: list[MessagesDraft] = field(default_factory=list)
    used: list[str] = field(default_factory=list)
    """The files of its tables."""
    not_mail: dict[str, list[str]] = field(default_factory=dict)
    """What its own rule of keeping mails says is none: name of a rule -> patterns."""

    def questions(self) -> list[Reason]:
        """What a person must confirm or say, code by code."""
        return [
            question
            for table in self.tables.values()
            for column in table.columns.values()
            for mark, meant in column.codes.items()
            if (question := _question(column, mark, meant)) is not None
        ]

    def coded(self) -> list[str]:
        """Every `table.column` whose codes somebody must vouch for."""
        return [
            f"{name}.{key}" for name, table in self.tables.items() for key, each in table.columns.items() if each.codes
        ]


_ASKED = {
    ANSWERED: "probe.ask-answered",
    DRAFT: "probe.ask-draft",
    SEEN: "probe.ask-seen",
    FORWARDED: "probe.ask-forwarded",
}


def _question(column: Column, mark: str, meant: Meant) -> Reason | None:
    sample = meant.samples[0] if meant.samples else ""
    if mark == meant.meaning:
        return None
    if meant.meaning is None and column.read["kind"] == "code":
        return Reason("probe.ask-role", code=mark, sample=sample)
    if meant.meaning is None:
        count, total = meant.seen or (0, 0)
        return Reason("probe.ask-mark", mark=mark, column=column.column, count=count, total=total)
    code = _ASKED.get(meant.meaning)
    return None if code is None else Reason(code, mark=mark, column=column.column)


def of_table(table: Table) -> dict[str, Any]:
    """Where a table's rows come from; its path still lacks the steps in which its files differ."""
    form = table.form
    rows: dict[str, Any] = {"type": form.model_dump()["type"], "path": "/".join(step or "" for step in table.steps)}
    rows["charset"] = form.charset
    return rows | {key: value for key, value in form.model_dump(exclude_defaults=True).items() if key not in rows}


def of_marks(name: str, marks: Marks, total: int) -> Column:
    """A column of marks."""
    read: dict[str, Any] = {"kind": "flags", "written": marks.written}
    if marks.base != 10:
        read["base"] = marks.base
    if marks.until:
        read["until"] = marks.until
    codes = {}
    for mark, count in sorted(marks.counts.items(), key=lambda each: (len(each[0]), each[0])):
        known = marks.meanings.get(mark)
        seen = count, total
        codes[mark] = Meant(None, seen=seen) if known is None else Meant(known.flag, known.sure, seen=seen)
    return Column(name, read, codes)
