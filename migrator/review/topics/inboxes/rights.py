"""Who may do what in a shared inbox: what the old system allows, beside what was used."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from migrator.errors import Reason
from migrator.inboxes import Happened, Member
from migrator.locale import _
from migrator.review.desk import Desk
from migrator.review.topic import RIGHT, WRONG, Row, Topic
from migrator.review.topics.inboxes.known import Known, known
from migrator.shared.standing import Standing
from migrator.staging.books import row_id, rulings_book

YEAR = timedelta(days=365)


def _rows(desk: Desk) -> Iterator[Row]:
    its = known(desk)
    found = [(its.stands[key], member) for key, members in its.members.items() for member in members]
    for stands, member in sorted(found, key=lambda each: (each[1].rights is not None, each[0].inbox.name)):
        yield _row(its, stands, member)


def _row(its: Known, stands: Standing, member: Member) -> Row:
    inbox, person = stands.inbox, its.people.get(member.principal)
    did = [event for each in stands.conversations for event in each.events if event.by == member.principal]
    newest = max((mail.at for each in stands.conversations for mail in each.mails), default=None)
    lately = [event for event in did if event.at and newest and event.at > newest - YEAR]
    replies = sum(event.what == Happened.REPLIED for event in lately)
    rights = None if member.rights is None else " ".join(sorted(member.rights))
    name = row_id("g", inbox.key, member.key)
    notes = [Reason("review.inbox", name=inbox.name)]
    notes += [Reason("review.their-word", word=member.label)] if member.label else []
    notes += [Reason("review.until", day=f"{member.until:%Y-%m-%d}")] if member.until else []
    left = person is not None and person.left
    return Row(
        id=name,
        subject=name,
        title=its.name(member.principal),
        proposal=rights,
        accepts=None if rights is None else RIGHT.verdict,
        numbers=(replies, len(lately)),
        notes=tuple(notes),
        warnings=(
            *([Reason("review.rights-unknown")] if rights is None else []),
            *([Reason("review.left")] if left else []),
            *([Reason("review.never-used")] if rights is not None and "send-as" in rights and not replies else []),
        ),
        accounts=frozenset({inbox.account.name}),
    )


RIGHTS = Topic(
    name="rights",
    letters="g",
    title=lambda: _("Who may do what in shared inboxes"),
    question=lambda: _(
        "What the old system allows each member, beside what was done in the last twelve months. Send-as lets somebody "
        "write in the company's name: allow it only where it is needed."
    ),
    unit=lambda: _("member"),
    columns=(lambda: _("answers"), lambda: _("acts")),
    words=(RIGHT, WRONG),
    free=lambda: _("other rights:"),
    facts=_rows,
    book=partial(rulings_book, topic="rights"),
    binding=True,
    starred=True,
    optional=True,
    needs=("people",),
)
