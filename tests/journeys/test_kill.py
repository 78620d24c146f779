"""kill -9 at the worst moments of extract and load, users at work in between, and at once again: every mail arrives
exactly once, by Dovecot's own count. `make torture` does it until MIGRATOR_TORTURE kills have counted."""

import os
import random
import re
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from typing_extensions import override

from tests.journeys.journey import Journey
from tests.servers.dovecot import Dovecot
from tests.servers.postgres import database

COUNTED = int(os.environ.get("MIGRATOR_TORTURE", "3"))
"""Kills that left a dispatch in doubt or a pass unfinished, on each database."""

MAILS = 900
EQUAL = 0.05
FOLDERS = ("受信箱", "INBOX", "お客様")
"""The first two go to one place."""

DOUBTS = """SELECT count(*) FROM dispatch WHERE id > {since}
    AND NOT EXISTS (SELECT 1 FROM receipt WHERE dispatch_id = dispatch.id)
    AND NOT EXISTS (SELECT 1 FROM refusal WHERE dispatch_id = dispatch.id)
    AND NOT EXISTS (SELECT 1 FROM recall WHERE dispatch_id = dispatch.id)"""
NEWEST = "SELECT coalesce(max(id), 0) FROM dispatch"
UNFINISHED = "SELECT count(*) FROM pass WHERE ended IS NULL AND id IN (SELECT pass_id FROM pass_chunk)"

Databases = Callable[[], AbstractContextManager[str]]


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest) -> Databases:
    """A staging database for each round."""
    if request.param == "sqlite":
        return lambda: nullcontext("sqlite:///staging.db")
    server, template = (request.getfixturevalue(name) for name in ("postgres_server", "postgres_empty_staging"))
    return lambda: database(server, template)


@dataclass
class Watch:
    """Another eye on staging."""

    journey: Journey

    def ask(self, question: str) -> int:
        """A number; 0 as long as there is no such table."""
        with suppress(sqlite3.OperationalError, psycopg.errors.UndefinedTable):
            if self.journey.url.startswith("sqlite"):
                connection = sqlite3.connect(self.journey.folder / "staging.db", isolation_level=None)
            else:
                connection = psycopg.connect(self.journey.url.replace("+psycopg", ""), autocommit=True)
            try:
                return int(connection.execute(question).fetchone()[0])
            finally:
                connection.close()
        return 0


@dataclass
class Figures:
    """What the kills did, and how soon the next run began."""

    in_doubt: int = 0
    unfinished: int = 0
    vain: int = 0
    moved: int = 0
    rounds: int = 0
    resent: int = 0
    pauses: list[float] = field(default_factory=list)

    @override
    def __str__(self) -> str:
        kills = f"{self.counted} kills ({self.in_doubt} left mail in doubt, {self.unfinished} a pass unfinished)"
        rounds = f"{self.vain} more in vain, {self.rounds} rounds of {MAILS} mails"
        users = f"{self.moved} mails moved by users in between, {self.resent} in doubt at the end and sent again"
        return f"{kills}, {rounds}; {users}; the next run after {max(self.pauses):.2f} s at most"

    @property
    def counted(self) -> int:
        return self.in_doubt + self.unfinished

    @property
    def enough(self) -> bool:
        """Of a long series, at least three eighths in doubt and a quarter unfinished."""
        long = COUNTED >= 40
        return self.counted >= COUNTED and not (
            long and (self.in_doubt < COUNTED * 3 / 8 or self.unfinished < COUNTED / 4)
        )


