"""States as folders in a real Dovecot: looked at by imaplib alone, killed with -9, and by each member's own login."""

import json
import random
from pathlib import Path

import pytest

from tests.journeys.test_shared_inboxes import loaded, settle_in
from tests.journeys.witness import INBOXES, STATES, Office, Seen, Sent, acl, at_target, old_store, waiting
from tests.servers.dovecot import Dovecot
from tests.servers.tap import tap

pytestmark = pytest.mark.dovecot


@pytest.fixture
def office(tmp_path: Path, dovecot_maildir: Dovecot) -> Office:
    return settle_in(tmp_path, dovecot_maildir, target='states = "folders"')


def state_of(folder: str) -> str:
    """The word that a folder's name stands for, the old store's own words for states being names."""
    name = folder.rpartition("/")[2]
    head = name.partition("（")[0]
    return "gw_open" if head == "要確認" else STATES.get(head, "gw_spam" if head == "迷惑メール" else "")


def seen(office: Office, inbox: str) -> list[Sent]:
    """Every mail in every folder, with the state that its folder's name tells, and the folder above it."""
    found = []
    for each in everything(office, inbox):
        word = state_of(each.folder) if "/" in each.folder else ""
        home = each.folder.rpartition("/")[0] if word else each.folder
        found.append(Sent(home, each.at, each.mail, {word} - {""}))
    return found


def everything(office: Office, inbox: str) -> list[Seen]:
    return at_target(office, inbox, everywhere=True)


def mails(office: Office, inbox: str) -> list[Seen]:
    return [each for each in everything(office, inbox) if each.mail["Auto-Submitted"] != "auto-generated"]


@pytest.mark.parametrize("inbox", INBOXES)
def test_every_mail_lies_once_and_in_the_folder_of_its_state(office: Office, inbox: str) -> None:
    loaded(office)
    there = {each.id: each for each in mails(office, inbox)}
    assert len(there) == len(mails(office, inbox)) == len(office.rows("user", inbox, "mail.csv"))
    labels = {}
    for row in office.rows("share", inbox, "status.csv"):
        if row["状態"]:
            labels[str(office.mail(inbox, row["メールID"])["Message-ID"]).strip()] = row["状態"]
    for key, each in there.items():
        name = each.folder.rpartition("/")[2] if "/" in each.folder else ""
        if key in labels:
            assert labels[key] in name, each.folder
        else:
            assert state_of(name) == ""
    assert not any(word in each.keywords for each in there.values() for word in STATES.values())
    assert any(word.startswith("gw_by.") for each in there.values() for word in each.keywords)


@pytest.mark.parametrize("inbox", INBOXES)
def test_the_same_customers_wait(office: Office, inbox: str) -> None:
    loaded(office)
    here = waiting(*old_store(office, inbox))
    assert waiting(seen(office, inbox), {}) == here
    assert len(here) >= 2
    assert not any("difference" in each for each in office.journey.lines("shared", "unanswered"))
    assert office.journey.json("verify", "new")["findings"] == []


def test_a_second_run_changes_nothing_and_undo_leaves_nothing(office: Office) -> None:
    loaded(office)
    before = {inbox: [(each.folder, each.id, each.keywords) for each in everything(office, inbox)] for inbox in INBOXES}
    assert loaded(office).rstrip().endswith("0 mails loaded, 0 refused, 0 in doubt.")
    assert before == {
        inbox: [(each.folder, each.id, each.keywords) for each in everything(office, inbox)] for inbox in INBOXES
    }
    office.journey.json("ledger", "new", code=None)
    for run in sorted((int(run["run"]) for run in office.journey.json("runs") if run["step"] == "load"), reverse=True):
        office.journey.run("undo", str(run), "--yes")
    assert all(everything(office, inbox) == [] for inbox in INBOXES)
    assert acl(office, "support") == {}
    assert acl(office, "support", office.quoted("INBOX/完了")) == {}


