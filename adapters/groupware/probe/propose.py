"""Which table lists the mails, the accounts and the folders, and which cells lead from one to the other.

Everything is told by containment: the names of files that stand in a column, the ids of one table in another.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from adapters.groupware.probe.columns import ROLES, Dated, Marks, Traits, dated, marks
from adapters.groupware.probe.families import Row, Steps, Table, alike, extension, steps, tables
from adapters.groupware.probe.survey import Survey
from migrator.model import Role

MOST = 0.9
"""The share of cells that must lead somewhere for a column to be believed."""


class Link(NamedTuple):
    """A column that leads somewhere, how sure that is, and where it was seen."""

    place: int
    share: float
    samples: tuple[str, ...] = ()


NOWHERE = Link(0, 0.0)


class Step(NamedTuple):
    """What stands in one step of the mails' paths: text before it, whose column it is, text behind it."""

    before: str
    table: str
    place: int
    behind: str
    share: float


@dataclass(slots=True)
class Proposal:
    """What was found; None where nothing was."""

    tables: list[Table]
    mails: list[str]
    """The files of the kind of mail that the index names."""
    pattern: Steps
    index: Table | None = None
    file: Link = NOWHERE
    users: Table | None = None
    login: Link = NOWHERE
    user_id: Link | None = None
    """The column of the accounts that ours leads to, where no directory names the account."""
    owner: Link | None = None
    """And ours."""
    folders: Table | None = None
    folder: Link = NOWHERE
    folder_id: int = 0
    folder_owner: int | None = None
    """Where all accounts' folders stand in one table: the column that says whose."""
    parent: int | None = None
    name: int = 0
    is_path: bool = False
    role: int | None = None
    roles: dict[str, Role] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    """Every code of `role`, with a folder that has it."""
    steps: dict[int, Step] = field(default_factory=dict)
    received: tuple[int, Dated] | None = None
    flags: tuple[int, Marks] | None = None
    matched: list[tuple[Row, str]] = field(default_factory=list)
    """Rows of the index, and the mail each names."""


def propose(survey: Survey) -> Proposal:
    """Put together what belongs together."""
    every = [*tables(survey.read, survey.sights)]
    kinds = alike(survey.mails)
    best = Proposal(every, [], ())
    for paths in kinds[:5]:
        found = Proposal(every, paths, steps(paths))
        _index(found)
        if found.index is not None and len(found.matched) > len(best.matched):
            best = found
    if best.index is None:
        return best
    _accounts(best)
    if best.users is not None:
        _folders(best)
        _steps(best)
        _content(best, survey)
    return best


# -- the index -----------------------------------------------------------------------------------------------------


def _index(found: Proposal) -> None:
    """The table with a column that names the most files."""
    by_name: dict[str, list[str]] = defaultdict(list)
    for path in found.mails:
        by_name[path.rpartition("/")[2]].append(path)
    suffix = extension(found.mails[0])
    for behind in dict.fromkeys(("", suffix)):  # a whole name before one that lacks its end
        for table in found.tables:
            for place in range(len(table.columns)):
                rows = [(row, by_name.get(row.cells[place] + behind)) for row in table.rows if row.cells[place]]
                pairs = [(row, path) for row, paths in rows if paths for path in _of_row(row, paths)]
                if len(pairs) >= len(rows) * 0.5 and len(pairs) > len(found.matched):
                    found.index, found.matched = table, pairs
                    found.file = Link(place, len(pairs) / len(rows), _told(path for _, path in pairs))
                    last = len(found.pattern) - 1
                    found.steps[last] = Step("", "", place, behind, found.file.share)


def _of_row(row: Row, paths: Sequence[str]) -> list[str]:
    """The one mail that a row can mean: it lies below what the index's own path says, and where the row's cells say."""
    fits = [path for path in paths if {*row.captures} <= {*path.split("/")}]
    if len(fits) > 1:
        cells = {*row.cells}
        scores = [len(cells & {*path.split("/")}) for path in fits]
        fits = [path for path, score in zip(fits, scores, strict=True) if score == max(scores)]
    return fits if len(fits) == 1 else []


def _told(samples: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(samples))[:5]


# -- the accounts --------------------------------------------------------------------------------------------------


def _accounts(found: Proposal) -> None:
    """The table whose column names the directories of the index, or whose ids stand in it."""
    index = found.index
    assert index is not None
    singles = [each for each in found.tables if None not in each.steps and each is not index and each.rows]
    places = range(len(next((row.captures for row in index.rows), ())))
    for place in places:
        _named(found, singles, {row.captures[place] for row in index.rows})
    if found.users is None:
        _owners(found, singles, index)


def _owners(found: Proposal, singles: Sequence[Table], index: Table) -> None:
    """The same where one index serves all accounts: its rows say whose they are."""
    for at in [at for at, step in enumerate(found.pattern) if step is None][:-1]:
        _named(found, singles, {path.split("/")[at] for _, path in found.matched})
    for table in singles if found.users is None else [found.users]:
        _owned(found, table, index)
    if found.owner is None:
        found.users = None


