"""What staging knows of shared inboxes, worked out once for all topics about them.

People are those that the store lists: to whom a merged name belongs shows at a target, and here the name stays to be
decided about.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from migrator.errors import UsageError
from migrator.inboxes import Event, Member, Named, Principal, SharedInbox, Status, Work, WorkState
from migrator.model import ItemId, Path, Unreadable
from migrator.review.desk import Desk
from migrator.review.topic import Row
from migrator.shared.conversation import Conversation
from migrator.shared.mails import Mail
from migrator.shared.standing import Standing
from migrator.staging.books import rulings_book
from migrator.staging.glances import Glance, glances, named
from migrator.staging.shared import StagedInboxes
from migrator.steps.rulings import LINKS, STATES, rulings
from migrator.steps.standings import at_staging

SAMPLES = 10


@dataclass(frozen=True)
class Known:
    """The inboxes with their conversations, their members, everybody they name, and where their mails are."""

    stands: Mapping[str, Standing]
    members: Mapping[str, Sequence[Member]]
    people: Mapping[str, Principal]
    items: Mapping[str, Mapping[tuple[Path, str], ItemId]]
    meant: Mapping[str, Mapping[str, Status | None]]
    """By inbox and state what the mapping says that its word means."""
    did: Mapping[str, Mapping[str, Sequence[Event]]]
    """By inbox and principal what they did."""

    def item(self, inbox: SharedInbox, its: Named) -> ItemId | None:
        """The staged mail of that name."""
        return self.items.get(inbox.account.name, {}).get((its.folder, its.key))

    def items_of(self, inbox: SharedInbox, mails: Iterable[Mail]) -> list[ItemId]:
        """The staged mails that these are."""
        found = (self.item(inbox, each.named) for each in mails)
        return [item for item in found if item is not None]

    def conversations(self) -> Iterable[tuple[SharedInbox, Conversation]]:
        """Every conversation with its inbox."""
        return ((each.inbox, its) for each in self.stands.values() for its in each.conversations)

    def name(self, key: str | None) -> str:
        """Whom people mean by a principal's key."""
        return "" if key is None else (self.people[key].name or key if key in self.people else key)


NOTHING = Known({}, {}, {}, {}, {}, {})
COUNT = (LINKS, STATES)
"""The topics whose rulings decide who waits."""


def known(desk: Desk) -> Known:
    """What there is now. Nothing where no inbox is staged; where nobody has said which domains are ours, the desk is
    told."""
    said = max(rulings_book(desk.staging, topic).last() for topic in COUNT)
    return desk.kept("inboxes", lambda: _known(desk), besides=said)


def _known(desk: Desk) -> Known:
    staged = StagedInboxes(desk.staging)
    inboxes = list(staged.inboxes())
    if not inboxes:
        return NOTHING
    try:
        stands = at_staging(desk.staging, desk.own_domains, rulings(desk.staging).only(*COUNT))
    except UsageError as error:
        if error.reason not in desk.troubles:
            desk.troubles.append(error.reason)
        return NOTHING
    return Known(
        stands,
        {each.key: list(staged.members(each)) for each in inboxes},
        {each.key: each for each in staged.principals()},
        {each.account.name: named(desk.staging, each.account.name) for each in inboxes},
        {each.key: _meant(staged.work(each)) for each in inboxes},
        {key: _did(each) for key, each in stands.items()},
    )


def _meant(work: Iterable[Work | Unreadable]) -> dict[str, Status | None]:
    return {fact.key: fact.status for fact in work if isinstance(fact, WorkState)}


def _did(stands: Standing) -> dict[str, list[Event]]:
    found: defaultdict[str, list[Event]] = defaultdict(list)
    for conversation in stands.conversations:
        for event in conversation.events:
            if event.by is not None:
                found[event.by].append(event)
    return dict(found)


def samples(desk: Desk, row: Row) -> Sequence[Glance]:
    """The mails that stand with a row."""
    found = glances(desk.staging, [item for item, _text in row.quotes][:SAMPLES])
    return sorted(found.values(), key=lambda each: each.received_at)
