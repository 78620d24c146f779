"""Mails that lie in a file among others of their kind: at a place in it, in an mbox, in an archive."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, BinaryIO, Literal, cast

from pydantic import Field
from typing_extensions import override

from adapters.files.frames import Variant
from adapters.files.reading import Content
from adapters.groupware.claims import Claim, Encode, InFile, Needs, cell
from adapters.groupware.opening import Opener
from adapters.groupware.template import Template
from migrator.errors import Reason

NOWHERE = -1


class _InLarge(InFile):
    """What lies in a file among others of its kind."""

    @override
    def shares(self, claim: Claim) -> Iterator["Share"]:
        yield cast("Shared", self), claim.files[0], claim.places[0]


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
        size = NOWHERE if self.size is None else cell(row, self.size)
        return Claim((encode(self._path.fill(row)),), (f"{cell(row, self.at)}+{size}",))

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
        return Claim((encode(self._path.fill(row)),), (str(cell(row, self.at)),))

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


Shared = Range | Framed | Member
"""What holds many mails in one file."""

Share = tuple[Shared, bytes, str]
"""One place in one such file."""
