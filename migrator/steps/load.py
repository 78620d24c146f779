"""Staging -> target: what is to go and has not gone yet, exactly once (laws.md §1)."""

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from threading import Event

from migrator.errors import AccountError, FolderError, Outage, Reason
from migrator.model import Folder, ItemId, Mailbox, Mark, Place, Receipt, Refused
from migrator.ports import Target
from migrator.routes import Routes
from migrator.staging.custody import Custody
from migrator.staging.entitlements import Entitlements
from migrator.staging.intents import Intents
from migrator.staging.locks import lease
from migrator.staging.outbox import Outbox
from migrator.staging.sightings import DispatchId, Waiting
from migrator.staging.store import Run, Staging
from migrator.steps.amend import amend
from migrator.steps.batches import Batches
from migrator.steps.guard import before_sending, same_mailbox
from migrator.steps.pace import Pace
from migrator.steps.progress import Progress, Report, quiet
from migrator.steps.settle import Clock, Doubts, Wait, bind, renumbered, settle
from migrator.steps.share import Hand, Inbox, share
from migrator.steps.withdraw import finish, withdraw_overtaken

PATIENCE = 300.0
"""Seconds for which an outage of one mailbox is waited out; what comes after some mail has gone is another one."""

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
    resend: bool = False
    clock: Clock = field(default_factory=Clock)
    existing: str | None = None
    """What a person says of mail that was there before us: adopt, or send all the same; None: nobody has said it."""
    patience: float = PATIENCE
    shared: Sequence[Inbox] = ()
    """The shared inboxes of the accounts that are loaded."""
    signed: int = 0
    """Facts of theirs that will be nowhere, as a person has signed."""
    pace: Pace = field(default_factory=Pace)
    report: Report = quiet
    stop: Event = field(default_factory=Event)


def load_mailbox(
    staging: Staging, run: Run, mailbox: Mailbox, accounts: Collection[str], open_target: Opener, how: Loading
) -> None:
    """Send one mailbox all that is to go there. Setbacks of single folders are recorded and passed over.

    Raises AccountError, UsageError, and Outage once patience has ended.
    """

    def setback(place: Place, why: Reason) -> None:
        run.setback(mailbox.owner, why, place.path)

    with lease(staging, run, how.target, mailbox.owner) as held:
        outbox = Custody(staging, run, how.target, mailbox.owner, held)
        intents = Intents(staging, run, outbox, held)
        hand = Hand(outbox, intents, Entitlements(staging, run, outbox, held), run, setback, how.retry)
        if how.retry:
            outbox.retry()
        pauses = backoff(how.patience)
        closed: set[Place] = set()
        resend = how.resend
        began = how.clock.now()
        answered = 0
        while not how.stop.is_set() and how.pace.may_go_on(how.stop):
            reached = False
            try:
                with open_target() as target:
                    reached = True
                    same_mailbox(staging, run, target, how.target, mailbox, how.report)
                    left = settle_doubts(outbox, target, how, began)
                    if resend:
                        left, resend = _resend(outbox, target, how, left), False
                    finish(intents, outbox, target, setback)
                    waiting = before_sending(outbox, target, run, accounts, how, closed)
                    places = _prepared(outbox, target, run, accounts, how, closed)
                    _send_all(outbox, run, target, places, waiting, open_target, how, closed)
                    if how.stop.is_set():
                        return
                    homes = {folder: place for folder, place in places.items() if place not in closed}
                    amend(intents, outbox, target, accounts, homes, run.id, setback)
                    bind(outbox, target)
                    withdraw_overtaken(intents, outbox, target, setback)
                    share(hand, target, how.shared, homes)
                    if _dispatches(outbox.doubts()) <= _dispatches(left):
                        _tell(run, how, left)
                        run.log.tell(mailbox.owner)
                        return
            except Outage as error:
                if outbox.answered > answered:  # a network that breaks now and then is no outage without end
                    pauses, answered = backoff(how.patience), outbox.answered
                pause = next(pauses, None)
                if pause is None:
                    raise
                how.report(Progress(step="load", account=mailbox.owner, waits_for=error.reason))
                how.stop.wait(max(pause, error.retry_after or 0))
            except AccountError as error:
                # a refused login is never repeated, and what another run has taken over is not ours to settle
                if reached and error.reason.code != "lease.lost":
                    with open_target() as target:
                        _tell(run, how, settle_doubts(outbox, target, how, how.clock.now()))
                raise
            began = how.clock.now()