class Round:
    """One store, one mailbox, and kills until everything has arrived."""

    def __init__(self, folder: Path, dovecot: Dovecot, url: str, chance: random.Random, figures: Figures) -> None:
        self.chance, self.figures, self.dovecot = chance, figures, dovecot
        self.owner = dovecot.account()
        self.sent = self._store(folder / "old" / "sato")
        source = {"adapter": "eml", "root": folder / "old"}
        self.journey = Journey(folder / "move", dovecot, source, {"sato": self.owner}, url=url, late_commit=0.3)
        self.watch = Watch(self.journey)
        self.moved = 0

    def _store(self, root: Path) -> Counter[str]:
        sent: Counter[str] = Counter()
        for folder in FOLDERS:
            (root / folder).mkdir(parents=True)
        for number in range(MAILS):
            name = f"<{self.chance.randrange(number) if number and self.chance.random() < EQUAL else number}@old>"
            size = int(name[1:].partition("@")[0]) * 37 % 4000
            text = (
                f"Message-ID: {name}\r\nSubject: {name}\r\nDate: Mon, 2 Nov 2009 09:00:00 +0900\r\n\r\n{'x' * size}\r\n"
            )
            (root / self.chance.choice(FOLDERS) / f"{number}.eml").write_text(text, newline="")
            sent[name] += 1
        return sent

    def kill(self, *words: str, question: str) -> int | None:
        """Start the command, and kill it when the question is answered by more than 0, or a little later; the exit
        code of one that was done before."""
        process = self.journey.start(*words)
        while process.poll() is None and not self.watch.ask(question):
            time.sleep(0.001)
        time.sleep(self.chance.choice([0, self.chance.uniform(0, 0.1)]))
        process.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        process.communicate()
        if process.returncode != -signal.SIGKILL:
            return process.returncode
        if self.watch.ask(DOUBTS.format(since=0)):
            self.figures.in_doubt += 1
        elif self.watch.ask(UNFINISHED):
            self.figures.unfinished += 1
        else:
            self.figures.vain += 1
        if words[0] == "load" and self.chance.random() < 0.5:
            self.move()
        self.figures.pauses.append(time.monotonic() - killed)
        return None

    def move(self) -> None:
        """A user moves ten of the newest mails of the inbox into a folder of their own."""
        for name, client in self.journey.places(self.owner):
            if name == "INBOX":
                client.create("mine")
                client.select("INBOX")
                _, found = client.uid("SEARCH", "ALL")
                newest = found[0].split()[-60:]
                for uid in self.chance.sample(newest, min(10, len(newest))):
                    client.uid("MOVE", uid.decode(), "mine")
                    self.moved += 1

    def run(self) -> None:
        """Killed again and again, and each time begun anew at once."""
        while self.kill("extract", question=UNFINISHED) is None and self.chance.random() < 0.6:
            pass
        self.journey.run("extract")
        for _ in range(4):
            since = self.watch.ask(NEWEST) if self.chance.random() < 0.7 else 0
            if self.kill("load", "new", "--workers", "4", question=DOUBTS.format(since=since)) is not None:
                break
        with self.journey.start("load", "new") as load:
            _, said = load.communicate(timeout=280)
        assert load.returncode == 0 or (
            self.moved and set(re.findall(r"\[([a-z.-]+)\]$", said, re.M)) == {"doubt.left"}
        ), said
        self.check()

    def check(self) -> None:
        in_doubt = self.journey.json("ledger", "new", code=None)["totals"]["in_doubt"]
        arrived = self.arrived()
        assert arrived - self.sent == Counter(), "twice"
        assert (self.sent - arrived).total() <= in_doubt, "lost"
        if not self.moved:
            assert in_doubt == 0
            assert self.journey.json("verify", "new")["findings"] == []
            assert self.journey.json("ledger", "new")["closed"]
        if in_doubt:
            self.journey.run("load", "new", "--resend")
            assert self.sent - self.arrived() == Counter()
        self.figures.moved += self.moved
        self.figures.resent += in_doubt
        self.figures.rounds += 1

    def arrived(self) -> Counter[str]:
        """Message-IDs by Dovecot's own count, over all mailboxes."""
        told = self.dovecot.doveadm("-f", "flow", "fetch", "-u", self.owner, "hdr.message-id", "all").decode()
        return Counter(line.partition("=")[2].strip() for line in told.splitlines() if line.strip())


@pytest.mark.dovecot
@pytest.mark.timeout(7200)
def test_killed_again_and_again_every_mail_arrives_exactly_once(
    dovecot_sdbox: Dovecot, databases: Databases, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random()
    figures = Figures()
    while not figures.enough:
        assert figures.rounds < 3 + COUNTED, "hardly any kill counts: the machine is faster than this test"
        with databases() as url:
            Round(tmp_path / str(figures.rounds), dovecot_sdbox, url, chance, figures).run()
    if COUNTED > 3:
        with capsys.disabled():
            sys.stdout.write(f"\n{figures}\n")
