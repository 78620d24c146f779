"""Which folder each mail lies in: the table to whose ids a column of the mails leads, account by account."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence

from adapters.groupware.probe.columns import ROLES
from adapters.groupware.probe.families import Row, Table
from adapters.groupware.probe.owners import Owner, owners
from adapters.groupware.probe.proposal import MOST, Chain, Found, Link, Listing
from migrator.model import Role

Whose = Callable[[Row], Row | None]
"""The account's row to which a folder's row leads."""

FILLED = 0.2
"""The share of mails that must name a folder at all."""


def folders(found: Found) -> None:
    """Find the table of folders, and the column of each listing that leads to it."""
    index, best = found.index, 0.0
    assert index is not None
    if found.through and found.folders is not None:
        _names(found, found.folders)
        return
    listed = {id(each.table) for each in found.listings}
    for table in found.tables:
        if id(table) in listed or table is found.users or not table.rows:
            continue
        for chain in _chains(found, table):
            led = _Led(found, index, table, chain)
            for link, key, worth in led.links():
                if worth > best:
                    best = worth
                    found.folders, found.whose, found.folder_id, index.folder = table, chain, key, link
    if found.folders is None:
        return
    for listing in found.listings[1:]:
        links = _Led(found, listing, found.folders, found.whose).links()
        fits = [(worth, link) for link, key, worth in links if key == found.folder_id]
        listing.folder = max(fits, default=(0.0, None), key=lambda each: each[0])[1]
    _names(found, found.folders)


class _Led:
    """The columns of a listing that lead to a table of folders."""

    def __init__(self, found: Found, listing: Listing, table: Table, chain: Chain) -> None:
        self._listing, self._table = listing, table
        self._whose, self._owner = whose(found, chain), owners(found, listing)

    def links(self) -> Iterator[tuple[Link, int, float]]:
        """Each with the key it leads to, and how good it is."""
        rows = [match.row for match in self._listing.matched]
        owned = [(row, _id(self._owner(row))) for row in rows]
        theirs = [(row, _id(self._whose(row))) for row in self._table.rows]
        taken = self._listing.taken()
        known = self._roles()
        for key in range(len(self._table.columns)):
            there = {(whose, row.cells[key]) for row, whose in theirs if whose is not None}
            if len(there) < len(theirs) * MOST:
                continue
            for ours in (each for each in range(len(self._listing.table.columns)) if each not in taken):
                filled = [(whose, row.cells[ours]) for row, whose in owned if row.cells[ours] not in ("", "0")]
                if not filled or len(filled) < len(owned) * FILLED:
                    continue
                share = sum(each in there for each in filled) / len(filled)
                if share >= MOST:
                    yield Link(ours, share), key, share + self._worth(ours, key, known)

    def _worth(self, ours: int, key: int, known: bool) -> float:
        """What speaks for a column beside that it leads there: it varies, it is called the same, roles fit senders."""
        columns = self._listing.table.columns
        worth = 0.0 if len({*self._listing.table.cells(ours)}) < 2 else 0.5
        worth += 0.3 * (columns[ours].casefold() == self._table.columns[key].casefold())
        return worth + 0.3 * known + 0.5 * self._sent(ours, key)

    def _roles(self) -> bool:
        """Whether the table holds names that folders have everywhere."""
        return any(cell.rpartition("/")[2].casefold() in ROLES for row in self._table.rows for cell in row.cells)

    def _sent(self, ours: int, key: int) -> float:
        """How well the mails that an account wrote are those that lead to its folders for sent mail and drafts."""
        written = {
            (_id(self._whose(row)), row.cells[key])
            for row in self._table.rows
            if any(ROLES.get(cell.casefold()) in (Role.SENT, Role.DRAFTS) for cell in row.cells)
        }
        told = [
            ((_id(owner), match.row.cells[ours]) in written, match.letter.sender.partition("@")[0] in _names_of(owner))
            for match in self._listing.matched
            if match.letter is not None and (owner := self._owner(match.row)) is not None
        ]
        return sum(one == other for one, other in told) / len(told) if written and told else 0.0


def _names_of(row: Row) -> set[str]:
    return {cell.casefold().partition("@")[0] for cell in row.cells if cell}


def _id(row: Row | None) -> int | None:
    return None if row is None else id(row)


# -- whose a folder is ---------------------------------------------------------------------------------------------


def _chains(found: Found, table: Table) -> Iterator[Chain]:
    """The ways in which a table's rows may tell whose they are."""
    if None in table.steps:
        yield Chain()
        return
    users = found.users
    assert users is not None
    ids = {*users.cells(found.login.place if found.user_id is None else found.user_id)}
    yield from (Chain(column=place) for place in _leading(table, ids))
    for via in found.tables:
        if via is table or via is users or None in via.steps or not via.rows:
            continue
        for key in (place for place in range(len(via.columns)) if via.is_key(place)):
            for column in _leading(table, {*via.cells(key)}):
                if table.columns[column].casefold() == via.columns[key].casefold():
                    yield from (Chain(column, via, key, place) for place in _leading(via, ids) if place != key)


def _leading(table: Table, ids: set[str]) -> list[int]:
    """The columns that hold nothing but such ids, half of them at least."""
    return [
        place
        for place in range(len(table.columns))
        if {*table.cells(place)} <= ids and len({*table.cells(place)}) * 2 >= len(ids)
    ]


def whose(found: Found, chain: Chain) -> Whose:
    """What tells whose a folder's row is."""
    users = found.users
    assert users is not None
    home = found.login.place if found.home is None else found.home
    column = chain.column
    if column is None:
        by_name = {row.cells[home]: row for row in users.rows}
        return lambda row: next((by_name[each] for each in row.captures if each in by_name), None)
    by_id = {row.cells[home if found.user_id is None else found.user_id]: row for row in users.rows}
    if chain.via is None:
        return lambda row: by_id.get(row.cells[column])
    between = {row.cells[chain.via_key]: by_id.get(row.cells[chain.via_column]) for row in chain.via.rows}
    return lambda row: between.get(row.cells[column])


# -- what they are called ------------------------------------------------------------------------------------------


def _names(found: Found, table: Table) -> None:
    """The columns that name a folder, hang it below another, and say what it is for."""
    rest = [place for place in range(len(table.columns)) if place not in (found.folder_id, found.whose.column)]
    ids = {*table.cells(found.folder_id)}

    def worth(place: int) -> tuple[int, int]:
        cells = table.cells(place)
        known = sum(cell.rpartition("/")[2].casefold() in ROLES for cell in cells)
        return known, len({cell for cell in cells if not cell.isdigit()})

    found.name = max(rest, key=worth, default=found.folder_id)
    rest = [place for place in rest if place != found.name]
    names = table.cells(found.name)
    for place in rest:
        cells = table.cells(place)
        filled = [cell for cell in cells if cell not in ("", "0", "-1")]
        if len(filled) < len(cells) and all(cell in ids for cell in filled) and len({*cells}) > 1:
            found.parent = place
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


def roles(found: Found, listing: Listing) -> Callable[[Row], Role | None]:
    """The role of the folder to which a mail's row leads, by its name."""
    table, link = found.folders, listing.folder
    if table is None or link is None:
        return lambda row: None
    theirs, owner = whose(found, found.whose), owners(found, listing)
    by_key = {(_id(theirs(row)), row.cells[found.folder_id]): row.cells[found.name] for row in table.rows}
    return lambda row: ROLES.get(by_key.get((_id(owner(row)), row.cells[link.place]), "").rpartition("/")[2].casefold())


__all__ = ["Owner", "folders", "roles", "whose"]
