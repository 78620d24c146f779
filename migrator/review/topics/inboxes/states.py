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
from migrator.shared.conversation import DONE, Conversation
from migrator.staging.books import row_id, rulings_book

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
                found[inbox.key, state.label, state.status].append((state, conversation))
    for (key, label, status), used in sorted(found.items(), key=lambda each: (each[0][2] is not None, each[0][:2])):
        inbox = inboxes[key]
        talks = {conversation.key: conversation for _state, conversation in used}
        waiting = sum(bool(each.waiting) for each in talks.values())
        fits = len(talks) - waiting if status in DONE else waiting
        newest = sorted(talks.values(), key=lambda each: each.mails[-1].at)[-SAMPLES:]
        name = row_id("w", key, label)
        days = [state.at for state, _talk in used if state.at is not None]
        yield Row(
            id=name,
            subject=name,
            title=label,
            proposal=status,
            accepts=status,
            confidence=None if status is None else round(fits / len(talks), 2),
            numbers=(len(used), len(talks), waiting),
            notes=(Reason("review.inbox", name=inbox.name),),
            evidence=(Reason("review.last-used", day=f"{max(days).astimezone():%Y-%m-%d}"),) if days else (),
            warnings=(Reason("review.word-unknown"),) if status is None else (),
            accounts=frozenset({inbox.account.name}),
            quotes=tuple(
                (item, _example) for each in reversed(newest) for item in its.items_of(inbox, each.mails[-1:])
            ),
        )


STATES = Topic(
    name="states",
    letters="w",
    title=lambda: _("What the words for the state of work mean"),
    question=lambda: _(
        "Each word of the old system stands for one of these states; whoever waits for an answer is counted by it. "
        "Where it is another than proposed, whoever runs the migration writes it into the mapping."
    ),
    unit=lambda: _("their word"),
    columns=(lambda: _("used"), lambda: _("conversations"), lambda: _("wait")),
    words=WORDS,
    facts=_rows,
    book=partial(rulings_book, topic="states"),
    binding=True,
    starred=True,
    optional=True,
    samples=samples,
)
