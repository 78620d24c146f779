"""Source -> target, for mail that lies there already: flags and places that have changed since (laws.md §8).

Flags are merged three ways, as sent, as at the source now and as at the target now: what a person changed at the target
stays, and what the source changed beside it is carried. A mail is moved only if nobody has touched it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import groupby
from typing import TypeVar

from migrator.errors import FolderError, Reason
from migrator.model import Amended, Flag, Folder, Gone, Moved, Place, Reflag, Relocate, Touched, Unable
from migrator.ports import Target
from migrator.staging.changes import Misplaced, Reflagged, misplaced, reflagged
from migrator.staging.intents import REFLAG, RELOCATE, SHELVE, Changed, IntentId, Intents, Outcome, Wish
from migrator.staging.sightings import Delivered, Shelf
from migrator.steps.elsewhere import elsewhere, found_at
from migrator.steps.withdraw import BATCH, same_epoch

ATTEMPTS = 3
"""How often a mail is asked about whose flags change under our hands."""

Setback = Callable[[Place, Reason], None]


def amend(
    intents: Intents,
    shelf: Shelf,
    target: Target,
    accounts: Collection[str],
    places: Mapping[Folder, Place],
    run: int,
    setback: Setback,
) -> None:
    """Carry what has changed at the source to mail of earlier runs. Where nothing has, the target is not asked."""
    for place, mails in _by_place(reflagged(shelf, accounts, run)).items():
        try:
            same_epoch(shelf, target, place, [each.mail for each in mails])
            for at in range(0, len(mails), BATCH):
                _reflag_batch(intents, target, place, mails[at : at + BATCH])
        except FolderError as error:
            setback(place, error.reason)
    homes = {(folder.account.name, folder.path): place for folder, place in places.items()}
    for place, strays in _by_place(misplaced(shelf, accounts, run, homes)).items():
        try:
            same_epoch(shelf, target, place, [each.mail for each in strays])
            for to, group in groupby(sorted(strays, key=lambda each: each.to.path), key=lambda each: each.to):
                relocate(intents, shelf, target, place, to, list(group))
        except FolderError as error:
            setback(place, error.reason)


# -- flags ---------------------------------------------------------------------------------------------------------


def _reflag_batch(intents: Intents, target: Target, place: Place, batch: Sequence[Reflagged]) -> None:
    wishes = [
        Wish(dispatch=each.mail.dispatch, expected=each.mail.expected, detail={"flags": sorted(each.flags)})
        for each in batch
    ]
    outcomes: list[tuple[IntentId, Outcome]] = []
    try:
        for begun, each in zip(intents.begin(REFLAG, wishes), batch, strict=True):
            outcomes.append((begun.intent, _reflag(target, place, each)))
    finally:
        intents.end(outcomes)


def _reflag(target: Target, place: Place, wanted: Reflagged) -> Changed | Touched | Gone | Unable:
    """Add and take what the source did, on top of what a person has done; what is done already needs no command."""
    mail, now = wanted.mail, wanted.mail.expected
    for _ in range(ATTEMPTS):
        change = Reflag(add=wanted.add - now.flags, remove=wanted.remove & now.flags)
        if not change.add and not change.remove:
            return _merged(place, wanted, now.flags)
        outcome = target.amend(place, now.ref, now, change)
        match outcome:
            case Amended():
                return _merged(place, wanted, outcome.flags)
            case Touched() if outcome.now.size == mail.size:
                now = outcome.now
            case _:
                return outcome
    return Touched(now)


def _merged(place: Place, wanted: Reflagged, there: frozenset[Flag]) -> Changed:
    """Ours are the flags that it would have if nobody had touched it: whatever differs from them is a person's."""
    ours = (wanted.mail.flags - wanted.remove) | (wanted.add & there)
    return Changed(place, Amended(wanted.mail.ref, ours), theirs=there ^ ours)


# -- places --------------------------------------------------------------------------------------------------------


def relocate(
    intents: Intents,
    shelf: Shelf,
    target: Target,
    place: Place,
    to: Place,
    strays: Sequence[Misplaced],
    kind: str = RELOCATE,
    **more: Sequence[str],
) -> None:
    """Move mails of one place to another, but for those that people have moved, changed or deleted. `more` is kept with
    the intent."""
    lost: dict[IntentId, Delivered] = {}
    for at in range(0, len(strays), BATCH):
        batch = strays[at : at + BATCH]
        detail = {"to": list(to.path), **more}
        wishes = [Wish(dispatch=each.mail.dispatch, expected=each.mail.expected, detail=detail) for each in batch]
        hands = list(zip(intents.begin(kind, wishes), [each.mail for each in batch], strict=True))
        arrived = found_at(shelf, target, to, [mail for begun, mail in hands if begun.killed])
        outcomes: list[tuple[IntentId, Outcome]] = []
        try:
            for (begun, mail), stray in zip(hands, batch, strict=True):
                outcome = _relocate_one(target, place, stray, arrived.get(mail.dispatch), kind)
                if isinstance(outcome, Gone):
                    lost[begun.intent] = mail
                else:
                    outcomes.append((begun.intent, outcome))
        finally:
            intents.end(outcomes)
    found = elsewhere(shelf, target, list(lost.values()))
    intents.end((intent, _went(mail, to, found.get(mail.dispatch))) for intent, mail in lost.items())


def _relocate_one(
    target: Target, place: Place, stray: Misplaced, arrived: Moved | None, kind: str
) -> Changed | Touched | Moved | Gone | Unable:
    mail = stray.mail
    if place.path != stray.base:
        return Moved(place, mail.expected)
    if arrived is not None:
        # A run was killed between copying and deleting, or after both: the copy is ours, and the original is to go.
        if target.limits.can_withdraw:
            target.withdraw(place, mail.expected.ref, mail.expected)
        return _went(mail, stray.to, arrived)
    now = mail.expected
    for _ in range(ATTEMPTS if kind == SHELVE else 1):  # whoever has read a mail has not said how far it is
        outcome = target.amend(place, now.ref, now, Relocate(stray.to))
        match outcome:
            case Amended():
                return Changed(stray.to, Amended(outcome.ref, mail.flags), theirs=_theirs(now.flags ^ mail.flags))
            case Touched() if outcome.now.size == mail.size:
                now = outcome.now
            case _:
                return outcome
    return Touched(now)


def _theirs(flags: frozenset[Flag]) -> frozenset[Flag]:
    return flags - {"\\Recent"}


def _went(mail: Delivered, to: Place, found: Moved | None) -> Changed | Moved | Gone:
    """What lies where it is to lie is as it should be, whoever put it there."""
    if found is None:
        return Gone()
    return Changed(to, Amended(found.now.ref, mail.flags)) if found.place.path == to.path else found


Mail = TypeVar("Mail", Reflagged, Misplaced)


def _by_place(mails: Sequence[Mail]) -> dict[Place, list[Mail]]:
    found: dict[Place, list[Mail]] = {}
    for each in mails:
        found.setdefault(each.place, []).append(each)
    return found
