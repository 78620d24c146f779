"""Postfix's `postmap`: what a table of header checks would do with a header, without a server."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers import absent

Postmap = Callable[[str, str], str]
"""The action that a table takes on a header; empty for none."""


@pytest.fixture
def postmap(tmp_path: Path) -> Postmap:
    program = shutil.which("postmap") or shutil.which("postmap", path="/usr/sbin")
    if program is None:
        absent("postmap", "apt-get install postfix")
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\n", encoding="ascii")

    def query(table: str, header: str) -> str:
        (tmp_path / "table").write_text(table, encoding="utf-8")
        command = [program, "-c", str(tmp_path), "-q", header, f"regexp:{tmp_path}/table"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert not done.stderr, done.stderr
        return done.stdout.rstrip("\n")

    return query
