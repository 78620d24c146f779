"""Is this that mail? Staged mail set against what lies at a target, one to one (laws.md §1.4).

Message-ID, size and header narrow the search, so that few bodies are fetched; they never decide.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from migrator.mail import WireFacts, fingerprint, wire_facts
from migrator.model import Place, Raw, Receipt, Sighting
from migrator.ports import Target
from migrator.staging.custody import Candidate

LARGE = 64 * 2**20
"""A fingerprint is not taken of a mail above this many bytes."""

Pair = tuple[Candidate, Receipt]


@dataclass(frozen=True, slots=True, eq=False)
class _Wanted:
    candidate: Candidate
    wire: WireFacts

    def receipt(self, seen: Sighting, digest: str) -> Receipt:
        """Of what lies there, as it lies there."""
        repaired = digest == self.wire.digest != self.candidate.digest
        return Receipt(
            item=self.candidate.item,
            ref=seen.ref,
            sent=digest,
            size=seen.size,
            headers=seen.headers or self.wire.headers,
            flags=seen.flags,
            repairs=self.wire.repairs if repaired else (),
        )


def pairs(
    target: Target,
    place: Place,
    candidates: Iterable[Candidate],
    seen: Sequence[Sighting],
    raw: Callable[[str], Raw],
) -> Iterator[Pair]:
    """Each sighting that is one of these mails, with the receipt that says so; the surest first.

    By digest, as staged or after the repairs of a wire; else by fingerprint and received time. `raw` gives staged
    bytes by their digest. Tokens are not asked: they name dispatches that this staging may never have known.
    """
    headed: dict[tuple[str | None, str | None], list[_Wanted]] = defaultdict(list)
    dated: dict[tuple[str | None, datetime], list[_Wanted]] = defaultdict(list)
    for each in candidates:
        wanted = _Wanted(each, wire_facts(raw(each.digest).chunks()))
        headed[each.message_id, wanted.wire.headers].append(wanted)
        headed[each.message_id, None].append(wanted)
        dated[each.message_id, _second(each.received_at)].append(wanted)
    taken: set[_Wanted] = set()
    unlike: list[Sighting] = []
    for sighting in seen:
        near = [
            each
            for each in headed.get((sighting.message_id, sighting.headers), ())
            if each not in taken and sighting.size in (each.candidate.size, each.wire.size)
        ]
        digest = _digest(target, place, sighting) if near else None
        same = next((each for each in near if digest in (each.candidate.digest, each.wire.digest)), None)
        if same is None or digest is None:
            unlike.append(sighting)
            continue
        taken.add(same)
        yield same.candidate, same.receipt(sighting, digest)
    for sighting in unlike:
        near = [
            each
            for each in dated.get((sighting.message_id, _second(sighting.received_at)), ())
            if each not in taken and max(sighting.size, each.candidate.size) <= LARGE
        ]
        there = target.fetch(place, sighting.ref) if near else None
        meaning = None if there is None else fingerprint(there.read())
        same = next((each for each in near if fingerprint(raw(each.candidate.digest).read()) == meaning), None)
        if same is not None and there is not None:
            taken.add(same)
            yield same.candidate, same.receipt(sighting, there.digest)


def _second(at: datetime) -> datetime:
    return at.replace(microsecond=0)


def _digest(target: Target, place: Place, seen: Sighting) -> str | None:
    if seen.digest is not None:
        return seen.digest
    raw = target.fetch(place, seen.ref)
    return None if raw is None else raw.digest
