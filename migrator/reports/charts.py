"""Figures -> shapes, in the units of a drawing; what is drawn is said in words beside it too."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from migrator.reports.survey import Month, Survey, Tally

WIDTH, HEIGHT = 640, 200
"""Of a chart over time, without its axes."""

FEW = 36
"""Months that are drawn one by one; more are drawn as years."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a bar chart: `share` of the longest."""

    label: str
    value: int
    mails: int
    share: float


@dataclass(frozen=True, slots=True)
class Column:
    """One column over time: its whole height and the marked part from below, in the drawing's units."""

    label: str
    x: float
    width: float
    height: float
    marked: float
    mails: int
    of_which: int


@dataclass(frozen=True, slots=True)
class Whisker:
    """One step's time: likely, and from the fastest to the slowest that was seen, as shares of the longest of all."""

    step: str
    likely: float
    least: float
    most: float
    seconds: float
    seen: int


def whiskers(spans: Iterable[Mapping[str, Any]]) -> list[Whisker]:
    """Times beside each other, on one scale."""
    rows = list(spans)
    longest = max((each["most"] for each in rows), default=0) or 1
    return [
        Whisker(
            each["step"],
            likely=each["likely"] / longest,
            least=each["least"] / longest,
            most=each["most"] / longest,
            seconds=each["likely"],
            seen=each["seen"],
        )
        for each in rows
    ]


def bars(largest: Iterable[tuple[str, Tally]]) -> list[Bar]:
    """The longest first, each as a share of it."""
    rows = list(largest)
    most = max((its.bytes for _, its in rows), default=0) or 1
    return [Bar(name, its.bytes, its.mails, its.bytes / most) for name, its in rows]


def columns(found: Survey) -> list[Column]:
    """Mails over time and the marketing among them: each month of a short time, each year of a long one."""
    spans = list(_spans(found.months))
    if len(spans) > FEW:
        every, part = _by_year(found.months), _by_year(found.marketing_months)
        rows = [(str(year), every[year], part.get(year, 0)) for year in sorted(every)]
    else:
        rows = [(named(each), _mails(found.months, each), _mails(found.marketing_months, each)) for each in spans]
    most = max((mails for _, mails, _ in rows), default=0) or 1
    step = WIDTH / max(1, len(rows))
    return [
        Column(label, at * step, step * 0.8, HEIGHT * mails / most, HEIGHT * marked / most, mails, marked)
        for at, (label, mails, marked) in enumerate(rows)
    ]


def growth(found: Survey) -> tuple[str, int]:
    """The bytes held at the end of each month as an SVG path, and the highest of them."""
    sizes = list(accumulate(found.months[each].bytes if each in found.months else 0 for each in _spans(found.months)))
    if len(sizes) < 2 or not sizes[-1]:
        return "", 0
    points = [(WIDTH * at / (len(sizes) - 1), HEIGHT - HEIGHT * size / sizes[-1]) for at, size in _thinned(sizes)]
    line = " ".join(f"{'L' if at else 'M'}{x:.1f} {y:.1f}" for at, (x, y) in enumerate(points))
    return line, sizes[-1]


def _thinned(sizes: Sequence[int], most: int = 240) -> list[tuple[int, int]]:
    """At most so many points, first and last among them."""
    every = -(-len(sizes) // most)
    return [(at, size) for at, size in enumerate(sizes) if at % every == 0 or at == len(sizes) - 1]


def _spans(months: Mapping[Month, Tally]) -> Iterator[Month]:
    """Every month from the first to the last, those without mail too."""
    if months:
        (year, month), last = min(months), max(months)
        while (year, month) <= last:
            yield year, month
            year, month = (year + 1, 1) if month == 12 else (year, month + 1)


def named(month: Month) -> str:
    """As people write it in both languages."""
    return f"{month[0]}-{month[1]:02}"


def _mails(of: Mapping[Month, Tally], month: Month) -> int:
    return of[month].mails if month in of else 0


def _by_year(of: Mapping[Month, Tally]) -> dict[int, int]:
    found: dict[int, int] = {}
    for (year, _), its in of.items():
        found[year] = found.get(year, 0) + its.mails
    return found
