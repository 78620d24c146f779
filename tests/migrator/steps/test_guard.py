"""Nothing is sent to a server that is not what it was, nor beside mail that lies there, until a person speaks."""

import copy
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.memory import World
from migrator.errors import UsageError
from migrator.model import Identity, Raw, Verdict
from migrator.staging.opinions import decide_item
from migrator.staging.reports import listing
from migrator.staging.store import Staging
from migrator.steps.confirm import confirm_source, confirm_target
from migrator.steps.progress import Progress
from tests.roads import Road, bodies_at, mail, road

INBOX = ("受信箱",)
MANY = 12


@pytest.fixture
def way() -> Iterator[Road]:
    """Two accounts; sato has two folders."""
    with road() as laid:
        for number in range(MANY):
            laid.old.add("sato", INBOX, mail(f"sato {number}"))
            laid.old.add("suzuki", INBOX, mail(f"suzuki {number}"))
        laid.old.add("sato", ("お客様", "A社"), mail("customer"))
        yield laid


def confirm(way: Road, staging: Staging) -> Counter[str]:
    return Counter(confirm_target(staging, way.opener, way.loading()))


def everything(world: World) -> Counter[str]:
    """Every digest in a world, over all owners and boxes."""
    return Counter(each.raw.digest for box in world.boxes.values() for each in box.mails.values())


def whole(world: World) -> dict[object, object]:
    """All there is to see of a world."""
    return {
        name: (box.epoch, box.next, {number: (each.raw.digest, each.flags) for number, each in box.mails.items()})
        for name, box in world.boxes.items()
    }


def said(way: Road, staging: Staging, **how: object) -> list[str]:
    """The codes of what a load told a person that stopped only a part of it."""
    told: list[Progress] = []
    way.load(staging, report=told.append, **how)
    return [each.tells.code for each in told if each.tells is not None]


def stops(way: Road, staging: Staging, code: str) -> None:
    """A load does nothing at all but say why."""
    before = whole(way.new)
    with pytest.raises(UsageError) as stopped:
        way.load(staging)
    assert stopped.value.reason.code == code
    assert whole(way.new) == before


def is_done(way: Road, staging: Staging) -> None:
    """Each mail lies there once, and staging knows it."""
    assert everything(way.new) == everything(way.old)
    assert way.verify(staging, bodies=1.0).findings == 0
    assert way.ledger(staging).complete
    assert way.load(staging)["loaded"] == 0


# -- another target ------------------------------------------------------------------------------------------------


def test_another_empty_server_stops_every_mailbox_and_gets_everything_once_it_is_confirmed(
    way: Road, staging: Staging
) -> None:
    way.extract(staging)
    way.load(staging)
    way.old.add("tanaka", INBOX, mail("of one who is new"))
    way.extract(staging)
    way.new.boxes.clear()
    way.new.store = "another"
    stops(way, staging, "target.another")
    counts = confirm(way, staging)
    assert (counts["given_up"], counts["findings"]) == (2 * MANY + 1, 0)
    assert not way.new.boxes, "to confirm changes nothing there"
    assert way.load(staging)["loaded"] == 2 * MANY + 2
    is_done(way, staging)


def test_the_same_server_under_another_name_is_confirmed_and_gets_nothing_twice(way: Road, staging: Staging) -> None:
    way.extract(staging)
    way.load(staging)
    way.new.store = "renamed"
    stops(way, staging, "target.another")
    counts = confirm(way, staging)
    assert (counts["bound"], counts["given_up"], counts["adopted"]) == (0, 0, 0)
    is_done(way, staging)


def test_a_server_restored_under_new_numbers_is_bound_again_and_gets_what_it_lost(way: Road, staging: Staging) -> None:
    way.extract(staging)
    way.load(staging)
    way.new.store = "restored"
    for owner, path in list(way.new.boxes):
        way.new.renumber(owner, path)
    way.new.delete("sato", ("INBOX",), 3)
    way.new.move("sato", ("INBOX",), 4, ("お客様", "A社"))
    stops(way, staging, "target.another")
    counts = confirm(way, staging)
    assert (counts["bound"], counts["given_up"]) == (2 * MANY, 1)
    assert way.load(staging)["loaded"] == 1
    is_done(way, staging)


