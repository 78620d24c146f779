"""`rules export`: to a file of one's own or to stdout, with what is left out told beside it."""

import csv
import io
import stat
from pathlib import Path

import pytest

from migrator.cli import main
from tests.cli.moves import judged
from tests.migrator.rules.companies import newsletter, order

NEWS, SALE = "news@shop.example", "sale@shop.example"


@pytest.fixture
def move(tmp_path: Path) -> Path:
    """A folder in which NEWS and SALE are parked; SALE has answered once, so no rule is made of it."""
    mails = [newsletter(sender, "今週のおすすめ新商品とセール情報") for sender in (NEWS, NEWS, SALE)]
    mails += [newsletter(SALE, "Re: hello", In_Reply_To="<1@example.co.jp>"), order(NEWS, "ご注文の確認")]
    folder = judged(tmp_path, *mails)
    for words in (["decide", NEWS, "park"], ["decide", SALE, "park"]):
        assert main(["--dir", str(folder), *words]) == 0
    return folder


def export(move: Path, *words: str) -> int:
    return main(["--dir", str(move), "rules", "export", *words])


@pytest.mark.parametrize(
    ("form", "shown", "left"),
    [
        ("sieve", [f'"{NEWS}"', 'fileinto :create "広告";'], [SALE]),
        ("postfix", ["# Made by migrator"], [NEWS, SALE]),
        ("exchange", ["'^news@shop\\.example$'", "-ExceptIfSubjectMatchesPatterns"], [SALE]),
    ],
)
def test_rules_go_to_stdout_and_what_is_left_out_to_stderr(
    move: Path, capsys: pytest.CaptureFixture[str], form: str, shown: list[str], left: list[str]
) -> None:
    capsys.readouterr()
    assert export(move, "--format", form, *(["--folder", "広告"] if form == "sieve" else [])) == 0
    said = capsys.readouterr()
    assert [each for each in shown if each not in said.out] == []
    told = [line for line in said.err.splitlines() if "[rules." in line]
    assert [name for name in (NEWS, SALE) if any(name in line for line in told)] == left
    assert [name for name in left if name.replace(".", "\\.") in said.out or name in said.out] == []


def test_a_file_is_new_and_its_owners_alone(move: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = move / "parked.csv"
    assert export(move, "--format", "unsubscribe", "--out", str(out)) == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8-sig"))))
    assert [(row["sender"], row["mails"], row["https"]) for row in rows] == [
        (NEWS, "3", "https://shop.example/stop"),
        (SALE, "2", "https://shop.example/stop"),
    ]
    assert export(move, "--format", "unsubscribe", "--out", str(out)) == 2
    assert "[rules.not-written]" in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["", " ", "a\nb", "a\u202eb"])
def test_a_folder_in_no_one_line_is_refused(move: Path, capsys: pytest.CaptureFixture[str], folder: str) -> None:
    assert export(move, "--format", "sieve", "--folder", folder) == 2
    assert "[rules.folder]" in capsys.readouterr().err
