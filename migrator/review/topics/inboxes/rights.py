"""Who may do what in a shared inbox: what the old system allows, beside what was used."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from migrator.errors import Reason
from migrator.inboxes import Happened, Member, Right, SharedInbox
from migrator.locale import LANGUAGES, _, spoken_in
from migrator.review.desk import Desk
from migrator.review.topic import RIGHT, WRONG, Row, Topic
from migrator.review.topics.inboxes.known import Known, known
from migrator.shared.standing import Standing
from migrator.staging.books import rulings_book
from migrator.steps import rulings
from migrator.steps.rulings import member_row, written

YEAR = timedelta(days=365)


def _rows(desk: Desk) -> Iterator[Row]:
    its = known(desk)
    since = {key: _newest(stands) - YEAR for key, stands in its.stands.items() if stands.conversations}
    found = [(its.stands[key].inbox, member) for key, members in its.members.items() for member in members]
    for inbox, member in sorted(found, key=lambda each: (each[1].rights is not None, each[0].name)):
        yield _row(its, inbox, member, since.get(inbox.key))


def _newest(stands: Standing) -> datetime:
    return max(mail.at for each in stands.conversations for mail in each.mails)


def _row(its: Known, inbox: SharedInbox, member: Member, since: datetime | None) -> Row:
    person, did = its.people.get(member.principal), its.did[inbox.key].get(member.principal, ())
    lately = [event for event in did if event.at and since and event.at > since]
    replies = sum(event.what == Happened.REPLIED for event in lately)
    rights = None if member.rights is None else written(member.rights)
    name = member_row(inbox, member)
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
            *([Reason("review.never-used")] if Right.SEND_AS in (member.rights or ()) and not replies else []),
        ),
        accounts=frozenset({inbox.account.name}),
    )


def _words() -> dict[Right, str]:
    return {
        Right.READ: _("read"),
        Right.REPLY: _("answer"),
        Right.SEND_AS: _("send as the inbox"),
        Right.DELETE: _("delete"),
        Right.ADMIN: _("administer"),
    }


def _said(rights: str) -> str:
    """Rights in words; what somebody wrote otherwise as it is."""
    words = {right.value: word for right, word in _words().items()}
    return _(", ").join(words.get(each, each) for each in rights.split())


def _heard(text: str) -> str | None:
    """Rights as somebody wrote them, in either language; None where a word is none of them."""
    known = {right.value: right for right in Right}
    for lang in LANGUAGES:
        known |= {word: right for right, word in spoken_in(lang, _words).items()}
    named = [part.strip().casefold() for part in _BETWEEN.split(text)]
    parts = named if known.keys() >= set(named) else text.casefold().split()
    return written(known[each] for each in parts) if known.keys() >= set(parts) else None


_BETWEEN = re.compile("[,、，・]")

RIGHTS = Topic(
    name=rulings.RIGHTS,
    letters="g",
    title=lambda: _("Who may do what in shared inboxes"),
    question=lambda: _(
        "What the old system allows each member, beside what was done in the last twelve months. To send as the inbox "
        "is to write in the company's name: allow it only where it is needed. Whoever is wrong here gets nothing."
    ),
    unit=lambda: _("member"),
    columns=(lambda: _("answers"), lambda: _("acts")),
    words=(RIGHT, WRONG),
    free=lambda: _("other rights (read, answer, send as the inbox, delete, administer):"),
    facts=_rows,
    book=partial(rulings_book, topic=rulings.RIGHTS),
    hears=_heard,
    says=_said,
    starred=True,
    optional=True,
    needs=("people",),
)
