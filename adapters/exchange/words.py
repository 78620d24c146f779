"""All that may stand in a request, and what is read off an answer.

No text of a mail is ever put into a request but as base64; names and categories are escaped, and hold no character
that XML cannot.
"""

from typing import Final
from xml.sax.saxutils import quoteattr

from lxml import etree

from adapters.microsoft.words import SENDING

SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
MESSAGES: Final = "http://schemas.microsoft.com/exchange/services/2006/messages"
TYPES: Final = "http://schemas.microsoft.com/exchange/services/2006/types"
ERRORS: Final = "http://schemas.microsoft.com/exchange/services/2006/errors"


def m(name: str) -> str:
    """An element of the messages' namespace, as lxml spells it."""
    return f"{{{MESSAGES}}}{name}"


def t(name: str) -> str:
    """An element of the types' namespace, as lxml spells it."""
    return f"{{{TYPES}}}{name}"


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
REPLICAS = tagged(0x6698, "Binary")
"""PR_REPLICA_LIST: of a public folder, the GUID of the mailbox that has its content, in ASCII and a zero behind."""
SIZE = tagged(0x0E08, "Long")
"""PidTagMessageSizeExtended: of a folder, the bytes of all its items."""
TOKEN = Property("String", DistinguishedPropertySetId="PublicStrings", PropertyName=SENDING)
"""Names the sending."""
FOLLOWED = Property("Integer", DistinguishedPropertySetId="PublicStrings", PropertyName="migrator-follow-up")
"""The follow-up flag that goes with a state of ours: while a mail has it, its flag is no person's."""
LEGEND = Property("Binary", DistinguishedPropertySetId="PublicStrings", PropertyName="migrator-legend")
"""Of a folder: what the words of its mails mean, in UTF-8."""
