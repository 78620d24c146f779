"""The commands about waves, as they are typed: what each says, and how it ends."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.memory import forget, world
from migrator.cli import main
from migrator.errors import Reason
from tests.journeys.signing import sign_everything
from tests.roads import mail

SETTINGS = """
[source]
adapter = "memory"
world = "{name}-old"

[targets.new]
adapter = "memory"
world = "{name}-new"

[filters]
own_domains = ["example.co.jp"]

[waves.first]
accounts = ["sato", "k*"]

[waves.later]
accounts = ["mori"]
"""

Ends = Callable[..., str]


@pytest.fixture
def name(tmp_path: Path) -> Iterator[str]:
    name = uuid.uuid4().hex
    (tmp_path / "migration.toml").write_text(SETTINGS.format(name=name))
    for account in ("sato", "kato", "mori", "nobody"):
        for number in range(2):
            world(f"{name}-old").add(account, ("INBOX",), mail(f"{account}-{number}"))
    yield name
    forget(f"{name}-old")
    forget(f"{name}-new")


@pytest.fixture
def ends(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> Ends:
    """Type a command, and see how it ends; all that it said."""

    def run(code: int, *words: str) -> str:
        capsys.readouterr()
        assert main([*words, "--dir", str(tmp_path)]) == code, (words, capsys.readouterr())
        said = capsys.readouterr()
        return said.out if "--json" in words else said.out + said.err

    return run


def arrived(name: str) -> dict[str, int]:
    boxes = world(f"{name}-new").boxes
    return {owner: len(world(f"{name}-new").mails(owner, path)) for owner, path in boxes if path == ("INBOX",)}


def of(ends: Ends, wave: str) -> Any:
    return next(each for each in json.loads(ends(0, "wave", "list", "--json"))["waves"] if each["wave"] == wave)


def test_a_wave_from_its_plan_to_the_signature_and_back(ends: Ends, name: str, tmp_path: Path) -> None:
    ends(0, "extract")
    listed = json.loads(ends(0, "wave", "list", "--json"))
    assert listed["in_no_wave"] == ["nobody"]
    (first, _later) = listed["waves"]
    assert (first["state"], first["accounts"], first["counts"]) == ("planned", ["kato", "sato"], {"to_do": 4})
    assert {(each["code"], each["stops"]) for each in first["against"]} == {("wave.unsigned", True)}
    said = ends(2, "load", "new", "--wave", "first")
    assert "[wave.unsigned]" in said
    assert "[wave.not-ready]" in said
    ends(0, "load", "new", "--wave", "first", "--dry-run")
    assert arrived(name) == {}

    sign_everything(tmp_path)
    assert of(ends, "first")["against"] == []
    assert "[wave.not-delta]" in ends(1, "wave", "cutover", "first")
    ends(0, "wave", "pause", "first")
    assert "[wave.paused]" in ends(2, "load", "new", "--wave", "first")
    assert "[wave.paused]" in ends(2, "load", "new")
    ends(0, "load", "new", "--wave", "later")
    ends(0, "wave", "resume", "first")
    assert "[wave.nothing-said]" in ends(2, "wave", "resume", "first")
    ends(0, "load", "new", "--wave", "first")
    assert arrived(name) == {"mori": 2, "kato": 2, "sato": 2}
    assert of(ends, "first")["state"] == "delta"

    assert "[wave.not-cut-over]" in ends(2, "wave", "complete", "first")
    assert "Go." in ends(0, "wave", "cutover", "first")
    assert of(ends, "first")["cut_over"] is None
    assert "migrator load new --wave first" in ends(0, "wave", "cutover", "first", "--yes")
    assert "[wave.cut-over]" in ends(2, "wave", "cutover", "first", "--yes")
    world(f"{name}-old").add("sato", ("INBOX",), mail("last"))
    assert "[wave.left-out]" in ends(0, "extract")
    said = ends(1, "wave", "complete", "first", "--yes")
    assert "[wave.unverified]" in said
    assert "unexplained_source" in said
    ends(0, "extract", "--wave", "first")
    assert "to_do" in ends(1, "wave", "complete", "first", "--yes")
    assert "[wave.left-out]" in ends(0, "load", "new")
    ends(0, "load", "new", "--wave", "first")
    ends(0, "verify", "new", "--wave", "first")
    ends(0, "wave", "complete", "first")
    assert of(ends, "first")["state"] == "cut-over"
    ends(0, "wave", "complete", "first", "--yes")
    for words in (("load", "new"), ("extract",), ("undo",)):
        assert "[wave.signed]" in ends(2, *words, "--wave", "first")

    assert "[wave.resume-what]" in ends(2, "wave", "resume", "first")
    ends(0, "wave", "resume", "first", "--yes")
    assert of(ends, "first")["state"] == "cut-over"
    ends(0, "undo", "--wave", "first")
    assert arrived(name) == {"nobody": 2, "mori": 2, "kato": 2, "sato": 3}
    ends(0, "undo", "--wave", "first", "--yes")
    assert arrived(name) == {"nobody": 2, "mori": 2, "kato": 0, "sato": 0}
    ends(0, "wave", "resume", "first", "--yes")
    assert of(ends, "first")["state"] == "loading"
    ends(0, "load", "new", "--wave", "first")
    assert arrived(name) == {"nobody": 2, "mori": 2, "kato": 2, "sato": 3}


def test_what_stays_behind_must_be_signed_before_the_wave_is(ends: Ends, name: str, tmp_path: Path) -> None:
    world(f"{name}-old").spoil("mori", ("INBOX",), Reason("mail.file-unreadable", path="x", answer="EIO"))
    world(f"{name}-old").litter("mori", ("INBOX",), "lock")
    ends(1, "extract")
    sign_everything(tmp_path)
    ends(0, "load", "new", "--wave", "later")
    ends(0, "verify", "new", "--wave", "later")
    ends(0, "wave", "cutover", "later", "--yes")
    said = ends(0, "wave", "complete", "later")
    assert "unreadable at the source" in said
    assert "no mail, by a rule" in said
    ends(0, "wave", "resume", "later", "--yes")
    world(f"{name}-old").spoil("mori", ("INBOX",), Reason("mail.file-unreadable", path="y", answer="EIO"))
    ends(1, "extract", "--wave", "later")
    ends(0, "wave", "cutover", "later", "--yes")
    assert "Damaged and unreadable" in ends(1, "wave", "complete", "later", "--yes")
    sign_everything(tmp_path)
    ends(0, "wave", "complete", "later", "--yes")


def test_a_wave_that_is_named_is_looked_at_where_it_goes(ends: Ends, name: str, tmp_path: Path) -> None:
    world(f"{name}-new").limits = replace(world(f"{name}-new").limits, item_bytes=10)
    ends(0, "extract")
    assert "[check.will-refuse]" not in ends(0, "wave", "list")
    assert "[check.will-refuse]" in ends(0, "wave", "list", "first")


def test_check_names_what_is_wrong_with_the_waves(ends: Ends, tmp_path: Path) -> None:
    ends(0, "check")
    file = tmp_path / "migration.toml"
    file.write_text(file.read_text() + '[waves.third]\naccounts = ["m*", "nobody-else"]\ntarget = "nowhere"\n')
    said = ends(1, "check")
    for code in ("wave.account-in-two", "wave.no-such-account", "settings.no-target"):
        assert f"[{code}]" in said
    ends(0, "extract")
    assert "[wave.account-in-two]" in ends(2, "wave", "list")


def test_quiet_hours_end_a_load_with_75_and_say_until_when(ends: Ends, name: str, tmp_path: Path) -> None:
    file = tmp_path / "migration.toml"
    file.write_text(file.read_text() + 'quiet = "00:00-00:00"\n')
    ends(0, "extract")
    sign_everything(tmp_path)
    assert "[load.quiet-hours]" in ends(75, "load", "new", "--wave", "later")
    ends(0, "load", "new", "--wave", "first")
    assert arrived(name) == {"kato": 2, "sato": 2}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("load", "new", "--wave", "thrid"), "settings.no-wave"),
        (("extract", "--wave", "first", "--account", "sato"), "wave.or-account"),
        (("undo",), "undo.what"),
        (("undo", "3", "--wave", "first"), "undo.what"),
        (("wave", "pause", "thrid"), "settings.no-wave"),
    ],
)
def test_what_is_mistyped_is_told(ends: Ends, words: tuple[str, ...], code: str) -> None:
    ends(0, "extract")
    assert f"[{code}]" in ends(2, *words)


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_what_is_told_of_waves_fits_a_terminal(ends: Ends, name: str, lang: str) -> None:
    from rich.cells import cell_len

    for number in range(150):
        world(f"{name}-old").add("sato", ("INBOX",), mail(f"more-{number}"))
    ends(0, "extract")
    ends(0, "load", "new", "--account", "sato")
    said = ends(0, "wave", "list", "--lang", lang)
    assert "0:01 (0:01-0:01)" in said
    assert len(said.splitlines()) > 4
    assert max(map(cell_len, said.splitlines())) <= 80


@pytest.mark.parametrize("line", ['quiet = "8-19"', 'zone = "Tokyo"', "lanes = 0", 'quiet = "25:00-26:00"'])
def test_a_wrong_measure_is_told_with_its_line(ends: Ends, tmp_path: Path, line: str) -> None:
    file = tmp_path / "migration.toml"
    file.write_text(file.read_text() + line + "\n")
    said = ends(2, "wave", "list")
    assert f"line {len(file.read_text().splitlines())}: waves.later.{line.split()[0]} " in said
    assert "[0-5]" not in said
