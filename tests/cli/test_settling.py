"""A person's word on where mail goes: it stops a load, and becomes a line that the operator writes; never a setting."""

import tomllib
import uuid
from pathlib import Path

import pytest

from adapters.memory import World, world
from migrator.cli import main
from migrator.review.settling import lines
from migrator.review.topic import Row
from migrator.staging.books import Said, Span, row_id, rulings_book
from migrator.staging.store import Staging, now
from tests.roads import mail


class Place:
    """A migration folder over two memory worlds."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o700)
        self.folder, self.name = folder, uuid.uuid4().hex
        self.write("")
        for account in ("sato", "suzuki"):
            self.world("old").add(account, ("案件", "A社"), mail(account))
        assert self.run("extract") == 0

    def world(self, side: str) -> World:
        return world(f"{self.name}-{side}")

    def write(self, *more: str) -> None:
        """migration.toml, and what is said there beside the two systems."""
        systems = [
            *("[source]", 'adapter = "memory"', f'world = "{self.name}-old"'),
            *("[targets.new]", 'adapter = "memory"', f'world = "{self.name}-new"', "late_commit = 0"),
        ]
        (self.folder / "migration.toml").write_text("\n".join([*systems, *more]), encoding="utf-8")

    def run(self, *words: str) -> int:
        return main(["--lang", "en", "--dir", str(self.folder), *words])

    def say(self, topic: str, word: str, *names: str) -> None:
        """As the page and the spreadsheet write it."""
        sheet = self.folder / "sheet.csv"
        assert self.run("decisions", "export", str(sheet), "--topic", topic) == 0
        row = row_id("a" if topic == "accounts" else "f", *names)
        marked = [
            line.removesuffix(",,") + f",{word},because" if line.startswith(row) else line
            for line in sheet.read_text(encoding="utf-8-sig").splitlines()
        ]
        sheet.write_text("\n".join(marked), encoding="utf-8")
        assert self.run("decisions", "import", str(sheet)) == 0


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_nothing_of_an_account_is_loaded_before_settings_and_people_agree(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.run("decisions", "settings") == 0
    place.say("accounts", "suzuki.t@example.co.jp", "suzuki")
    capsys.readouterr()
    assert place.run("load", "new") == 2
    assert "[review.unsettled]" in capsys.readouterr().err
    assert place.run("check") == 1
    assert "[accounts]" in capsys.readouterr().out
    assert place.run("load", "new", "--dry-run") == 0
    assert place.world("new").boxes == {}
    assert place.run("load", "new", "--account", "sato") == 0
    assert {owner for owner, _path in place.world("new").boxes} == {"sato"}
    capsys.readouterr()
    assert place.run("decisions", "settings") == 1
    said = capsys.readouterr().out
    assert tomllib.loads(said) == {"accounts": {"suzuki": "suzuki.t@example.co.jp"}}
    place.write(said)
    assert place.run("decisions", "settings") == 0
    assert place.run("load", "new") == 0
    assert {owner for owner, _path in place.world("new").boxes} == {"sato", "suzuki.t@example.co.jp"}


def test_a_place_for_a_folder_is_written_as_the_settings_want_it(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.say("folders", " 顧客 / 2014/ A ", "案件", "A社", "\0", "案件", "A社")
    assert place.run("load", "new", "--account", "sato") == 2
    capsys.readouterr()
    assert place.run("decisions", "settings") == 1
    said = capsys.readouterr().out
    assert tomllib.loads(said) == {"folders": {"案件/A社": "顧客/2014/A"}}
    place.write(said)
    assert place.run("load", "new") == 0
    assert {path for _owner, path in place.world("new").boxes} >= {("顧客", "2014", "A")}


def test_who_says_only_that_it_is_wrong_stops_it_too_and_is_named(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.say("accounts", "wrong", "suzuki")
    assert place.run("load", "new") == 2
    capsys.readouterr()
    assert place.run("decisions", "settings") == 1
    said = capsys.readouterr().out
    assert '# "suzuki" = ?' in said
    assert "because" in said
    with Staging.open("sqlite:///staging.db", folder=place.folder) as staging:
        (ruling,) = rulings_book(staging, "accounts").in_force().values()
        assert isinstance(
            rulings_book(staging, "accounts").undo(Span(ruling.number, ruling.number, 1), by=ruling.by), Span
        )
    assert place.run("load", "new") == 0


@pytest.mark.parametrize("text", ['a"b', "a\\b", "a\x7fb", "a\u202eb", "[x]\n[y]", "#", "𝅳", "案件/A社"])
def test_whatever_somebody_wrote_is_one_line_of_toml_and_says_that(text: str) -> None:
    said = Said(number=1, subject="a1", verdict=text, by=f"sato{text}", why=text, at=now())
    row = Row(id="a1", subject="a1", title=text, proposal="x", accepts="right", setting=text, said=said)
    (line,) = lines([row])
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    assert tomllib.loads(line) == {text: text}
