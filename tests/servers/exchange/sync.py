"""What changed since: SyncFolderItems and SyncFolderHierarchy. A sync state is the number of the last change told.

[services] mailbox-synchronization-and-ews-in-exchange
"""

import base64
import binascii
from collections.abc import Iterable

from tests.servers.exchange.calls import Call, operation
from tests.servers.exchange.shapes import Shape, element_of, folder_id, item_id, shown_folder, shown_item
from tests.servers.exchange.store import Folder, Item, Mailbox, Refusal, Removal
from tests.servers.exchange.xml import MESSAGES, Element, m, t

Change = Item | Folder | Removal

MOST = 512
"""[reference] maxchangesreturned"""


@operation("SyncFolderItems", content=True)
def sync_folder_items(call: Call, body: Element) -> list[Element]:
    """Changes of a folder's items, at most 512 an answer."""
    mailbox, folder = _whose(call, body)
    call.need(call.rights(mailbox, folder).read)
    since = _since(body)
    most = int(body.findtext(f"{MESSAGES}MaxChangesReturned") or MOST)
    gone = (each for each in mailbox.removals if each.folder == folder.id and not each.is_folder)
    changes = _after(since, mailbox.held(folder.id), gone)
    told = changes[:most]
    shape = Shape.of(body.find(f"{MESSAGES}ItemShape"))
    return [
        m("SyncState", _state(told[-1].change if told else since)),
        m("IncludesLastItemInRange", len(told) == len(changes)),
        m("Changes", *(_item_change(each, since, shape) for each in told)),
    ]


@operation("SyncFolderHierarchy")
def sync_folder_hierarchy(call: Call, body: Element) -> list[Element]:
    """Changes of the folders below one, but not of public folders.

    [services] public-folder-access-with-ews-in-exchange
    """
    mailbox, top = _whose(call, body)
    if mailbox.public:
        raise Refusal("ErrorInvalidOperation", "The tree of public folders cannot be synchronised.")
    since = _since(body)
    gone = (each for each in mailbox.removals if each.is_folder)
    changes = _after(since, mailbox.below(top.id), gone)
    shape = Shape.of(body.find(f"{MESSAGES}FolderShape"))
    return [
        m("SyncState", _state(changes[-1].change if changes else since)),
        m("IncludesLastFolderInRange", True),
        m("Changes", *(_folder_change(mailbox, each, since, shape) for each in changes)),
    ]


def _whose(call: Call, body: Element) -> tuple[Mailbox, Folder]:
    given = body.find(f"{MESSAGES}SyncFolderId")
    return call.folder(given[0] if given is not None else t("DistinguishedFolderId", Id="msgfolderroot"))


def _since(body: Element) -> int:
    state = body.findtext(f"{MESSAGES}SyncState")
    try:
        return int(base64.b64decode(state, validate=True).removeprefix(b"change ")) if state else 0
    except (binascii.Error, ValueError):
        raise Refusal("ErrorInvalidSyncStateData", "Synchronization state data is corrupt.") from None


def _state(change: int) -> str:
    return base64.b64encode(b"change %d" % change).decode("ascii")


def _after(since: int, there: Iterable[Item | Folder], gone: Iterable[Removal]) -> list[Change]:
    return sorted((each for each in (*there, *gone) if each.change > since), key=lambda each: each.change)


def _item_change(change: Change, since: int, shape: Shape) -> Element:
    if isinstance(change, Removal):
        return t("Delete", t("ItemId", Id=change.id))
    assert isinstance(change, Item)
    if change.altered <= since:
        # [reference] readflagchange
        return t("ReadFlagChange", item_id(change), t("IsRead", change.read))
    shown = shown_item(change, shape) if shape.fields or shape.extended else t(element_of(change), item_id(change))
    return t("Create" if change.created > since else "Update", shown)


def _folder_change(mailbox: Mailbox, change: Change, since: int, shape: Shape) -> Element:
    if isinstance(change, Removal):
        return t("Delete", t("FolderId", Id=change.id))
    assert isinstance(change, Folder)
    shown = shown_folder(mailbox, change, shape) if shape.fields or shape.extended else t("Folder", folder_id(change))
    return t("Create" if change.created > since else "Update", shown)
