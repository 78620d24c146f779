"""Where the bytes of a mail lie: in a file of its own, in its row, at a place in a large file, in an archive.

A container makes a `Claim` out of a row, which tells where to look and no more; and reads what a claim leads to.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, BinaryIO, Literal, NamedTuple, cast

from pydantic import Field
from typing_extensions import override

from adapters.files.frames import Variant
from adapters.files.reading import Content, readable_path
from adapters.groupware.composing import Attached, FieldRows, composed, parts, texts
from adapters.groupware.opening import Opener, chained
from adapters.groupware.template import Missing, Template
from adapters.groupware.values import Shape
from adapters.groupware.writing import header_fields, merged, written
from migrator.errors import Reason
from migrator.model import Raw

Encode = Callable[[str], bytes]
"""A path as it stands on disk."""

Needs = tuple[str, str, str]
"""The key of a container, the column that it names, and of which kind that column must be."""

NOWHERE = -1


class Claim(NamedTuple):
    """Where a row says that its mail lies. `places` tells of each file where in it, and is empty for the whole file."""

    files: tuple[bytes, ...] = ()
    places: tuple[str, ...] = ()
    cells: tuple[bytes, ...] = ()
    """What the row itself holds of it."""
    also: tuple[bytes, ...] = ()
    """Files that are part of it, and may be part of others as well."""

    @classmethod
    def whole(cls, path: bytes) -> "Claim":
        """All of one file."""
        return cls((path,), ("",))

    @property
    def identity(self) -> bytes | None:
        """What no other row may claim; None where the row holds the mail."""
        if self.places == ("",):
            return self.files[0]
        named = [b"%b\n%b" % (path, place.encode()) for path, place in zip(self.files, self.places, strict=True)]
        return b"\0".join(named) or None

    @property
    def path(self) -> str | None:
        """The same, as people read it."""
        told = [
            readable_path(path) + (place and f"@{place}") for path, place in zip(self.files, self.places, strict=True)
        ]
        return " + ".join(told) or None


class _Container(Shape):
    """What all of them can do."""

    claimed_twice: Literal["fault", "copy"] = "fault"
    """What a second row becomes that names the same place: a fault, or one more copy of the mail."""

    @property
    def paths(self) -> tuple[Template, ...]:
        """The files, with columns in braces."""
        return ()

    @property
    def texts(self) -> tuple[Template, ...]:
        """Other texts with columns in braces."""
        return ()

    @property
    def also(self) -> tuple[Template, ...]:
        """The files that are part of a mail and no mail themselves, with columns in braces, those of lists too."""
        return ()

    def needs(self) -> Iterator[Needs]:
        """The columns it names without braces."""
        yield from ()

    @property
    def one_file(self) -> bool:
        """Whether a mail is a file of its own."""
        return False

    def shares(self, claim: Claim) -> Iterator["Share"]:
        """Of a claim that was made here, the places in files that hold other mails too."""
        yield from ()


class _InFile(_Container):
    """What lies in a file that the row names."""

    path: str

    @cached_property
    def _path(self) -> Template:
        return Template(self.path)

    @property
    @override
    def paths(self) -> tuple[Template, ...]:
        return (self._path,)


class _InLarge(_InFile):
    """What lies in a file among others of its kind."""

    @override
    def shares(self, claim: Claim) -> Iterator["Share"]:
        yield cast("Shared", self), claim.files[0], claim.places[0]


class OneFile(_InFile):
    """Each mail is a file of its own; where `packed`, by gzip, bzip2 or xz as its first bytes say, or not at all."""

    type: Literal["file"]
    packed: bool = False

    @property
    @override
    def one_file(self) -> bool:
        return True

    def claim(self, row: Mapping[str, Any], encode: Encode) -> Claim:
        """Raises Missing, Outside."""
        return Claim.whole(encode(self._path.fill(row)))

    def read(self, claim: Claim, opener: Opener) -> Content | Reason:
        """The mail, or why it cannot be read. Raises Outage."""
        content = opener.tree.read(claim.files[0])
        return opener.unpacked(content, claim.files[0]) if self.packed and isinstance(content, Content) else content


class Cell(_Container):
    """The row itself holds the mail, in a column of bytes."""

    type: Literal["cell"]
    column: str

    @override
    def needs(self) -> Iterator[Needs]:
        yield "column", self.column, "bytes"

    def claim(self, row: Mapping[str, Any], encode: Encode) -> Claim:
        """Raises Missing."""
        return Claim(cells=(_cell(row, self.column),))

    def read(self, claim: Claim, opener: Opener) -> Content | Reason:
        """What the row holds."""
        (data,) = claim.cells
        return Content(Raw.of(data), "")


Counted = Literal["little-16", "big-16", "little-32", "big-32"]


class Range(_InLarge):
    """Each mail lies at a place in a larger file: from byte `at` on, either `size` bytes (both columns of numbers), or
    as many as a number in front of it says, `counted` in that many bits with the lowest byte first or last.

    `magic`, in hexadecimal digits, is what stands in front of that; a place where it does not is no mail's.
    """

    type: Literal["range"]
    at: str
    size: str | None = None
    counted: Counted | None = None
    magic: Annotated[str, Field(pattern="^([0-9a-fA-F]{2}){0,16}$")] = ""

    @override
    def needs(self) -> Iterator[Needs]:
        yield "at", self.at, "number"
        if self.size is not None:
            yield "size", self.size, "number"

    def claim(self, row: Mapping[str, Any], encode: Encode) -> Claim:
        """Raises Missing, Outside."""
        size = NOWHERE if self.size is None else _cell(row, self.size)
        return Claim((encode(self._path.fill(row)),), (f"{_cell(row, self.at)}+{size}",))

    def read(self, claim: Claim, opener: Opener) -> Content | Reason:
        """The mail, or why it cannot be read. Raises Outage."""
        at, size = map(int, claim.places[0].split("+"))
        return opener.range(claim.files[0], at, size, bytes.fromhex(self.magic), self._count)

    def span(self, place: str, stream: BinaryIO) -> tuple[int, int | None]:
        """Where a mail and what stands in front of it begin and end; no end where there is none of either."""
        at, size = map(int, place.split("+"))
        magic = bytes.fromhex(self.magic)
        stream.seek(at)
        begin = stream.read(len(magic) + (self._count[1] if self._count else 0))
        if not begin.startswith(magic):
            return at, None
        if self._count is not None:
            order, width = self._count
            if len(begin) < len(magic) + width:
                return at, None
            size = int.from_bytes(begin[len(magic) :], order)
        return at, at + len(begin) + size

    @property
    def _count(self) -> tuple[Literal["little", "big"], int] | None:
        """The order and number of the bytes of the number in front."""
        if self.counted is None:
            return None
        order, _, bits = self.counted.partition("-")
        return ("little" if order == "little" else "big"), int(bits) // 8


class Framed(_InLarge):
    """Each mail lies in an mbox, at the byte that its row says: where its From_ line begins, or the line after it."""

    type: Literal["mbox"]
    at: str
    variant: Variant = "auto"

    @override
    def needs(self) -> Iterator[Needs]:
        yield "at", self.at, "number"

    def claim(self, row: Mapping[str, Any], encode: Encode) -> Claim:
        """Raises Missing, Outside."""
        return Claim((encode(self._path.fill(row)),), (str(_cell(row, self.at)),))

    def read(self, claim: Claim, opener: Opener) -> Content | Reason:
        """The mail, or why it cannot be read. Raises Outage."""
        return opener.framed(claim.files[0], int(claim.places[0]), self.variant)


class Member(_InLarge):
    """Each mail is a member of a zip archive."""

    type: Literal["zip"]
    member: str
    """Its name in the archive, with columns in braces."""

    @cached_property
    def _member(self) -> Template:
        return Template(self.member)

    @property
    @override
    def texts(self) -> tuple[Template, ...]:
        return (self._member,)

    def claim(self, row: Mapping[str, Any], encode: Encode) -> Claim:
        """Raises Missing, Outside."""
        return Claim((encode(self._path.fill(row)),), (self._member.fill(row),))

    def read(self, claim: Claim, opener: Opener) -> Content | Reason:
        """The mail, or why it cannot be read. Raises Outage."""
        return opener.member(claim.files[0], claim.places[0])


class Written(_Container):
    """There is no mail: one is written out of columns, and of the rows of the table's `lists` (`table.column`).

    Its header: what `header` holds, then `field_rows`, then `fields`; a field that one has told no later one tells.
    """

    type: Literal["written"]
    fields: Annotated[dict[Annotated[str, Field(pattern="^[A-Za-z][A-Za-z0-9-]*$")], str], Field(min_length=1)]
    """Name of a header field -> the column of text that holds it; that of Date is one of dates."""
    text: str
    html: str | None = None
    header: str | None = None
    """The column that holds the mail's own header, as text."""
    field_rows: tuple[FieldRows, ...] = ()
    attachments: tuple[Attached, ...] = ()

    @property
    @override
    def also(self) -> tuple[Template, ...]:
        return tuple(each.template for each in self.attachments if each.path is not None)

    @override
    def needs(self) -> Iterator[Needs]:
        for name, column in self.fields.items():
            yield "fields", column, "date" if name == "Date" else "text"
        texts = {"text": self.text, "html": self.html, "header": self.header}
        yield from ((key, column, "text") for key, column in texts.items() if column is not None)
        for rows in self.field_rows:
            yield from rows.needs()
        for attached in self.attachments:
            yield from attached.needs()

    def claim(self, row: Mapping[str, Any], encode: Encode) -> Claim:
        """Raises Missing."""
        own = () if self.header is None else header_fields(texts(row, self.header))
        rows = [each.fields(row) for each in self.field_rows]
        fields = merged(own, *rows, ((name, _cell(row, column)) for name, column in self.fields.items()))
        html = None if self.html is None else texts(row, self.html)
        files, attached = parts(self.attachments, row, encode)
        return Claim(cells=(*written(fields, texts(row, self.text), html, "columns", attached),), also=files)

    def read(self, claim: Claim, opener: Opener) -> Content | Reason:
        """The mail that was written, with what was attached to it. Raises Outage."""
        return composed(claim.cells, claim.also, opener.tree)


