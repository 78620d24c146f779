"""Operations on items, and the rules by which a mail becomes one."""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC

from tests.servers.exchange import properties as prop
from tests.servers.exchange.calls import Call, operation
from tests.servers.exchange.mime import composed, facts, readable
from tests.servers.exchange.shapes import Shape, change_key, element_of, item_id, shown_item
from tests.servers.exchange.store import Folder, Item, Mailbox, Refusal
from tests.servers.exchange.xml import MESSAGES, TYPES, Element, local, m, t, truth, within

IMPORTANCE = ("Low", "Normal", "High")
LONGEST = 255
"""Characters of a category."""
SENSITIVITY = ("Normal", "Personal", "Private", "Confidential")


@dataclass(frozen=True)
class ReadReceipt:
    """A receipt that left the server because an item was marked as read or deleted unread."""

    mailbox: str
    item: str
    subject: str


@operation("CreateItem", each="Items", content=True, empty="Items")
def create_item(call: Call, given: Element) -> list[Element]:
    """Keep a mail in a folder; sending is not for this server.

    [services] how-to-import-items-by-using-ews-in-exchange
    """
    if call.body.get("MessageDisposition") != "SaveOnly":
        raise Refusal("ErrorSendAsDenied", "This server sends nothing.")
    target = call.body.find(f"{MESSAGES}SavedItemFolderId")
    mailbox, folder = call.folder(target[0] if target is not None else t("DistinguishedFolderId", Id="drafts"))
    call.need(call.rights(mailbox, folder).create)
    item = _made(call, given, folder)
    mailbox.add(item)
    return [m("Items", t(local(given), item_id(item)))]


def _made(call: Call, given: Element, folder: Folder) -> Item:
    """An item of a mail and what is said beside it.

    It is a draft unless PidTagMessageFlags (0x0E07) is given now; it was received now unless PidTagMessageDeliveryTime
    (0x0E06) is given: [services] how-to-import-items-by-using-ews-in-exchange.
    """
    is_post = local(given) == "PostItem"
    item = from_mime(_mime(call, given), folder, call.caller)
    item.kind = given.findtext(f"{TYPES}ItemClass") or ("IPM.Post" if is_post else "IPM.Note")
    item.draft = not is_post
    for field in given:
        _set(item, field, created=True)
    return item


def from_mime(raw: bytes, folder: Folder, creator: str) -> Item:
    """A draft that was received now, with the properties that can be read off a mail; keywords are categories.

    [MS-OXCMAIL] 2.2 (MIME to mail object)
    """
    read_off = facts(raw)
    moment = prop.now()
    keywords = readable(read_off.first("Keywords") or "").split(",")
    return Item(
        id="",
        folder=folder.id,
        raw=raw,
        facts=read_off,
        creator=creator,
        received=moment,
        sent=(read_off.date or moment).astimezone(UTC),
        draft=True,
        subject=read_off.subject,
        categories=categories(each for each in keywords if len(each) <= LONGEST),
        importance=_from_header(read_off.first("Importance"), IMPORTANCE),
        sensitivity=_from_header(read_off.first("Sensitivity"), SENSITIVITY),
        read_receipt=read_off.first("Disposition-Notification-To") is not None,
        delivery_receipt=read_off.first("Return-Receipt-To") is not None,
    )


def _mime(call: Call, given: Element) -> bytes:
    content = given.findtext(f"{TYPES}MimeContent")
    if content is None:
        return _composed(given)
    try:
        raw = base64.b64decode(content, validate=False)
    except binascii.Error:
        raise Refusal("ErrorMimeContentInvalidBase64String", "The MIME content is not base64.") from None
    if call.exchange.item_bytes is not None and len(raw) > call.exchange.item_bytes:
        raise Refusal("ErrorMessageSizeExceeded", "The message exceeds the maximum supported size.")
    return raw


def _composed(given: Element) -> bytes:
    body = given.find(f"{TYPES}Body")
    kind = "plain" if body is None or body.get("BodyType") == "Text" else "html"
    fields = {"From": "From", "To": "ToRecipients", "Cc": "CcRecipients"}
    people = {
        name: ", ".join(each.text or "" for each in given.iterfind(f"{TYPES}{field}//{TYPES}EmailAddress"))
        for name, field in fields.items()
        if given.find(f"{TYPES}{field}") is not None
    }
    return composed(
        given.findtext(f"{TYPES}Subject") or "", (body.text if body is not None else "") or "", kind, people
    )


