"""python -m tests.bench [--mails N] [--rounds N] [--dump-mb N] [extract|decode|load|dump]…"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from migrator.demo.bulk import Bulk, build
from tests.bench import __doc__ as about
from tests.bench import dumps
from tests.bench.decoding import fallback_rates, header_seconds
from tests.bench.peers import PEERS, Peer, extract_baseline
from tests.journeys.journey import Journey
from tests.servers.dovecot import Dovecot, server


@dataclass(frozen=True, slots=True)
class Timed:
    """One run of one command: seconds on the wall and of the processor, and the largest process in MB."""

    wall: float
    cpu: float
    peak: float


def timed(work: Callable[[], None]) -> Timed:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    work()
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Timed(wall, cpu, after.ru_maxrss / 1024)


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def report(title: str, bulk: Bulk, runs: dict[str, list[Timed]], ours: str) -> None:
    """Medians, and how many times faster than each peer we are."""
    say(f"\n{title}: {bulk.mails:,} mails, {bulk.bytes / 1e6:,.0f} MB; medians of {len(runs[ours])}")
    base = statistics.median(run.wall for run in runs[ours])
    for name, timings in runs.items():
        wall = statistics.median(run.wall for run in timings)
        spread = f"{min(run.wall for run in timings):.2f}-{max(run.wall for run in timings):.2f}"
        cpu = statistics.median(run.cpu for run in timings)
        ratio = "" if name == ours else f"  ours is {wall / base:.2f}x its rate"
        say(f"  {name:24} {wall:7.2f} s ({spread})  cpu {cpu:6.2f} s  {bulk.mails / wall:8,.0f} mails/s{ratio}")
    say(f"  largest process of any of them: {max(run.peak for timings in runs.values() for run in timings):,.0f} MB")


@contextmanager
def room() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mbench-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def bench_extract(mails: int, rounds: int) -> None:
    with room() as here:
        bulk = build(here / "old", mails=mails)
        runs: dict[str, list[Timed]] = {"migrator extract": [], "… into packs": [], "bare parser loop": []}
        for number in range(rounds + 1):
            timings = {
                "migrator extract": timed(partial(_extract, here, number, "database")),
                "… into packs": timed(partial(_extract, here, number, "packs")),
                "bare parser loop": timed(partial(extract_baseline, here / "old")),
            }
            for name, timing in timings.items():
                runs[name] += [timing] if number else []  # the first round warms up
        report("extract", bulk, runs, "migrator extract")


def _extract(here: Path, number: int, blobs: str) -> None:
    folder = here / f"move-{blobs}-{number}"
    folder.mkdir(mode=0o700)
    (folder / "migration.toml").write_text(
        f'[staging]\nblobs = "{blobs}"\n[source]\nadapter = "groupware"\nmapping = "kyoyu-mail"\nroot = "{here}/old"\n'
    )
    _command(folder, "extract")


def _command(folder: Path, *words: str) -> None:
    code = "from migrator.cli import main; raise SystemExit(main())"
    subprocess.run([sys.executable, "-c", code, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def bench_decode(mails: int) -> None:
    say("\nISO-2022-JP that the standard library refuses")
    for kind, rate in fallback_rates().items():
        say(f"  {kind:34} {rate:7.1f} MB/s")
    with room() as here:
        bulk = build(here / "old", mails=mails)
        whole = timed(partial(_extract, here, 0, "database")).cpu
        spent = header_seconds(here / "old")
    say(f"  decoding is {spent / whole:.1%} of extract: {spent:.2f} s of {whole:.2f} s for {bulk.mails:,} mails")


def bench_load(mails: int, rounds: int) -> None:
    with room() as here, server(storage="sdbox", mail_fsync="optimized") as dovecot:
        bulk = build(here / "old/one", mails=mails, shape="maildir", newline="lf")
        peers = [peer for peer in PEERS if peer.installed()]
        for peer in PEERS:
            if peer not in peers:
                say(f"{peer.name}: not installed, left out")
        dovecot.give(here)
        staged = _staged(here, dovecot)
        runs: dict[str, list[Timed]] = {"migrator load": [], **{peer.name: [] for peer in peers}}
        for number in range(rounds + 1):
            for name, work in _contest(here, dovecot, staged, peers, number):
                timing = timed(work)
                runs[name] += [timing] if number else []
        report("load", bulk, runs, "migrator load")


def _staged(here: Path, dovecot: Dovecot) -> Path:
    """A migration folder whose staging holds everything and has sent nothing yet."""
    journey = Journey(
        here / "staged", dovecot, {"adapter": "maildir", "root": here / "old"}, {"one": "nobody@example.co.jp"}
    )
    journey.run("extract")
    return journey.folder


def _contest(
    here: Path, dovecot: Dovecot, staged: Path, peers: list[Peer], number: int
) -> Iterator[tuple[str, Callable[[], None]]]:
    """Everybody once, each into a new mailbox, and a look whether all of it arrived."""
    folder = here / f"move-{number}"
    shutil.copytree(staged, folder)
    owner = dovecot.account()
    journey = Journey(folder, dovecot, {"adapter": "maildir", "root": here / "old"}, {"one": owner})
    yield "migrator load", partial(_loaded, journey)
    _all_there(dovecot, owner, here)
    for peer in peers:
        owner = dovecot.account()
        yield peer.name, partial(peer.load, here / "old/one", dovecot, owner)
        _all_there(dovecot, owner, here)


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


def bench_dump(size_mb: int) -> None:
    """Each dialect with long and short rows, once: these take their time."""
    for dialect in dumps.DIALECTS:
        for name, row in dumps.ROWS.items():
            with room() as here:
                path = here / "dump.sql"
                dumps.write(path, dialect, row, size_mb * 10**6)
                timing = timed(partial(_read, path, dialect))
                rate = path.stat().st_size / 1e6 / timing.wall
                say(f"  {dialect:12} {name:18} {size_mb:,} MB  {rate:6.1f} MB/s  largest process {timing.peak:,.0f} MB")


def _read(path: Path, dialect: str) -> None:
    command = [sys.executable, "-m", "tests.bench.dumps", str(path), dialect]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    words = argparse.ArgumentParser(description=about)
    words.add_argument("what", nargs="*", choices=["extract", "decode", "load", "dump", []], default=[])
    words.add_argument("--mails", type=int, default=5_000)
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--dump-mb", type=int, default=1_000)
    asked = words.parse_args()
    say(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}; load average {os.getloadavg()[0]:.1f}")
    if not asked.what or "extract" in asked.what:
        bench_extract(asked.mails, asked.rounds)
    if not asked.what or "decode" in asked.what:
        bench_decode(asked.mails)
    if not asked.what or "load" in asked.what:
        bench_load(asked.mails, asked.rounds)
    if "dump" in asked.what:
        bench_dump(asked.dump_mb)


if __name__ == "__main__":
    main()
