"""What one mailbox's connections tell those that come after them, for as long as this process lives."""

import re
from threading import Lock

from migrator.errors import Outage, Reason

from .answers import Status

ENDINGS = 4
"""So often a mail, alone, must have ended the connection, and nothing else in between, before it is given up."""

DOUBTS = 3
"""On so many connections a server must have said NO to a mail, alone and twice, when it does not say why."""

ROW = 3
"""So many equal refusals in a row are about the server, not about the mails."""

ABOUT_THE_MAIL = {"CANNOT", "LIMIT", "TOOBIG"}
"""Response codes that say: this mail, and tomorrow too (RFC 5530, RFC 4469)."""


class Memory:
    """Any lane's thread writes to it."""

    def __init__(self) -> None:
        self.cautious = False
        """The server has answered BAD: go on with synchronising literals, one mail at a time (laws.md §9)."""
        self.refusals = Refusals()
        self._lock = Lock()
        self._ends = 0
        self._suspects: dict[str, tuple[int, int]] = {}
        self._doubts: dict[str, int] = {}

    # -- connections that end ----------------------------------------------------------------------------------------

    def ended(self) -> None:
        """A connection has ended that we had not closed."""
        with self._lock:
            self._ends += 1

    def suspect(self, *mails: str) -> None:
        """These were on their way when a connection ended: they go alone until they have gone."""
        with self._lock:
            for mail in mails:
                self._suspects.setdefault(mail, (0, self._ends))

    def accuse(self, mail: str, *, surely: bool) -> None:
        """It alone was on its way when a connection ended; `surely` where the server has said BAD to it.

        A network that ends connections by chance ends others too: what has ended in between speaks for the mail.
        """
        with self._lock:
            self._ends -= 1
            times, then = self._suspects.get(mail, (0, self._ends))
            self._suspects[mail] = ((times if then == self._ends else 0) + (2 if surely else 1), self._ends)

    def suspects(self, mail: str) -> bool:
        return mail in self._suspects

    def convicts(self, mail: str) -> bool:
        """Whether it will end the connection tomorrow, too."""
        return self._suspects.get(mail, (0, 0))[0] >= ENDINGS

    def acquit(self, mail: str) -> None:
        """It has gone, or its refusal has been told: nothing is held against it any more."""
        with self._lock:
            self._suspects.pop(mail, None)
            self._doubts.pop(mail, None)

    # -- a NO without a reason ---------------------------------------------------------------------------------------

    def doubt(self, mail: str) -> bool:
        """The server has said NO to it, alone and twice, and not why: whether that may still be the server's matter."""
        with self._lock:
            self._doubts[mail] = self._doubts.get(mail, 0) + 1
            return self._doubts[mail] < DOUBTS


class Refusals:
    """How a server has refused so far: it tells one that takes nothing from a mail that nobody takes."""

    def __init__(self) -> None:
        self._last = ""
        self._row = 0
        self._largest = 0

    def accepted(self, size: int) -> None:
        self._row = 0
        self._largest = max(self._largest, size)

    def refused(self, size: int, answer: Status) -> None:
        """Raises Outage at the third equal one in a row; where the server does not say why, at all that follow, too.

        A mail larger than all that were taken may well be too large: its refusal says nothing about the server.
        """
        if answer.code == "TOOBIG" or 0 < self._largest < size:
            return
        said = f"{answer.code} {re.sub('[0-9.]+', '#', answer.text)}"
        self._row = self._row + 1 if said == self._last else 1
        self._last = said
        if self._row >= ROW:
            self._row = ROW - 1 if answer.code not in ABOUT_THE_MAIL else 0
            raise Outage(Reason("imap.refuses-all", answer=answer.shown))
