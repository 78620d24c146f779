"""Which tables list the mails: whose cells name files, or what is in archives, or places in files, or are mails."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from adapters.groupware.probe.bodies import add_body
from adapters.groupware.probe.boxes import Box, begun
from adapters.groupware.probe.composed import compose, out_of_rows
from adapters.groupware.probe.families import Row, Table, alike, extension, steps
from adapters.groupware.probe.letters import letter
from adapters.groupware.probe.proposal import MOST, Composed, Listing, Match, Part, Step
from adapters.groupware.probe.survey import Survey
from adapters.groupware.rows.mails import Mbox
from adapters.groupware.values import Bytes, Undecodable
from migrator.mail import split
from migrator.mail.health import looks_like_mail

FEWEST = 3
"""Rows that must lead to a mail for a table to list mails."""
CODES = 6
"""Kinds of rows that one table may hold."""
KINDS = 5
"""Kinds of file names that are looked at, those of the most mails first."""

Found = tuple[Row, str, str]
"""A row, the file in which its mail lies, and where in it."""


def listings(tables: Sequence[Table], survey: Survey) -> list[Listing]:
    """Every table of mails, that of the most first. A table that lists the mails of a larger one again is none."""
    found = list[Listing]()
    whole = out_of_rows(tables)
    if whole is not None:
        found.append(whole)
    for table in tables:
        every = [
            each
            for seek in (_cells, _files, _members, _ranges)
            if (each := seek(table, survey)) is not None and len(each.matched) >= FEWEST
        ]
        if every:
            found.append(_joined(every))
    kept, claimed = list[Listing](), set[tuple[str, str]]()
    for each in sorted(found, key=lambda each: len(each.matched), reverse=True):
        mails = {(match.file, match.letter.at) for match in each.matched if match.letter and match.file}
        if len(mails - claimed) * 2 >= len(mails):
            claimed |= mails
            kept.append(each)
    for each in kept:
        add_body(each, survey)
        if each.composed is not None:
            compose(each, tables, survey)
    return kept


def of_kinds(listing: Listing) -> Table | None:
    """The other rows of a table of mails, where a column tells the two apart; then each is a table of its own."""
    table, mails = listing.table, {id(match.row) for match in listing.matched}
    rest = [row for row in table.rows if id(row) not in mails]
    for place in range(len(table.columns)) if rest else ():
        ours, theirs = {match.row.cells[place] for match in listing.matched}, {row.cells[place] for row in rest}
        if len(ours | theirs) <= CODES and not ours & theirs:
            rows = [match.row for match in listing.matched]
            listing.table = replace(table, rows=rows, only=(place, frozenset(ours)))
            return replace(table, rows=rest, only=(place, frozenset(theirs)))
    return None


def _joined(every: Sequence[Listing]) -> Listing:
    """One way to the mails; or two, where some rows hold theirs and others name a file."""
    cells = next((each for each in every if each.composed or each.parts[0].type == "cell"), None)
    others = [each for each in every if each is not cells]
    best = max(others, key=lambda each: len(each.matched), default=None)
    if cells is None or best is None or cells.composed is not None:
        return cells or best or every[0]
    here = {id(match.row) for match in cells.matched}
    rest = [match for match in best.matched if id(match.row) not in here]
    if len(rest) < FEWEST:
        return cells
    return Listing(cells.table, [*cells.parts, *best.parts], [*cells.matched, *rest])


# -- names of files and of what is in archives ---------------------------------------------------------------------


def _files(table: Table, survey: Survey) -> Listing | None:
    best: Listing | None = None
    for paths in alike(survey.mails)[:KINDS]:
        named = _by_name((path.rpartition("/")[2], (path, "")) for path in paths)
        packed = any(path in survey.packed for path in paths)
        end = extension(paths[0])
        told = _named(table, named, end, extension(paths[0].removesuffix(end)) + end if packed else "")
        if told is not None and (best is None or len(told[3]) > len(best.matched)):
            place, behind, share, rows = told
            part = Part("file", [path for _, path, _ in rows], steps(paths), packed=packed, share=share)
            part.steps[len(part.pattern) - 1] = Step("", "", place, behind, share)
            best = _listing(table, part, rows, survey)
    return best


def _members(table: Table, survey: Survey) -> Listing | None:
    if not survey.archives:
        return None
    named = _by_name((member, (path, member)) for path, members in survey.archives.items() for member in members)
    ends = Counter(extension(member) for members in survey.archives.values() for member in members)
    told = _named(table, named, ends.most_common(1)[0][0] if ends else "")
    if told is None:
        return None
    place, behind, share, rows = told
    paths = [*dict.fromkeys(path for _, path, _ in rows)]
    if len({path.count("/") for path in paths}) > 1:
        return None
    part = Part("zip", paths, steps(paths), member=Step("", "", place, behind, share), share=share)
    return _listing(table, part, rows, survey)


def _by_name(pairs: Iterable[tuple[str, tuple[str, str]]]) -> dict[str, list[tuple[str, str]]]:
    named: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, place in pairs:
        named[name].append(place)
    return named


def _named(
    table: Table, named: Mapping[str, list[tuple[str, str]]], *ends: str
) -> tuple[int, str, float, list[Found]] | None:
    """The column that names the most of them, what stands behind its cells, its share, and the rows."""
    best: tuple[int, str, float, list[Found]] | None = None
    for behind in dict.fromkeys(("", *ends)):  # a whole name before one that lacks its end
        for place in range(len(table.columns)):
            rows = [(row, named.get(row.cells[place] + behind)) for row in table.rows if row.cells[place]]
            pairs = [(row, *where) for row, places in rows if places and (where := _of_row(row, places))]
            apart = len({(path, at) for _, path, at in pairs})
            if pairs and min(len(pairs), apart) >= len(rows) * 0.5 and (best is None or len(pairs) > len(best[3])):
                best = place, behind, len(pairs) / len(rows), pairs
    return best


def _of_row(row: Row, places: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
    """The one place that a row can mean: below what its own file's path says, and where the row's cells say."""
    fits = [each for each in places if {*row.captures} <= {*each[0].split("/")}]
    if len(fits) > 1:
        cells = {*row.cells}
        scores = [len(cells & _words(path)) for path, _ in fits]
        fits = [each for each, score in zip(fits, scores, strict=True) if score == max(scores)]
    return fits[0] if len(fits) == 1 else None


def _words(path: str) -> set[str]:
    """The steps of a path, and the last without its extension."""
    return {*path.split("/"), path.rpartition("/")[2].removesuffix(extension(path))}


def _listing(table: Table, part: Part, rows: Sequence[Found], survey: Survey) -> Listing:
    matched = [Match(row, path, survey.letters.get((path, at))) for row, path, at in rows]
    part.samples = tuple(dict.fromkeys(path + (f"@{at}" if at else "") for _, path, at in rows))[:5]
    return Listing(table, [part], matched)


# -- places in files -----------------------------------------------------------------------------------------------


def _ranges(table: Table, survey: Survey) -> Listing | None:
    best: Listing | None = None
    for paths in alike(survey.boxes)[:KINDS]:
        boxes = {path: survey.boxes[path] for path in paths}
        for places in _ways(boxes):
            for place in range(len(table.columns)):
                rows = _placed(table, place, places)
                if rows and (best is None or len(rows) > len(best.matched)):
                    best = _range(table, place, rows, places, boxes, survey) or best
    return best


Places = dict[str, dict[int, int]]
"""File -> byte at which a mail is said to begin -> how many bytes it has from there."""


def _ways(boxes: Mapping[str, Box]) -> Iterator[Places]:
    """What an index may mean by a mail's place: all of it, or without what stands in front of its header."""
    yield {path: dict(box.places) for path, box in boxes.items()}
    if any(box.lines for box in boxes.values()):
        yield {
            path: {line: at + size - line for line, (at, size) in zip(box.lines, box.places, strict=True)}
            for path, box in boxes.items()
        }
    if any(box.form is not None and not isinstance(box.form, Mbox) for box in boxes.values()):
        yield {path: dict(begun(box)) for path, box in boxes.items()}


