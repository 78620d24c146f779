"""What people have said of shared inboxes on the review page, and what follows from it: the same for every view.

A ruling is about what the store told: its row is named by that, so a store or mapping that says something else asks
anew. Until then it wins over the mapping (laws.md §4).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from migrator.inboxes import Event, Happened, Member, Note, Principal, Right, SharedInbox, Status, Work, WorkState
from migrator.model import Unreadable
from migrator.shared.links import SURE, Joins, Link, likely
from migrator.staging.books import row_id, rulings_book
from migrator.staging.store import Staging

LINKS, STATES, PEOPLE, RIGHTS = "links", "states", "people", "rights"
TOPICS = (LINKS, STATES, PEOPLE, RIGHTS)
"""Under which people say it."""

ONE, TWO = "one", "two"
NOBODY, RIGHT, WRONG = "nobody", "right", "wrong"


# -- what a ruling is about ----------------------------------------------------------------------------------------


def link_row(inbox: SharedInbox, link: Link) -> str:
    """By the two mails, whichever a view puts first."""
    return row_id("l", inbox.key, *sorted((link.first, link.second)))


def state_row(inbox: SharedInbox, label: str, status: Status | None) -> str:
    """By the store's own word, and what the mapping says that it means."""
    return row_id("w", inbox.key, label, status or "")


def person_row(person: Principal) -> str:
    """By all that the store lists of them."""
    return row_id("p", person.key, person.name, person.login or "", person.address or "", str(person.known))


def member_row(inbox: SharedInbox, member: Member) -> str:
    """By who it is and what the mapping lets them do; None differs from nothing."""
    rights = "?" if member.rights is None else written(member.rights)
    return row_id("g", inbox.key, member.key, member.principal, rights)


def written(rights: Iterable[Right]) -> str:
    """Rights as they are kept, always in one order."""
    named = set(rights)
    return " ".join(each for each in Right if each in named)


def unlisted(key: str) -> Principal:
    """Somebody whom a piece of work names, and no table of people lists."""
    return Principal(key=key, name="", known=False)


# -- what follows from it ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rulings:
    """The verdicts in force, by topic and row."""

    said: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def only(self, *topics: str) -> "Rulings":
        """Those of these topics alone."""
        return Rulings({topic: self.said[topic] for topic in topics if topic in self.said})

    def joins(self, inbox: SharedInbox) -> Joins:
        """Which links of an inbox join: of those under doubt as people say, else what is likely."""
        said = self.said.get(LINKS)

        def join(link: Link) -> bool:
            word = said.get(link_row(inbox, link)) if said and link.confidence < SURE else None
            return likely(link) if word is None else word == ONE

        return join

    def people(self, listed: Iterable[Principal]) -> "People":
        """Who is who."""
        return People({each.key: each for each in listed}, self.said.get(PEOPLE, {}))

    def work(
        self, inbox: SharedInbox, told: Iterable[Work | Unreadable], people: "People"
    ) -> Iterator[Work | Unreadable]:
        """What is told, with what its words mean and whom its names mean."""
        meant = self.said.get(STATES, {})
        if not meant and not people.said:
            yield from told
            return
        for fact in told:
            match fact:
                case WorkState():
                    word = meant.get(state_row(inbox, fact.label, fact.status)) if meant and fact.label else None
                    status = fact.status if word is None else Status(word)
                    assignee, person = people.meant(fact.assignee), people.meant(fact.person)
                    yield replace(fact, status=status, assignee=assignee, person=person, by=people.meant(fact.by))
                case Event(what=Happened.ASSIGNED):
                    old, new = (people.meant(each) or "" for each in (fact.old, fact.new))
                    yield replace(fact, old=old, new=new, by=people.meant(fact.by))
                case Event() | Note():
                    yield replace(fact, by=people.meant(fact.by))
                case _:
                    yield fact

    def members(self, inbox: SharedInbox, listed: Iterable[Member], people: "People") -> Iterator[Member]:
        """Who may do what. Where the rights are wrong nothing is allowed."""
        said = self.said.get(RIGHTS, {})
        for member in listed:
            word = said.get(member_row(inbox, member), RIGHT)
            rights = member.rights if word == RIGHT else frozenset[Right]()
            if word not in (RIGHT, WRONG):
                rights = frozenset(map(Right, word.split()))
            yield replace(member, rights=rights, principal=people.meant(member.principal) or member.principal)


class People:
    """Who is meant by the store's names for people."""

    def __init__(self, listed: Mapping[str, Principal], said: Mapping[str, str]) -> None:
        self._listed = listed
        self.said = said
        self._named: dict[str, set[str]] = {}
        for key, each in listed.items() if said else ():
            for name in filter(None, (key, each.login, each.address, each.name)):
                self._named.setdefault(name.casefold(), set()).add(key)

    def meant(self, key: str | None) -> str | None:
        """The key of the person who is meant by it; of names that go round in a circle each means itself."""
        at, seen = key, {key}
        while (other := self._other(at)) is not None:
            if other in seen:
                return key
            seen.add(other)
            at = other
        return at

    def all(self) -> dict[str, Principal]:
        """Everybody listed, and everybody about whom somebody has said anything, as people say that they are."""
        return {key: self.who(key) for key in self._listed}

    def who(self, key: str) -> Principal:
        """One person. Where the name is wrong nobody is known by it; where it is somebody whom the store does not list,
        the word is their address, or else their name."""
        person, word = self._listed.get(key) or unlisted(key), self._word(key)
        if word is None or word == RIGHT or self._other(key) is not None:
            return person
        if word == WRONG:
            return replace(person, known=False, login=None, address=None)
        if word == NOBODY:
            return replace(person, left=True)
        if "@" in word:
            return replace(person, known=True, login=None, address=word)
        return replace(person, name=word, known=True, login=None, address=None)

    def _word(self, key: str) -> str | None:
        return self.said.get(person_row(self._listed.get(key) or unlisted(key))) if self.said else None

    def _other(self, key: str | None) -> str | None:
        """The one listed person whom somebody has named instead."""
        word = self._word(key) if key else None
        if word is None or word in (RIGHT, WRONG, NOBODY):
            return None
        found = self._named.get(word.casefold(), set()) - {key}
        return next(iter(found)) if len(found) == 1 else None


def rulings(staging: Staging) -> Rulings:
    """What people have said so far."""
    said = {
        topic: {str(row): its.verdict for row, its in rulings_book(staging, topic).in_force().items() if its.verdict}
        for topic in TOPICS
    }
    return Rulings({topic: its for topic, its in said.items() if its})
