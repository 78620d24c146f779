"""How folders and items look to a client: the fields of a response shape."""

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tests.servers.exchange import properties as prop
from tests.servers.exchange.mime import rebuilt
from tests.servers.exchange.properties import Key, Property
from tests.servers.exchange.rights import ALL, Rights, permission
from tests.servers.exchange.store import Folder, Item, Mailbox
from tests.servers.exchange.xml import TYPES, Element, arranged, fields_of, t, truth

DEFAULT = (
    "Subject",
    "DateTimeSent",
    "DateTimeCreated",
    "Size",
    "Sensitivity",
    "Importance",
    "From",
    "IsRead",
    "IsDraft",
)


@dataclass(frozen=True)
class Shape:
    """Which fields and extended properties a client wants to see."""

    fields: frozenset[str]
    extended: tuple[Element, ...]
    headers: frozenset[str] = frozenset()
    mime: bool = False

    @classmethod
    def of(cls, given: Element | None) -> "Shape":
        if given is None:
            return cls(frozenset(), ())
        fields = set()
        if given.findtext(f"{TYPES}BaseShape") == "Default":
            fields.update(DEFAULT)
        elif given.findtext(f"{TYPES}BaseShape") == "AllProperties":
            fields.update(set(ITEM) - {"MimeContent"})
        fields.update(str(each.get("FieldURI")).partition(":")[2] for each in given.iter(f"{TYPES}FieldURI"))
        headers = (str(each.get("FieldIndex")) for each in given.iter(f"{TYPES}IndexedFieldURI"))
        mime = truth(given.findtext(f"{TYPES}IncludeMimeContent")) or "MimeContent" in fields
        extended = tuple(given.iter(f"{TYPES}ExtendedFieldURI"))
        return cls(frozenset(fields - {"MimeContent"}), extended, frozenset(headers), mime)


def people(tag: str, found: Iterable[tuple[str, str]]) -> Element | None:
    shown = [t("Mailbox", t("Name", name) if name else None, t("EmailAddress", address)) for name, address in found]
    return t(tag, *shown) if shown else None


def _text(tag: str, value: str) -> Element | None:
    return t(tag, value) if value else None


def _headers(item: Item, names: Iterable[str] = ()) -> Element | None:
    wanted = {name.lower() for name in names}
    found = [(name, value) for name, value in item.facts.headers if not wanted or name.lower() in wanted]
    shown = [t("InternetMessageHeader", " ".join(value.split()), HeaderName=name) for name, value in found]
    return t("InternetMessageHeaders", *shown) if shown else None


def _flag(item: Item) -> Element:
    status = item.properties.get(prop.FLAG_STATUS)
    return t(
        "Flag", t("FlagStatus", {"1": "Complete", "2": "Flagged"}.get(status.value if status else "", "NotFlagged"))
    )


def _body(item: Item) -> Element:
    if item.facts.html:
        return t("Body", item.facts.html, BodyType="HTML")
    return t("Body", item.facts.text, BodyType="Text")


def _keywords(item: Item) -> Element | None:
    return t("Categories", *(t("String", each) for each in item.categories)) if item.categories else None


ITEM: Mapping[str, Callable[[Item], Element | None]] = {
    "ParentFolderId": lambda item: t("ParentFolderId", Id=item.folder, ChangeKey="AQAAAA=="),
    "ItemClass": lambda item: t("ItemClass", item.kind),
    "Subject": lambda item: t("Subject", item.subject),
    "Sensitivity": lambda item: t("Sensitivity", item.sensitivity),
    "Body": _body,
    "TextBody": lambda item: t("TextBody", item.facts.text, BodyType="Text"),
    "DateTimeReceived": lambda item: t("DateTimeReceived", prop.stamp(item.received)),
    "Size": lambda item: t("Size", item.size),
    "Categories": _keywords,
    "Importance": lambda item: t("Importance", item.importance),
    "InReplyTo": lambda item: _text("InReplyTo", " ".join((item.facts.first("In-Reply-To") or "").split())),
    "IsSubmitted": lambda item: t("IsSubmitted", False),
    "IsDraft": lambda item: t("IsDraft", item.draft),
    "IsFromMe": lambda item: t("IsFromMe", item.from_me),
    "InternetMessageHeaders": _headers,
    "DateTimeSent": lambda item: t("DateTimeSent", prop.stamp(item.sent)),
    "DateTimeCreated": lambda item: t("DateTimeCreated", prop.stamp(item.born)),
    "HasAttachments": lambda item: t("HasAttachments", item.facts.has_attachments),
    "LastModifiedTime": lambda item: t("LastModifiedTime", prop.stamp(item.modified)),
    "Flag": _flag,
    "Sender": lambda item: people("Sender", item.facts.people("Sender")[:1] or item.facts.people("From")[:1]),
    "From": lambda item: people("From", item.facts.people("From")[:1]),
    "ToRecipients": lambda item: people("ToRecipients", item.facts.people("To")),
    "CcRecipients": lambda item: people("CcRecipients", item.facts.people("Cc")),
    "BccRecipients": lambda item: people("BccRecipients", item.facts.people("Bcc")),
    "ReplyTo": lambda item: people("ReplyTo", item.facts.people("Reply-To")),
    "IsReadReceiptRequested": lambda item: t("IsReadReceiptRequested", item.read_receipt),
    "IsDeliveryReceiptRequested": lambda item: t("IsDeliveryReceiptRequested", item.delivery_receipt),
    "InternetMessageId": lambda item: _text("InternetMessageId", item.facts.message_id),
    "IsRead": lambda item: t("IsRead", item.read),
    "IsResponseRequested": lambda item: t("IsResponseRequested", False),
    "References": lambda item: _text("References", " ".join((item.facts.first("References") or "").split())),
}
"""The fields of a mail this server knows; what else is asked for is absent, as properties may be."""


