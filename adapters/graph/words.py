"""The properties of a mail as Graph names them, and what is read off an answer.

A MAPI property that Graph has no name for is a singleValueLegacyExtendedProperty ("Outlook extended properties
overview"); numbers are the tags of [MS-OXPROPS].
"""

from collections.abc import Mapping
from typing import Any, Final

from adapters.microsoft.letters import Prepared, is_category, read_off, verb
from adapters.microsoft.words import NO_DATE, SENDING, instant, number_in
from migrator.model import FLAGGED, SEEN, Flag, Sighting

DELIVERED: Final = "SystemTime 0x0e06"
SUBMITTED: Final = "SystemTime 0x39"
SENSITIVITY: Final = "Integer 0x36"
ICON: Final = "Integer 0x1080"
LAST_VERB: Final = "Integer 0x1081"
SIZE: Final = "Integer 0x0e08"
ENTRY_ID: Final = "Binary 0x0fff"
TOKEN: Final = f"String {{00020329-0000-0000-c000-000000000046}} Name {SENDING}"

NONE = 0
"""The value of a verb, and of the icon that shows it, where nothing was done."""

DEGREES = ("Normal", "Personal", "Private", "Confidential")
"""PidTagSensitivity, by number."""

FIELDS = "id,parentFolderId,receivedDateTime,categories,internetMessageId,isRead,isDraft,flag"


def expanded(*properties: str) -> str:
    """Asks for extended properties."""
    wanted = " or ".join(f"id eq '{each}'" for each in properties)
    return f"singleValueExtendedProperties($filter={wanted})"


SEEN_OF_A_MAIL: Final = {"select": FIELDS, "expand": expanded(DELIVERED, LAST_VERB, SIZE, TOKEN, ENTRY_ID)}
NUMBER_OF_A_MAIL: Final = {"select": "id,parentFolderId", "expand": expanded(ENTRY_ID)}


def values(message: Mapping[str, Any]) -> dict[str, str]:
    """Its extended properties, by our names of them: a server writes a tag's digits and a set's letters as it likes."""
    shown = message.get("singleValueExtendedProperties") or ()
    return {_canonical(str(each["id"])): str(each["value"]) for each in shown}


def value(message: Mapping[str, Any], name: str) -> str | None:
    return values(message).get(_canonical(name))


def _canonical(name: str) -> str:
    kind, _, rest = name.partition(" ")
    return f"{kind} {rest.lower() if rest.startswith('{') else int(rest, 16)}"


def number(message: Mapping[str, Any]) -> int:
    """The store's own number for the mail. Raises UsageError."""
    return number_in(value(message, ENTRY_ID))


def flags_of(message: Mapping[str, Any]) -> frozenset[Flag]:
    return read_off(
        message.get("categories") or (),
        read=message.get("isRead") is True,
        draft=message.get("isDraft") is True,
        flagged=(message.get("flag") or {}).get("flagStatus") == "flagged",
        last_verb=value(message, LAST_VERB),
    )


def sighting(message: Mapping[str, Any], epoch: int) -> Sighting:
    known = values(message)
    received = instant(known.get(_canonical(DELIVERED))) or instant(message.get("receivedDateTime")) or NO_DATE
    return Sighting(
        ref=f"{epoch}:{number(message)}",
        size=int(known.get(_canonical(SIZE)) or 0),
        message_id=(message.get("internetMessageId") or "").strip() or None,
        flags=flags_of(message),
        received_at=received,
        token=known.get(_canonical(TOKEN)) or None,
    )


# -- what is said of a mail ------------------------------------------------------------------------------------------


def state(letter: Prepared) -> dict[str, Any]:
    """All that its MIME does not say, or should not."""
    extended: dict[str, str | int] = {
        DELIVERED: letter.received,
        SUBMITTED: letter.submitted,
        SENSITIVITY: DEGREES.index(letter.sensitivity),
        TOKEN: letter.token,
    }
    if done := verb(letter.flags):
        extended |= dict(zip((LAST_VERB, ICON), done, strict=True))
    return {
        "isRead": SEEN in letter.flags,
        "categories": categories(letter.flags),
        "flag": {"flagStatus": "flagged" if FLAGGED in letter.flags else "notFlagged"},
        "importance": letter.importance.lower(),
        "isReadReceiptRequested": letter.read_receipt,
        "isDeliveryReceiptRequested": letter.delivery_receipt,
        "singleValueExtendedProperties": valued(extended),
    }


def valued(extended: Mapping[str, str | int]) -> list[dict[str, str]]:
    return [{"id": name, "value": str(value)} for name, value in extended.items()]


def categories(flags: frozenset[Flag]) -> list[str]:
    return sorted(flag for flag in flags if is_category(flag))


def updates(now: frozenset[Flag], wished: frozenset[Flag]) -> dict[str, Any]:
    """What makes of these flags those."""
    found: dict[str, Any] = {}
    if (SEEN in now) != (SEEN in wished):
        found["isRead"] = SEEN in wished
    if categories(now) != categories(wished):
        found["categories"] = categories(wished)
    if (FLAGGED in now) != (FLAGGED in wished):
        found["flag"] = {"flagStatus": "flagged" if FLAGGED in wished else "notFlagged"}
    if verb(now) != verb(wished):
        done = verb(wished) or (NONE, NONE)
        found["singleValueExtendedProperties"] = valued(dict(zip((LAST_VERB, ICON), done, strict=True)))
    return found
