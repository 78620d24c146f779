"""`migrator rehearse`: the whole road against a test target, a generation of its own, and what is not as it was."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.memory import World, forget, world
from migrator.cli import main
from migrator.reports.page import rehearsal_page
from tests.cli.moves import SETTINGS
from tests.migrator.rules.companies import newsletter
from tests.roads import mail

TARGETS = """
[targets.test]
adapter = "memory"
world = "rehearsed"
role = "rehearsal"

[targets.real]
adapter = "memory"
world = "real"

[waves.first]
accounts = ["sa*"]
"""

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, staging_url: str) -> Iterator[Path]:
    """A migration folder that has three of sato's mails before it, and one of kato's."""
    for account in ("sato", "kato"):
        for each in ("cur", "new", "tmp"):
            (tmp_path / "old" / account / each).mkdir(parents=True)
    for name in ("one", "two", "three"):
        put(tmp_path, "sato", name, mail(name))
    put(tmp_path, "kato", "four", mail("four"))
    made = tmp_path / "move"
    made.mkdir(mode=0o700)
    text = SETTINGS.format(old=tmp_path / "old").replace("sqlite:///staging.db", staging_url) + TARGETS
    (made / "migration.toml").write_text(text, encoding="utf-8")
    yield made
    forget("rehearsed")
    forget("real")


def put(root: Path, account: str, name: str, raw: bytes) -> None:
    (root / "old" / account / "cur" / f"{name}:2,S").write_bytes(raw)


def told(folder: Path, capsys: Capture, *words: str, code: int = 0) -> dict[str, Any]:
    """What a rehearsal says as JSON."""
    capsys.readouterr()
    ended = main(["--dir", str(folder), "rehearse", *words, "--json"])
    out, err = capsys.readouterr()
    assert ended == code, err
    value: dict[str, Any] = json.loads(out)
    return value


def said(folder: Path, capsys: Capture, *words: str, code: int = 0) -> str:
    """What a command writes on stdout."""
    capsys.readouterr()
    assert main(["--dir", str(folder), *words]) == code, capsys.readouterr().err
    return capsys.readouterr().out


def complaint(folder: Path, capsys: Capture, *words: str) -> str:
    capsys.readouterr()
    assert main(["--dir", str(folder), *words]) == 2
    return re.findall(r"\[([a-z.-]+)\]", capsys.readouterr().err)[-1]


def held(there: World) -> int:
    """Mails in all of sato's and kato's places."""
    return sum(len(there.mails(owner, ("INBOX",))) for owner in ("sato", "kato"))


def test_without_a_target_it_goes_into_files_and_says_what_that_cannot_show(folder: Path, capsys: Capture) -> None:
    value = told(folder, capsys)
    assert (value["generation"], value["totals"]["loaded"], value["closed"]) == ("rehearsals#1", 4, True)
    assert len(list((folder / "rehearsals").rglob("cur/*"))) == 4
    assert {each["code"] for each in value["shows_not"]} >= {"rehearsal.shows-no-refusals", "rehearsal.shows-no-rights"}
    assert json.loads((folder / "reports" / "rehearsal-1.json").read_text(encoding="utf-8")) == value
    assert "<script" not in (folder / "reports" / "rehearsal-1.html").read_text(encoding="utf-8")


def test_production_is_refused_and_nothing_is_read_or_sent(folder: Path, capsys: Capture) -> None:
    assert complaint(folder, capsys, "rehearse", "real") == "rehearse.production"
    assert complaint(folder, capsys, "rehearse", "real", "--wipe") == "rehearse.production"
    assert json.loads(said(folder, capsys, "runs", "--json")) == []
    assert held(world("real")) == 0


def test_a_target_with_strangers_mail_is_refused(folder: Path, capsys: Capture) -> None:
    world("rehearsed").add("sato", ("INBOX",), mail("a person's own"))
    assert complaint(folder, capsys, "rehearse", "test") == "rehearse.strangers"
    assert held(world("rehearsed")) == 1


def test_a_real_targets_ledger_does_not_see_a_rehearsal(folder: Path, capsys: Capture) -> None:
    said(folder, capsys, "extract")
    said(folder, capsys, "load", "real", "--account", "kato")
    before = said(folder, capsys, "ledger", "real", "--json")
    told(folder, capsys, "test")
    told(folder, capsys, "test", "--wipe")
    assert said(folder, capsys, "ledger", "real", "--json") == before


def test_a_targets_name_means_its_newest_rehearsal_and_older_ones_can_be_asked_for(
    folder: Path, capsys: Capture
) -> None:
    told(folder, capsys, "test")
    assert told(folder, capsys, "test", "--wipe")["generation"] == "test#2"
    assert json.loads(said(folder, capsys, "status", "--json"))["targets"]["test"]["loaded"] == 4
    assert json.loads(said(folder, capsys, "ledger", "test", "--json"))["totals"]["loaded"] == 4
    assert json.loads(said(folder, capsys, "ledger", "test#1", "--json", code=1))["totals"]["loaded"] == 0
    (line,) = said(folder, capsys, "find", "one@example", "--json").splitlines()
    assert json.loads(line)["targets"]["test"]["state"] == "loaded"
    assert json.loads(said(folder, capsys, "verify", "test", "--json"))["checked"] == 4
    assert held(world("rehearsed")) == 4


def test_a_rehearsal_goes_on_where_the_last_one_lies_and_names_each_difference(
    folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    assert told(folder, capsys, "test")["differences"] is None
    put(tmp_path, "sato", "five", mail("five"))
    put(tmp_path, "kato", "broken", b"")
    (tmp_path / "old" / "sato" / "cur" / "one:2,S").rename(tmp_path / "old" / "sato" / "cur" / "one:2,FS")
    (tmp_path / "old" / "kato" / "cur" / "four:2,S").unlink()
    put(tmp_path, "sato", "news", newsletter("news@shop.example", "今週のおすすめ"))
    said(folder, capsys, "extract", code=1)
    said(folder, capsys, "judge")
    said(folder, capsys, "decide", "news@shop.example", "park")
    settings = folder / "migration.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + '\n[accounts]\nsato = "sato.k"\n', encoding="utf-8")
    value = told(folder, capsys, "test", code=1)
    found = value["differences"]
    assert (found["since"], found["new"], found["flags"], found["gone"]) == (1, 3, 1, 1)
    assert [(each["account"], each["key"]) for each in found["newly_broken"]] == [("kato", "broken")]
    assert [(each["sender"], each["was"], each["now"]) for each in found["newly_parked"]] == [
        ("news@shop.example", 0, 1)
    ]
    assert {(each["account"], each["was"], each["now"]) for each in found["mapping"]} == {
        ("sato", "sato/INBOX", "sato.k/INBOX")
    }
    assert {(each["account"], each["was"], each["now"]) for each in found["folders"]} == {
        ("sato", 3, 5),
        ("kato", 1, 2),
    }
    assert value["goes_on"]


def test_what_somebody_touched_stays_is_named_and_does_not_stop_the_next(folder: Path, capsys: Capture) -> None:
    told(folder, capsys, "test")
    there = world("rehearsed")
    there.flag("sato", ("INBOX",), 1, {"\\Flagged"})
    out = said(folder, capsys, "rehearse", "test", "--wipe")
    assert "touched  sato/INBOX" in out
    assert held(there) == 5


def test_an_undone_rehearsal_is_gone_and_the_next_is_a_new_one(folder: Path, capsys: Capture) -> None:
    told(folder, capsys, "test")
    (load,) = (each["run"] for each in json.loads(said(folder, capsys, "runs", "--json")) if each["step"] == "load")
    said(folder, capsys, "undo", load, "--yes")
    assert held(world("rehearsed")) == 0
    value = told(folder, capsys, "test")
    assert (value["rehearsal"], value["generation"], value["goes_on"]) == (2, "test#2", False)


def test_a_wave_is_rehearsed_alone(folder: Path, capsys: Capture) -> None:
    value = told(folder, capsys, "test", "--wave", "first")
    assert (value["totals"]["loaded"], value["closed"]) == (3, True)
    assert {each["account"] for each in value["folders"]} == {"sato"}
    assert complaint(folder, capsys, "rehearse", "test", "--wave", "none") == "settings.no-wave"


def test_a_target_cannot_have_the_name_of_a_rehearsal(folder: Path, capsys: Capture) -> None:
    settings = folder / "migration.toml"
    text = settings.read_text(encoding="utf-8")
    for name in ("test#1", "rehearsals"):
        settings.write_text(text.replace("[targets.test]", f'[targets."{name}"]'), encoding="utf-8")
        assert complaint(folder, capsys, "check") == "settings.target-name"


def test_a_report_of_a_thousand_differences_fits_in_300_kb(folder: Path, capsys: Capture) -> None:
    value = told(folder, capsys)
    hostile = "<script src=//x.example/a.js></script>\x1b[2J‮"
    rows = [{"account": hostile, "folder": "x" * 80, "key": str(n), "code": "health.empty"} for n in range(1000)]
    value["differences"] = {
        **dict.fromkeys(("since", "new", "bytes", "rewritten", "flags", "moved", "gone"), 1),
        "newly_broken": rows,
        "no_longer_broken": rows,
        "newly_refused": [],
        "newly_parked": [{"sender": hostile, "was": 0, "now": n} for n in range(1000)],
        "no_longer_parked": [],
        "folders": [{"account": hostile, "folder": str(n), "was": None, "now": n} for n in range(1000)],
        "mapping": [{"account": hostile, "folder": str(n), "was": None, "now": hostile} for n in range(1000)],
    }
    text = rehearsal_page(value)
    assert len(text.encode()) < 300_000
    assert "<script" not in text
    assert "\x1b" not in text
