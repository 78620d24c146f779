"""The command itself: options that stand anywhere, both languages, and a start that loads little."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from migrator.cli import _hoisted, main
from migrator.cli.app import command

HEAVY = ("sqlalchemy", "alembic", "pydantic", "imapclient", "psycopg", "babel", "pymap", "zstandard", "exchangelib")


def migrator(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    program = "import sys; from migrator.cli import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "80", "TERM": "dumb", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def every_command(root: Any = None, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    root = root or command()
    for name, inner in sorted(getattr(root, "commands", {}).items()):
        if hasattr(inner, "commands"):
            yield from every_command(inner, (*words, name))
        else:
            yield (*words, name), inner


COMMANDS = [pytest.param(*pair, id=" ".join(pair[0])) for pair in every_command()]


@cache
def helps(lang: str) -> dict[str, str]:
    """The help of every command as a terminal shows it; one process a language: texts are looked up at import."""
    words = [list(words) for words, _ in every_command()]
    program = f"""
import contextlib, io, json
from migrator.cli import main
helps = {{}}
for words in {words!r}:
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        assert main([*words, "--help"]) == 0
    helps[" ".join(words)] = shown.getvalue()
print(json.dumps(helps))
"""
    environment = {"PATH": "/usr/bin:/bin", "COLUMNS": "80", "TERM": "dumb", "MIGRATOR_LANG": lang}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_help_needs_no_heavy_library() -> None:
    program = (
        "import sys\nfrom migrator.cli import main\nmain(['--help'])\n"
        f"sys.exit(' '.join(sorted(set(sys.modules) & set({HEAVY!r}))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("typed", "means"),
    [
        (["load", "new", "--dir", "x"], ["--dir", "x", "load", "new"]),
        (["load", "--dir=x", "new", "--lang=ja"], ["--dir", "x", "--lang", "ja", "load", "new"]),
        (["--lang", "ja", "load"], ["--lang", "ja", "load"]),
        (["find", "--", "--dir", "x"], ["find", "--", "--dir", "x"]),
        (["load", "--dir"], ["load", "--dir"]),
        ([], []),
    ],
)
def test_options_of_every_command_may_stand_behind_it(typed: list[str], means: list[str]) -> None:
    assert _hoisted(typed) == means


def test_no_words_at_all_show_the_help() -> None:
    done = migrator()
    assert (done.returncode, done.stderr) == (0, "")
    assert "migrator demo" in done.stdout


@pytest.mark.parametrize("words", [["nosuch"], ["init"], ["init", "--nosuch"], ["--nosuch"], ["--lang", "fr"]])
def test_a_command_line_nobody_understands_is_told_in_one_line(words: list[str]) -> None:
    done = migrator(*words, LANG="ja_JP.UTF-8")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("migrator: ")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["load"], "TARGET がありません"),
        (["lod"], "lod というコマンドはありません（'load' のことですか）"),
        (["load", "--dryrun"], "--dryrun というオプションはありません（--dry-run のことですか）"),
        (["status", "now"], "now は余分です"),
        (["load", "--account"], "--account には値が必要です"),
        (["explain", "x"], "ITEM の値が正しくありません"),
    ],
)
def test_a_mistake_on_the_command_line_is_told_in_japanese(words: list[str], told: str) -> None:
    said = migrator(*words, MIGRATOR_LANG="ja").stderr
    assert told in said
    assert re.search("[a-z]{3,} [a-z]{3,}", said.replace("migrator " + words[0], "")) is None


def test_the_language_is_that_of_the_option_then_of_the_environment() -> None:
    assert "移行フォルダー" in migrator("init", "--help", "--lang", "ja", LANG="en_US.UTF-8").stdout
    assert "移行フォルダー" in migrator("init", "--help", LANG="ja_JP.UTF-8").stdout
    assert "migration folder" in migrator("init", "--help", LANG="ja_JP.UTF-8", MIGRATOR_LANG="en").stdout


@pytest.mark.parametrize(("words", "each"), COMMANDS)
def test_every_command_has_help_and_an_example_in_both_languages(words: tuple[str, ...], each: Any) -> None:
    typed = " ".join(words)
    assert f"Example: migrator {typed}" in helps("en")[typed]
    assert f"例：migrator {typed}" in helps("ja")[typed]
    assert "…" not in helps("ja")[typed]  # cut off: a Japanese help text of an option wants to be short


TYPER = ("Usage", "Options", "Commands", "Arguments", "default", "required", "Show this")


def test_japanese_help_is_japanese_and_cut_off_nowhere() -> None:
    for text in (*helps("ja").values(), migrator("--help", MIGRATOR_LANG="ja").stdout):
        assert [word for word in TYPER if word in text] == []
        assert "…" not in text
        for line in text.splitlines():
            assert cell_len(line) <= 80
            assert not re.match(r"[│ ]*[、。）」]", line), "a line begins with a closing mark"


def test_english_help_is_as_it_was() -> None:
    assert "Usage: migrator load" in helps("en")["load"]
    assert "Options" in helps("en")["load"]


@pytest.mark.parametrize(("words", "each"), COMMANDS)
def test_every_option_says_what_it_is(words: tuple[str, ...], each: Any) -> None:
    options = [parameter for parameter in each.params if parameter.param_type_name == "option"]
    assert [option.name for option in options if not option.help] == []


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("migrator ")


def test_a_command_outside_a_migration_folder_says_what_to_do(tmp_path: Path) -> None:
    from migrator.cli import console
    from migrator.errors import UsageError

    console.enter(tmp_path)
    tmp_path.chmod(0o755)
    with pytest.raises(UsageError) as caught:
        console.settings()
    assert caught.value.reason.code == "settings.absent"
    assert tmp_path.stat().st_mode & 0o777 == 0o755  # a folder that is none of ours is left alone


def test_a_root_that_is_not_there_is_told_without_a_word_of_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["probe", str(tmp_path / "absent")]) == 2
    told = capsys.readouterr().err
    assert "absent" in told
    assert "migration.toml" not in told
