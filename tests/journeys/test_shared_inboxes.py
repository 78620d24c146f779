"""Two shared inboxes into a real Dovecot with ACL and METADATA, looked at by whoever works there.

What is read back is read by `witness`, Python's imaplib and csv alone: nothing of ours says what ought to be there.
"""

import csv
import json
import re
from pathlib import Path

import pytest

from migrator.demo.store import build
from tests.journeys.journey import Journey
from tests.journeys.witness import (
    INBOXES,
    PEOPLE,
    STATES,
    May,
    Office,
    acl,
    at_target,
    legend,
    new_server,
    old_store,
    snapshot,
    tries,
    waiting,
)
from tests.servers.dovecot import Dovecot
from tests.servers.tap import tap

pytestmark = pytest.mark.dovecot

FROM = "no-reply@example.co.jp"


def settle_in(folder: Path, dovecot: Dovecot, *, target: str = "", port: int | None = None) -> Office:
    """The demo's groupware, and a migration folder for its two inboxes."""
    root = folder / "old"
    build(root)
    accounts = {login: dovecot.account() for login in (*INBOXES, *PEOPLE)}
    source = {"adapter": "groupware", "mapping": "kyoyu-mail", "root": str(root)}
    journey = Journey(folder / "move", dovecot, source, accounts, port=port)
    file = journey.folder / "migration.toml"
    text = file.read_text().replace('auth = "master"', f'auth = "master"\n{target}')
    more = f'\n[filters]\nown_domains = ["example.co.jp"]\n\n[shared]\nhistory_from = "{FROM}"\n'
    file.write_text(text + more + 'history_language = "ja"\n')
    return Office(root, journey)


def loaded(office: Office) -> str:
    inboxes = [word for inbox in INBOXES for word in ("--account", inbox)]
    office.journey.run("extract", *inboxes, code=None)
    return office.journey.run("load", "new", *inboxes)


@pytest.fixture
def office(tmp_path: Path, dovecot_maildir: Dovecot) -> Office:
    return settle_in(tmp_path, dovecot_maildir)


# -- who may do what -------------------------------------------------------------------------------------------------


def test_each_member_may_do_what_the_old_store_let_them_and_nobody_else_anything(office: Office) -> None:
    loaded(office)
    everything = May(read=True, flag=True, insert=True, delete=True, admin=True)
    answering = May(read=True, flag=True, insert=True)
    reading = May(read=True)
    nothing = May()
    assert {login: tries(office, login, "support") for login in PEOPLE} == {
        "kato": everything,  # 管理
        "suzuki": answering,  # 返信
        "yoshida": nothing,  # 返信, but has left
        "tanaka": reading,  # 閲覧
        "nakamura": nothing,  # 臨時: nobody has said what that means
        "sato": nothing,
        "takagi": nothing,
    }
    assert tries(office, "sato", "sales") == everything
    assert tries(office, "suzuki", "sales") == reading
    assert tries(office, "kato", "sales") == nothing


def test_rights_are_read_back_revoked_and_undone(office: Office) -> None:
    loaded(office)
    kato, suzuki, tanaka = (office.address(login) for login in ("kato", "suzuki", "tanaka"))
    for folder in ("INBOX", "Sent"):
        assert {who: set(word) - set("cd") for who, word in acl(office, "support", folder).items()} == {
            kato: set("lrswitea"),
            suzuki: set("lrswi"),
            tanaka: set("lr"),
        }
    members = office.root / "share" / "support" / "members.csv"
    text = members.read_bytes().decode("cp932")
    members.write_bytes(re.sub("(?m)^suzuki,.*\r?\n", "", text).replace("tanaka,閲覧", "tanaka,返信").encode("cp932"))
    loaded(office)
    assert {who: set(word) - set("cd") for who, word in acl(office, "support").items()} == {
        kato: set("lrswitea"),
        tanaka: set("lrswi"),
    }
    runs = [run["run"] for run in office.journey.json("runs") if run["step"] == "load"]
    told = office.journey.run("undo", str(min(runs, key=int)), code=None)
    assert f"rights  {office.address('support')}/INBOX  {kato}: admin, delete, read, reply" in told
    assert tanaka not in told  # the later load gave what they have now
    for run in sorted(runs, key=int, reverse=True):
        office.journey.run("undo", str(run), "--yes", code=None)
    assert acl(office, "support") == acl(office, "sales") == {}
    with office.as_person("kato") as client:
        assert client.select(office.folder("support"), readonly=True)[0] == "NO"


