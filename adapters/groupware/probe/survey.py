"""Every file of a store, told by its kind; and what a sample of each directory's mails says about itself."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from adapters.files.reading import Content, Tree, readable_path
from adapters.groupware.listing import listing
from adapters.groupware.probe.separating import NO_LETTERS, charset
from adapters.groupware.probe.sight import EMPTY, HEAD, UNKNOWN, Sight, look
from migrator.errors import Reason
from migrator.mail import envelope, split
from migrator.model import Raw
from migrator.ports import Tract

SAMPLE = 200
"""Mails of one directory that are read for what they say."""
LARGEST = 2**32
"""Bytes of a file that is opened at all."""


class Letter(NamedTuple):
    """What a mail says about itself."""

    path: str
    size: int
    date: datetime | None
    id: str | None
    in_reply_to: str | None
    subject: str


@dataclass(slots=True)
class Survey:
    """What lies in the store."""

    tree: Tree
    paths: str = "utf-8"
    """The charset of the file names."""
    sights: dict[str, Sight] = field(default_factory=dict)
    """The files that may be tables, by path."""
    mails: list[str] = field(default_factory=list)
    letters: dict[str, Letter] = field(default_factory=dict)
    """The mails that were read, by path."""
    kinds: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    _tracts: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0]))
    _sampled: Counter[str] = field(default_factory=Counter)

    def tracts(self) -> Iterator[Tract]:
        """Directory by directory."""
        for (directory, kind), (files, size, explained) in sorted(self._tracts.items()):
            yield Tract(directory=directory, kind=kind, files=files, size=size, explained=explained)

    def add(self, path: bytes) -> None:
        """Look at one file. A link is none: what it leads to inside the root lies in its own place."""
        name = path.decode(self.paths, "surrogateescape")
        directory = readable_path(path).rpartition("/")[0]
        if os.path.islink(self.tree.full(path)):  # noqa: PTH114 - bytes
            self._count(directory, "link", 0, 0)
            return
        status = self.tree.look(path)
        size = status.st_size if isinstance(status, os.stat_result) else 0
        content = self.tree.read(path) if 0 < size <= LARGEST else None
        if not isinstance(content, Content):
            sight = Sight(UNKNOWN if size else EMPTY)
        else:
            sight = look(name, content.raw)
            self._sample(name, directory, content.raw, sight)
        if sight.explained < size and sight.kind == UNKNOWN:
            self.unknown.append(readable_path(path))
        self.kinds[name] = sight.kind
        self._count(directory, sight.kind, size, sight.explained)

    def read(self, name: str) -> Content | Reason:
        """The file of that path."""
        return self.tree.read(name.encode(self.paths, "surrogateescape"))

    def _count(self, directory: str, kind: str, size: int, explained: int) -> None:
        tract = self._tracts[directory, kind]
        tract[:] = tract[0] + 1, tract[1] + size, tract[2] + explained

    def _sample(self, name: str, directory: str, raw: Raw, sight: Sight) -> None:
        if sight.form is not None:
            self.sights[name] = sight
        if sight.kind != "mail":
            return
        self.mails.append(name)
        if self._sampled[directory] < SAMPLE:
            self._sampled[directory] += 1
            with raw.open() as stream:
                said = envelope(split(stream.read(HEAD))[0])
            self.letters[name] = Letter(name, raw.size, said.date, said.message_id, said.in_reply_to, said.subject)


def survey(tree: Tree) -> Survey:
    """Look at every file below the root, in the order of paths. Raises Outage."""
    listed = sorted(listing(tree, [b""]))
    found = Survey(tree, _charset([each.path for each in listed]))
    for each in listed:
        if each.reason is None:
            found.add(each.path)
        else:
            found.unknown.append(readable_path(each.path))
    return found


def _charset(paths: list[bytes]) -> str:
    """The charset in which the names of files make sense."""
    told = charset(paths)
    return "utf-8" if told in (None, NO_LETTERS) else str(told)
