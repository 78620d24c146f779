"""A disk of a few megabytes for tests: what happens when it is full happens for real."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers import absent


@dataclass(frozen=True, slots=True)
class Disk:
    """A mounted tmpfs. Its ballast is one file of ours that takes up room."""

    folder: Path

    @property
    def free(self) -> int:
        state = os.statvfs(self.folder)
        return state.f_bavail * state.f_frsize

    def fill(self, left: int = 0) -> None:
        """Leave only so many bytes."""
        with (self.folder / "ballast").open("ab", buffering=0) as ballast, suppress(OSError):
            while size := max(0, self.free - left) or (4096 if not left else 0):  # tmpfs counts roughly
                ballast.write(bytes(size))

    def relieve(self) -> None:
        """Somebody makes room."""
        (self.folder / "ballast").unlink(missing_ok=True)


@contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[Disk]:
    """Mount one there; only root can. Skips where that is not possible, and fails under CI."""
    folder.mkdir(parents=True, exist_ok=True)
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", folder]
    made = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if made.returncode:
        absent("a small disk", f"{made.stderr.strip()}; only root can mount one, with CAP_SYS_ADMIN")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Disk]:
    """16 MB, for this test alone."""
    with disk(tmp_path / "disk", 16) as made:
        yield made
