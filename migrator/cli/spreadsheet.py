"""The senders as a spreadsheet, and a person's verdicts out of it."""

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from migrator.errors import Reason, UsageError
from migrator.locale import _, sentence
from migrator.mail.streams import StreamKey, streams_meant
from migrator.model import Verdict
from migrator.staging.opinions import Unit

COLUMNS = (
    *("sender", "about", "kind", "items", "MB", "accounts", "proposal", "tier", "sure"),
    *("reasons", "protected_by", "newest", "least_typical"),
)
DECIDED = ("decision", "why")
ORDERS = "orders"
"""In `about`, where a line is about a sender's orders, deliveries, bills and accounts; else nothing stands there."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell must not begin with: a spreadsheet would compute it."""


def write(file: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """One line a sender; UTF-8 with BOM and CRLF, as Excel wants it. Raises UsageError where it cannot be written."""
    try:
        with file.open("w", encoding="utf-8-sig", newline="") as stream:
            lines = csv.writer(stream)
            lines.writerow((*COLUMNS, *DECIDED))
            for row in rows:
                lines.writerow(map(cell, _values(row)))
    except OSError as error:
        raise UsageError(Reason("sheet.unwritable", file=str(file), answer=error.strerror)) from error


def _values(row: Mapping[str, Any]) -> Iterator[object]:
    yield row["sender"]
    yield ORDERS if row["orders"] else ""
    yield row["kind"]
    yield row["items"]
    yield round(row["bytes"] / 10**6, 1)
    yield row["accounts"]
    yield row["proposal"]
    yield row["tier"]
    yield f"{row['score']:.0%}"
    yield " / ".join(sentence(each) for each in row["reasons"])
    yield " / ".join(sentence(each) for each in row["protected_by"])
    yield row["newest"]
    yield row["least_typical"]
    yield row["decision"] or ""
    yield ""


def cell(value: object) -> object:
    """A value as no spreadsheet computes it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def read(file: Path, known: Collection[StreamKey]) -> dict[Unit, tuple[Verdict, str]]:
    """The verdicts, with their reasons. Raises UsageError that names every line that is wrong."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(Reason("sheet.unreadable", file=str(file), answer=error.strerror)) from error
    lines = csv.DictReader(io.StringIO(_text(data, file), newline=""))
    missing = [name for name in ("sender", "decision") if name not in (lines.fieldnames or ())]
    if missing:
        raise UsageError(Reason("sheet.column-missing", file=str(file), column=missing[0]))
    found: dict[Unit, tuple[Verdict, str]] = {}
    wrong: list[str] = []
    try:
        for line in lines:
            _take(line, lines.line_num, known, found, wrong)
    except csv.Error as error:
        raise UsageError(Reason("sheet.no-csv", file=str(file), line=lines.line_num, answer=str(error))) from error
    if wrong:
        raise UsageError(Reason("sheet.wrong", file=str(file), many=len(wrong), lines="; ".join(wrong[:20])))
    return found


def _take(
    line: Mapping[str, str | None],
    number: int,
    known: Collection[StreamKey],
    found: dict[Unit, tuple[Verdict, str]],
    wrong: list[str],
) -> None:
    name, word = (line["sender"] or "").strip(), (line["decision"] or "").strip().lower()
    if name.startswith("'") and name[1:].startswith(FORMULA):
        name = name[1:]
    if not word:
        return
    about = (line.get("about") or "").strip().lower()
    stream = next((each for each in streams_meant(name) if each in known), None)
    if word not in set(Verdict):
        wrong.append(_("line {line}: `{word}` is not keep, park or hold").format(line=number, word=word[:20]))
    elif about not in ("", ORDERS):
        wrong.append(_("line {line}: in `about`, `{word}` is not orders").format(line=number, word=about[:20]))
    elif stream is None:
        wrong.append(_("line {line}: no mail is from this sender or list").format(line=number))
    elif (unit := Unit(stream, orders=about == ORDERS)) in found:
        wrong.append(_("line {line}: this sender has a verdict further up").format(line=number))
    else:
        found[unit] = Verdict(word), (line.get("why") or "").strip()


def _text(data: bytes, file: Path) -> str:
    """UTF-8, or what Excel in Japan saves when nobody tells it otherwise."""
    for charset in ("utf-8-sig", "cp932"):
        try:
            return data.decode(charset)
        except UnicodeDecodeError:
            continue
    raise UsageError(Reason("sheet.charset", file=str(file)))
