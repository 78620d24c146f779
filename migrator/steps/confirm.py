"""A person's word that this is the store or server to go on with, as it stands now (laws.md §1.8).

What lies there counts, what does not is sent again, and nothing is sent by confirming:

    the identity is another      it is this one from now on; a source's keys go on naming the same mails, so only the
                                 same store (moved, restored, mounted elsewhere) may be confirmed
    a place was made anew, has   its receipts and doubts are bound again to the mail that lies in any place of the
    gone, or is an older copy    mailbox, one to one by §1.4; what lies nowhere is in force no longer: it is to do again
    most mail of a mailbox has   nobody tidies up like that, it was emptied: the same (who wants some of it to stay
    gone from living places      away parks or holds it first)
    some mail has gone from      its owner took it away, and the owner's will counts: it stays loaded, is reported
    places that live             missing, and the guard does not ask for it again
    other mail that equals       adopted: it lies there and is not sent, though no dispatch explains it
    staged mail
    a source is empty            it is; the next extract says what vanished
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from migrator.errors import AccountError
from migrator.model import ItemId, Mailbox, Mark, Place
from migrator.ports import Source, Target
from migrator.staging.custody import NOWHERE, Adoption, Custody
from migrator.staging.locks import alone, lease
from migrator.staging.reports import accounts_staged
from migrator.staging.sightings import DispatchId
from migrator.staging.store import Run, Staging, user
from migrator.steps.guard import FEW, absent, beyond, by_place, equal
from migrator.steps.load import Loading
from migrator.steps.runner import WORKERS, spread
from migrator.steps.senders import Opener
from migrator.steps.verify import verify_mailbox


def confirm_source(staging: Staging, source: Source, name: str) -> None:
    """This is the source from now on, empty or not."""
    with alone(staging, "confirm"), staging.run("confirm") as run:
        staging.record_identity("source", name, source.identity(), run=run.id, by=user())


def confirm_target(
    staging: Staging, open_target: Callable[[Mailbox], Opener], how: Loading, *, workers: int = WORKERS
) -> Mapping[str, int]:
    """Every mailbox is what it is now; how much was `bound`, `adopted` and `given_up`, and the findings.

    Setbacks of single mailboxes are recorded, and leave these unconfirmed; one that we never saw need not be there.
    Raises UsageError, Outage.
    """
    with alone(staging, "confirm"), staging.run("confirm", how.target) as run:
        mailboxes = how.routes.mailboxes(accounts_staged(staging))
        known = staging.known_mailboxes(how.target)

        def one(mailbox: Mailbox) -> None:
            try:
                _confirm_mailbox(staging, run, mailbox, mailboxes[mailbox], open_target(mailbox), how)
            except AccountError:
                if mailbox.owner in known:
                    raise

        spread(run, mailboxes, one, workers, how)
        return dict(run.counts)


def _confirm_mailbox(
    staging: Staging, run: Run, mailbox: Mailbox, accounts: list[str], open_target: Opener, how: Loading
) -> None:
    """The identity is written down last: a confirm that was killed has to be said again."""
    with lease(staging, run, how.target, mailbox.owner) as held, open_target() as target:
        custody = Custody(staging, run, how.target, mailbox.owner, held)
        _bind_again(custody, target)
        for place, items in by_place(custody, target, custody.to_do(accounts, how.takes), how).items():
            mark = target.mark(place)
            if mark is None or not mark.count:
                continue
            found = equal(custody, target, place, target.survey(place, None), items)
            custody.adopt(place, mark, list(found))
        run.count("findings", verify_mailbox(staging, run, how.target, mailbox, target).findings)
        staging.record_identity("target", how.target, target.identity(), mailbox=mailbox.owner, run=run.id, by=user())


@dataclass(slots=True)
class _Away:
    """What was sent to one place and is not there, by item; `ended`: the place is not the one that it was sent to."""

    ended: bool
    receipts: dict[ItemId, DispatchId]
    doubts: dict[ItemId, DispatchId]

    def bind(self, custody: Custody, place: Place, found: Iterable[Adoption]) -> None:
        """These lie here; what is left still does not."""
        here = list(found)
        custody.found_again(
            place,
            [(self.receipts.pop(each.item), receipt) for each, receipt in here if each.item in self.receipts],
            [(self.doubts.pop(each.item), receipt) for each, receipt in here if each.item in self.doubts],
        )


def _bind_again(custody: Custody, target: Target) -> None:
    """Bind again what is not where it was sent, and give up what lies nowhere."""
    away = {place: _away(custody, target, place, target.mark(place)) for place in custody.places()}
    lost = sum(len(each.receipts) for each in away.values())
    most = 2 * lost > sum(len(custody.delivered(place)) for place in away)
    wiped = most and lost >= FEW
    ended = {place for place, each in away.items() if each.ended}
    for place in ended:
        custody.renew(place, target.mark(place))
    searched = [each for each in away.values() if wiped or each.ended]
    for place in ended:
        _look_for(custody, target, place, away[place])
    for place in custody.places():
        for each in searched:
            _look_for(custody, target, place, each)
    for each in searched:
        custody.give_up(each.receipts.values(), each.doubts.values())


def _away(custody: Custody, target: Target, place: Place, mark: Mark | None) -> _Away:
    receipts, doubts = custody.delivered(place), custody.doubts().get(place, [])
    first = custody.first_mark(place) or NOWHERE
    if mark is None:
        ended = bool(first.epoch or receipts or doubts)
    else:
        doubts = [each for each in doubts if each.mark.epoch != mark.epoch]
        bound = [each for each in receipts if each.number is not None]
        of_old = {each for each in bound if beyond(each, mark)}
        lost = of_old.union(absent(target, place, mark, [each for each in bound if each not in of_old]))
        ended = first.epoch != mark.epoch or bool(doubts or of_old)
        receipts = [each for each in receipts if each in lost or (ended and each.number is None)]
    return _Away(ended, {each.item: each.dispatch for each in receipts}, {each.item: each.dispatch for each in doubts})


def _look_for(custody: Custody, target: Target, place: Place, away: _Away) -> None:
    """Bind what lies in this place after all, under another ref or moved by a person."""
    mark = target.mark(place)
    if mark is not None and mark.count and (away.receipts or away.doubts):
        wanted = {*away.receipts, *away.doubts}
        away.bind(custody, place, equal(custody, target, place, target.survey(place, None), wanted))
