"""A draft as a mapping file: each line with how sure it is and where that was seen, each doubt as a remark."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.groupware.probe.draft import Column, Draft, Meant, MessagesDraft, TableDraft
from migrator.text import shown

WIDE = 120
"""Letters of a line; what is longer is written key by key."""
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def quoted(value: object) -> str:
    """A TOML value."""
    match value:
        case str():
            text = json.dumps(value.encode("utf-8", "replace").decode(), ensure_ascii=False)
            return text.replace("\x7f", "\\u007f")
        case list() | tuple():
            return f"[{', '.join(map(quoted, value))}]"
        case dict():
            inner = ", ".join(f"{_key(key)} = {quoted(each)}" for key, each in value.items())
            return f"{{ {inner} }}" if inner else "{}"
        case _:
            return json.dumps(value)


def _key(name: object) -> str:
    return str(name) if _BARE.fullmatch(str(name)) else quoted(str(name))


def mapping(draft: Draft, paths: str, rules: Mapping[str, Sequence[str]]) -> str:
    """The whole file."""
    lines = [
        "# Proposed by `migrator probe`: nobody has decided anything yet. Answer its questions in [provenance].",
        "",
        "mapping = 1",
        'name = "probed"',
        f'paths = "{paths}"',
        *(line for name, table in draft.tables.items() for line in _table(f"tables.{_key(name)}", table)),
        "",
        "[accounts]",
        f"table = {quoted(draft.accounts[0])}",
        f"name = {quoted(draft.accounts[1])}",
        "",
        "[folders]",
        *(f"{key} = {quoted(value)}" for key, value in draft.folders.items()),
        *(line for each in draft.messages for line in _messages(each)),
        "",
        "[not_mail]",
        *(f"{_key(rule)} = {quoted(patterns)}" for rule, patterns in sorted(rules.items())),
        "",
        "[provenance]",
        *(f"# {quoted(key)} = {quoted('who decided it, when, from which evidence')}" for key in draft.coded()),
    ]
    return "\n".join(lines) + "\n"


def _told(sure: float | None, samples: Sequence[str], remark: str = "") -> Iterator[str]:
    if remark:
        yield f"# {remark}"
    if sure is not None:
        yield f"# confidence {min(sure, 0.99):.2f}" + (", such as:" if samples else "")
        yield from (f"#   {shown(each[:100])}" for each in samples[:5])


def _table(name: str, table: TableDraft) -> Iterator[str]:
    yield ""
    yield f"[{name}]"
    yield from _spread("rows", table.rows)
    yield f"key = {quoted(table.key)}"
    if table.only:
        yield f"only = {quoted(table.only)}"
    if table.joins:
        yield f"joins = {quoted(table.joins)}"
    if table.lists:
        yield "lists = ["
        yield from (f"    {quoted(each)}," for each in table.lists)
        yield "]"
    yield ""
    yield f"[{name}.columns]"
    plain = {key: each for key, each in table.columns.items() if not each.codes}
    for key, each in plain.items():
        yield from _told(each.sure, each.samples, each.remark)
        yield f"{_key(key)} = {quoted({'column': each.column, 'as': each.read} if each.read else each.column)}"
    for key, each in table.columns.items():
        if each.codes:
            yield from _coded(f"{name}.columns.{_key(key)}", each)


def _spread(key: str, value: Mapping[str, Any]) -> Iterator[str]:
    """In one line where it is short enough, else one line a key."""
    line = f"{key} = {quoted(dict(value))}"
    if len(line) <= WIDE:
        yield line
        return
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _spread(f"{key}.{_key(name)}", inner)
        else:
            yield f"{key}.{_key(name)} = {quoted(inner)}"


def _coded(name: str, column: Column) -> Iterator[str]:
    yield ""
    yield f"[{name}]"
    yield from _told(column.sure, column.samples, column.remark)
    yield f"column = {quoted(column.column)}"
    yield from (f"as.{key} = {quoted(value)}" for key, value in column.read.items())
    yield f"[{name}.as.map]"
    for code, meant in column.codes.items():
        yield from _code(code, meant)


def _code(code: str, meant: Meant) -> Iterator[str]:
    if meant.meaning is None:
        such = f"   such as {shown(meant.samples[0])}" if meant.samples else ""
        yield f"# {_key(code)} = ?{such}" + ("   in {} of {} rows".format(*meant.seen) if meant.seen else "")
        return
    yield from _told(meant.sure, meant.samples)
    yield f"{_key(code)} = {quoted(str(meant.meaning))}"


def _messages(each: MessagesDraft) -> Iterator[str]:
    yield ""
    yield "[[messages]]"
    yield f"table = {quoted(each.table)}"
    if each.flags:
        yield f"flags = {quoted(each.flags)}"
    if each.received is not None:
        yield f"received = {quoted(each.received)}"
    if each.folder:
        yield f"folder = {quoted(each.folder)}"
    yield from _told(each.sure, each.samples)
    long = {key for key, value in each.container.items() if isinstance(value, list)}
    if not long:
        yield from _spread("container", each.container)
        return
    yield from (f"container.{key} = {quoted(value)}" for key, value in each.container.items() if key not in long)
    for key in (key for key in each.container if key in long):
        yield f"container.{key} = ["
        yield from (f"    {quoted(part)}," for part in each.container[key])
        yield "]"
