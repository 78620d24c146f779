"""People who decide as it is proposed, and sign: what a wave asks of them before its mail moves."""

from pathlib import Path

from migrator.cli import console, migration
from migrator.review.desk import by_name
from migrator.review.sheets import tally
from migrator.review.signing import Standings
from migrator.review.topics import TOPICS
from migrator.staging.books import ALL, sign


def sign_everything(folder: Path) -> None:
    """Every row of a starred topic gets a decision, and every topic a signature."""
    console.enter(folder)
    with migration.opened() as (settings, staging):
        desk = migration.desk(settings, staging)
        for topic in TOPICS:
            rows = [row for row in desk.sheet(topic).rows if topic.starred and row.said is None]
            said = {row.subject: row.accepts or row.proposal or topic.words[0].verdict for row in rows}
            about = {row.subject: row.about for row in rows}
            topic.book(staging).write(said, by="kato", why="", seen=topic.book(staging).newest(), about=about)
        standings = Standings(desk, by_name(TOPICS))
        for topic in TOPICS:
            assert not topic.starred or tally(desk.sheet(topic).rows).open == 0, topic.name
            its = standings.of(topic.name, ALL)
            sign(staging, topic.name, digest=its.digest, rows=its.rows, needs=its.needs, by="kato")
