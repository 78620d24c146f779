"""A person's decisions -> weights: what people have said of senders here moves the shipped weights a little."""

from collections.abc import Iterator
from dataclasses import dataclass

from migrator.filters.learning import Example, learn
from migrator.filters.ruleset import Ruleset
from migrator.filters.weights import Weights
from migrator.model import Verdict
from migrator.staging.evidence import evidence
from migrator.staging.opinions import Unit, decided_units
from migrator.staging.store import Staging


@dataclass(frozen=True, slots=True)
class Learned:
    """New weights, and of how many mails and senders they come."""

    weights: Weights
    mails: int
    senders: int


def learn_from_decisions(staging: Staging, ruleset: Ruleset) -> Learned:
    """Weights moved by the decisions of people on senders; a sender on hold teaches nothing.

    Raises UsageError where nobody has decided both ways, or the extra `learn` is absent.
    """
    examples = list(_examples(staging, ruleset))
    weights = learn(ruleset.judge.signals, examples, ruleset.judge.weights)
    return Learned(weights, len(examples), len({each.sender for each in examples}))


def _examples(staging: Staging, ruleset: Ruleset) -> Iterator[Example]:
    decided = decided_units(staging)
    for page in evidence(staging, ruleset.judge.signals.digest):
        for its in page:
            unit = Unit(its.stream, orders=its.proposal is not None and its.proposal[2])
            verdict = decided.get(unit, (Verdict.HOLD,))[0]
            if verdict != Verdict.HOLD:
                yield Example(frozenset(its.shown.split()), its.stream, its.stream, verdict == Verdict.PARK)
