"""The tree below a public folder, in which a shared inbox may lie; INBOX is a folder like any other there.

Each public folder's content lies in some mailbox of its own, and a request for it says in which. Microsoft asks
autodiscover for that mailbox's address and for the one that has the hierarchy; here the GUID that the folder itself
tells is put before the domain, and the hierarchy is asked for as the inbox's own. Neither was tried at Microsoft's.
"""

import base64
import binascii
from dataclasses import replace

from lxml import etree
from typing_extensions import override

from adapters.microsoft.folders import Entry, folded
from migrator.errors import AccountError, Reason
from migrator.model import Path, Place

from .folders import Tree, identity_of
from .troubles import NO_FOLDER, Refusal
from .wire import Wire
from .words import REPLICAS, identified, t

ABOVE = '<t:DistinguishedFolderId Id="publicfoldersroot"/>'


class PublicTree(Tree):
    """All below one public folder. Who asks for a place is routed to the mailbox that has its content."""

    def __init__(self, wire: Wire, owner: str, root: str) -> None:
        super().__init__(wire, owner, delegate=False)
        self._names = tuple(name for name in root.split("/") if name)
        self._domain = owner.rpartition("@")[2]
        self._root = Entry("", ())

    @override
    def find(self, place: Place) -> Entry | None:
        entry = self.entries.get(folded(place.path))
        self._wire.route((entry or self._root).holder)
        return entry

    @override
    def _made(self, path: Path, above: str) -> Entry:
        """The server decides where its content lies."""
        made = super()._made(path, above)
        self.forget()
        return self.entries.get(folded(path), made)

    @override
    def _listed(self) -> dict[Path, Entry]:
        try:
            self._root = self._named()
            self._top = self._root.identity
            return self._all_below(self._root)
        except Refusal as refusal:
            raise refusal.meaning(self._owner) from refusal

    def _named(self) -> Entry:
        """The folder of the given name. Raises AccountError where we see none."""
        above, entry = ABOVE, None
        for name in self._names:
            here = {folded(each.path): each for each in self._children((), above)}
            entry = here.get(folded((name,)))
            if entry is None:
                break
            above = identified("FolderId", entry.identity)
        if entry is None:
            folder = "/".join(self._names)
            raise AccountError(Reason("exchange.no-public-folder", mailbox=self._owner, folder=folder))
        return replace(entry, path=())

    def _all_below(self, top: Entry) -> dict[Path, Entry]:
        """Level by level: the server does not search public folders deep."""
        found: dict[Path, Entry] = {}
        waiting = [top]
        for entry in waiting:
            below = self._children(entry.path, identified("FolderId", entry.identity))
            waiting += below
            found |= {folded(each.path): each for each in below}
        return found

    def _children(self, path: Path, above: str) -> list[Entry]:
        try:
            rows = self._below(above, depth="Shallow", more=REPLICAS.field)
        except Refusal as refusal:
            if refusal.code in NO_FOLDER:
                return []
            raise
        return [self._entry(path, row) for row in rows]

    def _entry(self, path: Path, row: etree._Element) -> Entry:
        name, kind = row.findtext(t("DisplayName")) or "", row.findtext(t("FolderClass")) or ""
        return Entry(identity_of(row), (*path, name), kind, holder=self._holder(row))

    def _holder(self, row: etree._Element) -> str:
        try:
            guid = base64.b64decode(REPLICAS.of(row) or "").rstrip(b"\0").decode("ascii")
        except (binascii.Error, UnicodeDecodeError):
            guid = ""
        return f"{guid}@{self._domain}"