def test_what_is_on_its_way_to_a_server_that_is_no_more_is_sent_to_the_next(way: Road, staging: Staging) -> None:
    way.extract(staging)
    way.killed_load(staging, "deliver")
    way.new.boxes.clear()
    way.new.store = "another"
    stops(way, staging, "target.another")
    assert confirm(way, staging)["given_up"] > 0
    way.load(staging)
    is_done(way, staging)


def test_another_certificate_is_told_once_and_stops_nothing(way: Road, staging: Staging) -> None:
    way.extract(staging)
    way.load(staging)
    for owner in ("sato", "suzuki"):
        known = staging.known_identity("target", "new", owner)
        assert known is not None
        staging.record_identity("target", "new", replace(known, certificate="00"), mailbox=owner)
    assert said(way, staging) == ["target.another-certificate"]
    assert said(way, staging) == []


# -- mail that has gone --------------------------------------------------------------------------------------------


def test_a_wiped_server_stops_and_gets_everything_again_once_it_is_confirmed(way: Road, staging: Staging) -> None:
    way.extract(staging)
    way.load(staging)
    way.old.add("suzuki", INBOX, mail("late"))
    way.extract(staging)
    for owner, path in list(way.new.boxes):
        if owner == "sato":
            del way.new.boxes[owner, path]
    stops(way, staging, "target.mail-gone")
    assert confirm(way, staging)["given_up"] == MANY + 1
    assert way.load(staging)["loaded"] == MANY + 2
    is_done(way, staging)


def test_a_server_that_is_an_older_copy_of_itself_gets_what_it_lost(way: Road, staging: Staging) -> None:
    way.extract(staging)
    way.load(staging)
    box = way.new.boxes["sato", ("INBOX",)]
    box.mails = {number: each for number, each in box.mails.items() if number <= 3}
    box.next = 4
    stops(way, staging, "target.mail-gone")
    assert confirm(way, staging)["given_up"] == MANY - 3
    way.load(staging)
    is_done(way, staging)


def test_a_mailbox_emptied_mail_by_mail_gets_everything_again_but_what_was_parked(way: Road, staging: Staging) -> None:
    way.extract(staging)
    way.load(staging)
    for number in range(1, MANY + 1):
        way.new.delete("sato", ("INBOX",), number)
    stops(way, staging, "target.mail-gone")
    (unwanted,) = [line["item"] for line in listing(staging) if line["subject"] == "sato 3"]
    decide_item(staging, int(unwanted), Verdict.PARK, by="suzuki", why="no longer wanted")
    assert confirm(way, staging)["given_up"] == MANY
    assert way.load(staging)["loaded"] == MANY - 1
    totals = way.ledger(staging).totals
    assert (totals["parked"], totals["missing"], totals["unexplained_target"]) == (1, 0, 0)


def test_the_few_mails_that_an_owner_deleted_stay_away_when_the_server_is_confirmed(
    way: Road, staging: Staging
) -> None:
    way.extract(staging)
    way.load(staging)
    for number in range(1, 6):
        way.new.delete("sato", ("INBOX",), number)
    way.new.store = "renamed"
    stops(way, staging, "target.another")
    counts = confirm(way, staging)
    assert (counts["given_up"], counts["findings"]) == (0, 5)
    assert way.load(staging)["loaded"] == 0
    assert way.ledger(staging).totals["missing"] == 5
    for number in range(6, 9):
        way.new.delete("sato", ("INBOX",), number)
    assert way.load(staging)["loaded"] == 0, "3 of the 8 that ought to be there"


