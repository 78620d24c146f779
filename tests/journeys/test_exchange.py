"""A whole migration to Exchange as an administrator does it, on a server that fails in every way it knows, and killed
in between: every mail arrives once, by the server's own memory."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from migrator.testing import mail
from tests.journeys.journey import PROGRAM
from tests.servers.exchange import ALICE, PASSWORD, SERVICE, Exchange, server
from tests.servers.exchange.faults import Busy, BusyInside, Dropped, Fault, Late, Lost, Truncated, Unavailable

MAILS = 1000
KILLED_AT = 22
"""The CreateItem after which the first load is killed."""

SETTINGS = """
[staging]
url = "sqlite:///staging.db"

[source]
adapter = "maildir"
root = {root}

[targets.new]
adapter = "exchange"
endpoint = {endpoint}
auth = "basic"
user = {user}
password = {{ env = "NEW_PASSWORD" }}
late_commit = 0.5
patience = 60

[accounts]
one = {address}
"""


@dataclass
class Office:
    """A migration folder beside a server."""

    folder: Path
    exchange: Exchange

    def start(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words],
            cwd=self.folder,
            env=os.environ | {"NEW_PASSWORD": PASSWORD, "MIGRATOR_LANG": "en"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, code: int = 0) -> str:
        with self.start(*words) as process:
            out, err = process.communicate(timeout=280)
        assert process.returncode == code, f"{words}: exit {process.returncode}\n{out}\n{err}"
        return out

    def kill_load(self) -> None:
        """kill -9, in the midst of it."""
        with self.start("load", "new") as process:
            while len(self.exchange.asked("CreateItem")) < KILLED_AT:
                assert process.poll() is None, process.communicate()
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            process.communicate()

    def arrived(self) -> Counter[str]:
        return Counter(item.facts.message_id for item in self.exchange[ALICE].items.values())


def office(folder: Path, exchange: Exchange, mails: int) -> Office:
    """With so many mails in one account's Maildir, staged."""
    for name in ("cur", "new", "tmp"):
        (folder / "old/one/Maildir" / name).mkdir(parents=True)
    for number in range(mails):
        path = folder / f"old/one/Maildir/cur/{1257120000 + number}.M{number}.host:2,{'S' if number % 2 else ''}"
        path.write_bytes(mail(f"m{number}", b"line\r\n" * 20))
    (folder / "migration.toml").write_text(
        SETTINGS.format(
            root=json.dumps(str(folder / "old")),
            endpoint=json.dumps(exchange.url),
            user=json.dumps(SERVICE),
            address=json.dumps(ALICE),
        )
    )
    made = Office(folder, exchange)
    made.run("extract")
    return made


def faults() -> list[Fault]:
    """22 of 7 kinds."""
    return [
        Lost({3, 14, 27, 41}),
        Truncated({5, 18, 33}),
        Unavailable({7, 21, 36}),
        Busy({9, 24, 39}, milliseconds=200),
        Dropped({11, 29, 44}),
        BusyInside({12, 31, 46}, after=10),
        Late({16, 25, 47}, seconds=0.3),
    ]


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with server() as running:
        yield running


def test_a_thousand_mails_arrive_once_through_faults_of_every_kind_and_a_kill(
    tmp_path: Path, exchange: Exchange
) -> None:
    here = office(tmp_path, exchange, MAILS)
    exchange.script(*faults())
    here.kill_load()
    here.run("load", "new")
    wanted = Counter(f"<m{number}@example.co.jp>" for number in range(MAILS))
    assert here.arrived() == wanted
    fired = exchange.fired
    assert sum(fired.values()) >= 16
    assert len([kind for kind, times in fired.items() if times]) >= 5
    asked = len(exchange.asked("CreateItem"))
    here.run("load", "new")
    assert len(exchange.asked("CreateItem")) == asked
    assert exchange.invalid_requests == []
    assert exchange.receipts == []
    inbox = exchange[ALICE].held(exchange[ALICE].role("inbox").id)
    assert Counter(item.read for item in inbox) == {True: MAILS // 2, False: MAILS // 2}
    assert not any(item.draft for item in inbox)


def test_verify_finds_nothing_but_what_somebody_changed(tmp_path: Path, exchange: Exchange) -> None:
    """Every mail comes back in other bytes, and none is a finding; a mail with another text, or gone, is."""
    here = office(tmp_path, exchange, 12)
    told = here.run("check", "new", code=1)
    assert "exchange.cleaning-untold" in told
    here.run("load", "new")
    here.run("verify", "new")
    here.run("ledger", "new")
    mailbox = exchange[ALICE]
    first, second, *_ = mailbox.held(mailbox.role("inbox").id)
    first.raw = first.raw.replace(b"line\r\n", b"lime\r\n")
    mailbox.remove(second)
    out = here.run("verify", "new", code=1)
    assert "changed" in out
    assert "missing" in out


def test_undo_takes_back_what_nobody_touched_and_sends_no_receipt(tmp_path: Path, exchange: Exchange) -> None:
    here = office(tmp_path, exchange, 6)
    here.run("load", "new")
    inbox = exchange[ALICE].role("inbox").id
    touched, *_ = exchange[ALICE].held(inbox)
    touched.read = not touched.read
    newest = max(run["run"] for run in json.loads(here.run("runs", "--json")))
    here.run("undo", str(newest), "--yes", code=1)
    assert exchange[ALICE].held(inbox) == [touched]
    assert exchange.receipts == []
    assert exchange.invalid_requests == []
