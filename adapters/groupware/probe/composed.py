"""Mails of which no bytes are kept: header fields in columns or in rows, texts and attachments beside them."""

import re
from codecs import lookup
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from adapters.files.reading import Content
from adapters.groupware.probe.families import Row, Table
from adapters.groupware.probe.letters import Letter, letter
from adapters.groupware.probe.proposal import MOST, Attached, Composed, HeaderRows, Listing, Match
from adapters.groupware.probe.survey import Survey
from migrator.japanese import decode_header

FIELDS = frozenset(
    ("message-id", "date", "from", "to", "cc", "subject", "mime-version", "content-type", "received", "reply-to")
)
"""Header fields by whose names a table of them is known (RFC 5322)."""
NAMED = {"from": "From", "to": "To", "cc": "Cc", "subject": "Subject", "replyto": "Reply-To", "reply-to": "Reply-To"}
"""What an empty column of such a name is for."""
ATTACHMENT = "attachment"


def out_of_rows(tables: Sequence[Table]) -> Listing | None:
    """The table of mails to which rows of header fields lead."""
    for table in tables:
        rows = _header_rows(table)
        if rows is None:
            continue
        heads: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for row in table.rows:
            number = row.cells[rows.number]
            line = f"{row.cells[rows.name]}: {row.cells[rows.value]}"
            heads[row.cells[rows.mail]].append((int(number) if number.isdecimal() else 0, line))
        letters = {key: _letter(key, [line for _, line in sorted(lines)]) for key, lines in heads.items()}
        best: Listing | None = None
        for other in tables:
            for key in range(len(other.columns)):
                cells = other.cells(key)
                if (
                    other is table
                    or not cells
                    or not other.is_key(key)
                    or sum(map(heads.__contains__, cells)) < len(cells) * MOST
                ):
                    continue
                matched = [Match(row, "", letters.get(row.cells[key])) for row in other.rows]
                found = Listing(other, [], matched, composed=Composed(key, rows=[rows], fields=_fields(other, matched)))
                if best is None or _worth(found) > _worth(best):
                    best = found
        if best is not None:
            return best
    return None


def _worth(listing: Listing) -> int:
    assert listing.composed is not None
    return len(listing.composed.fields)


def _letter(key: str, lines: Sequence[str]) -> Letter:
    data = "\r\n".join((*lines, "", "")).encode("utf-8", "surrogateescape")
    return letter("", key, len(data), data)


def _header_rows(table: Table) -> HeaderRows | None:
    places = range(len(table.columns))
    names = {place: sum(cell.casefold() in FIELDS for cell in table.cells(place)) for place in places}
    name = max(names, key=lambda place: names[place], default=0)
    if not table.rows or names[name] < len(table.rows) * 0.5:
        return None
    rest = [place for place in places if place != name]
    owners = [place for place in rest if 1 < len({*table.cells(place)}) * 3 <= len(table.rows)]
    value = max(rest, key=lambda place: sum(map(len, table.cells(place))), default=name)
    told = [
        place
        for place in owners
        if place != value
        and len({(row.cells[place], row.cells[name].casefold()) for row in table.rows}) >= len(table.rows) * 0.8
    ]
    if not told:
        return None
    mail = min(told, key=lambda place: len({*table.cells(place)}))
    numbers = [place for place in rest if place not in (mail, value) and all(map(str.isdecimal, table.cells(place)))]
    return HeaderRows(table, mail, numbers[0], name, value) if numbers else None


def compose(listing: Listing, tables: Sequence[Table], survey: Survey) -> None:
    """Find what else the mails of a listing are made of."""
    found = listing.composed
    assert found is not None
    found.fields = found.fields or _fields(listing.table, listing.matched)
    by_id = {match.row.cells[found.key]: match.letter for match in listing.matched if match.letter is not None}
    _texts(listing, found, tables)
    for table in tables:
        if table is listing.table or any(table is rows.table for rows in found.rows) or not table.rows:
            continue
        for place in _leading(table, {*by_id}):
            if table is not found.bodies and (rows := _addressed(table, place, by_id)) is not None:
                found.rows.append(rows)
                break
            if (files := _files(table, place, survey)) is not None:
                found.files += _of_kinds(files, survey)
                break


def _leading(table: Table, ids: set[str]) -> Iterator[int]:
    """The columns that hold ids and nothing else; what is the same in every row of a long table is none."""
    for place in range(len(table.columns)):
        held = {*table.cells(place)}
        if held <= ids and (len(held) > 1 or len(table.rows) <= LONG):
            yield place


def _fields(table: Table, matched: Sequence[Match]) -> dict[str, int]:
    """The columns that say what a header field says; and empty ones that are called like one."""
    pairs = [(match.row, match.letter) for match in matched if match.letter is not None]
    found = dict[str, int]()
    for place, column in enumerate(table.columns):
        filled = [(_plain(row.cells[place]), letter.fields) for row, letter in pairs if row.cells[place]]
        for name in ("From", "To", "Cc", "Subject"):
            same = sum(cell == _plain(fields[name]) for cell, fields in filled)
            if name not in found and filled and same >= len(filled) * MOST:
                found[name] = place
        known = NAMED.get(column.casefold().replace("_", ""))
        if known is not None and not filled:
            found.setdefault(known, place)
    return found


def _plain(text: str) -> str:
    return "".join(decode_header(text.encode("utf-8", "surrogateescape")).split())


