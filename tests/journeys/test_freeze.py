"""A load that is frozen (SIGSTOP) beyond its lease, taken over, and woken again: nothing is lost, and what it still
sends is found and taken back."""

import signal
import sqlite3
import subprocess
import time
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from tests.journeys.journey import Journey, digest
from tests.journeys.test_kill import DOUBTS, Databases, Watch, databases
from tests.servers.dovecot import Dovecot

__all__ = ["databases"]

SHORT_LEASE = """
from migrator.staging import locks
locks.LEASE = 1.5
from migrator.cli import main
raise SystemExit(main())
"""
LANES, BATCH = 4, 100
MAILS, SIZE = 120, 150_000
"""Large enough for a batch to be on its way for a while."""


def store(root: Path) -> Counter[str]:
    """The digest of every mail, as it will arrive."""
    sent: Counter[str] = Counter()
    (root / "sato" / "受信箱").mkdir(parents=True)
    for number in range(MAILS):
        data = f"Message-ID: <{number}@old>\r\nSubject: {number}\r\n\r\n".encode() + b"x" * SIZE + b"\r\n"
        (root / "sato" / "受信箱" / f"{number}.eml").write_bytes(data)
        sent[digest(data)] += 1
    return sent


def free(journey: Journey) -> bool:
    """Nobody is in the midst of writing to staging."""
    try:
        if journey.url.startswith("sqlite"):
            connection = sqlite3.connect(journey.folder / "staging.db", isolation_level=None, timeout=0)
            try:
                connection.execute("BEGIN IMMEDIATE")
            finally:
                connection.close()
        else:
            with psycopg.connect(journey.url.replace("+psycopg", "")) as server:
                server.execute("SELECT * FROM lease FOR UPDATE NOWAIT")
    except (sqlite3.OperationalError, psycopg.errors.LockNotAvailable):
        return False
    return True


def freeze(journey: Journey, watch: Watch) -> "subprocess.Popen[str]":
    """A load that stands still while mail is on its way, and whose lease has run out."""
    load = journey.start("load", "new", program=SHORT_LEASE)
    while load.poll() is None:
        if watch.ask(DOUBTS.format(since=0)):
            load.send_signal(signal.SIGSTOP)
            if watch.ask(DOUBTS.format(since=0)) and free(journey):
                while watch.ask("SELECT max(deadline) FROM lease") > time.time() * 1_000_000:
                    time.sleep(0.05)
                return load
            load.send_signal(signal.SIGCONT)
        time.sleep(0.001)
    raise AssertionError("the load was done before it could be frozen")


@pytest.mark.dovecot
def test_a_load_that_was_frozen_and_taken_over_sends_at_most_a_batch_a_lane_which_settle_takes_back(
    dovecot_sdbox: Dovecot, databases: Databases, tmp_path: Path
) -> None:
    sent = store(tmp_path / "old")
    source = {"adapter": "eml", "root": tmp_path / "old"}
    with databases() as url:
        accounts = {"sato": dovecot_sdbox.account()}
        journey = Journey(tmp_path / "move", dovecot_sdbox, source, accounts, url=url)
        journey.run("extract")
        load = freeze(journey, Watch(journey))
        journey.run("load", "new")
        assert sent - journey.arrived() == Counter()
        load.send_signal(signal.SIGCONT)
        _, said = load.communicate(timeout=60)
        assert load.returncode == 1, said
        arrived = journey.arrived()
        assert sent - arrived == Counter()
        surplus = (arrived - sent).total()
        assert surplus <= LANES * BATCH
        kinds = Counter(each["kind"] for each in journey.json("verify", "new", code=None)["findings"])
        assert kinds == Counter({"extra": surplus} if surplus else {})
        journey.run("settle", "new", code=1 if surplus else 0)
        assert journey.arrived() == arrived
        journey.run("settle", "new", "--yes")
        assert journey.arrived() == sent
        assert journey.json("verify", "new")["findings"] == []
        assert journey.json("ledger", "new")["closed"]