def test_a_new_state_moves_the_mail_and_people_have_their_rights_there(office: Office) -> None:
    loaded(office)
    status = office.root / "share" / "support" / "status.csv"
    text = status.read_bytes().decode("cp932")
    assert "返信待ち" in text
    status.write_bytes(text.replace("返信待ち", "保留").encode("cp932"))
    loaded(office)
    folders = {each.folder for each in mails(office, "support")}
    assert not any("返信待ち" in each for each in folders)
    assert any(each.endswith("/保留") for each in folders)
    assert waiting(seen(office, "support"), {}) == waiting(*old_store(office, "support"))
    for folder in ("INBOX", office.quoted("INBOX/保留"), office.quoted("INBOX/完了")):
        assert {who: set(word) - set("cd") for who, word in acl(office, "support", folder).items()} == {
            office.address("kato"): set("lrswitea"),
            office.address("suzuki"): set("lrswi"),
            office.address("tanaka"): set("lr"),
        }, folder
    with office.as_person("tanaka") as client:
        assert client.select(office.folder("support", office.encoded("INBOX/完了")), readonly=True)[0] == "OK"


def test_whoever_leaves_loses_the_state_folders_too(office: Office) -> None:
    loaded(office)
    members = office.root / "share" / "support" / "members.csv"
    lines = members.read_bytes().decode("cp932").splitlines(keepends=True)
    members.write_bytes("".join(line for line in lines if not line.startswith("suzuki,")).encode("cp932"))
    status = office.root / "share" / "support" / "status.csv"
    status.write_bytes(status.read_bytes().decode("cp932").replace("返信待ち", "調査中").encode("cp932"))
    loaded(office)
    assert any("調査中" in each.folder for each in mails(office, "support"))  # made now, with what INBOX passes on
    for folder in (
        "INBOX",
        *(office.quoted(each) for each in sorted({one.folder for one in mails(office, "support")})),
    ):
        assert office.address("suzuki") not in acl(office, "support", folder), folder


def test_a_mail_that_a_person_put_into_another_state_stays_there(office: Office) -> None:
    loaded(office)
    (mail, *_) = [each for each in mails(office, "support") if each.folder == "INBOX/未対応"]
    with office.as_owner("support") as client:
        client.select(office.quoted("INBOX/未対応"))
        number = client.search(None, "HEADER", "Message-ID", f'"{mail.id}"')[1][0].decode()
        assert client._simple_command("MOVE", number, office.quoted("INBOX/完了"))[0] == "OK"  # type: ignore[attr-defined]
    findings = office.journey.json("verify", "new", code=1)["findings"]
    assert [each["kind"] for each in findings] == ["place"]
    out = office.journey.run("shared", "unanswered", "--json", code=1)
    assert "shared.done-there" in out
    loaded(office)
    (now,) = [each for each in mails(office, "support") if each.id == mail.id]
    assert now.folder == "INBOX/完了"


def test_what_will_be_is_said_before_and_a_name_that_is_taken_stops_the_load(office: Office) -> None:
    inboxes = [word for inbox in INBOXES for word in ("--account", inbox)]
    office.journey.run("extract", *inboxes, code=None)
    told = office.journey.run("load", "new", "--dry-run", *inboxes)
    assert "shared.cannot-move" in told
    assert "States are folders below each place" in told
    assert mails(office, "support") == []
    file = office.journey.folder / "migration.toml"
    text = file.read_text()
    file.write_text(text + '\n[folders]\n"送信済み" = "INBOX/完了"\n')
    assert office.journey.complaint("load", "new", *inboxes, code=2) == "shared.folder-taken"
    file.write_text(text.replace('history_language = "ja"', ""))
    assert office.journey.complaint("load", "new", *inboxes, code=2) == "shared.folders-language"


