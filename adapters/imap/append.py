"""Letters into a folder, and what a refusal means (laws.md §1, §9)."""

import re
from collections.abc import Callable, Iterator, Sequence

from migrator.errors import AccountError, FolderError, Outage, Reason
from migrator.model import Mark, Receipt, Refused, Sighting

from .answers import ABSENT, Continuation, Status
from .letters import Letter
from .session import Session
from .words import numbers_in, quoted

SMALL_LITERAL = 4096
"""Bytes that LITERAL- lets through unasked (RFC 7888 §5)."""

STROKE = 64 * 1024
"""Bytes that are worth a system call of their own."""

ROW = 3
"""So many equal refusals in a row are about the server, not about the mails."""

BLAMED = 3
"""So often a mail may have been on its way when the connection ended before it is refused unasked."""

ENDED = {"imap.bad", "imap.lost", "imap.silent"}
"""Outages that a mail can have caused."""


class Refusals:
    """How a server has refused so far: it tells one that takes nothing from a mail that nobody takes."""

    def __init__(self) -> None:
        self._last = ""
        self._row = 0
        self._largest = 0

    def accepted(self, letter: Letter) -> None:
        self._row = 0
        self._largest = max(self._largest, letter.size)

    def refused(self, letter: Letter, answer: Status) -> None:
        """Raises Outage at the third equal one in a row.

        A mail larger than all that were taken may well be too large: its refusal says nothing about the server.
        """
        if answer.code == "TOOBIG" or 0 < self._largest < letter.size:
            return
        said = f"{answer.code} {re.sub('[0-9.]+', '#', answer.text)}"
        self._row = self._row + 1 if said == self._last else 1
        self._last = said
        if self._row == ROW:
            self._row = 0
            raise Outage(Reason("imap.refuses-all", answer=answer.shown))


class Arrivals:
    """How far a place had come before a sending: what came in spite of a NO lies beyond."""

    def __init__(self, mark: Callable[[], Mark | None], survey: Callable[[Mark], Iterator[Sighting]]) -> None:
        self._ask = mark
        self._survey = survey
        self._mark: Mark | None = None

    def known(self, mark: Mark | None) -> None:
        self._mark = mark

    def before(self) -> None:
        """Know the mark before something is sent."""
        if self._mark is None:
            self._mark = self._ask()

    def stored(self, refs: Sequence[str | None]) -> None:
        """Go on to behind these."""
        epoch, _, number = (refs[-1] or "").partition(":")
        if self._mark and epoch == str(self._mark.epoch):
            self._mark = Mark(self._mark.epoch, max(self._mark.next, int(number) + 1), self._mark.count + len(refs))
        else:
            self._mark = None

    def hold(self, letters: Sequence[Letter]) -> bool | None:
        """Whether one of the letters lies there now, new since the mark; None where the place is gone.

        Where others deliver too, new mail alone proves nothing: then the headers are compared.
        """
        now, before = self._ask(), self._mark
        if now is None or before is None:
            return None
        self._mark = now
        if (now.epoch, now.next) == (before.epoch, before.next):
            return False
        headers = {letter.headers for letter in letters}
        ids = {letter.message_id for letter in letters} - {None}
        return any(each.headers in headers or each.message_id in ids for each in self._survey(before))


