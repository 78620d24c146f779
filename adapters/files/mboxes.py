"""A source of mboxes: `root/<account>/…`, each file a folder.

Names end without `.mbox`, `.mbx` or `.sbd` (Thunderbird keeps the folders below `Inbox` in `Inbox.sbd`). Files that are
no mbox belong to the account's unnamed folder, mboxes in the root itself to the account without a name.

No lock is taken: that would be writing. An mbox that changes while it is read is read again from the start.
"""

# pathlib knows no bytes, and old file names are bytes.
# ruff: noqa: PTH119
import os
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path as Directory

from adapters import utf7
from adapters.files.frames import BLOCK, Frames, Variant, count
from adapters.files.openmbox import Changed, OpenMbox, reading
from adapters.files.reading import key_of, readable_name, readable_path
from adapters.files.rooted import Entry, Found, Parts, Rooted, free, look
from adapters.files.rules import junk
from migrator.errors import FolderError, Reason
from migrator.model import Account, Count, Folder, Path
from migrator.ports import Known

PAUSES = (0.1, 0.5, 2)
"""Seconds to wait when an mbox changed and not one more mail could be read since the last time."""

_SUFFIX = re.compile(rb"(?<=.)\.(mbox|mbx|sbd)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Box:
    """One mbox, and the folder it is."""

    folder: Folder
    path: bytes


@dataclass(frozen=True, slots=True)
class Shelf:
    """What one account holds: its mboxes, and what is none."""

    boxes: dict[Path, Box]
    others: dict[str, bytes]


class MboxSource(Rooted):
    """A root whose files are mboxes."""

    def __init__(self, root: Directory, variant: Variant, zone: tzinfo) -> None:
        super().__init__(root)
        self._variant, self._zone = variant, zone
        self._shelves: dict[str, Shelf] = {}

    def folders(self, account: Account) -> Iterator[Folder]:
        """All mboxes; the unnamed folder only where something lies in it."""
        shelf = self._shelves[account.name] = self._look_through(account)
        if shelf.others:
            yield Folder(account, ())
        yield from (box.folder for box in shelf.boxes.values())

    def census(self, account: Account) -> Iterator[Count]:
        """Counted line by line from the front; bytes are those of the file, From_ lines and quoting with them."""
        shelf = self._look_through(account)
        if shelf.others:
            yield Count(Folder(account, ()), len(shelf.others), sum(map(self.size, shelf.others.values())))
        for box in shelf.boxes.values():
            stream = self.tree.open(box.path)
            if not isinstance(stream, Reason):
                with stream:
                    size = os.fstat(stream.fileno()).st_size
                    yield Count(box.folder, count(stream, size, self._variant), size)

    def items(self, folder: Folder, *, after: str | None, known: Known) -> Iterator[Found]:
        """In the order of the file. A key is the digest of a mail and its ordinal among its equals."""
        shelf = self._shelves.get(folder.account.name) or self._look_through(folder.account)
        self._shelves[folder.account.name] = shelf
        if folder.path in shelf.boxes:
            yield from self._mails(shelf.boxes[folder.path].path, after, known)
        elif folder.path:
            raise FolderError(Reason("folder.missing", account=folder.account.name, folder="/".join(folder.path)))
        else:
            for key, path in shelf.others.items():
                if after is None or key > after:
                    yield look(self.tree, Entry(key=key, rule=junk(os.path.basename(path)), sure=False), path, known)

    # -- folders ---------------------------------------------------------------------------------------------------

    def _look_through(self, account: Account) -> Shelf:
        """Tell mboxes from other files. Raises AccountError."""
        boxes: dict[Path, Box] = {}
        others: dict[str, bytes] = {}
        taken: defaultdict[Path, set[str]] = defaultdict(set)
        directory = self.directory(account) if account.name else b""
        for below in self._files(directory, account):
            path = b"/".join((directory, *below)) if directory else below[-1]
            if not self._is_mbox(path):
                others[key_of(b"/".join(below))] = path
                continue
            *above, name = (_name(each) for each in below)
            name = free(name, below[-1], taken[tuple(above)])
            taken[tuple(above)].add(name)
            boxes[*above, name] = Box(Folder(account, (*above, name)), path)
        return Shelf(boxes, dict(sorted(others.items())))

    def _files(self, directory: bytes, account: Account) -> Iterator[Parts]:
        """Every file and link below the account's directory, and directories that cannot be listed, by name."""
        if account.name == "":
            yield from ((name,) for name in self.loose())
            return
        stack: list[Parts] = [()]
        while stack:
            below = stack.pop()
            try:
                entries = self.tree.scandir(b"/".join((directory, *below)))
                found = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
            except OSError:
                yield below
                continue
            yield from ((*below, name) for name, is_directory in found if not is_directory)
            stack.extend((*below, name) for name, is_directory in reversed(found) if is_directory)

    def _is_mbox(self, path: bytes) -> bool:
        """By its first line, by its name, or by a From_ line not far from its start; an empty file is an empty one."""
        if junk(os.path.basename(path)):
            return False
        stream = self.tree.open(path)
        if isinstance(stream, Reason):
            return False
        with stream:
            head = stream.read(BLOCK)
        if not head or _SUFFIX.search(path):
            return True
        frames = Frames(lambda size, at: head[at : at + size], len(head), "mboxo")
        return any(frame.line is not None for frame in frames)

    # -- mails -----------------------------------------------------------------------------------------------------

    def _mails(self, path: bytes, after: str | None, known: Known) -> Iterator[Found]:
        """All mails after the one of that key, or all where none has it any more. Raises FolderError."""
        given: set[str] = set()
        pauses = iter(PAUSES)
        while True:
            before = len(given)
            try:
                for found in self._once(path, after, known):
                    if found.key not in given:
                        given.add(found.key)
                        yield found
                return
            except Changed:
                if len(given) > before:
                    pauses = iter(PAUSES)
                elif (pause := next(pauses, None)) is not None:
                    time.sleep(pause)
                else:
                    raise FolderError(Reason("file.busy", path=readable_path(path))) from None

    def _once(self, path: bytes, after: str | None, known: Known) -> Iterator[Found]:
        """The mails of the file as it is now. Raises Changed once it is another one."""
        stream = self.tree.open(path)
        if isinstance(stream, Reason):
            raise FolderError(stream)
        with stream, reading(path):
            box = OpenMbox(stream, readable_path(path), self._variant, self._zone)
            for passed in (after is None, True):
                for mail in box.mails():
                    if passed:
                        found = box.look(mail, known)
                        box.check()
                        yield found
                    passed = passed or mail.key == after
                box.check()
                if passed:
                    return


def _name(name: bytes) -> str:
    """A file's or directory's name as a folder's."""
    name = _SUFFIX.sub(b"", name)
    return utf7.text_of(name) or readable_name(name)