def _named(found: Proposal, singles: Sequence[Table], names: Collection[str]) -> None:
    for table in singles:
        for place in range(len(table.columns)):
            cells = {*table.cells(place)}
            share = len(cells & {*names}) / len(names) if names else 0
            if share >= MOST and table.is_key(place) and _is_people(table) and share > found.login.share:
                found.users, found.login = table, Link(place, share, _told(sorted(cells & {*names})))


def _is_people(table: Table) -> bool:
    """Whether it has a column of mail addresses."""
    return any(
        sum("@" in cell for cell in table.cells(place)) >= len(table.rows) * 0.5 for place in range(len(table.columns))
    )


def _owned(found: Proposal, table: Table, index: Table) -> None:
    """The column of the index whose cells are ids of the table."""
    if not _is_people(table):
        return
    for place in range(len(table.columns)):
        ids = {*table.cells(place)} - {""}
        if not table.is_key(place):
            continue
        for ours in range(len(index.columns)):
            cells = index.cells(ours)
            share = sum(cell in ids for cell in cells) / len(cells)
            spread = len({*cells} & ids) / len(ids)
            if ours != found.file.place and share >= MOST and spread * share > (found.owner or Link(0, 0.3)).share:
                found.owner, found.user_id = Link(ours, spread * share), Link(place, share)
                if found.users is None:
                    found.login = Link(place, 0.5)
                found.users = table


# -- the folders ---------------------------------------------------------------------------------------------------


def _folders(found: Proposal) -> None:
    """The table whose ids stand in a column of the index, account by account."""
    index, best = found.index, 0.0
    assert index is not None
    for table in found.tables:
        if table in (index, found.users) or not table.rows:
            continue
        whose = _whose(found, table)
        if not any(step is None for step in table.steps) and whose is None:
            continue
        for place in range(len(table.columns)):
            for ours in range(len(index.columns)):
                taken = {found.file.place, found.owner.place if found.owner else -1}
                if ours in taken or place == whose:
                    continue
                share = _led(found, table, whose, place, ours)
                if share >= MOST and share + _spread(index, ours) > best and table.is_key(place, *_one(whose)):
                    best = share + _spread(index, ours)
                    found.folders, found.folder, found.folder_id = table, Link(ours, share), place
                    found.folder_owner = whose
    if found.folders is not None:
        _names(found, found.folders)


def _one(place: int | None) -> tuple[int, ...]:
    return () if place is None else (place,)


def _spread(index: Table, place: int) -> float:
    """Columns with several values are better than those that hardly say anything."""
    return 0.0 if len({*index.cells(place)}) < 2 else 0.5


def _whose(found: Proposal, table: Table) -> int | None:
    """The column that says whose each row is, where the accounts have no tables of their own."""
    if found.user_id is None or found.users is None:
        return None
    ids = {*found.users.cells(found.user_id.place)}
    shares = {
        place: len({*table.cells(place)} & ids) / len(ids)
        for place in range(len(table.columns))
        if all(cell in ids for cell in table.cells(place))
    }
    best = max(shares, key=lambda place: shares[place], default=None)
    return best if best is not None and shares[best] >= 0.5 else None


def _led(found: Proposal, table: Table, whose: int | None, place: int, ours: int) -> float:
    """The share of the index's rows that lead to a row here, of the same account."""
    index = found.index
    assert index is not None
    if whose is None:
        there = {(row.captures, row.cells[place]) for row in table.rows}
        led = [(row.captures, row.cells[ours]) in there for row in index.rows]
    else:
        assert found.owner is not None
        owner = found.owner.place
        theirs = {(row.cells[whose], row.cells[place]) for row in table.rows}
        led = [(row.cells[owner], row.cells[ours]) in theirs for row in index.rows]
    return sum(led) / len(led)


def _names(found: Proposal, table: Table) -> None:
    """The columns that name a folder, hang it below another, and say what it is for."""
    rest = [place for place in range(len(table.columns)) if place not in (found.folder_id, found.folder_owner)]
    ids = {*table.cells(found.folder_id)}

    def worth(place: int) -> tuple[int, int]:
        cells = table.cells(place)
        known = sum(cell.rpartition("/")[2].casefold() in ROLES for cell in cells)
        return known, len({cell for cell in cells if not cell.isdigit()})

    found.name = max(rest, key=worth, default=found.folder_id)
    rest = [place for place in rest if place != found.name]
    for place in rest:
        cells = table.cells(place)
        filled = [cell for cell in cells if cell]
        if filled and len(filled) < len(cells) and all(cell in ids for cell in filled):
            found.parent = place
    names = table.cells(found.name)
    found.is_path = found.parent is None and any("/" in name for name in names)
    for place in rest:
        codes = table.cells(place)
        if place != found.parent and len({*codes}) <= 12 and len(roles := _roles(names, codes)) >= 3:
            found.role, found.roles = place, roles
            found.codes = {code: name for code, name in zip(codes, names, strict=True) if code}


