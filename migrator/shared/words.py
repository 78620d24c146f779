"""Which words each mail of an inbox gets at a target: for every state, person and tag one, as far as there is room.

A word is short and ASCII, the same in every pass, and most tell by themselves what they mean (`gw_open`, `gw_by.sato`);
the legend tells the rest. Where words are categories they all do (`gw_tag.返品`).
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from migrator.inboxes import WORD, Named, Principal, Status, Tag, WorkState
from migrator.shared.conversation import Conversation
from migrator.shared.legend import Legend
from migrator.shared.standing import Standing

_PLAIN = re.compile(r"[a-z][a-z0-9_-]{0,23}")
_SPOKEN = re.compile(r"(?!0[0-9a-f]{9}$)\S(?:[^,;]{0,98}\S)?")

Spell = Callable[[str], str]
"""What stands in a word for a label, a name or a tag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """The words of each mail, and what they mean; of the words that were wanted only the first fit in."""

    words: Mapping[Named, frozenset[str]]
    legend: Legend
    spell: Spell

    def holds(self, word: str) -> bool:
        return word in self.legend.states or word in self.legend.people or word in self.legend.tags


def wording(
    standing: Standing,
    people: Mapping[str, Principal],
    room: int | None,
    *,
    states: bool = True,
    categories: bool = False,
) -> Wording:
    """Give every mail its words. Where there is not room for all, states come first, then people, then tags; of each
    kind what more mails carry. Without `states` these are told otherwise."""
    wanted = _Wanted(states=states, spell=spoken if categories else slug)
    for conversation in standing.conversations:
        for state in conversation.states:
            for named in carriers(conversation, state):
                wanted.state(named, state, people)
        for tag in conversation.tags:
            for named in carriers(conversation, tag):
                wanted.tag(named, tag)
    kept = frozenset(wanted.in_order()[:room])
    fit = {words: words & kept for words in set(wanted.by_mail.values())}
    return Wording(
        words={named: fit[words] for named, words in wanted.by_mail.items() if fit[words]},
        legend=Legend(
            states={word: (status, label) for word, (status, label) in wanted.labelled() if word in kept},
            people={word: key for word, key in wanted.people.items() if word in kept},
            tags={word: name for word, name in wanted.tags.items() if word in kept},
        ),
        spell=wanted.spell,
    )


def spelled(words: Iterable[str], people: Iterable[Principal]) -> Legend:
    """What words tell by themselves, for a target that keeps no legend: states, and who has the mail."""
    known = {word: status for status in Status if (word := f"{WORD}{status.value}")}
    names = {_person_word(each.login or each.key, slug): each.key for each in people}
    seen = set(words)
    return Legend(
        states={word: (known.get(word), "") for word in seen if word in known or word.startswith(f"{WORD}label.")},
        people={word: names[word] for word in seen if word in names},
        tags={},
    )


class _Wanted:
    """What would be said if there were room for everything."""

    def __init__(self, *, states: bool, spell: Spell) -> None:
        self._tells_states = states
        self.spell = spell
        self.by_mail: dict[Named, frozenset[str]] = {}
        self._sets: dict[frozenset[str], frozenset[str]] = {}
        self.states: dict[str, Counter[tuple[Status | None, str]]] = defaultdict(Counter)
        self.people: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self._uses: Counter[str] = Counter()

    def state(self, named: Named, state: WorkState, people: Mapping[str, Principal]) -> None:
        if self._tells_states and (word := state_word(state, self.spell)):
            self.states[word][state.status, state.label] += 1
            self._use(named, word)
        if word := assignee_word(state, people, self.spell):
            self.people[word] = state.assignee or ""
            self._use(named, word)

    def tag(self, named: Named, tag: Tag) -> None:
        word = tag_word(tag, self.spell)
        self.tags[word] = tag.name
        self._use(named, word)

    def _use(self, named: Named, word: str) -> None:
        words = self.by_mail.get(named, frozenset()) | {word}
        self.by_mail[named] = self._sets.setdefault(words, words)  # many mails, few sets of words: each once
        self._uses[word] += 1

    def in_order(self) -> list[str]:
        """The words, the most needed first."""
        kinds: list[Iterable[str]] = [self.states, self.people, self.tags]
        return [word for kind in kinds for word in sorted(kind, key=lambda each: (-self._uses[each], each))]

    def labelled(self) -> Iterator[tuple[str, tuple[Status | None, str]]]:
        """Each state's word with the label that most mails had for it."""
        for word, labels in self.states.items():
            yield word, min(labels, key=lambda each: (-labels[each], each[1]))


def carriers(conversation: Conversation, fact: WorkState | Tag) -> list[Named]:
    """The mails that are to carry what a fact says: those it is about; of a whole conversation all that were there when
    it was said, so that what a customer wrote later is not closed with them."""
    mails = {mail.named: mail for mail in conversation.mails}
    if about := [named for named in fact.about.items if named in mails]:
        return about
    said = fact.at if isinstance(fact, WorkState) else None
    there = [named for named, mail in mails.items() if said is None or mail.at <= said]
    return there or list(mails)


# -- words ---------------------------------------------------------------------------------------------------------


def state_word(state: WorkState, spell: Spell) -> str | None:
    """None for a row that says nothing. A label that nobody has explained has a word of its own."""
    if state.status is None:
        return f"{WORD}label.{spell(state.label)}"
    return None if state.status == Status.NONE else f"{WORD}{state.status.value}"


def assignee_word(state: WorkState, people: Mapping[str, Principal], spell: Spell) -> str | None:
    if state.assignee is None:
        return None
    person = people.get(state.assignee)
    return _person_word((person.login if person else None) or state.assignee, spell)


def _person_word(name: str, spell: Spell) -> str:
    return f"{WORD}by.{spell(name)}"


def tag_word(tag: Tag, spell: Spell) -> str:
    return f"{WORD}tag.{spell(tag.name)}"


def slug(text: str) -> str:
    """The text itself where it is plain, else ten signs that stand for it, the first one a digit: so none is both."""
    if _PLAIN.fullmatch(text):
        return text
    return f"0{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:9]}"


def spoken(text: str) -> str:
    """The text itself where a category can hold it and people read it alike, else what stands for it."""
    return text if _SPOKEN.fullmatch(text) and text.isprintable() else slug(text)
