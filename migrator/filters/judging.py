"""Evidence -> proposal: guards first, then the score of the mail and of its stream, then what is asked of people."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache

from migrator.filters.senders import SenderRule
from migrator.filters.signals import SignalId, Signals
from migrator.filters.streams import ANSWER, Standing, Stream
from migrator.filters.weights import Weights
from migrator.model import Proposal, Verdict

PARK, HOLD = 0.95, 0.6
"""So sure of marketing must we be to propose parking, and to propose that a person looks."""

FANS_OUT = "store.fan-out"

ORDER, LIKE_AN_ORDER = "transaction.subject", "transaction.text"
"""What an order's subject shows; and its text, but many a newsletter's too: there the verdict on the whole mail counts.
"""

SAFEST = 0.98
FAMILIES = 2
"""Kinds of evidence that must agree for parking; no one of them is enough. A mail that shows none is not held."""


class Tier(StrEnum):
    """How sure a stream's proposal is."""

    SAFEST = "safest"
    LIKELY = "likely"
    REVIEW = "review"


@dataclass(frozen=True)
class Judge:
    """Signals and their weights, made ready to be asked of a million mails."""

    signals: Signals
    weights: Weights

    @cached_property
    def guards(self) -> frozenset[SignalId]:
        return frozenset(each.id for each in self.signals.all if each.guard)

    @cached_property
    def asking(self) -> frozenset[SignalId]:
        return frozenset(each.id for each in self.signals.all if each.asks)

    @cached_property
    def protective(self) -> frozenset[SignalId]:
        return frozenset(each.id for each in self.signals.all if each.towards == "keep")

    def families(self, shown: Collection[SignalId]) -> int:
        """How many kinds of evidence speak for parking."""
        by_id = self.signals.by_id
        return len({by_id[each].family for each in shown if each in by_id and each not in self.protective})

    @cached_property
    def weighed(self) -> Callable[[frozenset[SignalId]], tuple[float, int]]:
        """The score of what a mail shows, and of how many kinds it is; kept, for most mails show what others do."""
        return lru_cache(100_000)(lambda shown: (self.weights.score(shown), self.families(shown)))

    def standing(self, shown: frozenset[SignalId], *, guarded: bool) -> Standing:
        """What a mail's evidence for keeping comes to; `guarded`: facts of the store protect it."""
        return Standing(
            guarded=guarded or not self.guards.isdisjoint(shown),
            asking=not self.asking.isdisjoint(shown),
            protected=guarded or not self.protective.isdisjoint(shown),
            answers=not ANSWER.isdisjoint(shown),
        )

    def propose(
        self,
        shown: frozenset[SignalId],
        guards: Sequence[str],
        stream: Stream,
        rule: SenderRule | None,
        *,
        sender: str,
        text: str = "",
    ) -> Proposal:
        """What is thought of one mail. `guards` are facts of the store that protect it; `stream` holds it already.

        `sender` and `text` are those it was added with.
        """
        own, families = self.weighed(shown)
        score = (own + stream.mean_of(sender)) / 2
        if stream.fans_out(text):
            score += self.weights.of.get(FANS_OUT, 0.0)
            shown |= {FANS_OUT}
            families = self.weighed(shown)[1]
        seen = tuple(sorted(shown))
        sure = self.weights.probability(score)
        guard = self._guard(shown, guards, stream)
        if guard is not None or shown >= {ORDER, LIKE_AN_ORDER} or (rule is not None and rule.verdict == Verdict.KEEP):
            verdict = Verdict.KEEP
        else:
            wanted = rule is not None and rule.verdict == Verdict.PARK
            asked = not self.asking.isdisjoint(shown) or (rule is not None and rule.verdict == Verdict.HOLD)
            verdict = _verdict(sure, families, wanted=wanted, asked=asked)
        rules = seen if rule is None else (*seen, rule.id)
        orders = ORDER in shown or (LIKE_AN_ORDER in shown and verdict != Verdict.PARK)
        return Proposal(verdict=verdict, rules=rules, score=round(sure, 3), guard=guard, orders=orders)

    def _guard(self, shown: frozenset[SignalId], guards: Sequence[str], stream: Stream) -> str | None:
        if guards:
            return guards[0]
        found = self.guards & shown
        if found:
            return min(found)
        return "list.discussion" if stream.is_discussion else None

    def tier(self, stream: Stream, sure: float) -> Tier:
        """How sure a proposal to park is; `safest` where nothing at all ever spoke for keeping a mail of its stream."""
        if stream.guarded or stream.asking or stream.is_discussion or sure < PARK:
            return Tier.REVIEW
        return Tier.SAFEST if not stream.protected and sure >= SAFEST else Tier.LIKELY


def _verdict(sure: float, families: int, *, wanted: bool, asked: bool) -> Verdict:
    if wanted or (sure >= PARK and families >= FAMILIES):
        return Verdict.HOLD if asked else Verdict.PARK
    return Verdict.HOLD if sure >= HOLD and families else Verdict.KEEP