Part = Annotated[OneFile | Cell | Range | Framed | Member, Field(discriminator="type")]


class _Several(_Container):
    """What is made of other containers."""

    parts: Annotated[tuple[Part, ...], Field(min_length=2)]

    @property
    @override
    def paths(self) -> tuple[Template, ...]:
        return tuple(path for part in self.parts for path in part.paths)

    @property
    @override
    def texts(self) -> tuple[Template, ...]:
        return tuple(text for part in self.parts for text in part.texts)

    @override
    def needs(self) -> Iterator[Needs]:
        for part in self.parts:
            yield from part.needs()


class Split(_Several):
    """Each mail lies in several parts, its header and its body mostly, which belong one behind the other."""

    type: Literal["split"]
    between: str = ""
    """What stands between the parts in the mail and nowhere in the store: "\\r\\n" for the blank line of the header."""

    def claim(self, row: Mapping[str, Any], encode: Encode) -> Claim:
        """Raises Missing, Outside."""
        claims = [part.claim(row, encode) for part in self.parts]
        return Claim(
            files=tuple(path for each in claims for path in each.files),
            places=tuple(place for each in claims for place in each.places),
            cells=tuple(cell for each in claims for cell in each.cells),
        )

    def read(self, claim: Claim, opener: Opener) -> Content | Reason:
        """The mail, or why one of its parts cannot be read. Raises Outage."""
        found: list[Content] = []
        for part, own in self._told(claim):
            content = part.read(own, opener)
            if isinstance(content, Reason):
                return content
            found.append(content)
        raw = chained([content.raw for content in found], self.between.encode())
        return Content(raw, ".".join(content.stamp for content in found if content.stamp))

    def _told(self, claim: Claim) -> Iterator[tuple["AnyPart", Claim]]:
        """Each part, and its own claim."""
        files, places, cells = iter(claim.files), iter(claim.places), iter(claim.cells)
        for part in self.parts:
            in_row = isinstance(part, Cell)
            yield part, Claim(cells=(next(cells),)) if in_row else Claim((next(files),), (next(places),))

    @override
    def shares(self, claim: Claim) -> Iterator["Share"]:
        for part, own in self._told(claim):
            yield from part.shares(own)


