"""Puts letters into one folder, each once, and says of each what became of it."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from lxml import etree

from adapters.microsoft.letters import Prepared
from adapters.microsoft.refusals import ABOUT_THE_MAIL, ENDINGS, PATIENCE, PAUSE, TOO_LARGE, Refusals
from migrator.errors import FolderError, MigratorError, Outage, Reason
from migrator.model import Receipt, Refused

from . import reading
from .letters import pieces as pieces_of
from .troubles import BUSY, Refusal
from .wire import Piece, Wire
from .words import identified

SAID_NOTHING = {"exchange.unanswered", "exchange.answer-broken"}

Outcome = Receipt | Refused


@dataclass(slots=True, kw_only=True)
class Post:
    """Sends into one folder. `unanswered` counts, by what was sent, how often a mail got no answer."""

    wire: Wire
    folder: str
    place: str
    mailbox: str
    batch_items: int
    batch_bytes: int
    unanswered: Counter[str]
    refusals: Refusals
    ref: Callable[[etree._Element], str]
    sleep: Callable[[float], None] = field(default=time.sleep)

    def deliver(self, letters: Sequence[Prepared]) -> Iterator[Outcome]:
        """One outcome for each, in order. Raises FolderError, AccountError, Outage."""
        for batch in self._batches(letters):
            yield from self._suspected(batch)

    def _batches(self, letters: Sequence[Prepared]) -> Iterator[list[Prepared]]:
        """Within the bounds of one request. A mail that was left unanswered goes alone until it has gone."""
        batch: list[Prepared] = []
        total = 0
        for letter in letters:
            alone = letter.sent in self.unanswered
            full = len(batch) >= self.batch_items or total + letter.size > self.batch_bytes
            if batch and (full or alone):
                yield batch
                batch, total = [], 0
            batch.append(letter)
            total += letter.size
            if alone:
                yield batch
                batch, total = [], 0
        if batch:
            yield batch

    def _suspected(self, batch: list[Prepared]) -> Iterator[Outcome]:
        """What is left unanswered again and again, alone, will be so tomorrow, too."""
        alone = batch[0].sent if len(batch) == 1 else None
        if alone is not None and self.unanswered[alone] >= ENDINGS:
            del self.unanswered[alone]  # who asks for it again gets a new trial
            yield batch[0].refused("exchange.ends-connection")
            return
        try:
            yield from self._sent(batch)
        except Outage as outage:
            if outage.reason.code in SAID_NOTHING:
                for letter in batch:
                    self.unanswered[letter.sent] = self.unanswered[letter.sent] + 1 if alone else 1
            raise
        for letter in batch:
            self.unanswered.pop(letter.sent, None)

    # -- one batch ---------------------------------------------------------------------------------------------------

    def _sent(self, batch: list[Prepared]) -> Iterator[Outcome]:
        """As far as it is known in order; then what stopped it, if anything did."""
        outcomes: dict[int, Outcome] = {}
        trouble: MigratorError | None = None
        try:
            self._settle(dict(enumerate(batch)), outcomes)
        except (Outage, FolderError) as error:
            trouble = error
        except Refusal as refusal:
            trouble = refusal.meaning(self.mailbox, self.place)
        for at in range(len(batch)):
            if at not in outcomes:
                break
            yield outcomes[at]
        if trouble is not None:
            raise trouble

    def _settle(self, left: dict[int, Prepared], outcomes: dict[int, Outcome]) -> None:
        """Send, and send again what the server says it has not done and does not show either.

        Only an answer is believed here. Where there is none the engine settles it, and has more patience (laws.md
        §1.3).
        """
        waited = 0.0
        while True:
            busy = self._once(left, outcomes)
            left = {at: letter for at, letter in left.items() if at not in outcomes}
            if not left:
                return
            pause = busy.back_off or PAUSE
            if waited + pause > PATIENCE:
                raise busy
            self.sleep(pause)
            waited += pause
            self._found(left, outcomes)
            left = {at: letter for at, letter in left.items() if at not in outcomes}
            if not left:
                return

    def _once(self, left: dict[int, Prepared], outcomes: dict[int, Outcome]) -> Refusal:
        """Send them in one request; the outcomes that are known, and why the others are not."""
        busy = Refusal("ErrorServerBusy")
        made: dict[int, str] = {}
        stopped: Refusal | None = None
        refused: dict[int, Refusal] = {}
        for at, said in zip(left, self._create(list(left.values())), strict=True):
            match said:
                case str():
                    made[at] = said
                case Refusal(code=code) if code in ABOUT_THE_MAIL:
                    refused[at] = said
                case Refusal(code=code) if code in BUSY:
                    busy = said if (said.back_off or 0) >= (busy.back_off or 0) else busy
                case _:
                    stopped = stopped or said
        self._receipts({at: left[at] for at in made}, made, outcomes)
        for at, refusal in refused.items():
            outcomes[at] = self._again(left[at], refusal, first=len(left) > 1)
        if stopped is not None:
            raise stopped
        return busy

    def _again(self, letter: Prepared, refusal: Refusal, *, first: bool) -> Outcome:
        """A refusal counts when it was said twice, and to the mail alone; that it is too large, once."""
        if refusal.code != TOO_LARGE or first:
            (said,) = self._create([letter])
            if isinstance(said, str):
                outcomes: dict[int, Outcome] = {}
                self._receipts({0: letter}, {0: said}, outcomes)
                return outcomes[0]
            if said.code not in ABOUT_THE_MAIL:
                raise said
            refusal = said
        self.refusals.refused(refusal.code, self.place)
        return letter.refused(ABOUT_THE_MAIL[refusal.code], answer=refusal.code)

    def _receipts(self, letters: dict[int, Prepared], made: dict[int, str], outcomes: dict[int, Outcome]) -> None:
        """The refs of what was made, asked for in one request."""
        if not made:
            return
        self.refusals.accepted()
        answers = reading.get(self.wire, made.values(), reading.NUMBER)
        for at, answer in zip(made, answers, strict=True):
            if not answer.ok:
                raise answer.refusal
            outcomes[at] = letters[at].receipt(self.ref(next(iter(answer))))

    def _found(self, left: dict[int, Prepared], outcomes: dict[int, Outcome]) -> None:
        """Presence is believed at once."""
        there = reading.named(self.wire, self.folder, [letter.token for letter in left.values()])
        for at, letter in left.items():
            if items := there.get(letter.token):
                outcomes[at] = letter.receipt(self.ref(items[0]))

    # -- the request -------------------------------------------------------------------------------------------------

    def _create(self, letters: list[Prepared]) -> list[str | Refusal]:
        """The id of each mail that was made, or why it was not."""
        opening = (
            '<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId>'
            f"{identified('FolderId', self.folder)}</m:SavedItemFolderId><m:Items>"
        )
        pieces: list[Piece] = [opening.encode()]
        for letter in letters:
            pieces += pieces_of(letter)
        pieces.append(b"</m:Items></m:CreateItem>")
        try:
            answers = self.wire.once(pieces)
        except Refusal as refusal:
            return [refusal] * len(letters)
        if len(answers) != len(letters):
            raise Outage(Reason("exchange.answer-broken", endpoint=self.wire.endpoint))
        return [reading.identity(next(iter(answer)))[0] if answer.ok else answer.refusal for answer in answers]
