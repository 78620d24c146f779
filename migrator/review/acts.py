"""What changes something: a decision on one row or many, taking it back, signing. Then the page is shown anew."""

from collections.abc import Collection, Sequence

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from migrator.locale import _
from migrator.review.asked import Asked, address_of
from migrator.review.looks import sheet_page
from migrator.review.sheets import Sheet, decides
from migrator.review.signing import Standings, may_be_signed, scope_of, within
from migrator.review.topic import Row
from migrator.staging.books import ALL, Overtaken, Span, Subject
from migrator.staging.books import sign as write_signoff

WHY = 2_000
"""Characters of a reason."""

AS_PROPOSED = "as-proposed"


def decide(asked: Asked) -> Response:
    """The verdict of one button on its row, or of the bar on every ticked row; all of them, or none.

    What was decided by others since the page was made is shown instead, and nothing is written.
    """
    topic, sheet = asked.topic, asked.desk.sheet(asked.topic)
    one, _colon, word = asked.said("one").partition(":")
    verdict = word or asked.said("bulk")
    if verdict == "free":
        heard = topic.heard(asked.said("free"))
        if heard is None:
            text = _("What stands in the field is no answer here. Nothing was changed.")
            return sheet_page(asked, status=400, notice=text)
        verdict = heard
    ids = [one] if one else _ticked(asked, sheet)
    theirs = {row.id for row in sheet.of(asked.visitor)}  # of others they are told no more than of none
    rows = [sheet.by_id[each] for each in ids if each in theirs]
    if len(rows) != len(ids):
        return sheet_page(asked, status=409, notice=_("Some of these rows are no longer there. Nothing was changed."))
    if not rows:
        return sheet_page(asked, status=400, notice=_("No row is ticked. Nothing was changed."))
    if not all(decides(asked.visitor, row) for row in rows):
        raise HTTPException(403)
    verdicts = _verdicts(rows, verdict)
    if (topic.starred and verdict == AS_PROPOSED) or any(topic.heard(each) != each for each in verdicts.values()):
        raise HTTPException(400)
    if not all(topic.fits(row, verdicts[row.subject]) for row in rows if row.subject in verdicts):
        text = _("Where nothing is proposed, nothing can be right. Say what is. Nothing was changed.")
        return sheet_page(asked, status=400, notice=text)
    if asked.number("seen") > sheet.seen:  # no page of ours has shown that
        raise HTTPException(400)
    outcome = topic.book(asked.desk.staging).write(
        verdicts,
        by=asked.visitor.name,
        why=asked.said("why").strip()[:WHY],
        seen=asked.number("seen"),
        about={row.subject: row.about for row in rows},
    )
    if isinstance(outcome, Overtaken):
        return _overtaken(asked, outcome.subjects)
    return _shown(asked, outcome, ids[0] if one else "")


def undo(asked: Asked) -> Response:
    """Take back what this person did last, where nobody has spoken since."""
    if not asked.visitor.may("decide"):
        raise HTTPException(403)
    span = Span(asked.number("first"), asked.number("last"), 0)
    outcome = asked.topic.book(asked.desk.staging).undo(span, by=asked.visitor.name)
    if isinstance(outcome, Overtaken):
        return _overtaken(asked, outcome.subjects)
    return _shown(asked, None, "")


def sign(asked: Asked) -> Response:
    """Sign the topic as this person saw it, or those of its rows that concern no accounts but theirs."""
    topic, scope = asked.topic, scope_of(asked.visitor)
    rows = within(asked.desk.sheet(topic), scope)
    if not asked.visitor.may("sign") or not (rows or scope == ALL):
        raise HTTPException(403)
    stands = Standings(asked.desk, asked.topics).of(topic.name, scope)
    if stands.digest != asked.said("digest"):
        return sheet_page(asked, status=409, notice=_("Something has changed meanwhile. Look again, then sign."))
    if not may_be_signed(topic, rows):
        return sheet_page(asked, status=409, notice=_("Every row must be decided before this is signed."))
    write_signoff(
        asked.desk.staging,
        topic.name,
        digest=stands.digest,
        rows=stands.rows,
        needs=stands.needs,
        by=asked.visitor.name,
        scope=scope,
    )
    return RedirectResponse(f"/topic/{topic.name}#sign", 303)


def _ticked(asked: Asked, sheet: Sheet) -> list[str]:
    """The rows that are meant: those ticked, or all that the view shows where its box is ticked."""
    if asked.said("all") != "1":
        return list(dict.fromkeys(asked.form.get("row", ())))
    if sheet.topic.starred:
        raise HTTPException(400)
    changed = Standings(asked.desk, asked.topics).of(sheet.topic.name, scope_of(asked.visitor)).changed
    found = asked.view.of(sheet, sheet.of(asked.visitor), changed)
    return [row.id for row in found if decides(asked.visitor, row)]


def _verdicts(rows: Sequence[Row], verdict: str) -> dict[Subject, str]:
    """What each row gets; `as proposed` says nothing of rows on which nothing is proposed."""
    if verdict != AS_PROPOSED:
        return {row.subject: verdict for row in rows}
    return {row.subject: row.accepts for row in rows if row.accepts is not None}


def _shown(asked: Asked, outcome: Span | None, anchor: str) -> Response:
    more = {} if outcome is None else {"done": f"{outcome.first}-{outcome.last}-{outcome.many}"}
    address = address_of(asked.topic, asked.view, **more)
    return RedirectResponse(address + (f"#{anchor}" if anchor else ""), 303)


def _overtaken(asked: Asked, subjects: Collection[Subject]) -> Response:
    rows = [row for row in asked.desk.sheet(asked.topic).of(asked.visitor) if row.subject in subjects]
    return sheet_page(asked, status=409, overtaken=rows)
