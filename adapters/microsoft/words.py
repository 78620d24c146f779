"""The values of a mail's properties in an Exchange store, by whichever way they are said."""

import base64
import binascii
import re
from datetime import UTC, datetime
from typing import Final

from migrator.errors import Reason, UsageError

IMPOSSIBLE: Final = "".join(map(chr, (*range(0x20), 0x7F, 0xFFFE, 0xFFFF)))
"""Characters that no name or category may hold."""

_IMPOSSIBLE = re.compile(f"[{re.escape(IMPOSSIBLE)}\ud800-\udfff]")

SENDING: Final = "migrator-token"
"""The name of a property of ours, among the public strings: how a mail whose answer never came is known again."""

READ, UNSENT, FROM_ME = 1, 8, 0x20
"""Bits of PidTagMessageFlags ([MS-OXCMSG] 2.2.1.6)."""

COMPLETE, TO_FOLLOW_UP, RED = 1, 2, 6
REPLIED, REPLIED_TO_ALL, FORWARDED_ON = 102, 103, 104
"""Values of PidTagLastVerbExecuted ([MS-OXOMSG] 2.2.1.10)."""
REPLIED_ICON, FORWARDED_ICON = 261, 262

FIRST, LAST = datetime(1601, 1, 2, tzinfo=UTC), datetime(4500, 8, 31, tzinfo=UTC)
"""What a property can hold ([MS-DTYP] 2.3.3), and what Outlook does not take for "none"."""

NO_DATE = datetime(1980, 1, 1, tzinfo=UTC)

_FRACTION = re.compile(r"\.\d+")


def possible(text: str) -> bool:
    """Whether a name or category can hold it."""
    return not _IMPOSSIBLE.search(text)


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


def number_in(entry_id: str | None) -> int:
    """The store's own number for the mail: the counter at the end of its entry id ([MS-OXCDATA] 2.2.4.2), in base64.

    It stays as it is whatever is done to the mail, unless that is moved, and a mailbox never gives it out again; there
    are gaps between those of one folder. (PidTagInternetArticleNumber, the IMAP UID, has none, but Exchange gives
    another one to a mail that somebody categorises or flags.) Raises UsageError where there is none.
    """
    try:
        entry = base64.b64decode(entry_id or "")
    except binascii.Error:
        entry = b""
    if len(entry) != 70:
        raise UsageError(Reason("exchange.no-numbers"))
    return int.from_bytes(entry[62:68])
