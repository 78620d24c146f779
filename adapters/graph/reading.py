"""Marks, sightings and bodies of one folder. Reads only."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from migrator.errors import Outage, Reason
from migrator.model import Raw

from .troubles import GONE, Refusal
from .wire import Call, Wire, query
from .words import NUMBER_OF_A_MAIL, SEEN_OF_A_MAIL, number

PAGE = 500
"""Mails a page; a server gives 1,000 at most ("List messages")."""

NEWEST = 50
"""So many of the last made are looked at for the highest number: what people move in is not made last."""

ATTEMPTS = 3

T = TypeVar("T")
Message = Mapping[str, Any]


def look(wire: Wire, identity: str, folder: str, wanted: Mapping[str, str] = SEEN_OF_A_MAIL) -> Message | None:
    """One mail as it is now; None where it has gone from the folder. Raises Refusal."""
    try:
        found: Message = wire.one(Call("GET", query(f"messages/{identity}", **wanted)))
    except Refusal as refusal:
        if refusal.status != GONE:
            raise
        return None
    return found if found.get("parentFolderId") == folder else None


def body(wire: Wire, identity: str) -> Raw | None:
    """The mail as the server makes it anew; None where it has gone."""
    try:
        found = wire.one(Call("GET", f"messages/{identity}/$value"))
    except Refusal as refusal:
        if refusal.status != GONE:
            raise
        return None
    return Raw.of(found)


def newest(wire: Wire, folder: str) -> tuple[int, int]:
    """How many mails a folder holds, and the highest number among those made last. Raises Refusal."""
    path = query(
        f"mailFolders/{folder}/messages", top=NEWEST, orderby="createdDateTime desc", count="true", **NUMBER_OF_A_MAIL
    )
    page = wire.one(Call("GET", path))
    return int(page["@odata.count"]), max(map(number, page["value"]), default=0)


def everything(
    wire: Wire, folder: str, take: Callable[[Message], T], wanted: Mapping[str, str] = SEEN_OF_A_MAIL
) -> list[T]:
    """What `take` makes of every mail of a folder, page by page. What comes while we look lies at the end; if one goes,
    the next might be passed over, so we look again. Raises Refusal, Outage."""
    path = query(f"mailFolders/{folder}/messages", top=PAGE, orderby="createdDateTime asc", count="true", **wanted)
    for _ in range(ATTEMPTS):
        found: dict[str, T] = {}
        total = 0
        for page in wire.pages(path):
            now = int(page.get("@odata.count", total))
            if now < total:
                break
            total = now
            found |= {str(each["id"]): take(each) for each in page["value"]}
        else:
            return list(found.values())
    raise Outage(Reason("exchange.listing-moves"))
