"""What the server holds: mailboxes with folders and items, and public folders. A test may look at all of it."""

import base64
import hashlib
import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from tests.servers.exchange.mime import Facts
from tests.servers.exchange.properties import Key, Property, now
from tests.servers.exchange.rights import ALL, LEVELS, Rights

NAMES = {
    "root": ("Root", "Root"),
    "msgfolderroot": ("Top of Information Store", "インフォメーション ストアの先頭"),
    "inbox": ("Inbox", "受信トレイ"),
    "sentitems": ("Sent Items", "送信済みアイテム"),
    "drafts": ("Drafts", "下書き"),
    "deleteditems": ("Deleted Items", "削除済みアイテム"),
    "junkemail": ("Junk Email", "迷惑メール"),
    "outbox": ("Outbox", "送信トレイ"),
    "calendar": ("Calendar", "予定表"),
    "contacts": ("Contacts", "連絡先"),
    "tasks": ("Tasks", "タスク"),
    "recoverableitemsroot": ("Recoverable Items", "Recoverable Items"),
    "recoverableitemsdeletions": ("Deletions", "Deletions"),
}
"""Folders by role, with their names in English and as a Japanese Outlook names them at the first login."""

OUTSIDE = {"root": None, "msgfolderroot": "root", "recoverableitemsroot": "root"}
CLASSES = {"calendar": "IPF.Appointment", "contacts": "IPF.Contact", "tasks": "IPF.Task"}


class Refusal(Exception):  # noqa: N818
    """The server will not: a response code, words, and values for the answer's MessageXml."""

    def __init__(self, code: str, words: str = "", **values: str) -> None:
        super().__init__(code)
        self.code = code
        self.words = words or code
        self.values = values


@dataclass
class Folder:
    """A folder; `role` is its distinguished id, if it has one."""

    id: str
    parent: str | None
    name: str
    kind: str
    role: str | None = None
    rights: dict[str, Rights] = field(default_factory=lambda: {"Default": LEVELS["None"], "Anonymous": LEVELS["None"]})
    properties: dict[Key, Property] = field(default_factory=dict)
    change: int = 0
    created: int = 0
    hidden: bool = False
    """Not shown by clients; Graph lists such folders on request only."""


@dataclass
class Item:
    """A mail: the bytes it was made from, what the server read off them, and what clients said of it."""

    id: str
    folder: str
    raw: bytes
    facts: Facts
    creator: str
    received: datetime
    sent: datetime
    draft: bool
    read: bool = False
    categories: tuple[str, ...] = ()
    importance: str = "Normal"
    sensitivity: str = "Normal"
    read_receipt: bool = False
    """Whether its sender wants to be told when it is read."""
    delivery_receipt: bool = False
    from_me: bool = False
    subject: str = ""
    kind: str = "IPM.Note"
    properties: dict[Key, Property] = field(default_factory=dict)
    born: datetime = field(default_factory=now)
    modified: datetime = field(default_factory=now)
    change: int = 0
    altered: int = 0
    """The last change to more than whether it is read."""
    created: int = 0
    lasting: str = ""
    """An id that stays when the item is moved; Graph knows it."""

    @property
    def size(self) -> int:
        return len(self.raw)


@dataclass(frozen=True)
class Removal:
    """That something was in a folder until a change."""

    change: int
    folder: str
    id: str
    is_folder: bool


