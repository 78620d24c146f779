"""Operations on folders.

[services] folders-and-items-in-ews-in-exchange
"""

from tests.servers.exchange import properties as prop
from tests.servers.exchange.calls import Call, operation
from tests.servers.exchange.rights import granted
from tests.servers.exchange.shapes import Shape, folder_id, shown_folder
from tests.servers.exchange.store import Folder, Mailbox, Refusal
from tests.servers.exchange.xml import MESSAGES, TYPES, Element, local, m, t, truth, within

NAME = 256
"""Characters of a folder's name at most ([MS-ASCMD] 2.2.3.47.2; no page says it of EWS)."""


def name_of(given: str | None, illegal: frozenset[str]) -> str:
    """A folder's name, if it can be one: [reference] responsecode (ErrorFolderSavePropertyError).

    All characters that XML has may be in it: https://learn.microsoft.com/previous-versions/office/developer/
    exchange-server-2007/aa493942(v=exchg.80). `illegal` are those a test forbids nevertheless.
    """
    name = given or ""
    if not name.strip() or len(name) > NAME or set(name) & illegal:
        raise Refusal(
            "ErrorFolderSavePropertyError", "The folder save operation failed due to invalid property values."
        )
    return name


def _shown(call: Call, mailbox: Mailbox, folder: Folder, shape: Shape) -> Element:
    holder = call.exchange.public_mailbox if mailbox.public else None
    return shown_folder(mailbox, folder, shape, rights=call.rights(mailbox, folder), holder=holder)


@operation("GetFolder", each="FolderIds", content=True, empty="Folders")
def get_folder(call: Call, given: Element) -> list[Element]:
    mailbox, folder = call.folder(given)
    return [m("Folders", _shown(call, mailbox, folder, Shape.of(call.body.find(f"{MESSAGES}FolderShape"))))]


@operation("FindFolder", each="ParentFolderIds")
def find_folder(call: Call, given: Element) -> list[Element]:
    """The folders below one, of which the caller sees those he may; in public folders one level at a time.

    [services] public-folder-access-with-ews-in-exchange
    """
    mailbox, top = call.folder(given)
    deep = call.body.get("Traversal") == "Deep"
    if deep and mailbox.public:
        raise Refusal("ErrorInvalidOperation", "Public folders are not searched deep.")
    found = mailbox.below(top.id) if deep else mailbox.children(top.id)
    seen = [each for each in found if call.rights(mailbox, each).visible]
    view = call.body.find(f"{MESSAGES}IndexedPageFolderView")
    start = int(view.get("Offset", 0)) if view is not None else 0
    most = int(view.get("MaxEntriesReturned") or len(seen)) if view is not None else len(seen)
    page = seen[start : start + most]
    shape = Shape.of(call.body.find(f"{MESSAGES}FolderShape"))
    root = m(
        "RootFolder",
        t("Folders", *(_shown(call, mailbox, each, shape) for each in page)),
        IndexedPagingOffset=start + len(page),
        TotalItemsInView=len(seen),
        IncludesLastItemInRange=start + len(page) >= len(seen),
    )
    return [root]


@operation("CreateFolder", each="Folders", empty="Folders")
def create_folder(call: Call, given: Element) -> list[Element]:
    target = call.body.find(f"{MESSAGES}ParentFolderId")
    assert target is not None
    mailbox, parent = call.folder(target[0])
    call.need(call.rights(mailbox, parent).subfolders)
    name = name_of(given.findtext(f"{TYPES}DisplayName"), call.exchange.illegal)
    kind = given.findtext(f"{TYPES}FolderClass") or parent.kind
    made = mailbox.add_folder(name, parent.id, kind)
    _set(call, made, given)
    return [m("Folders", t(local(given), folder_id(made)))]


@operation("UpdateFolder", each="FolderChanges", empty="Folders")
def update_folder(call: Call, given: Element) -> list[Element]:
    """[reference] updatefolder-operation; the change key is required: responsecode
    (ErrorChangeKeyRequiredForWriteOperations).
    """
    mailbox, folder = call.folder(given[0])
    call.need(call.rights(mailbox, folder).owner)
    if not given[0].get("ChangeKey") and local(given[0]) == "FolderId":
        raise Refusal("ErrorChangeKeyRequiredForWriteOperations", "This operation needs a change key.")
    for update in within(given, f"{TYPES}Updates"):
        if local(update) == "SetFolderField":
            _rename(call, mailbox, folder, update[1])
            _set(call, folder, update[1])
        elif local(update) == "DeleteFolderField" and prop.is_extended(update[0]):
            folder.properties.pop(prop.key_of(update[0]), None)
        else:
            raise Refusal("ErrorInvalidPropertyDelete", f"{local(update)} is not possible here.")
    mailbox.touch(folder)
    return [m("Folders", t(local(shown_folder(mailbox, folder, Shape.of(None))), folder_id(folder)))]


