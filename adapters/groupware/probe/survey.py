"""Every file of a store, told by its kind; and what a sample of each directory's mails says about itself."""

import os
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from adapters.files.reading import Content, Tree, readable_path
from adapters.groupware.listing import listing
from adapters.groupware.opening import BROKEN
from adapters.groupware.probe.boxes import Box, begun
from adapters.groupware.probe.letters import HEAD, Letter, letter
from adapters.groupware.probe.separating import NO_LETTERS, charset
from adapters.groupware.probe.sight import EMPTY, MAIL, UNKNOWN, Sight, look
from adapters.groupware.rows.mails import Mbox
from migrator.errors import Reason
from migrator.model import Raw
from migrator.ports import Tract

SAMPLE = 200
"""Mails of one directory that are read for what they say."""
LARGEST = 2**32
"""Bytes of a file that is opened at all."""
MEMBERS = 20_000
"""Names that are kept of an archive."""


class Seen:
    """One file: where it lies, what it is, and how much of it is explained."""

    __slots__ = ("directory", "explained", "kind", "size")

    def __init__(self, directory: str, kind: str, size: int, explained: int) -> None:
        self.directory, self.kind, self.size, self.explained = directory, kind, size, explained


@dataclass(slots=True)
class Survey:
    """What lies in the store."""

    tree: Tree
    paths: str = "utf-8"
    """The charset of the file names."""
    sights: dict[str, Sight] = field(default_factory=dict)
    """The files that may be tables, by path."""
    mails: list[str] = field(default_factory=list)
    """The files that are a mail each."""
    packed: set[str] = field(default_factory=set)
    """Those of them that are packed, by gzip or the like."""
    boxes: dict[str, Box] = field(default_factory=dict)
    """The files of many mails, by path."""
    archives: dict[str, list[str]] = field(default_factory=dict)
    """The names in each zip archive, by its path."""
    letters: dict[tuple[str, str], Letter] = field(default_factory=dict)
    """The mails that were read, by where they lie."""
    files: dict[str, Seen] = field(default_factory=dict)
    closed: list[str] = field(default_factory=list)
    """What could not be entered."""
    _sampled: Counter[str] = field(default_factory=Counter)

    def tracts(self) -> Iterator[Tract]:
        """Directory by directory."""
        sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
        for each in self.files.values():
            total = sums[each.directory, each.kind]
            total[:] = total[0] + 1, total[1] + each.size, total[2] + each.explained
        for (directory, kind), (files, size, explained) in sorted(sums.items()):
            yield Tract(directory=directory, kind=kind, files=files, size=size, explained=explained)

    def unknown(self) -> list[str]:
        """The files that nothing explains."""
        lost = [name for name, each in self.files.items() if each.kind == UNKNOWN and each.explained < each.size]
        return [*self.closed, *(readable_path(self.encoded(name)) for name in lost)]

    def mboxes(self) -> list[str]:
        """The files of mails that need no index."""
        return [path for path, box in self.boxes.items() if isinstance(box.form, Mbox)]

    def add(self, path: bytes) -> None:
        """Look at one file. A link is none: what it leads to inside the root lies in its own place."""
        name = path.decode(self.paths, "surrogateescape")
        directory = readable_path(path).rpartition("/")[0]
        if os.path.islink(self.tree.full(path)):  # noqa: PTH114 - bytes
            self.files[name] = Seen(directory, "link", 0, 0)
            return
        status = self.tree.look(path)
        size = status.st_size if isinstance(status, os.stat_result) else 0
        content = self.tree.read(path) if 0 < size <= LARGEST else None
        sight = Sight(UNKNOWN if size else EMPTY)
        if isinstance(content, Content):
            sight = look(name, content.raw)
            self._keep(name, content.raw, sight)
        self.files[name] = Seen(directory, sight.kind, size, sight.explained)

    def read(self, name: str) -> Content | Reason:
        """The file of that path."""
        return self.tree.read(self.encoded(name))

    def encoded(self, name: str) -> bytes:
        """A path as it stands on disk."""
        return name.encode(self.paths, "surrogateescape")

    def explain(self, name: str, kind: str, explained: int) -> None:
        """What a file turned out to be."""
        seen = self.files[name]
        seen.kind, seen.explained = kind, min(explained, seen.size)

    # -- what the mails say ----------------------------------------------------------------------------------------

    def _keep(self, name: str, raw: Raw, sight: Sight) -> None:
        if sight.form is not None:
            self.sights[name] = sight
        if sight.kind == MAIL:
            self.mails.append(name)
        elif sight.mails is not None:
            self.boxes[name] = sight.mails
        if sight.kind == "zip" and sight.explained:
            self._members(name, raw)
        elif sight.packed:
            self.packed.add(name)
            if self._room(name) > 0:
                self._sample(letter(name, "", len(sight.packed), sight.packed))
        elif (box := sight.mails) is not None:
            with raw.open() as stream:
                for (place, _), (at, size) in islice(zip(box.places, begun(box), strict=True), self._room(name)):
                    stream.seek(at)
                    head = stream.read(min(size, HEAD))
                    self._sample(letter(name, "" if box.form is None else str(place), size, head))

    def _members(self, name: str, raw: Raw) -> None:
        try:
            with raw.open() as stream, zipfile.ZipFile(stream, metadata_encoding="cp932") as archive:
                members = [each for each in archive.infolist() if not each.is_dir()][:MEMBERS]
                self.archives[name] = [each.filename for each in members]
                for each in members[: self._room(name)]:
                    with archive.open(each) as member:
                        self._sample(letter(name, each.filename, each.file_size, member.read(HEAD)))
        except BROKEN:
            return

    def _room(self, name: str) -> int:
        return SAMPLE - self._sampled[name.rpartition("/")[0]]

    def _sample(self, found: Letter) -> None:
        self._sampled[found.file.rpartition("/")[0]] += 1
        self.letters[found.file, found.at] = found


def survey(tree: Tree) -> Survey:
    """Look at every file below the root, in the order of paths. Raises Outage."""
    listed = sorted(listing(tree, [b""]))
    found = Survey(tree, _charset([each.path for each in listed]))
    for each in listed:
        if each.reason is None:
            found.add(each.path)
        else:
            found.closed.append(readable_path(each.path))
    return found


def _charset(paths: list[bytes]) -> str:
    """The charset in which the names of files make sense."""
    told = charset(paths)
    return "utf-8" if told in (None, NO_LETTERS) else str(told)
