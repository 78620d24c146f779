"""A load is silent, and nothing that it leaves behind is the target's own idea (laws.md §5, §6): another eye looks."""

import imaplib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from migrator.staging import tables
from migrator.staging.store import Staging
from tests.journeys.crossing import Crossing, crossing
from tests.roads import mail, road
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.faults import CutInside, Told

pytestmark = pytest.mark.dovecot

ASKING = ["Disposition_Notification_To", "Return_Receipt_To", "X_Confirm_Reading_To"]
PATHS = [("受信箱",), ("お客様", "A社", "2009"), ("Sent Items",), ("空",)]
SERVERS = ["dovecot_maildir", "dovecot_sdbox"]


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAP_TEST_PASSWORD", PASSWORD)


@pytest.fixture
def dovecot(request: pytest.FixtureRequest) -> Dovecot:
    found: Dovecot = request.getfixturevalue(request.param)
    return found


@contextmanager
def looking(way: Crossing) -> Iterator[imaplib.IMAP4]:
    """Another client of the mailbox."""
    with imaplib.IMAP4(way.dovecot.host, way.dovecot.port) as client:
        client.login(way.owner, PASSWORD)
        yield client


def mails(way: Crossing) -> dict[str, tuple[set[str], datetime]]:
    """Every mail there by its Message-ID: flags and INTERNALDATE."""
    told = way.dovecot.doveadm(
        "-f", "tab", "fetch", "-u", way.owner, "hdr.message-id flags date.received.unixtime", "all"
    )
    rows = [line.split("\t") for line in told.decode().split("\n")[1:-1]]
    return {key: (set(flags.split()), datetime.fromtimestamp(int(at), UTC)) for key, flags, at in rows}


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    """A store with every kind of date, flag and folder."""
    now = datetime.now(UTC)
    with road() as way, Staging.open("sqlite:///staging.db", folder=tmp_path) as staging:
        for path in PATHS:
            way.old.make("sato", path)
        for number, header in enumerate(ASKING):
            way.old.add("sato", ("受信箱",), mail(f"asks{number}", **{header: "boss@example.co.jp"}))
        way.old.add("sato", ("受信箱",), mail("asked", **{ASKING[0]: "boss@example.co.jp"}), flags=["$MDNSent"])
        way.old.add("sato", ("受信箱",), mail("deleted"), flags=["\\Deleted", "\\Seen"])
        way.old.add("sato", ("お客様", "A社", "2009"), mail("recent"), flags=["\\Recent", "\\Flagged"])
        way.old.add("sato", ("受信箱",), mail("new"), received_at=now - timedelta(seconds=1))
        way.old.add("sato", ("受信箱",), mail("future"), received_at=now + timedelta(days=900))
        undated = b"Message-ID: <undated@example.co.jp>\r\n\r\n"
        way.old.add("sato", ("未来",), undated, received_at=now + timedelta(days=900))
        way.extract(staging)
    return tmp_path / "staging.db"


@pytest.mark.parametrize("dovecot", SERVERS, indirect=True)
@pytest.mark.parametrize("cut", [False, True], ids=["smooth", "cut"])
def test_what_a_load_leaves_behind_is_what_the_evidence_says(
    staging: Path, tmp_path: Path, dovecot: Dovecot, cut: bool
) -> None:
    (tmp_path / "home").mkdir()
    with crossing(staging, tmp_path / "home", dovecot) as way:
        if cut:
            way.faults.layers = [Told({b"MULTIAPPEND": b""}), CutInside(2)]
        began = datetime.now(UTC)
        assert way.load() == 0, way.reasons
        there = mails(way)
        asking = [f"<asks{number}@example.co.jp>" for number in range(len(ASKING))]
        assert there.keys() == {f"<{key}@example.co.jp>" for key in ("asked", "recent", "new", "future", "undated")} | {
            *asking
        }
        inside = {key for key, (_, at) in there.items() if at >= began.replace(microsecond=0)}
        assert inside == set(), "no evidence says that any of them was received in this run"
        assert began - there["<new@example.co.jp>"][1] < timedelta(seconds=60)
        flags = {key: flags - {"\\Recent"} for key, (flags, _) in there.items()}
        assert flags.pop("<recent@example.co.jp>") == {"\\Flagged"}
        assert {key for key, its in flags.items() if its == {"$MDNSent"}} == {*asking, "<asked@example.co.jp>"}
        lines = [line for each in way.faults.commands if each.name == b"APPEND" for line in each.pieces[::2]]
        assert not [line for line in lines if re.search(rb"\\(?:Deleted|Recent)", line)]
        assert way.verified() == []


@pytest.mark.parametrize("dovecot", SERVERS, indirect=True)
def test_every_place_is_subscribed(staging: Path, tmp_path: Path, dovecot: Dovecot) -> None:
    (tmp_path / "home").mkdir()
    with crossing(staging, tmp_path / "home", dovecot) as way:
        assert way.load() == 0, way.reasons
        with looking(way) as client:
            named = re.compile(rb'\((.*?)\) "[^"]*" (.*)')
            listed, subscribed = (
                {found[2] for row in told if isinstance(row, bytes) and (found := named.fullmatch(row))}
                for told in (client.list()[1], client.lsub()[1])
            )
        untouched = {b"Drafts", b"Trash", b"Junk"}
        assert listed - subscribed == untouched
        assert len(listed) == len(untouched) + 7  # INBOX, Sent, 未来, 空, and 2009 with the two above it


def test_a_disarmed_mail_says_so_in_its_receipt(staging: Path, tmp_path: Path, dovecot_sdbox: Dovecot) -> None:
    (tmp_path / "home").mkdir()
    with crossing(staging, tmp_path / "home", dovecot_sdbox) as way:
        assert way.load() == 0
        with way.staging.reading() as connection:
            told = connection.execute(select(tables.receipt.c.flags, tables.receipt.c.repairs)).all()
        assert sum("repair.receipt-disarmed" in row.repairs for row in told) == len(ASKING) + 1
        assert all(("$MDNSent" in row.flags) == ("repair.receipt-disarmed" in row.repairs) for row in told)
