"""Into a Dovecot, out of one, and over a slow line: the same mails by each program in turn."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from migrator.demo.bulk import Bulk, build
from tests.bench.line import line
from tests.bench.peers import BACKUP, DOVEADM, PEERS, Peer
from tests.bench.timing import Timed, command, report, room, say, timed
from tests.journeys.journey import Journey
from tests.servers.dovecot import MASTER_PASSWORD, Dovecot, server

ROUND_TRIP = 0.03
"""Seconds there and back, as between two cities of Japan with a VPN between."""

OURS = "migrator load"
ROAD = "extract judge load verify"
PULL = "migrator extract"

Contest = Iterator[tuple[str, Callable[[], None]]]


def bench_load(mails: int, rounds: int) -> None:
    """Into a server on this machine."""
    with _arena(mails) as (here, bulk, dovecot):
        peers = _installed(PEERS)
        staged = _staged(here, dovecot)
        _run("load", bulk, OURS, rounds, lambda number: _into(here, dovecot, staged, peers, number))


def bench_far(mails: int, rounds: int) -> None:
    """Into the same server over a line with a round trip; doveadm needs none, and is left out."""
    with _arena(mails) as (here, bulk, dovecot), line(dovecot.host, dovecot.port, ROUND_TRIP) as port:
        far = replace(dovecot, port=port)
        peers = [each for each in _installed(PEERS) if each != DOVEADM]
        staged = _staged(here, dovecot)
        title = f"load, {ROUND_TRIP * 1000:.0f} ms away"
        _run(title, bulk, OURS, rounds, lambda number: _into(here, far, staged, peers, number))


def bench_road(mails: int, rounds: int) -> None:
    """All of our steps, verify of every header too, against those who only move."""
    with _arena(mails) as (here, bulk, dovecot):
        peers = _installed(PEERS)

        def contest(number: int) -> Contest:
            owner = dovecot.account()
            journey = _journey(here, f"road-{number}", dovecot, owner)
            yield ROAD, partial(_whole, journey)
            _all_there(dovecot, owner, here)
            yield from _peers(here, dovecot, peers)

        _run("the whole road", bulk, ROAD, rounds, contest)


def bench_pull(mails: int, rounds: int) -> None:
    """Out of an IMAP server: our extract stages and reads every mail, `doveadm backup` copies it into an sdbox."""
    with _arena(mails) as (here, bulk, dovecot):
        source = dovecot.account()
        DOVEADM.load(here / "old/one", dovecot, source)

        def contest(number: int) -> Contest:
            folder = here / f"pull-{number}"
            folder.mkdir(mode=0o700)
            (folder / "migration.toml").write_text(_SOURCE.format(port=dovecot.port, user=source))
            yield PULL, partial(command, folder, "extract")
            owner = dovecot.account()
            yield BACKUP.name, partial(BACKUP.pull, dovecot, source, owner)
            _all_there(dovecot, owner, here)

        os.environ["BENCH_PASSWORD"] = MASTER_PASSWORD
        _run("pull from IMAP", bulk, PULL, rounds, contest)


_SOURCE = """
[source]
adapter = "imap"
host = "127.0.0.1"
port = {port}
security = "none"
auth = "master"
master_user = "migrator"
password = {{ env = "BENCH_PASSWORD" }}
accounts = ["{user}"]
"""


@contextmanager
def _arena(mails: int) -> Iterator[tuple[Path, Bulk, Dovecot]]:
    """A Maildir++ of so many mails, and a Dovecot that may read it."""
    with room() as here, server(storage="sdbox", mail_fsync="optimized") as dovecot:
        bulk = build(here / "old/one", mails=mails, shape="maildir", newline="lf")
        dovecot.give(here)
        yield here, bulk, dovecot


def _installed(peers: Sequence[Peer]) -> list[Peer]:
    for peer in peers:
        if not peer.installed():
            say(f"{peer.name}: not installed, left out")
    return [peer for peer in peers if peer.installed()]


def _run(title: str, bulk: Bulk, ours: str, rounds: int, contest: Callable[[int], Contest]) -> None:
    """The first round warms up."""
    runs: dict[str, list[Timed]] = {}
    for number in range(rounds + 1):
        for name, work in contest(number):
            timing = timed(work)
            runs.setdefault(name, []).extend([timing] if number else [])
    report(title, bulk, runs, ours)


def _journey(here: Path, name: str, dovecot: Dovecot, owner: str) -> Journey:
    return Journey(here / name, dovecot, {"adapter": "maildir", "root": here / "old"}, {"one": owner})


def _staged(here: Path, dovecot: Dovecot) -> Path:
    """A migration folder whose staging holds everything and has sent nothing yet."""
    journey = _journey(here, "staged", dovecot, "nobody@example.co.jp")
    journey.run("extract")
    return journey.folder


def _into(here: Path, dovecot: Dovecot, staged: Path, peers: Sequence[Peer], number: int) -> Contest:
    """Everybody once, each into a new mailbox, and a look whether all of it arrived."""
    shutil.copytree(staged, here / f"move-{number}")
    owner = dovecot.account()
    yield OURS, partial(_loaded, _journey(here, f"move-{number}", dovecot, owner))
    _all_there(dovecot, owner, here)
    yield from _peers(here, dovecot, peers)


def _peers(here: Path, dovecot: Dovecot, peers: Sequence[Peer]) -> Contest:
    for peer in peers:
        owner = dovecot.account()
        yield peer.name, partial(peer.load, here / "old/one", dovecot, owner)
        _all_there(dovecot, owner, here)


def _whole(journey: Journey) -> None:
    for words in (("extract",), ("judge",), ("load", "new"), ("verify", "new")):
        journey.run(*words)


def _loaded(journey: Journey) -> None:
    journey.run("load", "new")


def _all_there(dovecot: Dovecot, owner: str, here: Path) -> None:
    wanted = sum(1 for path in (here / "old").rglob("cur/*") if path.is_file())
    found = sum(
        int(line.rsplit("=", 1)[1])
        for line in dovecot.doveadm("mailbox", "status", "-u", owner, "messages", "*").decode().splitlines()
    )
    if found != wanted:
        raise SystemExit(f"{owner}: {found} mails of {wanted} arrived")
