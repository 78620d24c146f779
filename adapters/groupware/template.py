"""A path with columns in braces, read both ways: a row gives a path, a path gives what its row must have held."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from operator import itemgetter
from typing import Any

_COLUMN = re.compile(r"\{([^{}]*)\}")


class Missing(LookupError):  # noqa: N818 - raised and caught inside this package
    """The row has no such column: the row of another table that it leads to is not there."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


class Outside(ValueError):  # noqa: N818 - raised and caught inside this package
    """The path would leave the folder it belongs into."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def cells_of(columns: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """What picks these columns out of a row. It raises KeyError for the first that is not there."""
    if len(columns) > 1:
        return itemgetter(*columns)
    return lambda row: tuple([row[column] for column in columns])


CROWD = 3
"""Columns that one step of a path may hold: with each more, a name of 255 bytes is read in 255 times as many ways."""


def crowded(path: str) -> bool:
    """Whether any step of a path holds more columns than that."""
    return any(len(_COLUMN.findall(step)) > CROWD for step in path.split("/"))


class Template:
    """`user/{users.login}/{folder}/{file}`, always below the store's root."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.columns = tuple(_COLUMN.findall(text))
        self._parts = _COLUMN.split(text)  # text, column, text, column, ... text
        self._cells = cells_of(self._parts[1::2])
        self._form = "%s".join(part.replace("%", "%%") for part in self._parts[::2])

    @property
    def last_step_is_fixed(self) -> bool:
        """Whether all these files have one name, in different directories."""
        return "{" not in self.text.rpartition("/")[2]

    def fill(self, row: Mapping[str, Any]) -> str:
        """The row's path. Raises Missing, and Outside where a cell tries to climb."""
        try:
            cells = self._cells(row)
        except KeyError as error:
            raise Missing(str(error.args[0])) from error
        path = self._form % cells
        if not ("//" in path or "./" in path or "\0" in path or path.endswith(("/", ".")) or path.startswith("/")):
            return path
        steps = path.split("/")
        if ".." in steps or "\0" in path or any(str(each).startswith("/") for each in (path, *cells)):
            raise Outside(path)
        return "/".join(step for step in steps if step not in ("", "."))

    def match(self, path: str) -> dict[str, str] | None:
        """What the columns must have held for this path; None where it is not one of ours."""
        if not hasattr(self, "_pattern"):
            self._pattern = self._compiled()
        found = self._pattern.fullmatch(path)
        return found and {column: found[f"c{self.columns.index(column)}"] for column in self.columns}

    def _compiled(self) -> re.Pattern[str]:
        """Each column takes one step of the path, the last one any number of them."""
        pattern = ""
        for odd, part in enumerate(self._parts):
            number = self.columns.index(part) if odd % 2 else 0
            if not odd % 2:
                pattern += re.escape(part)
            elif f"(?P<c{number}>" in pattern:
                pattern += f"(?P=c{number})"
            else:
                pattern += f"(?P<c{number}>.+)" if odd == len(self._parts) - 2 else f"(?P<c{number}>[^/]+)"
        return re.compile(pattern, re.DOTALL)

    def head(self, known: Collection[str]) -> "Template":
        """The leading steps that need no column but the known ones: the folder in which all the paths lie."""
        steps = []
        for step in self.text.split("/")[:-1]:
            if not all(column in known for column in _COLUMN.findall(step)):
                break
            steps.append(step)
        return Template("/".join(steps))

    def crowded(self) -> bool:
        """Whether one step holds so many columns that reading a long name by it would take for ever."""
        return crowded(self.text)

    def faults(self) -> bool:
        """Whether the text itself is no path below a root."""
        steps = self.text.split("/")
        odd = _COLUMN.sub("", self.text)
        return bool({"", ".", ".."} & set(steps)) or any(each in odd for each in ("{", "}", "\\", "\0", "://"))
