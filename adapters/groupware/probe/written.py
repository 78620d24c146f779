"""A proposal as a mapping file: each line with how sure it is and where that was seen, each doubt as a question."""

import json
import re
from collections.abc import Iterator, Sequence

from adapters.groupware.probe.families import Table
from adapters.groupware.probe.propose import Proposal
from migrator.errors import Reason
from migrator.model import ANSWERED, DRAFT, SEEN
from migrator.text import shown

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


def _line(key: str, value: object, sure: float | None = None, samples: Sequence[str] = ()) -> Iterator[str]:
    if sure is not None:
        yield f"# confidence {min(sure, 0.99):.2f}" + (", such as:" if samples else "")
        yield from (f"#   {shown(each)}" for each in samples[:5])
    yield f"{_key(key)} = {quoted(value)}"


def mapping(found: Proposal, paths: str, rules: dict[str, list[str]]) -> str:
    """The whole file. The proposal has an index, accounts and folders."""
    lines = [
        "# Proposed by `migrator probe`: nobody has decided anything yet. Answer its questions in [provenance].",
        "",
        "mapping = 1",
        'name = "probed"',
        f'paths = "{paths}"',
        "",
        *_users(found),
        "",
        *_folders(found),
        "",
        *_index(found),
        "",
        *_uses(found),
        "",
        "[not_mail]",
        *(line for rule, patterns in sorted(rules.items()) for line in _line(rule, patterns)),
        "",
        "[provenance]",
        *(f"# {key} = {quoted('who decided it, when, from which evidence')}" for key in _open(found)),
    ]
    return "\n".join(lines) + "\n"


def _open(found: Proposal) -> Iterator[str]:
    if found.role is not None:
        yield '"folders.kind"'
    if found.flags is not None:
        yield '"index.marks"'


def _rows(found: Proposal, table: Table) -> dict[str, object]:
    """Where a table's rows come from."""
    rows: dict[str, object] = {**table.form.model_dump(exclude_defaults=True), "type": table.form.model_dump()["type"]}
    rows["path"] = "/".join(step or "" for step in table.steps)
    rows["charset"] = table.form.charset
    if None in table.steps:
        rows["each"] = "users"
        rows["path"] = _each_path(found, table)
    return {key: rows[key] for key in ("type", *(key for key in rows if key != "type"))}


def _each_path(found: Proposal, table: Table) -> str:
    """One file for each account: what differs in its path is the account's name, with what stands around it."""
    assert found.users is not None
    names = {*found.users.cells(found.login.place)}
    steps = []
    for at, step in enumerate(table.steps):
        if step is not None:
            steps.append(step)
            continue
        first = table.files[0].split("/")[at]
        name = next((each for each in sorted(names, key=len, reverse=True) if each and each in first), first)
        before, _, behind = first.partition(name)
        steps.append(f"{before}{{users.login}}{behind}")
    return "/".join(steps)


def _users(found: Proposal) -> Iterator[str]:
    table = found.users
    assert table is not None
    yield "[tables.users]"
    yield from _line("rows", _rows(found, table))
    columns = {"login": table.columns[found.login.place]}
    key = next(iter(table.numbers()), found.login.place) if found.user_id is None else found.user_id.place
    if key != found.login.place:
        columns = {"id": table.columns[key], **columns}
    yield from _line("key", ["id" if "id" in columns else "login"])
    for place, step in _steps_of(found, "users"):
        if place not in (key, found.login.place):
            columns[step] = table.columns[place]
    yield ""
    yield "[tables.users.columns]"
    for name, column in columns.items():
        told = (found.login.share, found.login.samples) if name == "login" else (None, ())
        yield from _line(name, column, *told)


def _steps_of(found: Proposal, table: str) -> Iterator[tuple[int, str]]:
    """Columns of a table that only a path asks for."""
    for step in found.steps.values():
        if step.table == table:
            yield step.place, _name(found, table, step.place)


def _name(found: Proposal, table: str, place: int) -> str:
    """What a column is called in the mapping."""
    owner = None if found.owner is None else found.owner.place
    user_id = None if found.user_id is None else found.user_id.place
    known = {
        "users": {user_id: "id", found.login.place: "login"},
        "folders": {
            found.folder_owner: "user",
            found.role: "kind",
            found.parent: "parent",
            found.name: "name",
            found.folder_id: "id",
        },
        "": {owner: "user", found.folder.place: "folder", found.file.place: "file"},
    }[table]
    return known.get(place, f"column{place + 1}")


def _folders(found: Proposal) -> Iterator[str]:
    table = found.folders
    assert table is not None
    yield "[tables.folders]"
    yield from _line("rows", _rows(found, table))
    yield from _line("key", ["id"] if found.folder_owner is None else ["user", "id"])
    if found.folder_owner is not None:
        yield from _line("joins", [{"table": "users", "on": {"user": "id" if _has_id(found) else "login"}}])
    yield ""
    yield "[tables.folders.columns]"
    yield from _line("id", table.columns[found.folder_id], found.folder.share, table.cells(found.folder_id)[:5])
    if found.folder_owner is not None:
        yield from _line("user", table.columns[found.folder_owner])
    if found.parent is not None:
        yield from _line("parent", table.columns[found.parent])
    yield from _line("name", table.columns[found.name])
    if found.role is not None:
        yield ""
        yield "[tables.folders.columns.kind]"
        yield from _line("column", table.columns[found.role])
        yield 'as.kind = "code"'
        yield "[tables.folders.columns.kind.as.map]"
        for code, sample in sorted(found.codes.items()):
            if code in found.roles:
                yield from _line(code, str(found.roles[code]), 0.9, [sample])
            else:
                yield f"# {_key(code)} = ?   such as {shown(sample)}"


