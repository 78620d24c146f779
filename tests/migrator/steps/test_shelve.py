"""State folders: each mail lies in the one of its state, once, wherever a run was killed; people's own moves win."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path as Directory

import pytest

from adapters.memory import World
from migrator.inboxes import Member, Right, Status
from migrator.model import Mailbox, Path, Place
from migrator.ports import Holds
from migrator.shared.folders import NAMES, name_of, told_by
from migrator.shared.legend import Legend
from migrator.shared.mails import is_history, own
from migrator.staging.store import Staging
from migrator.steps.shelve import taken
from migrator.steps.standings import at_target
from tests.desks import two_desks
from tests.migrator.steps.test_share import ACCOUNTS, ALL, last_run, load, rights, told
from tests.roads import Road, road

FOLDERS = Holds(rights=ALL, words=None, legend=True, folders=True)
DONE, UNCLEAR = ("INBOX", "完了"), ("INBOX", "要確認")


@pytest.fixture
def way() -> Iterator[Road]:
    with road() as laid:
        two_desks(laid.old)
        laid.new.holds = FOLDERS
        yield laid


def lies(world: World, owner: str = "support") -> dict[str, Path]:
    """Where each mail lies, by its number."""
    found: dict[str, Path] = {}
    for (mailbox, path), box in world.boxes.items():
        for each in box.mails.values():
            raw = each.raw.read()
            if mailbox == owner and not is_history(raw):
                number = raw.split(b"Message-ID: <")[1][:1].decode()
                assert number not in found
                found[number] = path
    return found


SORTED = {"1": DONE, "2": ("Sent",), "3": UNCLEAR, "4": ("INBOX",)}


def waits(way: Road, staging: Staging) -> list[list[str]]:
    """Who waits, by staging and by the target alone."""
    inbox = next(each for each in told(staging) if each.inbox.key == "support").read()
    with way.opener(Mailbox("support"))() as target:
        there = at_target(target, inbox.inbox, own(["example.co.jp"]), people=inbox.people.values())
    return [[each.key for each in view.unanswered] for view in (inbox.standing, there)]


def move(world: World, number: str, to: Path) -> None:
    """A person moves a mail."""
    path = lies(world)[number]
    box = world.boxes["support", path]
    at = next(at for at, mail in box.mails.items() if f"<{number}@mail".encode() in mail.raw.read())
    world.make("support", to).put(box.mails.pop(at))


def test_each_mail_lies_in_the_folder_of_its_state_and_people_and_tags_stay_words(way: Road, staging: Staging) -> None:
    load(way, staging)
    assert lies(way.new) == SORTED
    (mail,) = way.new.mails("support", DONE)
    words = {flag for flag in mail.flags if flag.startswith("gw_")}
    assert "gw_by.sato" in words
    assert not any(word in words for word in ("gw_closed", "gw_open"))
    legend = Legend.of(way.new.legends["support", ("INBOX",)])
    assert legend.folders == {"完了": (Status.CLOSED, "完了"), "要確認": (None, "要確認")}


@pytest.mark.parametrize("legend", [True, False])
def test_the_same_customers_wait_by_what_the_target_returns_alone(way: Road, staging: Staging, *, legend: bool) -> None:
    way.new.holds = replace(FOLDERS, legend=legend)
    load(way, staging)
    here, there = waits(way, staging)
    assert here == there
    assert len(here) == 2


def test_the_history_lies_beside_its_conversations_last_mail(way: Road, staging: Staging) -> None:
    desk = way.old.desks["support"]
    closed = desk.work["s1"]
    desk.tell(replace(desk.work["n1"], about=desk.work["s2"].about))
    load(way, staging)
    assert closed is not None
    assert sum(is_history(each.raw.read()) for each in way.new.mails("support", UNCLEAR)) == 1


def test_everything_closes_and_a_second_run_does_nothing(way: Road, staging: Staging) -> None:
    load(way, staging)
    said: list[str] = []
    way.new.interrupt = said.append
    assert +load(way, staging) == Counter()
    assert not {"grant", "revoke", "set state", "publish", "deliver", "amend"} & set(said)
    way.new.interrupt = lambda moment: None
    assert way.verify(staging).findings == 0
    assert way.ledger(staging).closed


def test_a_new_state_moves_its_mail_and_undo_takes_it_back(way: Road, staging: Staging) -> None:
    load(way, staging)
    desk = way.old.desks["support"]
    desk.tell(replace(desk.work["s1"], status=Status.IN_PROGRESS, label="調査中"))
    load(way, staging)
    run = last_run(staging)
    assert lies(way.new)["1"] == ("INBOX", "対応中（調査中）")
    assert waits(way, staging)[0] == waits(way, staging)[1]
    assert way.verify(staging).findings == 0
    _, left = way.undo(staging, run)
    assert left == []
    assert lies(way.new) == SORTED
    load(way, staging)
    assert lies(way.new)["1"] == ("INBOX", "対応中（調査中）")
    del desk.work["s1"]
    load(way, staging)
    assert lies(way.new)["1"] == ("INBOX",)
    assert way.verify(staging).findings == 0
    assert way.ledger(staging).closed


def test_undo_of_the_load_takes_every_mail_back(way: Road, staging: Staging) -> None:
    load(way, staging)
    _, left = way.undo(staging, last_run(staging))
    assert left == []
    assert not any(box.mails for box in way.new.boxes.values())
    assert rights(way.new) == {}


def test_a_mail_that_a_person_moved_stays_there_and_is_told(way: Road, staging: Staging) -> None:
    load(way, staging)
    move(way.new, "1", ("INBOX", "保留"))
    desk = way.old.desks["support"]
    desk.tell(replace(desk.work["s1"], status=Status.OPEN, label="未対応"))
    counts = load(way, staging)
    assert lies(way.new)["1"] == ("INBOX", "保留")
    assert counts["moved"] == 1
    assert way.verify(staging).findings == 1
    assert load(way, staging)["moved"] == 0


def test_a_mail_that_a_person_has_only_read_follows_its_state(way: Road, staging: Staging) -> None:
    load(way, staging)
    (number,) = way.new.boxes["support", DONE].mails
    flags = way.new.boxes["support", DONE].mails[number].flags
    way.new.flag("support", DONE, number, {*flags, "\\Seen", "\\Flagged"})
    desk = way.old.desks["support"]
    desk.tell(replace(desk.work["s1"], status=Status.OPEN, label="未対応"))
    load(way, staging)
    assert lies(way.new)["1"] == ("INBOX", "未対応")
    (mail,) = way.new.mails("support", ("INBOX", "未対応"))
    assert {"\\Seen", "\\Flagged"} <= mail.flags


def test_mail_of_a_lost_staging_is_found_in_its_state_folder_and_not_sent_again(
    way: Road, staging: Staging, tmp_path: Directory
) -> None:
    load(way, staging)
    stored = Counter(way.new.stored)
    with Staging.open("sqlite:///fresh.db", folder=tmp_path) as fresh:
        way.extract(fresh)
        assert way.load(fresh, shared=told(fresh))["setbacks"] == 2  # mailbox.holds-equal
        assert way.new.stored == stored
        way.load(fresh, shared=told(fresh), existing="adopt")
        assert way.new.stored == stored
        assert lies(way.new) == SORTED


def test_states_change_from_folders_to_words_and_back(way: Road, staging: Staging) -> None:
    load(way, staging)
    way.new.holds = replace(FOLDERS, folders=False)
    load(way, staging)
    assert lies(way.new)["1"] == ("INBOX",)
    assert waits(way, staging)[0] == waits(way, staging)[1]
    way.new.holds = FOLDERS
    load(way, staging)
    assert lies(way.new) == SORTED
    assert way.verify(staging).findings == 0


def test_members_have_their_rights_in_state_folders_too_and_lose_them_there(way: Road, staging: Staging) -> None:
    load(way, staging)
    assert rights(way.new)["support/完了"] == {"sato": ALL}
    way.old.desks["support"].join(Member(key="m1", principal="sato", rights=frozenset({Right.READ})))
    load(way, staging)
    assert {who["sato"] for name, who in rights(way.new).items() if name.startswith("support")} == {
        frozenset({Right.READ})
    }


def test_what_a_server_passes_on_to_a_new_folder_is_taken_away_with_the_rest(way: Road, staging: Staging) -> None:
    load(way, staging)
    make = way.new.make

    def passing_on(owner: str, path: Path, *more: object) -> object:
        fresh = (owner, path) not in way.new.boxes
        box = make(owner, path, *more)  # type: ignore[arg-type]
        if fresh and path[:-1]:
            way.new.rights[owner, path] = dict(way.new.rights.get((owner, path[:-1]), {}))
        return box

    way.new.make = passing_on  # type: ignore[method-assign]
    desk = way.old.desks["support"]
    desk.tell(replace(desk.work["s1"], status=Status.OPEN, label="未対応"))
    del desk.members["m1"]
    load(way, staging)
    assert not any(name.startswith("support") for name in rights(way.new))


def test_a_place_of_old_mail_that_would_tell_a_state_is_named() -> None:
    homes = [Place("a", path) for path in (("INBOX",), ("Sent",), ("INBOX", "完了"), ("完了",))]
    assert taken(homes) == homes[2]
    assert taken(homes[:2]) is None


def test_every_name_tells_its_state_in_both_languages() -> None:
    for lang, names in NAMES.items():
        for status, name in names.items():
            assert told_by(name) == (status, name)
            for label in ("", name, "二次（対応）", "x (y)"):
                known = told_by(name_of(status, label, lang))
                assert known is not None
                assert known == (status, label or name)
    assert told_by("完了~1f3a5c") == (Status.CLOSED, "完了")
    assert told_by("お客様") is None


@pytest.mark.parametrize("moment", ["delivered", "prepare", "amend", "amended", "set state", "granted"])
@pytest.mark.parametrize("after", [1, 2])
@pytest.mark.parametrize("changed", [True, False])
def test_killed_anywhere_the_next_run_ends_where_an_unhurt_one_would(
    way: Road, staging: Staging, moment: str, after: int, *, changed: bool
) -> None:
    way.extract(staging)
    way.killed_load(staging, moment, after, shared=told(staging))
    if changed:  # and meanwhile the state is another
        desk = way.old.desks["support"]
        desk.tell(replace(desk.work["s1"], status=Status.WAITING, label="返信待ち"))
        desk.tell(replace(desk.work["s2"], status=Status.WAITING, label="返信待ち"))
    load(way, staging)
    waiting = ("INBOX", "返信待ち")
    assert lies(way.new) == (SORTED | {"1": waiting, "3": waiting} if changed else SORTED)
    assert max(way.new.stored.values()) == 1  # nothing was sent twice
    assert way.verify(staging).findings == 0
    assert waits(way, staging)[0] == waits(way, staging)[1]
    for run in range(1, last_run(staging) + 1):
        way.undo(staging, run)
    assert not any(box.mails for (owner, _), box in way.new.boxes.items() if owner in ACCOUNTS)
