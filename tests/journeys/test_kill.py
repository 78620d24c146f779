"""kill -9 at random moments of extract and load, and at once again: every mail arrives exactly once."""

import random
from collections import Counter
from pathlib import Path

import pytest

from migrator.demo.store import Planted, build
from tests.journeys.journey import digest
from tests.journeys.test_demo_store import journey_of
from tests.servers.dovecot import Dovecot

KILLS = 4
"""Of each step, at most: a step that is done before it can be killed ends the series."""


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    return build(tmp_path / "old")


@pytest.mark.dovecot
@pytest.mark.timeout(600)
def test_killed_again_and_again_every_mail_arrives_exactly_once(
    planted: Planted, dovecot_sdbox: Dovecot, staging_url: str, tmp_path: Path
) -> None:
    journey = journey_of(planted, dovecot_sdbox, tmp_path, staging_url, late_commit=0.3)
    chance = random.Random()
    killed = Counter(
        {
            step: sum(journey.kill_after(chance.uniform(0.7, 2.5), *words) == -9 for _ in range(KILLS))
            for step, words in {"extract": ("extract",), "load": ("load", "new")}.items()
        }
    )
    journey.run("extract", code=None)
    journey.run("load", "new")
    parked = {line["sha256"] for line in journey.lines("list", "--decision", "park")}
    expected = Counter(
        digest((planted.root / path).read_bytes()) for path, sha in planted.mails.items() if sha not in parked
    )
    assert journey.arrived() == expected, f"after {dict(killed)} kills"
    assert killed["extract"] + killed["load"] > 0, "nothing was killed: the machine is faster than this test"
    assert journey.json("verify", "new", "--bodies", "all")["findings"] == []
    assert journey.json("ledger", "new")["closed"]
    runs = journey.json("runs")
    assert {each["outcome"] for each in runs if each["step"] == "load"} <= {"done", "killed"}