def test_verify_names_the_rights_that_an_administrator_has_changed(office: Office) -> None:
    loaded(office)
    with office.as_owner("support") as client:
        client.setacl("INBOX", office.address("tanaka"), "lrswi")
        client.deleteacl("Sent", office.address("suzuki"))
    findings = office.journey.json("verify", "new", code=1)["findings"]
    assert [(each["kind"], each["place"], each["detail"]["is"]) for each in findings] == [
        ("rights", "INBOX", "lrswi"),
        ("rights", "Sent", ""),
    ]
    assert office.address("tanaka") in office.journey.run("verify", "new", code=1)


# -- how far everything is -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inbox", INBOXES)
def test_every_state_person_and_tag_is_on_its_mail_and_on_no_other(office: Office, inbox: str) -> None:
    loaded(office)
    there = {each.id: each for each in at_target(office, inbox)}
    meant = legend(office, inbox)
    expected: dict[str, set[str]] = {}
    for row in office.rows("share", inbox, "status.csv"):
        words = expected.setdefault(str(office.mail(inbox, row["メールID"])["Message-ID"]).strip(), set())
        if row["状態"]:
            label = next((w for w, each in meant["states"].items() if each["label"] == row["状態"]), "")
            words.add(STATES.get(row["状態"]) or label)
        if row["担当"]:
            words.add(f"gw_by.{row['担当']}")
    tags = {name: word for word, name in meant["tags"].items()}
    for row in office.rows("share", inbox, "tags.csv"):
        expected.setdefault(str(office.mail(inbox, row["メールID"])["Message-ID"]).strip(), set()).add(
            tags[row["タグ"]]
        )
    assert {key: each.keywords for key, each in there.items() if each.keywords} == {
        key: words for key, words in expected.items() if words
    }


@pytest.mark.parametrize("inbox", INBOXES)
def test_every_note_is_read_in_a_mail_beside_the_one_it_was_written_to(office: Office, inbox: str) -> None:
    loaded(office)
    histories = [each for each in at_target(office, inbox) if each.mail["Auto-Submitted"] == "auto-generated"]
    assert histories
    assert {each.mail["From"].addresses[0].addr_spec for each in histories} == {FROM}
    for row in office.rows("share", inbox, "comments.csv"):
        about = str(office.mail(inbox, row["メールID"])["Message-ID"]).strip()
        lines = row["コメント"].split("<BR>")
        (beside,) = [each for each in histories if about in str(each.mail["References"]).split()]
        text = beside.mail.get_content()
        assert all(line in text for line in lines)
        assert row["記入日時"].replace("/", "-") in text
        assert beside.mail["Subject"].startswith("対応履歴: ")
        assert str(beside.mail["In-Reply-To"]) in str(beside.mail["References"])


# -- who still waits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inbox", INBOXES)
def test_the_same_customers_wait_as_seen_from_the_old_store_and_from_what_the_server_returns(
    office: Office, inbox: str
) -> None:
    loaded(office)
    here = waiting(*old_store(office, inbox))
    there = waiting(new_server(office, inbox), {})
    assert here == there
    assert len(here) >= 2
    told = office.journey.lines("shared", "unanswered")
    assert not any("difference" in each for each in told)
    for view in ("source", "staging", "new"):
        lines = office.journey.lines("shared", "unanswered", "--at", view)
        assert len([line for line in lines if line["inbox"] == inbox]) == len(here), view


def test_a_customer_who_is_forgotten_at_the_target_is_named(office: Office) -> None:
    loaded(office)
    (line, *_) = office.journey.lines("shared", "unanswered", "--at", "new")
    folder, number = line["items"][-1]["folder"], line["items"][-1]["key"].rpartition(":")[2]
    with office.as_owner(line["inbox"]) as client:
        client.select(folder)
        client.uid("STORE", number, "+FLAGS", "(gw_closed)")
        client.uid("STORE", number, "-FLAGS", "(gw_open gw_in-progress gw_waiting gw_on-hold)")
    out = office.journey.run("shared", "unanswered", "--json", code=1)
    codes = [json.loads(each)["difference"]["code"] for each in out.splitlines() if "difference" in each]
    assert set(codes) == {"shared.done-there"}


