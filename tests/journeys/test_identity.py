"""The wrong server, an emptied one, an old staging, another source: one clear line, nothing sent; then a person's word.

Every line that an administrator sees is asked for in both languages, and a listener hears that nothing was changed.
"""

import imaplib
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest

from tests.journeys.journey import Journey, digest
from tests.servers.dovecot import MASTER, MASTER_PASSWORD, Dovecot
from tests.servers.tap import Tap, tap

pytestmark = pytest.mark.dovecot

CHANGES = {b"APPEND", b"STORE", b"CREATE", b"SUBSCRIBE", b"DELETE", b"EXPUNGE", b"COPY", b"MOVE"}
FOLDERS = ("受信箱", "保管")


def write(root: Path, account: str, folder: str, numbers: range, name: str = "") -> None:
    """Small mails as .eml files."""
    (root / account / folder).mkdir(parents=True, exist_ok=True)
    for number in numbers:
        lines = (f"Subject: {number}", f"Message-ID: <{name}{account}-{folder}-{number}@example.co.jp>", "", "text", "")
        (root / account / folder / f"{name}{number:04}.eml").write_text("\n".join(lines), "utf-8", newline="")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    for account in ("sato", "suzuki"):
        for folder in FOLDERS:
            write(tmp_path / "old", account, folder, range(8))
    return tmp_path / "old"


@dataclass
class Guarded:
    """A journey through a listener."""

    journey: Journey
    heard: Tap
    old: Path

    def stops(self, *words: str, code: str, remedy: str) -> None:
        """The command ends with exit 2 and one line in either language, and has changed nothing anywhere."""
        before = self.journey.arrived()
        self.heard.forget()
        for lang in ("en", "ja"):
            spoken = replace(self.journey, environment={"MIGRATOR_LANG": lang})
            with spoken.start(*words) as process:
                _, err = process.communicate(timeout=120)
            assert process.returncode == 2, err
            (line,) = [each for each in err.splitlines() if each.startswith("migrator: ")]
            assert line.endswith(f"[{code}]")
            assert remedy in line
            assert ("Nothing was" in line) == (lang == "en")
            assert ("ません" in line) == (lang == "ja")
        assert self.heard.names.isdisjoint(CHANGES)
        assert self.journey.arrived() == before

    def arrives(self) -> None:
        """Everything that lies at the source lies at the target once, and the books say so."""
        wanted = Counter(digest(path.read_bytes()) for path in self.old.rglob("*.eml"))
        assert self.journey.arrived() == wanted
        assert self.journey.json("verify", "new", "--bodies", "all")["findings"] == []
        assert self.journey.json("ledger", "new")["closed"]
        assert "0 mails loaded" in self.journey.run("load", "new")


def journey_to(dovecot: Dovecot, old: Path, tmp_path: Path, heard: Tap, url: str = "sqlite:///staging.db") -> Journey:
    accounts = {name: dovecot.account() for name in ("sato", "suzuki")}
    return Journey(tmp_path / "move", dovecot, {"adapter": "eml", "root": old}, accounts, url=url, port=heard.port)


@pytest.fixture
def guarded(dovecot_maildir: Dovecot, old: Path, tmp_path: Path) -> Iterator[Guarded]:
    with tap(dovecot_maildir.host, dovecot_maildir.port) as heard:
        yield Guarded(journey_to(dovecot_maildir, old, tmp_path, heard), heard, old)


def test_a_section_pointed_at_another_empty_server_sends_nothing_until_it_is_confirmed(
    guarded: Guarded, dovecot_sdbox: Dovecot
) -> None:
    guarded.journey.run("extract")
    guarded.journey.run("load", "new")
    write(guarded.old, "sato", "受信箱", range(8, 9))
    guarded.journey.run("extract")
    with tap(dovecot_sdbox.host, dovecot_sdbox.port) as heard:
        there = Guarded(replace(guarded.journey, dovecot=dovecot_sdbox, port=heard.port), heard, guarded.old)
        there.stops("load", "new", code="target.another", remedy="migrator confirm target new")
        assert there.journey.arrived().total() == 0
        heard.forget()
        there.journey.run("confirm", "target", "new")
        assert heard.names.isdisjoint(CHANGES)
        there.journey.run("load", "new")
        there.arrives()


