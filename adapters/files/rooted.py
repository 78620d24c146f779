"""What all sources below a root share: which store it is, its accounts, and one file looked at as one artefact."""

# pathlib knows no bytes, and old file names are bytes.
# ruff: noqa: PTH114, PTH119
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path as Directory

from adapters.files.reading import Content, Tree, answer, key_of, readable_name, readable_path, stamp
from adapters.files.rules import HEAD, foreign, looks_like_mail
from migrator.errors import AccountError, Reason, UsageError
from migrator.model import Account, Evidence, Flag, Identity, Item, NotMail, Unchanged, Unreadable
from migrator.ports import Known

Parts = tuple[bytes, ...]
"""The names of a path below some directory."""

Found = Item | Unchanged | Unreadable | NotMail


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a name says about one artefact, before it is looked at.

    `rule`: it is no mail. `sure`: the name says that it is mail; else its first lines decide. `dated` reads evidence
    of the received time off the file's status.
    """

    key: str
    flags: frozenset[Flag] = frozenset()
    rule: str | None = None
    sure: bool = True
    dated: Callable[[os.stat_result], tuple[Evidence, ...]] = lambda status: ()


class Rooted:
    """A source below a root: `root/<account>/…`, and an account without a name for what lies in the root itself."""

    exact = True

    def __init__(self, root: Directory) -> None:
        self.tree = Tree(root)

    def identity(self) -> Identity:
        """The root's path and inode."""
        return self.tree.identity()

    def accounts(self) -> Iterator[Account]:
        """One for each directory, by name; links to directories elsewhere too, so that somebody hears of them."""
        yield from (Account(name) for name in self.directories())
        if self.loose():
            yield Account("")

    def directories(self) -> dict[str, bytes]:
        """The accounts' directories by the accounts' names."""
        return distinct((readable_name(name), name) for name in self._top() if self._is_account(name))

    def loose(self) -> list[bytes]:
        """Names of what lies in the root and is no account."""
        return [name for name in self._top() if not self._is_account(name)]

    def directory(self, account: Account) -> bytes:
        """The account's directory, relative to the root. Raises AccountError."""
        directory = self.directories().get(account.name)
        if directory is None:
            raise AccountError(Reason("account.missing", account=account.name))
        try:
            if not self.tree.holds(self.tree.real(directory)):
                raise AccountError(Reason("account.outside", account=account.name, path=readable_path(directory)))
            self.tree.scandir(directory)
            return directory
        except OSError as error:
            reason = Reason("account.unreadable", account=account.name, answer=answer(error))
            raise AccountError(reason) from error

    def size(self, path: bytes) -> int:
        """The size of a regular file, 0 for anything else."""
        status = self.tree.look(path)
        return 0 if isinstance(status, Reason) else status.st_size

    def _top(self) -> list[bytes]:
        try:
            return sorted(entry.name for entry in self.tree.scandir(b""))
        except OSError as error:
            reason = Reason("root.unreadable", path=readable_path(self.tree.root), answer=answer(error))
            raise UsageError(reason) from error

    def _is_account(self, name: bytes) -> bool:
        if not self.tree.is_directory(name):
            return False
        try:
            return not os.path.islink(self.tree.full(name)) or not self.tree.holds(self.tree.real(name))
        except OSError:
            return False


def distinct(named: Iterable[tuple[str, bytes]]) -> dict[str, bytes]:
    """Names as people read them; where two read the same, the later one shows its bytes."""
    found: dict[str, bytes] = {}
    for text, name in named:
        found[free(text, name, found)] = name
    return found


def free(text: str, name: bytes, taken: Collection[str]) -> str:
    """The text, or what else the name can be called where the text is taken."""
    if text in taken:
        text = key_of(name)
    while text in taken:
        text += "~"
    return text


def look(tree: Tree, entry: Entry, path: bytes, known: Known) -> Found:
    """One artefact as it is now."""
    where = readable_path(path)
    status = tree.look(path)
    if entry.rule is not None:
        return NotMail(key=entry.key, rule=entry.rule, size=0 if isinstance(status, Reason) else status.st_size)
    if isinstance(status, Reason):
        if status.code == "file.directory" and os.path.islink(tree.full(path)):
            return NotMail(key=entry.key, rule="directory-link")  # what it leads to is read at its own place
        if status.code == "file.directory" and not os.access(tree.full(path), os.R_OK | os.X_OK, effective_ids=True):
            status = Reason("file.denied", path=where)
        return Unreadable(key=entry.key, path=where, reason=status)
    if known(entry.key, stamp(status)):
        return Unchanged(key=entry.key, stamp=stamp(status), flags=entry.flags)
    match tree.read(path) if entry.sure else _stray(tree, path):
        case None:
            return NotMail(key=entry.key, rule="no-mail-header", size=status.st_size)
        case Reason() as reason:
            return Unreadable(key=entry.key, path=where, reason=reason, size=status.st_size)
        case Content(raw=raw, stamp=mark):
            dates = entry.dated(status)
            return Item(key=entry.key, stamp=mark, raw=raw, flags=entry.flags, dates=dates, path=where)


def _stray(tree: Tree, path: bytes) -> Content | Reason | None:
    """A file that nothing else calls mail: read if it begins like one, None if not."""
    if foreign(os.path.basename(path)):
        return Reason("file.foreign", path=readable_path(path))
    stream = tree.open(path)
    if isinstance(stream, Reason):
        return stream
    with stream:
        head = stream.read(HEAD)
    return tree.read(path) if looks_like_mail(head) else None
