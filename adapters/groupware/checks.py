"""A mapping read from its file, and what is wrong with it: file, line, key, and what was probably meant."""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Sized
from datetime import datetime
from importlib.resources import files
from pathlib import Path

import re2

from adapters.groupware.clocks import is_plain, zone
from adapters.groupware.containers import Range
from adapters.groupware.mapping import Messages, StoreMapping
from adapters.groupware.sharing import About, Inboxes, People, Sharing
from adapters.groupware.template import CROWD, Template
from adapters.groupware.values import Addresses, Code, Date, Flags, Text
from migrator.errors import Param, Reason, UsageError
from migrator.model import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, Role
from migrator.toml import Toml, Where

VERSION = 1
RESERVED = ("file", "row", "left")
"""Names no table may have: they begin the keys of what is no mail's row."""

ADMITTED = {"text": ("text", "addresses")}
"""The kinds of columns that do where one is wanted."""

SYSTEM_FLAGS = (SEEN, ANSWERED, FLAGGED, DRAFT, DELETED)
KEYWORD = re.compile(r"[!#$&'+,\-.0-9:;<=>?@A-Z^_`a-z|~\[]+")
"""RFC 9051 §9: an atom without the characters some servers refuse."""


def shipped() -> dict[str, Path]:
    """The mappings that come with us, by name."""
    folder = Path(str(files("mappings").joinpath("stores")))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def read(mapping: str | Path) -> StoreMapping:
    """A shipped mapping by its name, or an operator's own by its path. Raises UsageError about the first mistake."""
    found = Toml(mapping if isinstance(mapping, Path) else _shipped(mapping))
    if found.data.get("mapping", VERSION) != VERSION:
        raise UsageError(Reason("mapping.version", **found.at(("mapping",)), known=VERSION))
    read = found.read(StoreMapping)
    for mistake in mistakes(read, found.at):
        raise UsageError(mistake)
    return read


def _shipped(name: str) -> Path:
    if name not in (known := shipped()):
        raise UsageError(Reason("mapping.not-shipped", name=name, nearest=_nearest(name, known)))
    return known[name]


At = Callable[[Where], dict[str, Param]]


def mistakes(mapping: StoreMapping, at: At) -> Iterator[Reason]:
    """Everything that pydantic cannot see: names that lead nowhere, codes that mean nothing, paths that climb."""
    unknown = [*_empty(mapping, at), *_tables(mapping, at)]
    if unknown:  # nothing else can be said about a mapping whose tables are not there
        yield from unknown
        return
    for name in mapping.tables:
        yield from _rows(mapping, name, at)
        yield from _columns(mapping, name, at)
    yield from _accounts_and_folders(mapping, at)
    yield from _messages(mapping, at)
    for name, rows in mapping.left_out.items():
        for column in rows.columns:
            yield from _unknown(
                column, mapping.tables[rows.table].columns, rows.table, at(("left_out", name, "columns"))
            )
    if mapping.shared is not None:
        yield from _shared(mapping, mapping.shared, at)
    yield from _charset(mapping.paths, at(("paths",)))


def _nearest(name: str, known: Iterable[str]) -> str:
    """The known name that was probably meant, or else all of them."""
    known = sorted(known)
    return ", ".join(difflib.get_close_matches(name, known, n=1) or known) or "-"


# -- tables ----------------------------------------------------------------------------------------------------------


def _empty(mapping: StoreMapping, at: At) -> Iterator[Reason]:
    filled: list[tuple[Where, Sized]] = [(("messages",), mapping.messages)]
    for name, table in mapping.tables.items():
        filled += [(("tables", name, "key"), table.key), (("tables", name, "columns"), table.columns)]
        for key, joins in (("joins", table.joins), ("lists", table.lists)):
            filled += [(("tables", name, key, number, "on"), join.on) for number, join in enumerate(joins)]
    yield from (Reason("mapping.empty", **at(where)) for where, value in filled if not len(value))


