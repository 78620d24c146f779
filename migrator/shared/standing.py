"""How a whole shared inbox stands; and what differs between two views of it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from migrator.errors import Reason
from migrator.inboxes import About, Belongs, Event, Letter, Named, Note, SharedInbox, Tag, Template, Work, WorkState
from migrator.model import Unreadable
from migrator.shared.conversation import Conversation, in_order
from migrator.shared.links import SURE, Joins, Link, joined, likely, links
from migrator.shared.mails import IsOwn, Mail, mail

Told = WorkState | Event | Note | Tag
"""What is told of a mail or conversation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A shared inbox as one view shows it: the old store, staging, or a target."""

    inbox: SharedInbox
    conversations: tuple[Conversation, ...]
    """In the order of their first mails."""
    doubtful: tuple[Link, ...] = ()
    """Links that a person should look at: they alone make one conversation of two, or might."""
    adrift: tuple[Told | Belongs, ...] = ()
    """What is told of no mail that is there."""
    templates: tuple[Template, ...] = ()
    faults: tuple[Unreadable, ...] = ()

    @property
    def unanswered(self) -> tuple[Conversation, ...]:
        return tuple(each for each in self.conversations if each.unanswered)

    @property
    def wrote_again(self) -> tuple[Conversation, ...]:
        return tuple(each for each in self.conversations if each.wrote_again)

    @property
    def unstated(self) -> tuple[Conversation, ...]:
        """None where the store tells no state of anything."""
        stated = any(each.states for each in self.conversations)
        return tuple(each for each in self.conversations if stated and each.unstated)

    def doubts(self) -> Iterator[Reason]:
        """All that only people can tell."""
        for conversation in self.conversations:
            yield from conversation.doubts()
        for fact in self.adrift:
            yield Reason("shared.adrift", inbox=self.inbox.key, key=fact.key)
        yield from (fault.reason for fault in self.faults)


def standing(
    inbox: SharedInbox,
    letters: Iterable[Letter],
    work: Iterable[Work | Unreadable],
    is_own: IsOwn,
    joins: Joins = likely,
) -> Standing:
    """How the inbox stands, by its mails and by what is told of them, in whatever order they come.

    A mail in drafts, junk or trash counts only where something is told of it.
    """
    facts = _sorted(work)
    spoken_of = {named for each in facts.told for named in each.about.items}
    every = (mail(letter, is_own) for letter in letters)
    mails = {each.named: each for each in every if each is not None and (not each.aside or each.named in spoken_of)}
    threads, numbers = _threads(facts.belongs, mails)
    found = links(mails.values(), threads, inbox.token)
    whole = joined((each.id for each in mails.values()), found, joins)
    groups: dict[str, _Group] = defaultdict(_Group)
    for each in mails.values():
        groups[whole[each.id]].mails.append(each)
    for link in found:
        if whole[link.first] == whole[link.second]:
            groups[whole[link.first]].links.append(link)
    in_thread = _by_thread(facts.belongs, mails, whole)
    adrift: list[Told | Belongs] = [each for each in facts.belongs if not _in(each.about, mails)]
    for fact in facts.told:
        homes = {whole[named.id] for named in _in(fact.about, mails)}
        homes |= in_thread.get(fact.about.thread, set()) if fact.about.thread and not homes else set()
        for home in homes:
            groups[home].facts.append(fact)
        if not homes:
            adrift.append(fact)
    conversations = [group.conversation(inbox, numbers) for group in groups.values()]
    return Standing(
        inbox=inbox,
        conversations=tuple(sorted(conversations, key=lambda each: each.mails[0].place_in_time)),
        doubtful=_doubtful(mails.values(), found, whole),
        adrift=tuple(sorted(adrift, key=lambda fact: fact.key)),
        templates=tuple(facts.templates),
        faults=tuple(facts.faults),
    )


class _Group:
    """A conversation in the making."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.links: list[Link] = []
        self.facts: list[Told] = []

    def conversation(self, inbox: SharedInbox, numbers: Mapping[str, Collection[str]]) -> Conversation:
        facts: dict[type[Any], list[Any]] = defaultdict(list)
        for fact in sorted(self.facts, key=lambda fact: fact.key):
            facts[type(fact)].append(fact)
        return Conversation(
            inbox=inbox.key,
            mails=in_order(self.mails),
            links=tuple(self.links),
            numbers=tuple(sorted({number for each in self.mails for number in numbers.get(each.id, ())})),
            states=tuple(facts[WorkState]),
            events=tuple(facts[Event]),
            notes=tuple(facts[Note]),
            tags=tuple(facts[Tag]),
        )


