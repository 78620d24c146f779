"""Target -> you: every difference between what was sent and what lies there. Changes nothing at the target."""

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from migrator.mail.meaning import Meaning
from migrator.model import Mailbox, Mark, Place, Sighting
from migrator.ports import SharedTarget, Target
from migrator.staging.entitlements import asked
from migrator.staging.noted import note_dispatches
from migrator.staging.sightings import Delivered, Difference, Shelf
from migrator.staging.store import Run, Staging
from migrator.staging.versions import stale
from migrator.steps.elsewhere import elsewhere
from migrator.steps.progress import Progress, Report, quiet


@dataclass(slots=True)
class Verified:
    """What verify did and saw. `headers_only` of `checked` were compared by header block and size, the rest by body."""

    checked: int = 0
    bodies: int = 0
    identical: int = 0
    equivalent: int = 0
    headers_only: int = 0
    findings: int = 0
    setbacks: int = 0
    """Folders and mailboxes that could not be looked at: of them nothing is known to be well."""


@dataclass(slots=True)
class _Looked:
    """What was seen in one place. What it could not explain by itself, a move between places may."""

    mark: Mark
    before: int = 0
    found: list[Difference] = field(default_factory=list)
    present: list[Delivered] = field(default_factory=list)
    missing: list[Delivered] = field(default_factory=list)
    extra: list[Sighting] = field(default_factory=list)

    def find(self, kind: str, detail: Mapping[str, object], known: Delivered | None = None) -> None:
        self.found.append(Difference(kind=kind, detail=detail, dispatch=None if known is None else known.dispatch))


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
    shelf = Shelf(staging, target_name, mailbox.owner)
    done = Verified()
    choose = random.Random(run.id)  # noqa: S311 - a sample, not a secret
    looked = {
        place: _look(shelf, target, place, lambda: choose.random() < bodies, done, report) for place in shelf.places()
    }
    _pair_moves(shelf, looked)
    # a person may have moved it to a place that we do not know
    found = elsewhere(shelf, target, [each for here in looked.values() for each in here.missing])
    overtaken = stale(shelf)
    for place, here in looked.items():
        for each in here.present:
            if each.dispatch in overtaken:
                here.find("stale", {"ref": each.ref}, each)
        for each in here.missing:
            if moved := found.get(each.dispatch):
                here.find("place", {"to": list(moved.place.path), "ref": moved.now.ref}, each)
            else:
                here.find("missing", {"ref": each.ref}, each)
        if here.mark.epoch and isinstance(target, SharedTarget):
            _compare_rights(shelf, target, place, here)
        for seen in here.extra:
            here.find("extra", {"ref": seen.ref, "message_id": seen.message_id})
        shelf.note(run.id, place, here.found, here.mark, here.before)
        done.findings += len(here.found)
        run.log.saw(shelf.owner, place.path, mails=len(here.present), findings=len(here.found))
        run.log.tell(shelf.owner, place.path)
        named = [(each.dispatch, {"became": each.kind}) for each in here.found if each.dispatch is not None]
        note_dispatches(staging, run, named)
    return done


def _look(
    shelf: Shelf, target: Target, place: Place, every_byte: Callable[[], bool], done: Verified, report: Report
) -> _Looked:
    delivered = shelf.delivered(place)
    mark = target.mark(place)
    if mark is None:
        return _Looked(Mark(0, 0, 0), missing=delivered)
    here = _Looked(mark)
    first = shelf.first_mark(place) or mark
    if first.epoch != mark.epoch:
        here.find("epoch", {"was": first.epoch, "is": mark.epoch})
    bound = {each.ref: each for each in delivered if each.ref is not None}
    unbound = [each for each in delivered if each.ref is None]
    adopted = 0
    for seen in target.survey(place, None):
        known = bound.pop(seen.ref, None) or _unbound(target, place, unbound, seen)
        adopted += known is not None and seen.number < first.next
        if known is not None:
            here.present.append(known)
            _compare(shelf, target, place, known, seen, here, done, every_byte=every_byte())
        elif seen.number < first.next:
            here.before += 1
        else:
            here.extra.append(seen)
        report(Progress(step="verify", account=shelf.owner, path=place.path, items=1, bytes=seen.size))
    if here.before + adopted < first.count:
        here.find("older-gone", {"was": first.count, "is": here.before + adopted})
    here.missing = [*bound.values(), *unbound]
    return here


def _compare_rights(shelf: Shelf, target: SharedTarget, place: Place, here: _Looked) -> None:
    """What people have from us, against what they may do there now."""
    given = [each for each in asked(shelf, place).values() if each.stands]
    now = target.rights(place) if given else {}
    for each in given:
        word = now[each.who].word if each.who in now else ""
        if word != each.word:
            here.find("rights", {"who": each.who, "given": each.word, "is": word})


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
    shelf: Shelf,
    target: Target,
    place: Place,
    known: Delivered,
    seen: Sighting,
    here: _Looked,
    done: Verified,
    *,
    every_byte: bool,
) -> None:
    done.checked += 1
    alike = target.limits.exact and known.size == seen.size and seen.headers in (None, known.headers)
    if every_byte or not alike:
        _compare_bytes(shelf, target, place, known, seen, here, done)
    else:
        done.headers_only += 1
    if known.flags != seen.flags:
        changed = {"added": sorted(seen.flags - known.flags), "removed": sorted(known.flags - seen.flags)}
        here.find("flags", {"ref": seen.ref, **changed}, known)
    if known.received_at.replace(microsecond=0) != seen.received_at.replace(microsecond=0):
        dates = {"sent": known.received_at.isoformat(), "is": seen.received_at.isoformat()}
        here.find("date", {"ref": seen.ref, **dates}, known)


def _compare_bytes(
    shelf: Shelf, target: Target, place: Place, known: Delivered, seen: Sighting, here: _Looked, done: Verified
) -> None:
    raw = target.fetch(place, seen.ref)
    if raw is None:
        here.missing.append(known)
        return
    done.bodies += 1
    if raw.digest == known.sent:
        done.identical += 1
        return
    found = {"ref": seen.ref, "sent_size": known.size, "size": raw.size}
    if target.limits.exact:
        equivalent = Meaning.of(raw).is_that_of(shelf.staged(known.item))
        here.find("changed", {**found, "same_meaning": equivalent}, known)
    else:
        changes = Meaning.of(raw).changes(shelf.staged(known.item))
        equivalent = not changes
        if changes:
            here.find("changed", {**found, "same_meaning": False, "what": list(changes)}, known)
    done.equivalent += equivalent


def _pair_moves(shelf: Shelf, looked: dict[Place, _Looked]) -> None:
    """What is missing here and lies there, with the same token, or the same headers and size, was moved by somebody."""
    strangers: dict[object, list[tuple[_Looked, Place, Sighting]]] = defaultdict(list)
    for place, here in looked.items():
        for seen in here.extra:
            strangers[seen.token or (seen.size, seen.headers)].append((here, place, seen))
    for here in looked.values():
        still: list[Delivered] = []
        for each in here.missing:
            found = strangers.get(shelf.token(each.dispatch)) or strangers.get((each.size, each.headers))
            if not found:
                still.append(each)
                continue
            there, place, seen = found.pop(0)
            there.extra.remove(seen)
            here.find("place", {"to": list(place.path), "ref": seen.ref}, each)
        here.missing = still


def total(parts: Sequence[Verified]) -> Verified:
    """All mailboxes together."""
    whole = Verified()
    for part in parts:
        for name in Verified.__dataclass_fields__:
            setattr(whole, name, getattr(whole, name) + getattr(part, name))
    return whole
