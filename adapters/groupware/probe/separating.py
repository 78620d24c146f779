"""Text in lines of cells: which character parts them, which charset they are in, whether the first line names them."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from typing import BinaryIO, NamedTuple

from adapters.groupware.rows.separated import FOLDED, LONGEST, Csv, Separated
from adapters.groupware.rows.shape import Line
from migrator import japanese
from migrator.model import Raw

DELIMITERS = ",\t;|\x01^:"
NO_LETTERS = "ascii"
"""Of a file in which nothing tells the charset."""
CHARSETS = ("utf-8", "cp932", "euc_jp")
SHARE = 0.9
"""The share of lines that must have the same number of cells."""
_CONTROL = re.compile(rb"[\x00\x02-\x08\x0b\x0c\x0e-\x1f]")
_NUMBER = re.compile(r"[-+]?[\d/:. ]+|")
_NAMED = re.compile(r".+\.(?:csv|tsv|tab)", re.IGNORECASE | re.DOTALL)


class Found(NamedTuple):
    """How the lines are read, and how many bytes come back from it."""

    form: Csv
    columns: tuple[str, ...]
    explained: int


def separated(path: str, raw: Raw, head: bytes) -> Found | None:
    """The dialect that explains most of the file; None where it is no table."""
    if _CONTROL.search(head):
        return None
    whole = head if raw.size <= len(head) else head[: head.rfind(b"\n") + 1]
    lines = [line for line in whole.splitlines() if line.strip()]
    if not lines or (len(lines) < 2 and not _NAMED.fullmatch(path)):
        return None
    coded = charset(lines)
    if coded is None:
        return None
    name, text = coded, [line.decode(coded, "surrogateescape") for line in lines]
    widths = {each: _width(text, each) for each in DELIMITERS}
    share, width, delimiter = max((share, width, each) for each, (share, width) in widths.items())
    if share < SHARE or width < 2:
        return None
    form = Csv(type="csv", path=path, charset=name, delimiter=delimiter)
    if not _has_names(text, form):
        form = form.model_copy(update={"names": tuple(f"c{number}" for number in range(1, width + 1))})
    columns, explained = _read_back(path, raw, form)
    return Found(form, columns, explained) if explained else None


def charset(lines: list[bytes]) -> str | None:
    """In which charset most of the lines make sense; NO_LETTERS where nothing tells; None where none does."""
    told = [line for line in lines if not line.isascii()][:500]
    if not told:
        return NO_LETTERS
    joined = japanese.decode(b"\n".join(told))
    scores = {name: sum(_makes(line, name) for line in told) for name in CHARSETS}
    best = max(CHARSETS, key=lambda name: (scores[name], _reads(told, name) == joined))
    return best if scores[best] * 2 >= len(told) else None


def _makes(line: bytes, name: str) -> bool:
    try:
        return line.decode(name) == japanese.decode(line)
    except UnicodeDecodeError:
        return False


def _reads(lines: list[bytes], name: str) -> str:
    return b"\n".join(lines).decode(name, "replace")


def _width(lines: list[str], delimiter: str) -> tuple[float, int]:
    """The share of lines that have the most usual number of cells, and that number."""
    counts = Counter(len(next(csv.reader([line], delimiter=delimiter), [])) for line in lines)
    width, count = counts.most_common(1)[0]
    return (count / len(lines), width) if width > 1 else (0, 0)


def _has_names(lines: list[str], form: Csv) -> bool:
    """The first line names the columns where none of its cells is a number, and none comes again below it."""
    first, *rest = [next(csv.reader([line], delimiter=form.delimiter), []) for line in lines[:200]]
    if any(_NUMBER.fullmatch(cell) or "@" in cell for cell in first) or len({*first}) < len(first):
        return False
    return all(cell != row[place] for row in rest for place, cell in enumerate(first) if place < len(row))


def _read_back(path: str, raw: Raw, form: Csv) -> tuple[tuple[str, ...], int]:
    """The columns, and the bytes of the lines whose cells, joined again, are what stands there."""
    with raw.open() as stream, raw.open() as again:
        rows = Separated(stream, form, path)
        cells: Sequence[object] | None = None if form.names else rows.columns
        explained, passed = 0, 0
        for row in rows:
            text = _lines(again, row.number - 1 - passed)
            explained, passed = explained + _given_back(text, cells, form), row.number - 1
            cells = row.cells if isinstance(row, Line) and not row.odd else None
        return tuple(rows.columns), explained + _given_back(_lines(again, FOLDED), cells, form)


def _lines(stream: BinaryIO, count: int) -> bytes:
    """So many lines; of one that is too long for a row only its end."""
    lines = []
    for _ in range(count):
        while len(line := stream.readline(LONGEST + 1)) > LONGEST and not line.endswith(b"\n"):
            pass
        if not line:
            break
        lines.append(line)
    return b"".join(lines)


def _given_back(text: bytes, cells: Sequence[object] | None, form: Csv) -> int:
    if cells is None:
        return 0
    written = text.removeprefix(b"\xef\xbb\xbf").decode(form.charset, "surrogateescape").rstrip("\r\n")
    if written == form.delimiter.join(map(str, cells)):
        return len(text)
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC):
        out = io.StringIO()
        csv.writer(out, delimiter=form.delimiter, quoting=quoting, lineterminator="").writerow(cells)
        if out.getvalue() == written:
            return len(text)
    try:
        again = next(csv.reader([written], delimiter=form.delimiter), [])
    except csv.Error:
        return 0
    return len(text) if [*map(str, again)] == [*map(str, cells)] else 0
