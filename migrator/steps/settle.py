"""Find out what became of mail whose answer never came (laws.md §1.3 to 1.5).

Presence is believed at once; absence only after the target has had time to store what was still on its way, and has
then stood still. Whatever cannot be told stays in doubt, and is never sent again by itself.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from migrator.model import Mark, Place, Sighting
from migrator.ports import Target
from migrator.staging.outbox import Outbox
from migrator.staging.sightings import DispatchId, Doubt, Shelf
from migrator.steps.matching import Pair, Wanted, digest_of, match, strays

Doubts = dict[Place, list[Doubt]]


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as it passes here, in seconds."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Wait:
    """How long absence must be watched before it counts. `began` is when the old connection was known to be dead."""

    late_commit: float
    began: float
    clock: Clock = field(default_factory=Clock)

    def pass_(self) -> None:
        """Until it is over; at least a quarter of it."""
        self.clock.sleep(max(self.began + self.late_commit - self.clock.now(), self.late_commit / 4))


def settle(outbox: Outbox, target: Target, wait: Wait) -> Doubts:
    """Answer this mailbox's doubts, as far as they can be answered; those that are left.

    A place whose epoch changed is passed over until its receipts are bound again. Raises what Target raises.
    """
    bind(outbox, target)
    left = {place: here for place, here in outbox.doubts().items() if not renumbered(outbox, target, place)}
    left = _without_present(outbox, target, left)
    before = {place: target.mark(place) for place in left}
    while left:
        wait.pass_()
        left = _without_present(outbox, target, left)
        after = {place: target.mark(place) for place in left}
        if all(mark == before[place] for place, mark in after.items()):
            for place, here in left.items():
                _recall_absent(outbox, target, place, here, after[place])
            break
        before = after
    return outbox.doubts()


def bind(outbox: Outbox, target: Target) -> None:
    """Find the refs of mail whose receipt came without one (a server without UIDPLUS): nothing else may claim them."""
    for place, unbound in outbox.unbound().items():
        if renumbered(outbox, target, place) or target.mark(place) is None:
            continue
        claimed = outbox.claimed(place)
        found: list[tuple[DispatchId, str, frozenset[str]]] = []
        for seen in target.survey(place, outbox.first_mark(place)):
            near = [each for each in unbound if (each.size, each.headers) == (seen.size, seen.headers)]
            if seen.number in claimed or not near or digest_of(target, place, seen) != near[0].sent:
                continue
            unbound.remove(near[0])
            found.append((near[0].dispatch, seen.ref, near[0].flags))
        outbox.bind(place, found)


def renumbered(shelf: Shelf, target: Target, place: Place) -> bool:
    """Whether the place has another epoch than the one in which our receipts are bound."""
    now, first = target.mark(place), shelf.first_mark(place)
    return now is not None and first is not None and now.epoch != first.epoch


# -- present -------------------------------------------------------------------------------------------------------


def _without_present(outbox: Outbox, target: Target, doubts: Doubts) -> Doubts:
    """Write a receipt for every doubt whose mail is seen; those that are left."""
    left = {place: _answer_present(outbox, target, place, here) for place, here in doubts.items()}
    return {place: here for place, here in left.items() if here}


def _answer_present(outbox: Outbox, target: Target, place: Place, doubts: list[Doubt]) -> list[Doubt]:
    since = _since(outbox, place, doubts)
    seen = _unclaimed(outbox, target, place, since)
    return _answer(outbox, place, place, doubts, _sure(outbox, target, place, doubts, since, seen))


def _answer(outbox: Outbox, sent_to: Place, lies_in: Place, doubts: list[Doubt], found: list[Pair]) -> list[Doubt]:
    outbox.found(sent_to, lies_in, [(wanted.dispatch, wanted.receipt(seen)) for wanted, seen in found])
    answered = {wanted.dispatch for wanted, _ in found}
    return [each for each in doubts if each.dispatch not in answered]


def _since(outbox: Outbox, place: Place, doubts: list[Doubt]) -> dict[DispatchId, int]:
    """The least number that each can have: the next one by its mark, or after a change of epoch our first there."""
    first = outbox.first_mark(place)
    assert first is not None
    return {each.dispatch: each.mark.next if each.mark.epoch == first.epoch else first.next for each in doubts}


def _unclaimed(outbox: Outbox, target: Target, place: Place, since: dict[DispatchId, int]) -> list[Sighting]:
    """What lies in the place, new enough to be one of these, and no receipt's."""
    mark = target.mark(place)
    if mark is None:
        return []
    claimed = outbox.claimed(place)
    seen = target.survey(place, Mark(mark.epoch, min(since.values()), 0))
    return [each for each in seen if each.number not in claimed]


