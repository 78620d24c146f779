"""Single mails that a person should look at, or about which one has decided."""

from collections.abc import Iterator, Sequence

from migrator.errors import Reason
from migrator.locale import _
from migrator.review.desk import Desk
from migrator.review.topic import VERDICTS, Row, Topic
from migrator.staging.books import mails_book, row_id
from migrator.staging.glances import Glance, glances, held
from migrator.staging.reports import folder_name

EVIDENCE = 5


def _rows(desk: Desk) -> Iterator[Row]:
    guards, weights = desk.ruleset.judge.guards, desk.ruleset.judge.weights.of
    for its in held(desk.staging):
        speak = sorted(its.rules, key=lambda each: -abs(weights.get(each, 0.0)))
        keep = [each for each in speak if weights.get(each, 0.0) < 0 or each in guards]
        yield Row(
            id=row_id("m", its.account, *its.folder, its.key),
            subject=its.artefact,
            title=its.subject,
            proposal="hold",
            confidence=its.score,
            numbers=(round(its.size / 1000, 1),),
            notes=(
                Reason("review.from", who=its.from_),
                Reason("review.in", account=its.account, folder=folder_name(its.folder)),
                Reason("review.received", day=its.received_at.astimezone().date().isoformat()),
            ),
            evidence=tuple(each for each in speak if each not in keep)[:EVIDENCE],
            against=tuple(keep if its.guard is None else [its.guard, *keep])[:EVIDENCE],
            accounts=frozenset({its.account}),
            quotes=((its.item, lambda: _("this mail")),),
        )


def _samples(desk: Desk, row: Row) -> Sequence[Glance]:
    return list(glances(desk.staging, [item for item, _text in row.quotes]).values())


HELD = Topic(
    name="held",
    letters="m",
    title=lambda: _("Mails to look at"),
    question=lambda: _(
        "Orders, bills and whatever the filter would rather have a person look at. Keep and park settle a mail; hold "
        "makes it wait until somebody decides. Without a decision it moves."
    ),
    unit=lambda: _("mail"),
    columns=(lambda: _("KB"),),
    words=VERDICTS,
    facts=_rows,
    book=mails_book,
    follows=True,
    needs=("senders",),
    samples=_samples,
)
