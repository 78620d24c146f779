"""How a step tells what it is doing, without knowing who listens."""

from collections.abc import Callable
from dataclasses import dataclass

from migrator.errors import Reason
from migrator.model import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """So much more is done: `items` and `bytes` since the last word, in this account and folder or place."""

    step: str
    account: str
    path: Path = ()
    items: int = 0
    bytes: int = 0
    expected: int | None = None
    """How many items there are to do in all, where that is known; told once, at the beginning."""
    waits_for: Reason | None = None
    """Why nothing moves at the moment; it is tried again by itself."""
    tells: Reason | None = None
    """What a person has to know, of one mail or of what stops a part of the run."""


def span(seconds: float) -> str:
    """`1:02:03`, `2:03`."""
    minutes, second = divmod(max(0, round(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


Report = Callable[[Progress], None]
"""Called from any thread."""


def quiet(_: Progress) -> None:
    """Nobody listens."""
