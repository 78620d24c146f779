"""Going back on a real Dovecot: what people touched survives, the rest is gone, and a load after it is whole again."""

import imaplib
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.journeys.journey import Journey, digest
from tests.servers.dovecot import MASTER, MASTER_PASSWORD, Dovecot
from tests.servers.tap import Tap, tap

pytestmark = pytest.mark.dovecot

MAILS = 8


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """One account of .eml files."""
    inbox = tmp_path / "old" / "sato" / "受信箱"
    inbox.mkdir(parents=True)
    for number in range(MAILS):
        text = f"Subject: {number}\r\nMessage-ID: <{number}@example.co.jp>\r\n\r\ntext\r\n"
        (inbox / f"{number}.eml").write_text(text, newline="")
    return tmp_path / "old"


@pytest.fixture
def line(dovecot_maildir: Dovecot) -> Iterator[Tap]:
    with tap(dovecot_maildir.host, dovecot_maildir.port) as running:
        yield running


def journey_to(dovecot: Dovecot, old: Path, tmp_path: Path, url: str = "sqlite:///staging.db") -> Journey:
    accounts = {"sato": dovecot.account()}
    return Journey(tmp_path / "move", dovecot, {"adapter": "eml", "root": old}, accounts, url=url)


def expected(old: Path) -> Counter[str]:
    return Counter(digest(path.read_bytes()) for path in old.rglob("*.eml"))


def load_of(journey: Journey) -> str:
    """The number of the first load."""
    return str(next(each["run"] for each in journey.json("runs") if each["step"] == "load"))


@contextmanager
def inbox_of(journey: Journey) -> Iterator[imaplib.IMAP4]:
    """The owner's own client, with the inbox open."""
    (owner,) = journey.accounts.values()
    with imaplib.IMAP4(journey.dovecot.host, journey.dovecot.port) as client:
        client.login(f"{owner}*{MASTER}", MASTER_PASSWORD)
        client.select("INBOX")
        yield client


def said(client: imaplib.IMAP4, *words: str) -> None:
    answer, data = client.uid(*words)
    assert answer == "OK", data


def listed(out: str, word: str) -> list[str]:
    return re.findall(rf"^{word}  \S+  \d+:(\d+) ", out, re.M)


def test_what_its_owner_answered_flagged_moved_or_deleted_survives_and_the_rest_is_gone(
    old: Path, dovecot_maildir: Dovecot, staging_url: str, tmp_path: Path
) -> None:
    journey = journey_to(dovecot_maildir, old, tmp_path, staging_url)
    journey.run("extract")
    journey.run("load", "new")
    run = load_of(journey)
    with inbox_of(journey) as owner:
        said(owner, "STORE", "1", "+FLAGS", "(\\Answered)")
        said(owner, "STORE", "2", "+FLAGS", "(\\Flagged)")
        said(owner, "STORE", "3", "+FLAGS", "(\\Deleted)")  # marked, and not yet removed
        owner.create("done")
        said(owner, "MOVE", "4", "done")
        said(owner, "MOVE", "5", "Trash")
        said(owner, "STORE", "6", "+FLAGS", "(\\Deleted)")
        said(owner, "EXPUNGE", "6")
    before = journey.arrived()
    shown = journey.run("undo", run, code=1)
    assert journey.arrived() == before
    done = journey.run("undo", run, "--yes", code=1)
    for out in (shown, done):
        assert (listed(out, "touched"), listed(out, "moved"), listed(out, "gone")) == (
            ["1", "2", "3"],
            ["4", "5"],
            ["6"],
        )
    (owner_name,) = journey.accounts.values()
    left = Counter(place for place, _, _ in journey.mails(owner_name))
    assert left == {"INBOX": 3, "done": 1, "Trash": 1}
    journey.run("verify", "new", code=1)
    account = journey.json("ledger", "new")
    assert account["closed"]
    assert (account["totals"]["loaded"], account["totals"]["to_do"]) == (5, 3)
    journey.run("load", "new")
    assert journey.arrived() == expected(old)
    journey.run("load", "new")
    assert journey.arrived() == expected(old)


def test_an_undo_that_is_killed_finishes_and_a_load_after_it_is_whole(
    old: Path, dovecot_sdbox: Dovecot, staging_url: str, tmp_path: Path
) -> None:
    with tap(dovecot_sdbox.host, dovecot_sdbox.port) as line:
        journey = replace(journey_to(dovecot_sdbox, old, tmp_path, staging_url), port=line.port)
        journey.run("extract")
        journey.run("load", "new")
        run = load_of(journey)
        assert killed_at_expunge(journey, line, 3, "undo", run, "--yes") == -signal.SIGKILL
        assert 0 < journey.arrived().total() < MAILS
        if staging_url.startswith("sqlite"):  # else the load finishes it
            journey.run("undo", run, "--yes")
            assert journey.arrived().total() == 0
        journey.run("load", "new")
        assert journey.arrived() == expected(old)
        assert journey.json("verify", "new")["findings"] == []
        assert journey.json("ledger", "new")["complete"]


