"""A shared inbox of a world: what its members do there."""

from dataclasses import dataclass, field

from migrator.inboxes import Member, SharedInbox, Work
from migrator.model import Unreadable


@dataclass(slots=True)
class Desk:
    """One shared inbox, its members and all that is told of its mails, by key."""

    inbox: SharedInbox
    members: dict[str, Member] = field(default_factory=dict)
    work: dict[str, Work | Unreadable] = field(default_factory=dict)

    def join(self, member: Member) -> None:
        """Somebody may work here, or may now do something else."""
        self.members[member.key] = member

    def tell(self, work: Work | Unreadable) -> None:
        """Something is now so; it takes the place of what had this key."""
        self.work[work.key] = work
