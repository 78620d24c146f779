"""Graph's calls on mail folders and messages."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from tests.servers.exchange import properties as prop
from tests.servers.exchange.folders import name_of
from tests.servers.exchange.items import categories, extend, from_mime
from tests.servers.exchange.mime import composed, rebuilt
from tests.servers.exchange.shapes import change_key
from tests.servers.exchange.store import Folder, Item, Refusal
from tests.servers.graph.calls import Call, call
from tests.servers.graph.shapes import holds, key_of, shown_folder, shown_message

PAGE, MOST = 10, 1000
"""Items a page unless $top says otherwise, and what it may say: [graph] api/user-list-messages."""

DRAFT_ONLY = frozenset({"subject", "body", "internetMessageId", "replyTo"})
"""What of a message is updatable only if it is a draft: [graph] api/message-update."""

One = TypeVar("One", Folder, Item)


@call("GET", "mailFolders", "folders")
def list_folders(asked: Call) -> tuple[int, Any]:
    """The folders below the top that people see: [graph] api/user-list-mailfolders"""
    asked.need("Mail.Read", "Mail.ReadWrite")
    return 200, _folders(asked, asked.mailbox.role("msgfolderroot"))


@call("GET", "mailFolders/{folder}/childFolders", "folders")
def list_child_folders(asked: Call) -> tuple[int, Any]:
    """[graph] api/mailfolder-list-childfolders"""
    asked.need("Mail.Read", "Mail.ReadWrite")
    return 200, _folders(asked, asked.folder)


def _folders(asked: Call, above: Folder) -> dict[str, Any]:
    """Folders for mail, hidden ones for those who ask for them: [graph] resources/mailfolder (hidden mail folders)"""
    hidden = asked.said.query.get("includeHiddenFolders") == "true"
    found = [each for each in asked.mailbox.children(above.id) if each.kind.startswith("IPF.Note")]
    return _page(asked, [each for each in found if hidden or not each.hidden], lambda each: shown_folder(asked, each))


@call("GET", "mailFolders/{folder}", "folder")
def get_folder(asked: Call) -> tuple[int, Any]:
    asked.need("Mail.Read", "Mail.ReadWrite")
    return 200, shown_folder(asked, asked.folder)


@call("POST", "mailFolders", "folders")
@call("POST", "mailFolders/{folder}/childFolders", "folders")
def create_folder(asked: Call) -> tuple[int, Any]:
    """[graph] api/user-post-mailfolders, api/mailfolder-post-childfolders"""
    asked.need("Mail.ReadWrite")
    parent = asked.folder if "folder" in asked.names else asked.mailbox.role("msgfolderroot")
    told = asked.said.json()
    made = asked.mailbox.add_folder(name_of(told.get("displayName"), frozenset()), parent.id, "IPF.Note")
    made.hidden = told.get("isHidden") is True
    return 201, shown_folder(asked, made)


@call("PATCH", "mailFolders/{folder}", "folder")
def update_folder(asked: Call) -> tuple[int, Any]:
    asked.need("Mail.ReadWrite")
    folder = asked.folder
    name = name_of(asked.said.json().get("displayName"), frozenset())
    if folder.role:
        raise Refusal("ErrorAccessDenied", "A well-known folder keeps its name.")
    asked.mailbox.free(name, folder.parent, besides=folder.id)
    folder.name = name
    asked.mailbox.touch(folder)
    return 200, shown_folder(asked, folder)


@call("DELETE", "mailFolders/{folder}", "folder")
def delete_folder(asked: Call) -> tuple[int, Any]:
    asked.need("Mail.ReadWrite")
    if asked.folder.role:
        raise Refusal("ErrorDeleteDistinguishedFolder", "Distinguished folders cannot be deleted.")
    asked.mailbox.remove_folder(asked.folder)
    return 204, None


@call("POST", "mailFolders/{folder}/importMime", "importMime", "beta")
def import_mime(asked: Call) -> tuple[int, Any]:
    """A message that is no draft, of MIME in base64 and nothing else, in beta only.

    [graph] api/mailfolder-importmime?view=graph-rest-beta. The page does not say when the message was received, nor
    whether it is read: here it is unread, and received as Graph.received says.
    """
    asked.need("Mail-Advanced.ReadWrite")
    item = from_mime(_mime(asked), asked.folder, asked.grant.user or asked.grant.app)
    item.draft = False
    if asked.graph.received == "date":
        item.received = item.sent
    asked.mailbox.add(item)
    return 201, shown_message(asked, item)


@call("POST", "messages", "messages")
@call("POST", "mailFolders/{folder}/messages", "messages")
def create_message(asked: Call) -> tuple[int, Any]:
    """A draft, of MIME in base64 (text/plain) or of fields (JSON): [graph] api/user-post-messages

    With fields PidTagMessageFlags may come along as an extended property, and makes it none, as in EWS.
    """
    asked.need("Mail.ReadWrite")
    folder = asked.folder if "folder" in asked.names else asked.mailbox.role("drafts")
    creator = asked.grant.user or asked.grant.app
    if asked.said.headers.get("content-type", "").startswith("text/plain"):
        item = from_mime(_mime(asked), folder, creator)
        item.read = True
    else:
        fields = asked.said.json()
        item = from_mime(_composed(fields), folder, creator)
        item.read = True
        _change(asked, item, {name: value for name, value in fields.items() if name not in DRAFT_ONLY}, created=True)
    asked.mailbox.add(item)
    return 201, shown_message(asked, item)


def _mime(asked: Call) -> bytes:
    if not asked.said.headers.get("content-type", "").startswith("text/plain"):
        raise Refusal("BadRequest", "MIME content comes as text/plain.")
    try:
        raw = base64.b64decode(b"".join(asked.said.raw.split()), validate=True)
    except binascii.Error:
        raise Refusal("ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content.") from None
    if not raw:
        raise Refusal("ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content.")
    return raw


def _composed(fields: dict[str, Any]) -> bytes:
    body = fields.get("body", {})
    kind = "html" if str(body.get("contentType", "text")).lower() == "html" else "plain"
    recipients = [each["emailAddress"]["address"] for each in fields.get("toRecipients", ())]
    people = {"To": ", ".join(recipients)} if recipients else {}
    return composed(fields.get("subject", ""), body.get("content", ""), kind, people)


@call("GET", "messages", "messages")
@call("GET", "mailFolders/{folder}/messages", "messages")
def list_messages(asked: Call) -> tuple[int, Any]:
    """[graph] api/user-list-messages"""
    asked.need("Mail.Read", "Mail.ReadWrite")
    items = asked.mailbox.held(asked.folder.id) if "folder" in asked.names else list(asked.mailbox.items.values())
    question = asked.said.query.get("$filter")
    found = [each for each in items if question is None or holds(question, each)]
    name, _, way = asked.said.query.get("$orderby", "receivedDateTime desc").partition(" ")
    by: dict[str, Callable[[Item], Any]] = {
        "receivedDateTime": lambda each: (each.received, each.created),
        "createdDateTime": lambda each: (each.born, each.created),
    }
    found.sort(key=by[name], reverse=way == "desc")
    return 200, _page(asked, found, lambda each: shown_message(asked, each))


@call("GET", "messages/{message}", "message")
@call("GET", "mailFolders/{folder}/messages/{message}", "message")
def get_message(asked: Call) -> tuple[int, Any]:
    asked.need("Mail.Read", "Mail.ReadWrite")
    return 200, shown_message(asked, asked.item)


@call("GET", "messages/{message}/$value", "value")
def get_value(asked: Call) -> tuple[int, Any]:
    """The message as MIME, made anew: [graph] outlook-get-mime-message"""
    asked.need("Mail.Read", "Mail.ReadWrite")
    item = asked.item
    keywords = {"Keywords": ", ".join(item.categories)} if item.categories else {}
    return 200, rebuilt(item.raw, item.sent, twins=asked.graph.twins, extra=keywords)


@call("PATCH", "messages/{message}", "message")
@call("PATCH", "mailFolders/{folder}/messages/{message}", "message")
def update_message(asked: Call) -> tuple[int, Any]:
    """[graph] api/message-update; what a mail says that is no draft takes Mail-Advanced.ReadWrite from 2026-12-31."""
    asked.need("Mail.ReadWrite")
    item, fields = asked.item, asked.said.json()
    if (wanted := asked.said.headers.get("if-match")) and wanted not in ("*", f'W/"{change_key(item)}"'):
        raise Refusal("ErrorIrresolvableConflict", "The change key passed in the request is not the newest.")
    if DRAFT_ONLY & set(fields) and not item.draft:
        if not asked.graph.advanced:
            raise Refusal("ErrorInvalidPropertySet", "The property can be set on drafts only.")
        asked.need("Mail-Advanced.ReadWrite")
    _change(asked, item, fields)
    asked.mailbox.touch(item)
    return 200, shown_message(asked, item)


def _read(asked: Call, item: Item, read: bool) -> None:
    """Whoever marks a mail as read sends the receipt it asks for: no page says that Graph spares anybody that."""
    if read and not item.read and item.read_receipt:
        asked.graph.receipts.append(item.id)
    item.read = read


def _change(asked: Call, item: Item, fields: dict[str, Any], *, created: bool = False) -> None:
    for name, value in fields.items():
        match name:
            case "isRead":
                _read(asked, item, bool(value))
            case "categories":
                item.categories = categories(value)
            case "importance":
                item.importance = str(value).capitalize()
            case "flag":
                _flag(item, value)
            case "isReadReceiptRequested":
                item.read_receipt = bool(value)
            case "singleValueExtendedProperties":
                for each in value:
                    _extend(item, each, created=created)
            case "subject":
                item.subject = str(value)
            case "isDeliveryReceiptRequested":
                item.delivery_receipt = bool(value)
            case "inferenceClassification":
                pass
            case _ if not created:
                raise Refusal("ErrorInvalidPropertySet", f"The property {name} cannot be set.")


def _flag(item: Item, value: dict[str, Any]) -> None:
    status = {"notFlagged": "0", "complete": "1", "flagged": "2"}[value["flagStatus"]]
    item.properties[prop.FLAG_STATUS] = prop.Property(prop.FLAG_STATUS, "Integer", (status,))


def _extend(item: Item, given: dict[str, str], *, created: bool) -> None:
    """[graph] api/singlevaluelegacyextendedproperty-post-singlevalueextendedproperties"""
    kind, key = key_of(given["id"])
    try:
        extend(item, prop.made(key, kind, [str(given["value"])]), created=created)
    except ValueError as wrong:
        raise Refusal("ErrorInvalidExtendedPropertyValue", str(wrong)) from wrong


@call("POST", "messages/{message}/move", "move")
def move_message(asked: Call) -> tuple[int, Any]:
    """It has another id afterwards: [graph] api/message-move, outlook-immutable-id"""
    asked.need("Mail.ReadWrite")
    item = asked.item
    asked.names["folder"] = str(asked.said.json().get("destinationId"))
    asked.mailbox.move(item, asked.mailbox, asked.folder.id)
    return 201, shown_message(asked, item)


@call("DELETE", "messages/{message}", "message")
@call("DELETE", "mailFolders/{folder}/messages/{message}", "message")
def delete_message(asked: Call) -> tuple[int, Any]:
    """Into the recoverable items: [graph] api/message-delete"""
    asked.need("Mail.ReadWrite")
    asked.mailbox.move(asked.item, asked.mailbox, asked.mailbox.role("recoverableitemsdeletions").id)
    return 204, None


def _page(asked: Call, found: Sequence[One], shown: Callable[[One], dict[str, Any]]) -> dict[str, Any]:
    """A page, and the URL of the next one: [graph] paging"""
    query = dict(asked.said.query)
    size, start = int(query.get("$top", PAGE)), int(query.get("$skip", 0))
    if not 1 <= size <= MOST:
        raise Refusal("BadRequest", f"$top is from 1 to {MOST}.")
    page: dict[str, Any] = {"value": [shown(each) for each in found[start : start + size]]}
    if query.get("$count") == "true":
        page["@odata.count"] = len(found)
    if start + size < len(found):
        rest = urlencode(query | {"$skip": str(start + size)})
        page["@odata.nextLink"] = f"{asked.graph.origin}/{asked.said.version}/{quote(asked.said.path)}?{rest}"
    return page
