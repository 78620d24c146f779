"""Whose each mail is: the table of accounts, by what directories, ids and addresses lead to it."""

from collections.abc import Callable, Collection, Sequence

from adapters.groupware.probe.families import Row, Table
from adapters.groupware.probe.proposal import MOST, Chain, Found, Link, Listing

Owner = Callable[[Row], Row | None]
"""The account's row to which a mail's row leads."""


def accounts(found: Found, people: Collection[str]) -> None:
    """Find the table of accounts, and by which of its columns each listing and each directory names one."""
    index = found.index
    assert index is not None
    listed = {id(each.table) for each in found.listings}
    singles = [each for each in found.tables if None not in each.steps and id(each) not in listed and each.rows]
    best = 0.0
    for table in singles:
        home, named = _home(table, index)
        owner = _owner(table, index)
        if home is None and owner is None:
            continue
        known = _known(table, people)
        worth = max(named, owner[2] if owner else 0.0) * (1 if max(known.values(), default=0) >= 0.5 else 0.6)
        # several tables may say whose mail it is: the one that names people, and by its own key, is theirs
        worth += 0.2 * any(share >= 0.5 and not _addresses(table, place) for place, share in known.items())
        worth += 0.1 * ((owner[1] if owner else home) == 0)
        if worth > best:
            best = worth
            found.users, found.home, found.user_id = table, home, owner[1] if owner and home is None else None
            found.login = _login(table, home, known, owner[1] if owner else None)
    if found.users is None or max(_known(found.users, people).values(), default=0) < 0.5:
        _through_folders(found, index, singles, people)
    if found.users is not None and not found.through:
        for each in found.listings:
            _own(found, each)


def _through_folders(found: Found, index: Listing, tables: Sequence[Table], people: Collection[str]) -> None:
    """Where a mail's row leads to a folder alone, and that to an account: columns of one name lead the way."""
    for folders in tables:
        for key in (place for place in range(len(folders.columns)) if folders.is_key(place)):
            ours = _called(index.table, folders.columns[key])
            if ours is None or not {*index.table.cells(ours)} <= {*folders.cells(key)}:
                continue
            for users in (each for each in tables if each is not folders):
                for place in (place for place in range(len(users.columns)) if users.is_key(place)):
                    leads = _called(folders, users.columns[place])
                    known = _known(users, people)
                    if leads is None or leads == key or max(known.values(), default=0) < 0.5:
                        continue
                    if {*folders.cells(leads)} <= {*users.cells(place)}:
                        found.users, found.home, found.user_id, found.through = users, None, place, True
                        found.login = _login(users, None, known, place)
                        index.folder, found.folders, found.folder_id = Link(ours, 1.0), folders, key
                        found.whose = Chain(column=leads)
                        return


def _called(table: Table, name: str) -> int | None:
    return next((place for place, column in enumerate(table.columns) if _alike(column, name)), None)


def _home(table: Table, index: Listing) -> tuple[int | None, float]:
    """The column that names the directories of the index, or of the mails where the index serves all accounts."""
    best, home = 0.0, None
    for names in _directories(index):
        for place in range(len(table.columns)):
            share = len({*table.cells(place)} & names) / len(names)
            if share >= MOST and share > best and table.is_key(place):
                best, home = share, place
    return home, best


def _directories(index: Listing) -> Sequence[set[str]]:
    """What stands in each step where the paths of the index, or else of its mails, differ."""
    places = range(len(next((row.captures for row in index.table.rows), ())))
    if places:
        return [{row.captures[place] for row in index.table.rows} for place in places]
    pattern = next((part.pattern for part in index.parts if part.pattern), ())
    files = [match.file for match in index.matched if match.file]
    return [{path.split("/")[at] for path in files} for at, step in enumerate(pattern[:-1]) if step is None and files]


def _owner(table: Table, index: Listing) -> tuple[int, int, float] | None:
    """The column of the index whose cells are ids of the table, that column, and how good they are."""
    best: tuple[int, int, float] | None = None
    for place in range(len(table.columns)):
        ids = {*table.cells(place)} - {""}
        if not ids or not table.is_key(place):
            continue
        for ours in range(len(index.table.columns)):
            worth = _led(index, ours, ids)
            if worth and ours not in index.taken():
                worth += 0.3 * _alike(index.table.columns[ours], table.columns[place])
                if worth > 0.3 and (best is None or worth > best[2]):
                    best = ours, place, worth
    return best


def _led(index: Listing, ours: int, ids: Collection[str]) -> float:
    """How surely a column leads to those ids: nearly all of its cells are some, and of many of them."""
    cells = index.table.cells(ours)
    share = sum(cell in ids for cell in cells) / len(cells)
    return share * len({*cells} & {*ids}) / len(ids) if share >= MOST else 0.0


def _alike(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _own(found: Found, listing: Listing) -> None:
    """Where no directory names the account of a listing's rows, the column that does."""
    assert found.users is not None
    captures = {each for row in listing.table.rows for each in row.captures}
    if found.home is not None and captures & {*found.users.cells(found.home)}:
        return
    told = _owner(found.users, listing)
    if told is not None:
        ours, found.user_id, share = told
        listing.owner = Link(ours, min(share, 1.0))


# -- what they are called ------------------------------------------------------------------------------------------


def _known(table: Table, people: Collection[str]) -> dict[int, float]:
    """Columns of names or addresses: the share of their cells that the mails name too."""
    shares = dict[int, float]()
    for place in range(len(table.columns)):
        cells = [cell.casefold() for cell in table.cells(place)]
        if not all(cell.isdecimal() for cell in cells):
            shares[place] = sum(cell in people or "@" in cell for cell in cells) / len(cells)
    return shares


def _addresses(table: Table, place: int) -> bool:
    return sum("@" in cell for cell in table.cells(place)) * 2 >= len(table.rows)


def _login(table: Table, home: int | None, known: dict[int, float], key: int | None) -> Link:
    """What names an account: a name that directories bear, else one that addresses begin with, else an address."""
    keys = [place for place in known if table.is_key(place)]

    def worth(place: int) -> float:
        return known[place] - 0.1 * _addresses(table, place) + 0.5 * (place == home)

    best = max(keys, key=worth, default=None)
    if best is None or known[best] < 0.3:
        best = next((place for place in (home, key) if place is not None), 0)
    samples = tuple(dict.fromkeys(table.cells(best)))[:5]
    return Link(best, max(known.get(best, 0.5), 0.99 if best == home else 0.0), samples)


def owners(found: Found, listing: Listing) -> Owner:
    """What tells whose a mail's row is."""
    users = found.users
    assert users is not None
    if found.through and found.folders is not None and listing.folder is not None and found.user_id is not None:
        ids = {row.cells[found.user_id]: row for row in users.rows}
        leads, place = found.whose.column or 0, listing.folder.place
        owner = {row.cells[found.folder_id]: ids.get(row.cells[leads]) for row in found.folders.rows}
        return lambda row: owner.get(row.cells[place])
    if listing.owner is not None and found.user_id is not None:
        place = listing.owner.place
        by_id = {row.cells[found.user_id]: row for row in users.rows}
        return lambda row: by_id.get(row.cells[place])
    home = found.login.place if found.home is None else found.home
    by_name = {row.cells[home]: row for row in users.rows}
    return lambda row: next((by_name[each] for each in row.captures if each in by_name), None)
