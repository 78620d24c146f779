"""What each step of the mails' paths is, where they differ: a column of the row, of its account or of its folder."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from adapters.groupware.probe.families import Row
from adapters.groupware.probe.folders import whose
from adapters.groupware.probe.owners import owners
from adapters.groupware.probe.proposal import MOST, Found, Listing, Part, Step

FEW = 12
"""Codes that a column may have, each of which stands for a name in a path."""


def lay(found: Found) -> None:
    """Find the steps of every part of every listing."""
    for listing in found.listings:
        for part in listing.parts:
            if part.pattern:
                _lay(found, listing, part)


def _lay(found: Found, listing: Listing, part: Part) -> None:
    where = _where(listing, part)
    if not where:
        return
    for at, common in enumerate(part.pattern):
        if at in part.steps:
            continue
        candidates = _candidates(found, listing, [(row, path.split("/")[at]) for row, path in where])
        if common is not None:  # the one folder that everybody has is a folder all the same
            folder = None if listing.folder is None or at == len(part.pattern) - 1 else ("", listing.folder.place)
            candidates = (each for each in candidates if (each.table, each.place) == folder and not each.codes)
        best = max(candidates, key=lambda each: each.share, default=None)
        if best is not None and (common is None or not (best.before or best.behind)):
            part.steps[at] = best


def _where(listing: Listing, part: Part) -> list[tuple[Row, str]]:
    """Each row, and the file of this part in which its mail lies."""
    ours = {*part.files}
    found = [(match.row, match.file) for match in listing.matched if match.file in ours]
    if found or not listing.split:
        return found
    by_directory = {path.rpartition("/")[0]: path for path in part.files}
    return [(match.row, by_directory[match.file.rpartition("/")[0]]) for match in listing.matched]


def _candidates(found: Found, listing: Listing, rows: Sequence[tuple[Row, str]]) -> Iterator[Step]:
    """Columns that stand there."""
    users, folders = found.users, found.folders
    assert users is not None
    owner = owners(found, listing)
    owned = [(owner(row), step) for row, step in rows]
    for place in range(len(users.columns)):
        yield from _affixed([(row.cells[place], step) for row, step in owned if row], "users", place, len(rows), 0.02)
    for place in range(len(listing.table.columns)):
        pairs = [(row.cells[place], step) for row, step in rows]
        yield from _affixed(pairs, "", place, len(rows), 0.01)
        yield from _coded(pairs, place)
    if folders is not None and listing.folder is not None:
        theirs, link = whose(found, found.whose), listing.folder.place
        named = {(id(theirs(row)), row.cells[found.folder_id]): row for row in folders.rows}
        led = [
            (named.get((id(account), row.cells[link])), step)
            for (account, step), (row, _) in zip(owned, rows, strict=True)
        ]
        for place in range(len(folders.columns)):
            yield from _affixed([(row.cells[place], step) for row, step in led if row], "folders", place, len(rows), 0)


def _affixed(pairs: Sequence[tuple[str, str]], table: str, place: int, total: int, bonus: float) -> Iterator[Step]:
    """The column, with what stands before and behind its cells in every step."""
    around = Counter(step.partition(cell)[::2] for cell, step in pairs if cell and cell in step)
    if around:
        (before, behind), count = around.most_common(1)[0]
        if count >= total * MOST:
            yield Step(before, table, place, behind, count / total + bonus - (0.1 if before or behind else 0))


def _coded(pairs: Sequence[tuple[str, str]], place: int) -> Iterator[Step]:
    """A column of a few codes, each of which stands for one name."""
    steps: dict[str, Counter[str]] = defaultdict(Counter)
    for cell, step in pairs:
        steps[cell][step] += 1
        if len(steps) > FEW:
            return
    best = {cell: counts.most_common(1)[0] for cell, counts in steps.items()}
    names = {cell: name for cell, (name, _) in best.items()}
    share = sum(count for _, count in best.values()) / len(pairs)
    if 1 < len(names) == len({*names.values()}) and share >= MOST and len(pairs) >= 3 * len(names):
        yield Step("", "", place, "", share - 0.2, names)
