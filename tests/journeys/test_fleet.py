"""A fleet on real servers: workers killed and frozen, PostgreSQL restarted, one mailbox throttled. Nothing is lost, and
nothing arrives twice."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from migrator.staging.locks import lease
from migrator.staging.store import Staging
from tests.journeys.journey import Journey, digest
from tests.journeys.test_freeze import free
from tests.journeys.test_kill import DOUBTS, NEWEST, Watch
from tests.servers import absent
from tests.servers.dovecot import Dovecot
from tests.servers.postgres import database, programs, server

HASTY = """
from migrator.staging import hosts, locks
from migrator.fleet import worker
locks.LEASE = 1.5
hosts.ASKED = 0.1
worker.HEARTBEAT, worker.STALLED, worker.TEND, worker.POLL = 0.3, 1.5, 0.3, 0.3
worker.PAUSE = worker.PATIENT = 0.5
from migrator.cli import main
raise SystemExit(main())
"""
"""A worker whose periods are short enough to wait for."""

PEOPLE, MAILS, SIZE = 4, 40, 60_000

DONE = """SELECT count(*) >= {many} FROM receipt JOIN dispatch ON dispatch.id = dispatch_id
    JOIN place ON place.id = place_id WHERE owner = '{owner}'"""


def store(root: Path, people: int = PEOPLE) -> Counter[str]:
    """Mails of some people; the digest of each, as it will arrive."""
    sent: Counter[str] = Counter()
    for person in range(people):
        (root / f"p{person}" / "受信箱").mkdir(parents=True)
        for number in range(MAILS):
            name = f"{person}.{number}"
            data = f"Message-ID: <{name}@old>\r\nSubject: {name}\r\n\r\n".encode() + b"x" * SIZE + b"\r\n"
            (root / f"p{person}" / "受信箱" / f"{number}.eml").write_bytes(data)
            sent[digest(data)] += 1
    return sent


@pytest.fixture
def url(postgres_server: Path, postgres_empty_staging: str) -> Iterator[str]:
    with database(postgres_server, postgres_empty_staging) as made:
        yield made


def extracted(folder: Path, dovecot: Dovecot, url: str, people: int = PEOPLE) -> tuple[Journey, Counter[str]]:
    """A migration whose mail is staged."""
    sent = store(folder / "old", people)
    accounts = {f"p{person}": dovecot.account() for person in range(people)}
    source = {"adapter": "eml", "root": folder / "old"}
    journey = Journey(folder / "move", dovecot, source, accounts, url=url)
    journey.run("extract")
    return journey, sent


def worker(journey: Journey, *words: str) -> "subprocess.Popen[str]":
    return journey.start("worker", *words, program=HASTY)


def ended(process: "subprocess.Popen[str]", code: int = 0) -> str:
    """What it said, to its end."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, f"{out}\n{err}"
    assert "Traceback" not in err, err
    return out + err


def once(watch: Watch, question: str, process: "subprocess.Popen[str]") -> None:
    """Wait until the question is answered by more than 0."""
    until = time.monotonic() + 30
    while not watch.ask(question):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, question
        time.sleep(0.002)


def freeze(journey: Journey, watch: Watch, process: "subprocess.Popen[str]") -> None:
    """Stop it while mail is on its way, and no transaction of its is open, which would hold its lease for ever."""
    while process.poll() is None:
        once(watch, DOUBTS.format(since=0), process)
        process.send_signal(signal.SIGSTOP)
        if watch.ask(DOUBTS.format(since=0)) and free(journey):
            return
        process.send_signal(signal.SIGCONT)
    raise AssertionError("the worker was done before it could be frozen")


def whole(journey: Journey, sent: Counter[str]) -> None:
    """Everything has arrived once, and both sides' books say so."""
    assert journey.arrived() == sent
    assert journey.json("verify", "new")["findings"] == []
    assert journey.json("ledger", "new")["closed"]


@pytest.mark.dovecot
@pytest.mark.postgresql
def test_workers_share_the_mailboxes_and_putting_them_in_twice_is_once(
    dovecot_sdbox: Dovecot, url: str, tmp_path: Path
) -> None:
    journey, sent = extracted(tmp_path, dovecot_sdbox, url)
    assert f"{PEOPLE} of {PEOPLE}" in journey.run("load", "new", "--fleet")
    assert f"0 of {PEOPLE}" in journey.run("load", "new", "--fleet")
    two = [worker(journey, "--drain"), worker(journey, "--drain", "--workers", "2")]
    said = [ended(each) for each in two]
    assert sum(int(each.partition(" mailboxes done")[0].split()[-1]) for each in said) == PEOPLE
    whole(journey, sent)


