"""What became of mail nobody answered for, places that were made anew, and copies too many (laws.md §1.3 to 1.7)."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from migrator.errors import Reason
from migrator.model import Place, Raw
from migrator.staging.store import Staging
from migrator.steps.progress import Progress
from tests.roads import Road, bodies_at, mail, road

INBOX = ("INBOX",)
OTHER = ("お客様",)


@pytest.fixture
def way() -> Iterator[Road]:
    with road() as laid:
        laid.new.tokens = False
        yield laid


def staged(way: Road, staging: Staging, *subjects: str) -> None:
    """These mails in sato's inbox, and an older one in another folder."""
    way.old.add("sato", OTHER, mail("older"))
    for subject in subjects:
        way.old.add("sato", ("受信箱",), mail(subject))
    way.extract(staging)


def told(way: Road, staging: Staging, **how: object) -> tuple[Counter[str], list[Reason]]:
    """What a load counts, and what it tells of single mails."""
    heard: list[Reason] = []

    def report(progress: Progress) -> None:
        if progress.tells is not None:
            heard.append(progress.tells)

    return way.load(staging, report=report, **how), heard


def test_mail_removed_before_it_was_answered_for_stays_in_doubt_by_name_until_a_person_resends_it(
    way: Road, staging: Staging
) -> None:
    staged(way, staging, "gone", "there")
    way.killed_load(staging, "delivered", 3)
    way.new.delete("sato", INBOX, 1)
    counts, heard = told(way, staging)
    assert (counts["in_doubt"], counts["recalled"]) == (1, 0)
    (left,) = heard
    assert left.code == "doubt.left"
    assert (left.params["account"], left.params["folder"], left.params["place"]) == ("sato", "受信箱", "INBOX")
    assert bodies_at(way.new, "sato", *INBOX) == Counter([Raw.of(mail("there")).digest])
    counts, heard = told(way, staging, resend=True)
    assert (counts["in_doubt"], counts["resent"], counts["loaded"]) == (0, 1, 1)
    assert [each.code for each in heard] == ["doubt.resent"]
    assert bodies_at(way.new, "sato", *INBOX) == bodies_at(way.old, "sato", "受信箱")
    assert way.ledger(staging).totals["loaded"] == 3


def test_what_was_moved_before_it_was_answered_for_is_found_and_its_neighbour_that_never_came_is_sent(
    way: Road, staging: Staging
) -> None:
    staged(way, staging, "moved", "never")
    way.killed_load(staging, "deliver", 3)
    way.new.move("sato", INBOX, 1, OTHER)
    counts = way.load(staging)
    assert (counts["in_doubt"], counts["recalled"]) == (0, 1)
    assert bodies_at(way.new, "sato", *INBOX) == Counter([Raw.of(mail("never")).digest])
    assert way.load(staging)["loaded"] == 0


def test_a_sighting_that_may_be_an_equal_mail_moved_there_settles_nothing(way: Road, staging: Staging) -> None:
    way.old.add("sato", OTHER, mail("equal"))
    way.extract(staging)
    way.load(staging)
    staged(way, staging, "equal")
    way.killed_load(staging, "deliver", 2)
    way.new.move("sato", OTHER, 1, INBOX)
    counts = way.load(staging)
    assert (
        counts["in_doubt"] == 1
    )  # neither called loaded, for then it would be lost, nor sent, for then it may be twice
    way.new.move("sato", INBOX, 1, OTHER)
    assert way.load(staging)["in_doubt"] == 1


def test_a_place_made_anew_stops_alone_until_its_receipts_are_bound_again(way: Road, staging: Staging) -> None:
    way.new.add("sato", INBOX, mail("a stranger's, older than all"))
    staged(way, staging, "one", "two", "one", "late")
    way.killed_load(staging, "delivered", 5)
    way.new.renumber("sato", INBOX)
    way.new.flag("sato", INBOX, 3, ["\\Flagged"])
    way.old.add("sato", OTHER, mail("goes on"))
    way.old.add("sato", ("受信箱",), mail("waits"))
    way.extract(staging)
    counts = way.load(staging)
    assert (counts["loaded"], counts["in_doubt"], counts["setbacks"]) == (1, 4, 1)
    before = {key: dict(box.mails) for key, box in way.new.boxes.items()}
    assert way.settle(staging, act=False) == ["mend.doubt"] * 4 + ["mend.epoch"]
    assert {key: box.mails for key, box in way.new.boxes.items()} == before
    assert way.settle(staging) == ["mend.bound"]
    assert way.settle(staging) == []
    counts = way.load(staging)
    assert (counts["loaded"], counts["in_doubt"], counts["setbacks"]) == (1, 0, 0)
    assert way.verify(staging, bodies=1.0).findings == 0
    assert way.ledger(staging).closed
    expected = bodies_at(way.old, "sato", "受信箱") + Counter([Raw.of(mail("a stranger's, older than all")).digest])
    assert bodies_at(way.new, "sato", *INBOX) == expected


