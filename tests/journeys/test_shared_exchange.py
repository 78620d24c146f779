"""Two shared inboxes into an Exchange, looked at by whoever works there: `ews_witness` writes its requests by hand.

The server is our double, which knows what each person may do in which folder; nothing here was seen at Microsoft's.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from migrator.demo.store import build
from tests.journeys import ews_witness as ews
from tests.journeys.journey import Journey
from tests.journeys.witness import INBOXES, PEOPLE, STATES, May, Office, old_store, waiting
from tests.servers.exchange import PASSWORD, SERVICE, Exchange, server
from tests.servers.exchange.rights import LEVELS, Rights

FROM = "no-reply@example.co.jp"
TARGET = """[targets.new]
adapter = "exchange"
endpoint = "{url}"
auth = "basic"
user = "{user}"
password = {{ env = "NEW_PASSWORD" }}
late_commit = 1.0
{more}
"""
FLAGS = {"gw_open": "Flagged", "gw_in-progress": "Flagged", "gw_waiting": "Flagged", "gw_on-hold": "Flagged"}


@dataclass
class Desk(Office):
    exchange: Exchange

    def owner(self, inbox: str) -> ews.Eye:
        return self.person(inbox, inbox)

    def person(self, login: str, inbox: str) -> ews.Eye:
        return ews.eye(self.exchange.url, self.address(login), self.address(inbox))


def settle_in(folder: Path, exchange: Exchange, more: str = "") -> Desk:
    """The demo's groupware, and a migration folder for its two inboxes."""
    build(folder / "old")
    source = {"adapter": "groupware", "mapping": "kyoyu-mail", "root": str(folder / "old")}
    accounts = {login: f"{login}@example.co.jp" for login in (*INBOXES, *PEOPLE)}
    nowhere: Any = None
    journey = Journey(folder / "move", nowhere, source, accounts, port=1, environment={"NEW_PASSWORD": PASSWORD})
    file = journey.folder / "migration.toml"
    target = TARGET.format(url=exchange.url, user=SERVICE, more=more)
    text = re.sub(r"(?s)\[targets\.new\].*?(?=\[accounts\])", lambda _: target, file.read_text())
    shared = f'[shared]\nhistory_from = "{FROM}"\nhistory_language = "ja"\n'
    file.write_text(f'{text}\n[filters]\nown_domains = ["example.co.jp"]\n\n{shared}')
    return Desk(folder / "old", journey, exchange)


def loaded(desk: Desk, *more: str) -> str:
    inboxes = [word for inbox in INBOXES for word in ("--account", inbox)]
    desk.journey.run("extract", *inboxes, code=None)
    return desk.journey.run("load", "new", *inboxes, *more)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with server(*(f"{login}@example.co.jp" for login in (*INBOXES, *PEOPLE))) as exchange:
        yield settle_in(tmp_path, exchange)
        assert exchange.invalid_requests == []
        assert exchange.receipts == []


def test_each_member_may_do_what_the_old_store_let_them_and_nobody_else_anything(desk: Desk) -> None:
    loaded(desk)

    def may(login: str, inbox: str) -> May:
        return ews.tries(desk.person(login, inbox), desk.owner(inbox))

    everything, nothing = May(read=True, flag=True, insert=True, delete=True, admin=True), May()
    reading, answering = May(read=True), May(read=True, flag=True, insert=True)
    assert {login: may(login, "support") for login in PEOPLE} == {
        "kato": everything,
        "suzuki": answering,
        "yoshida": nothing,  # has left
        "tanaka": reading,
        "nakamura": nothing,  # nobody has said what 臨時 means
        "sato": nothing,
        "takagi": nothing,
    }
    assert may("sato", "sales") == everything
    assert may("suzuki", "sales") == reading
    assert may("kato", "sales") == nothing


def test_rights_are_read_back_revoked_and_undone(desk: Desk) -> None:
    loaded(desk)
    kato, suzuki, tanaka = (desk.address(login) for login in ("kato", "suzuki", "tanaka"))
    for folder in ("INBOX", "Sent"):
        assert ews.levels(desk.owner("support"), folder) == {kato: "Owner", suzuki: "Custom", tanaka: "Reviewer"}
    members = desk.root / "share" / "support" / "members.csv"
    text = members.read_bytes().decode("cp932")
    members.write_bytes(re.sub("(?m)^suzuki,.*\r?\n", "", text).replace("tanaka,閲覧", "tanaka,返信").encode("cp932"))
    loaded(desk)
    assert ews.levels(desk.owner("support")) == {kato: "Owner", tanaka: "Custom"}
    runs = sorted((int(run["run"]) for run in desk.journey.json("runs") if run["step"] == "load"), reverse=True)
    for run in runs:
        desk.journey.run("undo", str(run), "--yes", code=None)
    for inbox in INBOXES:
        assert ews.levels(desk.owner(inbox)) == {}
        assert ews.at_target(desk.owner(inbox)) == []


