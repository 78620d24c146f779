"""Target -> staging: take back exactly what some loads put, except what somebody touched since (laws.md §4 and §8); and
the rights and words that they gave.

What is taken back is to do again. What a person answered, flagged, read or moved stays theirs and stays loaded. Folders
that a load made stay: a person may have come to use them.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from migrator.errors import FolderError, Outage, Reason, UsageError
from migrator.model import Gone, Mailbox, Mark, Place, Touched, Withdrawn
from migrator.ports import Target
from migrator.staging.entitlements import Entitlements
from migrator.staging.intents import Intents
from migrator.staging.locks import lease
from migrator.staging.outbox import Outbox
from migrator.staging.sightings import Delivered, Shelf
from migrator.staging.store import Run, Staging
from migrator.steps.elsewhere import elsewhere
from migrator.steps.guard import same_mailbox
from migrator.steps.load import Loading, Opener, backoff, settle_doubts
from migrator.steps.progress import Progress
from migrator.steps.share import Hand, unshare
from migrator.steps.withdraw import Taken, same_epoch, take_back


@dataclass(frozen=True, slots=True)
class Loads:
    """What is to be taken back: what these loads put, the newest first. Of a wave it is the mail of its `accounts`
    alone, and the rights and words in its mailboxes, `owners`."""

    runs: tuple[int, ...]
    accounts: Collection[str] | None = None
    owners: Collection[str] | None = None

    def put(self, shelf: Shelf) -> dict[Place, list[Delivered]]:
        """Their mail in one mailbox, by place."""
        return shelf.put_by(self.runs, self.accounts)


@dataclass(frozen=True, slots=True)
class Prospect:
    """What an undo would do in one place: so many mails taken back, these left; `stopped` where it cannot work."""

    place: Place
    take: int = 0
    left: tuple[Taken, ...] = ()
    stopped: Reason | None = None


def prospect(shelf: Shelf, target: Target, loads: Loads) -> Iterator[Prospect]:
    """Look at what undoing these loads would do to one mailbox, and change nothing. Raises UsageError, Outage."""
    can_withdraw(shelf, target)
    for place, mails in loads.put(shelf).items():
        try:
            same_epoch(shelf, target, place, mails)
            left = list(_left(shelf, target, place, mails))
        except FolderError as error:
            yield Prospect(place, stopped=error.reason)
        else:
            yield Prospect(place, len(mails) - len(left), tuple(left))


def _left(shelf: Shelf, target: Target, place: Place, mails: Sequence[Delivered]) -> Iterator[Taken]:
    numbered = [(each.epoch, each.number) for each in mails if each.epoch is not None and each.number is not None]
    since = Mark(*min(numbered), 0) if numbered else None
    seen = {each.ref: each for each in target.survey(place, since)}
    lost = [each for each in mails if each.ref not in seen]
    for each in mails:
        now = seen.get(each.ref or "")
        if now is not None and (now.flags, now.size) != (each.flags, each.size):
            yield Taken(each, place, Touched(now))
    found = elsewhere(shelf, target, lost)
    for each in lost:
        yield Taken(each, place, found.get(each.dispatch, Gone()))


def can_withdraw(shelf: Shelf, target: Target) -> None:
    """Raises UsageError where the server has no way to delete one mail and no other."""
    if not target.limits.can_withdraw:
        raise UsageError(Reason("undo.impossible", target=shelf.target, mailbox=shelf.owner))


def undo_mailbox(
    staging: Staging, run: Run, loads: Loads, mailbox: Mailbox, open_target: Opener, how: Loading
) -> list[Taken]:
    """Take back from one mailbox what these loads put there; what was left or gone. Setbacks of places are recorded.

    Raises AccountError, FolderError, UsageError, and Outage once patience has ended.
    """

    def setback(place: Place, why: Reason) -> None:
        run.setback(mailbox.owner, why, place.path)

    with lease(staging, run, how.target, mailbox.owner) as held:
        outbox = Outbox(staging, run, how.target, mailbox.owner, held)
        intents = Intents(staging, run, outbox, held)
        entitlements = Entitlements(staging, run, outbox, held)
        pauses = backoff(how.patience)
        while True:
            try:
                with open_target() as target:
                    same_mailbox(staging, run, target, how.target, mailbox, how.report)
                    left = _undo(outbox, intents, run, loads, target, how)
                    hand = Hand(outbox, intents, entitlements, run, setback)
                    for each in loads.runs:
                        if not how.stop.is_set():
                            unshare(hand, target, each)
                    return left
            except Outage as error:
                pause = next(pauses, None)
                if pause is None:
                    raise
                how.report(Progress(step="undo", account=mailbox.owner, waits_for=error.reason))
                how.stop.wait(max(pause, error.retry_after or 0))


def _undo(outbox: Outbox, intents: Intents, run: Run, loads: Loads, target: Target, how: Loading) -> list[Taken]:
    can_withdraw(outbox, target)
    # What a run had sent when it was killed may have arrived.
    doubts = settle_doubts(outbox, target, how, how.clock.now())
    run.count("in_doubt", sum(map(len, doubts.values())))
    wanted = loads.put(outbox)
    how.report(Progress(step="undo", account=outbox.owner, expected=sum(map(len, wanted.values()))))
    left: list[Taken] = []
    for taken in take_back(
        intents, outbox, target, wanted, lambda place, why: run.setback(outbox.owner, why, place.path)
    ):
        how.report(Progress(step="undo", account=outbox.owner, path=taken.place.path, items=1, bytes=taken.mail.size))
        run.log.saw(outbox.owner, taken.place.path, mails=1, left=not isinstance(taken.outcome, Withdrawn))
        if not isinstance(taken.outcome, Withdrawn):
            left.append(taken)
        if how.stop.is_set():
            break
    return left
