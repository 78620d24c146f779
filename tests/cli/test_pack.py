"""`migrator pack`: what a department keeps holds all of its own and nothing of others, and shows when it is changed.

It is read back by csv, hashlib and sha256sum alone.
"""

import csv
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from migrator.cli import main
from tests.cli.moves import SETTINGS, fill
from tests.migrator.rules.companies import newsletter
from tests.roads import mail

OTHERS = "見積-canary-of-suzuki"


@pytest.fixture
def move(tmp_path: Path) -> Path:
    """sato's and suzuki's mail in staging, some of it parked, and loaded into folders of .eml files."""
    shop = newsletter("news@shop.example", "今週のおすすめ新商品とセール情報")
    fill(tmp_path / "old" / "sato", mail("one"), mail("=cmd|' /C calc'!A0"), mail("<script>alert(1)</script>"), shop)
    fill(tmp_path / "old" / "suzuki", mail(OTHERS), newsletter("news@canary.example", OTHERS), shop)
    folder = tmp_path / "move"
    folder.mkdir()
    (folder / "migration.toml").write_text(SETTINGS.format(old=tmp_path / "old"))
    for words in (
        ["extract"],
        ["judge"],
        ["decide", "news@shop.example", "park", "--why", "広告"],
        ["decide", "news@canary.example", "park", "--why", OTHERS],
        ["load", "new"],
    ):
        assert main(["--dir", str(folder), *words]) == 0
    return folder


def pack(move: Path, *words: str) -> int:
    return main(["--dir", str(move), "pack", "--out", str(move / "pack"), *words])


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def checked(folder: Path) -> "subprocess.CompletedProcess[str]":
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_pack_tells_what_became_of_each_mail_and_who_decided_it(move: Path) -> None:
    assert pack(move, "--account", "sato") == 0
    found = {row["subject"]: row for row in rows(move / "pack" / "mails.csv")}
    arrived = {sha256(file.read_bytes()).hexdigest() for file in (move / "new" / "sato").rglob("*.eml")}
    assert {row["sha256"] for row in found.values() if row["state"] == "loaded"} == arrived
    assert len(arrived) == 3
    parked = found["今週のおすすめ新商品とセール情報"]
    assert (parked["state"], parked["decided_in"], parked["why"]) == ("parked", "sender", "広告")
    total = rows(move / "pack" / "ledger.csv")[-1]
    assert [total[column] for column in ("found", "loaded", "parked", "unexplained_source")] == ["4", "3", "1", "0"]


def test_stock_tools_find_one_changed_byte_and_a_file_that_is_gone(
    move: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pack(move, "--account", "sato") == 0
    folder = move / "pack"
    assert sha256((folder / "SHA256SUMS").read_bytes()).hexdigest() in capsys.readouterr().out
    assert checked(folder).returncode == 0
    listed = {line[66:] for line in (folder / "SHA256SUMS").read_text().splitlines()}
    assert listed == {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()} - {"SHA256SUMS"}
    for name in listed:
        file = folder / name
        was = file.read_bytes()
        file.write_bytes(was[:-1] + bytes([was[-1] ^ 1]))
        assert f"{name}: FAILED" in checked(folder).stdout
        file.write_bytes(was)
    (folder / "mails.csv").unlink()
    assert checked(folder).returncode != 0


def test_a_pack_holds_nothing_of_other_accounts(move: Path) -> None:
    assert pack(move, "--account", "sato") == 0
    for file in (move / "pack").rglob("*"):
        if file.is_file():
            assert "canary" not in file.read_text("utf-8"), file


def test_hostile_subjects_are_neither_computed_nor_run(move: Path) -> None:
    assert pack(move, "--account", "sato") == 0
    assert "'=cmd|' /C calc'!A0" in {row["subject"] for row in rows(move / "pack" / "mails.csv")}
    assert main(["--dir", str(move), "decide", "3", "park", "--why", "<script>"]) == 0
    assert main(["--dir", str(move), "pack", "--account", "sato", "--out", str(move / "second")]) == 0
    assert "<script" not in (move / "second" / "index.html").read_text("utf-8")


@pytest.mark.parametrize(("lang", "title"), [("ja", "移行証跡"), ("en", "Evidence of the migration")])
def test_a_person_reads_it_in_their_language_and_it_asks_for_nothing_else(move: Path, lang: str, title: str) -> None:
    assert main(["--dir", str(move), "--lang", lang, "pack", "--account", "sato", "--out", str(move / "pack")]) == 0
    page = (move / "pack" / "index.html").read_text("utf-8")
    assert title in page
    assert "src=" not in page
    assert "http" not in page
    assert len(page) < 300_000


def test_a_ledger_that_does_not_close_is_told_by_the_exit_code(move: Path) -> None:
    next((move / "new" / "sato").rglob("*.eml")).unlink()
    assert pack(move, "--account", "suzuki") == 0
    assert main(["--dir", str(move), "pack", "--account", "sato", "--out", str(move / "second")]) == 1
    assert "does NOT close" in (move / "second" / "index.html").read_text("utf-8")


def test_where_the_old_system_is_down_its_last_count_is_taken_and_told(move: Path) -> None:
    (move.parent / "old").rename(move.parent / "gone")
    assert pack(move, "--account", "sato", "--no-source") == 0
    assert "was not asked again" in (move / "pack" / "index.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], "pack.whose"),
        (["--account", "nobody"], "account.unknown"),
        (["--inbox", "support"], "shared.inbox-unknown"),
    ],
)
def test_whose_pack_it_is_must_be_said_rightly(
    move: Path, words: list[str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pack(move, *words) == 2
    assert f"[{code}]" in capsys.readouterr().err
    assert not (move / "pack").exists()


def test_nothing_that_lies_there_is_written_over(move: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (move / "pack").mkdir()
    (move / "pack" / "mine").write_text("mine")
    assert pack(move, "--account", "sato") == 2
    assert "[export.not-empty]" in capsys.readouterr().err
    assert [file.name for file in (move / "pack").iterdir()] == ["mine"]
