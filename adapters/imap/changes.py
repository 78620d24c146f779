"""One mail changed, moved or taken back, unless it is no longer as expected (laws.md §8)."""

from collections.abc import Iterable

from migrator.errors import FolderError, Reason
from migrator.model import DELETED, Amended, Gone, Reflag, Sighting, Touched, Unable, Withdrawn

from .answers import Data, Fetched, Status
from .letters import Permitted
from .reading import sighting
from .session import No, Session
from .words import flag_list, numbers_in, quoted


class Mail:
    """One mail of one folder, as somebody expects it to be. Every method raises No for what the server refuses."""

    def __init__(self, session: Session, name: bytes, ref: str, expected: Sighting) -> None:
        self._session = session
        self._name = name
        self._expected = expected
        epoch, _, number = ref.partition(":")
        self._epoch, self._number = int(epoch), int(number)
        self._conditional = False
        self._modseq: int | None = None

    def reflag(self, change: Reflag, permitted: Permitted) -> Amended | Touched | Gone:
        """Add and take flags; where the server can, only if nobody has come between."""
        if other := self._unexpected():
            return other
        now = self._expected.flags
        for sign, flags in ((b"+", change.add), (b"-", change.remove)):
            words = {word for flag in flags if (word := permitted.word(flag))}
            if not words:
                continue
            if self._modified(self._session.run(self._store(sign, flag_list(words)))):
                return self._touched()
            found = self._look()
            if found is None:
                return Gone()
            now = found.flags
        return Amended(f"{self._epoch}:{self._number}", now)

    def relocate(self, there: bytes) -> Amended | Touched | Gone | Unable:
        """Move to another folder, at once where the server can (RFC 6851)."""
        if other := self._unexpected():
            return other
        moves = self._session.can("MOVE")
        if not moves and not self._session.can("UIDPLUS"):
            return Unable(Reason("imap.move-impossible"))
        verb = b"MOVE" if moves else b"COPY"
        answer = self._session.run(b"UID %b %d %b" % (verb, self._number, quoted(there)))
        if not moves:
            self._expunge()
        return Amended(_new_ref(answer), self._expected.flags)

    def withdraw(self) -> Withdrawn | Touched | Gone:
        """Delete this one mail and no other: never by a plain EXPUNGE."""
        if other := self._unexpected():
            return other
        if not self._session.can("UIDPLUS"):
            raise FolderError(Reason("imap.withdraw-impossible"))
        self._expunge()
        found = self._look()
        if found is None:
            return Withdrawn()
        if DELETED not in found.flags:
            return Touched(found)
        raise FolderError(Reason("imap.withdraw-refused", number=self._number))

    # -- looking -----------------------------------------------------------------------------------------------------

    def _unexpected(self) -> Touched | Gone | None:
        """What stands in the way, None where all is as expected."""
        opened = self._session.open(self._name, write=True)
        assert opened is not None
        if opened.epoch != self._epoch:
            raise FolderError(Reason("imap.epoch-changed", was=self._epoch, now=opened.epoch))
        self._conditional = opened.conditional
        found = self._look()
        if found is None:
            return Gone()
        same = (found.flags, found.size) == (self._expected.flags - {"\\Recent"}, self._expected.size)
        return None if same else Touched(found)

    def _look(self) -> Sighting | None:
        modseq = b" MODSEQ" if self._conditional else b""
        items = b"(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER]%b)" % modseq
        for said in self._session.run(b"UID FETCH %d %b" % (self._number, items)):
            if isinstance(said, Fetched) and said.uid == self._number and said.body is not None:
                self._modseq = said.modseq
                return sighting(said, self._epoch)
        return None

    def _touched(self) -> Touched | Gone:
        found = self._look()
        return Gone() if found is None else Touched(found)

    # -- changing ----------------------------------------------------------------------------------------------------

    def _store(self, sign: bytes, flags: bytes) -> bytes:
        condition = b" (UNCHANGEDSINCE %d)" % self._modseq if self._conditional and self._modseq else b""
        return b"UID STORE %d%b %bFLAGS.SILENT %b" % (self._number, condition, sign, flags)

    def _modified(self, answer: Iterable[Data | Fetched | Status]) -> bool:
        return any(isinstance(said, Status) and said.code == "MODIFIED" for said in answer)

    def _expunge(self) -> None:
        """Both commands go out together, so that hardly anything can come between; raises No.

        If a person's change has, the mail is not marked, and UID EXPUNGE (RFC 4315) takes only what is.
        """
        lines = [self._store(b"+", b"(\\Deleted)"), b"UID EXPUNGE %d" % self._number]
        for answer in self._session.run_each(lines):
            if answer.kind == "NO":
                raise No(answer)


def _new_ref(answer: Iterable[Data | Fetched | Status]) -> str | None:
    """The ref that COPYUID tells (RFC 4315 §3)."""
    for said in answer:
        if isinstance(said, Status) and said.code == "COPYUID":
            epoch, *_, new = said.argument.split(" ")
            if len(numbers_in(new)) == 1:
                return f"{epoch}:{new}"
    return None
