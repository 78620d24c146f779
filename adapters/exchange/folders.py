"""The tree of a mailbox's folders: what is there, what a path is called, and how a place comes to be."""

from dataclasses import dataclass, replace
from unicodedata import normalize

from lxml import etree

from migrator.errors import FolderError, Reason
from migrator.model import Path, Place, Role

from .troubles import NO_FOLDER, Refusal
from .wire import Wire
from .words import identified, m, t, text

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

RESERVED = ("outbox", "calendar", "contacts", "tasks", "notes", "journal")
"""Folders for other things. What lies in the outbox may be sent by somebody's Outlook."""

MAIL = "IPF.Note"
SEARCH = "search"
"""In the place of a class: the folder shows mail that lies in others."""
PAGE = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """One folder. `use` is its distinguished id, if it is one of those above."""

    identity: str
    path: Path
    kind: str = MAIL
    use: str = ""

    @property
    def role(self) -> Role | None:
        return ROLES.get(self.use)

    @property
    def holds_mail(self) -> bool:
        mail = self.kind == MAIL or self.kind.startswith(MAIL + ".") or not self.kind
        return mail and self.use not in RESERVED


class Tree:
    """One mailbox's folders, listed once and then remembered."""

    def __init__(self, wire: Wire, owner: str, *, delegate: bool) -> None:
        self._wire = wire
        self._owner = owner
        self._mailbox = f"<t:Mailbox><t:EmailAddress>{text(owner)}</t:EmailAddress></t:Mailbox>" if delegate else ""
        self._entries: dict[Path, Entry] | None = None
        self._top = ""

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
        named = self.entries.get(_folded(place.path))
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
        found = self.entries.get(_folded(path))
        return self._made(path, above) if found is None else found

    def _made(self, path: Path, above: str) -> Entry:
        folder = (
            f"<t:Folder><t:FolderClass>{MAIL}</t:FolderClass><t:DisplayName>{text(path[-1])}</t:DisplayName></t:Folder>"
        )
        parent = identified("FolderId", above)
        try:
            answer = self._wire.one(
                f"<m:CreateFolder><m:ParentFolderId>{parent}</m:ParentFolderId><m:Folders>{folder}</m:Folders></m:CreateFolder>"
            )
        except Refusal as refusal:
            if refusal.code != "ErrorFolderExists":
                raise refusal.meaning(self._owner, "/".join(path)) from refusal
            self.forget()  # somebody else has made it, or the server takes another name for this one
            entry = self.entries.get(_folded(path))
            if entry is None:
                raise FolderError(Reason("exchange.name-taken", place="/".join(path))) from refusal
            return entry
        made = Entry(_id(next(iter(answer))), path)
        self.entries[_folded(path)] = made
        return made

    # -- listing -----------------------------------------------------------------------------------------------------

    def _listed(self) -> dict[Path, Entry]:
        """Raises AccountError, Outage."""
        try:
            uses = self._uses()
            return self._tree(uses, self._below(self._top))
        except Refusal as refusal:
            raise refusal.meaning(self._owner) from refusal

    def _uses(self) -> dict[str, str]:
        """The distinguished folders' uses, by id."""
        asked = (TOP, *ROLES, *RESERVED)
        ids = "".join(f'<t:DistinguishedFolderId Id="{use}">{self._mailbox}</t:DistinguishedFolderId>' for use in asked)
        answers = self._wire.call(
            f"<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds>{ids}</m:FolderIds></m:GetFolder>"
        )
        found: dict[str, str] = {}
        for use, answer in zip(asked, answers, strict=False):
            if answer.ok:
                found[_id(next(iter(answer)))] = use
            elif use in (TOP, "inbox"):
                # every mailbox has these: who cannot see them may see nothing there
                raise Refusal("ErrorAccessDenied") if answer.code in NO_FOLDER else answer.refusal
        self._top = next(identity for identity, use in found.items() if use == TOP)
        return found

    def _below(self, top: str) -> list[etree._Element]:
        found: list[etree._Element] = []
        while True:
            answer = self._wire.one(
                '<m:FindFolder Traversal="Deep"><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape>'
                "<t:AdditionalProperties>"
                '<t:FieldURI FieldURI="folder:ParentFolderId"/><t:FieldURI FieldURI="folder:FolderClass"/>'
                '<t:FieldURI FieldURI="folder:DisplayName"/></t:AdditionalProperties></m:FolderShape>'
                f'<m:IndexedPageFolderView MaxEntriesReturned="{PAGE}" Offset="{len(found)}" BasePoint="Beginning"/>'
                f"<m:ParentFolderIds>{identified('FolderId', top)}</m:ParentFolderIds></m:FindFolder>"
            )
            root = answer.element.find(m("RootFolder"))
            page = [] if root is None else list(root.iterfind(f"{t('Folders')}/*"))
            found += page
            if root is None or not page or root.get("IncludesLastItemInRange") != "false":
                return found

    def _tree(self, uses: dict[str, str], rows: list[etree._Element]) -> dict[Path, Entry]:
        named = {_id(row): row for row in rows}
        entries: dict[Path, Entry] = {}
        for identity in named:
            path = _path(identity, named, uses)
            if path is None:
                continue
            row = named[identity]
            kind = SEARCH if row.tag == t("SearchFolder") else row.findtext(t("FolderClass")) or ""
            entry = Entry(identity, path, kind, uses.get(identity, ""))
            while _folded(entry.path) in entries:
                entry = replace(entry, path=(*entry.path[:-1], entry.path[-1] + "~"))
            entries[_folded(entry.path)] = entry
        return entries


def _path(identity: str, named: dict[str, etree._Element], uses: dict[str, str]) -> Path | None:
    """The names from the top; None below what was not listed."""
    path: list[str] = []
    while uses.get(identity) != TOP:
        row = named.get(identity)
        if row is None or len(path) > len(named):
            return None
        path.append("INBOX" if uses.get(identity) == "inbox" else row.findtext(t("DisplayName")) or "")
        parent = row.find(t("ParentFolderId"))
        identity = "" if parent is None else parent.get("Id", "")
    return tuple(reversed(path))


def _folded(path: Path) -> Path:
    return tuple(normalize("NFC", name).casefold() for name in path)


def _id(folder: etree._Element) -> str:
    found = folder.find(t("FolderId"))
    return "" if found is None else found.get("Id", "")
