"""All that is read off a mail when it is staged."""

from dataclasses import dataclass
from datetime import datetime

from migrator.mail.bounded import Bounded
from migrator.mail.dates import received_at
from migrator.mail.envelope import Envelope, envelope
from migrator.mail.health import Health, health
from migrator.model import Evidence


@dataclass(frozen=True, slots=True)
class Letter:
    """What there is to read: as `health` and `received_at` take it. Its length is in bytes."""

    head: bytes
    body: bytes | None
    size: int
    dates: tuple[Evidence, ...]
    until: datetime

    def __len__(self) -> int:
        return len(self.head) + len(self.body or b"")


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read off one mail."""

    envelope: Envelope
    health: Health
    received: Evidence


def facts(letter: Letter) -> Facts:
    """Read here, without limits."""
    return Facts(
        envelope(letter.head),
        health(letter.head, letter.body, letter.size),
        received_at(letter.head, letter.dates, until=letter.until),
    )


def unparsed(letter: Letter) -> Facts:
    """What is known of a mail that nobody could read: what others say of it."""
    return Facts(envelope(b""), Health.UNPARSED, received_at(b"", letter.dates, until=letter.until))


def reader() -> Bounded[Letter, Facts]:
    """One that reads letters within the limits."""
    return Bounded(facts, unparsed)
