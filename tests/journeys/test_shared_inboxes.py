"""Two shared inboxes into a real Dovecot with ACL and METADATA, looked at by whoever works there.

What is read back here is read by Python's imaplib and csv alone: nothing of ours says what ought to be there.
"""

import base64
import csv
import email
import imaplib
import io
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import policy
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from migrator.demo.store import build
from tests.journeys.journey import Journey
from tests.servers.dovecot import MASTER, MASTER_PASSWORD, PASSWORD, Dovecot
from tests.servers.tap import tap

pytestmark = pytest.mark.dovecot

INBOXES = ("support", "sales")
PEOPLE = ("kato", "suzuki", "yoshida", "tanaka", "nakamura", "sato", "takagi")
FROM = "no-reply@example.co.jp"
STATES = {
    "未対応": "gw_open",
    "対応中": "gw_in-progress",
    "返信待ち": "gw_waiting",
    "保留": "gw_on-hold",
    "完了": "gw_closed",
    "対応不要": "gw_no-action",
    "迷惑": "gw_spam",
}
DONE = {"gw_closed", "gw_no-action", "gw_spam"}


@dataclass
class Office:
    """The old store, the journey, and who is who at the new server."""

    root: Path
    journey: Journey

    def address(self, login: str) -> str:
        return self.journey.accounts[login]

    def rows(self, *path: str) -> list[dict[str, str]]:
        """A table of the old store, as it lies there."""
        text = self.root.joinpath(*path).read_bytes().decode("cp932")
        return list(csv.DictReader(io.StringIO(text)))

    def mail(self, inbox: str, number: str) -> Any:
        """The header of a mail of the old store, by its number there."""
        (row,) = [row for row in self.rows("user", inbox, "mail.csv") if row["メールID"] == number]
        data = (self.root / "user" / inbox / row["フォルダID"] / row["ファイル名"]).read_bytes()
        return email.message_from_bytes(data, policy=policy.default)

    # -- what a person sees at the new server, by imaplib alone --

    @contextmanager
    def as_owner(self, inbox: str) -> Iterator[imaplib.IMAP4]:
        with self._client() as client:
            client.login(f"{self.address(inbox)}*{MASTER}", MASTER_PASSWORD)
            yield client

    @contextmanager
    def as_person(self, login: str) -> Iterator[imaplib.IMAP4]:
        with self._client() as client:
            client.login(self.address(login), PASSWORD)
            yield client

    @contextmanager
    def _client(self) -> Iterator[imaplib.IMAP4]:
        client = imaplib.IMAP4(self.journey.dovecot.host, self.journey.dovecot.port)
        try:
            yield client
        finally:
            client.shutdown()

    def folder(self, inbox: str, name: str = "INBOX") -> str:
        """How another person calls a folder of the inbox (RFC 2342)."""
        return f'"Other Users/{self.address(inbox)}/{name}"'


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


@dataclass
class May:
    """What one person managed to do in an inbox."""

    read: bool = False
    flag: bool = False
    insert: bool = False
    delete: bool = False
    admin: bool = False


def tries(office: Office, login: str, inbox: str) -> May:
    """Everything a person might do, each thing tried over a connection of its own and then looked at by the owner."""
    folder = office.folder(inbox)

    def managed(what: Callable[[imaplib.IMAP4], Any]) -> bool:
        try:
            with office.as_person(login) as client:
                answer, data = what(client)
                return answer == "OK" and data != [None]
        except imaplib.IMAP4.error:  # no such folder for them, or for reading alone
            return False

    def look(client: imaplib.IMAP4) -> Any:
        client.select(folder, readonly=True)
        return client.fetch("1", "(BODY.PEEK[HEADER])")

    def flag(client: imaplib.IMAP4) -> Any:
        client.select(folder)
        return client.store("1", "+FLAGS", "(\\Flagged)")

    def remove(client: imaplib.IMAP4) -> Any:
        client.select(folder)
        client.store(client.search(None, "SUBJECT", "mine")[1][0].decode(), "+FLAGS", "(\\Deleted)")
        return client.expunge()

    may = May(read=managed(look), admin=managed(lambda client: client.setacl(folder, office.address("nakamura"), "l")))
    managed(flag)
    may.insert = managed(lambda client: client.append(folder, "(\\Seen)", None, b"Subject: mine\r\n\r\nx\r\n"))
    managed(remove)
    with office.as_owner(inbox) as owner:
        owner.select("INBOX")
        may.flag = b"\\Flagged" in owner.fetch("1", "(FLAGS)")[1][0]
        owner.store("1", "-FLAGS", "(\\Flagged)")
        left = owner.search(None, "SUBJECT", "mine")[1][0].split()
        may.delete = may.insert and not left
        for number in left:
            owner.store(number.decode(), "+FLAGS", "(\\Deleted)")
        owner.expunge()
        owner.deleteacl("INBOX", office.address("nakamura"))
    return may


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