def test_verify_names_the_rights_that_an_administrator_has_changed(desk: Desk) -> None:
    loaded(desk)
    assert desk.journey.json("verify", "new", code=None)["findings"] == []
    inbox = desk.exchange[desk.address("support")].role("inbox")
    inbox.rights[desk.address("tanaka")] = inbox.rights[desk.address("kato")]
    del inbox.rights[desk.address("suzuki")]
    findings = desk.journey.json("verify", "new", code=1)["findings"]
    assert [(each["kind"], each["place"], each["detail"]["is"]) for each in findings] == [
        ("rights", "INBOX", ""),
        ("rights", "INBOX", "Owner"),
    ]


@pytest.mark.parametrize("inbox", INBOXES)
def test_every_state_person_and_tag_is_on_its_mail_and_its_flag_with_it(desk: Desk, inbox: str) -> None:
    loaded(desk)
    there = {each.id: each for each in ews.at_target(desk.owner(inbox))}
    meant = ews.legend(desk.owner(inbox))
    expected: dict[str, set[str]] = {}
    for row in desk.rows("share", inbox, "status.csv"):
        words = expected.setdefault(str(desk.mail(inbox, row["メールID"])["Message-ID"]).strip(), set())
        if row["状態"]:
            label = next((w for w, each in meant["states"].items() if each["label"] == row["状態"]), "")
            words.add(STATES.get(row["状態"]) or label)
        if row["担当"]:
            words.add(f"gw_by.{row['担当']}")
    tags = {name: word for word, name in meant["tags"].items()}
    assert all(word == f"gw_tag.{name}" for name, word in tags.items())
    for row in desk.rows("share", inbox, "tags.csv"):
        expected.setdefault(str(desk.mail(inbox, row["メールID"])["Message-ID"]).strip(), set()).add(tags[row["タグ"]])
    assert {key: each.keywords for key, each in there.items() if each.keywords} == {
        key: words for key, words in expected.items() if words
    }
    for key, words in expected.items():
        is_open = any(word in FLAGS or word.startswith("gw_label.") for word in words)
        flag = "Flagged" if is_open else "Complete" if "gw_closed" in words else "NotFlagged"
        assert there[key].flag == flag, words


@pytest.mark.parametrize("inbox", INBOXES)
def test_every_note_is_read_in_a_mail_beside_the_one_it_was_written_to(desk: Desk, inbox: str) -> None:
    loaded(desk)
    histories = [each for each in ews.at_target(desk.owner(inbox)) if each.mail["Subject"].startswith("対応履歴: ")]
    assert histories
    for row in desk.rows("share", inbox, "comments.csv"):
        about = str(desk.mail(inbox, row["メールID"])["Message-ID"]).strip()
        (beside,) = [each for each in histories if about in str(each.mail["References"]).split()]
        text = beside.mail.get_body(("plain",)).get_content()
        assert all(line in text for line in row["コメント"].split("<BR>"))


@pytest.mark.parametrize("inbox", INBOXES)
def test_the_same_customers_wait_as_seen_from_the_old_store_and_from_what_the_server_returns(
    desk: Desk, inbox: str
) -> None:
    loaded(desk)
    here = waiting(*old_store(desk, inbox))
    assert waiting(ews.new_server(desk.owner(inbox)), {}) == here
    assert len(here) >= 2
    assert not any("difference" in each for each in desk.journey.lines("shared", "unanswered"))
    for view in ("source", "staging", "new"):
        lines = desk.journey.lines("shared", "unanswered", "--at", view)
        assert len([line for line in lines if line["inbox"] == inbox]) == len(here), view


def test_a_second_run_changes_nothing_at_the_server(desk: Desk) -> None:
    loaded(desk)
    changing = ("CreateItem", "CreateFolder", "UpdateItem", "UpdateFolder", "DeleteItem", "MoveItem")
    before = {name: len(desk.exchange.asked(name)) for name in changing}
    assert loaded(desk).rstrip().endswith("0 mails loaded, 0 refused, 0 in doubt.")
    assert {name: len(desk.exchange.asked(name)) for name in changing} == before
    assert desk.journey.json("ledger", "new", code=None)["totals"]["made"] > 5


