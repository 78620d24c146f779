"""A whole migration to Exchange Online by Graph as an administrator does it, on a server that fails in every way it
knows, and killed in between: every mail arrives once, by the server's own memory."""

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
from tests.servers.exchange import ALICE
from tests.servers.exchange.faults import Dropped, Fault, Late, Lost, Truncated, Unavailable
from tests.servers.graph import APP, SECRET, TENANT, Graph, Throttled, server

MAILS = 1000
KILLED_AT = 430
"""The importMime after which the first load is killed."""

SETTINGS = """
[staging]
url = "sqlite:///staging.db"

[source]
adapter = "maildir"
root = {root}

[targets.online]
adapter = "graph"
endpoint = {url}
authority = {url}
tenant = {tenant}
client_id = {app}
auth = "secret"
secret = {{ env = "ONLINE_SECRET" }}
ca_file = {ca}
beta = {beta}
late_commit = 0.5
patience = 60

[accounts]
one = {address}
"""


@dataclass
class Office:
    """A migration folder beside a server."""

    folder: Path
    graph: Graph

    def start(self, *words: str, secret: str = SECRET) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words],
            cwd=self.folder,
            env=os.environ | {"ONLINE_SECRET": secret, "MIGRATOR_LANG": "en"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, code: int = 0, secret: str = SECRET) -> str:
        with self.start(*words, secret=secret) as process:
            out, err = process.communicate(timeout=280)
        assert process.returncode == code, f"{words}: exit {process.returncode}\n{out}\n{err}"
        return out + err

    def kill_load(self) -> None:
        """kill -9, in the midst of it."""
        with self.start("load", "online") as process:
            while len(self.graph.asked("POST importMime")) < KILLED_AT:
                assert process.poll() is None, process.communicate()
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            process.communicate()

    def arrived(self) -> Counter[str]:
        """All that lies where people may see it, or ever did."""
        mailbox = self.graph[ALICE]
        recoverable = mailbox.role("recoverableitemsdeletions").id
        return Counter(item.facts.message_id for item in mailbox.items.values() if item.folder != recoverable)

    @property
    def calls(self) -> list[str]:
        return [each.operation for each in self.graph.requests if not each.operation.startswith("GET")]


def office(folder: Path, graph: Graph, mails: int, *, beta: bool = True) -> Office:
    """With so many mails in one account's Maildir, staged."""
    for name in ("cur", "new", "tmp"):
        (folder / "old/one/Maildir" / name).mkdir(parents=True)
    for number in range(mails):
        path = folder / f"old/one/Maildir/cur/{1257120000 + number}.M{number}.host:2,{'S' if number % 2 else ''}"
        path.write_bytes(mail(f"m{number}", b"line\r\n" * 20))
    words = {"root": folder / "old", "url": graph.url, "tenant": TENANT, "app": APP, "address": ALICE}
    known = {name: json.dumps(str(value)) for name, value in (words | {"ca": graph.certificate}).items()}
    (folder / "migration.toml").write_text(SETTINGS.format(**known, beta=json.dumps(beta)))
    made = Office(folder, graph)
    made.run("extract")
    return made


def faults() -> list[Fault]:
    """27 of 6 kinds, at every kind of request that makes a mail."""
    return [
        Lost({30, 340, 760}),
        Lost({55, 300}, "POST move"),
        Lost({9, 60, 110}, "POST batch"),
        Truncated({90, 520, 901}, "POST importMime"),
        Truncated({21, 81}, "POST batch"),
        Unavailable({150, 610}, "POST importMime"),
        Unavailable({70}, "PATCH message"),
        Throttled({200, 480, 820}, "POST importMime"),
        Throttled({99, 400}, "PATCH message"),
        Throttled({140}, "POST move"),
        Dropped({250, 700}, "POST importMime"),
        Dropped({33}, "POST batch"),
        Late({560, 860}, "POST importMime", seconds=0.3),
        Late({95}, "POST batch", seconds=0.3),
    ]


@pytest.fixture
def graph() -> Iterator[Graph]:
    with server() as running:
        yield running


def test_a_thousand_mails_arrive_once_through_faults_of_every_kind_and_a_kill(tmp_path: Path, graph: Graph) -> None:
    here = office(tmp_path, graph, MAILS)
    for each in (some := faults()):
        each.operation = "POST importMime" if each.operation == "CreateItem" else each.operation
    graph.script(*some)
    here.kill_load()
    here.run("load", "online")
    assert here.arrived() == Counter(f"<m{number}@example.co.jp>" for number in range(MAILS))
    fired = graph.fired
    assert sum(fired.values()) >= 16
    assert len([kind for kind, times in fired.items() if times]) >= 5
    asked = len(here.calls)
    here.run("load", "online")
    assert {*here.calls[asked:]} <= {"POST batch"}, "what is read comes in batches, too"
    inbox = graph[ALICE].held(graph[ALICE].role("inbox").id)
    assert Counter(item.read for item in inbox) == {True: MAILS // 2, False: MAILS // 2}
    assert not any(item.draft for item in inbox)
    assert graph[ALICE].held(graph[ALICE].folder("migrator-unfinished").id) == []
    assert graph.receipts == []
    assert max(graph.busiest.values()) <= graph.concurrency


def test_verify_finds_nothing_but_what_somebody_changed(tmp_path: Path, graph: Graph) -> None:
    """Every mail comes back in other bytes, and none is a finding; a mail with another text, or gone, is."""
    here = office(tmp_path, graph, 12)
    told = here.run("check", "online", code=1)
    assert "graph.beta-used" in told
    assert "Microsoft Graph" in told
    assert f"Set-Hold '{ALICE}'" in (here.folder / "reports/mailboxes-online.ps1").read_text("utf-8-sig")
    here.run("load", "online")
    here.run("verify", "online")
    here.run("ledger", "online")
    mailbox = graph[ALICE]
    first, second, *_ = mailbox.held(mailbox.role("inbox").id)
    first.raw = first.raw.replace(b"line\r\n", b"lime\r\n")
    mailbox.remove(second)
    out = here.run("verify", "online", code=1)
    assert "changed" in out
    assert "missing" in out


def test_undo_takes_back_what_nobody_touched_and_sends_no_receipt(tmp_path: Path, graph: Graph) -> None:
    here = office(tmp_path, graph, 6)
    here.run("load", "online")
    inbox = graph[ALICE].role("inbox").id
    touched, *_ = graph[ALICE].held(inbox)
    touched.read = not touched.read
    newest = max(run["run"] for run in json.loads(here.run("runs", "--json")))
    here.run("undo", str(newest), "--yes", code=1)
    assert graph[ALICE].held(inbox) == [touched]
    assert graph.receipts == []


def test_a_wrong_secret_or_no_leave_for_beta_ends_it_at_once(tmp_path: Path, graph: Graph) -> None:
    here = office(tmp_path, graph, 2, beta=False)
    assert "graph.beta-off" in here.run("load", "online", code=2)
    assert "graph.beta-off" in here.run("check", "online", code=1)
    began = time.monotonic()
    out = here.run("load", "online", code=2, secret="mellon-canary")
    assert "graph.login-refused" in out
    assert "canary" not in out
    assert time.monotonic() - began < 30
    assert graph.requests == [] or not any(each.operation == "POST importMime" for each in graph.requests)
