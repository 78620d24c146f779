"""Find out what became of mail whose answer never came (laws.md §1.3 to 1.5).

Presence is believed at once; absence only after the target has had time to store what was still on its way, and has
then stood still. Whatever cannot be told stays in doubt, and is never sent again by itself.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from migrator.errors import FolderError, Reason
from migrator.mail import WireFacts, fingerprint, header_digest, split, wire_facts
from migrator.model import Mark, Place, Raw, Receipt, Sighting
from migrator.ports import Target
from migrator.staging.outbox import Doubt, Outbox
from migrator.staging.sightings import DispatchId

LARGE = 64 * 2**20
"""A fingerprint is not taken of a mail above this many bytes."""


@dataclass(frozen=True, slots=True)
class Wait:
    """How long absence must be watched before it counts. `began` is when the old connection was known to be dead."""

    late_commit: float
    began: float
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def settle(outbox: Outbox, target: Target, wait: Wait) -> int:
    """Answer this mailbox's doubts, as far as they can be answered; how many are left.

    Raises FolderError where a place has another epoch than when the mail was sent, and what Target raises.
    """
    bind(outbox, target)
    doubts = outbox.doubts()
    if not doubts:
        return 0
    _same_epochs(outbox, target, doubts)
    left = _answer_present(outbox, target, doubts)
    before = {place: target.mark(place) for place in left}
    while left:
        due = wait.began + wait.late_commit - wait.now()
        wait.sleep(max(due, wait.late_commit / 4))
        left = _answer_present(outbox, target, left)
        after = {place: target.mark(place) for place in left}
        if after == {place: before.get(place) for place in left}:
            return sum(_recall_absent(outbox, target, place, gone, after[place]) for place, gone in left.items())
        before = after
    return 0


def bind(outbox: Outbox, target: Target) -> None:
    """Find the refs of mail whose receipt came without one (a server without UIDPLUS): nothing else may claim them."""
    for place, unbound in outbox.unbound().items():
        claimed = outbox.claimed(place)
        found: list[tuple[DispatchId, Sighting]] = []
        for seen in target.survey(place, outbox.first_mark(place)):
            near = [each for each in unbound if (each.size, each.headers) == (seen.size, seen.headers)]
            if seen.number in claimed or not near or _digest(target, place, seen) != near[0].sent:
                continue
            unbound.remove(near[0])
            found.append((near[0].dispatch, seen))
        outbox.moved(place, found)


def _same_epochs(outbox: Outbox, target: Target, doubts: dict[Place, list[Doubt]]) -> None:
    for place, here in doubts.items():
        mark = target.mark(place)
        if mark is not None and any(each.mark.epoch != mark.epoch for each in here):
            raise FolderError(
                Reason("place.epoch-changed", target=outbox.target, mailbox=outbox.owner, place="/".join(place.path))
            )


def _answer_present(outbox: Outbox, target: Target, doubts: dict[Place, list[Doubt]]) -> dict[Place, list[Doubt]]:
    """Write a receipt for every doubt whose mail is seen; those that are left."""
    left = {place: _present(outbox, target, place, here) for place, here in doubts.items()}
    return {place: here for place, here in left.items() if here}


def _present(outbox: Outbox, target: Target, place: Place, doubts: list[Doubt]) -> list[Doubt]:
    since = Mark(doubts[0].mark.epoch, min(each.mark.next for each in doubts), 0)
    claimed = outbox.claimed(place)
    seen = [each for each in target.survey(place, since) if each.number not in claimed]
    found = match(target, place, [_Wanted.of(each, outbox.raw(each.digest)) for each in doubts] if seen else [], seen)
    outbox.answer(((wanted.doubt.dispatch, wanted.receipt(sighting)) for wanted, sighting in found), how="found")
    settled = {wanted.doubt.dispatch for wanted, _ in found}
    return [each for each in doubts if each.dispatch not in settled]


def _recall_absent(outbox: Outbox, target: Target, place: Place, doubts: list[Doubt], mark: Mark | None) -> int:
    """Recall what certainly never arrived. Where the place gave out numbers that are no longer seen, a user may have
    moved or deleted one of these: then they are looked for in the other places, and else stay in doubt."""
    first = min(each.mark.next for each in doubts)
    given = 0 if mark is None else mark.next - first
    numbers = {each.number for each in target.survey(place, Mark(doubts[0].mark.epoch, first, 0))} if given else set()
    known = {number for number in outbox.claimed(place) if number >= first}
    if given > len(numbers | known):
        doubts = _out_of_sight(outbox, target, place, doubts)
        return len(doubts)
    outbox.recall([each.dispatch for each in doubts])
    return 0


def _out_of_sight(outbox: Outbox, target: Target, place: Place, doubts: list[Doubt]) -> list[Doubt]:
    for other in outbox.places():
        if other == place or not doubts:
            continue
        first = outbox.first_mark(other)
        claimed = outbox.claimed(other)
        seen = [each for each in target.survey(other, first) if each.number not in claimed]
        found = match(target, other, [_Wanted.of(each, outbox.raw(each.digest)) for each in doubts], seen)
        outbox.answer(((wanted.doubt.dispatch, wanted.receipt(sighting)) for wanted, sighting in found), how="found")
        outbox.moved(other, [(wanted.doubt.dispatch, sighting) for wanted, sighting in found])
        settled = {wanted.doubt.dispatch for wanted, _ in found}
        doubts = [each for each in doubts if each.dispatch not in settled]
    return doubts


# -- the same mail -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A doubt with what its mail looks like at a target, both as it is and after the repairs of a wire."""

    doubt: Doubt
    raw: Raw
    wire: WireFacts
    headers: str

    @classmethod
    def of(cls, doubt: Doubt, raw: Raw) -> "_Wanted":
        with raw.open() as stream:
            head, _ = split(stream.read(LARGE) if raw.size <= LARGE else stream.read(2**17))
        return cls(doubt, raw, wire_facts(raw.chunks()), header_digest(head))

    def receipt(self, seen: Sighting) -> Receipt:
        sent = seen.digest or self.wire.digest
        return Receipt(
            item=self.doubt.item,
            ref=seen.ref,
            sent=sent,
            size=seen.size,
            headers=self.headers,
            flags=seen.flags,
            repairs=() if sent == self.raw.digest else self.wire.repairs,
        )

    def resembles(self, seen: Sighting) -> bool:
        """Size and headers narrow the search; they never decide."""
        return seen.size in (self.raw.size, self.wire.size) and seen.headers in (None, self.headers)