def killed_at_expunge(journey: Journey, line: Tap, count: int, *words: str) -> int:
    """Start the command and kill -9 it when it is about to remove its nth mail, before the server hears of that."""
    running: list[subprocess.Popen[str]] = []
    heard = 0

    def kill(data: bytes) -> None:
        nonlocal heard
        heard += data.count(b" EXPUNGE ")
        if heard >= count:
            running[0].send_signal(signal.SIGKILL)
            running[0].wait()

    line.meddle = kill
    with journey.start(*words) as process:
        running.append(process)
        process.communicate(timeout=120)
    line.meddle = lambda _: None
    return process.returncode


def test_a_server_without_uidplus_is_told_of_and_left_alone(
    old: Path, dovecot_maildir: Dovecot, tmp_path: Path
) -> None:
    with tap(dovecot_maildir.host, dovecot_maildir.port, {b"UIDPLUS": b""}) as line:
        journey = replace(journey_to(dovecot_maildir, old, tmp_path), port=line.port)
        journey.run("extract")
        journey.run("load", "new")
        run = load_of(journey)
        line.forget()
        assert journey.complaint("undo", run, code=2) == "undo.impossible"
        assert journey.complaint("undo", run, "--yes", code=2) == "undo.impossible"
        assert not [
            each for each in line.commands if each.startswith((b"UID STORE", b"EXPUNGE", b"UID EXPUNGE", b"CLOSE"))
        ]
    assert journey.arrived() == expected(old)


def test_a_flag_set_between_our_look_and_our_store_is_spared(old: Path, dovecot_sdbox: Dovecot, tmp_path: Path) -> None:
    with tap(dovecot_sdbox.host, dovecot_sdbox.port) as line:
        journey = replace(journey_to(dovecot_sdbox, old, tmp_path), port=line.port)
        journey.run("extract")
        journey.run("load", "new")

        def flag(data: bytes) -> None:
            if b"UID STORE 5 (UNCHANGEDSINCE" in data:
                with inbox_of(journey) as owner:
                    said(owner, "STORE", "5", "+FLAGS", "(\\Flagged)")

        line.meddle = flag
        out = journey.run("undo", load_of(journey), "--yes", code=1)
    assert listed(out, "touched") == ["5"]
    (owner_name,) = journey.accounts.values()
    assert [b"\\Flagged" in told and b"\\Deleted" not in told for _, told, _ in journey.mails(owner_name)] == [True]


def test_flags_places_and_completed_mails_follow_the_source_and_then_all_is_silent(
    dovecot_maildir: Dovecot, line: Tap, tmp_path: Path
) -> None:
    cur = tmp_path / "old" / "sato" / "cur"
    other = tmp_path / "old" / "sato" / ".other" / "cur"
    for folder in (cur, other):
        for each in ("cur", "new", "tmp"):
            (folder.parent / each).mkdir(parents=True, exist_ok=True)
    for number in range(6):
        (cur / f"120000000{number}.M{number}P1.host:2,S").write_text(f"Subject: {number}\r\n\r\nhalf\r\n", newline="")
    accounts = {"sato": dovecot_maildir.account()}
    source = {"adapter": "maildir", "root": tmp_path / "old"}
    journey = Journey(tmp_path / "move", dovecot_maildir, source, accounts, port=line.port)
    journey.run("extract")
    journey.run("load", "new")
    with inbox_of(journey) as owner:
        said(owner, "STORE", "1", "+FLAGS", "(\\Answered)")
        said(owner, "STORE", "4", "+FLAGS", "(\\Answered)")
    name = "120000000{0}.M{0}P1.host:2,{1}"
    (cur / name.format(0, "S")).rename(cur / name.format(0, "FS"))
    (cur / name.format(1, "S")).rename(cur / name.format(1, "R"))
    (cur / name.format(2, "S")).rename(other / name.format(2, "S"))
    (cur / name.format(3, "S")).rename(other / name.format(3, "S"))
    (cur / name.format(5, "S")).write_text("Subject: 5\r\n\r\nhalf and the other half\r\n", newline="")
    journey.run("extract")
    out = journey.run("load", "new")
    assert "changed by people" in out
    (owner_name,) = accounts.values()
    there = {
        (place, data): frozenset(re.findall(rb"\\\w+", told.partition(b"FLAGS")[2].partition(b")")[0])) - {b"\\Recent"}
        for place, told, data in journey.mails(owner_name)
    }
    assert there == {
        ("INBOX", mail(0)): {b"\\Seen", b"\\Flagged", b"\\Answered"},
        ("INBOX", mail(1)): {b"\\Answered"},
        ("other", mail(2)): {b"\\Seen"},
        ("INBOX", mail(3)): {b"\\Seen", b"\\Answered"},
        ("INBOX", mail(4)): {b"\\Seen"},
        ("INBOX", mail(5, "half and the other half")): {b"\\Seen"},
    }
    journey.run("verify", "new", code=1)
    assert journey.json("ledger", "new")["closed"]
    line.forget()
    journey.run("extract")
    journey.run("load", "new")
    journey.run("load", "new")
    assert line.names.isdisjoint({b"STORE", b"MOVE", b"COPY", b"APPEND", b"EXPUNGE"})
    assert not [each for each in line.commands if b"BODY.PEEK[]" in each]


def mail(number: int, text: str = "half") -> bytes:
    return f"Subject: {number}\r\n\r\n{text}\r\n".encode()