def _has_id(found: Proposal) -> bool:
    return found.user_id is not None and found.user_id.place != found.login.place


def _index(found: Proposal) -> Iterator[str]:
    table = found.index
    assert table is not None
    assert found.users is not None
    yield "[tables.index]"
    yield from _line("rows", _rows(found, table))
    dates_and_flags = {each[0] for each in (found.received, found.flags) if each is not None}
    used = {found.folder.place, *dates_and_flags}
    key = next((place for place in table.numbers() if place not in used), found.file.place)
    yield from _line("key", ["file" if key == found.file.place else "number"])
    joins: list[dict[str, object]] = []
    on = {"folder": "id"}
    if found.owner is not None:
        joins.append({"table": "users", "on": {"user": "id" if _has_id(found) else "login"}})
        on = {"user": "user", **on} if found.folder_owner is not None else on
    yield from _line("joins", [*joins, {"table": "folders", "on": on}])
    yield ""
    yield "[tables.index.columns]"
    if key != found.file.place:
        yield from _line("number", table.columns[key])
    yield from _line("file", table.columns[found.file.place], found.file.share, found.file.samples)
    yield from _line("folder", table.columns[found.folder.place], found.folder.share)
    if found.owner is not None:
        yield from _line("user", table.columns[found.owner.place], found.owner.share)
    for place, name in _steps_of(found, ""):
        if name.startswith("column"):
            yield from _line(name, table.columns[place])
    if found.received is not None:
        place, date = found.received
        read = date.read.model_dump(include={"kind", "format", *(("pattern", "zone") if date.read.pattern else ())})
        told = {"column": table.columns[place], "as": read}
        samples = [f"{row.cells[place]} ({path})" for row, path in found.matched[:5]]
        yield f"# equals the Date header in {date.agreeing} of {date.of} samples"
        yield from _line("received", told, date.share, samples)
    yield from _marks(found, table)


def _marks(found: Proposal, table: Table) -> Iterator[str]:
    if found.flags is None:
        return
    place, marks = found.flags
    yield ""
    yield "[tables.index.columns.marks]"
    yield from _line("column", table.columns[place], samples=())
    yield 'as.kind = "flags"'
    yield f'as.written = "{marks.written}"'
    yield "[tables.index.columns.marks.as.map]"
    for mark, count in sorted(marks.counts.items(), key=lambda each: (len(each[0]), each[0])):
        if mark in marks.meanings:
            yield from _line(mark, *marks.meanings[mark])
        else:
            yield f"# {_key(mark)} = ?   in {count} of {len(found.matched)} sampled rows"


def path_of(found: Proposal) -> str:
    """Where each mail lies."""
    steps = []
    for at, common in enumerate(found.pattern):
        step = found.steps.get(at)
        if step is None and common is not None:
            steps.append(common)
        elif step is not None:
            name = _name(found, step.table, step.place)
            column = name if not step.table else f"{step.table}.{name}"
            steps.append(f"{step.before}{{{column}}}{step.behind}")
        else:
            steps.append("UNKNOWN")
    return "/".join(steps)


def _uses(found: Proposal) -> Iterator[str]:
    yield "[accounts]"
    yield from _line("table", "users")
    yield from _line("name", "login")
    yield ""
    yield "[folders]"
    yield from _line("table", "folders")
    if found.is_path:
        yield from _line("path", "name")
    else:
        yield from _line("name", "name")
    yield from _line("id", "id")
    if found.parent is not None:
        yield from _line("parent", "parent")
    if found.role is not None:
        yield from _line("role", "kind")
    yield ""
    yield "[[messages]]"
    yield from _line("table", "index")
    shares = [step.share for step in found.steps.values()]
    container = {"type": "file", "path": path_of(found)}
    yield from _line("container", container, min(shares, default=0.0), [path for _, path in found.matched[:5]])
    if found.flags is not None:
        yield from _line("flags", ["marks"])
    if found.received is not None:
        yield from _line("received", "received")


def questions(found: Proposal, rules: dict[str, list[str]]) -> Iterator[Reason]:
    """What only a person can answer."""
    if found.index is None:
        yield Reason("probe.no-index")
    elif found.users is None:
        yield Reason("probe.no-accounts")
    elif found.folders is None:
        yield Reason("probe.no-folders")
    else:
        yield from _about_codes(found, found.index)
    for rule, patterns in rules.items():
        code = {"other-tables": "probe.ask-table", "not-migrated": "probe.ask-not-migrated"}.get(rule)
        yield from (Reason(code, path=pattern) for pattern in patterns if code)


_ASKED = {ANSWERED: "probe.ask-answered", DRAFT: "probe.ask-draft", SEEN: "probe.ask-seen"}


def _about_codes(found: Proposal, index: Table) -> Iterator[Reason]:
    if found.flags is not None:
        place, marks = found.flags
        column, total = index.columns[place], len(found.matched)
        for mark, count in sorted(marks.counts.items(), key=lambda each: (len(each[0]), each[0])):
            if mark in marks.meanings:
                yield Reason(_ASKED[marks.meanings[mark].flag], mark=mark, column=column)
            else:
                yield Reason("probe.ask-mark", mark=mark, column=column, count=count, total=total)
    for code, sample in sorted(found.codes.items()):
        if code not in found.roles:
            yield Reason("probe.ask-role", code=code, sample=sample)
