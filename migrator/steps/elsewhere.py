"""Where a mail went that no longer lies where we put it: a person may have moved it to any place of the mailbox."""

from collections.abc import Iterable, Iterator, Sequence

from migrator.model import Moved, Place, Sighting
from migrator.ports import Target
from migrator.staging.sightings import Delivered, DispatchId, Shelf


def elsewhere(shelf: Shelf, target: Target, lost: Sequence[Delivered]) -> dict[DispatchId, Moved]:
    """Those of these mails that lie somewhere else now, each paired with one sighting that no receipt holds.

    Raises FolderError where a place cannot be looked through: then nobody knows.
    """
    found: dict[DispatchId, Moved] = {}
    for place in everywhere(shelf.places(), target) if lost else ():
        left = [each for each in lost if each.dispatch not in found]
        if not left:
            break
        found |= found_at(shelf, target, place, left)
    return found


def found_at(shelf: Shelf, target: Target, place: Place, lost: Sequence[Delivered]) -> dict[DispatchId, Moved]:
    """Those of these mails that lie in this place and that no receipt holds there. They may have come before we knew
    the place."""
    found: dict[DispatchId, Moved] = {}
    left = list(lost)
    mark = target.mark(place) if left else None
    if mark is None:
        return found
    first = shelf.first_mark(place)
    claimed = shelf.claimed(place) if first is not None and first.epoch == mark.epoch else set()
    for seen in target.survey(place, None):
        near = [each for each in left if may_be(shelf, each, seen)]
        if seen.number in claimed or not near:
            continue
        same = _same(target, place, seen, near)
        if same is not None:
            left.remove(same)
            found[same.dispatch] = Moved(place, seen)
    return found


def may_be(shelf: Shelf, known: Delivered, seen: Sighting) -> bool:
    """Whether a sighting may be this mail of ours: by its token, else by headers and size."""
    if seen.token is not None:
        return seen.token == shelf.token(known.dispatch)
    return known.size == seen.size and seen.headers in (None, known.headers)


def everywhere(known: Iterable[Place], target: Target) -> Iterator[Place]:
    """Our places first, then those that only the target knows."""
    ours = list({place.path: place for place in known}.values())
    yield from ours
    paths = {place.path for place in ours}
    roles = {place.role for place in ours if place.role is not None}  # such a place may have another name there
    for place in target.places():
        if place.path not in paths and place.role not in roles:
            yield place


def _same(target: Target, place: Place, seen: Sighting, near: Sequence[Delivered]) -> Delivered | None:
    """The one that has the same bytes; else what brought them near must do."""
    if not target.limits.exact:
        return near[0]
    digest = seen.digest
    if digest is None:
        raw = target.fetch(place, seen.ref)
        digest = None if raw is None else raw.digest
    return next((each for each in near if each.sent == digest), None)
