"""What yields no mail, what is damaged, what cannot be read for sure: as it lies, with several readings beside it."""

import re
from collections.abc import Iterator, Sequence
from functools import partial

from migrator.errors import Reason
from migrator.locale import _
from migrator.mail import Health
from migrator.review.desk import Desk
from migrator.review.readings import Reading, read
from migrator.review.topic import ACCEPT, LOOK, Row, Topic
from migrator.staging.books import row_id, rulings_book
from migrator.staging.glances import Glance, damaged, glances, raw_of, spelled
from migrator.staging.reports import faults, folder_name

_LATE = "[\x80-\xbf\u2010-\u203a€™œžŸŠŽŒƒˆ˜]"
"""What CP1252 and Latin-1 make of the later bytes of a character in UTF-8."""

ODD = re.compile(
    r"\\x[0-9a-f]{2}|[\ue000-\uf8ff\ufffd]"  # unexplained bytes, gaiji, what a program could not read
    rf"|(?:[ÃÂ]{_LATE}|[ãäåæçèé]{_LATE}{{2}}){{2}}"  # UTF-8 that was read as Latin-1
    r"|(?:[縺繧繝蜿譁蟄].?){3}"  # UTF-8 that was read as CP932
)

DAMAGE = {
    Health.EMPTY: Reason("health.empty"),
    Health.ALL_NUL: Reason("health.all-nul"),
    Health.NUL_TAIL: Reason("health.nul-tail"),
    Health.ENCRYPTED: Reason("health.encrypted"),
    Health.NOT_MAIL: Reason("health.not-mail"),
    Health.CUT_IN_HEADER: Reason("health.cut-in-header"),
    Health.TWO_MAILS: Reason("health.two-mails"),
    Health.PLACEHOLDER: Reason("health.placeholder"),
    Health.NO_CLOSING_BOUNDARY: Reason("health.no-closing-boundary"),
    Health.CUT_IN_BODY: Reason("health.cut-in-body"),
    Health.BUSY: Reason("health.busy"),
    Health.UNPARSED: Reason("health.unparsed"),
}


def _rows(desk: Desk) -> Iterator[Row]:
    for line in faults(desk.staging):
        account, folder = line["account"] or "", line["folder"] or ""
        yield Row(
            id=row_id("x", account, folder, line["key"]),
            subject=row_id("x", account, folder, line["key"]),
            title=line["path"] or line["key"],
            proposal=None,
            numbers=(round(line["bytes"] / 1000, 1),),
            notes=(Reason("review.in", account=account, folder=folder), Reason("review.unreadable")),
            warnings=(line["reason"],),
            accounts=frozenset({account}),
        )
    seen = set()
    for its in damaged(desk.staging):
        seen.add(its.item)
        yield _mail(its, DAMAGE[Health(its.health)])
    odd = [item for item, from_, subject in spelled(desk.staging) if item not in seen and ODD.search(from_ + subject)]
    for its in glances(desk.staging, odd).values():
        yield _mail(its, Reason("review.odd-charset"))


def _mail(its: Glance, what: Reason) -> Row:
    name = row_id("d", its.account, *its.folder, its.key)
    return Row(
        id=name,
        subject=name,
        title=its.subject,
        proposal=None,
        numbers=(round(its.size / 1000, 1),),
        notes=(
            Reason("review.from", who=its.from_),
            Reason("review.in", account=its.account, folder=folder_name(its.folder)),
        ),
        warnings=(what,),
        accounts=frozenset({its.account}),
        quotes=((its.item, lambda: _("this mail")),),
    )


def _samples(desk: Desk, row: Row) -> Sequence[Glance]:
    return list(glances(desk.staging, [item for item, _text in row.quotes]).values())


def _readings(desk: Desk, row: Row) -> Sequence[Reading]:
    return [reading for its in _samples(desk, row) for reading in read(raw_of(desk.staging, its.digest))]


FAULTS = Topic(
    name="faults",
    letters="xd",
    title=lambda: _("Damaged and unreadable"),
    question=lambda: _(
        "What yields no mail is told here, and moves nowhere; damaged mail and mail in odd charsets moves exactly as "
        "it lies. Accept what is so; say which should be looked into before anybody signs."
    ),
    unit=lambda: _("file or mail"),
    columns=(lambda: _("KB"),),
    words=(ACCEPT, LOOK),
    facts=_rows,
    book=partial(rulings_book, topic="faults"),
    binding=True,
    samples=_samples,
    readings=_readings,
)
