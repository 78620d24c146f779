"""How every shared inbox stands, seen from where: the source alone, staging alone, or what a target returns alone."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from migrator.errors import Reason, UsageError
from migrator.inboxes import Named, Principal, SharedInbox, Work
from migrator.model import Place
from migrator.ports import SharedSource, SharedTarget, Source, Target
from migrator.routes import role_of
from migrator.shared.folders import Meant, told_by
from migrator.shared.legend import Legend
from migrator.shared.mails import IsOwn, own
from migrator.shared.reading import letters_at_source, letters_at_target, words_at_target
from migrator.shared.standing import Difference, Standing, Why, differences, standing
from migrator.shared.words import spelled
from migrator.staging.shared import PROPOSED, StagedInboxes, would_park
from migrator.staging.store import Staging, now
from migrator.steps.rulings import Rulings, rulings

Views = Mapping[str, Mapping[str, Standing]]
"""View -> the key of an inbox -> how it stands there."""


def is_own(domains: Collection[str], inboxes: Collection[SharedInbox]) -> IsOwn:
    """What counts as ours. Raises UsageError where nobody has said it: else no answer could be told from a question."""
    if not domains:
        raise UsageError(Reason("shared.no-own-domains"))
    return own(domains, [inbox.address for inbox in inboxes])


UNRULED = Rulings()
"""Where no person has said anything."""


def at_source(source: Source, domains: Collection[str], rules: Rulings = UNRULED) -> dict[str, Standing]:
    """By the old store alone, read anew; staging is not asked. Raises UsageError where it knows no shared inboxes."""
    inboxes = list(source.inboxes()) if isinstance(source, SharedSource) else []
    if not inboxes or not isinstance(source, SharedSource):
        raise UsageError(Reason("shared.none-at-source"))
    ours, until, people = is_own(domains, inboxes), now(), rules.people(source.principals())
    return {
        inbox.key: standing(
            inbox,
            letters_at_source(source, inbox.account, until),
            rules.work(inbox, source.work(inbox), people),
            ours,
            rules.joins(inbox),
        )
        for inbox in inboxes
    }


def at_staging(staging: Staging, domains: Collection[str], rules: Rulings | None = None) -> dict[str, Standing]:
    """By staging alone, and what people have said there, or by those rulings. Raises UsageError where no inbox was
    extracted."""
    staged = StagedInboxes(staging)
    inboxes = list(staged.inboxes())
    if not inboxes:
        raise UsageError(Reason("shared.none-staged"))
    ours, rules = is_own(domains, inboxes), rulings(staging) if rules is None else rules
    people = rules.people(staged.principals())
    return {
        inbox.key: standing(
            inbox,
            staged.letters(inbox.account),
            rules.work(inbox, staged.work(inbox), people),
            ours,
            rules.joins(inbox),
        )
        for inbox in inboxes
    }


def at_target(
    target: Target,
    inbox: SharedInbox,
    ours: IsOwn,
    legend: Legend | None = None,
    *,
    people: Collection[Principal] = (),
    rules: Rulings = UNRULED,
) -> Standing:
    """By what the target returns alone: the mails of the inbox's mailbox, the words they carry, and the legend that it
    keeps of them. Where it keeps none, `legend`, else what the words tell by themselves of these `people`. Of the
    rulings only those on links count: what a word or name means is said by the words there. Raises UsageError where
    what it keeps is none."""
    places, above, work = list(target.places()), dict[Place, Place](), list[Work]()
    if isinstance(target, SharedTarget):
        above = _above(places) if target.holds().folders else {}
        for place in places:
            told = list(words_at_target(target, [place]))
            known = _legend(target, above.get(place, place)) or legend
            known = known or spelled({word for _, words in told for word in words}, people)
            shown = _shown(known, place) if place in above else None
            if shown is not None:
                carried = {named.key: words for named, words in told}
                refs = (seen.ref for seen in target.survey(place, None))
                told = [(Named(place.path, ref), carried.get(ref, frozenset())) for ref in refs]
            work += known.work(told, shown)
    roles = {place: role_of(home.path, home.role) for place, home in above.items()}
    return standing(inbox, letters_at_target(target, places, roles), work, ours, rules.joins(inbox))


def _above(places: Collection[Place]) -> dict[Place, Place]:
    """The places whose names tell a state by themselves, each with the one that it is a sub-folder of."""
    by_path = {place.path: place for place in places}
    return {
        place: by_path[place.path[:-1]]
        for place in places
        if place.path[:-1] in by_path and told_by(place.path[-1]) is not None
    }


def _shown(known: Legend, place: Place) -> Meant | None:
    """The state that a folder shows: as the legend says, else as its name does."""
    name = place.path[-1]
    return known.folders.get(name) or told_by(name)


def _legend(target: SharedTarget, place: Place) -> Legend | None:
    kept = target.legend(place)
    try:
        return None if kept is None else Legend.of(kept)
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(Reason("shared.legend-strange", place="/".join(place.path))) from error


@dataclass(frozen=True, slots=True)
class Parked:
    """A customer's mail that waits and would stay behind: the filter would park it, and no person has signed that."""

    inbox: str
    conversation: str
    folder: str
    key: str


def parked(staging: Staging, stands: Mapping[str, Standing]) -> Iterator[Parked]:
    """Those among the waiting mails of these inboxes. For a mailing list that nobody handles a person's word on the
    list is enough, and a proposal is nothing yet."""
    for key, each in stands.items():
        behind = would_park(staging, each.inbox.account)
        for conversation in each.unanswered:
            harmless = {PROPOSED, "sender"} if conversation.is_bulk else set[str]()
            for mail in conversation.waiting:
                if mail.named in behind and behind[mail.named] not in harmless:
                    yield Parked(key, conversation.key, "/".join(mail.named.folder), mail.named.key)


def compared(views: Views) -> list[Difference]:
    """All that differs between the views, inbox by inbox."""
    keys = dict.fromkeys(key for view in views.values() for key in view)
    return [
        difference
        for key in keys
        for difference in differences({name: view[key] for name, view in views.items() if key in view})
    ]


def told(difference: Difference) -> Reason:
    """A difference as a sentence."""
    return Reason(
        _DIFFERS[difference.why],
        inbox=difference.inbox,
        conversation=difference.conversation.key,
        one=difference.one,
        other=difference.other,
        here=difference.conversation.status.value,
        there="-" if difference.there is None else difference.there.status.value,
    )


_DIFFERS = {
    Why.MISSING: "shared.missing-there",
    Why.ANSWERED: "shared.answered-there",
    Why.DONE: "shared.done-there",
    Why.STATUS: "shared.status-differs",
    Why.ASSIGNEE: "shared.assignee-differs",
}
