"""Staging -> target: what is to go and has not gone yet, exactly once (laws.md §1)."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from threading import Event

from migrator.errors import AccountError, FolderError, Outage, Reason
from migrator.model import Folder, ItemId, Mailbox, Place, Receipt, Refused
from migrator.ports import Target
from migrator.routes import Routes
from migrator.staging.custody import Custody
from migrator.staging.locks import lease
from migrator.staging.outbox import Outbox
from migrator.staging.sightings import DispatchId, Waiting
from migrator.staging.store import Run, Staging
from migrator.steps.batches import Batches
from migrator.steps.guard import before_sending, same_mailbox
from migrator.steps.progress import Progress, Report, quiet
from migrator.steps.settle import Wait, bind, settle

PATIENCE = 300.0
"""Seconds for which an outage of one mailbox is waited out in all."""

LONGEST = 60.0
"""Seconds between two attempts at most, unless the target itself asks for more."""

Opener = Callable[[], AbstractContextManager[Target]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """What a load is told: under which name the target is known, what it takes, and how patient to be."""

    target: str
    routes: Routes
    takes: frozenset[str] = frozenset({"keep"})
    late_commit: float | None = None
    lanes: int | None = None
    retry: bool = False
    existing: str | None = None
    """What a person says of mail that was there before us: adopt, or send all the same; None: nobody has said it."""
    patience: float = PATIENCE
    report: Report = quiet
    stop: Event = field(default_factory=Event)


def load_mailbox(
    staging: Staging, run: Run, mailbox: Mailbox, accounts: Collection[str], open_target: Opener, how: Loading
) -> None:
    """Send one mailbox all that is to go there. Setbacks of single folders are recorded and passed over.

    Raises AccountError, UsageError, and Outage once patience has ended.
    """
    with lease(staging, run, how.target, mailbox.owner) as held:
        outbox = Custody(staging, run, how.target, mailbox.owner, held)
        if how.retry:
            outbox.retry()
        pauses = backoff(how.patience)
        closed: set[Place] = set()
        began = time.monotonic()
        while not how.stop.is_set():
            reached = False
            try:
                with open_target() as target:
                    reached = True
                    same_mailbox(staging, run, target, how.target, mailbox, how.report)
                    left = _settle(outbox, target, how, began)
                    waiting = before_sending(outbox, target, run, accounts, how, closed)
                    places = _prepared(outbox, target, run, accounts, how, closed)
                    _send_all(outbox, run, target, places, waiting, open_target, how, closed)
                    bind(outbox, target)
                    if left or not outbox.doubts():
                        run.count("in_doubt", left)
                        return
            except Outage as error:
                pause = next(pauses, None)
                if pause is None:
                    raise
                how.report(Progress(step="load", account=mailbox.owner, waits_for=error.reason))
                how.stop.wait(max(pause, error.retry_after or 0))
            except AccountError:
                if reached:  # a refused login is never repeated
                    with open_target() as target:
                        run.count("in_doubt", _settle(outbox, target, how, time.monotonic()))
                raise
            began = time.monotonic()


def backoff(patience: float) -> Iterator[float]:
    """Pauses in seconds that double up to LONGEST, until their sum would pass the patience."""
    pause, left = 1.0, patience
    while pause <= left:
        yield pause
        left -= pause
        pause = min(2 * pause, LONGEST)


def _settle(outbox: Outbox, target: Target, how: Loading, began: float) -> int:
    late = target.limits.late_commit if how.late_commit is None else how.late_commit
    return settle(outbox, target, Wait(late_commit=late, began=began))


def _prepared(
    outbox: Outbox, target: Target, run: Run, accounts: Collection[str], how: Loading, closed: set[Place]
) -> dict[Folder, Place]:
    """Make every place, empty ones too; folders whose place cannot be made are left out."""
    places = how.routes.places(outbox.owner, outbox.folders(accounts), target.limits)
    for place in dict.fromkeys(places.values()):
        if place in closed:
            continue
        try:
            mark = target.prepare(place)
            outbox.place(place, mark)
            _same_epoch(outbox, place, mark.epoch)
        except FolderError as error:
            closed.add(place)
            run.setback(outbox.owner, error.reason, place.path)
    return places


def _same_epoch(outbox: Outbox, place: Place, epoch: int) -> None:
    first = outbox.first_mark(place)
    if first is not None and first.epoch != epoch:
        raise FolderError(
            Reason("place.epoch-changed", target=outbox.target, mailbox=outbox.owner, place="/".join(place.path))
        )


def _send_all(
    outbox: Outbox,
    run: Run,
    target: Target,
    places: dict[Folder, Place],
    waiting: dict[Folder, Waiting],
    open_target: Opener,
    how: Loading,
    closed: set[Place],
) -> None:
    """Share the batches out to lanes. Once one fails, the others stop after the batch in hand: what is in doubt can
    only be settled while nobody is sending."""
    expected = sum(len(each.items) for each in waiting.values())
    if not expected:
        return
    how.report(Progress(step="load", account=outbox.owner, expected=expected))
    batches = Batches(((places[folder], each) for folder, each in waiting.items()), target.limits, closed)
    lanes = min(how.lanes or target.limits.lanes, 1 + expected // target.limits.batch_items)
    openers: list[Opener] = [lambda: nullcontext(target), *[open_target] * (lanes - 1)]
    with ThreadPoolExecutor(lanes, thread_name_prefix="lane") as pool:
        done = [pool.submit(_lane, outbox, run, each, batches, how) for each in openers]
    for each in done:
        each.result()


def _lane(outbox: Outbox, run: Run, open_target: Opener, batches: Batches, how: Loading) -> None:
    place: Place | None = None
    try:
        with open_target() as target:
            while not how.stop.is_set() and (batch := batches.next(place)) is not None:
                place, items = batch
                try:
                    _send(outbox, target, place, items, how)
                except FolderError as error:
                    run.setback(outbox.owner, error.reason, place.path)
                    batches.close(place, at_once=bool(outbox.doubts().get(place)))
    except BaseException:
        batches.end()
        raise


def _send(outbox: Outbox, target: Target, place: Place, items: Sequence[ItemId], how: Loading) -> None:
    letters = outbox.letters(items)
    mark = target.mark(place)
    if mark is None:
        mark = target.prepare(place)
    sent = outbox.dispatch(place, mark, letters)
    outcomes: list[tuple[DispatchId, Receipt | Refused]] = []
    try:
        answers = target.deliver([parcel for _, parcel in sent])
        for (number, _), outcome in zip(sent, answers, strict=True):
            outcomes.append((number, outcome))
    finally:
        outbox.answer(outcomes)
    size = sum(letter.raw.size for letter in letters)
    how.report(Progress(step="load", account=outbox.owner, path=place.path, items=len(items), bytes=size))