def _roles(names: Sequence[str], codes: Sequence[str]) -> dict[str, Role]:
    """Code -> role, where nearly all folders of the code have a name of that role."""
    counts: dict[str, Counter[Role | None]] = defaultdict(Counter)
    for name, code in zip(names, codes, strict=True):
        counts[code][ROLES.get(name.casefold())] += 1
    best = {code: count.most_common(1)[0] for code, count in counts.items() if code}
    return {code: role for code, (role, n) in best.items() if role is not None and n >= counts[code].total() * 0.8}


# -- paths and content ---------------------------------------------------------------------------------------------


def _steps(found: Proposal) -> None:
    """What each step of the mails' paths is, where they differ."""
    assert found.index is not None
    for at, common in enumerate(found.pattern[:-1]):
        candidates = _candidates(found, at)
        if common is not None:  # the one folder that everybody has is a folder all the same
            candidates = (each for each in candidates if (each.table, each.place) == ("", found.folder.place))
        best = max(candidates, key=lambda each: each.share, default=None)
        if best is not None and (common is None or not (best.before or best.behind)):
            found.steps[at] = best


def _candidates(found: Proposal, at: int) -> Iterator[Step]:
    """Columns of the row, its account or its folder that stand there."""
    index, users, folders = found.index, found.users, found.folders
    assert index is not None
    assert users is not None
    login = {row.cells[found.login.place]: row for row in users.rows}
    ids = {row.cells[found.user_id.place]: row for row in users.rows} if found.user_id else login
    rows = [(row, path.split("/")[at]) for row, path in found.matched]
    owners = [ids.get(row.cells[found.owner.place]) if found.owner else _by_name(row, login) for row, _ in rows]
    for place in range(len(users.columns)):
        pairs = [(owner.cells[place], step) for owner, (_, step) in zip(owners, rows, strict=True) if owner]
        yield from _affixed(pairs, "users", place, len(rows), bonus=0.02)
    for place in range(len(index.columns)):
        yield from _affixed([(row.cells[place], step) for row, step in rows], "", place, len(rows), bonus=0.01)
    if folders is not None:
        named = {_folder_key(found, row): row for row in folders.rows}
        led = [named.get(_row_key(found, row)) for row, _ in rows]
        for place in range(len(folders.columns)):
            pairs = [(other.cells[place], step) for other, (_, step) in zip(led, rows, strict=True) if other]
            yield from _affixed(pairs, "folders", place, len(rows))


def _by_name(row: Row, login: dict[str, Row]) -> Row | None:
    return next((login[each] for each in row.captures if each in login), None)


def _folder_key(found: Proposal, row: Row) -> tuple[object, ...]:
    whose = row.captures if found.folder_owner is None else row.cells[found.folder_owner]
    return whose, row.cells[found.folder_id]


def _row_key(found: Proposal, row: Row) -> tuple[object, ...]:
    whose = row.captures if found.folder_owner is None or not found.owner else row.cells[found.owner.place]
    return whose, row.cells[found.folder.place]


def _affixed(
    pairs: Sequence[tuple[str, str]], table: str, place: int, total: int, *, bonus: float = 0.0
) -> Iterator[Step]:
    """The column, with what stands before and behind its cells in every step."""
    around = Counter(step.partition(cell)[::2] for cell, step in pairs if cell and cell in step)
    if around:
        (before, behind), count = around.most_common(1)[0]
        if count >= total * MOST:
            yield Step(before, table, place, behind, count / total + bonus - (0.1 if before or behind else 0))


def _content(found: Proposal, survey: Survey) -> None:
    """What the index says of its mails that they say themselves."""
    index = found.index
    assert index is not None
    pairs = [(row, letter) for row, path in found.matched if (letter := survey.letters.get(path)) is not None]
    answers = {each.in_reply_to for each in survey.letters.values()} - {None}
    names = {_folder_key(found, row): row.cells[found.name] for row in found.folders.rows} if found.folders else {}
    traits = [
        Traits(
            letter.id in answers,
            ROLES.get(names.get(_row_key(found, row), "").rpartition("/")[2].casefold()) if found.folders else None,
        )
        for row, letter in pairs
    ]
    taken = {found.file.place, found.folder.place, found.owner.place if found.owner else -1}
    best = 0.0
    for place in (each for each in range(len(index.columns)) if each not in taken):
        cells = [row.cells[place] for row, _ in pairs]
        date = dated(cells, [letter.date for _, letter in pairs])
        if date is not None and (found.received is None or date.agreeing > found.received[1].agreeing):
            found.received = place, date
        column = marks(cells, traits) if date is None else None
        if column is not None and (worth := 0.1 + sum(each.sure for each in column.meanings.values())) > best:
            best, found.flags = worth, (place, column)
