"""What is signed is a digest of every row with its proposal and decision; what changes later reopens it by itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from migrator.review.desk import Desk
from migrator.review.sheets import Sheet, tally
from migrator.review.topic import Topic
from migrator.staging.books import Signoff, signoffs


def digest(rows: Mapping[str, str]) -> str:
    """Of a whole topic."""
    return sha256("".join(f"{name}{rows[name]}" for name in sorted(rows)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a topic is signed, and what has changed since."""

    digest: str
    """Of the topic as it is now."""
    rows: Mapping[str, str]
    needs: Mapping[str, str]
    """The digests, as they are now, of the topics on which this one rests."""
    signed: Signoff | None = None
    changed: frozenset[str] = field(default=frozenset())
    """Rows that are new or otherwise than they were signed."""
    gone: int = 0
    """Rows that were signed and are no more."""
    reopened_by: tuple[str, ...] = ()
    """Topics it rests on that are otherwise than they were then."""

    @property
    def state(self) -> str:
        """open, signed, or reopened."""
        if self.signed is None:
            return "open"
        return "reopened" if self.changed or self.gone or self.reopened_by else "signed"


def standings(desk: Desk, topics: Mapping[str, Topic]) -> dict[str, Standing]:
    """How each topic stands."""
    rows = {name: desk.sheet(topic).digests for name, topic in topics.items()}
    digests = {name: digest(each) for name, each in rows.items()}
    signed = signoffs(desk.staging)
    found = {}
    for name, topic in topics.items():
        needs = {need: digests[need] for need in topic.needs if need in digests}
        last = next(iter(signed.get(name, ())), None)
        if last is None:
            found[name] = Standing(digests[name], rows[name], needs)
            continue
        was = last.rows
        found[name] = Standing(
            digests[name],
            rows[name],
            needs,
            last,
            frozenset(each for each, its in rows[name].items() if was.get(each) != its),
            len(was.keys() - rows[name].keys()),
            tuple(need for need, its in needs.items() if last.needs.get(need) != its),
        )
    return found


def may_be_signed(sheet: Sheet) -> bool:
    """A starred topic only when every row is decided; in any other an undecided row says that nothing is withheld."""
    return not sheet.topic.starred or tally(sheet.rows).open == 0
