"""Every file of the store as its directories list it, and which of them are no mail."""

import errno
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import translate
from typing import NamedTuple

from adapters.files.moved import Listed as Entry
from adapters.files.reading import AWAY, Tree, readable_path
from migrator.errors import Outage, Reason


class Listed(NamedTuple):
    """One entry of a directory: a file, or what cannot be entered and says why."""

    path: bytes
    """Below the root."""
    reason: Reason | None = None


def listing(
    tree: Tree, heads: Sequence[bytes], beside: Collection[bytes] = (), *, directories: bool = False
) -> Iterator[Listed]:
    """Every file below the given directories, without entering those `beside`, in no particular order; where they are
    wanted, the directories too, with a slash behind them.

    Links are listed, never followed: what they lead to inside the root is listed in its own place. Raises Outage.
    """
    ahead = [*heads]
    while ahead:
        directory = ahead.pop()
        try:
            entries = tree.scandir(directory)
        except FileNotFoundError:
            continue
        except OSError as error:
            yield Listed(directory + b"/", _closed(directory, error))
            continue
        for entry in entries:
            path = directory + b"/" + entry.name if directory else entry.name
            if entry.is_dir(follow_symlinks=False):
                if path not in beside:
                    ahead.append(path)
                    if directories:
                        yield Listed(path + b"/")
            elif entry.is_symlink() and _is_directory(entry):
                yield Listed(path, Reason("groupware.linked-directory", path=readable_path(path)))
            else:
                yield Listed(path)


def _closed(directory: bytes, error: OSError) -> Reason:
    """Why a directory cannot be entered. Raises Outage where the whole store is away."""
    path, answer = readable_path(directory), errno.errorcode.get(error.errno or 0, type(error).__name__)
    if error.errno in AWAY:
        raise Outage(Reason("root.away", path=path, answer=answer)) from error
    return Reason("groupware.directory-closed", path=path, answer=answer)


def _is_directory(entry: Entry) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


class Rules:
    """The named rules by which files of a store are no mail: patterns of names, or of whole paths, in any case."""

    def __init__(self, rules: Mapping[str, Sequence[str]]) -> None:
        self._rules = [
            (name, re.compile("|".join(translate(pattern) for pattern in patterns), re.IGNORECASE), whole)
            for name, all_patterns in rules.items()
            for whole in (True, False)
            if (patterns := [pattern for pattern in all_patterns if ("/" in pattern) == whole])
        ]

    def rule(self, path: str) -> str | None:
        """The first rule that names this path."""
        name = path.rpartition("/")[2]
        return next((rule for rule, pattern, whole in self._rules if pattern.match(path if whole else name)), None)
