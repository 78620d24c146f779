"""A living company moves in three waves and five passes, killed again and again; then every mailbox is compared with a
reference copy that was put beside it by IMAP alone."""

import csv
import imaplib
import io
import json
import random
import re
import shutil
import signal
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from migrator.cli import main
from migrator.demo.groupware import Groupware, Mark
from migrator.demo.office import Office as Founders
from migrator.demo.people import SALES, STAFF, SUPPORT
from migrator.demo.shared import the_shared_inboxes
from migrator.demo.store import everyday_threads
from tests.journeys.journey import Journey, digest, on_wire
from tests.journeys.signing import sign_everything
from tests.journeys.test_kill import DOUBTS, NEWEST, UNFINISHED, Watch
from tests.journeys.test_shared_inboxes import settle_in
from tests.journeys.witness import Office, acl
from tests.journeys.witness import at_target as at_target_of
from tests.servers.dovecot import MASTER, MASTER_PASSWORD, Dovecot

pytestmark = pytest.mark.dovecot

PILOT, INBOXES = ("kato", "suzuki"), ("support", "sales")
REST = tuple(each.login for each in STAFF if each.login not in PILOT)[:4]
"""The others are in no wave, and stay to do."""
WAVES = f"""
[waves.pilot]
accounts = {json.dumps(PILOT)}

[waves.staff]
accounts = {json.dumps(REST)}

[waves.shared]
accounts = ["s[ua][pl]*"]
lanes = 2

[filters]
own_domains = ["example.co.jp"]

[folders]
"送信済み" = "Sent"
"""
FLAGS = {Mark.READ: "\\Seen", Mark.REPLIED: "\\Answered", Mark.FLAGGED: "\\Flagged"}
CANONICAL = {"受信箱": "INBOX", "送信済み": "Sent", "下書き": "Drafts", "ごみ箱": "Trash", "迷惑メール": "Junk"}

Mail = tuple[str, bytes, frozenset[str]]
"""Place, bytes, flags."""


@dataclass
class Company:
    """The old store, as it lives. `gone` is what it once held and holds no more."""

    root: Path
    chance: random.Random
    gone: dict[str, list[Mail]] = field(default_factory=lambda: defaultdict(list))
    _came: int = 0

    def __post_init__(self) -> None:
        with Groupware(self.root) as groupware:
            founders = Founders(groupware, random.Random(1))
            everyday_threads(founders)
            the_shared_inboxes(founders)

    def table(self, *path: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.root.joinpath(*path).read_bytes().decode("cp932"))))

    def rewrite(self, rows: list[dict[str, str]], *path: str) -> None:
        with self.root.joinpath(*path).open("w", encoding="cp932", newline="") as file:
            table = csv.DictWriter(file, rows[0], lineterminator="\r\n")
            table.writeheader()
            table.writerows(rows)

    def mail_comes(self, *logins: str) -> None:
        for login in logins:
            self._came += 1
            number = f"{90_000_000 + self._came}"
            text = f"From: mori@kyaku.example\r\nTo: {login}@example.co.jp\r\nSubject: news {number}\r\n"
            text += f"Message-ID: <{number}@kyaku.example>\r\nDate: Mon, 2 Nov 2020 09:00:00 +0900\r\n\r\nhello\r\n"
            (self.root / "user" / login / "0001" / f"{number}.eml").write_text(text, newline="")
            rows = self.table("user", login, "mail.csv")
            cells = (number, "0001", f"{number}.eml", "0", "2020/11/02 09:00:00", "mori@kyaku.example", "news", "200")
            self.rewrite([*rows, dict(zip(rows[0], cells, strict=True))], "user", login, "mail.csv")

    def flags_change(self, login: str) -> None:
        """Some are set. None is taken away: of a mail that arrived unanswered nobody knows whose flag it would be."""
        rows = self.table("user", login, "mail.csv")
        for row in self.chance.sample(rows, 3):
            row["状態"] = str(int(row["状態"] or 0) | self.chance.choice([Mark.FLAGGED, Mark.REPLIED, Mark.READ]))
        self.rewrite(rows, "user", login, "mail.csv")

    def a_mail_is_deleted(self, login: str) -> None:
        rows = self.table("user", login, "mail.csv")
        row = rows.pop(self.chance.randrange(len(rows)))
        self.gone[login].append(self._mail(login, row))
        (self.root / "user" / login / row["フォルダID"] / row["ファイル名"]).unlink()
        self.rewrite(rows, "user", login, "mail.csv")

    def a_folder_is_renamed(self, login: str) -> None:
        rows = self.table("user", login, "folder.csv")
        for row in rows:
            if row["フォルダ名"] == "お客様":
                row["フォルダ名"] = "取引先"
        self.rewrite(rows, "user", login, "folder.csv")

    def somebody_leaves(self, login: str) -> None:
        self.gone[login] += self.mails(login)
        users = self.table("conf", "users.csv")
        self.rewrite([row for row in users if row["ログイン名"] != login], "conf", "users.csv")
        shutil.rmtree(self.root / "user" / login)

    def a_question_is_answered(self, inbox: str) -> None:
        rows = self.table("share", inbox, "status.csv")
        next(row for row in rows if row["状態"] == "未対応")["状態"] = "完了"
        self.rewrite(rows, "share", inbox, "status.csv")

    # -- what it holds --

    def mails(self, login: str) -> list[Mail]:
        """By its tables and files alone."""
        if not (self.root / "user" / login).exists():
            return []
        return [self._mail(login, row) for row in self.table("user", login, "mail.csv")]

    def _mail(self, login: str, row: dict[str, str]) -> Mail:
        folders = {each["フォルダID"]: each for each in self.table("user", login, "folder.csv")}
        path, at = [], row["フォルダID"]
        while at:
            path.insert(0, folders[at]["フォルダ名"].replace("/", "／"))
            at = folders[at]["親フォルダID"]
        place = CANONICAL.get(path[0], "") if len(path) == 1 else ""
        data = (self.root / "user" / login / row["フォルダID"] / row["ファイル名"]).read_bytes()
        flags = frozenset(word for bit, word in FLAGS.items() if int(row["状態"] or 0) & bit)
        return place or "/".join(path), data, flags


