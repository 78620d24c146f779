"""The tree of a mailbox's folders: what is there, what a path is called, and how a place comes to be."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from adapters import utf7
from migrator.errors import FolderError, Reason
from migrator.model import Path, Place, Role

from .answers import Data, Fetched, Status, Value
from .session import No, Session
from .words import quoted

INBOX: Path = ("INBOX",)

USES = {
    "\\sent": Role.SENT,
    "\\drafts": Role.DRAFTS,
    "\\trash": Role.TRASH,
    "\\junk": Role.JUNK,
    "\\archive": Role.ARCHIVE,
}
"""SPECIAL-USE attributes (RFC 6154) that are roles here."""

VIRTUAL = {"\\all", "\\flagged"}
"""Folders that show mail which lies in others."""

_UNSELECTABLE = {"\\noselect", "\\nonexistent"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One folder: its name as it travels, its path, its attributes in lower case."""

    name: bytes
    path: Path
    attributes: frozenset[str] = frozenset()
    subscribed: bool = False

    @property
    def role(self) -> Role | None:
        if self.path == INBOX:
            return Role.INBOX
        return next((role for use, role in USES.items() if use in self.attributes), None)

    @property
    def selectable(self) -> bool:
        """INBOX always is (RFC 9051 §5.1)."""
        return self.path == INBOX or not self.attributes & _UNSELECTABLE

    @property
    def holds_mail(self) -> bool:
        """Mail lies there, and not only elsewhere."""
        return self.selectable and not self.attributes & VIRTUAL


