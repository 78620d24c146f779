"""python -m tests.bench [--mails N] [--rounds N] [--dump-mb N] [extract|decode|load|dump]…"""

import argparse
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

from migrator.demo.bulk import build
from tests.bench import __doc__ as about
from tests.bench import dumps
from tests.bench.contests import bench_far, bench_load, bench_pull, bench_road
from tests.bench.decoding import fallback_rates, header_seconds
from tests.bench.exchange import bench_exchange
from tests.bench.peers import extract_baseline
from tests.bench.timing import Timed, command, report, room, say, timed


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
    command(folder, "extract")


def bench_decode(mails: int) -> None:
    say("\nISO-2022-JP that the standard library refuses")
    for kind, rate in fallback_rates().items():
        say(f"  {kind:34} {rate:7.1f} MB/s")
    with room() as here:
        bulk = build(here / "old", mails=mails)
        whole = timed(partial(_extract, here, 0, "database")).cpu
        spent = header_seconds(here / "old")
    say(f"  decoding is {spent / whole:.1%} of extract: {spent:.2f} s of {whole:.2f} s for {bulk.mails:,} mails")


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


def _exchange(mails: int, rounds: int) -> None:
    bench_exchange(min(mails, 500), rounds)


CONTESTS = {
    "extract": bench_extract,
    "load": bench_load,
    "far": bench_far,
    "road": bench_road,
    "pull": bench_pull,
    "exchange": _exchange,
}


def main() -> None:
    words = argparse.ArgumentParser(description=about)
    words.add_argument("what", nargs="*", choices=[*CONTESTS, "decode", "dump", []], default=[])
    words.add_argument("--mails", type=int, default=5_000)
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--dump-mb", type=int, default=1_000)
    asked = words.parse_args()
    say(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}; load average {os.getloadavg()[0]:.1f}")
    for name, contest in CONTESTS.items():
        if not asked.what or name in asked.what:
            contest(asked.mails, asked.rounds)
    if not asked.what or "decode" in asked.what:
        bench_decode(asked.mails)
    if "dump" in asked.what:
        bench_dump(asked.dump_mb)


if __name__ == "__main__":
    main()