def flags(item: Item) -> int:
    """PidTagMessageFlags as the store keeps it ([MS-OXCMSG] 2.2.1.6)."""
    bits = {prop.READ: item.read, prop.UNSENT: item.draft, prop.FROM_ME: item.from_me}
    bits[prop.HAS_ATTACHMENT] = item.facts.has_attachments
    return sum(bit for bit, is_set in bits.items() if is_set)


def _entry_id(item: Item) -> bytes:
    """An entry id ends in the store's own counter, the highest byte first, and two bytes ([MS-OXCDATA] 2.2.4.2)."""
    return bytes(62) + item.created.to_bytes(6, "big") + bytes(2)


def property_of(item: Item, key: Key) -> Property | None:
    """An extended property, also where it is one the server keeps elsewhere."""
    known: dict[Key, tuple[str, Callable[[], str]]] = {
        prop.FLAGS: ("Integer", lambda: str(flags(item))),
        prop.DELIVERED: ("SystemTime", lambda: prop.stamp(item.received)),
        prop.SUBMITTED: ("SystemTime", lambda: prop.stamp(item.sent)),
        prop.ENTRY_ID: ("Binary", lambda: base64.b64encode(_entry_id(item)).decode("ascii")),
        prop.SIZE: ("Integer", lambda: str(item.size)),
        prop.SUBJECT: ("String", lambda: item.subject),
        prop.CLASS: ("String", lambda: item.kind),
        prop.MESSAGE_ID: ("String", lambda: item.facts.message_id),
        prop.HEADERS: ("String", lambda: "".join(f"{name}: {value}\r\n" for name, value in item.facts.headers)),
        prop.IMPORTANCE: ("Integer", lambda: str(("Low", "Normal", "High").index(item.importance))),
        prop.SENSITIVITY: (
            "Integer",
            lambda: str(("Normal", "Personal", "Private", "Confidential").index(item.sensitivity)),
        ),
        prop.READ_RECEIPT: ("Boolean", lambda: str(item.read_receipt).lower()),
    }
    if key in known:
        kind, value = known[key]
        return Property(key, kind, (value(),)) if value() else None
    if key[0] == prop.SETS["InternetHeaders"] and key not in item.properties:
        found = item.facts.first(str(key[-1]))
        return Property(key, "String", (" ".join(found.split()),)) if found is not None else None
    if key == (prop.SETS["PublicStrings"], "Keywords"):
        return Property(key, "StringArray", item.categories) if item.categories else None
    return item.properties.get(key)


def shown_item(item: Item, shape: Shape, *, twins: bool = True) -> Element:
    """A Message or PostItem element with the fields of a shape that its kind has."""
    kind = element_of(item)
    made = t(
        kind, item_id(item), *(ITEM[name](item) for name in sorted(shape.fields & set(ITEM) & fields_of(_type(kind))))
    )
    if (
        shape.headers
        and "InternetMessageHeaders" not in shape.fields
        and (found := _headers(item, shape.headers)) is not None
    ):
        made.append(found)
    if shape.mime:
        keywords = {"Keywords": ", ".join(item.categories)} if item.categories else {}
        raw = rebuilt(item.raw, item.sent, twins=twins, extra=keywords)
        made.append(t("MimeContent", base64.b64encode(raw).decode("ascii"), CharacterSet="UTF-8"))
    for path in shape.extended:
        if found_property := property_of(item, prop.key_of(path)):
            made.append(prop.shown(path, found_property))
    return arranged(made, _type(kind))


