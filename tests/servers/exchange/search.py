"""FindItem: a folder's items in pages, all of them or those a restriction holds for."""

import base64
from collections.abc import Callable
from typing import Any

from tests.servers.exchange import properties as prop
from tests.servers.exchange.calls import Call, operation
from tests.servers.exchange.shapes import ITEM, Shape, property_of, shown_item
from tests.servers.exchange.store import Item, Refusal
from tests.servers.exchange.xml import MESSAGES, TYPES, Element, local, m, t, truth

PAGE, RESTRICTED = 1000, 250
"""Items a page at most, and where there is a restriction.

[services] ews-throttling-in-exchange (EWSFindCountLimit)
"""

COMPARED: dict[str, Callable[[int], bool]] = {
    "IsEqualTo": lambda sign: sign == 0,
    "IsNotEqualTo": lambda sign: sign != 0,
    "IsGreaterThan": lambda sign: sign > 0,
    "IsGreaterThanOrEqualTo": lambda sign: sign >= 0,
    "IsLessThan": lambda sign: sign < 0,
    "IsLessThanOrEqualTo": lambda sign: sign <= 0,
}
PEOPLE = frozenset({"ToRecipients", "CcRecipients", "BccRecipients", "ReplyTo"})
UNSEEN_IN_LISTS = frozenset({"Body", "TextBody", "InternetMessageHeaders", "MimeContent"}) | PEOPLE
"""FindItem gives no bodies and no lists of recipients: [reference] finditem-operation"""
FINDABLE = frozenset(ITEM) - UNSEEN_IN_LISTS
CHARACTERS, BYTES = 255, 512
"""Of a long text or binary property a list has the beginning only: [reference] finditem-operation"""


@operation("FindItem", each="ParentFolderIds", content=True)
def find_item(call: Call, given: Element) -> list[Element]:
    mailbox, folder = call.folder(given)
    call.need(call.rights(mailbox, folder).read)
    if call.body.get("Traversal") != "Shallow":
        raise Refusal("ErrorInvalidOperation", "Only Shallow is known here.")
    restriction = call.body.find(f"{MESSAGES}Restriction")
    found = [each for each in mailbox.held(folder.id) if restriction is None or holds(restriction[0], each)]
    found = _sorted(found, call.body.find(f"{MESSAGES}SortOrder"))
    start, most = _view(call.body.find(f"{MESSAGES}IndexedPageItemView"))
    page = found[start : start + min(most, PAGE if restriction is None else RESTRICTED)]
    shape = Shape.of(call.body.find(f"{MESSAGES}ItemShape"))
    if wrong := shape.fields & UNSEEN_IN_LISTS or ({"MimeContent"} if shape.mime else set()):
        raise Refusal("ErrorInvalidPropertyRequest", f"FindItem does not give {', '.join(sorted(wrong))}.")
    root = m(
        "RootFolder",
        t("Items", *(_cut(shown_item(each, shape)) for each in page)),
        IndexedPagingOffset=start + len(page),
        TotalItemsInView=len(found),
        IncludesLastItemInRange=start + len(page) >= len(found),
    )
    return [root]


def _cut(shown: Element) -> Element:
    for each in shown.iter():
        if each.text and len(each.text) > CHARACTERS:
            each.text = _beginning(each)
    return shown


def _beginning(long: Element) -> str:
    parent = long.getparent()
    path = parent[0] if parent is not None and local(parent) == "ExtendedProperty" else None
    if path is not None and path.get("PropertyType") == "Binary":
        return base64.b64encode(base64.b64decode(long.text or "")[:BYTES]).decode("ascii")
    return (long.text or "")[:CHARACTERS]


def _view(view: Element | None) -> tuple[int, int]:
    """Where a page begins, and how much of it the client wants."""
    if view is None:
        return 0, PAGE
    if view.get("BasePoint") != "Beginning":
        raise Refusal("ErrorInvalidPagingMaxRows", "Only pages from the beginning are known here.")
    return int(view.get("Offset", 0)), int(view.get("MaxEntriesReturned") or PAGE)


def _sorted(found: list[Item], order: Element | None) -> list[Item]:
    """In the order asked for, else the newest first, as a folder's table is."""
    if order is None:
        return sorted(found, key=lambda each: each.created, reverse=True)
    for each in reversed(order):
        path = each[0]
        found = sorted(found, key=lambda item: _known(item, path), reverse=each.get("Order") == "Descending")
    return found


def holds(restriction: Element, item: Item) -> bool:
    """[reference] restriction"""
    name = local(restriction)
    match name:
        case "And":
            return all(holds(each, item) for each in restriction)
        case "Or":
            return any(holds(each, item) for each in restriction)
        case "Not":
            return not holds(restriction[0], item)
    values = _known(item, restriction[0])
    match name:
        case "Exists":
            return bool(values)
        case "Contains":
            return any(_contains(restriction, str(each)) for each in values)
        case _ if name in COMPARED:
            constant = restriction.find(f"{TYPES}FieldURIOrConstant/{TYPES}Constant")
            if constant is None:
                raise Refusal("ErrorUnsupportedPathForQuery", "Fields are compared with constants only.")
            if not values:
                return name == "IsNotEqualTo"
            other = _typed(_kind(restriction[0]), str(constant.get("Value")))
            return any(COMPARED[name]((each > other) - (each < other)) for each in values)
    raise Refusal("ErrorUnsupportedPathForQuery", name)


def _contains(restriction: Element, value: str) -> bool:
    constant = restriction.find(f"{TYPES}Constant")
    assert constant is not None
    wanted = str(constant.get("Value"))
    if restriction.get("ContainmentComparison", "Exact") != "Exact":
        value, wanted = value.casefold(), wanted.casefold()
    match restriction.get("ContainmentMode", "FullString"):
        case "FullString":
            return value == wanted
        case "Prefixed":
            return value.startswith(wanted)
        case _:
            return wanted in value


def _known(item: Item, path: Element) -> tuple[Any, ...]:
    """The values a path names in an item, so that they can be compared; none where it has none."""
    return tuple(_typed(_kind(path), each) for each in _values(item, path))


def _values(item: Item, path: Element) -> tuple[str, ...]:
    if prop.is_extended(path):
        one = property_of(item, prop.key_of(path))
        return one.values if one else ()
    name = _name(path)
    if name not in FINDABLE:
        raise Refusal("ErrorUnsupportedPathForQuery", f"{name} cannot be searched.")
    if name == "Categories":
        return item.categories
    shown = ITEM[name](item)
    return () if shown is None else (shown.text or "",)


def _name(path: Element) -> str:
    return str(path.get("FieldURI")).partition(":")[2]


def _kind(path: Element) -> str:
    if prop.is_extended(path):
        return str(path.get("PropertyType")).removesuffix("Array")
    name = _name(path)
    if name.startswith(("Is", "Has")):
        return "Boolean"
    if name.startswith("DateTime") or name == "LastModifiedTime":
        return "SystemTime"
    return "Integer" if name == "Size" else "String"


def _typed(kind: str, value: str) -> Any:
    """A value as its kind compares. Clients write 1 and 0 where a server writes true and false."""
    try:
        match kind:
            case "Boolean":
                return truth(value)
            case "Integer" | "Long" | "Short":
                return int(value)
            case "SystemTime":
                return prop.instant(value)
            case _:
                return value
    except ValueError:
        raise Refusal("ErrorInvalidValueForProperty", f"{value} is no {kind}.") from None
