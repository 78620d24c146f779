"""What is read off real mail is what others have read off it.

expected.csv names a witness for each fact: doveadm (Dovecot 2.3 fetch: hdr.subject.utf8, hdr.from.utf8, date.sent,
imap.bodystructure), nkf (2.1.5 -w), or bytes: read by a person, where the others gave up or do not judge. Blanks at the
end of a value do not count. Dates are UTC; empty is none that is plausible.
"""

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from migrator.mail import attachment_names, envelope, health, split

WITNESSES = {"doveadm", "nkf", "bytes"}


def table() -> dict[str, dict[str, str]]:
    facts: dict[str, dict[str, str]] = {}
    for row in rows():
        facts.setdefault(row["file"], {})[row["fact"]] = row["value"]
    return facts


def rows() -> Iterator[dict[str, str]]:
    with Path(__file__).with_name("expected.csv").open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def read_off(data: bytes) -> dict[str, str]:
    head, body = split(data)
    facts = envelope(head)
    return {
        "health": health(head, body, len(data)),
        "subject": facts.subject,
        "from": facts.from_,
        "date": _utc(facts.date),
        "names": json.dumps(attachment_names(data), ensure_ascii=False),
    }


def _utc(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


EXPECTED = table()


@pytest.mark.parametrize("name", EXPECTED)
def test_what_is_read_off_a_fixture_is_what_its_witness_says(corpora: Path, name: str) -> None:
    found = read_off((corpora / "fixtures" / name).read_bytes())
    assert {fact: found[fact] for fact in EXPECTED[name]} == EXPECTED[name]


def test_every_fixture_has_its_expectations_and_every_value_a_witness(corpora: Path) -> None:
    root = corpora / "fixtures"
    assert {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()} == set(EXPECTED)
    assert {row["witness"] for row in rows()} == WITNESSES
