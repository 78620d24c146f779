"""All that may stand in a request, and what is read off an answer.

No text of a mail is ever put into a request but as base64; names and categories are escaped, and hold no character
that XML cannot.
"""

import re
from datetime import UTC, datetime
from typing import Final
from xml.sax.saxutils import quoteattr

from lxml import etree

SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
MESSAGES: Final = "http://schemas.microsoft.com/exchange/services/2006/messages"
TYPES: Final = "http://schemas.microsoft.com/exchange/services/2006/types"
ERRORS: Final = "http://schemas.microsoft.com/exchange/services/2006/errors"

IMPOSSIBLE: Final = "".join(map(chr, (*range(0x20), 0x7F, 0xFFFE, 0xFFFF)))
"""Characters that no name or category may hold."""

_IMPOSSIBLE = re.compile(f"[{re.escape(IMPOSSIBLE)}\ud800-\udfff]")


def m(name: str) -> str:
    """An element of the messages' namespace, as lxml spells it."""
    return f"{{{MESSAGES}}}{name}"


def t(name: str) -> str:
    """An element of the types' namespace, as lxml spells it."""
    return f"{{{TYPES}}}{name}"


def possible(text: str) -> bool:
    """Whether XML can hold it."""
    return not _IMPOSSIBLE.search(text)


def text(value: str) -> str:
    """Character data."""
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def identified(kind: str, identity: str, change_key: str | None = None) -> str:
    """An id of a folder or an item; with its change key a change is refused if somebody else has made one."""
    key = f" ChangeKey={quoteattr(change_key)}" if change_key else ""
    return f"<t:{kind} Id={quoteattr(identity)}{key}/>"


# -- properties ----------------------------------------------------------------------------------------------------


class Property:
    """A MAPI property that EWS has no element for, named as ExtendedFieldURI names it."""

    __slots__ = ("field", "key", "kind")

    def __init__(self, kind: str, **named: str) -> None:
        self.kind = kind
        self.key = frozenset(value.lower() for value in named.values())
        attributes = " ".join(f"{name}={quoteattr(value)}" for name, value in named.items())
        self.field = f'<t:ExtendedFieldURI {attributes} PropertyType="{kind}"/>'

    def valued(self, value: str | int) -> str:
        """The property with a value."""
        return f"<t:ExtendedProperty>{self.field}<t:Value>{text(str(value))}</t:Value></t:ExtendedProperty>"

    def of(self, item: etree._Element) -> str | None:
        """Its value in an item of an answer."""
        for each in item.iterfind(t("ExtendedProperty")):
            uri = each[0]
            tag = uri.get("PropertyTag")
            if tag is not None:
                if f"{int(tag, 0):#06x}" in self.key:
                    return each.findtext(t("Value"))
            elif (uri.get("PropertyName") or uri.get("PropertyId") or "").lower() in self.key:
                return each.findtext(t("Value"))
        return None


def tagged(tag: int, kind: str) -> Property:
    """A property by its tag, see [MS-OXPROPS]."""
    return Property(kind, PropertyTag=f"0x{tag:04x}")


MESSAGE_FLAGS = tagged(0x0E07, "Integer")
"""PidTagMessageFlags: decides at creation, and never again, whether a mail is a draft."""
DELIVERED = tagged(0x0E06, "SystemTime")
SUBMITTED = tagged(0x0039, "SystemTime")
FLAG_STATUS = tagged(0x1090, "Integer")
FLAG_ICON = tagged(0x1095, "Integer")
ICON = tagged(0x1080, "Integer")
LAST_VERB = tagged(0x1081, "Integer")
ENTRY_ID = tagged(0x0FFF, "Binary")
"""PidTagEntryId ([MS-OXCDATA] 2.2.4.2): its end is the store's own number for the mail."""
SIZE = tagged(0x0E08, "Long")
"""PidTagMessageSizeExtended: of a folder, the bytes of all its items."""
TOKEN = Property("String", DistinguishedPropertySetId="PublicStrings", PropertyName="migrator-token")
"""Names the sending: how a mail whose answer never came is known again."""

READ, UNSENT, FROM_ME = 1, 8, 0x20
"""Bits of PidTagMessageFlags ([MS-OXCMSG] 2.2.1.6)."""

TO_FOLLOW_UP, RED = 2, 6
REPLIED, REPLIED_TO_ALL, FORWARDED_ON = 102, 103, 104
"""Values of PidTagLastVerbExecuted ([MS-OXOMSG] 2.2.1.10)."""
REPLIED_ICON, FORWARDED_ICON = 261, 262


# -- times and numbers ---------------------------------------------------------------------------------------------

FIRST, LAST = datetime(1601, 1, 2, tzinfo=UTC), datetime(4500, 8, 31, tzinfo=UTC)
"""What a property can hold ([MS-DTYP] 2.3.3), and what Outlook does not take for "none"."""

_FRACTION = re.compile(r"\.\d+")


def stamp(at: datetime) -> str | None:
    """An instant as it is sent, to the second; None where Exchange could not hold it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if FIRST <= at <= LAST else None


def instant(value: str | None) -> datetime | None:
    """An instant as any server writes it, with as many digits of a second as it likes; None where it is none."""
    if not value:
        return None
    try:
        at = datetime.fromisoformat(_FRACTION.sub("", value.strip()))
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
