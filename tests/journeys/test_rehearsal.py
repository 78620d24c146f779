"""Rehearsals on a real Dovecot: killed and taken up, wiped, and forecast; the real target never hears of them."""

import imaplib
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.journeys.journey import Journey, digest
from tests.servers.dovecot import MASTER, MASTER_PASSWORD, Dovecot
from tests.servers.tap import Tap, tap

pytestmark = pytest.mark.dovecot

MAILS = 120

TEST_SERVER = """
[targets.test]
adapter = "imap"
host = "127.0.0.1"
port = {port}
security = "none"
auth = "master"
user = "{user}"
master_user = "{master}"
password = {{ env = "NEW_PASSWORD" }}
late_commit = 0.5
role = "rehearsal"
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """One account of .eml files."""
    inbox = tmp_path / "old" / "sato" / "受信箱"
    inbox.mkdir(parents=True)
    for number in range(MAILS):
        text = f"Subject: {number}\r\nMessage-ID: <{number}@example.co.jp>\r\n\r\ntext\r\n"
        (inbox / f"{number}.eml").write_text(text, newline="")
    return tmp_path / "old"


def rehearsing(dovecot: Dovecot, old: Path, tmp_path: Path, url: str, port: int | None = None) -> Journey:
    """A migration whose targets are both this Dovecot: what is rehearsed there goes to a mailbox of its own."""
    journey = Journey(tmp_path / "move", dovecot, {"adapter": "eml", "root": old}, {"sato": dovecot.account()}, url=url)
    settings = journey.folder / "migration.toml"
    text, _, accounts = settings.read_text().partition("[accounts]")
    section = TEST_SERVER.format(port=port or dovecot.port, user="{address}", master=MASTER)
    settings.write_text(f"{text}{section}\n[accounts]{accounts}")
    return journey


def there(journey: Journey) -> Counter[str]:
    """The digests in the owner's inbox, by another eye."""
    (owner,) = journey.accounts.values()
    with imaplib.IMAP4(journey.dovecot.host, journey.dovecot.port) as client:
        client.login(f"{owner}*{MASTER}", MASTER_PASSWORD)
        client.select("INBOX", readonly=True)
        _, data = client.uid("FETCH", "1:*", "(BODY.PEEK[])")
    return Counter(digest(each[1]) for each in data if isinstance(each, tuple))


def expected(old: Path) -> Counter[str]:
    return Counter(digest(path.read_bytes()) for path in old.rglob("*.eml"))


def killed_at_append(journey: Journey, line: Tap, *words: str) -> int:
    """Start the command and kill -9 it when its mails are on their way, before the server hears of them."""
    process = journey.start(*words)

    def kill(data: bytes) -> None:
        if b"APPEND" in data:
            line.meddle = lambda _: None
            process.kill()

    line.meddle = kill
    with process:
        process.communicate(timeout=280)
    return process.returncode


def test_a_killed_rehearsal_is_taken_up_each_mail_once_and_wiped_for_the_next(
    old: Path, dovecot_maildir: Dovecot, staging_url: str, tmp_path: Path
) -> None:
    with tap(dovecot_maildir.host, dovecot_maildir.port) as line:
        journey = rehearsing(dovecot_maildir, old, tmp_path, staging_url, line.port)
        assert killed_at_append(journey, line, "rehearse", "test") == -signal.SIGKILL
        again = journey.json("rehearse", "test")
        assert (again["rehearsal"], again["generation"], again["taken_up"]) == (1, "test#1", True)
        assert there(journey) == expected(old)
        assert killed_at_append(journey, line, "rehearse", "test", "--wipe") == -signal.SIGKILL
        wiped = journey.json("rehearse", "test", "--wipe")
    assert (wiped["rehearsal"], wiped["generation"], wiped["goes_on"]) == (3, "test#3", False)
    assert there(journey) == expected(old)
    assert wiped["closed"]
    outcomes = [each["outcome"] for each in journey.json("runs") if each["step"] == "rehearse"]
    assert outcomes == ["killed", "done", "killed", "done"]


def test_the_night_is_foretold_by_what_was_seen_once_a_delta_pass_was(
    old: Path, dovecot_maildir: Dovecot, tmp_path: Path
) -> None:
    journey = rehearsing(dovecot_maildir, old, tmp_path, "sqlite:///staging.db")
    first = journey.json("rehearse", "test")["forecast"]
    assert not first["window_whole"]["seen"]
    assert first["first_whole"]["seen"]
    again = journey.json("rehearse", "test")
    assert again["goes_on"]
    window = again["forecast"]["window_whole"]
    assert window["seen"]
    assert 0 < window["least"] <= window["likely"] <= window["most"]
    assert there(journey) == expected(old)


def test_strangers_mail_on_a_server_is_refused_before_anything_is_sent(
    old: Path, dovecot_maildir: Dovecot, tmp_path: Path
) -> None:
    journey = rehearsing(dovecot_maildir, old, tmp_path, "sqlite:///staging.db")
    (owner,) = journey.accounts.values()
    with imaplib.IMAP4(dovecot_maildir.host, dovecot_maildir.port) as client:
        client.login(f"{owner}*{MASTER}", MASTER_PASSWORD)
        client.append("INBOX", None, None, b"Subject: theirs\r\n\r\ntheirs\r\n")
    assert journey.complaint("rehearse", "test", code=2) == "rehearse.strangers"
    assert journey.complaint("rehearse", "new", code=2) == "rehearse.production"
    assert sum(there(journey).values()) == 1
    assert journey.json("runs") == []
