"""The three commands as a tired person types them, and a migration after them."""

import os
import re
import shlex
from pathlib import Path

import pytest

from migrator.cli import main
from migrator.demo.store import build as demo_store
from migrator.rescue import moving
from tests.adapters.files.layouts import snapshot
from tests.migrator.rescue.stores import HOSTILE, age, build, tree

SETTINGS = """
[source]
adapter = "groupware"
mapping = "kyoyu-mail"
root = "{root}"
[targets.shelf]
adapter = "eml"
root = "{shelf}"
[accounts]
"" = "nobody"
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in these stores grows."""
    monkeypatch.setattr(moving, "GROWTH", 0.0)


def test_what_scan_shows_is_what_isolate_and_restore_take(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "old"
    build(root)
    before = tree(root)
    assert main(["rescue", "scan", str(root), "--large", "20"]) == 0
    shown = capsys.readouterr().out
    assert re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", shown) is None
    (name,) = re.findall(r"sato/inbox/a\\x0a.*", shown)
    assert main(["rescue", "isolate", str(root), name]) == 0
    assert tree(root) == before
    assert main(["rescue", "isolate", str(root), name, "--yes"]) == 0
    assert not os.path.lexists(os.fsencode(root / "sato" / "inbox") + b"/" + HOSTILE)
    assert main(["rescue", "isolate", str(root), "--kind", "all-nul", "--kind", "link-loop", "--yes"]) == 0
    said = capsys.readouterr().err
    undo = re.findall(r"migrator (rescue restore .* --yes)", said)[-1]
    assert main(shlex.split(undo)) == 0
    assert tree(root) == before


@pytest.mark.parametrize(
    ("words", "code", "ended"),
    [
        (["isolate"], "rescue.nothing-chosen", 2),
        (["isolate", "--kind", "nosuch"], "rescue.kind-unknown", 2),
        (["isolate", "nosuch", "--yes"], "rescue.gone", 1),
        (["restore", "nosuch", "--yes"], "rescue.not-aside", 1),
    ],
)
def test_a_wrong_choice_is_told_and_changes_nothing(
    tmp_path: Path, words: list[str], code: str, ended: int, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old").mkdir()
    before = snapshot(tmp_path / "old")
    assert main(["rescue", words[0], str(tmp_path / "old"), *words[1:]]) == ended
    assert f"[{code}]" in capsys.readouterr().err
    assert snapshot(tmp_path / "old") == before


def test_both_commands_that_write_to_the_old_system_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("isolate", "restore"):
        main(["rescue", command, "--help"])
        assert "WRITES TO THE OLD" in " ".join(capsys.readouterr().out.split())


def test_a_migration_after_isolate_finds_nothing_new_and_nothing_gone_and_its_ledger_closes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, move = tmp_path / "old", tmp_path / "move"
    planted = demo_store(root)
    age(root)
    move.mkdir(mode=0o700)
    (move / "migration.toml").write_text(SETTINGS.format(root=root, shelf=tmp_path / "shelf"))

    def migrator(*words: str) -> str:
        main([*words, "--dir", str(move)])
        return capsys.readouterr().out

    first = migrator("extract")
    assert f"{len(planted.mails)} mails staged" in first
    for kind in ("empty", "nul-tail", "cut-in-header", "no-closing-boundary", "lock"):
        assert main(["rescue", "isolate", str(root), "--kind", kind, "--yes"]) == 0
    assert main(["rescue", "isolate", str(root), "conf/users.csv", "--yes"]) == 0
    capsys.readouterr()
    again = migrator("extract")
    assert f"0 mails staged (0 MB), {len(planted.mails)} unchanged, 0 moved, 0 gone" in again
    migrator("load", "shelf")
    assert '"closed": true' in migrator("ledger", "shelf", "--json")