def _tables(mapping: StoreMapping, at: At) -> Iterator[Reason]:
    named: list[tuple[Where, str | None]] = [
        (("accounts", "table"), mapping.accounts.table),
        (("folders", "table"), mapping.folders.table),
        *((("messages", number, "table"), each.table) for number, each in enumerate(mapping.messages)),
        *((("left_out", name, "table"), rows.table) for name, rows in mapping.left_out.items()),
    ]
    for where, part in () if mapping.shared is None else mapping.shared.parts():
        named.append((("shared", *where, "table"), part.table))
        if isinstance(part, About) and part.about is not None:
            named.append((("shared", *where, "about", "table"), part.about.table))
    for name, table in mapping.tables.items():
        named.append((("tables", name, "rows", "each"), table.rows.each))
        for key, joins in (("joins", table.joins), ("lists", table.lists)):
            named += [(("tables", name, key, number), join.table) for number, join in enumerate(joins)]
        if name in RESERVED:
            yield Reason("mapping.reserved-name", **at(("tables", name)), name=name)
    wrong = [(where, name) for where, name in named if name is not None and name not in mapping.tables]
    yield from (
        Reason("mapping.unknown-table", **at(where), name=name, nearest=_nearest(name, mapping.tables))
        for where, name in wrong
    )
    if not wrong:
        yield from (
            Reason("mapping.loop", **at(("tables", name)), table=name)
            for name, table in mapping.tables.items()
            if name in mapping.reach(name)
            or any(name == join.table or name in mapping.reach(join.table) for join in table.lists)
        )


def _unknown(name: str, known: Iterable[str], table: str, here: dict[str, Param]) -> Iterator[Reason]:
    if name not in known:
        yield Reason("mapping.unknown-column", **here, name=name, table=table, nearest=_nearest(name, known))


def _rows(mapping: StoreMapping, name: str, at: At) -> Iterator[Reason]:
    """Where the rows come from and lead to."""
    table, where = mapping.tables[name], ("tables", name)
    rows = table.rows
    yield from _charset(rows.charset, at((*where, "rows", "charset")))
    for key, code, params in rows.mistakes():
        yield Reason(code, **{**at((*where, "rows", *key.split("."))), **params})
    if rows.path or rows.kept_in == "file":
        yield from _path(rows.path, mapping.above(name), rows.each or name, at((*where, "rows", "path")))
    for column in table.key:
        yield from _unknown(column, mapping.names(name), name, at((*where, "key")))
    for key, joins in (("joins", table.joins), ("lists", table.lists)):
        for number, join in enumerate(joins):
            here = at((*where, key, number))
            for ours, its in join.on.items():
                yield from _unknown(ours, mapping.names(name), name, here)
                yield from _unknown(its, mapping.names(join.table), join.table, here)
    for column in table.only:
        yield from _unknown(column, table.columns, name, at((*where, "only")))


def _path(path: str, known: Iterable[str], table: str, here: dict[str, Param]) -> Iterator[Reason]:
    template = Template(path)
    if template.faults():
        yield Reason("mapping.bad-path", **here, path=path)
    if template.crowded():
        yield Reason("mapping.path-crowded", **here, path=path, limit=CROWD)
    for column in template.columns:
        yield from _unknown(column, known, table, here)


def _charset(name: str, here: dict[str, Param]) -> Iterator[Reason]:
    try:
        plain = "a,\n".encode(name) == b"a,\n"
    except (LookupError, UnicodeError):
        plain = False
    if not plain:
        yield Reason("mapping.unknown-charset", **here, name=name)


# -- what columns mean -----------------------------------------------------------------------------------------------


def _columns(mapping: StoreMapping, name: str, at: At) -> Iterator[Reason]:
    table = mapping.tables[name]
    for key, column in table.columns.items():
        where: Where = ("tables", name, "columns", key)
        here = at(where)
        if "." in key or "{" in key or "}" in key:
            yield Reason("mapping.bad-name", **here, name=key)
        if table.rows.declared:
            yield from _unknown(column.column, table.rows.declared, name, here)
        match column.read:
            case Flags() as flags:
                yield from _marks(flags, (*where, "as"), at)
            case Date() as date:
                yield from _date(date, (*where, "as"), at)
            case Text(charsets=charsets) | Addresses(charsets=charsets):
                for charset in charsets:
                    yield from _charset(charset, at((*where, "as", "charsets")))
            case _:
                pass


