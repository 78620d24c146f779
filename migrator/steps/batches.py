"""What one mailbox is to get, cut to the target's measure and shared out to lanes."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain
from threading import Lock

from migrator.model import ItemId, Place
from migrator.ports import Limits
from migrator.staging.sightings import Waiting


class Batches:
    """Batches as lanes ask for them. Lanes keep to places of their own as long as there are enough: two that send to
    one place wait for each other at the server."""

    def __init__(self, waiting: Iterable[tuple[Place, Waiting]], limits: Limits, closed: set[Place]) -> None:
        here: dict[Place, list[Waiting]] = defaultdict(list)
        for place, each in waiting:
            here[place].append(each)
        self._lock = Lock()
        self._closed = closed
        self._lanes = dict.fromkeys(here, 0)
        self._cut = {place: chain.from_iterable(cut(each, limits) for each in those) for place, those in here.items()}

    def next(self, last: Place | None) -> tuple[Place, list[ItemId]] | None:
        """The next batch for a lane that comes from this place; None when all is handed out, or a lane has failed."""
        with self._lock:
            if last in self._lanes:
                self._lanes[last] -= 1
            while self._lanes:
                place = last if last in self._lanes else min(self._lanes, key=self._lanes.__getitem__)
                if place not in self._closed and (batch := next(self._cut[place], None)) is not None:
                    self._lanes[place] += 1
                    return place, batch
                del self._lanes[place]
            return None

    def close(self, place: Place, *, at_once: bool) -> None:
        """No more batches for this place; `at_once`: none at all, because something there must be settled first."""
        with self._lock:
            self._closed.add(place)
            if at_once:
                self._lanes.clear()

    def end(self) -> None:
        """No more batches at all."""
        with self._lock:
            self._lanes.clear()


def cut(waiting: Waiting, limits: Limits) -> Iterator[list[ItemId]]:
    """Batches within the target's bounds; a mail above them goes alone."""
    batch: list[ItemId] = []
    total = 0
    for item, size in zip(waiting.items, waiting.sizes, strict=True):
        full = limits.batch_bytes is not None and total + size > limits.batch_bytes
        if batch and (full or len(batch) >= limits.batch_items):
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += size
    if batch:
        yield batch
