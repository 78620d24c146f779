"""Are this still the store, server, mailbox and places that we know? Asked before anything is read, made or sent.

    same_source    extract   another store, or one that is suddenly empty                  §1.8
    same_mailbox   load      another server or mailbox                                     §1.8
    known_again    load      the same, and more than half of a sample of mail has gone     §1.8
    before_sending load      mail that equals mail still to be sent: newer than our last
                             sending (staging is an old copy), or older than our first     §1.8, §1.6

Nothing here changes anything at a source or target. What stops is a UsageError until `migrator confirm` (see
steps/confirm), for older mail an AccountError until `load --existing adopt|send`.
"""

import random
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from migrator.errors import AccountError, FolderError, Reason, UsageError
from migrator.model import Folder, ItemId, Mailbox, Mark, Place, Sighting
from migrator.ports import SharedTarget, Source, Target
from migrator.staging.custody import Adoption, Custody, sample, suddenly_empty
from migrator.staging.sightings import Delivered, Waiting
from migrator.staging.store import Run, Staging
from migrator.steps.matching import Wanted, match
from migrator.steps.progress import Progress, Report, quiet
from migrator.steps.shelve import state_places

if TYPE_CHECKING:
    from migrator.steps.load import Loading

FEW = 5
"""Fewer mails than these may have gone from a living place by their owner's hand, be they more than half."""

COUNTED = 1_000
"""Equal mails are counted up to here: each one more costs a body."""

ToDo = dict[Folder, Waiting]


# -- the source ----------------------------------------------------------------------------------------------------


def same_source(source: Source, staging: Staging, name: str, run: Run) -> None:
    """Raises UsageError where it is another store than last time, or has suddenly no artefact at all."""
    found, known = source.identity(), staging.known_identity("source", name)
    if known is None:
        staging.record_identity("source", name, found, run=run.id)
    elif known.store != found.store:
        raise UsageError(Reason("source.another", name=name, known=known.store, found=found.store))
    elif suddenly_empty(staging, name) and not _holds_anything(source):
        raise UsageError(Reason("source.empty", name=name))


def _holds_anything(source: Source) -> bool:
    """An account that cannot be counted says nothing."""
    for account in source.accounts():
        try:
            if any(count.artefacts for count in source.census(account)):
                return True
        except (AccountError, FolderError):
            return True
    return False


# -- the target ----------------------------------------------------------------------------------------------------


def same_mailbox(
    staging: Staging, run: Run, target: Target, name: str, mailbox: Mailbox, report: Report = quiet
) -> None:
    """Raises UsageError where it is another server or mailbox than last time; another certificate is only told."""
    found, known = target.identity(), staging.known_identity("target", name, mailbox.owner)
    if known == found:
        return
    if known is not None and known.store != found.store:
        raise UsageError(
            Reason("target.another", name=name, mailbox=mailbox.owner, known=known.store, found=found.store)
        )
    if known is not None and not run.counts.get("certificates"):
        run.count("certificates")
        tells = Reason("target.another-certificate", name=name, mailbox=mailbox.owner, sha256=str(found.certificate))
        report(Progress(step="load", account=mailbox.owner, tells=tells))
    staging.record_identity("target", name, found, mailbox=mailbox.owner, run=run.id)


def known_again(staging: Staging, run: Run, target: Target, name: str, mailbox: Mailbox, report: Report) -> None:
    """`same_mailbox`, and most of a sample of its receipts' refs are still there. Raises UsageError."""
    same_mailbox(staging, run, target, name, mailbox, report)
    choose = random.Random(run.id)  # noqa: S311 - a sample, not a secret
    asked = missing = 0
    ended = False
    for place, expected in sample(staging, name, mailbox.owner, choose):
        mark = target.mark(place)
        if mark is not None and mark.count:
            # one whose numbering has changed, with mail in it, stops by itself, and settle binds it again (§1.5)
            expected = [each for each in expected if each.epoch == mark.epoch]
        gone = [each for each in expected if mark is None or beyond(each, mark)]
        ended = ended or bool(gone)
        if mark is not None and len(gone) < len(expected):
            gone += absent(target, place, mark, [each for each in expected if each not in gone])
        asked += len(expected)
        missing += len(gone)
    if 2 * missing > asked and (ended or missing >= FEW):
        raise UsageError(Reason("target.mail-gone", name=name, mailbox=mailbox.owner, missing=missing, sample=asked))


def beyond(known: Delivered, mark: Mark) -> bool:
    """No place that has lived on since could show this mark: it was made anew, or is an older copy of itself."""
    return known.epoch != mark.epoch or (known.number or 0) >= mark.next


def absent(target: Target, place: Place, mark: Mark, expected: Collection[Delivered]) -> list[Delivered]:
    """Those that are not where their refs say. One look from the first to the last, at headers alone."""
    numbers = [each.number for each in expected if each.number is not None]
    if not numbers:
        return []
    looked = takewhile(
        lambda each: each.number <= max(numbers), target.survey(place, Mark(mark.epoch, min(numbers), 0))
    )
    seen = {each.number: each for each in looked}
    return [each for each in expected if each.number is not None and not _lies(each, seen.get(each.number))]