def _marks(flags: Flags, where: Where, at: At) -> Iterator[Reason]:
    for mark in flags.map:
        here = at((*where, "map", mark))
        if flags.written == "letters" and len(mark) != 1:
            yield Reason("mapping.bad-letter", **here, mark=mark)
        if flags.written == "bits" and not (re.fullmatch("[1-9][0-9]*", mark) and int(mark).bit_count() == 1):
            yield Reason("mapping.bad-bit", **here, mark=mark)
    told: list[tuple[Where, str | tuple[str, ...]]] = [(("map", mark), meant) for mark, meant in flags.map.items()]
    for key, meant in [*told, *([(("others",), flags.others)] if flags.others is not None else [])]:
        here = at((*where, *key))
        for flag in (meant,) if isinstance(meant, str) else meant:
            if flag and flag not in SYSTEM_FLAGS and not KEYWORD.fullmatch(flag):
                yield Reason("mapping.bad-flag", **here, flag=flag, nearest=_nearest(flag, SYSTEM_FLAGS))


def _date(date: Date, where: Where, at: At) -> Iterator[Reason]:
    if (date.format == "strptime") != (date.pattern is not None) or not _is_pattern(date.pattern or ""):
        yield Reason("mapping.bad-pattern", **at((*where, "format")), format=date.format)
    elif date.since is not None and not is_plain(date.pattern or ""):
        yield Reason("mapping.bad-since", **at((*where, "since")))
    named: list[tuple[Where, str]] = [(("zone",), date.zone)]
    named += [(("zones", name), each) for name, each in date.zones.items()]
    for key, name in named:
        try:
            zone(name)
        except ValueError:
            yield Reason("mapping.unknown-zone", **at((*where, *key)), zone=name)


def _is_pattern(pattern: str) -> bool:
    try:
        datetime.strptime("", pattern)  # noqa: DTZ007 - only its error is wanted
    except ValueError as error:
        return "directive" not in str(error) and "stray" not in str(error)
    return True


# -- what the tables are for -----------------------------------------------------------------------------------------


def _accounts_and_folders(mapping: StoreMapping, at: At) -> Iterator[Reason]:
    accounts, folders = mapping.accounts, mapping.folders
    yield from _unknown(accounts.name, mapping.tables[accounts.table].columns, accounts.table, at(("accounts", "name")))
    columns = mapping.tables[folders.table].columns
    for key in ("name", "id", "parent", "path", "role"):
        if (column := getattr(folders, key)) is not None:
            yield from _unknown(column, columns, folders.table, at(("folders", key)))
    if (folders.name is None) == (folders.path is None) or (folders.parent is not None and folders.id is None):
        yield Reason("mapping.folders-shape", **at(("folders",)))
    yield from _leads(mapping, folders.table, accounts.table, at(("folders", "table")))
    if folders.role in columns:
        yield from _roles(mapping, at)


def _roles(mapping: StoreMapping, at: At) -> Iterator[Reason]:
    table, column = mapping.folders.table, str(mapping.folders.role)
    read = mapping.tables[table].columns[column].read
    here = at(("tables", table, "columns", column))
    if not isinstance(read, Code):
        yield Reason("mapping.wrong-kind", **here, column=column, wanted="code")
        return
    for role in (*read.map.values(), read.others):
        if role and role not in [*Role]:
            yield Reason("mapping.unknown-role", **here, role=role, nearest=_nearest(role, [*Role]))


def _leads(mapping: StoreMapping, table: str, wanted: str, here: dict[str, Param]) -> Iterator[Reason]:
    if wanted not in mapping.reach(table):
        yield Reason("mapping.not-led", **here, table=table, wanted=wanted)


