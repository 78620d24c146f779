"""python -m tests.fuzz [--minutes N] [TARGET…]"""

import argparse
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from tests.fuzz import __doc__ as about
from tests.fuzz.hunt import hunt
from tests.fuzz.targets import TARGETS

CORPORA = Path(os.environ.get("MIGRATOR_CORPORA") or "../shared/corpora")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="for each target, and each of the two ways")
    parser.add_argument("targets", nargs="*", choices=[[], *TARGETS], default=[])
    asked = parser.parse_args()
    seconds = int(asked.minutes * 60)
    clean = True
    for name in asked.targets or TARGETS:
        say(f"{name}: Hypothesis, {hunt(name, seconds):,} inputs in {seconds} s without a finding")
        clean = guided(name, seconds) and clean
    return 0 if clean else 1


def guided(name: str, seconds: int) -> bool:
    """Whether the coverage-guided fuzzer found nothing."""
    if importlib.util.find_spec("atheris") is None:
        say(f"{name}: atheris has no wheel for this Python or machine, left out")
        return True
    seeds = [str(CORPORA / "fixtures" / "ruby-mail")] if name == "mail" and CORPORA.is_dir() else []
    ended = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.guided", name, str(seconds), *seeds],
        check=False,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    runs = next((line.split()[-1] for line in ended.stderr.splitlines() if "number_of_executed_units" in line), "?")
    if ended.returncode:
        say(ended.stderr[-4000:])
        say(f"{name}: atheris has a finding; it lies in tests/fuzz/findings/{name}")
        return False
    say(f"{name}: atheris, {runs} inputs in {seconds} s without a finding")
    return True


if __name__ == "__main__":
    sys.exit(main())
