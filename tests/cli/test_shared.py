"""`migrator shared`: what is listed, who waits, and what differs, in both languages and within 80 columns."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len

from adapters.memory import World, forget, world
from migrator import settings
from migrator.cli import main, migration
from migrator.inboxes import Status, WorkState
from migrator.review.topics.inboxes.lossy import LOSSY
from migrator.shared.links import Link, Shared
from migrator.staging.books import rulings_book
from migrator.staging.store import Staging
from migrator.steps.rulings import LINKS, TWO, link_row
from tests.desks import asked, two_desks

SETTINGS = """
[staging]
url = "sqlite:///staging.db"

[source]
adapter = "memory"
world = "{name}-old"

[filters]
own_domains = ["example.co.jp"]

[targets.new]
adapter = "memory"
world = "{name}-new"
role = "rehearsal"
late_commit = 0
"""


@pytest.fixture
def name() -> Iterator[str]:
    name = uuid.uuid4().hex
    yield name
    forget(f"{name}-old")
    forget(f"{name}-new")


@pytest.fixture
def old(name: str) -> World:
    two_desks(world(f"{name}-old"))
    return world(f"{name}-old")


@pytest.fixture
def move(tmp_path: Path, name: str, old: World) -> Path:
    """A folder with a staging into which all was extracted."""
    (tmp_path / "migration.toml").write_text(SETTINGS.format(name=name))
    tmp_path.chmod(0o700)
    assert main(["--dir", str(tmp_path), "extract"]) == 1, "one row of the store cannot be read"
    return tmp_path


def shared(move: Path, *words: str) -> int:
    return main(["--dir", str(move), "shared", *words])


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_list_shows_who_may_do_what_and_what_only_people_can_tell(
    move: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert shared(move, "list") == 0
    shown = capsys.readouterr().out
    for word in ("support <support@example.co.jp>", "佐藤 健一", "吉田 浩二 (left)", "nobody has said", "2014-05-01"):
        assert word in shown
    assert "要確認" in shown
    assert shared(move, "list", "--json") == 0
    support = next(line for line in lines(capsys) if line["inbox"] == "support")
    assert support["unanswered"] == 2
    assert support["members"][0]["rights"] == ["admin", "delete", "read", "reply", "send-as"]
    assert support["members"][2] == {
        **support["members"][2],
        **{"principal": "担当12", "known": False, "rights": None, "label": "特別"},
    }
    assert {doubt["code"] for doubt in support["doubts"]} == {"shared.label-unknown", "groupware.line-width"}


@pytest.mark.parametrize("at", ["source", "staging"])
def test_who_waits_is_told_from_one_side_alone(move: Path, capsys: pytest.CaptureFixture[str], at: str) -> None:
    capsys.readouterr()
    assert shared(move, "unanswered", "--at", at, "--json") == 0
    told = {line["conversation"]: line for line in lines(capsys)}
    assert told.keys() == {f"<{number}@mail.example>" for number in (3, 4, 5)}
    line = told["<3@mail.example>"]
    assert {name: line[name] for name in ("inbox", "customer", "subject", "assignee", "status", "label", "at")} == {
        **{"inbox": "support", "customer": "mori@reiji.example", "subject": "another", "assignee": None},
        **{"status": "open", "label": "要確認", "at": [at]},
    }
    assert line["waiting_since"] == "2014-05-03T09:00:00+00:00"
    assert line["items"] == [{"folder": "受信箱", "key": line["items"][0]["key"]}]


def test_the_source_is_asked_alone_and_no_staging_is_needed(
    tmp_path: Path, name: str, old: World, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "migration.toml").write_text(SETTINGS.format(name=name))
    assert shared(tmp_path, "unanswered", "--at", "source", "--json") == 0
    assert len(lines(capsys)) == 3
    assert shared(tmp_path, "unanswered", "--at", "staging") == 2


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_what_people_read_stays_within_a_terminal(
    move: Path, old: World, capsys: pytest.CaptureFixture[str], lang: str
) -> None:
    asked(old, "support", "8", subject="=?utf-8?B?" + "44GK" * 60 + "?=")
    capsys.readouterr()
    assert main(["--lang", lang, "--dir", str(move), "shared", "list"]) == 0
    assert all(cell_len(line) <= 80 for line in capsys.readouterr().out.splitlines())
    assert main(["--lang", lang, "--dir", str(move), "shared", "unanswered", "--at", "source"]) == 0
    shown = capsys.readouterr().out
    assert all(cell_len(line) <= 80 for line in shown.splitlines())
    assert ("wait for an answer" in shown) == (lang == "en")


def test_views_that_are_equal_say_so_and_a_difference_is_named_and_ends_in_1(
    move: Path, old: World, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert shared(move, "unanswered") == 0
    assert "same wherever one looks" in capsys.readouterr().out
    state = old.desks["support"].work["s2"]
    assert isinstance(state, WorkState)
    old.desks["support"].tell(replace(state, status=Status.CLOSED))
    assert shared(move, "unanswered") == 1
    assert "shared.done-there" in capsys.readouterr().err
    assert shared(move, "unanswered", "--json") == 1
    told = lines(capsys)
    assert [line["at"] for line in told if line.get("conversation") == "<3@mail.example>"] == [["staging"]]
    assert [line["difference"]["code"] for line in told if "difference" in line] == ["shared.done-there"]


def test_a_target_that_was_loaded_is_a_view_too(
    move: Path, old: World, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    old.desks["support"].work.clear()
    assert main(["--dir", str(move), "extract"]) == 0
    assert main(["--dir", str(move), "load", "new"]) == 0
    capsys.readouterr()
    assert shared(move, "unanswered") == 0
    assert "new" in capsys.readouterr().out.splitlines()[0]
    new = world(f"{name}-new")
    (number,) = [number for number, mail in new.boxes["sales", ("INBOX",)].mails.items()]
    new.delete("sales", ("INBOX",), number)
    assert shared(move, "unanswered") == 1
    assert capsys.readouterr().err.count("shared.missing-there") == 2
    assert shared(move, "unanswered", "--at", "new", "--json") == 0
    assert {line["inbox"] for line in lines(capsys)} == {"support"}


def test_a_persons_word_on_a_link_counts_wherever_the_command_looks(
    move: Path, old: World, capsys: pytest.CaptureFixture[str]
) -> None:
    old.desks["support"].work.clear()
    asked(old, "support", "21", subject="another", days=4)
    assert main(["--dir", str(move), "extract"]) == 0
    assert main(["--dir", str(move), "load", "new"]) == 0

    def waiting(at: str) -> set[str]:
        capsys.readouterr()
        assert shared(move, "unanswered", "--at", at, "--json") == 0
        return {line["conversation"] for line in lines(capsys) if line["subject"] == "another"}

    first, second = "<3@mail.example>", "<21@mail.example>"
    assert [waiting(at) for at in ("source", "staging", "new")] == [{first}] * 3
    with Staging.open("sqlite:///staging.db", folder=move) as staging:
        row = link_row(old.desks["support"].inbox, Link(first=first, second=second, evidence=Shared.PARTY))
        rulings_book(staging, LINKS).write({row: TWO}, by="sato", why="", seen=0)
    assert [waiting(at) for at in ("source", "staging", "new")] == [{first, second}] * 3
    assert shared(move, "unanswered") == 0


def test_what_a_rehearsed_load_says_of_every_fact_is_asked_on_the_review_page(
    move: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def asked_about() -> set[str]:
        with Staging.open("sqlite:///staging.db", folder=move) as staging:
            return {row.id for row in migration.desk(settings.load(move), staging).sheet(LOSSY).rows}

    assert asked_about() == set()
    main(["--dir", str(move), "load", "new", "--dry-run", "--sign-lost"])
    told = [json.loads(line) for line in (move / "reports" / "shared-new.jsonl").read_text("utf-8").splitlines()]
    classes = {(line["inbox"], line["fidelity"]) for line in told if line["fidelity"] != "exact"}
    assert ("support", "dropped") in classes
    assert len(asked_about()) == len(classes)
    assert [file.name for file in (move / "reports").glob("shared*")] == ["shared-new.jsonl"]


def test_a_waiting_mail_that_would_stay_behind_ends_in_1(move: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--dir", str(move), "decide", "mori@reiji.example", "park"]) == 0
    capsys.readouterr()
    assert shared(move, "unanswered") == 1
    assert capsys.readouterr().err.count("shared.would-park") == 3


def test_without_own_domains_nothing_is_guessed(move: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = move / "migration.toml"
    settings.write_text(settings.read_text().replace('own_domains = ["example.co.jp"]', ""))
    assert shared(move, "unanswered", "--at", "staging") == 2
    assert "shared.no-own-domains" in capsys.readouterr().err


def test_export_writes_a_folder_and_an_unknown_charset_nothing(move: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shared(move, "export", str(move / "out"), "--charset", "euc-jp") == 2
    assert not (move / "out").exists()
    capsys.readouterr()
    assert shared(move, "export", str(move / "out"), "--charset", "cp932") == 0
    assert "2 inboxes, 4 conversations, 5 mails" in capsys.readouterr().out
    assert shared(move, "export", str(move / "out")) == 2
    assert (move / "out" / "sales" / "mails.zip").exists()


def test_a_rehearsal_in_json_is_one_value_whatever_becomes_of_the_inboxes(
    move: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["--dir", str(move), "rehearse", "new", "--json"]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["rehearsal"] == 1
    assert "support" in said.err
