"""Customers who wrote last and to whom nobody has answered: each is confirmed by a person before the cut-over."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from migrator.errors import Reason
from migrator.inboxes import SharedInbox
from migrator.locale import _
from migrator.review.desk import Desk
from migrator.review.topic import Row, Topic, Word
from migrator.review.topics.inboxes.known import COUNT, SAMPLES, Known, known, samples
from migrator.shared.conversation import NEVER, Conversation
from migrator.staging.books import row_id, rulings_book

WAITS = Word("waits", lambda: _("still waits"), "bad")
ANSWERED = Word("answered", lambda: _("answered elsewhere"), "good")
NO_ANSWER = Word("no-answer", lambda: _("no answer needed"), "calm")


def _rows(desk: Desk) -> Iterator[Row]:
    its = known(desk)
    newest = max((mail.at for _inbox, each in its.conversations() for mail in each.mails), default=NEVER)
    for stands in its.stands.values():
        again = {each.key for each in stands.wrote_again}
        found = [each for each in (*stands.unanswered, *stands.wrote_again) if not each.is_bulk]
        for each in sorted(found, key=lambda each: each.waiting[0].at):
            yield _row(its, stands.inbox, each, newest, again=each.key in again)


def _row(its: Known, inbox: SharedInbox, its_own: Conversation, newest: datetime, *, again: bool) -> Row:
    name = row_id("u", inbox.key, its_own.key)
    notes = [
        Reason("review.inbox", name=inbox.name),
        Reason("review.from", who=its_own.customer),
        Reason("review.since", day=f"{its_own.waiting[0].at.astimezone():%Y-%m-%d}"),
    ]
    notes += [Reason("review.their-word", word=its_own.label)] if its_own.label else []
    notes += [Reason("review.in-hand", who=its.name(its_own.assignee))] if its_own.assignee else []
    return Row(
        id=name,
        subject=name,
        title=its_own.subject,
        proposal=None if again else WAITS.verdict,
        accepts=None if again else WAITS.verdict,
        numbers=((newest - its_own.waiting[0].at).days, len(its_own.mails)),
        notes=tuple(notes),
        warnings=(Reason("review.wrote-again"),) if again else (),
        accounts=frozenset({inbox.account.name}),
        quotes=tuple((item, lambda: _("last")) for item in its.items_of(inbox, its_own.mails[-SAMPLES:])[::-1]),
    )


WAITING = Topic(
    name="waiting",
    letters="u",
    title=lambda: _("Customers who wait for an answer"),
    question=lambda: _(
        "Each of these customers wrote last. Say of each whether they still wait, so that nobody is forgotten when the "
        "new system begins. Mail of mailing lists is left out."
    ),
    unit=lambda: _("conversation"),
    columns=(lambda: _("days"), lambda: _("mails")),
    words=(WAITS, ANSWERED, NO_ANSWER),
    facts=_rows,
    book=partial(rulings_book, topic="waiting"),
    binding=True,
    starred=True,
    heeds=COUNT,
    optional=True,
    needs=COUNT,
    samples=samples,
)