def _placed(table: Table, place: int, places: Places) -> list[Found]:
    """The rows whose cell in that column is the place of a mail; none where it is not that column."""
    filled = [row for row in table.rows if row.cells[place].isdecimal()]
    rows = list[Found]()
    for some in (filled[:40], filled):
        rows = []
        for row in some:
            at = int(row.cells[place])
            where = _of_row(row, [(path, str(at)) for path, there in places.items() if at in there])
            if where is not None:
                rows.append((row, *where))
        if len(rows) < FEWEST or len(rows) < len(some) * MOST or len({row.cells[place] for row, _, _ in rows}) < FEWEST:
            return []
    return rows


def _range(
    table: Table, place: int, rows: Sequence[Found], places: Places, boxes: Mapping[str, Box], survey: Survey
) -> Listing | None:
    paths = [*boxes]
    part = Part("range", paths, steps(paths), column=place, share=len(rows) / len(table.rows))
    form = next(iter(boxes.values())).form
    wanted = [places[path][int(at)] for _, path, at in rows]
    for column in range(len(table.columns)):
        cells = [row.cells[column] for row, _, _ in rows]
        if sum(cell == str(size) for cell, size in zip(cells, wanted, strict=True)) >= len(rows) * MOST:
            part.size = column
            break
    else:
        if form is None or (isinstance(form, Mbox) and form.variant != "auto"):
            return None
        if isinstance(form, Mbox):
            part.type = "mbox"
        else:
            part.counted, part.magic = form.counted, form.magic
    return _listing(table, part, [(row, path, str(_place(boxes[path], int(at)))) for row, path, at in rows], survey)


def _place(box: Box, at: int) -> int:
    """By which place a letter of the survey is known that begins there, however it is counted."""
    if at in box.lines:
        return box.places[box.lines.index(at)][0]
    return next((place for place, size in box.places if place <= at < place + size), at)


# -- mails in the rows themselves ----------------------------------------------------------------------------------


def _cells(table: Table, survey: Survey) -> Listing | None:
    for place, column in enumerate(table.columns):
        filled = [row for row in table.rows if len(row.cells[place]) > 40][:500]
        if len(filled) < FEWEST:
            continue
        for written in ("raw", "pg", "hex", "base64"):
            read = Bytes(kind="bytes", written=written).reader()
            mails = [(row, data) for row in filled if looks_like_mail(split(data := _read(read, row.cells[place]))[0])]
            if len(mails) >= len(filled) * MOST:
                matched = [
                    Match(row, "", letter("", str(number), len(data), data)) for number, (row, data) in enumerate(mails)
                ]
                part = Part("cell", column=place, written=written, share=len(mails) / len(filled), samples=(column,))
                found = Listing(table, [part], matched)
                if sum(not split(data)[1] for _, data in mails) >= len(mails) * MOST:  # headers alone
                    found.parts, found.composed = [], Composed(next(iter(table.numbers()), 0), header=place)
                return found
    return None


def _read(read: Callable[[Any], Any], cell: str) -> bytes:
    try:
        return bytes(read(cell))
    except (Undecodable, UnicodeEncodeError):
        return b""