def acl(office: Office, inbox: str, folder: str = "INBOX") -> dict[str, str]:
    """Everybody but the owner, as the server tells it."""
    with office.as_owner(inbox) as owner:
        (line,) = owner.getacl(folder)[1]
    words = [word.decode().strip('"') for word in line.split()]
    pairs = dict(zip(words[1::2], words[2::2], strict=True))
    return {who: "".join(sorted(word)) for who, word in pairs.items() if who not in ("owner", office.address(inbox))}


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


# -- how far everything is -------------------------------------------------------------------------------------------


@dataclass
class Seen:
    """One mail as the new server shows it."""

    folder: str
    keywords: set[str]
    mail: Any
    at: datetime

    @property
    def id(self) -> str:
        return str(self.mail["Message-ID"] or "").strip()


def at_target(office: Office, inbox: str) -> list[Seen]:
    found = []
    with office.as_owner(inbox) as client:
        for folder in ("INBOX", "Sent", "Trash", "Junk", "Drafts"):
            if client.select(folder, readonly=True)[0] != "OK" or client.search(None, "ALL")[1] == [b""]:
                continue
            for part in client.fetch("1:*", "(FLAGS INTERNALDATE BODY.PEEK[])")[1]:
                if isinstance(part, tuple):
                    flags = imaplib.ParseFlags(part[0])
                    keywords = {flag.decode() for flag in flags if flag.startswith(b"gw_")}
                    at = datetime(*imaplib.Internaldate2tuple(part[0])[:6])  # type: ignore[index]  # noqa: DTZ001
                    mail = email.message_from_bytes(part[1], policy=policy.default)
                    found.append(Seen(folder, keywords, mail, at))
    return found


def legend(office: Office, inbox: str) -> Any:
    """What the words mean, by METADATA (RFC 5464)."""
    with office.as_owner(inbox) as client:
        tag = client._new_tag()  # type: ignore[attr-defined]
        client.send(tag + b' GETMETADATA "INBOX" /shared/vendor/migrator/legend\r\n')
        said = b""
        while not said.split(b"\r\n")[-2:-1] or not said.split(b"\r\n")[-2].startswith(tag):
            said += client.readline()
    return json.loads(base64.b64decode(re.search(rb"[A-Za-z0-9+/=]{40,}", said)[0]))  # type: ignore[index]


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


@dataclass
class Sent:
    """One mail as it counts for who waits: where it lies, when it came, and the state it carries by itself."""

    folder: str
    at: datetime
    mail: Any
    states: set[str]

    @property
    def id(self) -> str:
        return str(self.mail["Message-ID"] or "").strip()

    @property
    def outside(self) -> list[str]:
        """The people outside that it is from, or that we sent it to."""
        fields = ("To", "Cc") if self.ours else ("From",)
        people = [each.addr_spec for field in fields if self.mail[field] for each in self.mail[field].addresses]
        return [each for each in people if not each.endswith("@example.co.jp")]

    @property
    def ours(self) -> bool:
        return self.folder == "Sent" or self.mail["From"].addresses[0].addr_spec.endswith("@example.co.jp")

    @property
    def matter(self) -> str:
        return re.sub(r"^(\s*(re|fw)\s*:|\s*\[\d+(-\d+)*\])+\s*", "", str(self.mail["Subject"]), flags=re.I).strip()


