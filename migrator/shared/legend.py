"""The words by which a target's mails tell how far they are and who has them, and what each means.

A target keeps a few words a place, mostly of ASCII alone. What they mean stands in the legend, one JSON text, which is
kept with the place where that can be, and in the archive always.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from migrator.inboxes import About, Named, Scope, Status, Tag, Work, WorkState

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Legend:
    """Word -> what it means: a state with the store's own label, a principal's key, a tag. `folders`: the same of the
    names of sub-folders, where states are shown by these."""

    states: Mapping[str, tuple[Status | None, str]]
    people: Mapping[str, str]
    tags: Mapping[str, str]
    folders: Mapping[str, tuple[Status | None, str]] = field(default_factory=dict)

    def text(self) -> str:
        """The legend as a target keeps it."""
        whole = {
            "legend": VERSION,
            "states": _told(self.states),
            "people": dict(self.people),
            "tags": dict(self.tags),
            **({"folders": _told(self.folders)} if self.folders else {}),
        }
        return json.dumps(whole, ensure_ascii=False, sort_keys=True)

    @classmethod
    def of(cls, text: str) -> "Legend":
        """The legend that a target kept. Raises ValueError where it is none of ours."""
        told = json.loads(text)
        if not isinstance(told, dict) or told.get("legend") != VERSION:
            raise ValueError("no legend of this version")
        return cls(
            states=_meant(told["states"]),
            people=told["people"],
            tags=told["tags"],
            folders=_meant(told.get("folders", {})),
        )

    def work(
        self, told: Iterable[tuple[Named, Collection[str]]], shown: tuple[Status | None, str] | None = None
    ) -> Iterator[Work]:
        """What the words say that mails carry, and `shown`, what the folder says in which all of these lie. Words that
        it does not know are somebody else's."""
        for named, words in told:
            about, key = About(items=(named,)), f"{'/'.join(named.folder)}:{named.key}"
            assignee = next((self.people[word] for word in sorted(words) if word in self.people), None)
            states = [self.states[word] for word in sorted(words) if word in self.states]
            states += [] if shown is None else [shown]
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


def _told(states: Mapping[str, tuple[Status | None, str]]) -> dict[str, dict[str, str | None]]:
    return {word: {"status": status, "label": label} for word, (status, label) in states.items()}


def _meant(told: Mapping[str, Mapping[str, str | None]]) -> dict[str, tuple[Status | None, str]]:
    return {
        word: (None if each["status"] is None else Status(each["status"]), str(each["label"]))
        for word, each in told.items()
    }
