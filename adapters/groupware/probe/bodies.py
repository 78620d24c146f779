"""Bodies that lie apart from their headers: a file that is nothing but what a table's numbers cut it into."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from adapters.groupware.probe.families import Row, Table, steps
from adapters.groupware.probe.proposal import Listing, Part
from adapters.groupware.probe.survey import Survey

BODIES = "bodies"
"""The kind of a file of bodies."""
COVERED = 0.95
"""The share of such a file that the rows must name."""

Rows = Mapping[str, list[Row]]
"""File of headers -> the rows whose headers lie in it."""


def add_body(listing: Listing, survey: Survey) -> None:
    """Where the mails that a listing leads to are headers alone, find the rest of them."""
    boxes = [survey.boxes[path] for path in {match.file for match in listing.matched} if path in survey.boxes]
    if not boxes or not all(box.headers for box in boxes):
        return
    rows: dict[str, list[Row]] = defaultdict(list)
    for match in listing.matched:
        rows[match.file].append(match.row)
    for name in _beside([*rows], survey):
        body = {path: f"{path.rpartition('/')[0]}/{name}" for path in rows}
        found = _cut(listing.table, rows, {path: survey.files[there].size for path, there in body.items()})
        if found is None:
            continue
        at, size = found
        files = [*body.values()]
        listing.parts.append(Part("range", files, steps(files), column=at, size=size, samples=tuple(files[:5])))
        listing.split = True
        for path, there in body.items():
            survey.explain(there, BODIES, sum(int(row.cells[size]) for row in rows[path]))
            survey.sights.pop(there, None)
        return


def _beside(files: list[str], survey: Survey) -> Iterator[str]:
    """Names of files that stand beside every one of these."""
    directories = {path.rpartition("/")[0] for path in files}
    first = next(iter(directories))
    for path in [*survey.files]:
        directory, _, name = path.rpartition("/")
        if directory == first and path not in files and all(f"{each}/{name}" in survey.files for each in directories):
            yield name


def _cut(table: Table, rows: Rows, sizes: Mapping[str, int]) -> tuple[int, int] | None:
    """The columns of where each piece begins and how long it is, with which the pieces fill the files."""
    numbers = [
        place
        for place in range(len(table.columns))
        if all(row.cells[place].isdecimal() for some in rows.values() for row in some)
    ]
    lengths = [
        place
        for place in numbers
        if all(
            sizes[path] * COVERED <= sum(int(row.cells[place]) for row in some) <= sizes[path]
            for path, some in rows.items()
        )
    ]
    for size in lengths:
        for at in numbers:
            if at != size and all(_tiles(some, at, size, sizes[path]) for path, some in rows.items()):
                return at, size
    return None


def _tiles(rows: list[Row], at: int, size: int, end: int) -> bool:
    """Whether no piece overlaps the next, and none leaves the file."""
    pieces = sorted((int(row.cells[at]), int(row.cells[size])) for row in rows)
    ends = [begin + length for begin, length in pieces]
    return all(stop <= begin for stop, (begin, _) in zip(ends, pieces[1:], strict=False)) and ends[-1] <= end