@pytest.mark.parametrize("seed", range(3))
def test_killed_again_and_again_every_mail_lies_once_in_its_folder(office: Office, seed: int) -> None:
    chance = random.Random(seed)
    inboxes = [word for inbox in INBOXES for word in ("--account", inbox)]
    office.journey.run("extract", *inboxes, code=None)
    killed = 0
    for number in range(8):  # a little later each time: the first always comes before the end
        after = 0.3 + number / 4 + chance.uniform(0, 0.2)
        killed += office.journey.kill_after(after, "load", "new", *inboxes) == -9
    assert killed
    loaded(office)
    for inbox in INBOXES:
        there = mails(office, inbox)
        assert len({each.id for each in there}) == len(there) == len(office.rows("user", inbox, "mail.csv"))
        assert waiting(seen(office, inbox), {}) == waiting(*old_store(office, inbox))
    assert office.journey.json("verify", "new")["findings"] == []


# -- a server that keeps no new keywords -----------------------------------------------------------------------------


@pytest.mark.parametrize("states", ["folders", "keywords"])
def test_a_server_without_new_keywords_says_so_before_and_states_go_where_the_operator_said(
    tmp_path: Path, dovecot_maildir: Dovecot, states: str
) -> None:
    with tap(dovecot_maildir.host, dovecot_maildir.port, {b"\\*": b""}) as poor:
        office = settle_in(tmp_path, dovecot_maildir, target=f'states = "{states}"', port=poor.port)
        inboxes = [word for inbox in INBOXES for word in ("--account", inbox)]
        office.journey.run("extract", *inboxes, code=None)
        office.journey.run("load", "new", "--dry-run", *inboxes)
        file = office.journey.folder / "reports" / "shared-new.jsonl"
        said = [json.loads(line) for line in file.read_text().splitlines()]
        classes = {kind: {each["fidelity"] for each in said if each["kind"] == kind} for kind in ("assignee", "tag")}
        assert classes == {"assignee": {"archived-only"}, "tag": {"archived-only"}}
        assert len([each for each in said if each["kind"] == "state"]) == sum(
            len(office.rows("share", inbox, "status.csv")) for inbox in INBOXES
        )
        assert b"APPEND" not in poor.names
        office.journey.run("load", "new", *inboxes)
        assert b"STORE" not in poor.names
        shown = {each["fidelity"] for each in said if each["kind"] == "state"}
        if states == "folders":
            assert {"exact", "label-only"} <= shown
            for inbox in INBOXES:
                assert waiting(seen(office, inbox), {}) == waiting(*old_store(office, inbox))
        else:
            assert shown <= {"archived-only", "exact"}  # exact: rows that say nothing
            codes = office.journey.run("shared", "unanswered", "--json", code=1)
            assert "shared.status-differs" in codes or "shared.assignee-differs" in codes
        for inbox in INBOXES:
            assert not any(each.keywords for each in everything(office, inbox))


def test_an_inbox_whose_owner_may_set_no_keywords_is_told_beforehand(office: Office) -> None:
    """An administrator has taken `w` (RFC 4314) from the owner of INBOX before the load."""
    owner = office.address("support")
    every = ("lookup", "read", "write-seen", "write-deleted", "insert", "post", "expunge", "create", "delete", "admin")
    office.journey.dovecot.doveadm("acl", "set", "-u", owner, "INBOX", "owner", *every)
    file = office.journey.folder / "migration.toml"
    file.write_text(file.read_text().replace('states = "folders"', 'states = "keywords"'))
    inboxes = [word for inbox in INBOXES for word in ("--account", inbox)]
    office.journey.run("extract", *inboxes, code=None)
    told = office.journey.run("load", "new", "--dry-run", *inboxes)
    assert "shared.no-room" in told
    office.journey.run("load", "new", *inboxes, code=None)
    assert not any(each.keywords for each in at_target(office, "support") if each.folder == "INBOX")
    assert any(each.keywords for each in at_target(office, "sales"))