def _from_header(value: str | None, known: tuple[str, ...]) -> str:
    said = (value or "").strip().lower().removeprefix("company-")
    return next((each for each in known if each.lower() == said), "Normal")


def _set(item: Item, field: Element, *, created: bool = False) -> None:
    """Take over a field or an extended property."""
    value = field.text or ""
    match local(field):
        case "IsRead":
            item.read = truth(value)
        case "Categories":
            item.categories = categories(each.text or "" for each in field)
        case "Importance":
            item.importance = value
        case "Sensitivity":
            item.sensitivity = value
        case "Subject":
            item.subject = value
        case "IsReadReceiptRequested":
            item.read_receipt = truth(value)
        case "IsDeliveryReceiptRequested":
            item.delivery_receipt = truth(value)
        case "Flag":
            _flag(item, field)
        case "ExtendedProperty":
            _extend(item, field, created=created)
        case "MimeContent" | "ItemClass":
            pass  # read before, and fixed from then on
        case _ if created:
            pass  # recipients, body and the like: this server takes a mail from its MIME
        case name:
            raise Refusal("ErrorInvalidPropertySet", f"{name} cannot be set.")


def _flag(item: Item, field: Element) -> None:
    """The dates that a status may not have beside it, and those that come in pairs: [MS-OXWSCORE] 2.2.4.23."""
    status, dates = field[0].text or "", {local(each) for each in field[1:]}
    allowed = {
        "NotFlagged": [set()],
        "Complete": [set(), {"CompleteDate"}],
        "Flagged": [set(), {"StartDate", "DueDate"}],
    }
    if dates not in allowed[status]:
        raise Refusal("ErrorInvalidArgument", f"{status} does not go with {', '.join(sorted(dates))}.")
    number = {"NotFlagged": "0", "Complete": "1", "Flagged": "2"}[status]
    item.properties[prop.FLAG_STATUS] = prop.Property(prop.FLAG_STATUS, "Integer", (number,))


def _extend(item: Item, field: Element, *, created: bool) -> None:
    try:
        one = prop.parsed(field)
    except ValueError as wrong:
        raise Refusal("ErrorInvalidExtendedPropertyValue", str(wrong)) from wrong
    extend(item, one, created=created)


def extend(item: Item, one: prop.Property, *, created: bool = False) -> None:
    """Set an extended property, also where the server keeps it elsewhere.

    Whether an item is a draft is settled at its creation: UNSENT in PidTagMessageFlags is ignored afterwards, without a
    word ([MS-OXCMSG] 2.2.1.6: read-only after the first save but for the bit READ).
    """
    match one.key:
        case prop.FLAGS:
            bits = int(one.value)
            item.read = bool(bits & prop.READ)
            if created:
                item.draft = bool(bits & prop.UNSENT)
                item.from_me = bool(bits & prop.FROM_ME)
        case prop.DELIVERED:
            item.received = prop.instant(one.value)
        case prop.SUBMITTED:
            item.sent = prop.instant(one.value)
        case prop.IMPORTANCE:
            item.importance = IMPORTANCE[int(one.value)]
        case prop.SENSITIVITY:
            item.sensitivity = SENSITIVITY[int(one.value)]
        case prop.READ_RECEIPT:
            item.read_receipt = truth(one.value)
        case prop.SUBJECT:
            item.subject = one.value
        case (group, "Keywords") if group == prop.SETS["PublicStrings"]:
            item.categories = categories(one.values)
        case _:
            item.properties[one.key] = one


def categories(names: Iterable[str]) -> tuple[str, ...]:
    """Categories as they end up: a comma parts two, as it does for Outlook, and a name has less than 256 characters.

    https://learn.microsoft.com/office/vba/api/outlook.mailitem.categories, [MS-OXCMSG] 2.2.1.17 (LONGEST)
    """
    single = [each.strip() for name in names for each in name.split(",")]
    if any(len(each) > LONGEST for each in single):
        raise Refusal("ErrorInvalidValueForProperty", "A category is too long.")
    return tuple(dict.fromkeys(each for each in single if each))