def wipe(dovecot: Dovecot, owner: str) -> None:
    """Every mailbox is deleted and made anew. A Maildir's INBOX only loses its mails by that, and keeps its numbers."""
    for name in dovecot.doveadm("mailbox", "list", "-u", owner).decode().splitlines():
        if name != "INBOX":
            dovecot.doveadm("mailbox", "delete", "-u", owner, "-s", name)
            dovecot.doveadm("mailbox", "create", "-u", owner, "-s", name)
    dovecot.doveadm("expunge", "-u", owner, "mailbox", "INBOX", "all")


def test_a_server_whose_mailboxes_were_deleted_and_made_anew_gets_everything_again_once_it_is_confirmed(
    guarded: Guarded,
) -> None:
    guarded.journey.run("extract")
    guarded.journey.run("load", "new")
    time.sleep(1.1)  # Dovecot's UIDVALIDITY counts seconds
    for owner in guarded.journey.accounts.values():
        wipe(guarded.journey.dovecot, owner)
    guarded.stops("load", "new", code="target.mail-gone", remedy="migrator confirm target new")
    assert "32 to be sent again" in guarded.journey.run("confirm", "target", "new")
    guarded.journey.run("load", "new")
    guarded.arrives()


# -- an old staging ------------------------------------------------------------------------------------------------


def killed_in_the_middle(journey: Journey, owner: str) -> None:
    """A load with one lane is killed once the owner's first mails have arrived."""
    with imaplib.IMAP4(journey.dovecot.host, journey.dovecot.port) as client:
        client.login(f"{owner}*{MASTER}", MASTER_PASSWORD)
        with journey.start("load", "new", "--workers", "1") as load:
            while load.poll() is None and not messages(client):
                time.sleep(0.005)
            load.kill()
            load.communicate()
        assert load.returncode == -9, "the load was quicker than its killer: give it more mail"


def messages(client: imaplib.IMAP4) -> int:
    _, answer = client.status("INBOX", "(MESSAGES)")
    found = re.search(rb"MESSAGES (\d+)", answer[0] or b"")
    return int(found[1]) if found else 0


Back = Callable[[], Journey]


def copied(journey: Journey) -> Back:
    """Copy a staging that nobody has open; a call brings the copy back in its place."""
    if journey.url.startswith("sqlite"):
        copy = journey.folder.parent / "copy"
        shutil.copytree(journey.folder, copy)

        def from_copy() -> Journey:
            shutil.rmtree(journey.folder)
            shutil.copytree(copy, journey.folder)
            return replace(journey)

        return from_copy
    name = re.search(r"/(test_\d+)\?", journey.url)
    assert name
    server = re.sub(r"^postgresql\+psycopg", "postgresql", journey.url).replace(name[1], "postgres")
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name[1]}_copy" TEMPLATE "{name[1]}"')
    return lambda: replace(journey, url=journey.url.replace(name[1], f"{name[1]}_copy"))


def test_a_staging_from_the_middle_of_a_load_sends_nothing_until_it_is_confirmed(
    dovecot_maildir: Dovecot, old: Path, tmp_path: Path, staging_url: str
) -> None:
    write(old, "sato", "受信箱", range(8, 600))
    with tap(dovecot_maildir.host, dovecot_maildir.port) as heard:
        journey = journey_to(dovecot_maildir, old, tmp_path, heard, staging_url)
        journey.run("extract")
        killed_in_the_middle(journey, journey.accounts["sato"])
        back = copied(journey)
        journey.run("load", "new")
        restored = Guarded(back(), heard, old)
        restored.stops("load", "new", code="target.mail-unexplained", remedy="migrator confirm target new")
        heard.forget()
        restored.journey.run("confirm", "target", "new")
        assert heard.names.isdisjoint(CHANGES)
        restored.arrives()


