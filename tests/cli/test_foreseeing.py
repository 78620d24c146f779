"""`check TARGET` says which mail will be refused, names each in a list, and sends nothing."""

import csv
from pathlib import Path

import pytest

from adapters.memory import world
from migrator.cli import main
from migrator.ports import Limits
from tests.cli.moves import judged
from tests.roads import mail


def test_what_will_be_refused_is_a_finding_and_a_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = judged(tmp_path, mail("small"), mail("large", body="x" * 2_000))
    settings = folder / "migration.toml"
    settings.write_text(settings.read_text() + f'\n[targets.memory]\nadapter = "memory"\nworld = "{tmp_path}"\n')
    new = world(str(tmp_path))
    new.limits = Limits(item_bytes=1_000)
    capsys.readouterr()
    assert main(["--dir", str(folder), "check", "memory"]) == 1
    said = capsys.readouterr().out
    assert "[check.will-refuse]" in said
    listed = folder / "reports" / "will-refuse-memory.csv"
    (line,) = csv.DictReader(listed.read_text(encoding="utf-8-sig").splitlines())
    assert (line["mailbox"], line["account"], line["code"]) == ("sato", "sato", "item.too-large")
    assert f"migrator explain {line['item']}" in said
    assert not any(new.boxes.values())
    new.limits = Limits()
    assert main(["--dir", str(folder), "check", "memory"]) == 0
    assert "[check" not in capsys.readouterr().out
    assert not listed.exists()
