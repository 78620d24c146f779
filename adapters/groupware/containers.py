"""Where the bytes of a mail lie: in a file of its own, in its row, at a place in a large file, in an archive.

A container makes a `Claim` out of a row, which tells where to look and no more; and reads what a claim leads to.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import override

from adapters.files.reading import Content
from adapters.groupware.claims import Claim, Encode, Holding, InFile, Needs, cell
from adapters.groupware.composing import Attached, FieldRows, composed, parts, texts
from adapters.groupware.large import Framed, Member, Range, Share
from adapters.groupware.opening import Opener, chained
from adapters.groupware.template import Template
from adapters.groupware.writing import header_fields, merged, written
from migrator.errors import Reason
from migrator.model import Raw


class OneFile(InFile):
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


class Cell(Holding):
    """The row itself holds the mail, in a column of bytes."""

    type: Literal["cell"]
    column: str

    @override
    def needs(self) -> Iterator[Needs]:
        yield "column", self.column, "bytes"

    def claim(self, row: Mapping[str, Any], encode: Encode) -> Claim:
        """Raises Missing."""
        return Claim(cells=(cell(row, self.column),))

    def read(self, claim: Claim, opener: Opener) -> Content | Reason:
        """What the row holds."""
        (data,) = claim.cells
        return Content(Raw.of(data), "")


class Written(Holding):
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

    @property
    @override
    def bodies(self) -> tuple[str, ...]:
        return tuple(column for column in (self.text, self.html, self.header) if column is not None)

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
        fields = merged(own, *rows, ((name, cell(row, column)) for name, column in self.fields.items()))
        html = None if self.html is None else texts(row, self.html)
        files, attached = parts(self.attachments, row, encode)
        return Claim(cells=(*written(fields, texts(row, self.text), html, "columns", attached),), also=files)

    def read(self, claim: Claim, opener: Opener) -> Content | Reason:
        """The mail that was written, with what was attached to it. Raises Outage."""
        return composed(claim.cells, claim.also, opener.tree)


Part = Annotated[OneFile | Cell | Range | Framed | Member, Field(discriminator="type")]


class _Several(Holding):
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
    def shares(self, claim: Claim) -> Iterator[Share]:
        for part, own in self._told(claim):
            yield from part.shares(own)


class Either(_Several):
    """Each mail lies in the first of several places that its row names: a column counts where it is not empty."""

    type: Literal["either"]

    def claim(self, row: Mapping[str, Any], encode: Encode) -> Claim:
        """Raises Missing, Outside."""
        return self._chosen(lambda part: bool(cell(row, part.column))).claim(row, encode)

    def read(self, claim: Claim, opener: Opener) -> Content | Reason:
        """The mail, or why it cannot be read. Raises Outage."""
        return self._chosen(lambda _: bool(claim.cells)).read(claim, opener)

    @override
    def shares(self, claim: Claim) -> Iterator[Share]:
        yield from self._chosen(lambda _: bool(claim.cells)).shares(claim)

    def _chosen(self, holds: Callable[[Cell], bool]) -> "AnyPart":
        return next((part for part in self.parts if not isinstance(part, Cell) or holds(part)), self.parts[-1])


Container = Annotated[OneFile | Cell | Range | Framed | Member | Split | Either | Written, Field(discriminator="type")]

AnyPart = OneFile | Cell | Range | Framed | Member