# -- mail that was there before ------------------------------------------------------------------------------------


def test_a_mailbox_that_another_tool_has_filled_stops_alone_until_a_person_speaks(guarded: Guarded) -> None:
    owner = guarded.journey.accounts["sato"]
    raws = [path.read_bytes().replace(b"\n", b"\r\n") for path in sorted((guarded.old / "sato" / "受信箱").iterdir())]
    with imaplib.IMAP4(guarded.journey.dovecot.host, guarded.journey.dovecot.port) as client:
        client.login(f"{owner}*{MASTER}", MASTER_PASSWORD)
        for raw in raws[:3]:
            client.append("INBOX", None, '"01-Jan-1980 00:00:00 +0000"', raw)  # type: ignore[arg-type]
        client.append("INBOX", None, None, b"Subject: of a stranger\r\n\r\n")  # type: ignore[arg-type]
    guarded.journey.run("extract")
    assert guarded.journey.complaint("load", "new", code=1) == "mailbox.holds-equal"
    assert sum(1 for _ in guarded.journey.mails(owner)) == 4
    assert sum(1 for _ in guarded.journey.mails(guarded.journey.accounts["suzuki"])) == 16
    assert "3 mails that were there already" in guarded.journey.run("load", "new", "--existing", "adopt")
    wanted = Counter(digest(path.read_bytes()) for path in guarded.old.rglob("*.eml"))
    assert guarded.journey.arrived() - wanted == Counter([sha256(b"Subject: of a stranger\r\n\r\n").hexdigest()])
    assert wanted - guarded.journey.arrived() == Counter()
    assert guarded.journey.json("ledger", "new")["closed"]
    assert guarded.journey.json("verify", "new", "--bodies", "all")["findings"] == []
    guarded.heard.forget()
    assert "0 mails loaded" in guarded.journey.run("load", "new")
    assert guarded.heard.names.isdisjoint(CHANGES)


# -- another source ------------------------------------------------------------------------------------------------


def test_a_source_that_is_suddenly_empty_reads_nothing_until_it_is_confirmed(guarded: Guarded) -> None:
    guarded.journey.run("extract")
    guarded.journey.run("load", "new")
    kept = guarded.journey.arrived()
    for path in guarded.old.rglob("*.eml"):
        path.unlink()
    guarded.stops("extract", code="source.empty", remedy="migrator confirm source eml")
    guarded.journey.run("confirm", "source", "eml")
    assert "32 gone" in guarded.journey.run("extract")
    assert "0 mails loaded" in guarded.journey.run("load", "new")
    assert guarded.journey.arrived() == kept
    assert guarded.journey.json("ledger", "new")["closed"]


def test_a_source_exchanged_for_another_reads_nothing_until_it_is_confirmed(guarded: Guarded, tmp_path: Path) -> None:
    guarded.journey.run("extract")
    guarded.journey.run("load", "new")
    kept = guarded.journey.arrived()
    guarded.old.rename(tmp_path / "away")
    for account in ("sato", "suzuki"):
        write(guarded.old, account, "受信箱", range(8))  # the same mails, and others
        write(guarded.old, account, "受信箱", range(5), name="other-")
        (guarded.old / account / "保管").mkdir()
    guarded.stops("extract", code="source.another", remedy="migrator confirm source eml")
    guarded.journey.run("confirm", "source", "eml")
    guarded.journey.run("extract")
    assert "10 mails loaded" in guarded.journey.run("load", "new")
    arrived = guarded.journey.arrived()
    assert kept - arrived == Counter()
    assert set(arrived.values()) == {1}
    assert guarded.journey.json("ledger", "new")["closed"]