def test_receipts_are_bound_again_one_to_one_and_a_change_by_a_person_stays_a_change(
    way: Road, staging: Staging
) -> None:
    way.new.add("sato", INBOX, mail("older than all"))
    staged(way, staging, "one", "two", "one", "lost")
    way.load(staging)
    way.new.flag("sato", INBOX, 3, ["\\Flagged"])
    way.new.delete("sato", INBOX, 5)
    way.new.renumber("sato", INBOX)
    assert way.settle(staging) == ["mend.bound"]
    seen = way.verify(staging, bodies=1.0)
    assert (seen.checked, seen.identical, seen.findings) == (4, 4, 2)  # one is missing, one has got a flag
    assert way.ledger(staging).totals["missing"] == 1
    assert way.load(staging)["loaded"] == 0
    way.old.add("sato", ("受信箱",), mail("goes on"))
    way.extract(staging)
    assert way.load(staging)["loaded"] == 1


def copied(way: Road, number: int) -> int:
    """A copy of a mail in sato's inbox, as one that was sent twice; its number."""
    box = way.new.boxes["sato", INBOX]
    return box.put(box.mails[number])


def test_only_surplus_copies_of_ours_that_nobody_touched_are_taken_back(way: Road, staging: Staging) -> None:
    staged(way, staging, "twice", "touched", "moved", "alone")
    way.load(staging)
    stranger = way.new.add("sato", INBOX, mail("a stranger's"))
    surplus = [copied(way, 1), copied(way, 1)]
    touched = copied(way, 2)
    way.new.flag("sato", INBOX, touched, ["\\Answered"])
    back = way.new.boxes["sato", INBOX].put(way.new.boxes["sato", INBOX].mails.pop(3))  # moved away, and back again
    before = set(way.new.boxes["sato", INBOX].mails)
    assert way.verify(staging).findings > 0
    assert sorted(way.settle(staging, act=False)) == ["mend.surplus"] * 2 + ["mend.surplus-touched"]
    assert set(way.new.boxes["sato", INBOX].mails) == before
    assert sorted(way.settle(staging)) == ["mend.surplus-touched", "mend.withdrawn", "mend.withdrawn"]
    assert before - set(way.new.boxes["sato", INBOX].mails) == set(surplus)
    assert {stranger, touched, back, 1, 2, 4} <= set(way.new.boxes["sato", INBOX].mails)
    assert way.settle(staging) == ["mend.surplus-touched"]


def test_the_last_copy_of_a_mail_is_never_surplus(way: Road, staging: Staging) -> None:
    staged(way, staging, "one", "other")
    way.load(staging)
    copied(way, 1)
    way.new.delete("sato", INBOX, 1)
    assert way.settle(staging) == []
    assert bodies_at(way.new, "sato", *INBOX) == bodies_at(way.old, "sato", "受信箱")


def test_a_copy_from_before_our_time_is_nobodys_surplus(way: Road, staging: Staging) -> None:
    way.new.add("sato", INBOX, mail("one"))
    staged(way, staging, "one")
    way.load(staging, existing="send")
    assert way.settle(staging) == []
    assert len(way.new.mails("sato", INBOX)) == 2


def test_a_place_that_is_gone_leaves_its_mail_in_doubt_and_the_others_go_on(way: Road, staging: Staging) -> None:
    staged(way, staging, "one")
    way.killed_load(staging, "delivered", 2)
    del way.new.boxes["sato", INBOX]
    way.old.add("sato", OTHER, mail("goes on"))
    way.extract(staging)
    counts = way.load(staging)
    assert (counts["loaded"], counts["in_doubt"]) == (1, 1)
    assert Place("sato", INBOX).path in {path for _, path in way.new.boxes}


def test_where_numbers_have_gaps_the_token_tells_what_never_came(way: Road, staging: Staging) -> None:
    """Another mail came meanwhile, under a number far away: nothing can be told from that."""
    way.new.tokens = True
    way.new.limits = replace(way.new.limits, gapless=False)
    staged(way, staging, "one", "two", "three")
    way.killed_load(staging, "delivered", after=2)
    box = way.new.boxes["sato", INBOX]
    box.next += 1000
    way.new.add("sato", INBOX, mail("a stranger's"))
    assert way.load(staging)["in_doubt"] == 0
    assert bodies_at(way.new, "sato", *INBOX) == Counter(
        Raw.of(mail(each)).digest for each in ("one", "two", "three", "a stranger's")
    )


def test_where_numbers_have_gaps_a_mail_moved_while_in_doubt_is_found_by_its_token(way: Road, staging: Staging) -> None:
    way.new.tokens = True
    way.new.limits = replace(way.new.limits, gapless=False)
    staged(way, staging, "one")
    way.killed_load(staging, "delivered", after=2)
    box = way.new.boxes["sato", INBOX]
    (number,) = box.mails
    way.new.make("sato", ("moved",)).put(box.mails.pop(number))
    assert way.load(staging)["in_doubt"] == 0
    assert way.new.stored[Raw.of(mail("one")).digest] == 1
