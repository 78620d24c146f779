"""How much each signal weighs: a linear score, and how sure it is that a mail is marketing.

What speaks for parking never weighs less than nothing, what speaks for keeping never more: to add protective evidence
can only lower a score. The weights are learned (`learning`), and a file that a person can read.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from migrator.errors import Reason, UsageError
from migrator.filters.signals import SignalId, Signals
from migrator.toml import Toml


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    bias: FiniteFloat
    slope: FiniteFloat = Field(gt=0)
    offset: FiniteFloat
    weights: Mapping[SignalId, FiniteFloat]


@dataclass(frozen=True)
class Weights:
    """The score is bias plus what each signal weighs; its probability 1 / (1 + exp(-(slope * score + offset)))."""

    bias: float
    slope: float
    offset: float
    of: Mapping[SignalId, float]

    @classmethod
    def read(cls, path: Path, signals: Signals) -> "Weights":
        """The weights of a file, for these signals; a signal without one weighs nothing. Raises UsageError."""
        file = Toml(path)
        read = file.read(_File)
        for name, weight in read.weights.items():
            signal = signals.by_id.get(name)
            if signal is None:
                raise UsageError(Reason("filter.weight-unknown", **file.at(("weights", name)), signal=name))
            if weight * (1 if signal.towards == "park" else -1) < 0:
                raise UsageError(Reason("filter.weight-sign", **file.at(("weights", name)), signal=name))
        own = {each.id: each.weight for each in signals.all if each.weight is not None}
        return cls(read.bias, read.slope, read.offset, {**own, **read.weights})

    def score(self, signals: Iterable[SignalId]) -> float:
        """In no unit of its own; 0 is neither here nor there."""
        return math.fsum((self.bias, *(self.of.get(each, 0.0) for each in signals)))

    def probability(self, score: float) -> float:
        """That a mail with this score is marketing: of 100 mails at 0.98, some 98 are."""
        return 1 / (1 + math.exp(-max(-700.0, min(700.0, self.slope * score + self.offset))))

    @cached_property
    def text(self) -> str:
        """As a file of weights."""
        lines = [f'"{name}" = {weight:.3f}' for name, weight in sorted(self.of.items(), key=lambda pair: -pair[1])]
        head = [f"bias = {self.bias:.3f}", f"slope = {self.slope:.3f}", f"offset = {self.offset:.3f}"]
        return "\n".join([*head, "", "[weights]", *lines, ""])