class Either(_Several):
    """Each mail lies in the first of several places that its row names: a column counts where it is not empty."""

    type: Literal["either"]

    def claim(self, row: Mapping[str, Any], encode: Encode) -> Claim:
        """Raises Missing, Outside."""
        return self._chosen(lambda cell: bool(_cell(row, cell.column))).claim(row, encode)

    def read(self, claim: Claim, opener: Opener) -> Content | Reason:
        """The mail, or why it cannot be read. Raises Outage."""
        return self._chosen(lambda _: bool(claim.cells)).read(claim, opener)

    @override
    def shares(self, claim: Claim) -> Iterator["Share"]:
        yield from self._chosen(lambda _: bool(claim.cells)).shares(claim)

    def _chosen(self, holds: Callable[[Cell], bool]) -> "AnyPart":
        return next((part for part in self.parts if not isinstance(part, Cell) or holds(part)), self.parts[-1])


Container = Annotated[OneFile | Cell | Range | Framed | Member | Split | Either | Written, Field(discriminator="type")]

AnyPart = OneFile | Cell | Range | Framed | Member

Shared = Range | Framed | Member
"""What holds many mails in one file."""

Share = tuple[Shared, bytes, str]
"""One place in one such file."""


def _cell(row: Mapping[str, Any], column: str) -> Any:
    try:
        return row[column]
    except KeyError as error:
        raise Missing(column) from error