def match(
    target: Target, place: Place, wanted: Sequence[_Wanted], seen: Iterable[Sighting]
) -> list[tuple[_Wanted, Sighting]]:
    """Pair mails with sightings, one to one: by digest, else by fingerprint and received time (laws.md §1.4)."""
    found: list[tuple[_Wanted, Sighting]] = []
    left = list(wanted)
    unlike: list[Sighting] = []
    for sighting in seen:
        near = [each for each in left if each.resembles(sighting)]
        digest = _digest(target, place, sighting) if near else None
        same = next((each for each in near if digest in (each.raw.digest, each.wire.digest)), None)
        if same is None:
            unlike.append(sighting)
            continue
        left.remove(same)
        found.append((same, replace(sighting, digest=digest)))
    for sighting in unlike:
        dated = [each for each in left if _second(each.doubt.received_at) == _second(sighting.received_at)]
        print_ = _fingerprint(target, place, sighting) if dated else None
        same = next((each for each in dated if print_ is not None and _means(each.raw) == print_), None)
        if same is not None:
            left.remove(same)
            found.append((same, sighting))
    return found


def _second(at: datetime) -> datetime:
    return at.replace(microsecond=0)


def _digest(target: Target, place: Place, seen: Sighting) -> str | None:
    if seen.digest is not None:
        return seen.digest
    raw = target.fetch(place, seen.ref)
    return None if raw is None else raw.digest


def _fingerprint(target: Target, place: Place, seen: Sighting) -> str | None:
    if seen.fingerprint is not None:
        return seen.fingerprint
    raw = target.fetch(place, seen.ref) if seen.size <= LARGE else None
    return None if raw is None else _means(raw)


def _means(raw: Raw) -> str:
    return fingerprint(raw.read())
