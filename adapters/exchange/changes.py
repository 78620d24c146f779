"""One mail changed, moved or taken back, unless it is no longer as expected (laws.md §8).

No change sends a receipt (SuppressReadReceipts), and none is made over somebody else's (NeverOverwrite).
"""

from collections.abc import Callable, Iterable, Iterator

from lxml import etree
from typing_extensions import override

from adapters.microsoft.folders import Entry
from adapters.microsoft.letters import carried, verb
from adapters.microsoft.target import Mail
from adapters.microsoft.words import RED, TO_FOLLOW_UP
from migrator.errors import Reason
from migrator.model import (
    DRAFT,
    FLAGGED,
    SEEN,
    Amended,
    Flag,
    Gone,
    Reflag,
    Sighting,
    Touched,
    Unable,
    Withdrawn,
)

from . import reading
from .letters import categories
from .troubles import CHANGED, GONE, Refusal
from .wire import Wire
from .words import FLAG_ICON, FLAG_STATUS, FOLLOWED, ICON, LAST_VERB, Property, identified


class ExchangeMail(Mail):
    """One mail over EWS."""

    def __init__(
        self,
        wire: Wire,
        item: str | None,
        expected: Sighting,
        *,
        seen: Callable[[etree._Element], Sighting],
        ref: Callable[[Entry, etree._Element], str],
    ) -> None:
        self._wire = wire
        self._ref = ref
        self._item = item
        self._seen = seen
        self._expected = expected
        self._key = ""

    @override
    def reflag(self, change: Reflag) -> Amended | Touched | Gone | Unable:
        if other := self._unexpected():
            return other
        now = self._expected.flags - {"\\Recent"}
        wished = carried((now - change.remove) | change.add)
        if (DRAFT in now) != (DRAFT in wished):
            return Unable(Reason("exchange.draft-stays"))
        if wished == now:
            return Amended(self._expected.ref, now)
        if other := self._asked(update(str(self._item), self._key, updates(now, wished))):
            return other
        found = self._look()
        return Gone() if found is None else Amended(found.ref, found.flags)

    @override
    def relocate(self, there: Entry) -> Amended | Touched | Gone:
        if other := self._unexpected():
            return other
        answer, *_ = self._wire.call(
            f"<m:MoveItem><m:ToFolderId>{identified('FolderId', there.identity)}</m:ToFolderId>"
            f"<m:ItemIds>{identified('ItemId', str(self._item), self._key)}</m:ItemIds>"
            "<m:ReturnNewItemIds>true</m:ReturnNewItemIds></m:MoveItem>"
        )
        if other := self._judged(answer.code, answer.ok, answer.refusal):
            return other
        moved = next(iter(answer), None)
        new = None if moved is None else reading.look(self._wire, reading.identity(moved)[0], reading.NUMBER)
        return Amended(None if new is None else self._ref(there, new), self._expected.flags - {"\\Recent"})

    @override
    def withdraw(self) -> Withdrawn | Touched | Gone:
        if other := self._unexpected():
            return other
        item = identified("ItemId", str(self._item), self._key)
        how = 'DeleteType="HardDelete" SuppressReadReceipts="true"'
        return self._asked(f"<m:DeleteItem {how}><m:ItemIds>{item}</m:ItemIds></m:DeleteItem>") or Withdrawn()

    # -- looking -----------------------------------------------------------------------------------------------------

    def _unexpected(self) -> Touched | Gone | None:
        """What stands in the way, None where all is as expected."""
        found = self._look()
        if found is None:
            return Gone()
        return None if found.flags == self._expected.flags - {"\\Recent"} else Touched(found)

    def _look(self) -> Sighting | None:
        found = None if self._item is None else reading.look(self._wire, self._item)
        if found is None:
            return None
        self._key = reading.identity(found)[1]
        return self._seen(found)

    def _asked(self, request: str) -> Touched | Gone | None:
        answer, *_ = self._wire.call(request)
        return self._judged(answer.code, answer.ok, answer.refusal)

    def _judged(self, code: str, ok: bool, refusal: Refusal) -> Touched | Gone | None:
        if ok:
            return None
        if code in GONE:
            return Gone()
        if code in CHANGED and (found := self._look()) is not None:
            return Touched(found)
        raise refusal


def update(item: str, key: str, changes: Iterable[str]) -> str:
    """The request that makes these changes, unless somebody else has made one since the key was read."""
    how = 'ConflictResolution="NeverOverwrite" MessageDisposition="SaveOnly" SuppressReadReceipts="true"'
    return (
        f"<m:UpdateItem {how}><m:ItemChanges><t:ItemChange>{identified('ItemId', item, key)}"
        f"<t:Updates>{''.join(changes)}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"
    )


def updates(now: frozenset[Flag], wished: frozenset[Flag]) -> Iterator[str]:
    """What makes of these flags those."""
    if (SEEN in now) != (SEEN in wished):
        read = "true" if SEEN in wished else "false"
        yield set_to('<t:FieldURI FieldURI="message:IsRead"/>', f"<t:IsRead>{read}</t:IsRead>")
    if categories(now) != categories(wished):
        field = '<t:FieldURI FieldURI="item:Categories"/>'
        shown = categories(wished)
        yield set_to(field, f"<t:Categories>{shown}</t:Categories>") if shown else without(field)
    if (FLAGGED in now) != (FLAGGED in wished):
        yield from _property(FLAG_STATUS, TO_FOLLOW_UP if FLAGGED in wished else None)
        yield from _property(FLAG_ICON, RED if FLAGGED in wished else None)
        yield without(FOLLOWED.field)
    if verb(now) != verb(wished):
        done, icon = verb(wished) or (None, None)
        yield from _property(LAST_VERB, done)
        yield from _property(ICON, icon)


def _property(which: Property, value: int | None) -> Iterator[str]:
    yield without(which.field) if value is None else set_to(which.field, which.valued(value))


def set_to(field: str, value: str) -> str:
    return f"<t:SetItemField>{field}<t:Message>{value}</t:Message></t:SetItemField>"


def without(field: str) -> str:
    return f"<t:DeleteItemField>{field}</t:DeleteItemField>"
