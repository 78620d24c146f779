"""A world as a source."""

from collections.abc import Iterator
from dataclasses import replace

from migrator.errors import FolderError, Reason
from migrator.inboxes import About, Member, Named, Principal, SharedInbox, Template, Work
from migrator.model import (
    Account,
    Count,
    DateSource,
    Evidence,
    Folder,
    Identity,
    Item,
    NotMail,
    Unchanged,
    Unreadable,
)
from migrator.ports import Known

from .world import Mail, World


class MemorySource:
    """A world as a source. A mail's key is its box's epoch and its number there."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def exact(self) -> bool:
        return self._world.exact

    def identity(self) -> Identity:
        return Identity(f"memory:{self._world.store}")

    def accounts(self) -> Iterator[Account]:
        with self._world.call("accounts", "accounts told"), self._world.lock:
            owners = {owner for owner, _ in self._world.boxes}
        yield from (Account(owner) for owner in sorted(owners, key=lambda owner: (owner == "", owner)))

    def folders(self, account: Account) -> Iterator[Folder]:
        with self._world.call("folders", "folders told"), self._world.lock:
            found = [(path, box.role) for (owner, path), box in self._world.boxes.items() if owner == account.name]
        yield from (Folder(account, path, role) for path, role in sorted(found, key=lambda each: each[0]))

    def census(self, account: Account) -> Iterator[Count]:
        for folder in self.folders(account):
            mails = self._world.mails(account.name, folder.path)
            yield Count(folder, len(mails), sum(mail.raw.size for mail in mails))

    def items(
        self, folder: Folder, *, after: str | None, known: Known
    ) -> Iterator[Item | Unchanged | Unreadable | NotMail]:
        with self._world.call("items", "items told"), self._world.lock:
            box = self._world.boxes.get((folder.account.name, folder.path))
            if box is None:
                raise FolderError(Reason("folder.missing", folder="/".join(folder.path)))
            mails, epoch = sorted(box.mails.items()), box.epoch
        start = (0, 0) if after is None else _numbers(after)
        for number, mail in mails:
            if (epoch, number) > start:
                self._world.interrupt("item")
                yield self._look(f"{epoch}.{number}", mail, known)

    # -- shared inboxes --

    def inboxes(self) -> Iterator[SharedInbox]:
        with self._world.call("inboxes", "inboxes told"), self._world.lock:
            desks = sorted(self._world.desks.items())
        yield from (desk.inbox for _, desk in desks)

    def principals(self) -> Iterator[Principal]:
        with self._world.call("principals", "principals told"), self._world.lock:
            listed, desks = dict(self._world.people), list(self._world.desks.values())
            named = {
                name for desk in desks for each in (*desk.members.values(), *desk.work.values()) for name in _who(each)
            }
        strangers = {name: Principal(key=name, name=name, known=False) for name in named - listed.keys()}
        yield from (each for _, each in sorted((listed | strangers).items()))

    def members(self, inbox: SharedInbox) -> Iterator[Member]:
        with self._world.call("members", "members told"), self._world.lock:
            members = sorted(self._world.desks[inbox.key].members.items())
        yield from (member for _, member in members)

    def work(self, inbox: SharedInbox) -> Iterator[Work | Unreadable]:
        with self._world.call("work", "work told"), self._world.lock:
            told = sorted(self._world.desks[inbox.key].work.items())
            there = {
                Named(path, f"{box.epoch}.{number}")
                for (owner, path), box in self._world.boxes.items()
                if owner == inbox.account.name
                for number in box.mails
            }
        for _, each in told:
            self._world.interrupt("work item")
            yield each if isinstance(each, Template | Unreadable) else replace(each, about=_still(each.about, there))

    def _look(self, key: str, mail: Mail, known: Known) -> Item | Unchanged | Unreadable | NotMail:
        if mail.rule is not None:
            return NotMail(key=key, rule=mail.rule, size=mail.raw.size)
        if mail.fault is not None:
            return Unreadable(key=key, path=None, reason=mail.fault, size=mail.raw.size)
        stamp = f"{mail.raw.size}.{mail.edition}"
        if known(key, stamp):
            return Unchanged(key=key, stamp=stamp, flags=mail.flags)
        dates = (Evidence(DateSource.SPOOL, mail.received_at),)
        return Item(key=key, stamp=stamp, raw=self._world.given(mail.raw), flags=mail.flags, dates=dates)


def _still(about: About, there: set[Named]) -> About:
    """What a fact is about, of the mails that are still there."""
    return replace(about, items=tuple(each for each in about.items if each in there))


def _who(fact: Member | Work | Unreadable) -> set[str]:
    """The principals that a fact names."""
    named = (getattr(fact, name, None) for name in ("principal", "assignee", "person", "by"))
    return {each for each in named if each is not None}


def _numbers(key: str) -> tuple[int, int]:
    epoch, _, number = key.partition(".")
    return int(epoch), int(number)
