"""restore: parked mail goes with the next load, and what somebody else's word parks is named."""

from collections.abc import Iterator

import pytest

from migrator.errors import UsageError
from migrator.model import Verdict
from migrator.staging.opinions import decide_item, decide_stream, restore_item, restore_stream
from migrator.staging.store import Staging
from tests.roads import Road, bodies_at, mail, road

SENDER = "sato@example.co.jp"


@pytest.fixture
def way(staging: Staging) -> Iterator[Road]:
    with road() as laid:
        for number in range(3):
            laid.old.add("sato", ("受信箱",), mail(str(number)))
        laid.extract(staging)
        yield laid


def test_one_parked_mail_goes_with_the_next_load(way: Road, staging: Staging) -> None:
    decide_item(staging, 2, Verdict.PARK, by="suzuki", why="")
    assert way.load(staging)["loaded"] == 2
    assert restore_item(staging, 2, by="sato", why="wanted").mails == 1
    assert way.load(staging)["loaded"] == 1
    assert bodies_at(way.new, "sato", "INBOX") == bodies_at(way.old, "sato", "受信箱")
    assert restore_item(staging, 2, by="sato", why="again").mails == 0


def test_a_senders_mail_goes_and_what_was_parked_one_by_one_is_named(way: Road, staging: Staging) -> None:
    decide_stream(staging, SENDER, Verdict.PARK, by="suzuki", why="")
    decide_item(staging, 1, Verdict.PARK, by="suzuki", why="this one too")
    way.old.flag("sato", ("受信箱",), 3, ["\\Deleted"])
    way.extract(staging)
    assert way.load(staging)["loaded"] == 0
    done = restore_stream(staging, SENDER, by="sato", why="")
    assert (done.mails, done.left) == (1, [(1, "item"), (3, "source")])
    assert way.load(staging)["loaded"] == 1
    for item, _ in done.left:
        restore_item(staging, item, by="sato", why="")
    assert way.load(staging)["loaded"] == 2


def test_mail_that_comes_later_from_a_restored_sender_is_kept(way: Road, staging: Staging) -> None:
    decide_stream(staging, SENDER, Verdict.PARK, by="suzuki", why="")
    restore_stream(staging, SENDER, by="sato", why="")
    way.old.add("sato", ("受信箱",), mail("later"))
    way.extract(staging)
    assert way.load(staging)["loaded"] == 4


def test_what_nobody_knows_is_refused(way: Road, staging: Staging) -> None:
    with pytest.raises(UsageError, match=r"item\.unknown"):
        restore_item(staging, 99, by="sato", why="")
    with pytest.raises(UsageError, match=r"sender\.unknown"):
        restore_stream(staging, "nobody@example.co.jp", by="sato", why="")
