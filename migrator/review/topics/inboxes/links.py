"""Mails that may or may not be one conversation: only a person can tell."""

from collections.abc import Iterator
from functools import partial

from migrator.errors import Reason
from migrator.inboxes import SharedInbox
from migrator.locale import _
from migrator.review.desk import Desk
from migrator.review.topic import Row, Topic, Word
from migrator.review.topics.inboxes.known import Known, known, samples
from migrator.shared.links import Link, Shared, likely
from migrator.shared.mails import Mail
from migrator.staging.books import rulings_book
from migrator.steps import rulings

ONE = Word(rulings.ONE, lambda: _("one conversation"), "good")
TWO = Word(rulings.TWO, lambda: _("two conversations"), "calm")

SHARED = {
    Shared.REFERENCES: Reason("review.share-references"),
    Shared.TOKEN: Reason("review.share-token"),
    Shared.INDEX: Reason("review.share-index"),
    Shared.PARTY: Reason("review.share-party"),
    Shared.SUBJECT: Reason("review.share-subject"),
}


def _rows(desk: Desk) -> Iterator[Row]:
    its = known(desk)
    for stands in its.stands.values():
        mails = {mail.id: mail for each in stands.conversations for mail in each.mails}
        for link in sorted(stands.doubtful, key=lambda each: abs(each.confidence - 0.5)):
            yield _row(its, stands.inbox, link, mails[link.first], mails[link.second])


def _row(its: Known, inbox: SharedInbox, link: Link, first: Mail, second: Mail) -> Row:
    name = rulings.link_row(inbox, link)
    proposal = ONE if likely(link) else TWO
    days = (second.at - first.at).days
    return Row(
        id=name,
        subject=name,
        title=first.subject,
        proposal=proposal.verdict,
        accepts=proposal.verdict,
        confidence=max(link.confidence, round(1 - link.confidence, 2)),
        numbers=(days,),
        notes=(Reason("review.inbox", name=inbox.name), Reason("review.from", who=", ".join(first.parties))),
        evidence=(SHARED[link.evidence],),
        accounts=frozenset({inbox.account.name}),
        quotes=tuple(
            (item, text)
            for text, mail in ((lambda: _("earlier"), first), (lambda: _("later"), second))
            for item in its.items_of(inbox, [mail])
        ),
    )


LINKS = Topic(
    name=rulings.LINKS,
    letters="l",
    title=lambda: _("One conversation or two"),
    question=lambda: _(
        "Nothing certain links these mails. Do they belong to one exchange with a customer? Your word counts wherever "
        "it is worked out who waits."
    ),
    unit=lambda: _("mails"),
    columns=(lambda: _("days apart"),),
    words=(ONE, TWO),
    facts=_rows,
    book=partial(rulings_book, topic=rulings.LINKS),
    optional=True,
    samples=samples,
)
