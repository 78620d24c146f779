"""What the old system's words for the state of work mean here."""

from collections import defaultdict
from collections.abc import Iterator
from functools import partial

from migrator.errors import Reason
from migrator.inboxes import SharedInbox, Status, WorkState
from migrator.locale import _
from migrator.review.desk import Desk
from migrator.review.topic import Row, Topic, Word
from migrator.review.topics.inboxes.known import SAMPLES, known, samples
from migrator.shared.conversation import Conversation
from migrator.staging.books import rulings_book
from migrator.steps import rulings
from migrator.steps.rulings import state_row

WORDS = (
    Word(Status.OPEN, lambda: _("open"), "bad"),
    Word(Status.IN_PROGRESS, lambda: _("in progress"), "calm"),
    Word(Status.WAITING, lambda: _("waiting for the customer"), "calm"),
    Word(Status.ON_HOLD, lambda: _("on hold"), "calm"),
    Word(Status.CLOSED, lambda: _("closed"), "good"),
    Word(Status.NO_ACTION, lambda: _("no answer needed"), "good"),
    Word(Status.SPAM, lambda: _("spam"), "good"),
)


def _example() -> str:
    return _("for example")


def _rows(desk: Desk) -> Iterator[Row]:
    its = known(desk)
    found: defaultdict[tuple[str, str, Status | None], list[tuple[WorkState, Conversation]]] = defaultdict(list)
    inboxes: dict[str, SharedInbox] = {}
    for inbox, conversation in its.conversations():
        inboxes[inbox.key] = inbox
        for state in conversation.states:
            if state.label:
                found[inbox.key, state.label, its.meant[inbox.key].get(state.key)].append((state, conversation))
    for (key, label, status), used in sorted(found.items(), key=lambda each: (each[0][2] is not None, each[0][:2])):
        inbox = inboxes[key]
        talks = {conversation.key: conversation for _state, conversation in used}
        waiting = sum(bool(each.waiting) for each in talks.values())
        newest = sorted(talks.values(), key=lambda each: each.mails[-1].at)[-SAMPLES:]
        name = state_row(inbox, label, status)
        days = [state.at for state, _talk in used if state.at is not None]
        yield Row(
            id=name,
            subject=name,
            title=label,
            proposal=status,
            accepts=status,
            confidence=_fits(status, waiting, len(talks)),
            numbers=(len(used), len(talks), waiting),
            notes=(Reason("review.inbox", name=inbox.name),),
            evidence=(Reason("review.last-used", day=f"{max(days).astimezone():%Y-%m-%d}"),) if days else (),
            warnings=(Reason("review.word-unknown"),) if status is None else (),
            accounts=frozenset({inbox.account.name}),
            quotes=tuple(
                (item, _example) for each in reversed(newest) for item in its.items_of(inbox, each.mails[-1:])
            ),
        )


def _fits(status: Status | None, waiting: int, many: int) -> float | None:
    """The share of conversations with this word in which the last to write is the one that it leads to expect."""
    if status in (Status.OPEN, Status.IN_PROGRESS, Status.NO_ACTION, Status.SPAM):
        return round(waiting / many, 2)
    return round(1 - waiting / many, 2) if status in (Status.WAITING, Status.CLOSED) else None


STATES = Topic(
    name=rulings.STATES,
    letters="w",
    title=lambda: _("What the words for the state of work mean"),
    question=lambda: _(
        "Each word of the old system stands for one of these states; whoever waits for an answer is counted by it. "
        "Your word counts at once, also for what is written at the new server."
    ),
    unit=lambda: _("their word"),
    columns=(lambda: _("used"), lambda: _("conversations"), lambda: _("wait")),
    words=WORDS,
    facts=_rows,
    book=partial(rulings_book, topic=rulings.STATES),
    starred=True,
    optional=True,
    samples=samples,
)
