"""Whether people have decided and signed what a wave rests on."""

from collections.abc import Collection, Iterator, Mapping

from migrator.errors import Reason
from migrator.review.desk import Desk
from migrator.review.sheets import tally
from migrator.review.signing import Standings
from migrator.review.topic import Row, Topic
from migrator.staging.books import ALL


def undecided(desk: Desk, topics: Mapping[str, Topic], accounts: Collection[str]) -> Iterator[Reason]:
    """The starred topics in which something about these accounts is not decided."""
    for topic in topics.values():
        if topic.starred and (left := tally(_about(desk, topic, accounts)).open):
            yield Reason("wave.undecided", topic=topic.title(), n=left)


def unsigned(
    desk: Desk, topics: Mapping[str, Topic], names: Collection[str], accounts: Collection[str]
) -> Iterator[Reason]:
    """Those of these topics in which nobody has signed something about these accounts as it is now."""
    standings = Standings(desk, topics)
    for name in names:
        its = standings.of(name, ALL)
        rows = _about(desk, topics[name], accounts)
        if its.signed is not None and not its.reopened_by:
            rows = [row for row in rows if row.id in its.changed]
        if rows:
            yield Reason("wave.unsigned", topic=topics[name].title(), n=len(rows))


def mapped(topics: Mapping[str, Topic]) -> list[str]:
    """The topics that say where everything goes."""
    return [name for name, topic in topics.items() if topic.table]


def _about(desk: Desk, topic: Topic, accounts: Collection[str]) -> list[Row]:
    return [row for row in desk.sheet(topic).rows if not row.accounts.isdisjoint(accounts)]