class Tree:
    """One mailbox's own folders, listed once and then remembered; other people's and public ones are not in it.

    With a `root`, a folder's name as people write it, all of them and INBOX too lie below that one, and no others.
    """

    def __init__(self, session: Session, root: str | None = None) -> None:
        """Raises FolderError where the root cannot be."""
        self._session = session
        own, others = self._namespaces()
        (self.prefix, self.separator), self._foreign = own, tuple(prefix for prefix, _ in others if prefix)
        self.root: bytes | None = None
        if root is not None:
            self.root, self.separator = self._rooted(root, [*others, own])
            self.prefix, self._foreign = self.root + self.separator, ()
        self._entries: dict[Path, Entry] | None = None

    # -- what is there -----------------------------------------------------------------------------------------------

    @property
    def entries(self) -> dict[Path, Entry]:
        if self._entries is None:
            self._entries = self._listed()
        return self._entries

    def forget(self) -> None:
        """List anew when next asked."""
        self._entries = None

    def find(self, place: Place) -> Entry | None:
        """The folder a place is: the one with its role, whatever its name, else the one of its path.

        Raises FolderError for the name of a folder that has a role, asked for as if it had none: its mail would meet
        that of the role's place there.
        """
        if place.path == INBOX:
            return self.entries.get(INBOX) or (Entry(b"INBOX", INBOX) if self.root is None else None)
        if place.role is not None:
            having = [entry for entry in self.entries.values() if entry.role == place.role]
            if having:
                return next((entry for entry in having if entry.path == place.path), having[0])
        entry = self.entries.get(place.path)
        if entry and entry.role and place.role is None and place.path != (entry.role.title(),):
            raise FolderError(Reason("imap.place-has-role", place="/".join(place.path), role=entry.role.value))
        return entry

    def name(self, place: Place) -> bytes:
        """The name a place has, or would have. Raises FolderError where it can have none."""
        entry = self.find(place)
        return entry.name if entry else self._name(place.path)

    def _listed(self) -> dict[Path, Entry]:
        """Raises FolderError where the server does not list."""
        entries: dict[Path, Entry] = {}
        for found in sorted(self._list(), key=lambda entry: entry.name):
            path = found.path
            while path in entries:
                path = (*path[:-1], path[-1] + "~")
            entries[path] = replace(found, path=path)
        return entries

    def _list(self) -> Iterator[Entry]:
        try:
            if self._session.can("LIST-EXTENDED"):
                use = " SPECIAL-USE" if self._session.can("SPECIAL-USE") else ""
                answer = self._session.run(b'LIST "" "*" RETURN (SUBSCRIBED%b)' % use.encode())
                subscribed = None
            else:
                answer = self._session.run(b'LIST "" "*"')
                subscribed = {name for name, _ in self._rows(self._session.run(b'LSUB "" "*"'), b"LSUB")}
        except No as no:
            raise no.as_folder("imap.list-refused") from no
        for name, attributes in self._rows(answer, b"LIST"):
            if self.root is not None and not name.startswith(self.prefix):
                continue
            if not any((name + self.separator).startswith(prefix) for prefix in self._foreign):
                known = "\\subscribed" in attributes if subscribed is None else name in subscribed
                yield Entry(name, self._path(name), attributes, known)

    def _rows(self, answer: list[Data | Fetched | Status], kind: bytes) -> Iterator[tuple[bytes, frozenset[str]]]:
        for said in answer:
            match said:
                case Data(values=(_, tuple(words), _, bytes(name))) if said.kind == kind:
                    attributes = (word.decode("ascii", "replace").lower() for word in words if isinstance(word, bytes))
                    yield name, frozenset(attributes)
                case _:
                    pass

    # -- names -------------------------------------------------------------------------------------------------------

    def _namespaces(self) -> tuple["Space", list["Space"]]:
        """Our own, and other people's and public ones (RFC 2342). The separator is empty where names have no levels."""
        if self._session.can("NAMESPACE"):
            own, *others = self._told(b"NAMESPACE", b"NAMESPACE") or (None,)
            if isinstance(own, tuple) and own:
                rows = [row for kind in others if isinstance(kind, tuple) for row in kind]
                return _pair(own[0]), [_pair(row) for row in rows]
        _, level, *_ = self._told(b'LIST "" ""', b"LIST") or (None, b"/")
        return (b"", level if isinstance(level, bytes) else b""), []

    def _rooted(self, root: str, spaces: list["Space"]) -> "Space":
        """The root's name as it travels, and the separator of the namespace that it lies in."""
        parts = [part for part in root.split("/") if part]
        for prefix, separator in spaces:
            name = separator.join(utf7.encode(part) for part in parts)
            if separator and name.startswith(prefix):
                return name, separator
        raise FolderError(Reason("imap.name-impossible", place=root))

    def _told(self, command: bytes, kind: bytes) -> tuple[Value, ...] | None:
        """The values of the first answer of that kind."""
        with suppress(No):
            for said in self._session.run(command):
                if isinstance(said, Data) and said.kind == kind:
                    return said.values[1:]
        return None

    def _name(self, path: Path) -> bytes:
        """Raises FolderError."""
        if path and path[0].upper() == "INBOX":
            path = ("INBOX", *path[1:])
        if path == INBOX and self.root is None:
            return b"INBOX"
        impossible = FolderError(Reason("imap.name-impossible", place="/".join(path)))
        if not path or (len(path) > 1 and not self.separator):
            raise impossible
        try:
            parts = [utf7.encode(part) for part in path]
            quoted(b"".join(parts))
        except ValueError as error:
            raise impossible from error
        if any(not part or (self.separator and self.separator in part) for part in parts):
            raise impossible
        return self.prefix + self.separator.join(parts)

    def _path(self, name: bytes) -> Path:
        if name.upper() == b"INBOX" and self.root is None:
            return INBOX
        if self.prefix and name.startswith(self.prefix) and name != self.prefix:
            name = name[len(self.prefix) :]
        parts = name.split(self.separator) if self.separator else [name]
        texts = [_text(part) for part in parts]
        return ("INBOX", *texts[1:]) if texts[0].upper() == "INBOX" else tuple(texts)

    # -- making ------------------------------------------------------------------------------------------------------

    def make(self, place: Place) -> Entry:
        """The place's folder, made and subscribed where it is not yet, and those above it. Raises FolderError, Outage.

        Where all is there already, nothing is sent.
        """
        entry = self.find(place)
        if entry and entry.selectable:
            return entry if entry.subscribed else self._subscribe(entry)
        path = entry.path if entry else place.path
        for depth in range(1, len(path)):
            above = path[:depth]
            if above not in self.entries and (above != INBOX or self.root is not None):
                self._create(above, None)
        return self._create(path, place.role)

    def _create(self, path: Path, role: Role | None) -> Entry:
        name = self._name(path)
        use = next((use for use, its in USES.items() if its == role), None)
        if use and (self.root is not None or not self._session.can("CREATE-SPECIAL-USE")):
            use = None  # some servers say OK and forget it; and a use is one person's
        option = f" (USE ({use.title()}))".encode() if use else b""
        # both in one go: over a long line, a folder costs half the time
        made, subscribed = self._session.run_each([b"CREATE " + quoted(name) + option, b"SUBSCRIBE " + quoted(name)])
        if made.kind != "NO":
            return self._subscribed(Entry(name, path, frozenset({use} if use else ())), subscribed)
        self.forget()
        there = None if made.not_now else self.entries.get(path)
        if there is None or not there.selectable:
            for _ in self._session.run_each([b"UNSUBSCRIBE " + quoted(name)] if subscribed.kind == "OK" else []):
                pass
            raise No(made).as_folder("imap.create-refused", place="/".join(path))
        return there if there.subscribed else self._subscribe(there)

    def _subscribe(self, entry: Entry) -> Entry:
        (answer,) = self._session.run_each([b"SUBSCRIBE " + quoted(entry.name)])
        return self._subscribed(entry, answer)

    def _subscribed(self, entry: Entry, answer: Status) -> Entry:
        if answer.kind == "NO":
            raise No(answer).as_folder("imap.subscribe-refused", place="/".join(entry.path))
        self.entries[entry.path] = done = replace(entry, subscribed=True)
        return done


Space = tuple[bytes, bytes]
"""Prefix and separator of a namespace."""


def _pair(row: Value) -> Space:
    prefix, separator, *_ = row if isinstance(row, tuple) and len(row) > 1 else (b"", b"/")
    return prefix if isinstance(prefix, bytes) else b"", separator if isinstance(separator, bytes) else b""


def _text(part: bytes) -> str:
    """What people read; a name that is not modified UTF-7 shows its bytes."""
    try:
        return utf7.decode(part)
    except ValueError:
        return part.decode("utf-8", "backslashreplace")
