"""Out of Exchange into Dovecot: every mail once, though its bytes are others at each read; changes carried; nothing at
the source is touched."""

import json
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from migrator.mail import envelope
from migrator.testing import mail
from tests.journeys.journey import Journey
from tests.servers.dovecot import Dovecot
from tests.servers.exchange import ALICE, PASSWORD, SERVICE, Exchange, server
from tests.servers.exchange import store as stored
from tests.servers.exchange.faults import Busy, Dropped, Slow, Truncated, Unavailable
from tests.servers.exchange.items import from_mime

AT = datetime(2009, 11, 2, 0, 15, 30, tzinfo=UTC)


@dataclass
class Leaving:
    """An Exchange with one mailbox, and a migration folder beside it."""

    exchange: Exchange
    journey: Journey

    def add(self, name: str, *, role: str = "inbox", read: bool = False) -> stored.Item:
        mailbox = self.exchange[ALICE]
        item = from_mime(mail(name, b"line\r\n" * 20), mailbox.role(role), ALICE)
        item.draft, item.read, item.received = False, read, AT
        item.read_receipt = True
        mailbox.add(item)
        return item

    def arrived(self) -> Counter[str]:
        owner, *_ = self.journey.accounts.values()
        return Counter(f"{place} {envelope(data).message_id}" for place, _, data in self.journey.mails(owner))

    def counts(self) -> dict[str, int]:
        runs = [run for run in self.journey.json("runs") if run["step"] == "extract"]
        return dict(max(runs, key=lambda run: int(run["run"]))["counts"])

    def state(self) -> object:
        mailbox = self.exchange[ALICE]
        items = [(each.id, each.change, each.read, each.read_receipt, each.modified) for each in mailbox.items.values()]
        return items, [(each.id, each.change) for each in mailbox.folders.values()], len(mailbox.removals)


@pytest.fixture
def leaving(tmp_path: Path, dovecot_sdbox: Dovecot) -> Iterator[Leaving]:
    with server() as exchange:
        source = {"adapter": "exchange", "endpoint": exchange.url, "auth": "basic", "user": SERVICE}
        owner = dovecot_sdbox.account()
        journey = Journey(
            tmp_path / "move", dovecot_sdbox, source, {"alice": owner}, environment={"OLD_PASSWORD": PASSWORD}
        )
        settings = journey.folder / "migration.toml"
        more = f'password = {{ env = "OLD_PASSWORD" }}\naccounts = {{ alice = {json.dumps(ALICE)} }}\n'
        settings.write_text(settings.read_text().replace("[source]\n", f"[source]\n{more}"))
        yield Leaving(exchange, journey)
        assert exchange.invalid_requests == []
        assert exchange.receipts == []


def test_a_mailbox_leaves_and_a_second_pass_adds_nothing(leaving: Leaving) -> None:
    journey = leaving.journey
    for number in range(30):
        leaving.add(f"m{number}", read=bool(number % 2))
    leaving.add("sent", role="sentitems")
    before = leaving.state()
    assert "[exchange." not in journey.run("check", code=1)  # of the target alone there is something to say
    journey.run("extract")
    journey.run("load", "new")
    journey.run("verify", "new")
    journey.run("ledger", "new")
    first = leaving.arrived()
    assert len(first) == first.total() == 31
    journey.run("extract")
    assert leaving.counts()["unchanged"] == 31
    journey.run("load", "new")
    assert leaving.arrived() == first
    assert leaving.state() == before
    writing = {"UpdateItem", "DeleteItem", "MoveItem", "CreateItem", "CreateFolder", "SendItem", "MarkAllItemsAsRead"}
    assert not writing & {request.operation for request in leaving.exchange.requests}


def test_what_is_new_moved_flagged_touched_and_gone_is_carried(leaving: Leaving) -> None:
    journey, mailbox = leaving.journey, leaving.exchange[ALICE]
    moved, flagged, gone, touched, _ = [leaving.add(f"m{number}") for number in range(5)]
    journey.run("extract")
    journey.run("load", "new")
    mailbox.move(moved, mailbox, mailbox.role("deleteditems").id)
    flagged.read, flagged.categories = True, ("red",)
    mailbox.touch(flagged)
    mailbox.remove(gone)
    touched.raw = b"X-Size: other\r\n" + touched.raw  # the listing tells another size, and the mail means the same
    leaving.add("late")
    journey.run("extract")
    counts = leaving.counts()
    assert (counts["items"], counts["moved"], counts["vanished"], counts["unchanged"]) == (2, 1, 1, 3)
    journey.run("load", "new")
    arrived = leaving.arrived()
    assert arrived.total() == 6
    (trash,) = [each for each in arrived if "<m0@" in each]
    assert not trash.startswith("INBOX ")
    owner, *_ = journey.accounts.values()
    (said,) = [said for _, said, data in journey.mails(owner) if b"<m1@" in data]
    assert b"\\Seen" in said
    assert b"red" in said
    journey.run("ledger", "new")
    journey.run("extract")
    assert leaving.counts()["unchanged"] == 5
    assert "items" not in leaving.counts() or leaving.counts()["items"] == 0


def test_an_extract_that_was_killed_and_met_faults_goes_on_to_the_end(leaving: Leaving) -> None:
    journey = leaving.journey
    for number in range(200):
        leaving.add(f"m{number}")
    leaving.exchange.script(Slow(lambda request: request.number < 6, "GetItem", seconds=0.3))
    with journey.start("extract") as process:
        while len(leaving.exchange.asked("GetItem")) < 4:
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    asked = len(leaving.exchange.asked("GetItem"))
    leaving.exchange.faults.clear()
    leaving.exchange.script(
        Unavailable({asked + 2}, "GetItem"), Truncated({asked + 3}, "GetItem"), Dropped({asked + 4}, "GetItem")
    )
    leaving.exchange.script(Busy({asked + 5}, "GetItem", milliseconds=100))
    for _ in range(6):
        with journey.start("extract") as process:
            process.communicate(timeout=200)
        if process.returncode == 0:
            break
        assert process.returncode in (1, 75)  # a mail that broke its line alone is a fault, until it is read again
    assert all(fault.fired for fault in leaving.exchange.faults)
    journey.run("extract")
    journey.run("load", "new")
    arrived = leaving.arrived()
    assert len(arrived) == arrived.total() == 200
    journey.run("ledger", "new")