class _Facts:
    """What is told, by what it is."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.belongs: list[Belongs] = []
        self.templates: list[Template] = []
        self.faults: list[Unreadable] = []


def _sorted(work: Iterable[Work | Unreadable]) -> _Facts:
    facts = _Facts()
    for each in work:
        match each:
            case Belongs():
                facts.belongs.append(each)
            case Template():
                facts.templates.append(each)
            case Unreadable():
                facts.faults.append(each)
            case _:
                facts.told.append(each)
    for all_ in (facts.templates, facts.faults):
        all_.sort(key=lambda fact: fact.key)
    return facts


def _in(about: About, mails: Mapping[Named, Mail]) -> list[Mail]:
    """The mails that something is about, of those that count."""
    return [mails[named] for named in about.items if named in mails]


def _threads(
    belongs: Iterable[Belongs], mails: Mapping[Named, Mail]
) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """The store's own conversations of each mail, and what people call them."""
    threads: dict[str, set[str]] = defaultdict(set)
    numbers: dict[str, set[str]] = defaultdict(set)
    for each in belongs:
        for found in _in(each.about, mails):
            if each.about.thread:
                threads[found.id].add(each.about.thread)
            if each.number:
                numbers[found.id].add(each.number)
    return threads, numbers


def _by_thread(
    belongs: Iterable[Belongs], mails: Mapping[Named, Mail], whole: Mapping[str, str]
) -> dict[str, set[str]]:
    """Where the mails of each of the store's own conversations are now."""
    found: dict[str, set[str]] = defaultdict(set)
    for each in belongs:
        if each.about.thread:
            found[each.about.thread].update(whole[mail.id] for mail in _in(each.about, mails))
    return found


def _doubtful(mails: Iterable[Mail], found: Iterable[Link], whole: Mapping[str, str]) -> tuple[Link, ...]:
    """The unsure links between what sure ones have not joined."""
    every = list(found)
    sure = joined((each.id for each in mails), every, lambda link: link.confidence >= SURE)
    return tuple(link for link in every if link.confidence < SURE and sure[link.first] != sure[link.second])


# -- two views of one inbox ----------------------------------------------------------------------------------------


class Why(StrEnum):
    """Why somebody waits in one view and not in another."""

    MISSING = "missing"
    """The mail is not there."""
    ANSWERED = "answered"
    """There we wrote last."""
    DONE = "done"
    """There nobody waits any more: its state says so."""
    STATUS = "status"
    """It waits in both, in another state."""
    ASSIGNEE = "assignee"
    """It waits in both, with somebody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A customer waits in view `one`, and in view `other` not, or otherwise."""

    inbox: str
    one: str
    other: str
    why: Why
    conversation: Conversation
    there: Conversation | None


def differences(views: Mapping[str, Standing]) -> Iterator[Difference]:
    """All that differs between the views of one inbox: each with each, by the last mail of the customer who waits."""
    by_mail = {
        name: {each.id: whole for whole in view.conversations for each in whole.mails} for name, view in views.items()
    }
    for place, (one, view) in enumerate(views.items()):
        for conversation in view.unanswered:
            for there_place, other in enumerate(views):
                there = by_mail[other].get(conversation.waiting[-1].id)
                why = _why(conversation, there, first=place < there_place) if one != other else None
                if why is not None:
                    yield Difference(
                        inbox=view.inbox.key, one=one, other=other, why=why, conversation=conversation, there=there
                    )


def _why(here: Conversation, there: Conversation | None, *, first: bool) -> Why | None:
    """Why two views of a conversation differ; what both show as waiting is compared once."""
    if there is None:
        return Why.MISSING
    if not there.waiting:
        return Why.ANSWERED
    if not there.unanswered:
        return Why.DONE
    if first and here.status != there.status:
        return Why.STATUS
    if first and {*here.assignees} != {*there.assignees}:
        return Why.ASSIGNEE
    return None
