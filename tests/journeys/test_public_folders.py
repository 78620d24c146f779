"""A shared inbox below a public folder (RFC 2342) of a real Dovecot: looked at by each member's own login."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typing_extensions import override

from tests.journeys.test_shared_inboxes import loaded, settle_in
from tests.journeys.test_state_folders import state_of
from tests.journeys.witness import INBOXES, PEOPLE, May, Office, Seen, Sent, acl, at_target, old_store, tries, waiting
from tests.servers.dovecot import Dovecot, server

pytestmark = pytest.mark.dovecot

PUBLIC = """
namespace public {{
  type = public
  separator = /
  prefix = Public/
  location = maildir:{home}/public:INDEXPVT=~/public
  subscriptions = no
  list = children
}}
"""
ROOT = "Public/お客様窓口"


@dataclass
class Open(Office):
    """Support lies below ROOT, sales in a mailbox of its own."""

    @override
    def folder(self, inbox: str, name: str = "INBOX") -> str:
        return self.quoted(f"{ROOT}/{name}") if inbox == "support" else super().folder(inbox, name)

    @override
    def own(self, inbox: str) -> str:
        return self.folder(inbox) if inbox == "support" else super().own(inbox)


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with server(more=PUBLIC) as running:
        (running.home / "public").mkdir()
        running.give(running.home / "public")
        yield running


@pytest.fixture(params=["keywords", "folders"])
def office(tmp_path: Path, dovecot: Dovecot, request: pytest.FixtureRequest) -> Open:
    target = f'states = "{request.param}"\npublic = {{ support = "{ROOT}" }}'
    settled = settle_in(tmp_path, dovecot, target=target)
    return Open(settled.root, settled.journey)


def make_root(office: Open) -> None:
    """What the mail administrator does beforehand; anew for each test."""
    dovecot, owner = office.journey.dovecot, office.address("support")
    rights = dovecot.home / "public" / "dovecot-acl"
    rights.write_text(f"user={owner} lrwstipekxa\n")
    dovecot.give(rights)
    with office.as_owner("support") as client:
        for name in sorted(below(office, ROOT), reverse=True):
            client.delete(office.quoted(name))
        assert client.create(office.quoted(ROOT))[0] == "OK"


def below(office: Open, root: str) -> list[str]:
    with office.as_owner("support") as client:
        return [each for each in office.folders(client) if each.startswith(root)]


def mails(office: Open) -> list[Seen]:
    """Every mail below ROOT, by folder from there on; there is none in support's own mailbox."""
    found = at_target(office, "support", everywhere=True)
    assert all(each.folder.startswith(f"{ROOT}/") for each in found)
    for each in found:
        each.folder = each.folder.removeprefix(f"{ROOT}/")
    return found


def seen(office: Open) -> list[Sent]:
    found = []
    for each in mails(office):
        words = {word for word in each.keywords if not word.startswith(("gw_by.", "gw_tag."))}
        words = {"gw_open" if word.startswith("gw_label.") else word for word in words}
        shown = state_of(each.folder) if "/" in each.folder else ""
        home = each.folder.rpartition("/")[0] if shown else each.folder
        found.append(Sent(home, each.at, each.mail, words | ({shown} - {""})))
    return found


def test_all_of_it_lies_there_and_the_same_customers_wait(office: Open) -> None:
    make_root(office)
    loaded(office)
    there = [each for each in mails(office) if each.mail["Auto-Submitted"] != "auto-generated"]
    assert len({each.id for each in there}) == len(there) == len(office.rows("user", "support", "mail.csv"))
    here = waiting(*old_store(office, "support"))
    assert waiting(seen(office), {}) == here
    assert len(here) >= 2
    assert not any("difference" in each for each in office.journey.lines("shared", "unanswered"))
    assert office.journey.json("verify", "new")["findings"] == []
    with office.as_owner("support") as client:
        subscribed = b" ".join(line for line in client.lsub()[1] if isinstance(line, bytes)).decode()
    assert all(office.encoded(name) in subscribed for name in below(office, f"{ROOT}/"))


def test_each_member_may_do_there_what_the_old_store_let_them(office: Open) -> None:
    make_root(office)
    loaded(office)
    owner = office.address("support")
    folders = [office.quoted(name) for name in below(office, f"{ROOT}/")]
    assert len(folders) >= 2
    for folder in folders:
        assert {who: set(word) - set("cd") for who, word in acl(office, "support", folder).items() if who != owner} == {
            office.address("kato"): set("lrswitea"),
            office.address("suzuki"): set("lrswi"),
            office.address("tanaka"): set("lr"),
        }, folder
    if "folders" in office.journey.folder.joinpath("migration.toml").read_text():
        return  # who may do what with a mail is tried with keywords, where INBOX has one
    may = {login: tries(office, login, "support") for login in PEOPLE}
    assert may["kato"].read
    assert may["kato"].admin
    assert may["suzuki"] == May(read=True, flag=may["suzuki"].flag, insert=may["suzuki"].insert)
    assert may["tanaka"] == May(read=True)
    assert {login for login in PEOPLE if may[login] == May()} == {"yoshida", "nakamura", "sato", "takagi"}


def test_a_second_run_changes_nothing_and_undo_leaves_what_was_there(office: Open) -> None:
    make_root(office)
    loaded(office)
    before = [(each.folder, each.id, each.keywords) for each in mails(office)]
    assert loaded(office).rstrip().endswith("0 mails loaded, 0 refused, 0 in doubt.")
    assert [(each.folder, each.id, each.keywords) for each in mails(office)] == before
    for run in sorted((int(run["run"]) for run in office.journey.json("runs") if run["step"] == "load"), reverse=True):
        office.journey.run("undo", str(run), "--yes")
    assert mails(office) == []
    for name in below(office, f"{ROOT}/"):
        assert set(acl(office, "support", office.quoted(name))) <= {office.address("support")}


def test_without_the_folder_nothing_is_sent_and_it_is_named(tmp_path: Path, dovecot: Dovecot) -> None:
    settled = settle_in(tmp_path, dovecot, target='public = { support = "Public/nowhere" }')
    inboxes = [word for inbox in INBOXES for word in ("--account", inbox)]
    settled.journey.run("extract", *inboxes, code=None)
    assert settled.journey.complaint("load", "new", *inboxes, code=1) == "imap.no-public-folder"
    assert at_target(settled, "support", everywhere=True) == []
