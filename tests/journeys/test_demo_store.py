"""The demo's groupware into a real Dovecot: everything planted arrives, what is broken is named, nothing else moves."""

from collections import Counter
from pathlib import Path

import pytest

from migrator.demo.store import Planted, build
from tests.journeys.journey import Journey, digest, tree
from tests.servers.dovecot import Dovecot


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    return build(tmp_path / "old")


def journey_of(planted: Planted, dovecot: Dovecot, folder: Path, url: str, late_commit: float = 0.5) -> Journey:
    accounts = {name: dovecot.account() for name in planted.accounts}
    accounts[""] = dovecot.account()
    source = {"adapter": "groupware", "mapping": "kyoyu-mail", "root": planted.root}
    return Journey(folder / "move", dovecot, source, accounts, url=url, late_commit=late_commit)


@pytest.mark.dovecot
def test_everything_planted_arrives_byte_for_byte_and_a_second_run_moves_nothing(
    planted: Planted, dovecot_maildir: Dovecot, staging_url: str, tmp_path: Path
) -> None:
    journey = journey_of(planted, dovecot_maildir, tmp_path, staging_url)
    before = tree(planted.root)
    journey.run("extract", code=1)
    assert len(journey.lines("faults")) == planted.faults
    parked = {line["sha256"] for line in journey.lines("list", "--decision", "park")}
    journey.run("judge")
    journey.run("load", "new")
    expected = Counter(
        digest((planted.root / path).read_bytes()) for path, sha in planted.mails.items() if sha not in parked
    )
    assert journey.arrived() == expected
    seen = journey.json("verify", "new", "--bodies", "all")
    assert seen["findings"] == []
    assert seen["identical"] == seen["checked"] == expected.total()
    account = journey.json("ledger", "new")
    assert account["closed"]
    assert account["totals"]["found"] == len(planted.mails) + planted.faults + planted.not_mail
    journey.run("extract", code=None)
    journey.run("load", "new")
    assert journey.arrived() == expected
    assert tree(planted.root) == before
