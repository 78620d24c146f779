"""What staging knows of shared inboxes, worked out once for all topics about them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from migrator.errors import UsageError
from migrator.inboxes import Member, Named, Principal, SharedInbox
from migrator.model import ItemId, Path
from migrator.review.desk import Desk
from migrator.review.topic import Row
from migrator.shared.conversation import Conversation
from migrator.shared.mails import Mail
from migrator.shared.standing import Standing
from migrator.staging.books import rulings_book
from migrator.staging.glances import Glance, glances, named
from migrator.staging.shared import StagedInboxes
from migrator.steps.standings import LINKS, at_staging

SAMPLES = 10


@dataclass(frozen=True)
class Known:
    """The inboxes with their conversations, their members, everybody they name, and where their mails are."""

    stands: Mapping[str, Standing]
    members: Mapping[str, Sequence[Member]]
    people: Mapping[str, Principal]
    items: Mapping[str, Mapping[tuple[Path, str], ItemId]]

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
        return "" if key is None else self.people[key].name or key if key in self.people else key


def known(desk: Desk) -> Known:
    """What there is now. Nothing where no inbox is staged; where nobody has said which domains are ours, the desk is
    told."""
    said = rulings_book(desk.staging, LINKS).in_force().values()
    return desk.kept("inboxes", lambda: _known(desk), besides=max((its.number for its in said), default=0))


def _known(desk: Desk) -> Known:
    staged = StagedInboxes(desk.staging)
    inboxes = list(staged.inboxes())
    if not inboxes:
        return Known({}, {}, {}, {})
    try:
        stands = at_staging(desk.staging, desk.own_domains)
    except UsageError as error:
        if error.reason not in desk.troubles:
            desk.troubles.append(error.reason)
        return Known({}, {}, {}, {})
    return Known(
        stands,
        {each.key: list(staged.members(each)) for each in inboxes},
        {each.key: each for each in staged.principals()},
        {each.account.name: named(desk.staging, each.account.name) for each in inboxes},
    )


def samples(desk: Desk, row: Row) -> Sequence[Glance]:
    """The mails that stand with a row."""
    found = glances(desk.staging, [item for item, _text in row.quotes][:SAMPLES])
    return sorted(found.values(), key=lambda each: each.received_at)