def backoff(patience: float) -> Iterator[float]:
    """Pauses in seconds that double up to LONGEST, until their sum would pass the patience."""
    pause, left = 1.0, patience
    while pause <= left:
        yield pause
        left -= pause
        pause = min(2 * pause, LONGEST)


def settle_doubts(outbox: Outbox, target: Target, how: Loading, began: float) -> Doubts:
    """Settle as patiently as the target needs; what is left in doubt."""
    late = target.limits.late_commit if how.late_commit is None else how.late_commit
    return settle(outbox, target, Wait(late, began, how.clock))


def _resend(outbox: Outbox, target: Target, how: Loading, left: Doubts) -> Doubts:
    """Let go by a person's word what stayed in doubt, each mail named; what must wait for its place stays."""
    stopped = {place: here for place, here in left.items() if renumbered(outbox, target, place)}
    for place, here in left.items():
        if place not in stopped:
            outbox.resend(_dispatches({place: here}))
            for each in here:
                how.report(Progress(step="load", account=outbox.owner, tells=each.named("doubt.resent", place)))
    return stopped


def _tell(run: Run, how: Loading, left: Doubts) -> None:
    run.count("in_doubt", len(_dispatches(left)))
    for place, here in left.items():
        for each in here:
            how.report(Progress(step="load", account=place.owner, tells=each.named("doubt.left", place)))


def _dispatches(doubts: Doubts) -> set[DispatchId]:
    return {each.dispatch for here in doubts.values() for each in here}


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
            _same_epoch(outbox, place, mark)
        except FolderError as error:
            closed.add(place)
            run.setback(outbox.owner, error.reason, place.path)
    return places


def _same_epoch(outbox: Outbox, place: Place, mark: Mark) -> None:
    if outbox.epoch(place) not in (None, mark.epoch):
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
    most = target.limits.lanes  # more would not help, or be refused
    lanes = min(how.lanes or most, most, 1 + expected // target.limits.batch_items)
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
                    _send(outbox, run, target, place, items, how)
                except FolderError as error:
                    run.setback(outbox.owner, error.reason, place.path)
                    batches.close(place, at_once=bool(outbox.doubts().get(place)))
    except BaseException:
        batches.end()
        raise


def _send(outbox: Outbox, run: Run, target: Target, place: Place, items: Sequence[ItemId], how: Loading) -> None:
    letters = outbox.letters(items)
    size = sum(letter.raw.size for letter in letters)
    if not how.pace.turn(len(items), size, how.stop):
        return
    mark = target.mark(place)
    if mark is None:
        mark = target.prepare(place)
    _same_epoch(outbox, place, mark)
    sent = outbox.dispatch(place, mark, letters)
    outcomes: list[tuple[DispatchId, Receipt | Refused]] = []
    outbox.may_send()
    try:
        answers = target.deliver([parcel for _, parcel in sent])
        for (number, _), outcome in zip(sent, answers, strict=True):
            outcomes.append((number, outcome))
    finally:
        outbox.answer(outcomes)
    refused = sum(isinstance(outcome, Refused) for _, outcome in outcomes)
    run.log.saw(outbox.owner, place.path, mails=len(items), bytes=size, refused=refused)
    how.report(Progress(step="load", account=outbox.owner, path=place.path, items=len(items), bytes=size))
