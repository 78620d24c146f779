"""What all mails of one sender or list come to, for the person who decides about it; its orders by themselves."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from migrator.filters.ruleset import Ruleset
from migrator.filters.store import Store
from migrator.filters.streams import Stream
from migrator.model import ItemId, Proposal, Verdict
from migrator.staging.evidence import Evidence, subjects_of
from migrator.staging.opinions import Unit, decided_units
from migrator.staging.store import Staging
from migrator.steps.judge import Streams, gather, judged, learn_facts

REASONS = 5
PARKED = 0.8
"""Of a sender's mails so many must be proposed for parking before the sender is."""


@dataclass(slots=True)
class Sender:
    """What is gathered of one sender or list."""

    is_list: bool
    stream: Stream
    items: int = 0
    size: int = 0
    sure: float = 0.0
    accounts: set[str] = field(default_factory=set)
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    shown: Counter[str] = field(default_factory=Counter)
    guards: Counter[str] = field(default_factory=Counter)
    newest: ItemId = 0
    odd: tuple[float, ItemId] = (2.0, 0)
    """The mail that looks least like marketing."""

    def add(self, its: Evidence, proposal: Proposal) -> None:
        """Take one of its mails into account."""
        self.items += 1
        self.size += its.size
        self.sure += proposal.score or 0.0
        self.accounts.add(its.account)
        self.verdicts[proposal.verdict] += 1
        self.shown.update(proposal.rules)
        self.newest = its.item
        self.odd = min(self.odd, (proposal.score or 0.0, its.item))
        if proposal.guard is not None:
            self.guards[proposal.guard] += 1

    @property
    def proposal(self) -> Verdict:
        """Parking only where nothing protects a mail of it and most are proposed for that; then a person is asked."""
        if not self.guards and self.verdicts[Verdict.PARK] >= PARKED * self.items:
            return Verdict.PARK
        return Verdict.HOLD if self.verdicts[Verdict.PARK] or self.verdicts[Verdict.HOLD] else Verdict.KEEP


def senders(staging: Staging, ruleset: Ruleset, store: Store) -> Iterator[dict[str, Any]]:
    """One row a sender or list in the words of interface.md, and one for its orders, those that would save most first.
    `reasons` and `protected_by` are ids of signals and guards, the weightiest first."""
    return (row for row, _ in senders_with_accounts(staging, ruleset, store))


def senders_with_accounts(
    staging: Staging, ruleset: Ruleset, store: Store
) -> Iterator[tuple[dict[str, Any], frozenset[str]]]:
    """As `senders`, each with the accounts that its mail lies in."""
    learn_facts(staging, ruleset, store)
    streams = gather(staging, ruleset, store)
    found = _gathered(staging, streams)
    decided = decided_units(staging)
    weights = ruleset.judge.weights.of
    order = {Verdict.PARK: 0, Verdict.HOLD: 1, Verdict.KEEP: 2}
    subjects = subjects_of(staging, [number for each in found.values() for number in (each.newest, each.odd[1])])
    for unit, each in sorted(found.items(), key=lambda pair: (order[pair[1].proposal], -pair[1].size, pair[0])):
        verdict, by, _ = decided.get(unit, (None, None, ""))
        speak = sorted(each.shown, key=lambda signal: -each.shown[signal] * weights.get(signal, 0.0))
        sure = each.sure / each.items
        against = [signal for signal in reversed(speak) if weights.get(signal, 0.0) < 0]
        row = {
            "sender": unit.stream,
            "orders": unit.orders,
            "kind": "list" if each.is_list else "address",
            "items": each.items,
            "bytes": each.size,
            "accounts": len(each.accounts),
            "proposal": each.proposal.value,
            "tier": ruleset.judge.tier(each.stream, sure).value,
            "score": round(sure, 3),
            "reasons": [signal for signal in speak if weights.get(signal, 0.0) > 0][:REASONS],
            "protected_by": [*(guard for guard, _ in each.guards.most_common()), *against][:REASONS],
            "newest": subjects[each.newest],
            "least_typical": subjects[each.odd[1]],
            "newest_item": str(each.newest),
            "least_typical_item": str(each.odd[1]),
            "decision": None if verdict is None else verdict.value,
            "decided_by": by,
        }
        yield row, frozenset(each.accounts)


def _gathered(staging: Staging, streams: Streams) -> dict[Unit, Sender]:
    found: dict[Unit, Sender] = {}
    for page in judged(staging, streams):
        for its, proposal in page:
            unit = Unit(its.stream, proposal.orders)
            if unit not in found:
                found[unit] = Sender(its.list_id is not None, streams.stream(its))
            found[unit].add(its, proposal)
    return found
