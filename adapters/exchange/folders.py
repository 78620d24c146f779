"""How an Exchange lists its folders, and makes one."""

from lxml import etree
from typing_extensions import override

from adapters.microsoft.folders import MAIL, ROLES, TOP, Entry, Row, StoreTree, placed
from migrator.model import Path

from .troubles import NO_FOLDER, Refusal
from .wire import Wire
from .words import identified, m, t, text

RESERVED = ("outbox", "calendar", "contacts", "tasks", "notes", "journal")
"""Folders for other things. What lies in the outbox may be sent by somebody's Outlook."""

SEARCH = "search"
"""In the place of a class: the folder shows mail that lies in others."""
PAGE = 1000


class Tree(StoreTree):
    """One mailbox's folders over EWS."""

    def __init__(self, wire: Wire, owner: str, *, delegate: bool) -> None:
        super().__init__()
        self._wire = wire
        self._owner = owner
        self._mailbox = f"<t:Mailbox><t:EmailAddress>{text(owner)}</t:EmailAddress></t:Mailbox>" if delegate else ""

    @override
    def _created(self, path: Path, above: str) -> str | None:
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
            return None
        return identity_of(next(iter(answer)))

    @override
    def _listed(self) -> dict[Path, Entry]:
        try:
            uses = self._uses()
            return placed(uses, map(_row, self._below(identified("FolderId", self._top))))
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
                found[identity_of(next(iter(answer)))] = use
            elif use in (TOP, "inbox"):
                # every mailbox has these: who cannot see them may see nothing there
                raise Refusal("ErrorAccessDenied") if answer.code in NO_FOLDER else answer.refusal
        self._top = next(identity for identity, use in found.items() if use == TOP)
        return found

    def _below(self, top: str, *, depth: str = "Deep", more: str = "") -> list[etree._Element]:
        found: list[etree._Element] = []
        while True:
            answer = self._wire.one(
                f'<m:FindFolder Traversal="{depth}"><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape>'
                "<t:AdditionalProperties>"
                '<t:FieldURI FieldURI="folder:ParentFolderId"/><t:FieldURI FieldURI="folder:FolderClass"/>'
                f'<t:FieldURI FieldURI="folder:DisplayName"/>{more}</t:AdditionalProperties></m:FolderShape>'
                f'<m:IndexedPageFolderView MaxEntriesReturned="{PAGE}" Offset="{len(found)}" BasePoint="Beginning"/>'
                f"<m:ParentFolderIds>{top}</m:ParentFolderIds></m:FindFolder>"
            )
            root = answer.element.find(m("RootFolder"))
            page = [] if root is None else list(root.iterfind(f"{t('Folders')}/*"))
            found += page
            if root is None or not page or root.get("IncludesLastItemInRange") != "false":
                return found


def _row(folder: etree._Element) -> Row:
    parent = folder.find(t("ParentFolderId"))
    above = "" if parent is None else parent.get("Id", "")
    kind = SEARCH if folder.tag == t("SearchFolder") else folder.findtext(t("FolderClass")) or ""
    return Row(identity_of(folder), above, folder.findtext(t("DisplayName")) or "", kind)


def identity_of(folder: etree._Element) -> str:
    found = folder.find(t("FolderId"))
    return "" if found is None else found.get("Id", "")