def test_one_who_deletes_the_few_mails_of_a_small_mailbox_stops_nobody(way: Road, staging: Staging) -> None:
    way.old.add("tanaka", INBOX, mail("one"))
    way.old.add("tanaka", INBOX, mail("two"))
    way.extract(staging)
    way.load(staging)
    way.new.delete("tanaka", ("INBOX",), 1)
    way.new.delete("tanaka", ("INBOX",), 2)
    assert way.load(staging)["loaded"] == 0


# -- an old staging ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tokens", [True, False])
@pytest.mark.parametrize("exact", [True, False])
def test_a_staging_from_the_middle_of_a_load_stops_and_adopts_what_it_does_not_know(
    way: Road, tmp_path: Path, tokens: bool, exact: bool
) -> None:
    way.new.tokens, way.new.exact = tokens, exact
    way.new.limits = replace(way.new.limits, batch_items=2, exact=exact)
    way.old.add("sato", INBOX, mail("sato 11"))
    now, then = tmp_path / "now", tmp_path / "then"
    now.mkdir()
    moments = iter(range(1000))

    def interrupt(moment: str) -> None:
        if next(moments) == 12:
            shutil.copytree(now, then)

    with Staging.open("sqlite:///staging.db", folder=now) as staging:
        way.extract(staging)
        way.new.interrupt = interrupt
        way.load(staging)
    with Staging.open("sqlite:///staging.db", folder=then) as staging:
        stops(way, staging, "target.mail-unexplained")
        assert confirm(way, staging)["adopted"] > 0
        is_done(way, staging)


def test_mail_of_strangers_that_came_since_stops_nothing(way: Road, staging: Staging) -> None:
    way.extract(staging)
    way.load(staging)
    way.new.add("sato", ("INBOX",), mail("of a stranger"))
    way.new.add("sato", ("INBOX",), mail("sato 1", body="with the Message-ID of another"))
    way.old.add("sato", INBOX, mail("late"))
    way.extract(staging)
    assert way.load(staging)["loaded"] == 1


def test_a_loaded_mail_that_its_owner_moved_away_and_back_does_not_pass_for_its_twin(
    way: Road, staging: Staging
) -> None:
    way.extract(staging)
    way.load(staging)
    number = way.new.move("sato", ("INBOX",), 2, ("mine",))
    way.new.move("sato", ("mine",), number, ("INBOX",))
    way.old.add("sato", INBOX, mail("sato 1"))
    way.extract(staging)
    assert way.load(staging)["loaded"] == 1
    assert everything(way.new) == everything(way.old)


# -- mail that was there before ------------------------------------------------------------------------------------


@pytest.fixture
def filled(way: Road) -> Road:
    """Another tool has brought three of sato's mails, one of them twice, and strangers have sent one."""
    for subject in ("sato 1", "sato 2", "sato 2", "of a stranger"):
        way.new.add("sato", ("INBOX",), mail(subject))
    way.new.add("sato", ("INBOX",), mail("sato 3", Received="from mx by mail; Mon, 2 Nov 2009 09:15:00 +0900"))
    way.new.add("sato", ("INBOX",), mail("sato 4", body="TEXT"))
    way.new.add("sato", ("INBOX",), mail("sato 5", X_Other="header"), received_at=datetime(2010, 1, 1, tzinfo=UTC))
    return way


def test_equal_mail_from_before_our_first_load_stops_its_mailbox_until_a_person_speaks(
    filled: Road, staging: Staging
) -> None:
    filled.extract(staging)
    assert said(filled, staging) == ["mailbox.holds-equal"]
    assert not any(owner == "sato" and path != ("INBOX",) for owner, path in filled.new.boxes)
    assert len(filled.new.mails("sato", ("INBOX",))) == 7
    assert bodies_at(filled.new, "suzuki", "INBOX") == bodies_at(filled.old, "suzuki", *INBOX)
    assert filled.load(staging)["setbacks"] == 1


