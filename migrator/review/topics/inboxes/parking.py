"""Mail of a shared inbox that the filter would leave behind: one by one, or not at all."""

from collections.abc import Iterator

from migrator.errors import Reason
from migrator.inboxes import Named
from migrator.locale import _
from migrator.review.desk import Desk
from migrator.review.topic import VERDICTS, Row, Topic
from migrator.review.topics.inboxes.known import known, samples
from migrator.staging.books import mails_book, row_id
from migrator.staging.glances import behind
from migrator.staging.reports import folder_name


def _rows(desk: Desk) -> Iterator[Row]:
    its = known(desk)
    for stands in its.stands.values():
        inbox = stands.inbox
        waiting = {mail.named for each in stands.unanswered if not each.is_bulk for mail in each.waiting}
        mails = [(Named(mail.folder, mail.key) in waiting, mail) for mail in behind(desk.staging, inbox.account.name)]
        for waits, mail in sorted(mails, key=lambda each: not each[0]):
            yield Row(
                id=row_id("k", mail.account, *mail.folder, mail.key),
                subject=mail.artefact,
                title=mail.subject,
                proposal="park",
                accepts="park",
                confidence=mail.score,
                notes=(
                    Reason("review.from", who=mail.from_),
                    Reason("review.in", account=mail.account, folder=folder_name(mail.folder)),
                ),
                evidence=tuple(mail.rules[:5]),
                warnings=(Reason("review.customer-waits"),) if waits else (),
                accounts=frozenset({mail.account}),
                quotes=((mail.item, lambda: _("this mail")),),
            )


PARKING = Topic(
    name="parking",
    letters="k",
    title=lambda: _("Mail of shared inboxes that would stay behind"),
    question=lambda: _(
        "What looks like a newsletter may be a customer. Mail of a shared inbox stays behind only where somebody has "
        "said so of the very mail; keep moves it."
    ),
    unit=lambda: _("mail"),
    columns=(),
    words=VERDICTS,
    facts=_rows,
    book=mails_book,
    follows=True,
    starred=True,
    optional=True,
    samples=samples,
)
