"""Rows out of the names of files, where a store has no table: directories that are accounts or folders."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import translate
from typing import ClassVar, Literal

from typing_extensions import override

from adapters.groupware.rows.shape import File, Line, Lines, Mistake, RowShape, Wanted
from adapters.groupware.template import CROWD, crowded

_COLUMN = re.compile(r"\{([^{}]*)\}")


class Names(RowShape):
    """Rows out of the paths of the files below `path`, or below the root: `pattern` is such a path from there on, with
    columns in braces. Paths that tell the same in the wanted columns are one row.

    A column takes one step of the path, or a part of it; that called `deep` any number of steps.
    """

    type: Literal["names"]
    path: str = ""
    pattern: str
    deep: str | None = None
    without: tuple[str, ...] = ()
    """Files that make no row: patterns of their names, as in `not_mail`."""

    kept_in: ClassVar[Literal["file", "directory", "database"]] = "directory"

    @property
    @override
    def declared(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_COLUMN.findall(self.pattern)))

    @override
    def mistakes(self) -> Iterator[Mistake]:
        steps = _COLUMN.sub("", self.pattern).split("/")
        names = _COLUMN.findall(self.pattern)
        known = self.deep is None or self.deep in names
        if ".." in steps or self.pattern.startswith("/") or len(set(names)) < len(names) or "" in names or not known:
            yield "pattern", "mapping.bad-names", {"pattern": self.pattern}
        if crowded(self.pattern):
            yield "pattern", "mapping.path-crowded", {"path": self.pattern, "limit": CROWD}

    @override
    @contextmanager
    def open(self, file: File, wanted: Wanted) -> Iterator[Lines]:
        columns = [column for column in self.declared if column in wanted.columns]
        yield Lines(columns, self._rows(file, columns))

    def _rows(self, file: File, columns: list[str]) -> Iterator[Line]:
        pattern, groups = self._compiled(), [f"c{self.declared.index(column)}" for column in columns]
        seen: set[tuple[str, ...]] = set()
        passed = re.compile("|".join(map(translate, self.without)) or "(?!)", re.IGNORECASE)
        for name in file.raw.read().decode("utf-8", "surrogateescape").split("\0"):
            found = pattern.fullmatch(name)
            if found is None or passed.match(name.rpartition("/")[2]):
                continue
            cells = tuple([found[group] for group in groups])
            if cells not in seen:
                seen.add(cells)
                yield Line(len(seen), cells, any("\udc80" <= letter <= "\udcff" for cell in cells for letter in cell))

    def _compiled(self) -> re.Pattern[str]:
        pattern = ""
        for odd, part in enumerate(_COLUMN.split(self.pattern)):
            if odd % 2:
                some = ".+" if part == self.deep else "[^/]+"
                pattern += f"(?P<c{self.declared.index(part)}>{some})"
            else:
                pattern += re.escape(part)
        return re.compile(pattern, re.DOTALL)
