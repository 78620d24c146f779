"""A source of one file a mail, whatever its folders and names look like.

Every file below the root is one artefact of exactly one folder: of the one whose directory is nearest above it, else
of the unnamed folder. A `Shape` knows which directories are folders and what a name says: Maildir, MH, .eml.
"""

# pathlib knows no bytes, and old file names are bytes.
# ruff: noqa: PTH114, PTH116, PTH119, PTH120
import logging
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path as Directory
from typing import Any, Protocol

from adapters.files.reading import answer, key_of, readable_path
from adapters.files.rooted import Entry, Found, Parts, Rooted, free, look
from migrator.errors import FolderError, Reason
from migrator.model import Account, Count, Folder, Path, Role, Unreadable
from migrator.ports import Known

log = logging.getLogger(__name__)

RELISTINGS = 3
"""How often a directory that changed while it was listed is listed again."""


class Shape(Protocol):
    """How a store of one file a mail arranges its folders and names its mails."""

    @property
    def closed(self) -> Collection[bytes]:
        """Names of directories in which no folders are looked for."""

    def folder(self, below: Parts, inside: Collection[bytes] | None, top: Collection[bytes]) -> Path | None:
        """The folder whose directory lies there below the account's; None where it is none.

        `inside` are the names of its sub-directories (None: it cannot be listed), `top` those of the account's.
        """

    def artefact(self, below: Parts) -> bool:
        """Whether a directory at this place below a folder's stands where a mail should be."""

    def entries(self, source: Rooted, directory: bytes) -> Callable[[Parts], Entry]:
        """What the names in the folder of that directory mean."""

    def order(self, key: str) -> Any:
        """By what the keys of one folder are sorted."""


@dataclass(frozen=True, slots=True)
class Home:
    """A folder and the directory it lies in, relative to the root."""

    folder: Folder
    directory: bytes


