"""How much of a hidden mapping a proposal has found: line by line, by what a line means.

A mapping is taken apart into lines: key -> value. What only its author could choose (the names of tables and columns,
of rules, remarks) is replaced by what the store calls it: a table is its file and its name in there, a column is that
of the store. One line each:

    a table      every key of its `rows` that the author wrote; its key; each join
    a column     how it is read; of flags and codes how they are written, and each code by itself; of a date its form,
                 pattern and zone
    the uses     the tables of accounts, folders and messages, and each column that they name
    a container  its type, each of its paths, each column it names
    not_mail     each pattern: right where the proposal too says of every file that it names that it is no mail

Columns that a join of the hidden mapping makes equal are the same in a path or a key. A line of the hidden mapping is
right where the proposal has its very key and value; a line that the proposal lacks and one that it has wrong both cost
one line. A pattern that names no file of this store is no line of it: nothing of it could be seen.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from adapters.groupware.containers import OneFile, Written
from adapters.groupware.large import Range
from adapters.groupware.listing import Rules
from adapters.groupware.mapping import Column, StoreMapping
from adapters.groupware.rows.dbm import Dbm
from adapters.groupware.rows.fixed import Fixed
from adapters.groupware.rows.names import Names
from adapters.groupware.rows.sections import Ini
from adapters.groupware.rows.separated import Csv
from adapters.groupware.template import Template
from adapters.groupware.values import Bytes, Code, Date, Flags, Number

_BRACES = re.compile(r"\{([^{}]*)\}")
Lines = dict[str, Any]


class Reading:
    """A mapping in the words of the store. `same`: what a join makes equal."""

    def __init__(self, mapping: StoreMapping, same: Mapping[str, str] = {}) -> None:
        self.mapping, self._same = mapping, same

    # -- names -----------------------------------------------------------------------------------------------------

    def table(self, name: str) -> str:
        """What the store calls a table."""
        rows = self.mapping.tables[name].rows
        parts = [rows.type, self.text(rows.path, rows.each or name), getattr(rows, "table", "")]
        if isinstance(rows, Names):
            parts.append(self._pattern(rows))
        if self.mapping.tables[name].only:
            parts.append(self._use(name))
        return " ".join(filter(None, parts))

    def _use(self, name: str) -> str:
        """What one of several tables is for that are rows of one."""
        uses = {self.mapping.accounts.table: "accounts", self.mapping.folders.table: "folders"}
        for each in self.mapping.messages:
            uses[each.table] = "mails"
            for attached in getattr(each.container, "attachments", ()):
                uses[attached.name.partition(".")[0]] = "bodies" if attached.body else "attachments"
        return uses.get(name, "")

    def _called(self, table: str, name: str) -> str:
        columns = self.mapping.tables[table].columns
        return self._of_store(table, columns[name] if name in columns else Column(column=name))

    def _pattern(self, rows: Names) -> str:
        return _BRACES.sub(
            lambda found: f"{{{rows.declared.index(found[1])}{'…' * (found[1] == rows.deep)}}}", rows.pattern
        )

    def column(self, table: str, name: str) -> str:
        """What the store calls a column, or one that is always equal to it."""
        if "." in name:
            table, _, name = name.partition(".")
        own = self.own(table, name)
        return self._same.get(own, own)

    def own(self, table: str, name: str) -> str:
        """What the store calls just this column."""
        if "." in name:
            table, _, name = name.partition(".")
        return f"{self.table(table)}.{self._called(table, name)}"

    def _of_store(self, table: str, column: Column) -> str:
        match self.mapping.tables[table].rows:
            case Csv(names=names) | Names(declared=names) | Dbm(declared=names) if column.column in names:
                return f"{names.index(column.column) + 1}"
            case Fixed(fields=fields):
                return f"@{fields[column.column].at}"
            case Ini(section=column.column):
                return "[]"
        return column.column

    def text(self, text: str, table: str) -> str:
        """A path, its columns as the store calls them; those without a table are of this one."""
        return _BRACES.sub(lambda found: f"{{{self.column(table, found[1])}}}", text)

    # -- lines -----------------------------------------------------------------------------------------------------

    def lines(self) -> Lines:
        """All but `not_mail`."""
        mapping = self.mapping
        found: Lines = {"paths": mapping.paths}
        for name in mapping.tables:
            found |= {f"{self.table(name)}: {key}": value for key, value in self._table(name)}
        folders = mapping.folders
        found["accounts"] = self.column(mapping.accounts.table, mapping.accounts.name)
        for key in ("name", "id", "parent", "path", "role"):
            if (column := getattr(folders, key)) is not None:
                found[f"folders.{key}"] = self.column(folders.table, column)
        for each in mapping.messages:
            table = self.table(each.table)
            found |= {f"messages {table}: {key}": value for key, value in self._container(each.table, each.container)}
            if each.flags:
                found[f"messages {table}: flags"] = {self.own(each.table, column) for column in each.flags}
            if each.folder:
                found[f"messages {table}: folder"] = each.folder
            if each.received:
                found[f"messages {table}: received"] = self.own(each.table, each.received)
        return found

    def _table(self, name: str) -> Iterator[tuple[str, Any]]:
        table = self.mapping.tables[name]
        yield "rows.each", table.rows.each and self.table(table.rows.each)
        yield "key", {self.column(name, column) for column in table.key}
        for join in table.joins:
            pairs = {(self.own(name, ours), self.own(join.table, its)) for ours, its in join.on.items()}
            yield f"join {self.table(join.table)}", pairs
        for join in table.lists:
            pairs = {(self.own(name, ours), self.own(join.table, its)) for ours, its in join.on.items()}
            yield f"list {self.table(join.table)}", pairs
        for column, values in table.only.items():
            yield f"only {self.own(name, column)}", {*values}
        yield from self._rows(name)
        for each in table.columns.values():
            yield from self._column(f"column {self._of_store(name, each)}", each)

    def _rows(self, name: str) -> Iterator[tuple[str, Any]]:
        rows = self.mapping.tables[name].rows
        for key in type(rows).model_fields:
            value = getattr(rows, key)
            match key:
                case "each" | "deep" | "section":
                    continue
                case "key" if isinstance(rows, Dbm):
                    continue
                case "path":
                    value = self.text(rows.path, rows.each or name)
                case "names":
                    value = len(value)
                case "pattern" if isinstance(rows, Names):
                    value = self._pattern(rows)
                case "fields":
                    for field in value.values():
                        # a text ends with its first NUL, however wide its place is
                        yield f"field @{field.at}", (field.written, field.written != "text" and field.bytes)
                    continue
            yield f"rows.{key}", value

    def _column(self, name: str, column: Column) -> Iterator[tuple[str, Any]]:
        read = column.read
        yield name, read.kind
        match read:
            case Code(map=codes) | Flags(map=codes):
                yield from ((f"{name} code {code}", meant) for code, meant in codes.items())
        match read:
            case Flags():
                yield f"{name} written", (read.written, read.base, read.until)
            case Date():
                yield f"{name} form", (read.format, read.pattern)
                if read.format in ("strptime", "wareki", "ole"):
                    yield f"{name} zone", read.zone
            case Number() | Bytes():
                yield f"{name} written", read.written

    def _container(self, table: str, container: Any) -> Iterator[tuple[str, Any]]:
        yield "container", container.type
        parts = getattr(container, "parts", (container,))
        for number, part in enumerate(parts):
            key = f"part {number}" if len(parts) > 1 else "part"
            yield f"{key} type", part.type
            for path in part.paths:
                yield f"{key} path", self.text(path.text, table)
            for text in part.texts:
                yield f"{key} text", self.text(text.text, table)
            if isinstance(part, Written):
                yield from self._written(table, part)
                continue
            for what, column, _ in part.needs():
                yield f"{key} {what}", self.own(table, column)
            if isinstance(part, OneFile) and part.packed:
                yield f"{key} packed", True
            if isinstance(part, Range):
                yield f"{key} counted", (part.counted, part.magic.lower())
        if getattr(container, "between", ""):
            yield "between", container.between

    def _written(self, table: str, mail: Written) -> Iterator[tuple[str, Any]]:
        yield from ((f"field {name}", self.own(table, column)) for name, column in mail.fields.items())
        for key, column in (("text", mail.text), ("html", mail.html), ("header", mail.header)):
            if column is not None:
                yield key, self.own(table, column)
        for rows in mail.field_rows:
            yield f"field rows {self.own(table, rows.name)}", self.own(table, rows.value)
        for each in mail.attachments:
            name = f"attachment {self.own(table, each.name)}"
            yield name, each.body
            if each.path is not None:
                yield f"{name} path", self.text(each.path, table)
            if each.charset is not None:
                yield f"{name} charset", self.own(table, each.charset)


def same(mapping: StoreMapping) -> dict[str, str]:
    """Columns that the mapping's joins make equal -> one name for them."""
    reading, found = Reading(mapping), dict[str, str]()

    def top(name: str) -> str:
        while name in found:
            name = found[name]
        return name

    for name, table in mapping.tables.items():
        for join in table.joins:
            for ours, its in join.on.items():
                one, other = top(reading.own(name, ours)), top(reading.own(join.table, its))
                if one != other:
                    found[max(one, other)] = min(one, other)
    return {name: top(name) for name in found}


