"""Which sighting at a target is which mail of ours, one to one (laws.md §1.4).

Message-ID, size and header narrow the search, so that few bodies are fetched; they never decide.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from migrator.errors import FolderError
from migrator.mail import wire_facts
from migrator.mail.meaning import Meaning
from migrator.model import ItemId, Place, Raw, Receipt, Sighting
from migrator.ports import Target
from migrator.staging.sightings import Candidate, Delivered, DispatchId, Doubt, Shelf

UNSENT: DispatchId = 0
"""No dispatch has this number."""

Pair = tuple["Wanted", Sighting]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wanted:
    """A mail of ours that is looked for: what it would look like at the target, and the least number it can have.

    Its dispatch and token are those of its sending, where staging knows of one.
    """

    item: ItemId
    dispatch: DispatchId = UNSENT
    token: str | None = None
    since: int = 0
    digests: tuple[str, ...]
    """As it went out; the last is that of the bytes after the repairs of a wire."""
    sizes: frozenset[int]
    headers: str
    received_at: datetime
    message_id: str | None
    repairs: tuple[str, ...] = ()
    raw: Callable[[], Raw]

    @classmethod
    def in_doubt(cls, shelf: Shelf, doubt: Doubt, since: int) -> "Wanted":
        """Both as it is staged and after the repairs of a wire."""
        return replace(
            cls.staged(shelf, doubt), dispatch=doubt.dispatch, token=shelf.token(doubt.dispatch), since=since
        )

    @classmethod
    def staged(cls, shelf: Shelf, mail: Doubt | Candidate) -> "Wanted":
        """The same, of a mail of which staging knows no sending."""
        raw = shelf.raw(mail.digest)
        wire = wire_facts(raw.chunks())
        return cls(
            item=mail.item,
            digests=(raw.digest, wire.digest),
            sizes=frozenset((raw.size, wire.size)),
            headers=wire.headers,
            received_at=mail.received_at,
            message_id=mail.message_id,
            repairs=tuple(wire.repairs),
            raw=lambda: shelf.raw(mail.digest),
        )

    @classmethod
    def delivered(cls, shelf: Shelf, known: Delivered) -> "Wanted":
        """As its receipt remembers it."""
        return cls(
            dispatch=known.dispatch,
            item=known.item,
            token=shelf.token(known.dispatch),
            digests=(known.sent,),
            sizes=frozenset((known.size,)),
            headers=known.headers,
            received_at=known.received_at,
            message_id=known.message_id,
            raw=lambda: shelf.staged(known.item),
        )

    def receipt(self, seen: Sighting) -> Receipt:
        """What settles a doubt: what we sent, and where it lies."""
        sent = seen.digest if seen.digest in self.digests else self.digests[-1]
        return Receipt(
            item=self.item,
            ref=seen.ref,
            sent=sent,
            size=seen.size,
            headers=self.headers,
            flags=seen.flags,
            repairs=() if sent == self.digests[0] else self.repairs,
        )

    def adoption(self, seen: Sighting) -> Receipt:
        """A receipt for what lies there, as it lies there, whoever sent it."""
        ours = self.receipt(seen)
        theirs = seen.digest or ours.sent
        repairs = ours.repairs if theirs == ours.sent else ()
        return replace(ours, sent=theirs, headers=seen.headers or self.headers, repairs=repairs)

    def resembles(self, seen: Sighting) -> bool:
        """Size and headers narrow the search; they never decide."""
        return seen.number >= self.since and seen.size in self.sizes and seen.headers in (None, self.headers)


def match(target: Target, place: Place, wanted: Sequence[Wanted], seen: Iterable[Sighting]) -> Iterator[Pair]:
    """Pair mails with sightings, one to one: by token, else by digest, else by fingerprint and received time.

    Of equal mails the one that is wanted first gets what lies first.
    """
    left = set(wanted)
    by_token = {each.token: each for each in wanted if each.token is not None}
    by_size: dict[int, list[Wanted]] = defaultdict(list)
    by_second: dict[datetime, list[Wanted]] = defaultdict(list)
    for each in wanted:
        by_second[_second(each.received_at)].append(each)
        for size in each.sizes:
            by_size[size].append(each)
    unlike: list[Sighting] = []
    for sighting in seen:
        if sighting.token is not None:  # it tells its sending, and no other
            same = by_token.get(sighting.token)
            if same in left:
                left.remove(same)
                yield same, sighting
            continue
        near = [each for each in by_size[sighting.size] if each in left and each.resembles(sighting)]
        digest = digest_of(target, place, sighting) if near else None
        same = next((each for each in near if digest in each.digests), None)
        if same is None:
            unlike.append(sighting)
            continue
        left.remove(same)
        yield same, replace(sighting, digest=digest)
    for sighting in unlike:
        dated = [
            each
            for each in by_second[_second(sighting.received_at)]
            if each in left and sighting.number >= each.since and each.message_id in (None, sighting.message_id)
        ]
        meaning, digest = _meaning_of(target, place, sighting) if dated else (None, None)
        same = next((each for each in dated if meaning is not None and meaning.is_that_of(each.raw())), None)
        if same is not None:
            left.remove(same)
            yield same, replace(sighting, digest=digest)


def strays(shelf: Shelf, target: Target, wanted: Iterable[Wanted]) -> list[Wanted]:
    """Mails with a receipt, equal to these, that no longer lie where they ought to: a sighting may as well be one of
    them, moved by a person."""
    twins = shelf.twins({digest for each in wanted for digest in each.digests})
    return [Wanted.delivered(shelf, known) for place, known in twins if not _lies(target, place, known)]


def _lies(target: Target, place: Place, known: Delivered) -> bool:
    try:
        return known.ref is not None and target.fetch(place, known.ref) is not None
    except FolderError:
        return False


def same_second(one: datetime, other: datetime) -> bool:
    """Targets keep whole seconds."""
    return _second(one) == _second(other)


def _second(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)


def digest_of(target: Target, place: Place, seen: Sighting) -> str | None:
    """The digest of what lies there; None where it has gone."""
    if seen.digest is not None:
        return seen.digest
    raw = target.fetch(place, seen.ref)
    return None if raw is None else raw.digest


def _meaning_of(target: Target, place: Place, seen: Sighting) -> tuple[Meaning | None, str | None]:
    """Meaning and digest, as far as they are known or can be had."""
    if seen.fingerprint is not None:
        return Meaning(seen.fingerprint), seen.digest
    raw = target.fetch(place, seen.ref)
    return (None, seen.digest) if raw is None else (Meaning.of(raw), raw.digest)
