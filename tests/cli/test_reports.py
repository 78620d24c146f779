"""`migrator report` writes one file in the language asked for, of what is staged and judged."""

from pathlib import Path

import pytest

from migrator.cli import main
from tests.cli.moves import judged
from tests.migrator.rules.companies import newsletter
from tests.roads import mail


def test_a_report_is_one_file_in_each_language(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    letters = [newsletter("news@shop.example", f"今週のおすすめ新商品とセール情報 {number}") for number in range(3)]
    folder = judged(tmp_path, *letters, mail("見積の件"))
    for lang, title in (("ja", "旧メールシステム診断書"), ("en", "Health report of the old mail system")):
        assert main(["--dir", str(folder), "--lang", lang, "report", "--free", "0.5"]) == 0
        file = folder / "reports" / f"report-{lang}.html"
        assert str(file) in capsys.readouterr().out
        text = file.read_text(encoding="utf-8")
        assert title in text
        assert "75%" in text
        assert "500 MB" in text
        assert "sato" in text


def test_a_file_that_cannot_be_written_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = judged(tmp_path, mail("one"))
    assert main(["--dir", str(folder), "report", "--out", str(folder)]) == 2
    assert "[sheet.unwritable]" in capsys.readouterr().err
