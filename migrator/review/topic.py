"""What a topic is: rows on which something is proposed, the words in which people decide, and where that is kept."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from migrator.errors import Reason
from migrator.locale import _, sentence
from migrator.model import ItemId
from migrator.review.readings import Reading
from migrator.staging.books import Book, Said, Subject
from migrator.staging.glances import Glance
from migrator.staging.store import Staging

if TYPE_CHECKING:
    from migrator.review.desk import Desk

Text = Callable[[], str]
"""A text in the language spoken when it is shown."""

SURE = 0.97
"""From this confidence on, and where a decision can be taken back, a proposal may be ticked beforehand."""


@dataclass(frozen=True, slots=True)
class Word:
    """A decision that can be made: as it is kept, as it is shown, and how it is coloured (good, calm or bad)."""

    verdict: str
    label: Text
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing to decide about, and everything that speaks for and against what is proposed."""

    id: str
    """A letter and hexadecimal digits: spreadsheets leave such a cell alone."""
    subject: Subject
    """As the topic's book knows it."""
    title: str
    part: Reason | None = None
    """Which of its mails are meant, where not all are."""
    proposal: str | None = None
    """What is proposed: a word of the topic, or, where `accepts` is one, any text."""
    accepts: str | None = None
    """The word that agrees with the proposal."""
    confidence: float | None = None
    numbers: tuple[int | float | None, ...] = ()
    """One for each column of the topic."""
    notes: tuple[Reason, ...] = ()
    """Facts in a few words."""
    evidence: tuple[Reason | str, ...] = ()
    """Why it is proposed; a text is the id of a signal or guard."""
    against: tuple[Reason | str, ...] = ()
    """What speaks against it."""
    warnings: tuple[Reason, ...] = ()
    basis: tuple[str, ...] = ()
    """What the proposal rests on beside title and text: where it is another, the row is asked anew."""
    setting: str | None = None
    """The name under which migration.toml says what is proposed."""
    accounts: frozenset[str] = frozenset()
    """Whose mail it tells of. Who sees none of them does not see it, who does not see all may not decide."""
    quotes: tuple[tuple[ItemId, Text], ...] = ()
    """Mails whose subjects are shown with it, and what each is an example of."""
    said: Said | None = None
    """The decision in force."""
    newest: int = 0
    """The number of the newest decision, also of one that was taken back or was about another proposal."""

    @property
    def name(self) -> str:
        """What it is about, in the language spoken."""
        return self.title if self.part is None else f"{self.title} ({sentence(self.part)})"

    @property
    def agrees(self) -> bool:
        """Whether the decision says what is proposed."""
        return self.said is not None and self.said.verdict in (self.accepts, self.proposal)

    @property
    def unsettled(self) -> bool:
        """Whether migration.toml says otherwise than somebody has decided."""
        return self.setting is not None and self.said is not None and not self.agrees

    @property
    def about(self) -> str:
        """A digest of what is proposed."""
        told = "\0".join((self.title, str(self.proposal), *self.basis))
        return sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A kind of question for people. A new one is a new value of this in `topics`."""

    name: str
    """In addresses and in the books."""
    letters: str
    """With one of which the ids of its rows begin, and those of no other topic."""
    title: Text
    question: Text
    """What is asked, and what follows from the answer."""
    unit: Text
    """What a row is."""
    columns: tuple[Text, ...]
    """Heads of the rows' numbers."""
    words: tuple[Word, ...]
    facts: "Callable[[Desk], Iterable[Row]]"
    """The rows without their decisions, those that matter most first."""
    book: Callable[[Staging], Book]
    binding: bool = False
    """A decision holds only for the proposal that it was about, and for one that says the same."""
    table: str = ""
    """The table of migration.toml that says what is proposed."""
    starred: bool = False
    """Too grave to be ticked beforehand or decided by the hundred; every row must be decided before it is signed."""
    free: Text | None = None
    """Any other text may be the decision: how its field is called."""
    hears: Callable[[str], str | None] = field(default=str)
    """Such a text as it is kept; None where it is none."""
    says: Callable[[str], str] = field(default=str)
    """A proposal or decision that is no word of the topic, as people read it."""
    follows: bool = False
    """Which rows there are follows from its decisions, too; that may show a little later."""
    heeds: tuple[str, ...] = ()
    """Topics whose rulings change its rows at once."""
    optional: bool = False
    """Shown only where it has rows."""
    needs: tuple[str, ...] = ()
    """Topics on which this one rests: what changes there reopens it."""
    samples: "Callable[[Desk, Row], Sequence[Glance]]" = field(default=lambda desk, row: ())
    """Mails for a closer look at one row."""
    readings: "Callable[[Desk, Row], Sequence[Reading]]" = field(default=lambda desk, row: ())
    """The same bytes, read several ways."""

    def word(self, verdict: str) -> Word:
        """The word of that verdict, or what somebody wrote instead."""
        return next(
            (each for each in self.words if each.verdict == verdict), Word(verdict, lambda: self.says(verdict), "calm")
        )

    def knows(self, verdict: str) -> bool:
        """Whether it is one of the topic's words."""
        return any(each.verdict == verdict for each in self.words)

    def fits(self, row: Row, verdict: str) -> bool:
        """Whether it says anything of the row: where nothing is proposed, nothing can be right."""
        return verdict != RIGHT.verdict or row.accepts is not None

    def heard(self, text: str) -> str | None:
        """The decision that somebody wrote; None where it is none."""
        text = text.strip()
        if self.knows(text):
            return text
        free = self.free is not None and text not in ("", "none") and len(text) <= 500
        return self.hears(text) if free else None


KEEP = Word("keep", lambda: _("keep"), "good")
PARK = Word("park", lambda: _("park"), "bad")
HOLD = Word("hold", lambda: _("hold"), "calm")
VERDICTS = (KEEP, PARK, HOLD)

RIGHT = Word("right", lambda: _("right"), "good")
WRONG = Word("wrong", lambda: _("wrong"), "bad")
"""For what is written in migration.toml: who says wrong says in the reason what would be right."""

ACCEPT = Word("accept", lambda: _("accept"), "good")
LOOK = Word("look", lambda: _("look into it"), "bad")
