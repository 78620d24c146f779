"""How long the real move will take, by what was seen: the first pass in the days before, and the night of the cut-over.

Every figure is a median with the fastest and the slowest run that was seen. What nobody has seen has no figure.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from statistics import median

from migrator.staging.loads import ENOUGH, Pace, paces
from migrator.staging.rehearsals import loads_seen
from migrator.staging.since import Timed, a_day, timed
from migrator.staging.store import Staging

FEW = 0.1
"""A run that met no more than this share of all mails as new ones was a delta pass."""


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds that a step takes: as in the middle one of so many runs `seen`, in the fastest, and in the slowest."""

    step: str
    likely: float = 0.0
    least: float = 0.0
    most: float = 0.0
    seen: int = 0


@dataclass(frozen=True, slots=True)
class Amount:
    """Mails, or other files, and their bytes."""

    mails: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """The steps before the cut-over and those of its night; `mails` and `bytes` are what comes in one day."""

    first: tuple[Span, ...]
    window: tuple[Span, ...]
    mails: float
    bytes: float


def whole(step: str, spans: Collection[Span]) -> Span:
    """All of these one after the other; `seen` is 0 where nobody has seen one of them."""
    likely, least, most = (sum(getattr(each, word) for each in spans) for word in ("likely", "least", "most"))
    return Span(step, likely, least, most, min((each.seen for each in spans), default=0))


def forecast(staging: Staging, target: str, *, store: Amount, goes: Amount) -> Forecast:
    """For a store of so many files, of which so many mails go to the target."""
    day, day_bytes = a_day(staging)
    walks, judged, checks = (timed(staging, step) for step in ("extract", "judge", "verify"))
    loads, few = paces(staging, target), FEW * max(goes.mails, 1)
    delta = [seconds for seconds, loaded in loads_seen(staging, target) if loaded <= few]
    check = _span(
        "verify", (each.seconds * goes.mails / _of(each, "checked") for each in checks if _of(each, "checked"))
    )
    first = (
        _span("extract", (pace.time_for(store.mails, store.bytes) for pace in map(_first, walks) if pace)),
        _span("judge", sorted(each.seconds for each in judged)[-1:]),
        _span("load", (pace.time_for(goes.mails, goes.bytes) for pace in loads)),
        check,
    )
    window = (
        _span("extract", (each.seconds * store.mails / _met(each) for each in walks if _is_delta(each))),
        _span("judge", sorted(each.seconds for each in judged)[:-1]),
        _span("load", delta or [pace.time_for(round(day), round(day_bytes)) for pace in loads]),
        check,
    )
    return Forecast(first, window, day, day_bytes)


def _span(step: str, seconds: Iterable[float]) -> Span:
    times = list(seconds)
    return Span(step, median(times), min(times), max(times), len(times)) if times else Span(step)


def _of(run: Timed, word: str) -> int:
    return run.counts.get(word, 0)


def _met(run: Timed) -> int:
    return _of(run, "items") + _of(run, "unchanged")


def _is_delta(run: Timed) -> bool:
    return _of(run, "unchanged") > 0 and _of(run, "items") <= FEW * _met(run)


def _first(run: Timed) -> Pace | None:
    """How fast a pass was that read nearly everything."""
    items = _of(run, "items")
    return Pace(items, max(1, _of(run, "bytes")), run.seconds) if items >= max(ENOUGH, _of(run, "unchanged")) else None
