"""`migrator worker` and `load --fleet` where they cannot work: the message says what to do."""

import importlib.util
import re
from pathlib import Path

import pytest

from migrator.cli import main

SETTINGS = """
[source]
adapter = "eml"
root = "old"

[targets.new]
adapter = "maildir"
root = "new"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "old" / "sato" / "INBOX").mkdir(parents=True)
    (tmp_path / "old" / "sato" / "INBOX" / "1.eml").write_bytes(b"Subject: x\r\n\r\nx\r\n")
    (tmp_path / "migration.toml").write_text(SETTINGS)
    return tmp_path


def complaint(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> str:
    capsys.readouterr()
    assert main(["--dir", str(folder), *words]) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("command", [("worker",), ("load", "new", "--fleet")])
def test_without_the_extra_it_says_what_to_install(
    folder: Path, command: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["--dir", str(folder), "extract"]) == 0
    real = importlib.util.find_spec
    monkeypatch.setattr("migrator.cli.fleet.find_spec", lambda name: None if name == "procrastinate" else real(name))
    said = complaint(capsys, folder, *command)
    assert "pip install 'migrator[fleet]'" in said
    assert re.findall(r"\[([a-z.-]+)\]$", said.strip()) == ["fleet.absent"]


@pytest.mark.parametrize("command", [("worker",), ("load", "new", "--fleet")])
def test_with_a_staging_in_sqlite_it_says_that_the_fleet_needs_another(
    folder: Path, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--dir", str(folder), "extract"]) == 0
    assert "[fleet.needs-postgresql]" in complaint(capsys, folder, *command)