def waiting(every: list[Sent], together: dict[str, str]) -> set[str]:
    """The ids of the last mails of the customers who wait, worked out in the plainest way: what names a mail, has its
    number in the subject, or is about the same with the same person within a fortnight, belongs together."""
    mails = [each for each in every if each.folder in ("INBOX", "Sent") or each.states]
    group = {each.id: {each.id} for each in mails}

    def join(ids: Iterable[str]) -> None:
        whole = set().union(*(group[each] for each in ids if each in group))
        group.update(dict.fromkeys(whole, whole))

    same: dict[Any, list[Sent]] = defaultdict(list)
    for each in sorted(mails, key=lambda one: one.at):
        join([each.id, *re.findall(r"<[^<>]+>", f"{each.mail['References']} {each.mail['In-Reply-To']}")])
        if number := re.search(r"\[(\d+)-\d+\]", str(each.mail["Subject"])):
            same[number[1]].append(each)
        if each.id in together:
            same[f"thread {together[each.id]}"].append(each)
        for person in each.outside:
            same[each.matter, person].append(each)
    for key, those in same.items():
        for one, other in pairwise(those):
            if isinstance(key, str) or (key[0] and other.at - one.at <= timedelta(days=14)):
                join([one.id, other.id])
    found = set()
    by_id = {each.id: each for each in mails}
    for ids in {frozenset(each) for each in group.values()}:
        talk = sorted((by_id[each] for each in ids if by_id[each].outside), key=lambda one: one.at)
        states = set().union(*(by_id[each].states for each in ids))
        decisive = next((word for word in STATES.values() if word in states), "")
        if talk and not talk[-1].ours and decisive not in DONE:
            found.add(talk[-1].id)
    return found


def old_store(office: Office, inbox: str) -> tuple[list[Sent], dict[str, str]]:
    """By its tables and files alone."""
    states = {row["メールID"]: row["状態"] for row in office.rows("share", inbox, "status.csv")}
    folders = {"0001": "INBOX", "0002": "Sent"}
    mails: dict[str, Sent] = {}
    for row in office.rows("user", inbox, "mail.csv"):
        word = STATES.get(states.get(row["メールID"], ""), "gw_open" if states.get(row["メールID"]) else "")
        mails[row["メールID"]] = Sent(
            folders.get(row["フォルダID"], ""),
            datetime.strptime(row["受信日時"], "%Y/%m/%d %H:%M:%S"),  # noqa: DTZ007 - all of them are
            office.mail(inbox, row["メールID"]),
            {word} - {""},
        )
    threads = {mails[row["メールID"]].id: row["案件番号"] for row in office.rows("share", inbox, "thread.csv")}
    return list(mails.values()), threads


def new_server(office: Office, inbox: str) -> list[Sent]:
    """By what it returns, and what its legend says of words that nobody has explained."""
    meant = legend(office, inbox)["states"]
    found = []
    for each in at_target(office, inbox):
        states = {"gw_open" if meant[word]["status"] is None else word for word in each.keywords & meant.keys()}
        found.append(Sent(each.folder, each.at, each.mail, states))
    return found


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


def snapshot(office: Office) -> Any:
    found = []
    for inbox in INBOXES:
        with office.as_owner(inbox) as client:
            for folder in ("INBOX", "Sent"):
                client.select(folder, readonly=True)
                found.append((inbox, folder, client.status(folder, "(UIDNEXT UIDVALIDITY MESSAGES HIGHESTMODSEQ)")))
        found.append(acl(office, inbox))
    return found


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
        assert "mails loaded" in office.journey.run("load", "new", *inboxes, "--sign-lost")
    (run,) = [each for each in office.journey.json("runs") if each["step"] == "load"]
    assert run["counts"]["signed_lost"] == 1
