"""What many hosts share: a clock, slots, and a queue that only PostgreSQL has."""

from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import pytest

from migrator.errors import UsageError
from migrator.staging import hosts
from migrator.staging.store import Staging


def test_a_staging_in_sqlite_has_no_queue(tmp_path: Path) -> None:
    with Staging.open("sqlite:///staging.db", folder=tmp_path) as staging, pytest.raises(UsageError) as raised:
        hosts.queue_room(staging, "fleet", "")
    assert raised.value.reason.code == "fleet.needs-postgresql"


@pytest.mark.postgresql
def test_of_one_slot_two_hosts_have_it_one_after_the_other(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "ASKED", 0.02)
    got = Event()

    def second() -> None:
        with Staging.open(postgres_url) as there, hosts.slot(there, "new", 1, Event()) as ours:
            assert ours
            got.set()

    waiting = Thread(target=second)
    with Staging.open(postgres_url) as here:
        with hosts.slot(here, "new", 1, Event()) as ours:
            assert ours
            waiting.start()
            assert not got.wait(0.5)
        assert got.wait(10)
    waiting.join()


@pytest.mark.postgresql
def test_who_waits_for_a_slot_can_be_told_to_end(postgres_url: str) -> None:
    stop = Event()
    stop.set()
    with Staging.open(postgres_url) as staging, hosts.slot(staging, "new", 1, stop) as ours:
        assert not ours


@pytest.mark.postgresql
def test_a_pause_ends_by_the_clock_of_the_database(postgres_url: str) -> None:
    with Staging.open(postgres_url) as staging:
        before = hosts.later(staging, 0)
        assert 59 < (hosts.later(staging, 60) - before).total_seconds() < 70
    assert before.tzinfo is UTC
    assert abs((datetime.now(UTC) - before).total_seconds()) < 60
