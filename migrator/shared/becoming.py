"""What becomes of every fact of a shared inbox at a target, said before anything is sent there.

Nothing is lost that the archive holds; what a target cannot hold as it is has its class and its reason here.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from migrator.errors import Reason
from migrator.inboxes import (
    LOOSE,
    Belongs,
    Event,
    Member,
    Note,
    Principal,
    Right,
    Scope,
    SharedInbox,
    Tag,
    Template,
    Work,
    WorkState,
)
from migrator.model import Unreadable
from migrator.shared.words import Wording, assignee_word, state_word, tag_word

WhoIs = Callable[[Principal], str | None]
"""The name by which a person logs in at the target; None where nobody knows it."""


class Fidelity(StrEnum):
    """How much of a fact the target holds."""

    EXACT = "exact"
    FOLDED = "folded"
    """It is there, together with others that it cannot be told from any more, or as text."""
    LABEL_ONLY = "label-only"
    """Its word is there, but nobody has said what it means."""
    ARCHIVED_ONLY = "archived-only"
    DROPPED = "dropped"
    """Nowhere: refused, unless a person signs it. Of the kind `UNREADABLE` nothing is known that could be anywhere."""


UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Became:
    """One fact, or one right or person of it, by the source's key; `why` it is not exact."""

    kind: str
    key: str
    fidelity: Fidelity
    why: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendAs:
    """Somebody who may send as the inbox: no matter of the mail store, but of the server that submits mail."""

    inbox: str
    who: str
    name: str
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitled:
    """Who gets which rights there, and who is to be allowed to send as the inbox."""

    rights: Mapping[str, frozenset[Right]]
    send_as: tuple[SendAs, ...]
    became: tuple[Became, ...]


def entitled(
    inbox: SharedInbox,
    members: Iterable[Member],
    people: Mapping[str, Principal],
    holds: Collection[Right],
    who_is: WhoIs,
    today: datetime,
) -> Entitled:
    """Who gets what. Whoever has left, or whose time is over, gets nothing; nor does anybody by a word that no one has
    explained, or whose name at the target nobody knows."""
    rights: dict[str, frozenset[Right]] = {}
    send_as: list[SendAs] = []
    became: list[Became] = []
    for member in members:
        person = people.get(member.principal)
        who = who_is(person) if person else None
        against = _against(member, person, who, today)
        if against is not None or person is None or who is None:
            became.append(Became(kind="member", key=member.key, fidelity=Fidelity.ARCHIVED_ONLY, why=against))
            continue
        became += (_right(member, right, who, holds) for right in sorted(member.rights or ()))
        given = frozenset(member.rights or ()) & frozenset(holds)
        if given:
            rights[who] = rights.get(who, frozenset()) | given
        if Right.SEND_AS in (member.rights or ()) and Right.SEND_AS not in holds:
            send_as.append(SendAs(inbox=inbox.address or inbox.name, who=who, name=person.name, until=member.until))
        if member.until is not None:
            why = Reason("shared.until-not-held", who=who, until=member.until.date().isoformat())
            became.append(Became(kind="until", key=member.key, fidelity=Fidelity.ARCHIVED_ONLY, why=why))
    return Entitled(rights=rights, send_as=tuple(send_as), became=tuple(became))


def _against(member: Member, person: Principal | None, who: str | None, today: datetime) -> Reason | None:
    """Why a member gets nothing at all."""
    if person is not None and person.left:
        return Reason("shared.member-left", member=member.principal)
    if member.rights is None:
        return Reason("shared.right-unknown", member=member.principal, label=member.label)
    if not member.rights:
        return Reason("shared.member-nothing", member=member.principal)
    if member.until is not None and member.until < today:
        return Reason("shared.member-until", member=member.principal, until=member.until.date().isoformat())
    if who is None:
        return Reason("shared.member-unknown", member=member.principal)
    return None


def _right(member: Member, right: Right, who: str, holds: Collection[Right]) -> Became:
    kind = f"right {right.value}"
    if right in holds:
        return Became(kind=kind, key=member.key, fidelity=Fidelity.EXACT)
    why = Reason("shared.right-not-held", right=right.value, who=who)
    return Became(kind=kind, key=member.key, fidelity=Fidelity.ARCHIVED_ONLY, why=why)


def of_work(
    work: Iterable[Work | Unreadable],
    said: Wording,
    people: Mapping[str, Principal],
    adrift: Set[Work],
    *,
    histories: bool,
    shown: Set[str] | None = None,
) -> Iterator[Became]:
    """What becomes of each state, note, event, tag and text. `adrift` is what is about no mail that is there;
    `histories`: notes and events go into 対応履歴 mails; `shown`: the states that folders show, None where words do."""
    for fact in work:
        match fact:
            case Unreadable():
                kind = "loose" if fact.reason.code == LOOSE else UNREADABLE
                yield Became(kind=kind, key=fact.key, fidelity=Fidelity.DROPPED, why=fact.reason)
            case Template():
                yield _archived("template", fact.key, Reason("shared.template-not-held"))
            case _ if fact in adrift:
                yield _archived(_KINDS[type(fact)], fact.key, Reason("shared.about-nothing"))
            case Belongs():
                yield _archived("number", fact.key, Reason("shared.number-not-held"))
            case WorkState():
                yield from _state(fact, said, people, shown)
            case Tag():
                whole = Fidelity.FOLDED if fact.colour else Fidelity.EXACT
                yield _worded("tag", fact.key, tag_word(fact, said.spell), said, whole)
            case Event() | Note() if histories:
                yield Became(kind=_KINDS[type(fact)], key=fact.key, fidelity=Fidelity.FOLDED)
            case _:
                yield _archived(_KINDS[type(fact)], fact.key, Reason("shared.no-history"))


_KINDS: Mapping[type[Work], str] = {
    WorkState: "state",
    Event: "event",
    Note: "note",
    Tag: "tag",
    Belongs: "number",
    Template: "template",
}


def _state(
    state: WorkState, said: Wording, people: Mapping[str, Principal], shown: Set[str] | None
) -> Iterator[Became]:
    word = state_word(state, said.spell)
    whole = Fidelity.LABEL_ONLY if state.status is None else Fidelity.EXACT
    if state.scope == Scope.PERSON and state.status is not None:
        whole = Fidelity.FOLDED
    if word is None:
        yield Became(kind="state", key=state.key, fidelity=Fidelity.EXACT)
    elif shown is None:
        others = state.status is not None and said.legend.states.get(word, (None, state.label))[1] != state.label
        yield _worded("state", state.key, word, said, Fidelity.FOLDED if others else whole)
    elif state.key in shown:
        yield Became(kind="state", key=state.key, fidelity=whole)
    else:
        yield _archived("state", state.key, Reason("shared.one-folder"))
    if word := assignee_word(state, people, said.spell):
        yield _worded("assignee", state.key, word, said, Fidelity.EXACT)
    if state.due is not None:
        yield _archived("due", state.key, Reason("shared.due-not-held"))


def _worded(kind: str, key: str, word: str, said: Wording, whole: Fidelity) -> Became:
    if said.holds(word):
        return Became(kind=kind, key=key, fidelity=whole)
    return _archived(kind, key, Reason("shared.no-room"))


def _archived(kind: str, key: str, why: Reason) -> Became:
    return Became(kind=kind, key=key, fidelity=Fidelity.ARCHIVED_ONLY, why=why)