class Post:
    """Puts letters into one folder."""

    def __init__(
        self,
        session: Session,
        shown: str,
        name: bytes,
        refusals: Refusals,
        arrivals: Arrivals,
        make: Callable[[], object],
    ) -> None:
        self._session = session
        self._shown = shown
        self._name = name
        self._refusals = refusals
        self._arrivals = arrivals
        self._make = make
        self._made = False

    def deliver(self, letters: Sequence[Letter]) -> Iterator[Receipt | Refused]:
        """One outcome for each, in order. Raises FolderError, AccountError, Outage.

        Mails that were on their way when a connection ended are suspects: they go alone, until they have gone.
        """
        blamed = self._session.memory.blamed
        if self._session.memory.cautious or any(letter.sent in blamed for letter in letters):
            yield from map(self._carefully, letters)
            return
        answered = 0
        try:
            for outcome in self._quickly(letters):
                answered += 1
                yield outcome
        except Outage as outage:
            self._blame(letters[answered:], outage)
            raise

    def _quickly(self, letters: Sequence[Letter]) -> Iterator[Receipt | Refused]:
        if self._session.can("MULTIAPPEND"):
            yield from self._together(letters)
            return
        made = self._made
        for letter, answer in zip(letters, self._ask([[each] for each in letters]), strict=True):
            if self._made != made and answer.code in ABSENT:  # said before the place was made again
                (answer,) = self._ask([[letter]])
            yield self._judged(letter, answer)

    def _blame(self, letters: Sequence[Letter], outage: Outage) -> None:
        if outage.reason.code in ENDED:
            blamed = self._session.memory.blamed
            blamed.update({letter.sent: blamed.get(letter.sent, 0) + 1 for letter in letters})

    # -- what a refusal means ----------------------------------------------------------------------------------------

    def _together(self, letters: Sequence[Letter]) -> Iterator[Receipt | Refused]:
        """All of them or none (RFC 3502); a batch that is refused is halved until the culprit is alone."""
        (answer,) = self._ask([letters])
        if len(letters) == 1:
            yield self._judged(letters[0], answer)
        elif answer.kind == "OK":
            refs = _refs(answer, len(letters))
            self._arrivals.stored(refs)
            for letter, ref in zip(letters, refs, strict=True):
                self._refusals.accepted(letter)
                yield letter.receipt(ref)
        elif self._remade(letters, answer):
            yield from self._together(letters)
        else:
            middle = len(letters) // 2
            yield from self._together(letters[:middle])
            yield from self._together(letters[middle:])

    def _carefully(self, letter: Letter) -> Receipt | Refused:
        """Alone. What ends the connection again and again will do so tomorrow, too."""
        if self._session.memory.blamed.get(letter.sent, 0) >= BLAMED:
            return letter.refused("imap.ends-connection")
        try:
            (answer,) = self._ask([[letter]])
            outcome = self._judged(letter, answer)
        except Outage as outage:
            self._blame([letter], outage)
            raise
        self._session.memory.blamed.pop(letter.sent, None)
        return outcome

    def _judged(self, letter: Letter, answer: Status) -> Receipt | Refused:
        """What became of a letter that went alone; if it was refused, it is asked a second time."""
        refusals = 0
        while answer.kind != "OK":
            if not self._remade([letter], answer):
                refusals += 1
                if refusals == 2:
                    self._refusals.refused(letter, answer)
                    return letter.refused("imap.refused", answer=answer.shown)
            (answer,) = self._ask([[letter]])
        refs = _refs(answer, 1)
        self._arrivals.stored(refs)
        self._refusals.accepted(letter)
        return letter.receipt(refs[0])

    def _remade(self, letters: Sequence[Letter], answer: Status) -> bool:
        """Whether the NO was about the place, which is there again now. Raises for what is not about these mails."""
        if answer.not_now:
            raise Outage(Reason("imap.not-now", answer=answer.shown), retry_after=answer.retry_after)
        if answer.code == "OVERQUOTA":
            raise AccountError(Reason("imap.over-quota", answer=answer.shown))
        if answer.code in ("NOPERM", "READ-ONLY"):
            raise FolderError(Reason("imap.append-forbidden", place=self._shown, answer=answer.shown))
        there = self._arrivals.hold(letters)
        if there:
            raise Outage(Reason("imap.refused-but-arrived", place=self._shown, answer=answer.shown))
        if there is not None and answer.code not in ABSENT:
            return False
        if self._made:
            raise FolderError(Reason("imap.place-vanishes", place=self._shown, answer=answer.shown))
        self._made = True
        self._make()
        self._arrivals.known(None)
        return True

    # -- the wire ----------------------------------------------------------------------------------------------------

    def _ask(self, commands: Sequence[Sequence[Letter]]) -> list[Status]:
        """One APPEND for each list of letters, sent without waiting wherever that is allowed; their answers."""
        self._arrivals.before()
        self._session.leave()
        self._session.drain()
        pen = _Pen(self._session)
        for letters in commands:
            pen.begin(b"APPEND " + quoted(self._name))
            for letter in letters:
                if not pen.literal(letter, asking=not self._unasked(letter.size)):
                    break
            else:
                pen.write(b"\r\n")
        return pen.answers()

    def _unasked(self, size: int) -> bool:
        """Whether a literal of that size may be sent without waiting for the server (RFC 7888)."""
        if self._session.memory.cautious:
            return False
        return self._session.can("LITERAL+") or (size <= SMALL_LITERAL and self._session.can("LITERAL-"))


class _Pen:
    """Writes commands in large strokes and keeps the answers that come meanwhile."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._tags: list[bytes] = []
        self._answers: dict[bytes, Status] = {}

    def begin(self, command: bytes) -> None:
        self._tags.append(self._session.new_tag())
        self.write(self._tags[-1] + b" " + command)

    def literal(self, letter: Letter, *, asking: bool) -> bool:
        """A letter, after the server's go-ahead if it must be asked; False if it says NO."""
        self.write(letter.opening + (b"{%d}\r\n" if asking else b"{%d+}\r\n") % letter.size)
        if asking:
            self._flush()
            while not isinstance(self._next(), Continuation):
                if self._tags[-1] in self._answers:
                    return False
        for chunk in letter.chunks():
            self.write(chunk)
        return True

    def write(self, data: bytes) -> None:
        """Small pieces are sent together; a large one as it is, for to join it would be to copy it."""
        if len(data) >= STROKE:
            self._flush()
            self._send(data)
            return
        self._waiting.append(data)
        self._bytes += len(data)
        if self._bytes >= STROKE:
            self._flush()

    def answers(self) -> list[Status]:
        self._flush()
        while len(self._answers) < len(self._tags):
            self._next()
        return [self._answers[tag] for tag in self._tags]

    def _flush(self) -> None:
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        self._send(data)

    def _send(self, data: bytes) -> None:
        # If one of these is heard, reading it will end the connection, and the server reads no further line of a mail.
        self._session.wire.send(data, alarms=(b"* BYE", b"* BAD", *(tag + b" BAD" for tag in self._tags)))

    def _next(self) -> object:
        said = self._session.next()
        if isinstance(said, Status) and said.tag in self._tags:
            self._answers[said.tag] = said
        return said


def _refs(answer: Status, count: int) -> list[str | None]:
    """The refs that APPENDUID tells (RFC 4315 §3), else None for each."""
    if answer.code == "APPENDUID":
        epoch, _, numbers = answer.argument.partition(" ")
        told = numbers_in(numbers)
        if epoch.isdigit() and len(told) == count:
            return [f"{epoch}:{number}" for number in told]
    return [None] * count
