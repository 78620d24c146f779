"""Letters into a folder, and what a refusal means (laws.md §1, §9)."""

from collections.abc import Callable, Iterator, Sequence

from migrator.errors import AccountError, FolderError, Outage, Reason
from migrator.model import Mark, Receipt, Refused, Sighting

from .answers import ABSENT, Continuation, Status
from .letters import Letter
from .memory import ABOUT_THE_MAIL
from .session import Session
from .words import numbers_in, quoted

SMALL_LITERAL = 4096
"""Bytes that LITERAL- lets through unasked (RFC 7888 §5)."""

STROKE = 64 * 1024
"""Bytes that are worth a system call of their own."""


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
        arrivals: Arrivals,
        make: Callable[[], object],
    ) -> None:
        self._session = session
        self._shown = shown
        self._name = name
        self._memory = session.memory
        self._arrivals = arrivals
        self._make = make
        self._made = False

    def deliver(self, letters: Sequence[Letter]) -> Iterator[Receipt | Refused]:
        """One outcome for each, in order. Raises FolderError, AccountError, Outage.

        Mails that were on their way when a connection ended are suspects: they go alone, until they have gone.
        """
        if self._memory.cautious or any(self._memory.suspects(letter.sent) for letter in letters):
            yield from map(self._carefully, letters)
            self._memory.cautious = False
            return
        answered = 0
        try:
            for outcome in self._quickly(letters):
                answered += 1
                yield outcome
        except Outage:
            if not self._session.alive:
                self._memory.suspect(*(letter.sent for letter in letters[answered:]))
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
                self._memory.refusals.accepted(letter.size)
                yield letter.receipt(ref)
        elif self._remade(letters, answer):
            yield from self._together(letters)
        else:
            middle = len(letters) // 2
            yield from self._together(letters[:middle])
            yield from self._together(letters[middle:])

    def _carefully(self, letter: Letter) -> Receipt | Refused:
        """Alone. What ends the connection again and again will do so tomorrow, too."""
        if self._memory.convicts(letter.sent):
            self._memory.acquit(letter.sent)  # who asks for it again gets a new trial
            return letter.refused("imap.ends-connection")
        try:
            (answer,) = self._ask([[letter]])
            outcome = self._judged(letter, answer)
        except Outage as outage:
            if not self._session.alive:
                self._memory.accuse(letter.sent, surely=outage.reason.code == "imap.bad")
            raise
        self._memory.acquit(letter.sent)
        return outcome

    def _judged(self, letter: Letter, answer: Status) -> Receipt | Refused:
        """What became of a letter that went alone; if it was refused, it is asked a second time."""
        refusals = 0
        while answer.kind != "OK":
            if not self._remade([letter], answer):
                refusals += 1
                if refusals == 2:
                    return self._refused(letter, answer)
            (answer,) = self._ask([[letter]])
        refs = _refs(answer, 1)
        self._arrivals.stored(refs)
        self._memory.refusals.accepted(letter.size)
        return letter.receipt(refs[0])

    def _refused(self, letter: Letter, answer: Status) -> Refused:
        """Raises Outage where the NO need not be about the mail."""
        if answer.code not in ABOUT_THE_MAIL and self._memory.doubt(letter.sent):
            raise Outage(Reason("imap.unclear-no", answer=answer.shown))
        self._memory.refusals.refused(letter.size, answer)
        self._memory.acquit(letter.sent)
        return letter.refused("imap.refused", answer=answer.shown)

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
                if not pen.literal(letter, asking=not self._unasked(letter)):
                    break
            else:
                pen.write(b"\r\n")
        return pen.answers()

    def _unasked(self, letter: Letter) -> bool:
        """Whether a letter may be sent without waiting for the server (RFC 7888)."""
        if letter.commanding or self._memory.cautious or self._memory.suspects(letter.sent):
            return False
        return self._session.can("LITERAL+") or (letter.size <= SMALL_LITERAL and self._session.can("LITERAL-"))


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