class Mailbox:
    """The folders and items of one owner. `quota` is in bytes, `full_access` names who may act as the owner."""

    def __init__(self, owner: str, counter: Iterator[int], *, language: str = "en", public: bool = False) -> None:
        self.owner = owner
        self.public = public
        self.quota: int | None = None
        self.full_access: set[str] = set()
        self.delegates: dict[str, dict[str, str]] = {}
        self.meeting_requests = "DelegatesAndMe"
        self.folders: dict[str, Folder] = {}
        self.items: dict[str, Item] = {}
        self.removals: list[Removal] = []
        self._counter = counter
        if public:
            root = self.add_folder("IPM_SUBTREE", None, "IPF.Note", "publicfoldersroot")
            root.rights["Default"] = LEVELS["PublishingAuthor"]
            return
        for role, names in NAMES.items():
            parent = OUTSIDE.get(role, "recoverableitemsroot" if role.startswith("recoverable") else "msgfolderroot")
            above = self.role(parent).id if parent else None
            self.add_folder(names[language == "ja"], above, CLASSES.get(role, "IPF.Note"), role)

    def next(self) -> int:
        return next(self._counter)

    def add_folder(self, name: str, parent: str | None, kind: str, role: str | None = None) -> Folder:
        """A new folder; its name is new among its siblings, whatever the case of its letters.

        [reference] responsecode (ErrorFolderExists)
        """
        self.free(name, parent)
        change = self.next()
        made = Folder(_identity("folder", change), parent, name, kind, role, change=change, created=change)
        if parent and self.folders[parent].role not in ("root", "msgfolderroot"):
            made.rights = dict(self.folders[parent].rights)
        self.folders[made.id] = made
        return made

    def free(self, name: str, parent: str | None, besides: str = "") -> None:
        for other in self.children(parent):
            if other.id != besides and other.name.casefold() == name.casefold():
                raise Refusal("ErrorFolderExists", "A folder with the specified name already exists.")

    def children(self, parent: str | None) -> list[Folder]:
        return [each for each in self.folders.values() if each.parent == parent and parent]

    def below(self, top: str) -> list[Folder]:
        """All folders below one, parents first."""
        found = self.children(top)
        for each in found:
            found.extend(self.children(each.id))
        return found

    def role(self, role: str) -> Folder:
        for each in self.folders.values():
            if each.role == role:
                return each
        raise Refusal("ErrorFolderNotFound", "The specified folder could not be found in the store.")

    def folder(self, *path: str) -> Folder:
        """The folder at a path of names below the top that people see; for tests. KeyError where there is none."""
        at = self.role("publicfoldersroot" if self.public else "msgfolderroot")
        for name in path:
            at = {each.name: each for each in self.children(at.id)}[name]
        return at

    def held(self, folder: str) -> list[Item]:
        """The items of a folder, oldest change last."""
        return [each for each in self.items.values() if each.folder == folder]

    def touch(self, one: Item | Folder, *, only_read: bool = False) -> None:
        one.change = self.next()
        if isinstance(one, Item):
            one.modified = now()
            one.altered = one.altered if only_read else one.change

    def add(self, item: Item) -> None:
        if self.quota is not None and sum(each.size for each in self.items.values()) + item.size > self.quota:
            raise Refusal("ErrorQuotaExceeded", "The mailbox has reached its quota.")
        item.change = item.altered = item.created = self.next()
        item.id = _identity("item", item.change)
        item.lasting = item.lasting or _identity("lasting", item.change)
        self.items[item.id] = item

    def remove(self, item: Item) -> None:
        del self.items[item.id]
        self.removals.append(Removal(self.next(), item.folder, item.id, False))

    def move(self, item: Item, to: "Mailbox", folder: str) -> None:
        """A moved item has another id: [services] ews-identifiers-in-exchange"""
        self.remove(item)
        item.folder = folder
        to.add(item)

    def remove_folder(self, folder: Folder) -> None:
        for each in [*self.below(folder.id), folder]:
            for item in self.held(each.id):
                self.remove(item)
            del self.folders[each.id]
            self.removals.append(Removal(self.next(), str(each.parent), each.id, True))

    def is_owner(self, caller: str) -> bool:
        """Whether somebody may act as the owner does."""
        return caller == self.owner or caller in self.full_access

    def rights(self, caller: str, folder: Folder) -> Rights:
        if self.is_owner(caller):
            return ALL
        return folder.rights.get(caller, folder.rights["Default"])


class Store:
    """All mailboxes by their owner's address, and the public folders of the organisation."""

    def __init__(self, owners: Iterator[str] | tuple[str, ...], *, language: str = "en") -> None:
        self.lock = threading.RLock()
        self._counter = itertools.count(1)
        self.mailboxes = {each: Mailbox(each, self._counter, language=language) for each in owners}
        self.public = Mailbox("public folders", self._counter, public=True)

    def __getitem__(self, owner: str) -> Mailbox:
        try:
            return self.mailboxes[owner.lower()]
        except KeyError:
            words = "The SMTP address has no mailbox associated with it."
            raise Refusal("ErrorNonExistentMailbox", words) from None

    def everywhere(self) -> Iterator[Mailbox]:
        yield from self.mailboxes.values()
        yield self.public

    def folder(self, identity: str) -> tuple[Mailbox, Folder]:
        for mailbox in self.everywhere():
            if identity in mailbox.folders:
                return mailbox, mailbox.folders[identity]
        raise Refusal("ErrorFolderNotFound", "The specified folder could not be found in the store.")

    def item(self, identity: str) -> tuple[Mailbox, Item]:
        for mailbox in self.everywhere():
            if identity in mailbox.items:
                return mailbox, mailbox.items[identity]
        raise Refusal("ErrorItemNotFound", "The specified object was not found in the store.")


def _identity(kind: str, number: int) -> str:
    """As long and as ugly as a real one, with + and / in it, and the same in every run."""
    return base64.b64encode(b"\0\1" + hashlib.sha512(f"{kind} {number}".encode()).digest()).decode()
