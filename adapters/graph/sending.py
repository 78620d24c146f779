"""Puts letters into one folder, each once, and says of each what became of it.

    importMime, one by one   into the hall, where a mail is without its date, flags and token
    PATCH, in a batch        which say all that; what does not take the date does not go on
    move, in a batch         to the place: now people see it, and settle finds it by its token
    GET, in a batch          the numbers they have there

Until the move nothing is at the place, and after it a mail is whole: wherever this is killed, what lies there is right.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.microsoft.letters import RECEIPT_DISARMED, Prepared
from adapters.microsoft.refusals import ABOUT_THE_MAIL, ENDINGS, TOO_LARGE, Refusals
from adapters.microsoft.words import instant
from migrator.errors import AccountError, MigratorError, Outage, Reason, UsageError
from migrator.model import DRAFT, SEEN, Receipt, Refused

from . import troubles, words
from .hall import Hall
from .troubles import FORBIDDEN, Refusal
from .wire import BETA, STABLE, Call, Wire, query

SAID_NOTHING = {"graph.unanswered", "exchange.answer-broken"}

NO_SUCH_CALL = {"BadRequest", "UnknownError", "HTTP 404", "HTTP 405"}
"""What Graph says to a path it does not know."""

Outcome = Receipt | Refused


@dataclass(slots=True, kw_only=True)
class Post:
    """Sends into one folder. `unanswered` counts, by what was sent, how often a mail got no answer."""

    wire: Wire
    hall: Hall
    folder: str
    place: str
    mailbox: str
    batch_items: int
    unanswered: Counter[str]
    refusals: Refusals
    ref: Callable[[Mapping[str, Any]], str]

    def deliver(self, letters: Sequence[Prepared]) -> Iterator[Outcome]:
        """One outcome for each, in order. Raises FolderError, AccountError, UsageError, Outage."""
        for start in range(0, len(letters), self.batch_items):
            yield from self._sent(letters[start : start + self.batch_items])

    def _sent(self, batch: Sequence[Prepared]) -> Iterator[Outcome]:
        """As far as it is known in order; then what stopped it, if anything did."""
        outcomes: dict[int, Outcome] = {}
        trouble: MigratorError | None = None
        try:
            self._put(batch, outcomes)
        except MigratorError as error:
            trouble = error
        except Refusal as refusal:
            trouble = refusal.meaning(self.mailbox, self.place)
        if trouble is not None:
            self.hall.broken()
        for at in range(len(batch)):
            if at not in outcomes:
                break
            yield outcomes[at]
        if trouble is not None:
            raise trouble

    def _put(self, batch: Sequence[Prepared], outcomes: dict[int, Outcome]) -> None:
        made: dict[int, str] = {}
        for at, letter in enumerate(batch):
            match self._made(letter):
                case Refused() as refused:
                    outcomes[at] = refused
                case identity:
                    made[at] = identity
        self._complete(batch, made, outcomes)
        moved, stopped = self._moved(made)
        self._receipts(batch, moved, outcomes)
        if stopped is not None:
            raise stopped

    # -- made ----------------------------------------------------------------------------------------------------------

    def _made(self, letter: Prepared) -> str | Refused:
        """Its id. What is left unanswered again and again will be so tomorrow, too."""
        if self.unanswered[letter.sent] >= ENDINGS:
            del self.unanswered[letter.sent]  # who asks for it again gets a new trial
            return letter.refused("exchange.ends-connection")
        try:
            found = self._imported(letter)
        except Outage as outage:
            if outage.reason.code in SAID_NOTHING:
                self.unanswered[letter.sent] += 1
            raise
        self.unanswered.pop(letter.sent, None)
        return found

    def _imported(self, letter: Prepared) -> str | Refused:
        """A refusal counts when it was said twice; that it is too large, once."""
        try:
            return self._import(letter)
        except Refusal as refusal:
            said = self._about_the_mail(refusal)
        if said != TOO_LARGE:
            try:
                return self._import(letter)
            except Refusal as refusal:
                said = self._about_the_mail(refusal)
        return self._refused(letter, said)

    def _import(self, letter: Prepared) -> str:
        """importMime makes what is no draft, and the old call nothing else."""
        call, version = ("messages", STABLE) if DRAFT in letter.flags else ("importMime", BETA)
        made = self.wire.create(f"mailFolders/{self.hall.identity}/{call}", letter.mime, version=version)
        return str(made["id"])

    def _about_the_mail(self, refusal: Refusal) -> str:
        """The code of a refusal that is about this mail; raises what another one is about."""
        if refusal.status == troubles.TOO_LARGE:
            return TOO_LARGE
        if refusal.code in ABOUT_THE_MAIL:
            return refusal.code
        if refusal.status == FORBIDDEN:
            raise AccountError(Reason("graph.import-denied", mailbox=self.mailbox)) from refusal
        if refusal.code in NO_SUCH_CALL:
            raise UsageError(Reason("graph.import-gone", answer=refusal.code)) from refusal
        raise refusal

    def _refused(self, letter: Prepared, code: str) -> Refused:
        self.refusals.refused(code, self.place)
        return letter.refused(ABOUT_THE_MAIL[code], answer=code)

    # -- made complete -------------------------------------------------------------------------------------------------

    def _complete(self, batch: Sequence[Prepared], made: dict[int, str], outcomes: dict[int, Outcome]) -> None:
        """Say of each what its MIME does not; who is refused now leaves `made`."""
        self._disarm([identity for at, identity in made.items() if _would_answer(batch[at])])
        calls = {at: Call("PATCH", f"messages/{identity}", words.state(batch[at])) for at, identity in made.items()}
        for at, answer in zip(calls, self.wire.each(list(calls.values())), strict=True):
            try:
                said = answer.body if answer.ok else self._told_again(calls[at], answer.refusal)
            except Refusal as refusal:
                code = self._about_the_mail(refusal)
                self.hall.delete([made.pop(at)])
                outcomes[at] = self._refused(batch[at], code)
            else:
                self.refusals.accepted()
                _check(batch[at], said)

    def _told_again(self, call: Call, refusal: Refusal) -> Any:
        """Raises Refusal: the second one, or the first where that is not about the mail."""
        self._about_the_mail(refusal)
        return self.wire.one(call)

    def _disarm(self, identities: Sequence[str]) -> None:
        """First of all: a mail that is marked as read while it asks for a receipt sends one."""
        calls = [Call("PATCH", f"messages/{each}", {"isReadReceiptRequested": False}) for each in identities]
        for answer in self.wire.each(calls):
            if not answer.ok:
                raise answer.refusal

    # -- moved ---------------------------------------------------------------------------------------------------------

    def _moved(self, made: Mapping[int, str]) -> tuple[dict[int, str], Refusal | None]:
        """The ids they have at their place, in the order in which they were moved; and what stopped it, if anything."""
        calls = [Call("POST", f"messages/{each}/move", {"destinationId": self.folder}) for each in made.values()]
        moved: dict[int, str] = {}
        for at, answer in zip(made, self.wire.each(calls, in_order=True), strict=False):
            if not answer.ok:
                return moved, answer.refusal
            moved[at] = str(answer.body["id"])
        return moved, None

    def _receipts(self, batch: Sequence[Prepared], moved: Mapping[int, str], outcomes: dict[int, Outcome]) -> None:
        calls = [Call("GET", query(f"messages/{each}", **words.NUMBER_OF_A_MAIL)) for each in moved.values()]
        for at, answer in zip(moved, self.wire.each(calls), strict=True):
            if not answer.ok:
                raise answer.refusal
            outcomes[at] = batch[at].receipt(self.ref(answer.body))


def _would_answer(letter: Prepared) -> bool:
    return RECEIPT_DISARMED in letter.repairs and SEEN in letter.flags


def _check(letter: Prepared, said: Mapping[str, Any]) -> None:
    """No page says that a date can be given afterwards, or that what was imported stays no draft: so it is looked at
    before anybody sees the mail. Raises UsageError."""
    if instant(said.get("receivedDateTime")) != instant(letter.received):
        raise UsageError(Reason("graph.date-not-kept"))
    if said.get("isDraft") is not (DRAFT in letter.flags):
        raise UsageError(Reason("graph.draft-made"))
