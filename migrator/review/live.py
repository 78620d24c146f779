"""The page that shows what goes on now. It comes again by itself, without a script, until somebody holds it."""

from starlette.responses import HTMLResponse, Response

from migrator.review.asked import Asked
from migrator.review.pages import page
from migrator.steps.progress import span

AGAIN = 15
"""Seconds after which the browser asks again, by the header Refresh of the HTML standard."""

SHOWN = 200
"""Mailboxes on the page, those first that most want looking at."""


def live(asked: Asked) -> Response:
    """Runs for everybody; mailboxes for whoever sees every account that feeds them."""
    watched = asked.desk.watched()
    mine = [each for each in watched.mailboxes if all(map(asked.visitor.sees, each.accounts))]
    still = "still" in asked.query
    text = page(
        "live.html",
        session=asked.session,
        watched=watched,
        mailboxes=mine[:SHOWN],
        more=max(0, len(mine) - SHOWN),
        still=still,
        again=AGAIN,
        span=span,
    )
    return HTMLResponse(text, headers={} if still else {"refresh": str(AGAIN)})