# -- below a public folder -------------------------------------------------------------------------------------------

ROOT = "部署/お客様窓口"


def public(tmp_path: Path, exchange: Exchange) -> Desk:
    """Support lies below ROOT, which its administrator has made for it; sales in a mailbox of its own."""
    desk = settle_in(tmp_path, exchange, f'public = {{ support = "{ROOT}" }}')
    store = exchange.store.public
    above = store.role("publicfoldersroot").id
    for name in ROOT.split("/"):
        above = store.add_folder(name, above, "IPF.Note").id
        store.folders[above].rights = {"Default": Rights(visible=True), "Anonymous": LEVELS["None"]}
    store.folders[above].rights[desk.address("support")] = LEVELS["Owner"]
    return desk


def before(desk: Desk, login: str) -> ews.Eye:
    """A person before the public folders of support, by the ids that the server has for them."""
    store = desk.exchange.store.public
    below = store.children(store.folder(*ROOT.split("/")).id)
    ids = {each.name: f'<t:FolderId Id="{each.id}"/>' for each in below}
    return ews.Eye(desk.exchange.url, desk.address(login), ids, desk.exchange.public_mailbox)


def test_an_inbox_below_a_public_folder_is_all_there_and_each_may_do_what_they_might(
    tmp_path: Path, desk: Desk
) -> None:
    moved = public(tmp_path / "public", desk.exchange)
    loaded(moved)
    assert moved.exchange[moved.address("support")].items == {}
    owner = before(moved, "support")
    there = [each for each in ews.at_target(owner) if not each.mail["Subject"].startswith("対応履歴: ")]
    assert len(there) == len({each.id for each in there}) == len(moved.rows("user", "support", "mail.csv"))
    here = waiting(*old_store(moved, "support"))
    assert waiting(ews.new_server(owner), {}) == here
    assert len(here) >= 2
    assert not any("difference" in each for each in moved.journey.lines("shared", "unanswered"))
    may = {login: ews.tries(before(moved, login), owner) for login in PEOPLE}
    assert may["kato"] == May(read=True, flag=True, insert=True, delete=True, admin=True)
    assert may["suzuki"] == May(read=True, flag=True, insert=True)
    assert may["tanaka"] == May(read=True)
    assert {login for login in PEOPLE if may[login] == May()} == {"yoshida", "nakamura", "sato", "takagi"}
    assert moved.journey.json("verify", "new", code=None)["findings"] == []
    assert loaded(moved).rstrip().endswith("0 mails loaded, 0 refused, 0 in doubt.")
    for run in sorted((int(run["run"]) for run in moved.journey.json("runs") if run["step"] == "load"), reverse=True):
        moved.journey.run("undo", str(run), "--yes", code=None)
    assert moved.exchange.store.public.items == {}
    assert set(ews.levels(owner)) == {moved.address("support")}


def test_without_the_public_folder_nothing_is_sent_and_it_is_named(tmp_path: Path, desk: Desk) -> None:
    moved = settle_in(tmp_path / "public", desk.exchange, 'public = { support = "nowhere" }')
    inboxes = [word for inbox in INBOXES for word in ("--account", inbox)]
    moved.journey.run("extract", *inboxes, code=None)
    assert moved.journey.complaint("load", "new", *inboxes, code=1) == "exchange.no-public-folder"
    assert moved.exchange[moved.address("support")].items == moved.exchange.store.public.items == {}


def test_what_becomes_of_each_fact_is_said_before_anything_is_sent(desk: Desk) -> None:
    told = loaded(desk, "--dry-run")
    assert "States, people and tags are categories" in told
    assert not any(desk.exchange.asked(name) for name in ("CreateItem", "CreateFolder", "UpdateItem", "UpdateFolder"))
    file = desk.journey.folder / "reports" / "shared-new.jsonl"
    said = [json.loads(line) for line in file.read_text().splitlines()]
    rights = {each["kind"]: each["fidelity"] for each in said if each["kind"].startswith("right")}
    assert rights.pop("right send-as") == "archived-only"
    assert set(rights.values()) == {"exact"}
    assert {each["fidelity"] for each in said if each["kind"] == "assignee"} == {"exact"}
    assert {each["fidelity"] for each in said if each["kind"] in ("note", "event")} == {"folded"}
