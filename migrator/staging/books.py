"""What people say on the review page, written down so that nobody overwrites another unseen; and what they sign.

A *book* holds one kind of decision: on senders and on mails (`decision` rows, as the commands write them), or on the
rows of one topic (`ruling`). Whoever decides says up to which number he has read; where somebody wrote later about the
same subject, nothing at all is written.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, func, insert, select
from typing_extensions import override

from migrator.staging import tables
from migrator.staging.opinions import Unit, deciding
from migrator.staging.states import TAKEN_BACK
from migrator.staging.store import Staging, now, take_ids

Subject = str | int | Unit
"""What a decision is about: a sender or list or its orders, a mail's artefact, or a row's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One decision. `verdict` is None where it takes back those before it; `about` is a digest of what was proposed,
    empty where the decision holds whatever is proposed."""

    number: int
    subject: Subject
    verdict: str | None
    by: str
    why: str
    at: datetime
    about: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """The decisions of one act: by its first and last number, and how many."""

    first: int
    last: int
    many: int


@dataclass(frozen=True, slots=True)
class Overtaken:
    """Nothing was written: somebody has decided about these meanwhile."""

    subjects: frozenset[Subject]


class Book:
    """One kind of decision, oldest first; it only grows, and the newest about a subject counts."""

    def __init__(self, staging: Staging, table: Table, subject: str, **fixed: str) -> None:
        self._staging = staging
        self._table = table
        self._subject = subject
        self._fixed = fixed
        self._about = "about" in table.c

    def newest(self) -> int:
        """The highest number so far, in whatever book of this kind; 0 before the first."""
        with self._staging.reading() as connection:
            return int(connection.execute(select(func.coalesce(func.max(self._table.c.id), 0))).scalar_one())

    def last(self) -> int:
        """The highest number of a decision in this book alone; 0 before the first."""
        numbers = self._rows().order_by(None).with_only_columns(func.coalesce(func.max(self._table.c.id), 0))
        with self._staging.reading() as connection:
            return int(connection.execute(numbers).scalar_one())

    def in_force(self) -> dict[Subject, Said]:
        """The newest decision about each subject, those taken back too."""
        with self._staging.reading() as connection:
            return {said.subject: said for said in self._read(connection, self._rows())}

    def of(self, subject: Subject) -> list[Said]:
        """Every decision about one subject, the newest first."""
        with self._staging.reading() as connection:
            found = self._read(connection, self._rows().where(*self._are(self._values(subject))))
            return list(found)[::-1]

    def write(
        self,
        verdicts: Mapping[Subject, str],
        *,
        by: str,
        why: str,
        seen: int,
        about: Mapping[Subject, str] | None = None,
    ) -> Span | Overtaken:
        """All of these decisions, or none where somebody decided about one of them after the number `seen`."""
        said = [(subject, verdict, why) for subject, verdict in verdicts.items()]
        return self.write_each(said, by=by, seen=seen, about=about)

    def write_each(
        self,
        said: Sequence[tuple[Subject, str, str]],
        *,
        by: str,
        seen: int,
        about: Mapping[Subject, str] | None = None,
    ) -> Span | Overtaken:
        """As `write`, each with a reason of its own."""
        with deciding(self._staging) as connection:
            if overtaken := self._since(connection, seen) & {subject for subject, _, _ in said}:
                return Overtaken(frozenset(overtaken))
            return self._insert(connection, said, by, about or {})

    def undo(self, span: Span, *, by: str) -> Span | Overtaken:
        """Write again what was said before this act of the same person, where nobody spoke since."""
        its = self._table.c
        with deciding(self._staging) as connection:
            mine = self._rows().where(its.id.between(span.first, span.last), its.by == by)
            done = {said.subject: said for said in self._read(connection, mine)}
            if overtaken := self._since(connection, span.last) & done.keys():
                return Overtaken(frozenset(overtaken))
            earlier = self._read(connection, self._rows().where(its.id < span.first))
            before = {said.subject: said for said in earlier if said.subject in done}
            said, about = [], {}
            for subject in done:
                was = before.get(subject)
                said.append((subject, TAKEN_BACK if was is None else was.verdict or TAKEN_BACK, was.why if was else ""))
                about[subject] = was.about if was else ""
            return self._insert(connection, said, by, about)

    def _rows(self) -> Select[Any]:
        return select(self._table).where(*self._are(self._fixed)).order_by(self._table.c.id)

    def _are(self, values: Mapping[str, Any]) -> Iterator[ColumnElement[bool]]:
        return (self._table.c[name] == value for name, value in values.items())

    def _values(self, subject: Subject) -> dict[str, Any]:
        """The columns that name a subject."""
        return {**self._fixed, self._subject: subject}

    def _subject_of(self, row: Row[Any]) -> Subject:
        subject: Subject = row._mapping[self._subject]
        return subject

    def _read(self, connection: Connection, query: Select[Any]) -> Iterator[Said]:
        return map(self._said, connection.execute(query))

    def _said(self, row: Row[Any]) -> Said:
        return Said(
            number=row.id,
            subject=self._subject_of(row),
            verdict=None if row.verdict == TAKEN_BACK else row.verdict,
            by=row.by,
            why=row.why,
            at=row.at,
            about=row.about if self._about else "",
        )

    def _since(self, connection: Connection, seen: int) -> set[Subject]:
        """What somebody has decided about after this number."""
        return {said.subject for said in self._read(connection, self._rows().where(self._table.c.id > seen))}

    def _insert(
        self, connection: Connection, said: Iterable[tuple[Subject, str, str]], by: str, about: Mapping[Subject, str]
    ) -> Span | Overtaken:
        at = now()
        rows = [
            {**self._values(subject), "verdict": verdict, "by": by, "why": why, "at": at}
            | ({"about": about.get(subject, "")} if self._about else {})
            for subject, verdict, why in said
        ]
        if not rows:
            return Span(0, 0, 0)
        numbers = take_ids(connection, self._table, len(rows))
        connection.execute(
            insert(self._table), [{"id": number, **row} for number, row in zip(numbers, rows, strict=True)]
        )
        return Span(min(numbers), max(numbers), len(rows))


class _Units(Book):
    """Senders and lists, and their orders by themselves."""

    @override
    def _rows(self) -> Select[Any]:
        return super()._rows().where(self._table.c.scope.in_(("sender", "orders")))

    @override
    def _values(self, subject: Subject) -> dict[str, Any]:
        if not isinstance(subject, Unit):
            raise TypeError(subject)
        return {"scope": subject.scope, "sender": subject.stream}

    @override
    def _subject_of(self, row: Row[Any]) -> Subject:
        return Unit(row.sender, orders=row.scope == "orders")


def senders_book(staging: Staging) -> Book:
    """Decisions on senders and lists, for mail that comes later too."""
    return _Units(staging, tables.decision, "sender")


def mails_book(staging: Staging) -> Book:
    """Decisions on single mails, by their artefacts."""
    return Book(staging, tables.decision, "artefact_id", scope="item")


def row_id(letter: str, *names: str) -> str:
    """The id of the row that these names stand for."""
    return letter + sha256("\0".join(names).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def rulings_book(staging: Staging, topic: str) -> Book:
    """Decisions on the rows of one topic."""
    return Book(staging, tables.ruling, "row", topic=topic)


# -- sign-offs -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Signoff:
    """A topic as somebody signed it, all of it or what concerns only these accounts: the digest of that, of each row by
    its id, and of the topics it rests on."""

    topic: str
    digest: str
    rows: Mapping[str, str]
    needs: Mapping[str, str]
    scope: tuple[str, ...]
    """Accounts: names or globs."""
    by: str
    at: datetime


ALL = ("*",)
"""The scope of whoever sees everything."""


def sign(
    staging: Staging,
    topic: str,
    *,
    digest: str,
    rows: Mapping[str, str],
    needs: Mapping[str, str],
    by: str,
    scope: tuple[str, ...] = ALL,
) -> None:
    """Write down that this person signs this."""
    said = {"topic": topic, "digest": digest, "rows": dict(rows), "needs": dict(needs), "scope": list(scope)}
    values = {**said, "by": by, "at": now()}
    with staging.writing() as connection:
        connection.execute(insert(tables.signoff).values(**values))


def signoffs(staging: Staging) -> dict[str, list[Signoff]]:
    """Every sign-off by topic, the newest first."""
    its = tables.signoff.c
    found: dict[str, list[Signoff]] = {}
    with staging.reading() as connection:
        for row in connection.execute(select(tables.signoff).order_by(its.id.desc())):
            said = {name: row._mapping[name] for name in ("topic", "digest", "rows", "needs", "by", "at")}
            found.setdefault(row.topic, []).append(Signoff(**said, scope=tuple(row.scope)))
    return found