def _rename(call: Call, mailbox: Mailbox, folder: Folder, given: Element) -> None:
    if (name := given.findtext(f"{TYPES}DisplayName")) is not None:
        if folder.role:
            raise Refusal("ErrorAccessDenied", "A distinguished folder keeps its name.")
        mailbox.free(name_of(name, call.exchange.illegal), folder.parent, besides=folder.id)
        folder.name = name


def _set(call: Call, folder: Folder, given: Element) -> None:
    """Take over extended properties, class and permissions. A PermissionSet replaces the whole of the old one, and
    names only whom the directory knows.

    [services] how-to-set-folder-permissions-for-another-user-by-using-ews-in-exchange, [reference] responsecode
    (ErrorInvalidUserInfo)
    """
    for each in given.iterfind(f"{TYPES}ExtendedProperty"):
        one = prop.parsed(each)
        folder.properties[one.key] = one
    if (kind := given.findtext(f"{TYPES}FolderClass")) is not None:
        folder.kind = kind
    if (asked := given.find(f"{TYPES}PermissionSet")) is not None:
        try:
            rights = dict(granted(each) for each in asked[0])
        except ValueError as mixed:
            raise Refusal("ErrorInvalidPermissionSettings", str(mixed)) from mixed
        if len(rights) < len(asked[0]):
            raise Refusal("ErrorDuplicateUserIdsSpecified", "A user is there twice.")
        if unknown := set(rights) - set(call.store.mailboxes) - {"Default", "Anonymous"}:
            raise Refusal("ErrorInvalidUserInfo", f"Nobody is called {min(unknown)}.")
        folder.rights = {name: folder.rights[name] for name in ("Default", "Anonymous")} | rights


@operation("DeleteFolder", each="FolderIds")
def delete_folder(call: Call, given: Element) -> list[Element]:
    """Distinguished folders cannot be deleted.

    [services] handling-deletion-related-errors-in-ews-in-exchange
    """
    mailbox, folder = call.folder(given)
    call.need(call.rights(mailbox, folder).owner)
    if folder.role:
        raise Refusal("ErrorDeleteDistinguishedFolder", "A distinguished folder cannot be deleted.")
    if call.body.get("DeleteType") == "MoveToDeletedItems" and not mailbox.public:
        bin_ = mailbox.role("deleteditems")
        mailbox.free(folder.name, bin_.id)
        folder.parent = bin_.id
        mailbox.touch(folder)
    elif call.exchange.full_folders_stay and (mailbox.held(folder.id) or mailbox.children(folder.id)):
        raise Refusal("ErrorCannotDeleteObject", "The folder is not empty.")
    else:
        mailbox.remove_folder(folder)
    return []


@operation("EmptyFolder", each="FolderIds")
def empty_folder(call: Call, given: Element) -> list[Element]:
    """Not in public folders.

    [services] public-folder-access-with-ews-in-exchange
    """
    mailbox, folder = call.folder(given)
    if mailbox.public:
        raise Refusal("ErrorInvalidOperation", "EmptyFolder is not for public folders.")
    call.need(call.rights(mailbox, folder).delete == "All")
    for item in mailbox.held(folder.id):
        if call.body.get("DeleteType") == "MoveToDeletedItems":
            mailbox.move(item, mailbox, mailbox.role("deleteditems").id)
        else:
            mailbox.remove(item)
    if truth(call.body.get("DeleteSubFolders")):
        for each in mailbox.children(folder.id):
            mailbox.remove_folder(each)
    return []


@operation("MoveFolder", each="FolderIds", empty="Folders")
def move_folder(call: Call, given: Element) -> list[Element]:
    target = call.body.find(f"{MESSAGES}ToFolderId")
    assert target is not None
    mailbox, folder = call.folder(given)
    home, parent = call.folder(target[0])
    call.need(call.rights(mailbox, folder).owner and call.rights(home, parent).subfolders)
    if folder.role:
        raise Refusal("ErrorMoveDistinguishedFolder", "A distinguished folder cannot be moved.")
    if home is not mailbox or parent in [folder, *mailbox.below(folder.id)]:
        raise Refusal("ErrorMoveCopyFailed", "The folder cannot be moved there.")
    mailbox.free(folder.name, parent.id)
    folder.parent = parent.id
    mailbox.touch(folder)
    return [m("Folders", t("Folder", folder_id(folder)))]
