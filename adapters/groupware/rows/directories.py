"""Rows out of directories that mail programs keep by a rule of their own: Maildir and MH. Each mail is a row.

Columns of both: `folder`, its names with U+001F between them; `file`, the mail's path from `path` on; `mail`, what of
its name stays when it is read or marked; `marks`, its flags with blanks between (`\\Seen \\Answered`, and what the
program calls its own); `at`, the seconds since 1970 in a Maildir's name. Where only `folder` is asked for, each folder
is a row.
"""

import re
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import ClassVar, Literal, NamedTuple

from typing_extensions import override

from adapters.files.directories import Mh as MhShape
from adapters.files.directories import sequences
from adapters.files.maildirs import KEYWORDS, LETTERS, named_at, parse_keywords, parse_name
from adapters.files.maildirs import Maildir as MaildirShape
from adapters.files.reading import key_of
from adapters.groupware.rows.shape import File, Line, Lines, RowShape, Wanted
from migrator.model import DELETED, Flag, Path

BETWEEN = "\x1f"

Parts = tuple[bytes, ...]
Named = Callable[[bytes], "Mail"]


class Mail(NamedTuple):
    """What a name says of its mail."""

    mail: str
    marks: Collection[Flag]
    at: int | None = None


class _Directories(RowShape):
    """What both have in common."""

    path: str = ""

    kept_in: ClassVar[Literal["file", "directory", "database"]] = "directory"
    directories: ClassVar[bool] = True
    moving: ClassVar[tuple[str, ...]] = ("file",)

    @property
    @override
    def declared(self) -> tuple[str, ...]:
        return ("folder", "file", "mail", "marks", "at")

    @override
    @contextmanager
    def open(self, file: File, wanted: Wanted) -> Iterator[Lines]:
        rows = self._folders(file) if wanted.columns == ("folder",) else self._mails(file)
        yield Lines(wanted.columns, self._lines(rows, wanted.columns))

    def _lines(self, rows: Iterator[dict[str, str]], columns: tuple[str, ...]) -> Iterator[Line]:
        for number, row in enumerate(rows, 1):
            cells = [row[column] for column in columns]
            yield Line(number, cells, any("\udc80" <= letter <= "\udcff" for cell in cells for letter in cell))

    def _folders(self, file: File) -> Iterator[dict[str, str]]:
        for _, path in sorted(self._homes(_paths(file)).items()):
            yield {"folder": BETWEEN.join(path)}

    def _mails(self, file: File) -> Iterator[dict[str, str]]:
        paths = _paths(file)
        homes = self._homes(paths)
        named = {home: self.names(home, file) for home in homes}
        for parts in paths:
            home = self.home(parts)
            if home is not None and home in homes:
                found = named[home](parts[-1])
                yield {
                    "folder": BETWEEN.join(homes[home]),
                    "file": b"/".join(parts).decode("utf-8", "surrogateescape"),
                    "mail": found.mail,
                    "marks": " ".join(sorted(found.marks)),
                    "at": "" if found.at is None else str(found.at),
                }

    def _homes(self, paths: list[Parts]) -> dict[Parts, Path]:
        """The directories that are folders, and the folders' names."""
        inside: dict[Parts, set[bytes]] = defaultdict(set)
        for parts in paths:
            for depth in range(1, len(parts)):
                inside[parts[: depth - 1]].add(parts[depth - 1])
        every = {(), *((*above, name) for above, names in inside.items() for name in names)}
        found = {parts: self.folder(parts, inside[parts], inside[()]) for parts in every}
        return {parts: path for parts, path in found.items() if path is not None}

    @abstractmethod
    def folder(self, parts: Parts, inside: Collection[bytes], top: Collection[bytes]) -> Path | None:
        """The names of the folder that a directory is, if it is one; by the directories in it and at the top."""

    @abstractmethod
    def home(self, parts: Parts) -> Parts | None:
        """The directory of the folder in which a file is a mail; None where its name is no mail's."""

    @abstractmethod
    def names(self, home: Parts, file: File) -> Named:
        """What reads the names of a folder's mails."""


class MaildirRows(_Directories):
    """Rows out of a Maildir (Maildir++, or nested) at `path`: a row for each mail in its folders' cur and new."""

    type: Literal["maildir"]

    inside: ClassVar[tuple[str, ...]] = (KEYWORDS,)
    _shape: ClassVar[MaildirShape] = MaildirShape()

    @override
    def folder(self, parts: Parts, inside: Collection[bytes], top: Collection[bytes]) -> Path | None:
        return None if {*parts} & self._shape.closed else self._shape.folder(parts, inside, top)

    @override
    def home(self, parts: Parts) -> Parts | None:
        return parts[:-2] if parts[-2:-1] in ((b"cur",), (b"new",)) and parts[-1][:1] not in (b".", b"") else None

    @override
    def names(self, home: Parts, file: File) -> Named:
        keywords = file.beside.get(b"/".join([*home, KEYWORDS.encode()]).decode("utf-8", "surrogateescape"))
        letters = LETTERS if keywords is None else {**LETTERS, **parse_keywords(keywords.read())}

        def named(name: bytes) -> Mail:
            base, info = parse_name(name)
            return Mail(key_of(base), {letters.get(letter, letter) for letter in info}, named_at(base))

        return named


class MhRows(_Directories):
    """Rows out of MH folders below `path`: a row for each file named by a number; `,12` is a mail marked as deleted."""

    type: Literal["mh"]

    inside: ClassVar[tuple[str, ...]] = (".mh_sequences",)
    _shape: ClassVar[MhShape] = MhShape()

    @override
    def folder(self, parts: Parts, inside: Collection[bytes], top: Collection[bytes]) -> Path | None:
        return self._shape.folder(parts, inside, top)

    @override
    def home(self, parts: Parts) -> Parts | None:
        return parts[:-1] if re.fullmatch(rb"[,#]?\d+", parts[-1]) else None

    @override
    def names(self, home: Parts, file: File) -> Named:
        told = file.beside.get(b"/".join([*home, b".mh_sequences"]).decode("utf-8", "surrogateescape"))
        marks = sequences(None if told is None else told.read())

        def named(name: bytes) -> Mail:
            return Mail(name.decode(), marks(int(name)) if name.isdigit() else {DELETED})

        return named


def _paths(file: File) -> list[Parts]:
    """Every path below the directory; those of directories end in an empty name."""
    return [tuple(name.split(b"/")) for name in file.raw.read().split(b"\0") if name]
