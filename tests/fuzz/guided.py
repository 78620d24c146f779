"""One target under atheris: python -m tests.fuzz.guided TARGET SECONDS [SEEDS…]

It keeps what led it to new lines of ours in .fuzz/TARGET, and begins there the next time.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["migrator", "adapters"]):
    from tests.fuzz.seeds import seeds as whole_files
    from tests.fuzz.targets import FINDINGS, SECONDS, bounded

LENGTH = 20_000
"""Bytes of an input at most."""
MEMORY = 1500
"""MB that the whole process may use."""


def main() -> None:
    name, seconds, *seeds = sys.argv[1:]
    kept, found = Path(".fuzz") / name, FINDINGS / name
    kept.mkdir(parents=True, exist_ok=True)
    found.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(whole_files()[name]):
        (kept / f"seed-{number}").write_bytes(data)
    options = [f"-max_total_time={seconds}", f"-timeout={2 * SECONDS}", f"-max_len={LENGTH}", f"-rss_limit_mb={MEMORY}"]
    options += [f"-artifact_prefix={found}/", "-print_final_stats=1", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *options, str(kept), *seeds], lambda data: bounded(name, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
