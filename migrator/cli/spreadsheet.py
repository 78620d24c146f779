"""A topic of the review as a spreadsheet, and people's decisions out of it.

`id` and `digest` begin with a letter, for Excel makes numbers of 007 and 12e5. Only `id`, `digest`, `decision` and
`reason` are read again, and only where something stands under `decision`.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from migrator.errors import Reason, UsageError
from migrator.locale import LANGUAGES, _, sentence, spoken_in
from migrator.review.sheets import Sheet
from migrator.review.topic import Row, Topic
from migrator.text import cell, computed

READ = ("id", "digest", "decision", "reason")
"""The columns that are read again."""

Say = Callable[[Iterable[Reason | str]], list[Reason]]


# -- out -----------------------------------------------------------------------------------------------------------


def write(file: Path, sheet: Sheet, quotes: Mapping[str, Sequence[str]], say: Say) -> None:
    """One line a row; UTF-8 with BOM and CRLF, as Excel wants it. `quotes` are the subjects that stand with each row.

    Raises UsageError where the file cannot be written.
    """
    topic = sheet.topic
    heads = ("id", "what", "facts", *(column() for column in topic.columns), "proposal", "sure", "for", "against")
    try:
        with file.open("w", encoding="utf-8-sig", newline="") as stream:
            lines = csv.writer(stream)
            lines.writerow((*heads, "examples", "decided", "by", "digest", "decision", "reason"))
            for row in sheet.rows:
                values = _values(topic, row, quotes.get(row.id, ()), say)
                lines.writerow((*map(cell, values), _digest(sheet, row), "", ""))
    except OSError as error:
        raise UsageError(Reason("sheet.unwritable", file=str(file), answer=error.strerror)) from error


def _values(topic: Topic, row: Row, quotes: Sequence[str], say: Say) -> Iterator[object]:
    yield row.id
    yield row.name
    yield " / ".join(sentence(each) for each in (*row.notes, *row.warnings))
    yield from row.numbers
    yield "" if row.proposal is None else topic.word(row.proposal).label()
    yield "" if row.confidence is None else f"{row.confidence:.0%}"
    yield " / ".join(sentence(each) for each in say(row.evidence))
    yield " / ".join(sentence(each) for each in say(row.against))
    yield " / ".join(quotes)
    yield "" if row.said is None or row.said.verdict is None else topic.word(row.said.verdict).label()
    yield "" if row.said is None else row.said.by


def _digest(sheet: Sheet, row: Row) -> str:
    return f"d{sheet.digests[row.id]}"


# -- in ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Decided:
    """What one line decides."""

    row: Row
    verdict: str
    why: str


@dataclass(slots=True)
class _Lines:
    """A file being read."""

    sheet: Sheet
    found: dict[str, Decided] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    overtaken: list[str] = field(default_factory=list)

    def take(self, line: Mapping[str, str | None], number: int) -> None:
        """One line; one without a decision says nothing."""
        name, digest, decision, why = (_plain(line.get(column)) for column in READ)
        row = self.sheet.by_id.get(name)
        if not decision:
            return
        verdict = verdict_of(self.sheet.topic, decision)
        if verdict is None:
            known = ", ".join(word.verdict for word in self.sheet.topic.words)
            self.wrong.append(
                _("line {line}: `{word}` is none of {known}").format(line=number, word=decision[:20], known=known)
            )
        elif row is None:
            self.wrong.append(_("line {line}: there is no row {id}").format(line=number, id=name[:20]))
        elif name in self.found:
            self.wrong.append(_("line {line}: this row is decided further up").format(line=number))
        elif not self.sheet.topic.fits(row, verdict):
            self.wrong.append(_("line {line}: nothing is proposed, so nothing can be right").format(line=number))
        elif digest != _digest(self.sheet, row):
            self.overtaken.append(str(number))
        else:
            self.found[name] = Decided(row, verdict, why)


def read(file: Path, topics: Iterable[Topic], sheet_of: Callable[[Topic], Sheet]) -> tuple[Sheet, list[Decided]]:
    """The decisions of a file, and the rows that they are about; of which topic it is, its ids tell.

    Raises UsageError that names every line that is wrong, or about which somebody has decided since it was written.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(Reason("sheet.unreadable", file=str(file), answer=error.strerror)) from error
    lines = csv.DictReader(io.StringIO(_text(data, file), newline=""))
    missing = [name for name in READ if name not in (lines.fieldnames or ())]
    if missing:
        raise UsageError(Reason("sheet.column-missing", file=str(file), column=missing[0]))
    try:
        every = [(lines.line_num, line) for line in lines]
    except csv.Error as error:
        raise UsageError(Reason("sheet.no-csv", file=str(file), line=lines.line_num, answer=str(error))) from error
    letter = next((_plain(line["id"])[:1] for _number, line in every if line["id"]), "")
    topic = next((each for each in topics if letter and letter in each.letters), None)
    if topic is None:
        raise UsageError(Reason("sheet.no-topic", file=str(file)))
    taking = _Lines(sheet_of(topic))
    for number, line in every:
        taking.take(line, number)
    if taking.wrong:
        told = "; ".join(taking.wrong[:20])
        raise UsageError(Reason("sheet.wrong", file=str(file), many=len(taking.wrong), lines=told))
    if taking.overtaken:
        told = ", ".join(taking.overtaken[:20])
        raise UsageError(Reason("sheet.overtaken", file=str(file), many=len(taking.overtaken), lines=told))
    return taking.sheet, list(taking.found.values())


def verdict_of(topic: Topic, text: str) -> str | None:
    """The verdict that somebody wrote: by its name, or as it is called on the page in any of our languages."""
    for word in topic.words:
        if text.casefold() in {word.verdict, *(spoken_in(lang, word.label).casefold() for lang in LANGUAGES)}:
            return word.verdict
    return topic.heard(text)


def _plain(cell: str | None) -> str:
    """A cell without the apostrophe that keeps it from being computed."""
    text = (cell or "").strip()
    return text[1:] if text.startswith("'") and computed(text[1:]) else text


def _text(data: bytes, file: Path) -> str:
    """UTF-8, or what Excel in Japan saves when nobody tells it otherwise."""
    for charset in ("utf-8-sig", "cp932"):
        try:
            return data.decode(charset)
        except UnicodeDecodeError:
            continue
    raise UsageError(Reason("sheet.charset", file=str(file)))
