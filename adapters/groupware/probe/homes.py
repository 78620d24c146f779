"""Whose directories are whose, where no table says it: below each lie the mails of one person."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from adapters.groupware.probe.families import extension
from adapters.groupware.probe.letters import Letter

THEIRS = 0.6
"""The share of mails below a directory that must name one and the same person."""


class Home(NamedTuple):
    """The files of mails of one account, by what follows its step in their paths."""

    name: str
    person: str
    files: dict[str, str]
    """File -> its path from there on; "" where the account's step is the file itself."""


@dataclass(slots=True)
class Homes:
    """Directories of accounts, side by side below `head`, with `behind` at the end of every name."""

    head: str
    behind: str
    every: list[Home]

    def names(self) -> set[str]:
        """The accounts."""
        return {home.name for home in self.every}

    def path(self, column: str) -> str:
        """Where an account's files lie, its name in braces."""
        return "/".join(filter(None, (self.head, f"{{{column}}}{self.behind}")))


def homes(files: Sequence[str], letters: Mapping[tuple[str, str], Letter]) -> list[Homes]:
    """Every place in the store at which accounts lie side by side."""
    by_file: dict[str, list[Letter]] = defaultdict(list)
    for each in letters.values():
        by_file[each.file].append(each)
    return [*_below("", {path: path for path in files}, by_file)]


def _below(head: str, files: dict[str, str], letters: Mapping[str, list[Letter]]) -> Iterator[Homes]:
    children: dict[str, dict[str, str]] = defaultdict(dict)
    for path, rest in files.items():
        name, _, more = rest.partition("/")
        children[name][path] = more
    people = {name: _person(inner, letters) for name, inner in children.items()}
    known = [person for person in people.values() if person]
    apart = len({*known}) >= 0.8 * len(people) and len(known) >= 0.8 * len(people)
    deeper = [name for name, inner in children.items() if all(inner.values())]
    if apart and not (len(children) == 1 and deeper and _one_way(children[deeper[0]])):
        yield _side_by_side(head, children, people)
        return
    for name in deeper:
        yield from _below(f"{head}/{name}" if head else name, children[name], letters)


def _one_way(files: Mapping[str, str]) -> bool:
    """Whether there is only one directory on this level, and no file."""
    return len({rest.partition("/")[0] for rest in files.values()}) == 1 and all("/" in rest for rest in files.values())


def _person(files: Mapping[str, str], letters: Mapping[str, list[Letter]]) -> str | None:
    """Who is named in most of the mails of these files."""
    read = [each for path in files for each in letters.get(path, ())]
    named = Counter(person for each in read for person in each.people if "@" in person)
    if not named:
        return None
    person, count = named.most_common(1)[0]
    return person if count >= len(read) * THEIRS else None


def _side_by_side(head: str, children: Mapping[str, dict[str, str]], people: Mapping[str, str | None]) -> Homes:
    ends = {extension(name) for name in children}
    behind = ends.pop() if len(ends) == 1 else ""
    every = [Home(name.removesuffix(behind), people[name] or "", inner) for name, inner in children.items()]
    return Homes(head, behind, every)


def common(rests: Sequence[str], keep: int) -> str:
    """The directories with which every path begins."""
    steps = [rest.split("/")[:-1] for rest in rests]
    common = list[str]()
    for each in zip(*steps, strict=False):
        if len({*each}) > 1 or not all(len(path) > len(common) + keep for path in steps):
            break
        common.append(each[0])
    return "/".join(common)
