"""What people have decided and migration.toml does not say yet, as lines for whoever runs the migration to write there.

The page never writes a setting: whoever may decide about a row could else send an account's mail into another mailbox.
What it can do is stop a load (runbooks/decisions.md).
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping

from migrator.errors import Reason
from migrator.review.desk import Desk
from migrator.review.topic import WRONG, Row, Topic
from migrator.staging.store import Staging
from migrator.text import shown


def unsettled(desk: Desk, topics: Iterable[Topic], accounts: Collection[str] | None = None) -> dict[str, list[Row]]:
    """Those rows by table, of these accounts or of all."""
    found = {}
    for topic in topics:
        rows = [row for row in desk.sheet(topic).rows if row.unsettled]
        found[topic.table] = [row for row in rows if accounts is None or not row.accounts.isdisjoint(accounts)]
    return {table: rows for table, rows in found.items() if rows}


def asked_about(staging: Staging, topics: Iterable[Topic]) -> list[Topic]:
    """Topics of which migration.toml has a table, and somebody has said something."""
    return [topic for topic in topics if topic.table and topic.book(staging).in_force()]


def reasons(found: Mapping[str, Collection[Row]]) -> Iterator[Reason]:
    """What to do about them."""
    return (Reason("review.unsettled", table=f"[{table}]", n=len(rows)) for table, rows in found.items())


def lines(rows: Iterable[Row]) -> list[str]:
    """A line a row as migration.toml has it; a remark where nobody has said what would be right."""
    return [_line(row) for row in rows if row.said is not None]


def _line(row: Row) -> str:
    assert row.said is not None
    assert row.said.verdict is not None
    assert row.setting is not None
    who = shown(f"{row.said.by}: {row.said.why}" if row.said.why else row.said.by)
    if row.said.verdict == WRONG.verdict:
        return f"# {_quoted(row.setting)} = ?   # {who}"
    return f"{_quoted(row.setting)} = {_quoted(row.said.verdict)}   # {who}"


def _quoted(text: str) -> str:
    """A basic string of TOML; what no screen shows as it is is written by its number."""
    return "".join(
        each if shown(each) == each and each != "\x7f" else f"\\U{ord(each):08x}"
        for each in json.dumps(text, ensure_ascii=False)
    )
