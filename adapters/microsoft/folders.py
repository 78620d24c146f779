"""The tree of a mailbox's folders in an Exchange store: what a path is called, and how a place comes to be."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from unicodedata import normalize

from migrator.errors import FolderError, Reason
from migrator.model import Path, Place, Role

INBOX: Path = ("INBOX",)
TOP = "msgfolderroot"

ROLES = {
    "inbox": Role.INBOX,
    "sentitems": Role.SENT,
    "drafts": Role.DRAFTS,
    "deleteditems": Role.TRASH,
    "junkemail": Role.JUNK,
}
"""Folders that have a role here, by their distinguished ids: their names are the language's of the first login."""

MAIL = "IPF.Note"

NAME_BYTES = 250
"""A name holds 255 characters; what people see of it is cut long before that."""

DEPTH = 100
"""Levels below the top; Exchange Online ends at 300, Outlook shows fewer."""


@dataclass(frozen=True, slots=True)
class Row:
    """A folder as a server lists it. `kind` is its class."""

    identity: str
    parent: str
    name: str
    kind: str = MAIL


@dataclass(frozen=True, slots=True)
class Entry:
    """One folder. `use` is its distinguished id, if it has one that we asked for."""

    identity: str
    path: Path
    kind: str = MAIL
    use: str = ""
    holder: str = ""
    """The mailbox that has a public folder's content."""

    @property
    def role(self) -> Role | None:
        return ROLES.get(self.use)

    @property
    def holds_mail(self) -> bool:
        mail = self.kind == MAIL or self.kind.startswith(MAIL + ".") or not self.kind
        return mail and (not self.use or self.use in ROLES)

    @property
    def epoch(self) -> int:
        """The folder's id as a number: it is another one when the folder has been made anew."""
        return int.from_bytes(sha256(self.identity.encode()).digest()[:6])


class StoreTree(ABC):
    """One mailbox's folders, listed once and then remembered."""

    def __init__(self) -> None:
        self._entries: dict[Path, Entry] | None = None
        self._top = ""

    @abstractmethod
    def _listed(self) -> dict[Path, Entry]:
        """All folders below the top, which it finds too, by their paths without regard to case. Raises AccountError,
        Outage."""

    @abstractmethod
    def _created(self, path: Path, above: str) -> str | None:
        """The id of a folder made below another; None where there is one of that name. Raises FolderError, Outage."""

    # -- what is there -----------------------------------------------------------------------------------------------

    @property
    def entries(self) -> dict[Path, Entry]:
        """By their paths without regard to case."""
        if self._entries is None:
            self._entries = self._listed()
        return self._entries

    @property
    def top(self) -> str:
        """The id of the folder above all others: it stays as long as the mailbox does."""
        assert self.entries is not None
        return self._top

    def forget(self) -> None:
        """List anew when next asked."""
        self._entries = None

    def find(self, place: Place) -> Entry | None:
        """The folder a place is: the one with its role, whatever its name, else the one of its path.

        Raises FolderError for a folder that has a use, asked for by its name as if it had none: its mail would meet
        that of another place there, or things that are no mail.
        """
        if place.path == INBOX:
            return next((entry for entry in self.entries.values() if entry.use == "inbox"), None)
        if place.role is not None:
            for entry in self.entries.values():
                if entry.role == place.role:
                    return entry
        named = self.entries.get(folded(place.path))
        if named is not None and (named.use or not named.holds_mail):
            raise FolderError(Reason("exchange.place-has-use", place="/".join(place.path), use=named.use or named.kind))
        return named

    # -- how one comes to be -----------------------------------------------------------------------------------------

    def make(self, place: Place) -> Entry:
        """The place, and all above it. Raises FolderError, Outage."""
        found = self.find(place)
        if found is not None:
            return found
        above = self.top
        for depth in range(1, len(place.path)):
            above = self._under(place.path[:depth], above).identity
        return self._under(place.path, above)

    def _under(self, path: Path, above: str) -> Entry:
        found = self.entries.get(folded(path))
        return self._made(path, above) if found is None else found

    def _made(self, path: Path, above: str) -> Entry:
        identity = self._created(path, above)
        if identity is None:
            self.forget()  # somebody else has made it, or the server takes another name for this one
            entry = self.entries.get(folded(path))
            if entry is None:
                raise FolderError(Reason("exchange.name-taken", place="/".join(path)))
            return entry
        made = Entry(identity, path)
        self.entries[folded(path)] = made
        return made


def placed(uses: Mapping[str, str], listed: Iterable[Row]) -> dict[Path, Entry]:
    """Each folder at its path. `uses` are those of distinguished folders by id, the top among them."""
    rows = {row.identity: row for row in listed}
    entries: dict[Path, Entry] = {}
    for identity, row in rows.items():
        path = _path(identity, rows, uses)
        if path is None:
            continue
        entry = Entry(identity, path, row.kind, uses.get(identity, ""))
        while folded(entry.path) in entries:
            entry = replace(entry, path=(*entry.path[:-1], entry.path[-1] + "~"))
        entries[folded(entry.path)] = entry
    return entries


def _path(identity: str, rows: Mapping[str, Row], uses: Mapping[str, str]) -> Path | None:
    """The names from the top; None below what was not listed."""
    path: list[str] = []
    while uses.get(identity) != TOP:
        row = rows.get(identity)
        if row is None or len(path) > len(rows):
            return None
        path.append("INBOX" if uses.get(identity) == "inbox" else row.name)
        identity = row.parent
    return tuple(reversed(path))


def folded(path: Path) -> Path:
    """A path as a server compares it."""
    return tuple(normalize("NFC", name).casefold() for name in path)
