"""Which mails belong together, how sure that is, and why.

Every link is between two mails that stand next to each other in time among those that share something: a Message-ID
they name, a token in their subject, a number the store gave them, or subject and customer within fourteen days.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise

import re2

from migrator.shared.mails import Mail

WINDOW = timedelta(days=14)
"""So long one subject between the same people is taken for one matter."""

JOINS = 0.6
"""From this confidence on a link makes one conversation of two, unless a person says otherwise."""
SURE = 0.9
"""Below this a link is shown to a person."""


class Shared(StrEnum):
    """What two mails share."""

    REFERENCES = "references"
    TOKEN = "token"  # noqa: S105 - in a subject
    INDEX = "index"
    PARTY = "subject+party"
    SUBJECT = "subject"


CONFIDENCE = {Shared.REFERENCES: 0.99, Shared.TOKEN: 0.97, Shared.INDEX: 0.95, Shared.PARTY: 0.6, Shared.SUBJECT: 0.3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Two mails, by their ids, the earlier one first; and the best evidence that they belong together."""

    first: str
    second: str
    evidence: Shared

    @property
    def confidence(self) -> float:
        return CONFIDENCE[self.evidence]


Joins = Callable[[Link], bool]


def likely(link: Link) -> bool:
    """Whether a link joins, where no person has decided about it."""
    return link.confidence >= JOINS


def links(mails: Iterable[Mail], threads: Mapping[str, Collection[str]], token: str) -> list[Link]:
    """Every link, each pair once. `threads` are the conversations that the store itself numbers, by mail id; `token`
    is a pattern (RE2) whose first group names a conversation in a subject, "" for none."""
    tokens = re2.compile(token) if token else None
    groups: dict[Shared, dict[tuple[str, ...], dict[str, Mail]]] = {kind: defaultdict(dict) for kind in Shared}
    for each in sorted(mails, key=lambda mail: mail.place_in_time):
        for kind, value in _shares(each, threads, tokens):
            groups[kind][value].setdefault(each.id, each)
    found: dict[tuple[str, str], Shared] = {}
    for kind in Shared:  # the best evidence first
        for group in groups[kind].values():
            for one, other in pairwise(group.values()):
                if kind not in (Shared.PARTY, Shared.SUBJECT) or other.at - one.at <= WINDOW:
                    found.setdefault((one.id, other.id), kind)
    return [Link(first=first, second=second, evidence=kind) for (first, second), kind in sorted(found.items())]


def _shares(
    mail: Mail, threads: Mapping[str, Collection[str]], tokens: "re2._Regexp | None"
) -> Iterator[tuple[Shared, tuple[str, ...]]]:
    for named in (mail.id, *mail.answers):
        yield Shared.REFERENCES, (named,)
    if tokens is not None and (match := tokens.search(mail.subject)):
        yield Shared.TOKEN, (match[1],)
    for thread in threads.get(mail.id, ()):
        yield Shared.INDEX, (thread,)
    if subject := matter(mail.subject):
        for party in mail.parties:
            yield Shared.PARTY, (subject, party)
        yield Shared.SUBJECT, (subject,)


_ANSWER = re.compile(
    r"\s*(?:re|res|fw|fwd|aw|sv|返信|転送)\s*(?:\[\d+\]|\(\d+\)|\^\d+|\*\d+)?\s*[:>]\s*", re.IGNORECASE
)


def matter(subject: str) -> str:
    """A subject without what answering and forwarding put before it, width and case folded; "" if nothing is left."""
    left = unicodedata.normalize("NFKC", subject)
    while match := _ANSWER.match(left):
        left = left[match.end() :]
    return " ".join(left.casefold().split())


def joined(ids: Iterable[str], found: Iterable[Link], joins: Joins) -> dict[str, str]:
    """The ids, each with one that stands for all that it is joined to."""
    above = {each: each for each in ids}

    def top(each: str) -> str:
        while above[each] != each:
            above[each] = above[above[each]]
            each = above[each]
        return each

    for link in found:
        if joins(link):
            one, other = sorted((top(link.first), top(link.second)))
            above[other] = one
    return {each: top(each) for each in above}
