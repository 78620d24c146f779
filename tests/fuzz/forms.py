"""Every kind of rows, container and value that a mapping can name, each as one that fuzzing tries.

Findings name kinds by their place here: new ones come last. A living database's rows come from no file, and lack.
"""

from typing import Any, get_args

from pydantic import TypeAdapter

from adapters.files.frames import Variant
from adapters.groupware.containers import Container
from adapters.groupware.mapping import Column
from adapters.groupware.rows import Rows
from adapters.groupware.rows.shape import RowShape

BESIDE = b"\0beside\0"
"""What parts a table's file from the one beside it."""

_FIELDS = {
    "a": {"at": 0, "bytes": 3},
    "b": {"at": 3, "bytes": 2, "written": "signed-little"},
    "c": {"at": 5, "bytes": 3, "written": "hex"},
}
_ROWS: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"type": "csv"}, ("a",)),
    ({"type": "csv", "charset": "utf-8", "delimiter": "\t", "quote": "", "names": ["a", "b"]}, ("b",)),
    ({"type": "csv", "charset": "euc-jp", "delimiter": ";", "quote": "'", "skip": 1}, ("a",)),
    ({"type": "fixed", "record": 8, "skip": 1, "fields": _FIELDS}, ("a", "b", "c")),
    ({"type": "dbf"}, ("a", "A")),
    ({"type": "json"}, ("a", "b.c")),
    ({"type": "json", "written": "lines", "charset": "cp932"}, ("a", "b")),
    ({"type": "json", "items": "a.b"}, ("a",)),
    ({"type": "ini"}, ("section", "a")),
    ({"type": "xml", "row": "r"}, ("a", ".", "@b", "a/@b")),
    ({"type": "xml", "row": "r", "charset": "cp932"}, ("a",)),
    ({"type": "sqldump", "dialect": "mysql", "table": "t"}, ("a", "b")),
    ({"type": "sqldump", "dialect": "mysql", "table": "t", "charset": "cp932", "names": ["a", "b"]}, ("a", "b")),
    ({"type": "sqldump", "dialect": "postgresql", "table": "t"}, ("a", "b")),
    ({"type": "sqldump", "dialect": "postgresql", "table": "t", "charset": "euc-jp"}, ("a", "b")),
    ({"type": "sqldump", "dialect": "h2", "table": "t"}, ("a", "b")),
    ({"type": "sqlite", "table": "t"}, ("a",)),
    ({"type": "sqlite", "table": "t", "charset": "cp932"}, ("a",)),
    *(
        ({"type": "mbox", "variant": variant}, ("mail", "place", "digest", "X-Status:"))
        for variant in ("dots", *get_args(Variant))
    ),
    ({"type": "records", "counted": "little-16"}, ("mail", "Subject:")),
    ({"type": "records", "counted": "big-32", "magic": "52454331", "skip": 1}, ("mail", "digest")),
    ({"type": "names", "pattern": "{a}/{b}.eml"}, ("a", "b")),
    ({"type": "names", "pattern": "{a}/{deep}/x{b}", "deep": "deep"}, ("b",)),
    ({"type": "dbm"}, ("key", "value")),
    ({"type": "mbox", "variant": "eudora"}, ("mail", "place", "digest", "X-Status:")),
    ({"type": "maildir"}, ("folder", "file", "mail", "marks", "at")),
    ({"type": "maildir"}, ("folder",)),
    ({"type": "mh"}, ("folder", "file", "mail", "marks", "at")),
]
_rows: TypeAdapter[RowShape] = TypeAdapter(Rows)
ROWS = [(_rows.validate_python({"path": "t", **form}), columns) for form, columns in _ROWS]
"""Each kind, and the columns that are asked of it."""

_AT = {"type": "range", "path": "f", "at": "at"}
_CELL = {"type": "cell", "column": "cell"}
_container: TypeAdapter[Any] = TypeAdapter(Container)
CONTAINERS = [
    _container.validate_python(form)
    for form in (
        {"type": "zip", "path": "f", "member": "{name}"},
        {"type": "file", "path": "f"},
        {"type": "file", "path": "f", "packed": True},
        {**_AT, "size": "size"},
        {**_AT, "counted": "little-16"},
        {**_AT, "counted": "big-32", "magic": "5245"},
        _CELL,
        {"type": "split", "parts": [{**_AT, "size": "size"}, _CELL], "between": "\r\n"},
        {"type": "either", "parts": [_CELL, {"type": "file", "path": "{name}"}]},
        {"type": "written", "fields": {"Subject": "text", "From": "text", "Date": "date"}, "text": "text"},
        {"type": "written", "fields": {"To": "text"}, "text": "text", "html": "text"},
        {"type": "mbox", "path": "f", "at": "at"},
    )
]
"""Each kind. A row has `at`, `size`, `name`, `cell`, `text` and `date`."""

_LISTED: dict[str, Any] = {
    "type": "written",
    "fields": {"From": "text", "Date": "date"},
    "text": "rows.text",
    "header": "text",
    "field_rows": [{"name": "rows.name", "value": "rows.text"}],
}
LISTED = [
    _container.validate_python({**_LISTED, "attachments": attachments})
    for attachments in (
        [{"name": "rows.text", "column": "rows.cell", "charset": "rows.name", "type": "text/html", "body": True}],
        [{"name": "rows.text", "path": "f"}, {"name": "rows.name", "path": "{rows.text}"}],
    )
]
"""Mails that are written, from the rows of lists as well: each with `name`, `text` and `cell`."""

COLUMNS = [
    Column.model_validate({"column": "a", "as": form})
    for form in (
        {"kind": "text"},
        {"kind": "text", "charsets": ["utf-8", "cp932"]},
        *({"kind": "bytes", "written": written} for written in ("raw", "hex", "base64", "pg")),
        {"kind": "code", "map": {"a": "b"}},
        {"kind": "flags", "written": "bits", "base": 16, "map": {"1": "\\Seen"}},
        {"kind": "flags", "written": "letters", "until": "-", "map": {"a": ["\\Seen", "x"]}},
        *({"kind": "number", "written": written} for written in ("digits", "hex", "little", "big")),
        {"kind": "date", "format": "strptime", "pattern": "%Y%m%d%H%M%S", "since": 1900, "zones": {"JST": "+09:00"}},
        *({"kind": "date", "format": form} for form in ("epoch", "epoch-ms", "epoch-hex", "filetime", "ole", "wareki")),
        {"kind": "addresses"},
        {"kind": "addresses", "charsets": ["utf-8", "cp932"]},
        {"kind": "flags", "written": "words", "map": {"a": "\\Seen"}},
    )
]
"""Each kind of value."""