def _type(kind: str) -> str:
    """The schema's name for what an element holds."""
    return f"{kind}{'Item' if kind == 'Contact' else ''}Type"


ELEMENTS = {"IPM.Post": "PostItem", "IPM.Appointment": "CalendarItem", "IPM.Contact": "Contact", "IPM.Task": "Task"}


def element_of(item: Item) -> str:
    """[reference] items: what is of no kind of its own is an Item or a Message"""
    if item.kind.startswith("IPM.StickyNote"):
        return "Item"
    return next((name for kind, name in ELEMENTS.items() if item.kind.startswith(kind)), "Message")


def item_id(item: Item) -> Element:
    return t("ItemId", Id=item.id, ChangeKey=change_key(item))


def change_key(one: Item | Folder) -> str:
    return base64.b64encode(b"CQAAAB" + one.change.to_bytes(6, "big")).decode("ascii")


def folder_id(folder: Folder) -> Element:
    return t("FolderId", Id=folder.id, ChangeKey=change_key(folder))


KINDS = {"IPF.Appointment": "CalendarFolder", "IPF.Contact": "ContactsFolder", "IPF.Task": "TasksFolder"}


def shown_folder(
    mailbox: Mailbox, folder: Folder, shape: Shape, *, rights: Rights = ALL, holder: str | None = None
) -> Element:
    """A Folder element, or that of its kind. `rights` are the caller's, `holder` has a public folder's content."""
    kind = KINDS.get(folder.kind, "Folder")
    items = mailbox.held(folder.id)
    fields: dict[str, Callable[[], Element | None]] = {
        "FolderId": lambda: folder_id(folder),
        "ParentFolderId": lambda: t("ParentFolderId", Id=folder.parent) if folder.parent else None,
        "FolderClass": lambda: t("FolderClass", folder.kind),
        "DisplayName": lambda: t("DisplayName", folder.name),
        "TotalCount": lambda: t("TotalCount", len(items)),
        "ChildFolderCount": lambda: t("ChildFolderCount", len(mailbox.children(folder.id))),
        "DistinguishedFolderId": lambda: t("DistinguishedFolderId", folder.role) if folder.role else None,
        "UnreadCount": lambda: t("UnreadCount", sum(not each.read for each in items)) if kind == "Folder" else None,
        "EffectiveRights": lambda: _effective(rights),
        "PermissionSet": lambda: _permissions(folder, kind),
        "ReplicaList": lambda: t("ReplicaList", t("String", holder)) if holder else None,
    }
    made = t(kind, *(fields[name]() for name in fields if name == "FolderId" or name in shape.fields))
    for path in shape.extended:
        key = prop.key_of(path)
        if key == prop.SIZE:  # PidTagMessageSizeExtended, [MS-OXPROPS]: of a folder, the sum of its items
            made.append(prop.shown(path, Property(key, "Long", (str(sum(each.size for each in items)),))))
        elif found := folder_property(folder, key, holder):
            made.append(prop.shown(path, found))
    return arranged(made, f"{kind}Type")


def folder_property(folder: Folder, key: Key, holder: str | None) -> Property | None:
    """An extended property of a folder.

    PR_REPLICA_LIST is the GUID of the mailbox that holds the content, as ASCII text with a zero byte behind:
    [services] how-to-route-public-folder-content-requests
    """
    if key == prop.FOLDER_CLASS:
        return Property(key, "String", (folder.kind,))
    if key == prop.REPLICAS and holder:
        guid = holder.partition("@")[0].encode("ascii") + b"\0"
        return Property(key, "Binary", (base64.b64encode(guid).decode("ascii"),))
    return folder.properties.get(key)


def _effective(rights: Rights) -> Element:
    may = {
        "CreateAssociated": rights.owner,
        "CreateContents": rights.create,
        "CreateHierarchy": rights.subfolders,
        "Delete": rights.owner,
        "Modify": rights.owner,
        "Read": rights.read,
    }
    return t("EffectiveRights", *(t(name, value) for name, value in may.items()))


def _permissions(folder: Folder, kind: str) -> Element:
    one = "CalendarPermission" if kind == "CalendarFolder" else "Permission"
    every = (permission(user, rights, one) for user, rights in folder.rights.items())
    return t("PermissionSet", t(f"{one}s", *every))
