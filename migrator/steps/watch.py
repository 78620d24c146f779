"""The migration as it goes: what runs, how fast, how much longer, and how each mailbox stands. Changes nothing."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from migrator.errors import Reason
from migrator.routes import Routes
from migrator.staging import live
from migrator.staging.live import Going
from migrator.staging.reports import accounts_staged
from migrator.staging.store import Staging, now


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One mailbox at one target: its mails by state, the run that is sending there now, and what went wrong last."""

    target: str
    mailbox: str
    accounts: tuple[str, ...]
    counts: Mapping[str, int]
    run: int | None
    setback: Reason | None

    @property
    def urgency(self) -> tuple[int, int, int, str]:
        """Sorts first what a person wants to see first: who sends, what failed, where most is left."""
        wrong = self.setback is not None or self.counts["in_doubt"] > 0
        return (-(self.run is not None), -wrong, -self.counts["to_do"], self.mailbox)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """All of it, at one moment."""

    at: datetime
    runs: Sequence[Going]
    mailboxes: Sequence[Standing]
    to_do: Mapping[str, int]
    """Mails that are still to go, by target."""

    def rate(self, target: str | None) -> float:
        """Mails a second of all living loads of a target together."""
        loads = [each for each in self.runs if each.alive and (each.step, each.target) == ("load", target)]
        return sum(each.rate(self.at) for each in loads)

    def left(self, going: Going) -> float | None:
        """Seconds that a load still takes at the speed of all that load its target; None where nobody can say."""
        target = going.target
        if going.step != "load" or not going.alive or target is None or not self.rate(target):
            return None
        return self.to_do.get(target, 0) / self.rate(target)


def watch(staging: Staging, routes: Routes, takes: Mapping[str, Collection[str]]) -> Watched:
    """Look at every run that goes on, and at every mailbox of these targets."""
    runs = live.going(staging)
    mailboxes = [each for name, its in takes.items() for each in _mailboxes(staging, routes, name, its)]
    to_do = {name: sum(each.counts["to_do"] for each in mailboxes if each.target == name) for name in takes}
    return Watched(at=now(), runs=runs, mailboxes=sorted(mailboxes, key=lambda each: each.urgency), to_do=to_do)


def _mailboxes(staging: Staging, routes: Routes, target: str, takes: Collection[str]) -> list[Standing]:
    by_account = live.standings(staging, target, takes)
    sending, setbacks = live.sending(staging, target), live.setbacks(staging, target)
    return [
        Standing(
            target=target,
            mailbox=mailbox.owner,
            accounts=tuple(accounts),
            counts=sum((by_account.get(each, Counter()) for each in accounts), Counter()),
            run=sending.get(mailbox.owner),
            setback=setbacks.get(mailbox.owner),
        )
        for mailbox, accounts in routes.mailboxes(accounts_staged(staging)).items()
    ]