class FileSource(Rooted):
    """A root, read as a shape says."""

    def __init__(self, root: Directory, shape: Shape) -> None:
        super().__init__(root)
        self._shape = shape
        self._maps: dict[str, dict[Path, Home]] = {}

    def folders(self, account: Account) -> Iterator[Folder]:
        """All folders; the unnamed one only where something lies in it."""
        self._maps[account.name] = self._map(account)
        for path, home in self._maps[account.name].items():
            if path or any(True for _ in self._files(home)):
                yield home.folder

    def census(self, account: Account) -> Iterator[Count]:
        """Counted by walking the account's tree: files, links, directories that stand where a mail should be."""
        homes = self._homes(account)
        found = {home.directory: [0, 0] for home in homes.values()}
        for directory, path in self._walk(account, found):
            found[directory][0] += 1
            found[directory][1] += self.size(path)
        for home in homes.values():
            artefacts, size = found[home.directory]
            if home.folder.path or artefacts:
                yield Count(home.folder, artefacts, size)

    def items(self, folder: Folder, *, after: str | None, known: Known) -> Iterator[Found]:
        """Sorted by key; what was renamed since it was listed is looked for, what has gone since is passed over."""
        home = self._homes(folder.account).get(folder.path)
        if home is None:
            raise FolderError(Reason("folder.missing", account=folder.account.name, folder="/".join(folder.path)))
        entries = self._entries(home)
        again: dict[str, tuple[Entry, bytes]] | None = None
        order = self._shape.order
        keys = entries if after is None else (key for key in entries if order(key) > order(after))
        for key in sorted(keys, key=order):
            found = look(self.tree, *entries[key], known)
            if isinstance(found, Unreadable) and found.reason.code == "file.missing":
                if again is None or key in again:
                    again = self._entries(home)
                if key not in again:
                    log.debug("%s %s %s: gone since it was listed", folder.account.name, "/".join(folder.path), key)
                    continue
                found = look(self.tree, *again[key], known)
            yield found

    # -- folders ---------------------------------------------------------------------------------------------------

    def _homes(self, account: Account) -> dict[Path, Home]:
        if account.name not in self._maps:
            self._maps[account.name] = self._map(account)
        return self._maps[account.name]

    def _map(self, account: Account) -> dict[Path, Home]:
        """The account's folders by path, the unnamed one among them where one is needed. Raises AccountError."""
        if account.name == "":
            return {(): Home(Folder(account, ()), b"")}
        directory = self.directory(account)
        homes: dict[Path, Home] = {(): Home(Folder(account, ()), directory)}
        taken: defaultdict[Path, set[str]] = defaultdict(set)
        top = self._inside(directory) or []
        stack: list[Parts] = [()]
        while stack:
            below = stack.pop()
            here = _joined(directory, *below)
            inside = self._inside(here)
            path = self._shape.folder(below, inside, top)
            if path is not None:
                *above, name = path
                path = (*above, free(name, os.path.basename(here), taken[tuple(above)]))
                taken[tuple(above)].add(path[-1])
                homes[path] = Home(Folder(account, path, Role.INBOX if path == ("INBOX",) else None), here)
                if not below:
                    del homes[()]
            stack.extend((*below, name) for name in reversed(inside or []) if name not in self._shape.closed)
        return homes

    def _inside(self, directory: bytes) -> list[bytes] | None:
        """Names of the real sub-directories, sorted; None where they cannot be listed."""
        try:
            entries = self.tree.scandir(directory)
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        except OSError:
            return None

    # -- entries ---------------------------------------------------------------------------------------------------

    def _entries(self, home: Home) -> dict[str, tuple[Entry, bytes]]:
        """What lies in a folder by key, with its path. Raises FolderError."""
        named = self._shape.entries(self, home.directory)
        found: dict[str, tuple[Entry, bytes]] = {}
        try:
            for below in sorted(self._files(home)):
                entry = named(below)
                if entry.key in found:  # the same name in new and cur
                    entry = replace(entry, key=key_of(b"/".join(below)))
                found[entry.key] = entry, _joined(home.directory, *below)
        except OSError as error:
            reason = Reason("folder.unreadable", path=readable_path(home.directory), answer=answer(error))
            raise FolderError(reason) from error
        return found

    def _files(self, home: Home) -> Iterator[Parts]:
        """All artefacts of a folder, by their path below its directory. Raises OSError where it cannot be listed."""
        if home.folder.account.name == "":
            yield from ((name,) for name in self.loose())
            return
        others = {each.directory for each in self._homes(home.folder.account).values()}
        stack: list[Parts] = [()]
        while stack:
            below = stack.pop()
            try:
                listed = self._listed(_joined(home.directory, *below))
            except OSError:
                if not below:
                    raise
                if not self._shape.artefact(below):
                    yield below
                continue
            for name, is_directory in listed:
                parts = (*below, name)
                if not is_directory:
                    yield parts
                elif _joined(home.directory, *parts) not in others:
                    if self._shape.artefact(parts):
                        yield parts
                    stack.append(parts)

    def _listed(self, directory: bytes) -> list[tuple[bytes, bool]]:
        """Names in a directory and whether each is one; again where it changed meanwhile.

        A file that is renamed while its directory is read may be seen under neither name.
        """
        full = self.tree.full(directory)
        before, listed = os.stat(full).st_mtime_ns, self._scan(directory)
        for _ in range(RELISTINGS):
            after = os.stat(full).st_mtime_ns
            if after == before:
                break
            before, listed = after, self._scan(directory)
        return listed

    def _scan(self, directory: bytes) -> list[tuple[bytes, bool]]:
        return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in self.tree.scandir(directory)]

    def _walk(self, account: Account, homes: Collection[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """Every artefact of the account, found by os.walk: the directory of its folder, and its path."""
        if account.name == "":
            yield from ((b"", name) for name in self.loose())
            return
        closed: list[bytes] = []
        top = self.tree.full(self.directory(account))
        for where, directories, files in os.walk(top, onerror=lambda error: closed.append(error.filename)):
            here = os.path.relpath(where, self.tree.root)
            home = _nearest(here, homes)
            yield from ((home, _joined(here, name)) for name in {*files, *self.tree.absent(here)})
            directories[:] = self.tree.without_folders(directories)
            for name in directories:
                path = _joined(here, name)
                if os.path.islink(self.tree.full(path)) or (path not in homes and self._artefact(home, path)):
                    yield home, path
        for full in closed:
            path = os.path.relpath(full, self.tree.root)
            home = _nearest(path, homes)
            if path != home and not self._artefact(home, path):
                yield home, path

    def _artefact(self, home: bytes, path: bytes) -> bool:
        return self._shape.artefact(tuple(path.removeprefix(home + b"/").split(b"/")))


def _joined(*names: bytes) -> bytes:
    return b"/".join(name for name in names if name)


def _nearest(path: bytes, homes: Collection[bytes]) -> bytes:
    """The folder's directory that is nearest above a path; the account's own is always one."""
    while path not in homes:
        path = os.path.dirname(path)
    return path
