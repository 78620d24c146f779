"""The words by which a target's mails tell how far they are and who has them, and what each means.

A target keeps a few words a place, mostly of ASCII alone. What they mean stands in the legend, one JSON text, which is
kept with the place where that can be, and in the archive always.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from migrator.inboxes import About, Named, Scope, Status, Tag, Work, WorkState

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Legend:
    """Word -> what it means: a state with the store's own label, a principal's key, a tag."""

    states: Mapping[str, tuple[Status | None, str]]
    people: Mapping[str, str]
    tags: Mapping[str, str]

    def text(self) -> str:
        """The legend as a target keeps it."""
        states = {word: {"status": status, "label": label} for word, (status, label) in self.states.items()}
        whole = {"legend": VERSION, "states": states, "people": dict(self.people), "tags": dict(self.tags)}
        return json.dumps(whole, ensure_ascii=False, sort_keys=True)

    @classmethod
    def of(cls, text: str) -> "Legend":
        """The legend that a target kept. Raises ValueError where it is none of ours."""
        told = json.loads(text)
        if not isinstance(told, dict) or told.get("legend") != VERSION:
            raise ValueError("no legend of this version")
        states = {
            word: (None if each["status"] is None else Status(each["status"]), str(each["label"]))
            for word, each in told["states"].items()
        }
        return cls(states=states, people=told["people"], tags=told["tags"])

    def work(self, told: Iterable[tuple[Named, Collection[str]]]) -> Iterator[Work]:
        """What the words say that mails carry. Words that it does not know are somebody else's."""
        for named, words in told:
            about, key = About(items=(named,)), f"{'/'.join(named.folder)}:{named.key}"
            assignee = next((self.people[word] for word in sorted(words) if word in self.people), None)
            states = [self.states[word] for word in sorted(words) if word in self.states]
            if assignee is not None and not states:
                states = [(Status.NONE, "")]
            for number, (status, label) in enumerate(states):
                yield WorkState(
                    key=f"{key}#{number}",
                    about=about,
                    scope=Scope.MAIL,
                    status=status,
                    label=label,
                    assignee=assignee,
                )
            for word in sorted(words):
                if word in self.tags:
                    yield Tag(key=f"{key}#{word}", about=about, name=self.tags[word])
