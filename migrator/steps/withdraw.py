"""Take back mail of ours that nobody touched: intent, withdrawal, outcome (laws.md §8)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from migrator.errors import FolderError, Reason
from migrator.model import DELETED, Gone, Moved, Place, Touched, Withdrawn
from migrator.ports import Target
from migrator.staging.intents import WITHDRAW, IntentId, Intents, Wish
from migrator.staging.sightings import Delivered, Shelf
from migrator.staging.versions import overtaken
from migrator.steps.elsewhere import elsewhere

BATCH = 25
"""Intents written in one transaction: far less than a lease's time of withdrawing."""

Answer = tuple[IntentId, Wish, Withdrawn | Touched | Gone]


def withdraw(intents: Intents, target: Target, place: Place, kind: str, wishes: Sequence[Wish]) -> Iterator[Answer]:
    """Take these mails back from one place, except what is no longer as expected; what became of each.

    Outcomes are written down, but for `Gone`: a person may have moved that mail, and the caller ends its intent once it
    has looked. What was answered before an exception is written down, too. Raises what Target.withdraw raises.
    """
    for at in range(0, len(wishes), BATCH):
        batch = wishes[at : at + BATCH]
        answers: list[Answer] = []
        try:
            for begun, wish in zip(intents.begin(kind, batch), batch, strict=True):
                outcome = target.withdraw(place, wish.expected.ref, wish.expected)
                if begun.killed and isinstance(outcome, Touched) and _marked(wish, outcome):
                    outcome = target.withdraw(place, wish.expected.ref, outcome.now)
                answers.append((begun.intent, wish, outcome))
        finally:
            intents.end((intent, each) for intent, _, each in answers if not isinstance(each, Gone))
        yield from answers


def _marked(wish: Wish, touched: Touched) -> bool:
    """Nothing has changed but the mark that precedes an expunge: our own, where a killed run came no further."""
    return touched.now.flags - {DELETED} == wish.expected.flags and touched.now.size == wish.expected.size


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one receipt's mail when it was to be taken back."""

    mail: Delivered
    place: Place
    outcome: Withdrawn | Touched | Moved | Gone


def take_back(
    intents: Intents,
    shelf: Shelf,
    target: Target,
    wanted: Mapping[Place, Sequence[Delivered]],
    setback: Callable[[Place, Reason], None],
) -> Iterator[Taken]:
    """Take back the mail of these receipts. Places that cannot be worked on, or were made anew, are passed over.

    What no longer lies in its place is looked for everywhere else before it counts as gone.
    """
    lost: dict[IntentId, tuple[Delivered, Place]] = {}
    for place, mails in wanted.items():
        by_dispatch = {each.dispatch: each for each in mails}
        try:
            same_epoch(shelf, target, place, mails)
            for intent, wish, outcome in _answers(intents, target, place, mails):
                if isinstance(outcome, Gone):
                    lost[intent] = by_dispatch[wish.dispatch], place
                else:
                    yield Taken(by_dispatch[wish.dispatch], place, outcome)
        except FolderError as error:
            setback(place, error.reason)
    found = elsewhere(shelf, target, [mail for mail, _ in lost.values()])
    vanished = [
        (intent, Taken(mail, place, found.get(mail.dispatch, Gone()))) for intent, (mail, place) in lost.items()
    ]
    intents.end((intent, taken.outcome) for intent, taken in vanished)
    yield from (taken for _, taken in vanished)


def finish(intents: Intents, shelf: Shelf, target: Target, setback: Callable[[Place, Reason], None]) -> None:
    """Take back what a killed run was about to take back."""
    if killed := intents.open(WITHDRAW):
        wanted = shelf.by_dispatch({each.dispatch for each in killed})
        for _ in take_back(intents, shelf, target, wanted, setback):
            pass


def _answers(intents: Intents, target: Target, place: Place, mails: Sequence[Delivered]) -> Iterator[Answer]:
    """What was sent and never seen there since counts as gone at once."""
    wishes = [Wish(dispatch=each.dispatch, expected=each.expected, detail={}) for each in mails]
    unseen = [each for each in wishes if not each.expected.ref]
    for at in range(0, len(unseen), BATCH):
        batch = unseen[at : at + BATCH]
        for begun, wish in zip(intents.begin(WITHDRAW, batch), batch, strict=True):
            yield begun.intent, wish, Gone()
    yield from withdraw(intents, target, place, WITHDRAW, [each for each in wishes if each.expected.ref])


def withdraw_overtaken(
    intents: Intents, shelf: Shelf, target: Target, setback: Callable[[Place, Reason], None]
) -> None:
    """Take back older versions whose successor has arrived (laws.md §2), where the target can."""
    older = overtaken(shelf)
    if older and target.limits.can_withdraw:
        for _ in take_back(intents, shelf, target, older, setback):
            pass


def same_epoch(shelf: Shelf, target: Target, place: Place, mails: Sequence[Delivered]) -> None:
    """Raises FolderError where the place is gone, or was made anew since these mails were put there."""
    mark = target.mark(place)
    if mark is None:
        raise FolderError(Reason("place.missing", place="/".join(place.path)))
    if any(each.epoch not in (None, mark.epoch) for each in mails):
        raise FolderError(
            Reason("place.epoch-changed", target=shelf.target, mailbox=shelf.owner, place="/".join(place.path))
        )
