"""What is signed is a digest of every row with its proposal and decision; what changes later reopens it by itself.

Whoever sees all accounts signs whole topics. Whoever sees some signs, within their *scope*, the rows that concern no
account but those; a change elsewhere does not reopen that. A row is signed where one sign-off that stands has it as it
is, whoever gave that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from migrator.review.desk import Desk
from migrator.review.door import Visitor
from migrator.review.sheets import Sheet, tally, wholly
from migrator.review.topic import Row, Topic
from migrator.staging.books import ALL, Signoff, signoffs


def scope_of(visitor: Visitor) -> tuple[str, ...]:
    """What a sign-off of this person is about."""
    return ALL if "*" in visitor.accounts else tuple(sorted(set(visitor.accounts)))


def within(sheet: Sheet, scope: tuple[str, ...]) -> list[Row]:
    """The rows that concern no other accounts."""
    return [row for row in sheet.rows if wholly(row, scope)]


def digest(rows: Mapping[str, str]) -> str:
    """Of all these rows."""
    return sha256("".join(f"{name}{rows[name]}" for name in sorted(rows)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a topic is signed within a scope, and what has changed since."""

    digest: str
    """Of its rows as they are now."""
    rows: Mapping[str, str]
    needs: Mapping[str, str]
    """The digests, as they are now and within the scope, of the topics on which this one rests."""
    signed: Signoff | None = None
    """The newest sign-off of this scope, or else one of a part of it, or of more."""
    own: bool = False
    """That it is of this very scope."""
    changed: frozenset[str] = field(default=frozenset())
    """Rows that are new or otherwise than they were signed."""
    gone: int = 0
    """Rows that were signed and are no more."""
    reopened_by: tuple[str, ...] = ()
    """Topics it rests on that are otherwise than they were then."""

    @property
    def state(self) -> str:
        """open, signed, partly (others have signed some of it), or reopened."""
        if self.signed is None:
            return "open"
        if self.changed or self.gone or self.reopened_by:
            return "reopened" if self.own else "partly"
        return "signed"


class Standings:
    """How the topics stand, in whatever scope."""

    def __init__(self, desk: Desk, topics: Mapping[str, Topic]) -> None:
        self._desk = desk
        self._topics = topics
        self._signed = signoffs(desk.staging)
        self._rows: dict[tuple[str, tuple[str, ...]], dict[str, str]] = {}
        self._digests: dict[tuple[str, tuple[str, ...]], str] = {}

    def of(self, name: str, scope: tuple[str, ...]) -> Standing:
        """One topic."""
        rows, needs = self._within(name, scope), self._needs(name, scope)
        newest: dict[tuple[str, ...], Signoff] = {}
        for each in self._signed.get(name, ()):
            newest.setdefault(each.scope, each)
        own = newest.get(scope)
        standing = [each for each in newest.values() if self._stale(name, each) == ()]
        signed = {row for each in standing for row, its in each.rows.items() if rows.get(row) == its}
        others = [each for each in newest.values() if not each.rows.keys().isdisjoint(rows)]
        last = own or max(others, key=lambda each: each.at, default=None)
        if last is None or (own is None and not signed):
            return Standing(self._digest(name, scope), rows, needs)
        stale = self._stale(name, last) if own and not (rows and signed >= rows.keys()) else ()
        was = own.rows.keys() if own else set[str]()
        changed = {row for row in rows.keys() - signed if not stale or last.rows.get(row) != rows[row]}
        return Standing(
            self._digest(name, scope),
            rows,
            needs,
            last,
            own is not None,
            frozenset(changed),
            len(was - rows.keys()),
            stale,
        )

    def _stale(self, name: str, signed: Signoff) -> tuple[str, ...]:
        """The topics that have changed, within its scope, since it was given."""
        now = self._needs(name, signed.scope)
        return tuple(need for need, its in now.items() if signed.needs.get(need) != its)

    def _needs(self, name: str, scope: tuple[str, ...]) -> dict[str, str]:
        return {need: self._digest(need, scope) for need in self._topics[name].needs if need in self._topics}

    def _digest(self, name: str, scope: tuple[str, ...]) -> str:
        if (name, scope) not in self._digests:
            self._digests[name, scope] = digest(self._within(name, scope))
        return self._digests[name, scope]

    def _within(self, name: str, scope: tuple[str, ...]) -> dict[str, str]:
        if (name, scope) not in self._rows:
            sheet = self._desk.sheet(self._topics[name])
            self._rows[name, scope] = {row.id: sheet.digests[row.id] for row in within(sheet, scope)}
        return self._rows[name, scope]


def standings(desk: Desk, topics: Mapping[str, Topic], scope: tuple[str, ...] = ALL) -> dict[str, Standing]:
    """How each topic stands within a scope."""
    them = Standings(desk, topics)
    return {name: them.of(name, scope) for name in topics}


def may_be_signed(topic: Topic, rows: Iterable[Row]) -> bool:
    """A starred topic only when every row is decided; in any other an undecided row says that nothing is withheld."""
    return not topic.starred or tally(rows).open == 0
