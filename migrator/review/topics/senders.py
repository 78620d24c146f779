"""Senders and lists: what of their mail is left in staging."""

from collections.abc import Iterator, Sequence

from migrator.errors import Reason
from migrator.locale import _
from migrator.model import ItemId, Verdict
from migrator.review.desk import Desk
from migrator.review.topic import VERDICTS, Row, Text, Topic
from migrator.staging.books import row_id, senders_book
from migrator.staging.glances import Glance, of_unit
from migrator.staging.opinions import Unit
from migrator.steps.senders import senders_with_accounts

SAMPLES = 200
"""More than are shown, because not everybody may see all of them."""


def _rows(desk: Desk) -> Iterator[Row]:
    found = list(senders_with_accounts(desk.staging, desk.ruleset, desk.new_store()))
    mixed = {its["sender"] for its, _accounts in found if its["orders"]}
    for its, accounts in found:
        unit, proposal, sure = Unit(its["sender"], its["orders"]), its["proposal"], its["score"]
        marketing, protected = tuple(its["reasons"]), tuple(its["protected_by"])
        yield Row(
            id=row_id("s", unit.stream, *(["orders"] if unit.orders else [])),
            subject=unit,
            title=unit.stream,
            part=_part(unit) if unit.stream in mixed else None,
            proposal=proposal,
            accepts=None if proposal == Verdict.HOLD else proposal,
            confidence=_confidence(proposal, sure),
            numbers=(its["items"], round(its["bytes"] / 10**6, 1), its["accounts"]),
            notes=(Reason("review.list") if its["kind"] == "list" else Reason("review.address"),),
            evidence=protected if proposal == Verdict.KEEP else marketing,
            against=marketing if proposal == Verdict.KEEP else protected,
            accounts=accounts,
            quotes=_quotes(int(its["newest_item"]), int(its["least_typical_item"])),
        )


def _part(unit: Unit) -> Reason:
    return Reason("review.orders") if unit.orders else Reason("review.no-orders")


def _quotes(newest: ItemId, odd: ItemId) -> tuple[tuple[ItemId, Text], ...]:
    both: tuple[tuple[ItemId, Text], ...] = ((newest, lambda: _("newest")), (odd, lambda: _("least typical")))
    return both[:1] if newest == odd else both


def _confidence(proposal: str, sure: float) -> float | None:
    """How sure the proposal is; `sure` is how sure it is that this is marketing."""
    return {Verdict.PARK.value: sure, Verdict.KEEP.value: round(1 - sure, 3)}.get(proposal)


def _samples(desk: Desk, row: Row) -> Sequence[Glance]:
    return of_unit(desk.staging, row.subject, SAMPLES) if isinstance(row.subject, Unit) else ()


SENDERS = Topic(
    name="senders",
    letters="s",
    title=lambda: _("Senders and lists"),
    question=lambda: _(
        "Whose mail shall stay in staging instead of moving? It can be loaded any day. A decision also holds for mail "
        "that comes later. What is protected moves all the same, and what nobody decides moves too."
    ),
    unit=lambda: _("sender or list"),
    columns=(lambda: _("mails"), lambda: _("MB"), lambda: _("accounts")),
    words=VERDICTS,
    facts=_rows,
    book=senders_book,
    samples=_samples,
)