def _lies(known: Delivered, seen: Sighting | None) -> bool:
    """A server may add a header, or give other bytes back; not both sizes and headers of one mail are another's."""
    return seen is not None and (seen.size == known.size or seen.headers in (None, known.headers))


# -- before the first sending ----------------------------------------------------------------------------------------


def before_sending(
    custody: Custody, target: Target, run: Run, accounts: Collection[str], how: "Loading", closed: set[Place]
) -> ToDo:
    """What is to go, once every place it goes to has been looked at.

    A place costs one question for its mark; looked at is only what came there since our last sending, and what was
    there before our first one, where there was any. Raises UsageError for mail that is newer than our last sending,
    and AccountError for older mail unless `how.existing` says what to do with it.
    """
    waiting = custody.to_do(accounts, how.takes)
    if not waiting:
        return waiting
    already: dict[Place, int] = {}
    adopted = 0
    sorted_ = by_place(custody, target, waiting, how)
    for place, items in [*sorted_.items(), *_by_state(target, sorted_)]:
        if place in closed:
            continue
        try:
            mark = target.mark(place)
            if mark is None:
                continue
            if news := _count(unexplained(custody, target, place, mark, items)):
                raise UsageError(
                    Reason(
                        "target.mail-unexplained",
                        name=how.target,
                        mailbox=custody.owner,
                        place="/".join(place.path),
                        count=news,
                    )
                )
            if how.existing == "adopt":
                found = list(existing(custody, target, place, mark, items))
                custody.adopt(place, mark, found)
                adopted += len(found)
            elif how.existing is None and (count := _count(existing(custody, target, place, mark, items))):
                already[place] = count
        except FolderError as error:
            closed.add(place)
            run.setback(custody.owner, error.reason, place.path)
    if already:
        places = ", ".join(f"{'/'.join(place.path)} ({count})" for place, count in already.items())
        raise AccountError(Reason("mailbox.holds-equal", target=how.target, mailbox=custody.owner, places=places))
    return custody.to_do(accounts, how.takes) if adopted else waiting


def by_place(custody: Custody, target: Target, waiting: ToDo, how: "Loading") -> dict[Place, "array[int]"]:
    """What is to go, by the place it goes to."""
    places = how.routes.places(custody.owner, custody.folders({each.account.name for each in waiting}), target.limits)
    sorted_: dict[Place, array[int]] = {}
    for folder, here in waiting.items():
        if folder in places:
            sorted_.setdefault(places[folder], array("q")).extend(here.items)
    return sorted_


def _by_state(target: Target, sorted_: Mapping[Place, "array[int]"]) -> Iterator[tuple[Place, "array[int]"]]:
    """The state folders below these places: what goes to a place may have been moved into one of them already."""
    if isinstance(target, SharedTarget) and target.holds().folders:
        by_path = {place.path: items for place, items in sorted_.items()}
        for place in state_places(list(target.places()), sorted_):
            yield place, by_path[place.path[:-1]]


def unexplained(
    custody: Custody, target: Target, place: Place, mark: Mark, items: Collection[ItemId]
) -> Iterable[Adoption]:
    """Mail that came to the place after our last sending there, holds no receipt, and equals one of these items.

    Whoever sent it wrote no dispatch into this staging: it is an older copy, or somebody else sends the same mail.
    """
    newest = custody.newest_mark(place)
    if newest is None or newest.epoch != mark.epoch or newest.next >= mark.next:
        return
    found = list(equal(custody, target, place, target.survey(place, newest), items))
    # A mail that has a receipt, and is no longer where that says, may have been moved here by a person.
    astray = Counter(
        known.sent
        for there, known in custody.twins({receipt.sent for _, receipt in found})
        if not _in_place(target, there, known)
    )
    for pair in found:
        if astray[pair[1].sent] > 0:
            astray[pair[1].sent] -= 1
        else:
            yield pair


def _in_place(target: Target, place: Place, known: Delivered) -> bool:
    mark = target.mark(place)
    return mark is not None and not beyond(known, mark) and not absent(target, place, mark, [known])


def existing(
    custody: Custody, target: Target, place: Place, mark: Mark, items: Collection[ItemId]
) -> Iterable[Adoption]:
    """Mail that lay in the place before we first sent anything there, and equals one of these items."""
    first = custody.first_mark(place)
    if first is None or not first.epoch:
        first = mark
    if not mark.count or not first.count or first.epoch != mark.epoch:
        return ()
    older = takewhile(lambda each: each.number < first.next, target.survey(place, None))
    return equal(custody, target, place, older, items)


def equal(
    custody: Custody, target: Target, place: Place, seen: Iterable[Sighting], items: Collection[ItemId]
) -> Iterable[Adoption]:
    """What is seen, holds no receipt, and equals one of these items, one to one.

    Tokens are not asked: they name dispatches that this staging may never have known.
    """
    claimed = set() if custody.first_mark(place) is None else custody.claimed(place)
    free = [replace(each, token=None) for each in seen if each.number not in claimed]
    candidates = {each.item: each for each in custody.candidates(items, {each.message_id for each in free})}
    for wanted, sighting in match(target, place, [Wanted.staged(custody, each) for each in candidates.values()], free):
        yield candidates[wanted.item], wanted.adoption(sighting)


def _count(found: Iterable[Adoption]) -> int:
    return sum(1 for _ in islice(found, COUNTED))
