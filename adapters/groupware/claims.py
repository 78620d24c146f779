"""What a row says of where its mail lies, and what all that can read it there have in common."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from typing_extensions import override

from adapters.files.reading import readable_path
from adapters.groupware.template import Missing, Template
from adapters.groupware.values import Shape

if TYPE_CHECKING:
    from adapters.groupware.large import Share

Encode = Callable[[str], bytes]
"""A path as it stands on disk."""

Needs = tuple[str, str, str]
"""The key of a container, the column that it names, and of which kind that column must be."""


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


class Holding(Shape):
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
    def bodies(self) -> tuple[str, ...]:
        """The columns of text that go into mails as they stand, those of lists as `table.column`."""
        return ()

    @property
    def one_file(self) -> bool:
        """Whether a mail is a file of its own."""
        return False

    def shares(self, claim: Claim) -> Iterator["Share"]:
        """Of a claim that was made here, the places in files that hold other mails too."""
        yield from ()


class InFile(Holding):
    """What lies in a file that the row names."""

    path: str

    @cached_property
    def _path(self) -> Template:
        return Template(self.path)

    @property
    @override
    def paths(self) -> tuple[Template, ...]:
        return (self._path,)


def cell(row: Mapping[str, Any], column: str) -> Any:
    """What a row holds in a column. Raises Missing."""
    try:
        return row[column]
    except KeyError as error:
        raise Missing(column) from error
