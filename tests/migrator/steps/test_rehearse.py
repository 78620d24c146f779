"""Which generation a rehearsal belongs to, and what of an earlier one may lie there."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from migrator.errors import AccountError, Reason, UsageError
from migrator.model import Mailbox
from migrator.ports import Target
from migrator.settings import Wave
from migrator.staging.rehearsals import NUMBER, STEP, newest, plain
from migrator.staging.store import Staging
from migrator.steps.rehearse import Chosen, chosen, homes, refuse_strangers, withdrawn
from migrator.steps.waves import members
from tests.roads import Road, mail, road

INBOX = ("INBOX",)


@pytest.fixture
def way() -> Iterator[Road]:
    with road() as laid:
        laid.old.add("sato", INBOX, mail("one"))
        laid.old.add("sato", INBOX, mail("two"))
        yield laid


def rehearsed(way: Road, staging: Staging, *, wiped: bool = False, killed: bool = False) -> Chosen:
    """One rehearsal, as far as the target sees it."""
    its = chosen(staging, "new", wiped=wiped)
    way.extract(staging)
    if killed:
        staging.begin_run(STEP, its.generation, counts={NUMBER: its.number})
        way.killed_load(staging, "delivered", target=its.generation)
        return its
    with staging.run(STEP, its.generation, {NUMBER: its.number}):
        way.load(staging, target=its.generation, existing="send")
    return its


def refuse(way: Road, staging: Staging) -> None:
    refuse_strangers(staging, way.opener, "new", [Mailbox("sato")])


def test_a_generation_begins_with_an_empty_target_and_goes_on_where_its_mail_lies(way: Road, staging: Staging) -> None:
    assert rehearsed(way, staging) == Chosen(1, "new#1", fresh=True, again=False)
    assert rehearsed(way, staging) == Chosen(2, "new#1", fresh=False, again=False)
    withdrawn(staging, way.opener, way.loading(target="new#1"))
    assert rehearsed(way, staging) == Chosen(3, "new#3", fresh=True, again=False)
    assert newest(staging) == {"new": "new#3"}
    assert plain("new#3") == "new"


def test_a_killed_one_is_taken_up_under_its_number_or_wiped_and_follows_none(way: Road, staging: Staging) -> None:
    assert rehearsed(way, staging, killed=True).number == 1
    assert chosen(staging, "new", wiped=False) == Chosen(1, "new#1", fresh=False, again=True)
    _, left = withdrawn(staging, way.opener, way.loading(target="new#1", late_commit=0))
    assert left == []
    assert len(way.new.mails("sato", INBOX)) == 0
    assert chosen(staging, "new", wiped=True) == Chosen(2, "new#2", fresh=True, again=False)


def test_a_load_by_hand_is_the_last_generation_where_there_is_no_other(way: Road, staging: Staging) -> None:
    way.extract(staging)
    way.load(staging)
    assert chosen(staging, "new", wiped=False) == Chosen(1, "new", fresh=False, again=False)
    withdrawn(staging, way.opener, way.loading())
    assert chosen(staging, "new", wiped=True) == Chosen(1, "new#1", fresh=True, again=False)


def test_what_people_flagged_or_moved_is_ours_and_what_they_wrote_is_not(way: Road, staging: Staging) -> None:
    rehearsed(way, staging)
    way.new.flag("sato", INBOX, 1, {"\\Flagged"})
    way.new.move("sato", INBOX, 2, ("kept",))
    _, left = withdrawn(staging, way.opener, way.loading(target="new#1"))
    assert len(left) == 2
    refuse(way, staging)
    assert rehearsed(way, staging, wiped=True).generation == "new#2"
    assert way.ledger(staging, "new#2").closed
    withdrawn(staging, way.opener, way.loading(target="new#2"))
    refuse(way, staging)
    way.new.add("sato", ("kept",), mail("theirs"))
    with pytest.raises(UsageError) as refused:
        refuse(way, staging)
    assert refused.value.reason.code == "rehearse.strangers"
    assert refused.value.reason.params["n"] == 1


def test_a_mailbox_that_lets_nobody_in_stops_no_rehearsal(way: Road, staging: Staging) -> None:
    way.old.add("kato", INBOX, mail("three"))

    def opener(mailbox: Mailbox) -> Callable[[], AbstractContextManager[Target]]:
        if mailbox.owner == "kato":
            raise AccountError(Reason("imap.login-refused", account="kato"))
        return way.opener(mailbox)

    way.extract(staging)
    refuse_strangers(staging, opener, "new", [Mailbox("kato"), Mailbox("sato")])
    assert {each.account.name for each in homes(staging, opener, way.loading(), None)} == {"sato"}


def test_a_wave_is_names_and_globs() -> None:
    found = members({"w": Wave(accounts=("sato", "k*"))}, ["kato", "sato", "yoshida", "kimura"])
    assert found["w"] == ["kato", "sato", "kimura"]