def written(path: Path, mapping: StoreMapping, lines: Lines) -> Lines:
    """The lines without those that say nothing but a default which the author did not write."""
    spoken = {name: table.rows.model_fields_set for name, table in mapping.tables.items()}
    reading = Reading(mapping, same(mapping))
    silent = {
        f"{reading.table(name)}: rows.{key}"
        for name, table in mapping.tables.items()
        for key in type(table.rows).model_fields
        if key not in spoken[name]
    }
    return {key: value for key, value in lines.items() if key not in silent}


class Score:
    """What was found of a hidden mapping on a store."""

    def __init__(self, hidden: StoreMapping, proposal: StoreMapping | None, root: Path) -> None:
        hidden = of_mails(hidden)
        equal = same(hidden)
        self.hidden = written(root, hidden, Reading(hidden, equal).lines())
        self.ours = Reading(proposal, equal).lines() if proposal is not None else {}
        files = [each.relative_to(root).as_posix() for each in root.rglob("*") if each.is_file()]
        rules = Rules(proposal.not_mail if proposal is not None else {})
        tables = {name for name in files if proposal is not None and _is_table(proposal, name)}
        for pattern in (pattern for patterns in hidden.not_mail.values() for pattern in patterns):
            named = [name for name in files if Rules({"": [pattern]}).rule(name) is not None]
            if named:
                self.hidden[f"not_mail {pattern}"] = True
                self.ours[f"not_mail {pattern}"] = all(rules.rule(name) or name in tables for name in named)

    @property
    def missed(self) -> dict[str, tuple[Any, Any]]:
        """Key -> what it is, and what was proposed."""
        return {key: (value, self.ours.get(key)) for key, value in self.hidden.items() if self.ours.get(key) != value}

    @property
    def share(self) -> float:
        """How many of its lines were found."""
        return 1 - len(self.missed) / len(self.hidden)

    def __str__(self) -> str:
        lines = [f"{self.share:.1%} of {len(self.hidden)} lines"]
        lines += [
            f"  {key} = {json.dumps(value, default=str, ensure_ascii=False)}" for key, value in self.missed.items()
        ]
        return "\n".join(lines)


def of_mails(mapping: StoreMapping) -> StoreMapping:
    """A mapping without what it says of shared inboxes: probe looks for mails."""
    uses = [mapping.accounts, mapping.folders, *mapping.messages, *mapping.left_out.values()]
    wanted = {each.table for each in uses}
    for name in [*wanted]:
        wanted |= {*mapping.reach(name), *(join.table for join in mapping.tables[name].lists)}
    kept = {name: table for name, table in mapping.tables.items() if name in wanted}
    return mapping.model_copy(update={"tables": kept, "shared": None})


def _is_table(mapping: StoreMapping, path: str) -> bool:
    tables = [table.rows.path for table in mapping.tables.values() if table.rows.kept_in == "file"]
    return any(Template(each).match(path) is not None for each in tables)
