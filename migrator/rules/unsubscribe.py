"""Where a person can ask parked senders to stop. Nothing is fetched and nothing is sent: it is a list to act on."""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass

from migrator.mail.scan import headers
from migrator.model import Raw
from migrator.rules.choosing import Raws, Standing, head
from migrator.text import computed, shown

_BRACKETED = re.compile(r"<([^<>]*)>")
_URI = re.compile(r"(?:mailto:|https://)[!-;=?-~]{1,2000}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Way:
    """How one sender says that its mail is stopped (RFC 2369 §3.2; RFC 8058 for one click)."""

    mailto: str = ""
    https: str = ""
    one_click: bool = False


def way(block: bytes) -> Way:
    """What a header block says. Total: any bytes in."""
    fields = dict(reversed(list(headers(block))))
    said = fields.get(b"list-unsubscribe", b"").decode("latin-1")
    found = ["".join(each.split()) for each in _BRACKETED.findall(said)]
    uris = [each for each in found if _URI.fullmatch(each)]
    return Way(
        mailto=next((each for each in uris if each[:1] in "mM"), ""),
        https=next((each for each in uris if each[:1] in "hH"), ""),
        one_click=b"list-unsubscribe-post" in fields,
    )


def table(standings: Mapping[str, Standing], raws: Raws) -> str:
    """CSV, with the byte order mark that Excel wants: one row for each parked sender or list."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(("sender", "mails", "mailto", "https", "one_click"))
    for name, standing in sorted(standings.items()):
        found = _newest(standing, raws(standing.newest))
        sender, mailto, https = map(_cell, (name, found.mailto, found.https))
        rows.writerow((sender, standing.mails, mailto, https, "yes" if found.one_click else ""))
    return "\N{BYTE ORDER MARK}" + out.getvalue()


def _newest(standing: Standing, raws: Mapping[str, Raw]) -> Way:
    for digest in reversed(standing.newest):
        found = way(head(raws[digest]))
        if found.mailto or found.https:
            return found
    return Way()


def _cell(text: str) -> str:
    """A spreadsheet runs what begins like a formula."""
    return f"'{shown(text)}" if computed(text) else shown(text)