def test_equal_mail_that_is_adopted_is_not_sent_one_to_one(filled: Road, staging: Staging) -> None:
    filled.extract(staging)
    counts = filled.load(staging, existing="adopt")
    assert (counts["adopted"], counts["loaded"]) == (3, 2 * MANY + 1 - 3)
    there = bodies_at(filled.new, "sato", "INBOX")
    assert there[Raw.of(mail("sato 1")).digest] == 1
    assert there[Raw.of(mail("sato 2")).digest] == 2
    assert there[Raw.of(mail("sato 3")).digest] == 0
    assert there[Raw.of(mail("sato 4")).digest] == there[Raw.of(mail("sato 5")).digest] == 1
    assert filled.ledger(staging).closed, "before anybody has looked again"
    assert filled.verify(staging, bodies=1.0).findings == 0
    assert filled.ledger(staging).complete
    assert filled.load(staging)["loaded"] == 0


def test_equal_mail_may_be_sent_all_the_same(filled: Road, staging: Staging) -> None:
    filled.extract(staging)
    assert filled.load(staging, existing="send")["loaded"] == 2 * MANY + 1
    filled.old.add("sato", INBOX, mail("late"))
    filled.extract(staging)
    assert filled.load(staging)["loaded"] == 1
    assert bodies_at(filled.new, "sato", "INBOX")[Raw.of(mail("sato 1")).digest] == 2
    assert filled.load(staging)["loaded"] == 0


def test_mail_that_is_staged_later_and_was_there_before_us_is_found_too(filled: Road, staging: Staging) -> None:
    filled.extract(staging)
    filled.load(staging, existing="adopt")
    filled.old.add("sato", INBOX, mail("of a stranger"))
    filled.extract(staging)
    assert said(filled, staging) == ["mailbox.holds-equal"]
    assert filled.load(staging, existing="adopt")["adopted"] == 1
    assert filled.ledger(staging).closed


def test_equal_mail_in_a_place_that_was_known_before_anything_was_sent_there_is_found(
    way: Road, staging: Staging
) -> None:
    way.old.make("sato", ("空",))
    way.new.add("sato", ("空",), mail("early"))
    way.extract(staging)
    way.load(staging)
    way.old.add("sato", ("空",), mail("early"))
    way.extract(staging)
    assert said(way, staging) == ["mailbox.holds-equal"]
    assert way.load(staging, existing="adopt")["adopted"] == 1
    is_done(way, staging)


# -- another source ------------------------------------------------------------------------------------------------


def test_a_source_that_is_suddenly_empty_stops_until_it_is_confirmed(way: Road, staging: Staging) -> None:
    way.extract(staging)
    kept = copy.deepcopy(way.old.boxes)
    for box in way.old.boxes.values():
        box.mails.clear()
    for _ in range(2):
        with pytest.raises(UsageError, match=r"source\.empty"):
            way.extract(staging)
    with way.source() as source:
        confirm_source(staging, source, "memory")
    assert way.extract(staging).vanished == 2 * MANY + 1
    assert way.extract(staging).vanished == 0, "once it is known to be empty, that is no news"
    way.old.boxes.update(kept)
    way.extract(staging)
    for box in way.old.boxes.values():
        box.mails.clear()
    with pytest.raises(UsageError, match=r"source\.empty"):
        way.extract(staging)


def test_a_source_that_was_always_empty_stops_nothing(staging: Staging) -> None:
    with road() as way:
        way.old.make("sato", INBOX)
        way.extract(staging)
        way.extract(staging)


def test_the_same_store_elsewhere_is_confirmed_and_loads_nothing_twice(way: Road, staging: Staging) -> None:
    way.extract(staging)
    way.load(staging)
    way.old.store = "moved"
    with pytest.raises(UsageError, match=r"source\.another"):
        way.extract(staging)
    with way.source() as source:
        confirm_source(staging, source, "memory")
    assert way.extract(staging).items == 0
    is_done(way, staging)


def test_an_identity_says_which_mailbox_it_is_of(way: Road, staging: Staging) -> None:
    way.extract(staging)
    way.load(staging)
    assert staging.known_identity("target", "new", "sato") == Identity(f"memory:{way.new.store}:sato")
    assert staging.known_mailboxes("new") == {"sato", "suzuki"}
