"""The archive holds every fact and every mail, and a help desk can read it with nothing of ours."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.errors import UsageError
from migrator.inboxes import About, Member, Note, Template
from migrator.staging.store import Staging
from migrator.steps.archive import archive
from tests.desks import two_desks
from tests.roads import Road, road

OWN = ["example.co.jp"]


@pytest.fixture
def way() -> Iterator[Road]:
    with road() as laid:
        two_desks(laid.old)
        yield laid


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def table(path: Path, charset: str = "utf-8-sig") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode(charset), newline="")))


def test_every_mail_is_in_it_once_as_it_came_under_its_digest(way: Road, staging: Staging, tmp_path: Path) -> None:
    way.old.add("support", ("控え",), way.old.mails("support", ("受信箱",))[0].raw)
    way.extract(staging)
    done = archive(staging, OWN, tmp_path / "out")
    assert (done.inboxes, done.mails) == (2, 6)
    raws = {mail.raw.read() for path in (("受信箱",), ("送信済み",)) for mail in way.old.mails("support", path)}
    with zipfile.ZipFile(tmp_path / "out" / "support" / "mails.zip") as file:
        kept = {name: file.read(name) for name in file.namelist()}
    assert set(kept.values()) == raws
    assert all(name == f"{hashlib.sha256(data).hexdigest()}.eml" for name, data in kept.items())
    named = {
        mail["raw_sha256"] for each in lines(tmp_path / "out/support/conversations.jsonl") for mail in each["mails"]
    }
    assert {f"{digest}.eml" for digest in named} == set(kept)


def test_every_fact_is_in_it(way: Road, staging: Staging, tmp_path: Path) -> None:
    desk = way.old.desks["support"]
    desk.tell(Note(key="n9", about=About(), text="about nothing that is there"))
    way.extract(staging)
    archive(staging, OWN, tmp_path / "out")
    home = tmp_path / "out" / "support"
    keys = {state["key"] for each in lines(home / "conversations.jsonl") for state in each["states"]}
    keys |= {each["key"] for name in ("notes", "events", "adrift") for each in lines(home / f"{name}.jsonl")}
    assert keys == {"s1", "s2", "n1", "n9", "e1"}
    assert [each["tag"] for each in table(home / "tags.csv")] == ["返品"]
    assert {row["principal"]: (row["label"], row["rights_known"]) for row in table(home / "members.csv")} == {
        "sato": ("管理", "yes"),
        "yoshida": ("参照", "yes"),
        "担当12": ("特別", ""),
    }
    people = {row["principal"]: row["known"] for row in table(tmp_path / "out/people.csv")}
    assert people == {"sato": "yes", "yoshida": "yes", "m9": "no", "担当12": "no"}
    (text,) = (home / "templates").iterdir()
    assert text.read_text("utf-8") == "Subject: お礼\n\nありがとうございます。\n"
    (closed,) = [each for each in lines(home / "conversations.jsonl") if each["status"] == "closed"]
    assert (closed["label"], closed["assignee"], closed["numbers"], closed["tags"]) == ("完了", "sato", ["1"], ["返品"])
    assert [(each["inbox"], each["key"]) for each in lines(tmp_path / "out/faults.jsonl")] == [("support", "f1")]


@pytest.mark.parametrize("charset", ["utf-8", "cp932"])
def test_a_table_opens_in_a_spreadsheet_and_computes_nothing(
    way: Road, staging: Staging, tmp_path: Path, charset: str
) -> None:
    way.old.desks["sales"].join(Member(key="m8", principal='=cmd|"x"', rights=frozenset(), label="𠮷川"))
    way.extract(staging)
    archive(staging, OWN, tmp_path / "out", charset=charset)
    path = tmp_path / "out" / "sales" / "members.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf") == (charset == "utf-8")
    rows = table(path, "utf-8-sig" if charset == "utf-8" else "cp932")
    assert rows[1]["principal"] == '\'=cmd|"x"'
    assert rows[1]["label"] == ("𠮷川" if charset == "utf-8" else "&#134071;川")


def test_a_name_of_a_template_climbs_nowhere(way: Road, staging: Staging, tmp_path: Path) -> None:
    for number, name in enumerate(("../../x", "..", "", "a" * 300, "\0")):
        way.old.desks["support"].tell(Template(key=f"t{number}", name=name, text="x"))
    way.extract(staging)
    archive(staging, OWN, tmp_path / "out")
    assert len(list((tmp_path / "out" / "support" / "templates").iterdir())) == 6
    assert [each.name for each in tmp_path.iterdir() if each.name != "staging.db" and "staging" not in each.name] == [
        "out"
    ]


def test_it_is_written_into_a_new_folder_alone_and_twice_alike(way: Road, staging: Staging, tmp_path: Path) -> None:
    way.extract(staging)
    for name in ("one", "two"):
        archive(staging, OWN, tmp_path / name)
    files = {path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()}
    assert all((tmp_path / "one" / each).read_bytes() == (tmp_path / "two" / each).read_bytes() for each in files)
    assert (tmp_path / "one").stat().st_mode & 0o077 == 0
    with pytest.raises(UsageError):
        archive(staging, OWN, tmp_path / "one")