def _sure(
    outbox: Outbox,
    target: Target,
    place: Place,
    doubts: list[Doubt],
    since: dict[DispatchId, int],
    seen: list[Sighting],
) -> list[Pair]:
    """Pairs in which the sighting can be nothing else. Equal mails that have a receipt, and are no longer where it
    says, come first; where that leaves too few for all that are in doubt, nobody can tell whose they are."""
    wanted = _wanted(outbox, doubts, since) if seen else []
    found = list(match(target, place, wanted, seen))
    away = strays(outbox, target, [each for each, sighting in found if sighting.token is None])
    if not away:
        return found
    found = list(match(target, place, [*away, *wanted], seen))
    unsure = {each.digests[-1] for each in set(wanted).difference(each for each, _ in found)}
    return [pair for pair in found if pair[0] in wanted and pair[0].digests[-1] not in unsure]


def _wanted(outbox: Outbox, doubts: list[Doubt], since: dict[DispatchId, int]) -> list[Wanted]:
    return [Wanted.in_doubt(outbox, each, since[each.dispatch]) for each in doubts]


# -- absent --------------------------------------------------------------------------------------------------------


def _recall_absent(outbox: Outbox, target: Target, place: Place, doubts: list[Doubt], mark: Mark | None) -> None:
    """Recall what certainly never arrived: the place gave out no number since that is unaccounted for, and nothing
    lies there that could be it. What is out of sight is looked for in the other places, and else stays in doubt."""
    since = _since(outbox, place, doubts)
    seen: set[int] = set()
    if mark is not None:
        seen = {each.number for each in target.survey(place, Mark(mark.epoch, min(since.values()), 0))}
    counted = target.limits.gapless or mark is None
    _look_elsewhere(outbox, target, place, _hidden(outbox, place, doubts, seen, mark) if counted else doubts)
    asked = {each.dispatch for each in doubts}
    left = [each for each in outbox.doubts().get(place, []) if each.dispatch in asked]
    # fewer, if something was found; and a token that is nowhere in the mailbox never came
    unsure = {each.dispatch for each in _hidden(outbox, place, left, seen, mark)} if counted else set()
    unclaimed = _unclaimed(outbox, target, place, since)
    if unclaimed:
        unsure |= {each.dispatch for each, _ in match(target, place, _wanted(outbox, left, since), unclaimed)}
    outbox.recall([each.dispatch for each in left if each.dispatch not in unsure])


def _hidden(outbox: Outbox, place: Place, doubts: list[Doubt], seen: set[int], mark: Mark | None) -> list[Doubt]:
    """Those that may have arrived and gone: since their mark the place gave out numbers we cannot account for."""
    first = outbox.first_mark(place)
    if mark is None or first is None or not doubts:
        return doubts
    numbers, untold = outbox.accounted(place, min(_since(outbox, place, doubts).values()))
    numbers |= seen

    def explained(since: int) -> int:
        return sum(since <= each < mark.next for each in numbers) + sum(each >= since for each in untold)

    known = {since: explained(since) for since in {each.mark.next for each in doubts}}
    return [
        each for each in doubts if each.mark.epoch != mark.epoch or mark.next - each.mark.next > known[each.mark.next]
    ]


def _look_elsewhere(outbox: Outbox, target: Target, place: Place, doubts: list[Doubt]) -> None:
    """A user may have moved them: look through the mailbox's other places, also those that are not of our making."""
    ours = outbox.places()
    for other in [*ours, *_strange(target, ours)]:
        if other == place or not doubts or renumbered(outbox, target, other):
            continue
        since = {each.dispatch: outbox.came(other, each.mark_id) if other in ours else 1 for each in doubts}
        seen = _unclaimed(outbox, target, other, since)
        found = _sure(outbox, target, other, doubts, since, seen)
        if found and other not in ours:
            least = min(sighting.number for _, sighting in found)
            older = sum(each.number < least for each in seen)
            outbox.place(other, Mark(int(seen[0].ref.partition(":")[0]), least, older))
        doubts = _answer(outbox, place, other, doubts, found)


def _strange(target: Target, ours: Sequence[Place]) -> list[Place]:
    """Places we never sent to. One of a role that a place of ours has may be that place under another name."""
    paths, roles = {each.path for each in ours}, {each.role for each in ours} - {None}
    return [each for each in target.places() if each.path not in paths and each.role not in roles]
