"""The pages that only show: what there is to review, a topic's rows, one row from near."""

import re
from collections.abc import Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from migrator.review.asked import Asked, address_of
from migrator.review.pages import page
from migrator.review.settling import lines
from migrator.review.sheets import PAGE, SHOWN, decides, is_sure, reliability, tally
from migrator.review.signing import Standings, may_be_signed, scope_of, standings, within
from migrator.review.topic import Row
from migrator.staging.books import ALL, Span, signoffs
from migrator.staging.glances import Glance, glances

QUOTES = 2
"""Mails that are quoted with a row in the list."""

SAMPLES = 10
"""Mails that are shown for a closer look."""

_SPAN = re.compile(r"(\d{1,18})-(\d{1,18})-(\d{1,9})")


def home(asked: Asked) -> Response:
    """Every topic: how much is open, and whether it is signed."""
    stand = standings(asked.desk, asked.topics, scope_of(asked.visitor))
    topics = []
    for name, topic in asked.topics.items():
        rows = asked.desk.sheet(topic).of(asked.visitor)
        if topic.optional and not rows:
            continue
        topics.append((topic, tally(rows), stand[name], reliability(rows)[:1]))
    return HTMLResponse(page("home.html", session=asked.session, topics=topics, titles=_titles(asked)))


def sheet(asked: Asked) -> Response:
    """A page of a topic's rows."""
    return sheet_page(asked)


def sheet_page(asked: Asked, *, overtaken: Sequence[Row] = (), notice: str = "", status: int = 200) -> Response:
    """The same, told that somebody was quicker, or why nothing was done."""
    topic, view, visitor = asked.topic, asked.view, asked.visitor
    its = asked.desk.sheet(topic)
    mine = its.of(visitor)
    scope = scope_of(visitor)
    stands = Standings(asked.desk, asked.topics).of(topic.name, scope)
    theirs = within(its, scope)
    signed = signoffs(asked.desk.staging).get(topic.name, ())
    found = view.of(its, mine, stands.changed)
    everything = asked.said("print") == "1"
    pages = 1 if everything else max(1, -(-len(found) // PAGE))
    number = min(view.page, pages)
    rows = found if everything else found[(number - 1) * PAGE : number * PAGE]
    done = _SPAN.fullmatch(asked.query.get("done", ""))
    text = page(
        "sheet.html",
        session=asked.session,
        topic=topic,
        view=view,
        rows=rows,
        decides={row.id: decides(visitor, row) for row in rows},
        sure={row.id for row in rows if view.show == "sure" and is_sure(topic, row)},
        agrees=not topic.starred and any(row.accepts is not None for row in mine),
        quotes=_quotes(asked, rows),
        say=asked.desk.say,
        found=len(found),
        number=number,
        pages=pages,
        shows=SHOWN,
        proposals=_proposals(mine),
        tally=tally(mine),
        theirs=theirs,
        seen=its.seen,
        stands=stands,
        signable=may_be_signed(topic, theirs),
        signed=[each for each in signed if scope == ALL or each.scope in (ALL, scope)],
        everybody=ALL,
        lines=lines(row for row in mine if row.unsettled),
        bands=reliability(mine),
        titles=_titles(asked),
        overtaken=overtaken,
        notice=notice,
        why=asked.said("why") if asked.form else "",
        done=None if done is None else Span(*map(int, done.groups())),
        printing=everything,
        address=lambda **more: address_of(topic, view, **more),
    )
    return HTMLResponse(text, status)


def row(asked: Asked) -> Response:
    """One row from near: every reason, some of its mails, and all that was ever decided."""
    topic = asked.topic
    its = asked.desk.sheet(topic)
    found = its.by_id.get(asked.names["row"])
    if found is None or found not in its.of(asked.visitor):
        raise HTTPException(404)
    text = page(
        "row.html",
        session=asked.session,
        topic=topic,
        view=asked.view,
        row=found,
        decides=decides(asked.visitor, found),
        say=asked.desk.say,
        samples=[each for each in topic.samples(asked.desk, found) if asked.visitor.sees(each.account)][:SAMPLES],
        readings=topic.readings(asked.desk, found),
        history=topic.book(asked.desk.staging).of(found.subject),
        seen=its.seen,
        address=lambda **more: address_of(topic, asked.view, **more),
    )
    return HTMLResponse(text)


def _quotes(asked: Asked, rows: Sequence[Row]) -> dict[str, list[tuple[str, Glance]]]:
    """The mails that stand with each row, those whose account this person may see."""
    seen = glances(asked.desk.staging, [item for row in rows for item, _text in row.quotes[:QUOTES]])
    found: dict[str, list[tuple[str, Glance]]] = {}
    for each in rows:
        for item, text in each.quotes[:QUOTES]:
            if item in seen and asked.visitor.sees(seen[item].account):
                found.setdefault(each.id, []).append((text(), seen[item]))
    return found


def _proposals(rows: Sequence[Row]) -> list[str]:
    """What is proposed, where it is one of a few things that one may ask for."""
    found = sorted({row.proposal for row in rows if row.proposal is not None})
    return found if 1 < len(found) <= 9 else []


def _titles(asked: Asked) -> dict[str, Any]:
    return {name: topic.title for name, topic in asked.topics.items()}
