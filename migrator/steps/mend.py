"""Put a target mailbox in order (laws.md §1.5, 1.7): what is in doubt is settled, receipts whose place has a new epoch
are bound again, and surplus copies of ours are taken back. `show` only looks; `mend` does it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from migrator.errors import Reason
from migrator.model import Gone, Mailbox, Mark, Place, Sighting, Touched, Withdrawn
from migrator.ports import Target
from migrator.staging.intents import SURPLUS, Intents, Wish
from migrator.staging.locks import lease
from migrator.staging.outbox import Outbox
from migrator.staging.sightings import Delivered, DispatchId, Shelf
from migrator.staging.store import Run, Staging
from migrator.steps.guard import same_mailbox
from migrator.steps.load import Loading, settle_doubts
from migrator.steps.matching import Pair, Wanted, match, same_second
from migrator.steps.senders import Opener
from migrator.steps.settle import renumbered
from migrator.steps.withdraw import withdraw


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that was seen or done. `left`: a doubt or finding is there still."""

    reason: Reason
    left: bool


Tell = Callable[[Told], None]


def show(staging: Staging, name: str, mailbox: Mailbox, target: Target) -> Iterator[Told]:
    """What `mend` would do. Changes nothing, neither at the target nor in staging."""
    shelf = Shelf(staging, name, mailbox.owner)
    for place, here in shelf.doubts().items():
        yield from (Told(each.named("mend.doubt", place), left=True) for each in here)
    for place in shelf.places():
        if renumbered(shelf, target, place):
            binding = Binding.of(shelf, target, place)
            yield Told(binding.reason("mend.epoch"), left=True)
    for copies in surplus(shelf, target).values():
        for each in copies:
            yield Told(each.reason("mend.surplus-touched" if each.touched else "mend.surplus"), left=True)


def mend(staging: Staging, run: Run, mailbox: Mailbox, open_target: Opener, how: Loading, tell: Tell) -> None:
    """Do it. Raises AccountError, UsageError, Outage."""
    with lease(staging, run, how.target, mailbox.owner) as held, open_target() as target:
        outbox = Outbox(staging, run, how.target, mailbox.owner, held)
        same_mailbox(staging, run, target, how.target, mailbox, how.report)
        began = how.clock.now()
        left = settle_doubts(outbox, target, how, began)
        for place in [each for each in outbox.places() if renumbered(outbox, target, each)]:
            tell(_bind_again(outbox, target, place))
            left = settle_doubts(outbox, target, how, began)
        run.count("in_doubt", sum(map(len, left.values())))
        for place, here in left.items():
            for doubt in here:
                tell(Told(doubt.named("doubt.left", place), left=True))
        _take_back(outbox, Intents(staging, run, outbox, held), target, tell)


# -- a new epoch ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """How the receipts of a place go with what lies there now; `first` is how far it had come before us."""

    place: Place
    first: Mark
    known: dict[DispatchId, Delivered]
    found: list[Pair]

    @classmethod
    def of(cls, shelf: Shelf, target: Target, place: Place) -> "Binding":
        """Pair receipts and mails one to one (laws.md §1.4). Numbers of a place keep their order in a new epoch, so
        what lies before the first of ours is older than we are."""
        mark, before = target.mark(place), shelf.first_mark(place)
        assert mark is not None
        assert before is not None
        known = {each.dispatch: each for each in shelf.delivered(place)}
        seen = list(target.survey(place, None))
        found = list(match(target, place, [Wanted.delivered(shelf, each) for each in known.values()], seen))
        ours = {sighting.number for _, sighting in found}
        older = sorted(each.number for each in seen if each.number not in ours)
        next_ = min(ours, default=[*older, mark.next][before.count] if before.count < len(older) else mark.next)
        first = Mark(mark.epoch, next_, sum(number < next_ for number in older))
        return cls(place=place, first=first, known=known, found=found)

    def reason(self, code: str) -> Reason:
        bound = len(self.found)
        return Reason(
            code,
            mailbox=self.place.owner,
            place="/".join(self.place.path),
            bound=bound,
            missing=len(self.known) - bound,
        )


def _bind_again(outbox: Outbox, target: Target, place: Place) -> Told:
    binding = Binding.of(outbox, target, place)
    refs = [(wanted.dispatch, sighting.ref, binding.known[wanted.dispatch].flags) for wanted, sighting in binding.found]
    outbox.bind_again(place, binding.first, refs)
    return Told(binding.reason("mend.bound"), left=len(binding.found) < len(binding.known))


