"""Marks, sightings and bodies of one folder. Reads only."""

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar
from xml.sax.saxutils import quoteattr

from lxml import etree

from adapters.microsoft.letters import read_off
from adapters.microsoft.words import NO_DATE, TO_FOLLOW_UP, instant, number_in
from migrator.errors import Outage, Reason
from migrator.model import Flag, Raw, Sighting

from .troubles import GONE, Refusal
from .wire import Answer, Wire
from .words import DELIVERED, ENTRY_ID, FLAG_STATUS, FOLLOWED, LAST_VERB, TOKEN, Property, identified, m, t

PAGE = 500
"""Items a page; a server gives 1,000 at most (EWSFindCountLimit), and 250 where it has to search."""

NEWEST = 50
"""So many of the last made are looked at for the highest number: what people move in is not made last."""

ATTEMPTS = 3
T = TypeVar("T")

_FIELDS = (
    "item:DateTimeReceived",
    "item:Size",
    "item:Categories",
    "item:IsDraft",
    "message:InternetMessageId",
    "message:IsRead",
)
_SEEN = "".join(f'<t:FieldURI FieldURI="{name}"/>' for name in _FIELDS) + "".join(
    each.field for each in (DELIVERED, FLAG_STATUS, FOLLOWED, LAST_VERB, TOKEN, ENTRY_ID)
)


def shape(properties: str, *, mime: bool = False) -> str:
    """What is asked of an item beside its id."""
    more = f"<t:AdditionalProperties>{properties}</t:AdditionalProperties>" if properties else ""
    wanted = "<t:IncludeMimeContent>true</t:IncludeMimeContent>" if mime else ""
    return f"<m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>{wanted}{more}</m:ItemShape>"


SIGHTING, NUMBER = shape(_SEEN), shape(ENTRY_ID.field)


# -- one item --------------------------------------------------------------------------------------------------------


def identity(item: etree._Element) -> tuple[str, str]:
    """Its id and change key."""
    found = item.find(t("ItemId"))
    return ("", "") if found is None else (found.get("Id", ""), found.get("ChangeKey", ""))


def number(item: etree._Element) -> int:
    """The store's own number for the mail."""
    return number_in(ENTRY_ID.of(item))


def lasting(item: etree._Element) -> str:
    """The mail's name while it lies in its folder: the store's own number, and the GUID of the database that gave it
    out, in hex. A mailbox that was moved between databases holds numbers of both."""
    number(item)
    return base64.b64decode(ENTRY_ID.of(item) or "")[46:68].hex()


def flags_of(item: etree._Element) -> frozenset[Flag]:
    return read_off(
        (each.text or "" for each in item.iterfind(f"{t('Categories')}/{t('String')}")),
        read=item.findtext(t("IsRead")) in ("true", "1"),
        draft=item.findtext(t("IsDraft")) in ("true", "1"),
        flagged=FLAG_STATUS.of(item) == str(TO_FOLLOW_UP) != FOLLOWED.of(item),
        last_verb=LAST_VERB.of(item),
    )


def sighting(item: etree._Element, epoch: int) -> Sighting:
    received = instant(DELIVERED.of(item)) or instant(item.findtext(t("DateTimeReceived"))) or NO_DATE
    return Sighting(
        ref=f"{epoch}:{number(item)}",
        size=int(item.findtext(t("Size")) or 0),
        message_id=(item.findtext(t("InternetMessageId")) or "").strip() or None,
        flags=flags_of(item),
        received_at=received,
        token=TOKEN.of(item) or None,
    )


# -- asking ----------------------------------------------------------------------------------------------------------


def get(wire: Wire, identities: Iterable[str], wanted: str) -> list[Answer]:
    """An answer for each item, in order."""
    ids = "".join(identified("ItemId", each) for each in identities)
    return wire.call(f"<m:GetItem>{wanted}<m:ItemIds>{ids}</m:ItemIds></m:GetItem>")


