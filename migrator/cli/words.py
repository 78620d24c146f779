"""What signals and guards say, in the reader's language."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from migrator.errors import Reason
from migrator.locale import spoken

if TYPE_CHECKING:
    from migrator.filters.ruleset import Ruleset


def worded(ruleset: "Ruleset", line: Mapping[str, Any]) -> dict[str, Any]:
    """A mail's line with the reasons in words: what protects it first, then what weighs most."""
    weights = ruleset.judge.weights.of
    rules = sorted(line["rules"], key=lambda each: -abs(weights.get(each, 0.0)))
    guard = line["guard"]
    ids = rules if guard is None else [guard, *(each for each in rules if each != guard)]
    return {**line, "reasons": [*line["reasons"], *said_by(ruleset, ids)]}


def said_by(ruleset: "Ruleset", ids: Iterable[str]) -> list[Reason]:
    """A reason for each signal, guard or rule by sender."""
    return [_said(ruleset, each) for each in ids]


def _said(ruleset: "Ruleset", name: str) -> Reason:
    signal = ruleset.judge.signals.by_id.get(name)
    weight = ruleset.judge.weights.of.get(name, 0.0)
    if signal is not None:
        code = "filter.guard" if signal.guard else "filter.signal"
        return Reason(code, signal=name, weight=f"{weight:+.1f}", say=signal.say[spoken()])
    rule = ruleset.senders.named(name)
    if rule is not None:
        why = rule.why if isinstance(rule.why, str) else rule.why[spoken()]
        return Reason("rule.sender", rule=name, why=why)
    return Reason(name)
