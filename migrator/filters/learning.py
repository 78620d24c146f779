"""Weights from labelled mail: a logistic regression whose weights keep their sign, and a calibrated probability.

Needs the extra `learn` (scikit-learn, and SciPy with it); nothing else of ours does.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from migrator.errors import Reason, UsageError
from migrator.filters.judging import Judge
from migrator.filters.signals import SignalId, Signals
from migrator.filters.streams import Stream
from migrator.filters.weights import Weights
from migrator.mail.streams import StreamKey

RIDGE = 1.0
"""How dear a large weight is."""

FOLDS = 5


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled mail. `sender` is what must not stand on both sides of a fold."""

    signals: frozenset[SignalId]
    stream: StreamKey
    sender: str
    marketing: bool
    counts: float = 1.0
    """What it counts beside another."""


def learn(signals: Signals, examples: Sequence[Example], before: Weights | None = None) -> Weights:
    """The weights that tell these examples apart. Guards weigh nothing: they are no matter of weight.

    With weights from `before`, few examples change little: only what they have evidence for moves away from there, and
    what a probability means stays as it was.

    A stream with many mails counts as much as the square root of their number. Raises UsageError where the extra is
    absent, or one of the two kinds is.
    """
    if len({each.marketing for each in examples}) < 2:
        raise UsageError(Reason("learn.one-kind", examples=len(examples)))
    names = [each.id for each in signals.all if not each.guard]
    table, kinds, counts = _table(names, examples)
    rising = [signals.by_id[name].towards == "park" for name in names]
    if before is None:
        found = _fit(table, kinds, counts, rising)
        slope, offset = _calibrated(signals, examples)
    else:
        found = _fit(table, kinds, counts, rising, [*(before.of.get(name, 0.0) for name in names), before.bias])
        slope, offset = before.slope, before.offset
    of = {name: round(float(weight), 3) for name, weight in zip(names, found, strict=False) if abs(weight) >= 0.0005}
    return Weights(round(float(found[-1]), 3), slope, offset, of)


def scores(signals: Signals, examples: Sequence[Example]) -> list[float]:
    """The score of each example by weights that were learned from other senders."""
    fold = folds(examples)
    found = [0.0] * len(examples)
    for number in range(FOLDS):
        weights = _of_others(signals, [each for each, its in zip(examples, fold, strict=True) if its != number])
        for at, each in enumerate(examples):
            if fold[at] == number:
                found[at] = weights.score(each.signals)
    return found


def folds(examples: Sequence[Example]) -> list[int]:
    """Numbers from 0 to FOLDS - 1, one for each example; a sender's mails have the same."""
    numpy, _ = _libraries()
    from sklearn.model_selection import GroupKFold

    fold = [0] * len(examples)
    blank = numpy.zeros((len(examples), 1))
    kinds = [each.marketing for each in examples]
    senders = [each.sender for each in examples]
    for number, (_, test) in enumerate(GroupKFold(FOLDS).split(blank, kinds, senders)):
        for at in test:
            fold[at] = number
    return fold


def _of_others(signals: Signals, examples: Sequence[Example]) -> Weights:
    names = [each.id for each in signals.all if not each.guard]
    found = _fit(*_table(names, examples), [signals.by_id[name].towards == "park" for name in names])
    return Weights(float(found[-1]), 1.0, 0.0, dict(zip(names, map(float, found), strict=False)))


def _calibrated(signals: Signals, examples: Sequence[Example]) -> tuple[float, float]:
    """Slope and offset by which the scores of unseen senders, and of their streams, become probabilities (Platt 1999).
    Every mail counts alike here: a probability is about mails."""
    numpy, minimize = _libraries()
    judge = Judge(signals, Weights(0.0, 1.0, 0.0, {}))
    own = scores(signals, examples)
    streams: dict[StreamKey, Stream] = defaultdict(Stream)
    for each, score in zip(examples, own, strict=True):
        streams[each.stream].add(score, judge.standing(each.signals, guarded=False))
    free = [at for at, each in enumerate(examples) if each.signals.isdisjoint(judge.guards)]
    score = numpy.array([(own[at] + streams[examples[at].stream].mean) / 2 for at in free])
    kind = numpy.array([examples[at].marketing for at in free], dtype=float)

    def loss(at: Any) -> float:
        z = at[0] * score + at[1]
        return float(numpy.logaddexp(0, -(2 * kind - 1) * z).sum())

    slope, offset = minimize(loss, numpy.array([1.0, 0.0]), bounds=[(0.1, 3.0), (None, None)]).x
    return round(float(slope), 3), round(float(offset), 3)


def _table(names: Sequence[SignalId], examples: Sequence[Example]) -> tuple[Any, Any, Any]:
    numpy, _ = _libraries()
    column = {name: at for at, name in enumerate(names)}
    table = numpy.zeros((len(examples), len(names)))
    for row, each in enumerate(examples):
        for name in each.signals:
            if name in column:
                table[row, column[name]] = 1
    mails = Counter(each.stream for each in examples)
    counts = numpy.array([each.counts / math.sqrt(mails[each.stream]) for each in examples])
    return table, numpy.array([each.marketing for each in examples], dtype=float), counts


def _fit(table: Any, kinds: Any, counts: Any, rising: Sequence[bool], before: Sequence[float] = ()) -> Any:
    """The weights, and last the bias; those that rise are never below 0, the others never above. To be far from what
    they were `before` is dear; where there was nothing, from 0, and then the bias is free."""
    numpy, minimize = _libraries()
    start = numpy.array(before or [0.0] * (len(rising) + 1))
    dear = numpy.array([RIDGE] * len(rising) + [RIDGE if before else 0.0])

    def loss(at: Any) -> tuple[float, Any]:
        z = table @ at[:-1] + at[-1]
        off = counts * (1 / (1 + numpy.exp(-z)) - kinds)
        value = (counts * numpy.logaddexp(0, -(2 * kinds - 1) * z)).sum() + (dear * (at - start) ** 2).sum() / 2
        return float(value), numpy.append(table.T @ off, off.sum()) + dear * (at - start)

    bounds = [(0, None) if up else (None, 0) for up in rising] + [(None, None)]
    return minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": 1_000}).x


def _libraries() -> tuple[Any, Any]:
    try:
        import numpy
        import sklearn  # noqa: F401 - the extra's name; SciPy comes with it
        from scipy.optimize import minimize
    except ImportError as error:
        raise UsageError(Reason("learn.extra-missing", extra="learn")) from error
    return numpy, minimize
