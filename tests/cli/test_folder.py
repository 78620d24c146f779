"""`migrator init`: a folder one can go on from, and nothing overwritten."""

import re
import stat
import tomllib
from pathlib import Path

import pytest

from migrator.cli import main
from migrator.locale import LANGUAGES, Language, template
from migrator.settings import load


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_init_makes_is_private_and_loads(tmp_path: Path, lang: Language) -> None:
    folder = tmp_path / "move" / "2027"
    assert main(["init", str(folder), "--lang", lang]) == 0
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")} == {0o600, 0o700}
    assert load(folder).target("rehearsal").role == "rehearsal"


def test_init_writes_in_the_language_spoken(tmp_path: Path) -> None:
    main(["init", str(tmp_path / "ja"), "--lang", "ja"])
    main(["init", str(tmp_path / "en"), "--lang", "en"])
    assert "移行元" in (tmp_path / "ja" / "migration.toml").read_text(encoding="utf-8")
    assert "the old system" in (tmp_path / "en" / "migration.toml").read_text(encoding="utf-8")


def test_init_leaves_a_file_that_is_there_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "migration.toml").write_text("mine")
    assert main(["init", str(tmp_path)]) == 2
    assert (tmp_path / "migration.toml").read_text() == "mine"
    assert "[init.exists]" in capsys.readouterr().err


def test_init_where_nothing_can_be_made_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["init", str(tmp_path / "file" / "below")]) == 2
    assert "[init.failed]" in capsys.readouterr().err


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_example_in_the_template_loads_when_it_is_uncommented(tmp_path: Path, lang: Language) -> None:
    uncommented = re.sub(r"(?m)^# (?=\[|[\"\w]+ = )", "", template("migration.toml", lang))
    first, _, rest = uncommented.partition('url = "postgresql')  # the second way to say the same key
    (tmp_path / "migration.toml").write_text(first + "#" + rest, encoding="utf-8")
    tmp_path.chmod(0o700)
    settings = load(tmp_path)
    assert set(settings.targets) == {"rehearsal", "new"}
    assert settings.waves["pilot"].accounts == ("soumu", "sato")
    assert set(settings.review.reviewers) == {"suzuki"}


def test_both_templates_say_the_same() -> None:
    assert tomllib.loads(template("migration.toml", "en")) == tomllib.loads(template("migration.toml", "ja"))
    keys = [re.findall(r"(?m)^#? ?([\w\"一-龯]+) =", template("migration.toml", lang)) for lang in LANGUAGES]
    assert keys[0] == keys[1]
