"""Target -> you: every difference between what was sent and what lies there. Changes nothing at the target."""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from migrator.mail import fingerprint
from migrator.model import Mailbox, Mark, Place, Sighting
from migrator.ports import Target
from migrator.staging.outbox import Delivered, Outbox
from migrator.staging.store import Run, Staging
from migrator.steps.progress import Progress, Report, quiet

LARGE = 64 * 2**20


@dataclass(slots=True)
class Verified:
    """What verify did and saw. `headers_only` of `checked` were compared by header block and size, the rest by body."""

    checked: int = 0
    bodies: int = 0
    identical: int = 0
    equivalent: int = 0
    headers_only: int = 0
    findings: int = 0


@dataclass(slots=True)
class _Left:
    """What one place could not explain by itself; a move between places may."""

    missing: list[Delivered] = field(default_factory=list)
    extra: list[Sighting] = field(default_factory=list)
    mark: Mark = field(default_factory=lambda: Mark(0, 0, 0))
    before: int = 0


def verify_mailbox(
    staging: Staging,
    run: Run,
    target_name: str,
    mailbox: Mailbox,
    target: Target,
    *,
    bodies: float = 0.0,
    report: Report = quiet,
) -> Verified:
    """Compare every mail of one mailbox with its receipt: headers and size always, of a share `bodies` every byte."""
    outbox = Outbox(staging, run, target_name, mailbox.owner, None)
    done = Verified()
    left = {place: _verify_place(outbox, run, target, place, bodies, done, report) for place in outbox.places()}
    _pair_moves(outbox, left, done)
    for place, here in left.items():
        for each in here.missing:
            _find(outbox, place, "missing", {"ref": _ref(each)}, done, each)
        for seen in here.extra:
            _find(outbox, place, "extra", {"ref": seen.ref, "message_id": seen.message_id}, done)
        outbox.seen(place, here.mark, here.before)
    return done


def _verify_place(
    outbox: Outbox, run: Run, target: Target, place: Place, bodies: float, done: Verified, report: Report
) -> _Left:
    delivered = outbox.delivered(place)
    mark = target.mark(place)
    if mark is None:
        return _Left(missing=delivered)
    first = outbox.first_mark(place) or mark
    if first.epoch != mark.epoch:
        _find(outbox, place, "epoch", {"was": first.epoch, "is": mark.epoch}, done)
    by_number = {each.number: each for each in delivered if each.number is not None}
    unbound = [each for each in delivered if each.number is None]
    left = _Left(mark=mark)
    choose = random.Random(run.id)  # noqa: S311 - a sample, not a secret
    for seen in target.survey(place, None):
        known = by_number.pop(seen.number, None) or _unbound(target, place, unbound, seen)
        if known is not None:
            _compare(outbox, target, place, known, seen, done, every_byte=choose.random() < bodies)
        elif seen.number < first.next:
            left.before += 1
        else:
            left.extra.append(seen)
        report(Progress(step="verify", account=outbox.owner, path=place.path, items=1, bytes=seen.size))
    if left.before < first.count:
        _find(outbox, place, "older-gone", {"was": first.count, "is": left.before}, done)
    left.missing = [*by_number.values(), *unbound]
    return left


def _unbound(target: Target, place: Place, unbound: list[Delivered], seen: Sighting) -> Delivered | None:
    """Mail whose receipt came without a ref is known again by its headers and size, then by its bytes."""
    near = next((each for each in unbound if (each.size, each.headers) == (seen.size, seen.headers)), None)
    if near is None:
        return None
    raw = target.fetch(place, seen.ref)
    if raw is None or raw.digest != near.sent:
        return None
    unbound.remove(near)
    return near


def _compare(
    outbox: Outbox,
    target: Target,
    place: Place,
    known: Delivered,
    seen: Sighting,
    done: Verified,
    *,
    every_byte: bool,
) -> None:
    done.checked += 1
    alike = known.size == seen.size and seen.headers in (None, known.headers)
    if every_byte or not alike:
        _compare_bytes(outbox, target, place, known, seen, done)
    else:
        done.headers_only += 1
    if known.flags != seen.flags:
        detail = {"added": sorted(seen.flags - known.flags), "removed": sorted(known.flags - seen.flags)}
        _find(outbox, place, "flags", detail | {"ref": seen.ref}, done, known)
    if known.received_at.replace(microsecond=0) != seen.received_at.replace(microsecond=0):
        dates = {"sent": known.received_at.isoformat(), "is": seen.received_at.isoformat()}
        _find(outbox, place, "date", dates | {"ref": seen.ref}, done, known)


def _compare_bytes(
    outbox: Outbox, target: Target, place: Place, known: Delivered, seen: Sighting, done: Verified
) -> None:
    raw = target.fetch(place, seen.ref)
    if raw is None:
        _find(outbox, place, "missing", {"ref": seen.ref}, done, known)
        return
    done.bodies += 1
    if raw.digest == known.sent:
        done.identical += 1
        return
    equivalent = raw.size <= LARGE and fingerprint(raw.read()) == fingerprint(outbox.staged(known.item).read())
    done.equivalent += equivalent
    if not (equivalent and not target.limits.exact):
        detail = {"ref": seen.ref, "sent_size": known.size, "size": raw.size, "same_meaning": equivalent}
        _find(outbox, place, "changed", detail, done, known)


def _pair_moves(outbox: Outbox, left: dict[Place, _Left], done: Verified) -> None:
    """What is missing here and lies there, with the same headers, size and date, was moved by somebody."""
    strangers: dict[tuple[int, str | None], list[tuple[Place, Sighting]]] = defaultdict(list)
    for place, here in left.items():
        for seen in here.extra:
            strangers[seen.size, seen.headers].append((place, seen))
    for place, here in left.items():
        still: list[Delivered] = []
        for each in here.missing:
            found = strangers.get((each.size, each.headers))
            if not found:
                still.append(each)
                continue
            there, seen = found.pop(0)
            left[there].extra.remove(seen)
            _find(outbox, place, "place", {"to": list(there.path), "ref": seen.ref}, done, each)
        here.missing = still


def _find(
    outbox: Outbox,
    place: Place,
    kind: str,
    detail: Mapping[str, object],
    done: Verified,
    known: Delivered | None = None,
) -> None:
    done.findings += 1
    outbox.find(place, kind, detail, None if known is None else known.dispatch)


def _ref(each: Delivered) -> str | None:
    return None if each.number is None else f"{each.epoch}:{each.number}"


def total(parts: Sequence[Verified]) -> Verified:
    """All mailboxes together."""
    whole = Verified()
    for part in parts:
        for name in Verified.__dataclass_fields__:
            setattr(whole, name, getattr(whole, name) + getattr(part, name))
    return whole