def _texts(listing: Listing, found: Composed, tables: Sequence[Table]) -> None:
    """The columns of the bodies: in the mail's own row, else in a table with one row for each mail."""
    taken, rows = {*found.columns()}, [match.row for match in listing.matched]
    own = _longest(rows, taken)
    if own is not None:
        found.text = own
        pages = [place for place in range(len(listing.table.columns)) if place not in {*taken, own}]
        found.html = next((place for place in pages if _is_page(listing.table, place)), None)
        return
    ids = {row.cells[found.key] for row in rows}
    for table in tables:
        for place in _leading(table, ids) if table is not listing.table else ():
            text = _longest(table.rows, {place}) if table.rows and table.is_key(place) else None
            if text is not None:
                found.bodies, found.body_of, found.text = table, place, text
                return


def _longest(rows: Sequence[Row], taken: set[int]) -> int | None:
    """The column of texts in several lines, the longest."""
    sizes = Counter[int]()
    for row in rows:
        for place, cell in enumerate(row.cells):
            if place not in taken and "\n" in cell:
                sizes[place] += len(cell)
    filled = {place: sum("\n" in row.cells[place] for row in rows) for place in sizes}
    return next((place for place, _ in sizes.most_common() if filled[place] >= len(rows) * 0.5), None)


def _is_page(table: Table, place: int) -> bool:
    filled = [cell for cell in table.cells(place) if cell]
    called = "html" in table.columns[place].casefold()
    return all("<" in cell for cell in filled) if filled else called


def _addressed(table: Table, mail: int, by_id: dict[str, Letter]) -> HeaderRows | None:
    """A table of addresses, with a column that says of which field each is."""
    places = [place for place in range(len(table.columns)) if place != mail]
    value = next(
        (place for place in places if sum("@" in cell for cell in table.cells(place)) >= len(table.rows) * MOST), None
    )
    if value is None:
        return None
    kinds = [place for place in places if place != value and len({*table.cells(place)}) <= 5]
    # a number of the row may be equal to it: then the name tells
    for kind in sorted(kinds, key=lambda place: _KIND.search(table.columns[place].casefold()) is None):
        told: dict[str, Counter[str]] = defaultdict(Counter)
        for row in table.rows:
            fields = by_id[row.cells[mail]].fields
            told[row.cells[kind]].update(name for name in ("To", "Cc") if row.cells[value] in fields[name])
        codes = {code: names.most_common(1)[0][0] for code, names in told.items() if names}
        if codes and len(codes) == len(told):
            numbers = [place for place in places if place not in (value, kind)]
            return HeaderRows(table, mail, next(iter(numbers), kind), kind, value, codes)
    return None


def _files(table: Table, mail: int, survey: Survey) -> Attached | None:
    """A table whose cells are names of files, below one place."""
    places = [place for place in range(len(table.columns)) if place != mail]
    places.sort(key=lambda place: -max(len(row.cells[place]) for row in table.rows))  # a whole path before its end
    for place in places:
        cells = [cell for cell in table.cells(place) if cell]
        ends = [path for path in survey.files if path == cells[0] or path.endswith(f"/{cells[0]}")] if cells else []
        for before in {path.removesuffix(cells[0]) for path in ends}:
            if sum(before + cell in survey.files for cell in cells) < len(cells) * MOST:
                continue
            numbers = [each for each in places if each != place and table.is_key(each) and _is_number(table, each)]
            names = [each for each in places if each != place and any("." in cell for cell in table.cells(each))]
            if names:
                return Attached(table, mail, next(iter(numbers), place), names[0], before, place)
    return None


LONG = 20
"""Rows of which all might be about one mail."""

_KIND = re.compile("type|kind|kbn|class|種|区分")


def _of_kinds(files: Attached, survey: Survey) -> list[Attached]:
    """The attachments, and those that are bodies in HTML where a column tells them apart."""
    table, pages = files.table, set[int]()
    for number, row in enumerate(table.rows):
        path = files.before + row.cells[files.file]
        if path in survey.files:
            survey.explain(path, ATTACHMENT, survey.files[path].size)
            content = survey.read(path)
            if isinstance(content, Content) and content.raw.size < PAGE and _PAGE.match(content.raw.read()):
                pages.add(number)
    for place in range(len(table.columns)) if pages else ():
        ours = {row.cells[place] for number, row in enumerate(table.rows) if number in pages}
        theirs = {row.cells[place] for number, row in enumerate(table.rows) if number not in pages}
        if not ours & theirs and len(ours | theirs) <= 6 and place not in (files.charset, files.name):
            halves = [
                replace(
                    table, rows=[row for row in table.rows if row.cells[place] in some], only=(place, frozenset(some))
                )
                for some in (theirs, ours)
            ]
            return [
                files._replace(table=halves[0]),
                files._replace(table=halves[1], page=True, charset=_charset(halves[1])),
            ]
    return [files]


_PAGE = re.compile(rb"\s*<(?:!doctype|html|body|p|div)\b", re.IGNORECASE)
PAGE = 2**24
"""Bytes a body in HTML may have."""


def _charset(table: Table) -> int | None:
    return next((place for place in range(len(table.columns)) if all(map(_is_charset, table.cells(place)))), None)


def _is_charset(name: str) -> bool:
    try:
        return bool(name) and not name.isdecimal() and lookup(name) is not None
    except LookupError:
        return False


def _is_number(table: Table, place: int) -> bool:
    return all(map(str.isdecimal, table.cells(place)))