# -- surplus copies ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Surplus:
    """A copy of ours that no receipt holds; `dispatch` is the first that sent such mail to this place."""

    place: Place
    dispatch: DispatchId
    item: int
    seen: Sighting
    touched: bool

    def reason(self, code: str) -> Reason:
        return Reason(
            code, mailbox=self.place.owner, place="/".join(self.place.path), ref=self.seen.ref, item=self.item
        )


def surplus(shelf: Shelf, target: Target) -> dict[Place, list[Surplus]]:
    """Every copy that laws.md §1.7 calls surplus, by place; `touched` are those that a person has changed.

    A mail that is in doubt, or has a receipt and no longer lies where that says, may be one of the copies: as many
    are left alone.
    """
    strangers: dict[Place, list[Sighting]] = {}
    present: list[Delivered] = []
    strayed = [Wanted.in_doubt(shelf, each, since=0) for here in shelf.doubts().values() for each in here]
    for place in shelf.places():
        known = {each.ref: each for each in shelf.delivered(place)}
        first = shelf.first_mark(place)
        if first is not None and target.mark(place) is not None and not renumbered(shelf, target, place):
            for seen in target.survey(place, None):
                if (mail := known.pop(seen.ref, None)) is not None:
                    present.append(mail)
                elif seen.number >= first.next:
                    strangers.setdefault(place, []).append(seen)
        strayed += [Wanted.delivered(shelf, each) for each in known.values()]
    found = {
        place: list(_copies(shelf, target, place, _without(strayed, target, place, here), present))
        for place, here in strangers.items()
    }
    return {place: copies for place, copies in found.items() if copies}


def _without(strayed: Sequence[Wanted], target: Target, place: Place, here: list[Sighting]) -> list[Sighting]:
    taken = {seen.ref for _, seen in match(target, place, strayed, here)} if strayed else set()
    return [replace(each, token=None) for each in here if each.ref not in taken]


def _copies(
    shelf: Shelf, target: Target, place: Place, left: list[Sighting], present: Sequence[Delivered]
) -> Iterator[Surplus]:
    """Those that are the same mail as one that is present, however many of each."""
    sizes = {each.size for each in left}
    like = {each.dispatch: each for each in present if each.size in sizes or not target.limits.exact}
    wanted = [Wanted.delivered(shelf, each) for each in like.values()]
    while left and (pairs := list(match(target, place, wanted, left))):
        for mail, seen in ((like[each.dispatch], seen) for each, seen in pairs):
            sent = shelf.sent_from(place, mail.item, int(seen.ref.partition(":")[0]))
            if sent is not None and seen.number >= sent[1]:
                touched = seen.flags != mail.flags or not same_second(seen.received_at, mail.received_at)
                yield Surplus(place=place, dispatch=sent[0], item=mail.item, seen=seen, touched=touched)
        taken = {seen.ref for _, seen in pairs}
        left = [each for each in left if each.ref not in taken]


def _take_back(outbox: Outbox, intents: Intents, target: Target, tell: Tell) -> None:
    """Withdraw what nobody touched. What a killed run was about to withdraw, and is no longer there, it had."""
    found = surplus(outbox, target)
    whole = {(each.dispatch, each.seen.ref) for copies in found.values() for each in copies if not each.touched}
    killed = [each for each in intents.open(SURPLUS) if (each.dispatch, each.detail["ref"]) not in whole]
    intents.end((each.intent, Gone()) for each in killed)
    for place, copies in found.items():
        by_ref = {each.seen.ref: each for each in copies if target.limits.can_withdraw and not each.touched}
        for each in copies:
            if each.seen.ref not in by_ref:
                tell(Told(each.reason("mend.surplus-touched" if each.touched else "mend.surplus-stays"), left=True))
        wishes = [Wish(dispatch=each.dispatch, expected=each.seen, detail={}) for each in by_ref.values()]
        for intent, wish, outcome in withdraw(intents, target, place, SURPLUS, wishes):
            copy = by_ref[wish.expected.ref]
            match outcome:
                case Withdrawn():
                    tell(Told(copy.reason("mend.withdrawn"), left=False))
                case Touched():
                    tell(Told(copy.reason("mend.surplus-touched"), left=True))
                case Gone():
                    intents.end([(intent, outcome)])
