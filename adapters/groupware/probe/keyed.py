"""Tables whose keys are the ids of mails: what a program noted about the mails of one file beside it."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.groupware.probe.columns import Dated, dated
from adapters.groupware.probe.draft import Column, TableDraft
from adapters.groupware.probe.families import Table, fill, steps
from adapters.groupware.probe.letters import Letter
from adapters.groupware.probe.proposal import MOST
from adapters.groupware.probe.survey import Survey
from adapters.groupware.rows.dbm import Dbm


@dataclass(slots=True)
class Keyed:
    """Such a table: where its files lie, by account and folder, and its column of dates."""

    table: Table
    path: str
    received: tuple[int, Dated] | None

    def draft(self, accounts: str, folders: str, each: str) -> TableDraft:
        """It as a table of the mapping."""
        form = self.table.form
        rows = {**form.model_dump(exclude_defaults=True), "type": "dbm", "each": each, "optional": True}
        rows["path"] = self.path.replace("{account}", f"{{{accounts}.account}}").replace(
            "{folder}", f"{{{folders}.folder}}"
        )
        columns = {"id": Column(self.table.columns[0])}
        if self.received is not None:
            place, date = self.received
            keys = ("kind", "format", "pattern", "zone")
            read = {key: value for key, value in date.read.model_dump(include={*keys}).items() if value is not None}
            columns["received"] = Column(self.table.columns[place], read, sure=date.share)
        return TableDraft(rows, ["id"], columns=columns)


def pair_tables(survey: Survey) -> Iterator[Table]:
    """Every DBM file as a table of its own."""
    for path, sight in survey.sights.items():
        if isinstance(sight.form, Dbm):
            table = Table(sight.form, sight.columns, steps([path]), [path])
            fill(survey.read, table)
            yield table


def keyed(tables: Sequence[Table], letters: Sequence[Letter], names: Mapping[str, tuple[str, str]]) -> Keyed | None:
    """The table that has the ids of these mails as keys. `names`: file of mails -> account and folder."""
    ids: dict[str, set[str]] = defaultdict(set)
    for letter in letters:
        ids[letter.file].add(letter.id or "")
    found = dict[str, Table]()
    for file, theirs in ids.items():
        for table in tables:
            if len(theirs & {*table.cells(0)}) >= len(theirs) * MOST and len(theirs) <= len(table.rows):
                found.setdefault(file, table)
    told = Counter(_lies(found[file].files[0], *names[file]) for file in found)
    if not told or len(found) < len(ids) * MOST:
        return None
    path, count = told.most_common(1)[0]
    if path is None or count < len(found) * MOST:
        return None
    by_id = {letter.id: letter for letter in letters}
    rows = [row for table in found.values() for row in table.rows]
    forms = Counter(table.form for table in found.values())
    best = next(table for table in found.values() if table.form == forms.most_common(1)[0][0])
    whole = Table(best.form, best.columns, best.steps, [table.files[0] for table in found.values()], rows)
    dates = [
        (place, date)
        for place in range(1, len(whole.columns))
        if (date := dated(whole.cells(place), [_date(by_id.get(row.cells[0])) for row in rows])) is not None
    ]
    return Keyed(whole, path, max(dates, key=lambda each: each[1].agreeing, default=None))


def _date(letter: Letter | None) -> datetime | None:
    return None if letter is None else letter.date


def _lies(path: str, account: str, folder: str) -> str | None:
    """The path with the names of the account and the folder in braces; None where not both are in it."""
    step = path.split("/")
    last, dot, end = step[-1].rpartition(".")
    wanted = "{folder}" if folder else "{account}"
    if last != (folder.replace("/", "#") if folder else account):
        return None
    return "/".join([*("{account}" if part == account else part for part in step[:-1]), wanted + dot + end])
