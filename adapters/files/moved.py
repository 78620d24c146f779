"""What `migrator rescue` moved out of a store: it counts as lying in its old place (laws.md §2)."""

# pathlib knows no bytes, and old file names are bytes.
# ruff: noqa: PTH112, PTH120
import os
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Protocol

from migrator import aside


class Listed(Protocol):
    """An entry of a directory, as os.scandir gives it."""

    @property
    def name(self) -> bytes: ...

    def is_dir(self, *, follow_symlinks: bool = True) -> bool: ...

    def is_symlink(self) -> bool: ...


class Moved:
    """Files moved out of a root, whether rescue was called with it, with a directory above it or with one below.

    Raises UsageError where a manifest cannot be read: what it names would be lost.
    """

    def __init__(self, root: bytes) -> None:
        self._root = root
        self._places: defaultdict[bytes, dict[bytes, bytes]] = defaultdict(dict)
        self.folders: set[bytes] = set()
        """The full paths of the folders in which such files lie."""
        self._known = {b""}
        above = root
        while above not in (b"", b"/"):
            self._take(above)
            above = os.path.dirname(above)

    def out_of(self, directory: bytes) -> Mapping[bytes, bytes]:
        """What was moved out of a directory below the root: its old names, and the full paths where it lies."""
        above = directory
        while above not in self._known:
            self._known.add(above)
            self._take(self._root + b"/" + above)
            above = os.path.dirname(above)
        return self._places.get(directory, {})

    def folders_among(self, names: Collection[bytes]) -> set[bytes]:
        """Those names in a directory that are such folders: they stand beside the directory they belong to."""
        found = {name for name in names if name.endswith(aside.SUFFIX)}
        return {name for name in found if name.removesuffix(aside.SUFFIX) in names}

    def _take(self, root: bytes) -> None:
        """Learn what lies beside a directory that rescue was called with."""
        if not os.path.isdir(aside.folder_of(root)):
            return
        self.folders.add(aside.folder_of(root))
        for each in aside.lying(root):
            old = root + b"/" + each.path
            if old.startswith(self._root + b"/"):
                directory, _, name = old[len(self._root) + 1 :].rpartition(b"/")
                names = self._places[directory]
                if name in names or os.path.lexists(old):  # there is another one in its place now
                    name += aside.SUFFIX + b"-%d" % each.number
                names[name] = aside.place(root, each.number)