@dataclass
class Move:
    """The administrator, who is interrupted all the time."""

    company: Company
    journey: Journey
    dovecot: Dovecot
    chance: random.Random
    kills: int = 0

    @property
    def watch(self) -> Watch:
        return Watch(self.journey)

    def __call__(self, *words: str, code: int | None = 0) -> None:
        """One command in this process, so that sixty of them take no minute."""
        ended = main([*words, "--dir", str(self.journey.folder)])
        assert code is None or ended == code, words

    def killed(self, *words: str) -> None:
        """The same in a process of its own, killed when mail is on its way, or a pass is half done, if it comes to
        that; then once more to its end."""
        if self.chance.random() < 0.3:
            asks = UNFINISHED if words[0] == "extract" else DOUBTS.format(since=self.watch.ask(NEWEST))
            with self.journey.start(*words) as process:
                while process.poll() is None and not self.watch.ask(asks):
                    time.sleep(0.002)
                time.sleep(self.chance.uniform(0, 0.02))
                process.send_signal(signal.SIGKILL)
                process.communicate()
            self.kills += process.returncode == -signal.SIGKILL
        self(*words)

    def passes(self, *waves: str) -> None:
        """A pass over the living store, what is new there decided and signed, and these waves loaded."""
        self.killed("extract")
        sign_everything(self.journey.folder)
        for wave in waves:
            self.killed("load", "new", "--wave", wave)

    def cuts_over(self, wave: str) -> None:
        self("wave", "complete", wave, code=2)
        self("wave", "cutover", wave, "--yes")
        self("wave", "complete", wave, code=1)
        self.killed("extract", "--wave", wave)
        self.killed("load", "new", "--wave", wave)
        self("verify", "new", "--wave", wave)
        self("wave", "complete", wave, "--yes")
        self("load", "new", "--wave", wave, code=2)

    def stages(self, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
        capsys.readouterr()
        self("wave", "list", "--json")
        return {each["wave"]: each["state"] for each in json.loads(capsys.readouterr().out)["waves"]}


@pytest.mark.timeout(300)
def test_a_living_store_moves_in_three_waves_and_five_passes_though_it_is_killed(
    dovecot_sdbox: Dovecot,
    staging_url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NEW_PASSWORD", MASTER_PASSWORD)
    chance = random.Random()
    company = Company(tmp_path / "old", chance)
    logins = [each.login for each in (*STAFF, SUPPORT, SALES)]
    accounts = {login: dovecot_sdbox.account() for login in logins}
    source = {"adapter": "groupware", "mapping": "kyoyu-mail", "root": company.root}
    journey = Journey(tmp_path / "move", dovecot_sdbox, source, accounts, url=staging_url, late_commit=0.2)
    file = journey.folder / "migration.toml"
    file.write_text(file.read_text() + WAVES)
    move = Move(company, journey, dovecot_sdbox, chance)
    leaver, renamer = REST[1], "sato"

    move("extract")
    move("load", "new", "--wave", "pilot", code=2)
    assert journey.arrived().total() == 0, "nobody has signed where the mail goes"
    move.passes("pilot")
    assert move.stages(capsys) == {"pilot": "delta", "staff": "planned", "shared": "planned"}

    company.mail_comes("kato", "sato", "support")
    company.flags_change("kato")
    company.a_folder_is_renamed(renamer)
    move.passes("pilot", "staff")

    company.a_mail_is_deleted("suzuki")
    company.mail_comes("suzuki", leaver, "sales")
    company.flags_change(renamer)
    company.a_question_is_answered("support")
    move.passes("staff", "shared")
    move.cuts_over("pilot")

    company.mail_comes(renamer, "support")
    company.flags_change("sales")
    company.a_question_is_answered("sales")
    company.somebody_leaves(leaver)
    move.passes("staff", "shared")
    move.cuts_over("staff")

    company.mail_comes("support", "sales")
    company.a_question_is_answered("support")
    move.passes("shared")
    move.cuts_over("shared")

    assert move.stages(capsys) == dict.fromkeys(("pilot", "staff", "shared"), "signed")
    move("ledger", "new")
    move("shared", "unanswered")
    assert not any(True for login in set(logins) - {*PILOT, *REST, *INBOXES} for _ in journey.mails(accounts[login]))
    for login in (*PILOT, *REST, *INBOXES):
        assert at_target(dovecot_sdbox, accounts[login]) == reference(dovecot_sdbox, company, login), login


# -- a word, and the way back ------------------------------------------------------------------------------------------


def test_a_pause_stops_a_load_in_another_process_and_resume_brings_the_rest(
    dovecot_sdbox: Dovecot, staging_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEW_PASSWORD", MASTER_PASSWORD)
    inbox = tmp_path / "old" / "sato" / "受信箱"
    inbox.mkdir(parents=True)
    for number in range(700):
        (inbox / f"{number}.eml").write_text(f"Subject: {number}\r\n\r\ntext\r\n", newline="")
    source = {"adapter": "eml", "root": tmp_path / "old"}
    journey = Journey(tmp_path / "move", dovecot_sdbox, source, {"sato": dovecot_sdbox.account()}, url=staging_url)
    file = journey.folder / "migration.toml"
    file.write_text(file.read_text() + '\n[waves.w]\naccounts = ["sato"]\nmails_per_minute = 3000\n')
    here = ["--dir", str(journey.folder)]
    assert main(["extract", *here]) == 0
    sign_everything(journey.folder)
    with journey.start("load", "new", "--wave", "w") as running:
        while running.poll() is None and not journey.arrived():
            time.sleep(0.05)
        assert main(["wave", "pause", "w", *here]) == 0
        _, said = running.communicate(timeout=60)
    assert running.returncode == 2, said
    assert "[wave.paused]" in said
    assert 0 < journey.arrived().total() < 700
    assert main(["load", "new", "--wave", "w", *here]) == 2
    assert main(["wave", "resume", "w", *here]) == 0
    file.write_text(file.read_text().replace("mails_per_minute = 3000", ""))
    assert main(["load", "new", "--wave", "w", *here]) == 0
    assert journey.arrived() == Counter(digest(path.read_bytes()) for path in inbox.iterdir())


def test_undo_of_a_wave_takes_back_mail_rights_and_states_of_all_its_loads(
    tmp_path: Path, dovecot_maildir: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEW_PASSWORD", MASTER_PASSWORD)
    office = settle_in(tmp_path, dovecot_maildir)
    file = office.journey.folder / "migration.toml"
    file.write_text(file.read_text() + f"\n[waves.shared]\naccounts = {json.dumps(INBOXES)}\n")
    here = ["--dir", str(office.journey.folder)]
    main(["extract", "--wave", "shared", *here])
    sign_everything(office.journey.folder)
    assert main(["load", "new", "--wave", "shared", *here]) == 0
    members = office.root / "share" / "support" / "members.csv"
    text = members.read_bytes().decode("cp932")
    members.write_bytes(text.replace("tanaka,閲覧", "tanaka,返信").encode("cp932"))
    main(["extract", "--wave", "shared", *here])
    sign_everything(office.journey.folder)
    assert main(["load", "new", "--wave", "shared", *here]) == 0
    assert acl(office, "support")
    assert any(each.keywords for each in at_target_of(office, "support"))
    before = office.journey.arrived().total()
    assert main(["undo", "--wave", "shared", *here]) == 0
    assert office.journey.arrived().total() == before
    assert main(["undo", "--wave", "shared", "--yes", *here]) == 0
    assert acl(office, "support") == acl(office, "sales") == {}
    assert office.journey.arrived().total() == 0
    assert main(["load", "new", "--wave", "shared", *here]) == 0
    assert office.journey.arrived().total() == before


def test_a_wave_is_not_signed_off_while_a_customer_would_be_forgotten(
    tmp_path: Path, dovecot_maildir: Dovecot, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NEW_PASSWORD", MASTER_PASSWORD)
    office = settle_in(tmp_path, dovecot_maildir)
    file = office.journey.folder / "migration.toml"
    file.write_text(file.read_text() + f"\n[waves.shared]\naccounts = {json.dumps(INBOXES)}\n")
    here = ["--dir", str(office.journey.folder)]
    main(["extract", "--wave", "shared", *here])
    sign_everything(office.journey.folder)
    assert main(["load", "new", "--wave", "shared", *here]) == 0
    assert main(["verify", "new", "--wave", "shared", *here]) == 0
    assert main(["wave", "cutover", "shared", "--yes", *here]) == 0
    assert main(["wave", "complete", "shared", *here]) == 0
    (line, *_) = office.journey.lines("shared", "unanswered", "--at", "new")
    folder, number = line["items"][-1]["folder"], line["items"][-1]["key"].rpartition(":")[2]
    with office.as_owner(line["inbox"]) as client:
        client.select(folder)
        client.uid("STORE", number, "+FLAGS", "(gw_closed)")
        client.uid("STORE", number, "-FLAGS", "(gw_open gw_in-progress gw_waiting gw_on-hold)")
    capsys.readouterr()
    assert main(["wave", "complete", "shared", "--yes", *here]) == 1
    assert "[shared.done-there]" in capsys.readouterr().out


# -- another eye -------------------------------------------------------------------------------------------------------


def reference(dovecot: Dovecot, company: Company, login: str) -> Any:
    """What `doveadm fetch` says of a mailbox into which the old store's mail was put by hand."""
    owner = dovecot.account()
    with imaplib.IMAP4(dovecot.host, dovecot.port) as client:
        client.login(f"{owner}*{MASTER}", MASTER_PASSWORD)
        for place, data, flags in [*company.mails(login), *company.gone[login]]:
            name = Office.quoted(Office, place)
            client.create(name)
            answer, told = client.append(name, f"({' '.join(flags)})", "", on_wire(data))
            assert answer == "OK", told
    return at_target(dovecot, owner)


def at_target(dovecot: Dovecot, owner: str) -> Any:
    told = dovecot.doveadm("-f", "json", "fetch", "-u", owner, "mailbox flags text", "all")
    return Counter(
        (each["mailbox"], digest(each["text"].encode("utf-8", "surrogateescape")), flags_in(each["flags"]))
        for each in json.loads(told.decode("utf-8", "surrogateescape"))
    )


def flags_in(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\\(?:Seen|Answered|Flagged)", text))