def _messages(mapping: StoreMapping, at: At) -> Iterator[Reason]:
    for number, each in enumerate(mapping.messages):
        where: Where = ("messages", number)
        columns = mapping.tables[each.table].columns
        yield from _leads(mapping, each.table, mapping.accounts.table, at((*where, "table")))
        if not each.folder:
            yield from _leads(mapping, each.table, mapping.folders.table, at((*where, "table")))
        yield from _container(mapping, each, at((*where, "container")))
        joined = mapping.names(each.table) - {*columns}
        beyond = {"flags": joined, "received": joined, "container": mapping.listed(each.table)}
        wanted = [("flags", "flags", column) for column in each.flags]
        if each.received is not None:
            wanted.append(("received", "date", each.received))
        wanted += [("container", kind, column) for _, column, kind in each.container.needs()]
        for key, kind, column in wanted:
            yield from _unknown(column, {*columns, *beyond[key]}, each.table, at((*where, key)))
            read = mapping.column(column) if column in beyond[key] else columns.get(column)
            if read is not None and read.read.kind not in _admitted(kind):
                yield Reason("mapping.wrong-kind", **at((*where, key)), column=column, wanted=kind.replace("|", ", "))


def _admitted(kinds: str) -> set[str]:
    """The kinds of columns that do where one of these is wanted."""
    return {each for kind in kinds.split("|") for each in ADMITTED.get(kind, (kind,))}


def _container(mapping: StoreMapping, each: Messages, here: dict[str, Param]) -> Iterator[Reason]:
    """The paths of what holds mails, and shapes of which pydantic sees only the half."""
    container, known = each.container, mapping.names(each.table)
    for path in (*container.paths, *container.texts):
        yield from _path(path.text, known, each.table, here)
    for path in container.also:
        yield from _path(path.text, known | mapping.listed(each.table), each.table, here)
    if any((attached.path is None) == (attached.column is None) for attached in getattr(container, "attachments", ())):
        yield Reason("mapping.attached-shape", **here)
    for part in getattr(container, "parts", (container,)):
        if isinstance(part, Range) and (part.size is None) == (part.counted is None):
            yield Reason("mapping.range-shape", **here)


def _shared(mapping: StoreMapping, shared: Sharing, at: At) -> Iterator[Reason]:
    """The part about shared inboxes."""
    mails = {each.table for each in mapping.messages}
    for where, part in shared.parts():
        for field, column, is_date in part.columns():
            here = at(("shared", *where, field))
            alone = isinstance(part, Inboxes | People)
            yield from _unknown(
                column, mapping.tables[part.table].columns if alone else mapping.names(part.table), part.table, here
            )
            kind = "date" if is_date else "text"
            if column in mapping.names(part.table) and (_kind(mapping, part.table, column) == "date") != is_date:
                yield Reason("mapping.wrong-kind", **here, column=column, wanted=kind)
        if not isinstance(part, About):
            continue
        if part.about is not None:
            here = at(("shared", *where, "about"))
            for ours, its in part.about.on.items():
                yield from _unknown(ours, mapping.names(part.table), part.table, here)
                yield from _unknown(its, mapping.names(part.about.table), part.about.table, here)
        cited = part.table if part.about is None else part.about.table
        if cited not in mails and (part.about is not None or part.thread is None):
            yield Reason("mapping.no-mails", **at(("shared", *where, "table")), table=cited)
    try:
        wrong = bool(shared.token) and re2.compile(shared.token).groups < 1
    except re2.error:
        wrong = True
    if wrong:
        yield Reason("mapping.bad-token", **at(("shared", "token")), pattern=shared.token)


def _kind(mapping: StoreMapping, table: str, column: str) -> str:
    return mapping.column(column if "." in column else f"{table}.{column}").read.kind


def undocumented(mapping: StoreMapping) -> Iterator[Reason]:
    """The code tables of which nobody has written down who decided them, and from which evidence."""
    for table, column in mapping.coded():
        if f"{table}.{column}" not in mapping.provenance:
            yield Reason("mapping.undocumented", mapping=mapping.name, column=f"{table}.{column}")
