"""Take back mail of ours that nobody touched: intent, withdrawal, outcome (laws.md §8)."""

from collections.abc import Sequence

from migrator.model import Gone, Place, Touched, Withdrawn
from migrator.ports import Target
from migrator.staging.intents import IntentId, Intents, Wish

BATCH = 25
"""Intents written in one transaction: far less than a lease's time of withdrawing."""

Answer = tuple[IntentId, Wish, Withdrawn | Touched | Gone]


def withdraw(intents: Intents, target: Target, place: Place, kind: str, wishes: Sequence[Wish]) -> list[Answer]:
    """Take these mails back from one place, except what is no longer as expected; what became of each.

    Outcomes are written down, but for `Gone`: a person may have moved that mail, and the caller ends its intent once it
    has looked. What was answered before an exception is written down, too. Raises what Target.withdraw raises.
    """
    answers: list[Answer] = []
    for at in range(0, len(wishes), BATCH):
        batch = wishes[at : at + BATCH]
        began = len(answers)
        try:
            for intent, wish in zip(intents.begin(kind, batch), batch, strict=True):
                answers.append((intent, wish, target.withdraw(place, wish.expected.ref, wish.expected)))
        finally:
            intents.end((intent, each) for intent, _, each in answers[began:] if not isinstance(each, Gone))
    return answers
