"""What every kind of rows has in common: a shape in the mapping, which opens a file and gives its rows one at a time.

A kind is a `RowShape` with a method `open`. It yields `Lines`: the columns, and then each row as a `Line`, or as a
`BrokenLine` where something stands that is no row; its neighbours go on. What is no such table at all raises `NoTable`.
"""

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from adapters.groupware.values import Cell, Shape
from migrator.errors import Param, Reason
from migrator.model import Raw

if TYPE_CHECKING:  # SQLAlchemy takes its time, and few stores need it
    from adapters.groupware.live import Snapshot

LONGEST = 2**28
"""Bytes a row with binary cells may have."""


class File(NamedTuple):
    """A table's file as it stood still, and the files beside it that belong to it, by what they add to its name."""

    path: str
    raw: Raw
    beside: Mapping[str, Raw] = {}
    live: "Snapshot | None" = None
    """The database, where the table lies in one that lives."""
    known: dict[Any, Any] | None = None
    """What reading one table of it found out, for the next one."""


class Wanted(NamedTuple):
    """The columns that the mapping asks for, as the store calls them; of those in `raw` the bytes, not the text."""

    columns: tuple[str, ...]
    raw: frozenset[str] = frozenset()
    key: tuple[str, ...] = ()
    """Those by which the rows stand in one order, where nothing else orders them."""


class Line(NamedTuple):
    """A row as it is written: the line on which it begins (in files without lines: its number, from 1), its cells,
    and whether some byte of its text is none in the charset; such bytes stand in it as lone surrogates."""

    number: int
    cells: Sequence[Cell]
    odd: bool = False


class BrokenLine(NamedTuple):
    """Something that is no row. Its neighbours are."""

    number: int
    raw: bytes
    reason: Reason


class NoTable(Exception):  # noqa: N818 - raised and caught inside this package
    """The whole file is no table of its kind."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code)
        self.reason = reason


@dataclass(slots=True)
class Lines:
    """The rows of one file, and the columns their cells stand under."""

    columns: Sequence[str]
    rows: Iterator[Line | BrokenLine]
    told: Collection[str] | None = None
    """Where each row names its own cells: the names that rows had so far. A cell that is not there is empty."""


Mistake = tuple[str, str, dict[str, Param]]
"""The key of a shape that is wrong, the code that says how, and its parameters."""


class RowShape(Shape):
    """Where rows come from."""

    path: str
    """The file below the root; with columns of the table `each` in braces, one file for each of its rows."""
    each: str | None = None
    optional: bool = False
    """Whether a missing file means no rows; else it is a fault."""
    charset: str = "utf-8"
    """Of the text in the file."""

    beside: ClassVar[tuple[str, ...]] = ()
    """What is added to the file's name for the files that are read with it."""
    aside: ClassVar[tuple[str, ...]] = ()
    """And for those that belong to it, but hold nothing to read."""

    may_be_empty: ClassVar[bool] = False
    """Whether a file without a byte is one without a row, and nothing to be told."""
    kept_in: ClassVar[Literal["file", "directory", "database"]] = "file"
    """What the rows come from: the file at `path`, the names of what lies below it, or a database that lives."""

    directories: ClassVar[bool] = False
    """Whether directories are wanted among the names."""
    inside: ClassVar[tuple[str, ...]] = ()
    """Names of files below that tell of their neighbours, and are read with the names."""
    moving: ClassVar[tuple[str, ...]] = ()
    """The columns that change when a mail is read or marked."""

    @property
    def declared(self) -> tuple[str, ...]:
        """The columns, where the mapping says them and not the file."""
        return ()

    def mistakes(self) -> Iterator[Mistake]:
        """What is wrong with this shape that pydantic cannot see."""
        yield from ()

    @abstractmethod
    def open(self, file: File, wanted: Wanted) -> AbstractContextManager[Lines]:
        """The file's rows. Raises NoTable."""


def decoded(data: bytes, charset: str) -> tuple[str, bool]:
    """Bytes as text, and whether some of them are none."""
    try:
        return data.decode(charset), False
    except UnicodeDecodeError:
        return data.decode(charset, "surrogateescape"), True


class Cells:
    """Puts the cells of rows that come as bytes under the wanted columns, decoded where text is wanted."""

    def __init__(self, columns: Sequence[str], wanted: Wanted, charset: str) -> None:
        self._raw = [column in wanted.raw for column in columns]
        self._charset = charset

    def line(self, number: int, cells: Sequence[bytes]) -> Line:
        """The row. Its cells stand in the order of the columns."""
        texts: list[Cell] = []
        odd = False
        for raw, cell in zip(self._raw, cells, strict=True):
            if raw:
                texts.append(cell)
            else:
                text, strange = decoded(cell, self._charset)
                texts.append(text)
                odd = odd or strange
        return Line(number, texts, odd)


def recoded(
    file: File, number: int, cells: Sequence[str], odd: bool, wanted: Wanted, charset: str
) -> Line | BrokenLine:
    """A row that comes as text, its cells in the order of the wanted columns; those of which bytes are wanted are
    written back in the file's charset. A letter that came as an escape may have no bytes in it: then it is no row."""
    told: list[Cell] = []
    for column, cell in zip(wanted.columns, cells, strict=True):
        try:
            told.append(cell.encode(charset, "surrogateescape") if column in wanted.raw else cell)
        except UnicodeEncodeError:
            return broken(file, number, cell, "groupware.cell-undecodable", column=column, charset=charset)
    return Line(number, told, odd)


def broken(file: File, number: int, written: str | bytes, code: str, **params: Param) -> BrokenLine:
    """What stands there instead of a row."""
    raw = written if isinstance(written, bytes) else written.encode("utf-8", "surrogatepass")
    return BrokenLine(number, raw, Reason(code, file=file.path, line=number, **params))
