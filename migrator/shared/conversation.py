"""What follows for one conversation: how far it is, who has it, and who waits for an answer."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from migrator.errors import Reason
from migrator.inboxes import Event, Happened, Note, Scope, Status, Tag, WorkState
from migrator.shared.links import Link
from migrator.shared.mails import Mail, Way

DONE = frozenset({Status.CLOSED, Status.NO_ACTION, Status.SPAM})
"""States in which nobody waits for an answer of ours."""

RANK = (
    *(Status.OPEN, Status.IN_PROGRESS, Status.WAITING, Status.ON_HOLD, Status.CLOSED),
    *(Status.NO_ACTION, Status.SPAM, Status.NONE),
)
"""Of the states of a conversation's mails the first of these that occurs is the conversation's."""

NEVER = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """Mails that belong together, in the order of time, with all that is told of them."""

    inbox: str
    mails: tuple[Mail, ...]
    links: tuple[Link, ...] = ()
    numbers: tuple[str, ...] = ()
    """What people call it, and it is called in subjects."""
    states: tuple[WorkState, ...] = ()
    events: tuple[Event, ...] = ()
    notes: tuple[Note, ...] = ()
    tags: tuple[Tag, ...] = ()

    @property
    def key(self) -> str:
        """The id of its first mail."""
        return self.mails[0].id

    @property
    def subject(self) -> str:
        return self.mails[0].subject

    @cached_property
    def last(self) -> Mail | None:
        """The last mail between a customer and us; None where all of them stayed among us."""
        return next((mail for mail in reversed(self.mails) if mail.way != Way.INTERNAL), None)

    @property
    def customer(self) -> str:
        """Whoever wrote last from outside, or to whom we did; "" for nobody."""
        for way in (Way.IN, Way.OUT):
            if mail := next((mail for mail in reversed(self.mails) if mail.way == way), None):
                return mail.parties[0]
        return ""

    @property
    def is_bulk(self) -> bool:
        """All that waits came by mailing lists, and nobody has done anything about it."""
        waiting, handled = self.waiting, self.states or self.notes or self.tags
        return bool(waiting) and all(mail.is_bulk for mail in waiting) and not handled

    # -- how far it is --

    @cached_property
    def decisive(self) -> WorkState | None:
        """The state that counts for the whole: the first of RANK, of equals the newest. One that nobody has explained
        is open: rather one too many."""
        return min(self.states, key=lambda state: (RANK.index(status_of(state)), *newest_first(state)), default=None)

    @property
    def status(self) -> Status:
        return Status.NONE if self.decisive is None else status_of(self.decisive)

    @property
    def label(self) -> str:
        """The store's own word for it."""
        return "" if self.decisive is None else self.decisive.label

    @property
    def assignees(self) -> tuple[str, ...]:
        """Who has it, the one that was named last first; several only where their mails are all still to be done."""
        newest = sorted((state for state in self.states if state.assignee is not None), key=newest_first)
        to_do = [state for state in newest if status_of(state) not in DONE]
        return tuple(dict.fromkeys(str(state.assignee) for state in (to_do or newest[:1])))

    @property
    def assignee(self) -> str | None:
        return next(iter(self.assignees), None)

    @property
    def due(self) -> datetime | None:
        return min((state.due for state in self.states if state.due and status_of(state) not in DONE), default=None)

    # -- who waits --

    @property
    def waiting(self) -> tuple[Mail, ...]:
        """The customer's mails since our last answer, oldest first; none where we wrote last."""
        found: list[Mail] = []
        for mail in reversed(self.mails):
            if mail.way == Way.OUT:
                break
            if mail.way == Way.IN:
                found.append(mail)
        return tuple(reversed(found))

    @property
    def unanswered(self) -> bool:
        """A customer wrote last, and nobody has said that this needs no answer."""
        return bool(self.waiting) and self.status not in DONE

    @property
    def wrote_again(self) -> bool:
        """It was closed, and the customer wrote after that."""
        return self.status in DONE and bool(self.waiting) and not self._covers(self.waiting[-1])

    @property
    def unstated(self) -> bool:
        """A customer wrote last, and no row of the store says how far that mail is."""
        return bool(self.waiting) and not any(_is_about(state, self.waiting[-1]) for state in self.states)

    def _covers(self, mail: Mail) -> bool:
        """Whether it was closed knowing of this mail: the mail itself, or the whole of it at a later time."""
        closed = [state for state in self.states if status_of(state) in DONE]
        if any(_is_about(state, mail) and (state.scope != Scope.CONVERSATION or state.at is None) for state in closed):
            return True
        times = [state.at for state in closed if state.at is not None]
        times += [event.at for event in self.events if event.what == Happened.STATUS and event.at is not None]
        return bool(times) and max(times) >= mail.at

    # -- what only people can tell --

    def doubts(self) -> Iterator[Reason]:
        """What is not clear about it, each with what was assumed."""
        known = {"inbox": self.inbox, "conversation": self.key}
        for label in sorted({state.label for state in self.states if state.status is None}):
            yield Reason("shared.label-unknown", **known, label=label)
        if len(self.assignees) > 1:
            yield Reason("shared.two-assignees", **known, assignees=", ".join(self.assignees))
        if self.wrote_again:
            yield Reason("shared.wrote-again", **known, status=self.status.value)


def status_of(state: WorkState) -> Status:
    """Its status; what nobody has explained counts as open."""
    return Status.OPEN if state.status is None else state.status


def newest_first(state: WorkState) -> tuple[float, str]:
    """Sorts the newest first; what has no time comes last."""
    return -(state.at or NEVER).timestamp(), state.key


def _is_about(state: WorkState, mail: Mail) -> bool:
    return not state.about.items or mail.named in state.about.items


def in_order(mails: Iterable[Mail]) -> tuple[Mail, ...]:
    return tuple(sorted(mails, key=lambda mail: mail.place_in_time))