# -- again, and elsewhere --------------------------------------------------------------------------------------------


def test_a_second_run_changes_nothing_at_the_server(office: Office) -> None:
    loaded(office)
    before = snapshot(office)
    assert loaded(office).rstrip().endswith("0 mails loaded, 0 refused, 0 in doubt.")
    assert snapshot(office) == before
    assert office.journey.json("verify", "new")["findings"] == []
    assert office.journey.json("ledger", "new", code=None)["totals"]["made"] > 5


def test_a_server_without_acl_or_keywords_says_what_becomes_of_each_fact_before_it_starts(
    tmp_path: Path, dovecot_maildir: Dovecot
) -> None:
    server = tap(dovecot_maildir.host, dovecot_maildir.port, {b"ACL": b"", b"METADATA": b""})
    with server as poor:
        office = settle_in(tmp_path, dovecot_maildir, target='states = "none"', port=poor.port)
        inboxes = [word for inbox in INBOXES for word in ("--account", inbox)]
        office.journey.run("extract", *inboxes, code=None)
        office.journey.run("load", "new", "--dry-run", *inboxes)
        file = office.journey.folder / "reports" / "shared-new.jsonl"
        said = [json.loads(line) for line in file.read_text().splitlines()]
        assert b"APPEND" not in poor.names
        assert not {b"SETACL", b"SETMETADATA", b"STORE"} & poor.names
        facts = sum(len(office.rows("share", inbox, "status.csv")) for inbox in INBOXES)
        states = [each for each in said if each["kind"] == "state"]
        assert len(states) == facts
        assert {each["fidelity"] for each in said if each["kind"] in ("assignee", "tag")} == {"archived-only"}
        assert {each["fidelity"] for each in said if each["kind"].startswith("right")} == {"archived-only"}
        assert {each["fidelity"] for each in said if each["kind"] in ("note", "event")} == {"folded"}
        assert all(each["reason"]["text"] for each in said if each["fidelity"] == "archived-only")
        office.journey.run("load", "new", *inboxes)
        assert not {b"SETACL", b"SETMETADATA", b"STORE"} & poor.names
    for inbox in INBOXES:
        assert acl(office, inbox) == {}
        assert not any(each.keywords for each in at_target(office, inbox))
    with (office.journey.folder / "reports" / "send-as-new.csv").open(encoding="utf-8-sig", newline="") as file_:
        people = {(row["inbox"], row["login"]) for row in csv.DictReader(file_)}
    assert people == {
        ("support@example.co.jp", office.address("kato")),
        ("support@example.co.jp", office.address("suzuki")),
        ("sales@example.co.jp", office.address("sato")),
    }


def test_a_fact_that_would_be_nowhere_stops_the_load_until_it_is_signed(
    tmp_path: Path, dovecot_maildir: Dovecot
) -> None:
    with tap(dovecot_maildir.host, dovecot_maildir.port, {}) as server:
        office = settle_in(tmp_path, dovecot_maildir, port=server.port)
        broken = office.root / "share" / "support" / "comments.csv"
        broken.write_bytes(broken.read_bytes() + "00000009,3,suzuki\r\n".encode("cp932"))
        inboxes = [word for inbox in INBOXES for word in ("--account", inbox)]
        office.journey.run("extract", *inboxes, code=None)
        assert office.journey.complaint("load", "new", *inboxes, code=2) == "shared.would-drop"
        assert not {b"APPEND", b"CREATE", b"SETACL", b"STORE"} & server.names
        told = office.journey.run("load", "new", "--dry-run", *inboxes)
        assert re.search(r"support\s+unreadable\s+1\b", told)
        assert "mails loaded" in office.journey.run("load", "new", *inboxes, "--sign-lost")
    (run,) = [each for each in office.journey.json("runs") if each["step"] == "load"]
    assert run["counts"]["signed_lost"] == 1
