"""Mail of a shared inbox that the filter would leave behind: one by one, or not at all."""

from collections.abc import Iterator

from migrator.errors import Reason
from migrator.locale import _
from migrator.review.desk import Desk
from migrator.review.topic import VERDICTS, Row, Topic, row_id
from migrator.review.topics.inboxes.known import known, samples
from migrator.staging.books import mails_book
from migrator.staging.glances import glances
from migrator.staging.reports import folder_name
from migrator.staging.shared import would_park


def _rows(desk: Desk) -> Iterator[Row]:
    its = known(desk)
    for stands in its.stands.values():
        inbox = stands.inbox
        behind = would_park(desk.staging, inbox.account)
        waiting = {mail.named for each in stands.unanswered if not each.is_bulk for mail in each.waiting}
        items = {item: named for named in behind if (item := its.item(inbox, named)) is not None}
        for mail in sorted(glances(desk.staging, items).values(), key=lambda each: items[each.item] not in waiting):
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
                warnings=(Reason("review.customer-waits"),) if items[mail.item] in waiting else (),
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
    starred=True,
    optional=True,
    samples=samples,
)