def look(wire: Wire, item: str, wanted: str = SIGHTING) -> etree._Element | None:
    """One item as it is now; None where it has gone. Raises Refusal."""
    (answer, *_) = get(wire, [item], wanted)
    if answer.code in GONE:
        return None
    if not answer.ok:
        raise answer.refusal
    return next(iter(answer), None)


def body(wire: Wire, item: str) -> Raw | None:
    """The mail as the server makes it anew; None where it has gone."""
    found = look(wire, item, shape("", mime=True))
    if found is None:
        return None
    try:
        return Raw.of(base64.b64decode(found.findtext(t("MimeContent")) or ""))
    except binascii.Error as error:
        raise Outage(Reason("exchange.answer-broken", endpoint=wire.endpoint)) from error


def newest(wire: Wire, folder: str) -> tuple[int, int]:
    """How many items a folder holds, and the highest number among those made last. Raises Refusal."""
    root = _page(wire, folder, NUMBER, order="Descending", size=NEWEST)
    return int(root.get("TotalItemsInView") or 0), max(map(number, _items(root)), default=0)


def listed(wire: Wire, folder: str, wanted: str, read: Callable[[etree._Element], T]) -> list[T]:
    """What is read off every item of a folder. What comes while we look lies at the end; if one goes, the next might be
    passed over, so we look again. Raises Refusal, Outage."""
    for _ in range(ATTEMPTS):
        found: dict[str, T] = {}
        total = offset = 0
        while True:
            root = _page(wire, folder, wanted, order="Ascending", size=PAGE, offset=offset)
            now, items = int(root.get("TotalItemsInView") or 0), list(_items(root))
            if now < total:
                break
            total, offset = now, offset + len(items)
            found |= {identity(item)[0]: read(item) for item in items}
            if not items or root.get("IncludesLastItemInRange") != "false":
                return list(found.values())
    raise Outage(Reason("exchange.listing-moves"))


def named(wire: Wire, folder: str, tokens: Sequence[str]) -> dict[str, list[etree._Element]]:
    """The items of a folder that carry one of these tokens. Raises Refusal."""
    tests = "".join(_equals(TOKEN, token) for token in tokens)
    if len(tokens) > 1:
        tests = f"<t:Or>{tests}</t:Or>"
    root = _page(wire, folder, shape(TOKEN.field + ENTRY_ID.field), where=tests, size=2 * len(tokens))
    found: dict[str, list[etree._Element]] = {}
    for item in _items(root):
        found.setdefault(TOKEN.of(item) or "", []).append(item)
    return found


def _equals(what: Property, value: str) -> str:
    constant = f"<t:FieldURIOrConstant><t:Constant Value={quoteattr(value)}/></t:FieldURIOrConstant>"
    return f"<t:IsEqualTo>{what.field}{constant}</t:IsEqualTo>"


def _page(
    wire: Wire, folder: str, wanted: str, *, size: int, offset: int = 0, order: str = "Ascending", where: str = ""
) -> etree._Element:
    restriction = f"<m:Restriction>{where}</m:Restriction>" if where else ""
    answer = wire.one(
        f'<m:FindItem Traversal="Shallow">{wanted}'
        f'<m:IndexedPageItemView MaxEntriesReturned="{size}" Offset="{offset}" BasePoint="Beginning"/>{restriction}'
        f'<m:SortOrder><t:FieldOrder Order="{order}"><t:FieldURI FieldURI="item:DateTimeCreated"/></t:FieldOrder>'
        "</m:SortOrder>"
        f"<m:ParentFolderIds>{identified('FolderId', folder)}</m:ParentFolderIds></m:FindItem>"
    )
    root = answer.element.find(m("RootFolder"))
    if root is None:
        raise Refusal("ErrorFolderNotFound")
    return root


def _items(root: etree._Element) -> Iterator[etree._Element]:
    return root.iterfind(f"{t('Items')}/*")
