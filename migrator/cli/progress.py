"""Progress on stderr: how much, how fast, and how much longer."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from migrator.cli import console
from migrator.errors import Param
from migrator.locale import _, filled
from migrator.steps.progress import Progress, Report, span

EVERY = 10
"""Seconds between two lines where stderr is no terminal."""


class Meter:
    """Adds up what the steps' lanes report; `line` says it in the language spoken when the meter was made."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._lock = threading.Lock()
        self._items = self._bytes = 0
        self._expected: int | None = None
        self._last: Progress | None = None
        self._open = _("{step}: {items} mails, {rate} a second, {speed} MB a second; {account} {path}")
        self._closed = _(
            "{step}: {items} of {expected} mails, {rate} a second, {speed} MB a second, {left} left; {account} {path}"
        )

    def add(self, progress: Progress) -> None:
        """Take one report, from any thread. A new step is counted anew."""
        with self._lock:
            if self._last is not None and self._last.step != progress.step:
                self._began, self._items, self._bytes, self._expected = self._clock(), 0, 0, None
            self._items += progress.items
            self._bytes += progress.bytes
            if progress.expected is not None:
                self._expected = (self._expected or 0) + progress.expected
            self._last = progress

    def line(self) -> str:
        """Where things stand; empty before the first report."""
        with self._lock:
            if self._last is None:
                return ""
            seconds = max(self._clock() - self._began, 0.001)
            rate = self._items / seconds
            params: dict[str, Param] = {
                "step": self._last.step,
                "items": f"{self._items:,}",
                "rate": f"{rate:,.0f}",
                "speed": f"{self._bytes / seconds / 1e6:,.1f}",
                "account": self._last.account,
                "path": "/".join(self._last.path),
            }
            if self._expected is None or not self._items:
                return filled(self._open, params)
            left = span((self._expected - self._items) / rate)
            return filled(self._closed, {**params, "expected": f"{self._expected:,}", "left": left})


@contextmanager
def progress() -> Iterator[Report]:
    """What a step may report to: one living line on a terminal, a line now and then elsewhere."""
    meter = Meter()
    with _living(meter) if sys.stderr.isatty() else _lines(meter) as report:
        yield report


@contextmanager
def _living(meter: Meter) -> Iterator[Report]:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live(
        console=Console(stderr=True),
        get_renderable=lambda: Text(meter.line(), overflow="ellipsis", no_wrap=True),
        refresh_per_second=4,
        transient=True,
        redirect_stdout=False,
    ):
        yield _telling(meter)


def _telling(meter: Meter) -> Report:
    """Adds up, and says at once what a person has to know."""

    def report(progress: Progress) -> None:
        if progress.tells is not None:
            console.explain(progress.tells)
            return
        if progress.waits_for is not None:
            console.explain(progress.waits_for)
        meter.add(progress)

    return report


@contextmanager
def _lines(meter: Meter) -> Iterator[Report]:
    told = time.monotonic()
    tell = _telling(meter)

    def report(progress: Progress) -> None:
        nonlocal told
        tell(progress)
        if time.monotonic() - told >= EVERY:
            told = time.monotonic()
            console.tell("{line}", line=meter.line())

    yield report