@pytest.mark.dovecot
@pytest.mark.postgresql
def test_one_worker_killed_and_one_frozen_beyond_its_lease_lose_nothing(
    dovecot_sdbox: Dovecot, url: str, tmp_path: Path
) -> None:
    journey, sent = extracted(tmp_path, dovecot_sdbox, url)
    journey.run("load", "new", "--fleet")
    watch = Watch(journey)
    frozen = worker(journey)
    freeze(journey, watch, frozen)
    newest = watch.ask(NEWEST)
    killed = worker(journey)
    once(watch, DOUBTS.format(since=newest), killed)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    said = ended(worker(journey, "--drain"))
    assert "[fleet.rescued]" in said  # of the killed one; who was killed may have saved the frozen one's itself
    assert sent - journey.arrived() == Counter()
    frozen.send_signal(signal.SIGCONT)
    time.sleep(2)
    frozen.send_signal(signal.SIGTERM)
    frozen.communicate(timeout=60)
    arrived = journey.arrived()
    assert sent - arrived == Counter()
    surplus = (arrived - sent).total()
    kinds = Counter(each["kind"] for each in journey.json("verify", "new", code=None)["findings"])
    assert kinds == Counter({"extra": surplus} if surplus else {})
    journey.run("settle", "new", "--yes")
    whole(journey, sent)


@pytest.mark.dovecot
@pytest.mark.postgresql
def test_a_crash_of_postgresql_is_waited_out(dovecot_sdbox: Dovecot, tmp_path: Path) -> None:
    folder = programs()
    if folder is None:
        absent("PostgreSQL", "apt-get install -y --no-install-recommends postgresql")
    with server(folder) as home:
        address = f"postgresql+psycopg://postgres@/postgres?host={quote(str(home), safe='')}"
        journey, sent = extracted(tmp_path, dovecot_sdbox, address, 2)
        journey.run("load", "new", "--fleet")
        two = [worker(journey, "--drain"), worker(journey, "--drain")]
        watch = Watch(journey)
        once(watch, DOUBTS.format(since=0), two[0])
        # one backend dies, and the server ends all others, recovers and starts anew
        os.kill(watch.ask("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' LIMIT 1"), 9)
        for each in two:
            ended(each)
        whole(journey, sent)


@pytest.mark.dovecot
@pytest.mark.postgresql
def test_a_mailbox_out_of_reach_and_one_held_elsewhere_never_stop_the_others(
    dovecot_sdbox: Dovecot, url: str, tmp_path: Path
) -> None:
    journey, sent = extracted(tmp_path, dovecot_sdbox, url)
    shut, held, *others = journey.accounts.values()
    obstacle = dovecot_sdbox.home / "mail" / shut
    obstacle.write_bytes(b"")  # where Dovecot would make its home
    journey.run("load", "new", "--fleet")
    with Staging.open(url) as staging, staging.run("load", "new") as run, lease(staging, run, "new", held):
        process = worker(journey, "--drain")
        for owner in others:
            once(Watch(journey), DONE.format(owner=owner, many=MAILS), process)
        obstacle.unlink()
        once(Watch(journey), DONE.format(owner=shut, many=MAILS), process)
    said = ended(process)
    assert set(re.findall(r"\[([a-z]+\.[a-z-]+)\]", said)) == {"fleet.put-back", "lease.held", "imap.not-now"}
    whole(journey, sent)


@pytest.mark.dovecot
@pytest.mark.postgresql
def test_a_host_with_other_settings_or_other_files_sends_nothing(
    dovecot_sdbox: Dovecot, url: str, tmp_path: Path
) -> None:
    sent = store(tmp_path / "old", 1)
    source = {"adapter": "eml", "root": tmp_path / "old"}
    accounts = {"p0": dovecot_sdbox.account()}
    first, second, third = (
        Journey(tmp_path / name, dovecot_sdbox, source, there, url=url)
        for name, there in (("a", accounts), ("b", accounts), ("c", accounts | {"p9": "somebody@example.co.jp"}))
    )
    for each in (first, second, third):
        settings = each.folder / "migration.toml"
        settings.write_text(settings.read_text().replace("[source]", 'blobs = "packs"\n[source]'))
    first.run("extract")
    first.run("load", "new", "--fleet")
    assert second.complaint("worker", "--drain", code=2) == "fleet.blobs-elsewhere"
    shutil.copytree(first.folder / "packs", third.folder / "packs")
    assert third.complaint("worker", "--drain", code=2) == "fleet.settings-differ"
    assert first.arrived() == Counter()
    shutil.copytree(first.folder / "packs", second.folder / "packs")
    second.run("worker", "--drain")
    whole(first, sent)
