"""One mail changed, moved or taken back, unless it is no longer as expected (laws.md §8).

No flag is changed over somebody else's change (If-Match). A move and a deletion take no condition: there we have looked
just before.
"""

from collections.abc import Callable
from typing import Any

from typing_extensions import override

from adapters.microsoft.folders import Entry
from adapters.microsoft.letters import carried
from adapters.microsoft.target import Mail
from migrator.errors import Reason
from migrator.model import DRAFT, Amended, Gone, Reflag, Sighting, Touched, Unable, Withdrawn

from . import reading, words
from .reading import Message
from .troubles import CHANGED, GONE, Refusal
from .wire import Call, Wire


class GraphMail(Mail):
    """One mail over Graph."""

    def __init__(
        self,
        wire: Wire,
        folder: str,
        item: str | None,
        expected: Sighting,
        *,
        seen: Callable[[Message], Sighting],
        ref: Callable[[Entry, Message], str],
    ) -> None:
        self._wire = wire
        self._folder = folder
        self._item = item
        self._seen = seen
        self._ref = ref
        self._expected = expected
        self._tag = "*"

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
        match self._asked("PATCH", "", words.updates(now, wished)):
            case Touched() | Gone() as other:
                return other
            case _:
                found = self._look()
                return Gone() if found is None else Amended(found.ref, found.flags)

    @override
    def relocate(self, there: Entry) -> Amended | Touched | Gone:
        if other := self._unexpected():
            return other
        match self._asked("POST", "/move", {"destinationId": there.identity}):
            case Touched() | Gone() as other:
                return other
            case moved:
                new = reading.look(self._wire, str(moved["id"]), there.identity, words.NUMBER_OF_A_MAIL)
                return Amended(None if new is None else self._ref(there, new), self._expected.flags - {"\\Recent"})

    @override
    def withdraw(self) -> Withdrawn | Touched | Gone:
        if other := self._unexpected():
            return other
        match self._asked("DELETE", "", None):
            case Touched() | Gone() as other:
                return other
            case _:
                return Withdrawn()

    # -- looking -----------------------------------------------------------------------------------------------------

    def _unexpected(self) -> Touched | Gone | None:
        """What stands in the way, None where all is as expected."""
        found = self._look()
        if found is None:
            return Gone()
        return None if found.flags == self._expected.flags - {"\\Recent"} else Touched(found)

    def _look(self) -> Sighting | None:
        found = None if self._item is None else reading.look(self._wire, self._item, self._folder)
        if found is None:
            return None
        self._tag = found.get("@odata.etag", "*")
        return self._seen(found)

    def _asked(self, method: str, action: str, body: dict[str, Any] | None) -> Any:
        try:
            match = self._tag if method == "PATCH" else None
            return self._wire.one(Call(method, f"messages/{self._item}{action}", body), match=match)
        except Refusal as refusal:
            if refusal.status == GONE:
                return Gone()
            if refusal.status == CHANGED and (found := self._look()) is not None:
                return Touched(found)
            raise