@operation("GetItem", each="ItemIds", content=True, empty="Items")
def get_item(call: Call, given: Element) -> list[Element]:
    _, item = call.item(given)
    shape = Shape.of(call.body.find(f"{MESSAGES}ItemShape"))
    return [m("Items", shown_item(item, shape, twins=call.exchange.twins))]


@operation("UpdateItem", each="ItemChanges", content=True, empty="Items")
def update_item(call: Call, given: Element) -> list[Element]:
    """Change fields of an item; with NeverOverwrite only if nobody else did meanwhile.

    [reference] updateitem (ConflictResolution); the change key is required: responsecode
    (ErrorChangeKeyRequiredForWriteOperations, ErrorIrresolvableConflict).
    """
    mailbox, item = call.item(given[0])
    rights = call.rights(mailbox, mailbox.folders[item.folder])
    call.need(call.may_change(mailbox, item, rights.edit))
    _current(item, given[0], call.body.get("ConflictResolution", ""))
    was_read, updates = item.read, within(given, f"{TYPES}Updates")
    for update in updates:
        if local(update) == "SetItemField":
            _set(item, update[1][0])
        elif local(update) == "DeleteItemField":
            _unset(item, update[0])
        else:
            raise Refusal("ErrorInvalidPropertyAppend", "Nothing can be appended here.")
    mailbox.touch(item, only_read=all(each[0].get("FieldURI") == "message:IsRead" for each in updates))
    if item.read and not was_read:
        _receipt(call, mailbox, item)
    return [m("Items", t(element_of(item), item_id(item))), m("ConflictResults", t("Count", 0))]


def _current(item: Item, given: Element, resolution: str) -> None:
    said = given.get("ChangeKey")
    if not said:
        raise Refusal("ErrorChangeKeyRequiredForWriteOperations", "This operation needs a change key.")
    if resolution == "NeverOverwrite" and said != change_key(item):
        raise Refusal("ErrorIrresolvableConflict", "The item was changed meanwhile: its change key is another.")


def _unset(item: Item, path: Element) -> None:
    if prop.is_extended(path):
        item.properties.pop(prop.key_of(path), None)
        return
    match path.get("FieldURI"):
        case "item:Categories":
            item.categories = ()
        case "item:Flag":
            item.properties.pop(prop.FLAG_STATUS, None)
        case name:
            raise Refusal("ErrorInvalidPropertyDelete", f"{name} cannot be deleted.")


def _receipt(call: Call, mailbox: Mailbox, item: Item) -> None:
    """A read receipt leaves unless it is suppressed; it is asked for once.

    [reference] updateitem (SuppressReadReceipts)
    """
    if item.read_receipt and not item.draft and not truth(call.body.get("SuppressReadReceipts")):
        call.exchange.receipts.append(ReadReceipt(mailbox.owner, item.id, item.subject))
    item.read_receipt = False


@operation("DeleteItem", each="ItemIds", content=True)
def delete_item(call: Call, given: Element) -> list[Element]:
    """[reference] deleteitem (SuppressReadReceipts), deleteitem-operation: delegates do not delete by moving."""
    mailbox, item = call.item(given)
    rights = call.rights(mailbox, mailbox.folders[item.folder])
    call.need(call.may_change(mailbox, item, rights.delete))
    kind = call.body.get("DeleteType")
    if kind == "MoveToDeletedItems" and not mailbox.is_owner(call.caller):
        raise Refusal("ErrorCannotDeleteObject", "Delegates move an item to Deleted Items by MoveItem.")
    if not item.read:
        _receipt(call, mailbox, item)
    if kind == "HardDelete" or mailbox.public:
        mailbox.remove(item)
    else:
        soft = kind == "SoftDelete"
        mailbox.move(item, mailbox, mailbox.role("recoverableitemsdeletions" if soft else "deleteditems").id)
    return []


@operation("MoveItem", each="ItemIds", content=True, empty="Items")
def move_item(call: Call, given: Element) -> list[Element]:
    target = call.body.find(f"{MESSAGES}ToFolderId")
    assert target is not None
    mailbox, item = call.item(given)
    home, folder = call.folder(target[0])
    rights = call.rights(mailbox, mailbox.folders[item.folder])
    call.need(call.may_change(mailbox, item, rights.delete) and call.rights(home, folder).create)
    mailbox.move(item, home, folder.id)
    return [m("Items", t(element_of(item), item_id(item)))]
