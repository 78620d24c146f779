"""All that judges, as it was read: the shipped files of mappings/filters, and then the operator's own, which win."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import as_file, files
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from migrator.errors import Reason, UsageError
from migrator.filters.judging import Judge
from migrator.filters.senders import SenderRule, SenderRules
from migrator.filters.signals import Footers, Signal, SignalId, Signals
from migrator.filters.weights import Weights
from migrator.toml import Toml

WEIGHTS = "weights.toml"


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    signal: tuple[Signal, ...] = ()
    rule: tuple[SenderRule, ...] = ()
    footer: tuple[Footers, ...] = ()


@dataclass(frozen=True)
class Ruleset:
    """Signals, their weights, and rules by sender."""

    judge: Judge
    senders: SenderRules

    @classmethod
    def read(cls, own: Iterable[Path] = (), weights: Path | None = None) -> "Ruleset":
        """The shipped rules and the operator's; `weights` in place of the shipped ones. Raises UsageError naming file,
        line and key of the first mistake."""
        with as_file(files("mappings") / "filters") as folder:
            shipped = sorted(each for each in folder.glob("*.toml") if each.name != WEIGHTS)
            signals: dict[SignalId, Signal] = {}
            rules: list[SenderRule] = []
            footers: list[str] = []
            for path in (*shipped, *own):
                file = _read(path)
                signals |= {each.id: each for each in file.signal}
                rules += file.rule
                footers += (pattern for each in file.footer for pattern in each.any)
            found = Signals(tuple(signals.values()), tuple(footers))
            return cls(Judge(found, Weights.read(weights or folder / WEIGHTS, found)), SenderRules(rules))

    @cached_property
    def digest(self) -> str:
        """Names this very set."""
        parts = (self.judge.signals.all, self.judge.signals.footers, self.judge.weights.text, self.senders.all)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _read(path: Path) -> _File:
    toml = Toml(path)
    file = toml.read(_File)
    for number, rule in enumerate(file.rule):
        if rule.is_too_wide:
            at = toml.at(("rule", number, "sender"))
            raise UsageError(Reason("filter.sender-too-wide", **at, rule=rule.id, sender=rule.sender))
    return file
