"""Where a mail went that no longer lies where we put it: a person may have moved it to any place of the mailbox."""

from collections.abc import Iterator, Sequence

from migrator.model import Mark, Moved, Place, Sighting
from migrator.ports import Target
from migrator.staging.sightings import Delivered, DispatchId, Shelf


def elsewhere(shelf: Shelf, target: Target, lost: Sequence[Delivered]) -> dict[DispatchId, Moved]:
    """Those of these mails that lie somewhere else now, each paired with one sighting that no receipt holds.

    Raises FolderError where a place cannot be looked through: then nobody knows.
    """
    found: dict[DispatchId, Moved] = {}
    left = list(lost)
    for place, since, claimed in _everywhere(shelf, target) if left else ():
        for seen in target.survey(place, since):
            near = [each for each in left if each.size == seen.size and seen.headers in (None, each.headers)]
            if seen.number in claimed or not near:
                continue
            same = _same(target, place, seen, near)
            if same is not None:
                left.remove(same)
                found[same.dispatch] = Moved(place, seen)
        if not left:
            break
    return found


def _everywhere(shelf: Shelf, target: Target) -> Iterator[tuple[Place, Mark | None, set[int]]]:
    """Every place: from where it had come before us, and what our receipts hold there."""
    ours = shelf.places()
    for place in ours:
        mark, first = target.mark(place), shelf.first_mark(place)
        if mark is not None and first is not None:
            known = mark.epoch == first.epoch
            yield place, first if known else None, shelf.claimed(place) if known else set()
    paths = {place.path for place in ours}
    roles = {place.role for place in ours if place.role is not None}  # such a place may have another name there
    for place in target.places():
        if place.path not in paths and place.role not in roles:
            yield place, None, set()


def _same(target: Target, place: Place, seen: Sighting, near: Sequence[Delivered]) -> Delivered | None:
    """The one that has the same bytes; where a target gives none back as it got them, headers and size must do."""
    if not target.limits.exact:
        return near[0]
    digest = seen.digest
    if digest is None:
        raw = target.fetch(place, seen.ref)
        digest = None if raw is None else raw.digest
    return next((each for each in near if each.sent == digest), None)
