"""What a written mail is made of beside its columns: header fields and attachments out of rows of lists, and files."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any

from pydantic import Field

from adapters.files.reading import Content, Tree, readable_path
from adapters.groupware.opening import LARGEST, joined
from adapters.groupware.template import Missing, Outside, Template
from adapters.groupware.values import Shape
from adapters.groupware.writing import Field as HeaderField
from adapters.groupware.writing import Part, streamed
from migrator.errors import Reason
from migrator.model import Raw

Row = Mapping[str, Any]
Encode = Callable[[str], bytes]

LISTED = r"^[^.]+\.[^.]+$"
"""`table.column`, the table being one of the mails' `lists`."""


class FieldRows(Shape):
    """Header fields, one a row of a list: `name` and `value` are its columns, as `table.column`."""

    name: Annotated[str, Field(pattern=LISTED)]
    value: Annotated[str, Field(pattern=LISTED)]

    def needs(self) -> Iterator[tuple[str, str, str]]:
        """The columns it names."""
        yield "field_rows", self.name, "text|code"
        yield "field_rows", self.value, "text"

    def fields(self, row: Row) -> Iterator[HeaderField]:
        """The fields of a mail, in the order of its rows. Raises Missing."""
        for each in _rows(row, self.name):
            yield each[_column(self.name)], each[_column(self.value)]


class Attached(Shape):
    """Attachments, one a row of a list: what each was called, and its content, a file or a column of bytes."""

    name: Annotated[str, Field(pattern=LISTED)]
    path: str | None = None
    """The file below the root, with columns of the mail and of the list (`table.column`) in braces."""
    column: Annotated[str, Field(pattern=LISTED)] | None = None
    type: Annotated[str, Field(pattern="^[a-z]+/[A-Za-z0-9.+-]+$")] = "application/octet-stream"
    """What they are, by RFC 2046, where all are one."""
    charset: Annotated[str, Field(pattern=LISTED)] | None = None
    """The column that holds the charset of such a text."""
    body: bool = False
    """Whether it is the mail's text in another form, and was not attached."""

    @cached_property
    def template(self) -> Template:
        """The path."""
        return Template(self.path or "")

    def needs(self) -> Iterator[tuple[str, str, str]]:
        """The columns it names without braces."""
        yield "attachments", self.name, "text"
        if self.column is not None:
            yield "attachments", self.column, "bytes"
        if self.charset is not None:
            yield "attachments", self.charset, "text|code"


def texts(row: Row, column: str) -> str:
    """A column of text, of the mail's row or of all its rows of a list. Raises Missing."""
    if column in row:
        return str(row[column])
    return "".join(each[_column(column)] for each in _rows(row, column))


def parts(attachments: Iterable[Attached], row: Row, encode: Encode) -> tuple[tuple[bytes, ...], list[Part]]:
    """What is attached to a mail; and the files of those parts that lie in files, in the order of their places in it.

    Raises Missing.
    """
    found: list[tuple[Part, bytes]] = []
    for form in attachments:
        table = form.name.partition(".")[0]
        for each in _rows(row, form.name):
            charset = "" if form.charset is None else each[_column(form.charset)]
            data = None if form.column is None else each[_column(form.column)]
            path = b""
            if data is None:
                led = {**row, **{f"{table}.{column}": value for column, value in each.items()}}
                path = _path(form.template, led, encode)
            found.append((Part(each[_column(form.name)], data, form.type, charset, form.body), path))
    found.sort(key=lambda each: not each[0].body)
    return tuple(path for part, path in found if part.data is None), [part for part, _ in found]


def _path(template: Template, row: Row, encode: Encode) -> bytes:
    """Where a file lies. A path that leaves the root, or none that could be on this disk, leads to nothing there."""
    try:
        path = template.fill(row)
    except Outside as outside:
        path = outside.path
    try:
        return encode(path)
    except UnicodeEncodeError:
        return path.encode("utf-8", "surrogatepass")


def _rows(row: Row, column: str) -> list[Row]:
    table = column.partition(".")[0]
    if table not in row:
        raise Missing(column)
    return list(row[table])


def _column(column: str) -> str:
    return column.partition(".")[2]


# -- files -----------------------------------------------------------------------------------------------------------


def absent(tree: Tree, path: bytes) -> Reason | None:
    """Why the file of an attachment cannot be put into its mail; None where it can. Raises Outage."""
    status = tree.look(path)
    if isinstance(status, Reason):
        return Reason("groupware.attachment-missing", file=readable_path(path), found=status.code)
    if status.st_size > LARGEST:
        return Reason("groupware.too-large", place=readable_path(path), limit=LARGEST)
    return None


class _Unread(Exception):  # noqa: N818 - raised and caught inside this module
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code)
        self.reason = reason


def composed(pieces: tuple[bytes, ...], files: tuple[bytes, ...], tree: Tree) -> Content | Reason:
    """A mail out of its pieces and the files between them; or why one cannot be read now, though it is there.

    Raises Outage.
    """
    try:
        return Content(joined(_blocks(pieces, files, tree)), "")
    except _Unread as unread:
        return unread.reason


def _blocks(pieces: tuple[bytes, ...], files: tuple[bytes, ...], tree: Tree) -> Iterator[bytes]:
    yield pieces[0]
    for number, path in enumerate(files):
        there, gone, behind = pieces[3 * number + 1 : 3 * number + 4]
        if absent(tree, path) is None:
            yield there
            yield from streamed(_content(tree, path).chunks())
        else:
            yield gone
        yield behind


def _content(tree: Tree, path: bytes) -> Raw:
    content = tree.read(path)
    if isinstance(content, Content):
        return content.raw
    if content.code == "file.empty":
        return Raw.of(b"")
    raise _Unread(content)
