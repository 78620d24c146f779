"""How a command is timed, and how it is told against others."""

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from migrator.demo.bulk import Bulk


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


def report(title: str, bulk: Bulk, runs: Mapping[str, list[Timed]], ours: str) -> None:
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


def command(folder: Path, *words: str) -> None:
    """One command of ours, which must succeed."""
    code = "from migrator.cli import main; raise SystemExit(main())"
    subprocess.run([sys.executable, "-c", code, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)
