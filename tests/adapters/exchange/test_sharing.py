"""Shared inboxes on Exchange: rights, states and legends as the port promises them, and what the server then knows."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.exchange import adapter
from adapters.exchange.permissions import LEVELS, NEEDS, SINGLE, held, meant, with_rights
from adapters.exchange.words import FLAG_STATUS
from adapters.microsoft.words import COMPLETE, TO_FOLLOW_UP
from migrator.errors import AccountError, FolderError
from migrator.inboxes import Right
from migrator.model import FLAGGED, Amended, Mailbox, Place, Reflag, Unable
from migrator.ports import Holds
from migrator.testing import SharedTargetContract
from migrator.testing.shared_target import CLOSED, HERS, OPEN
from tests.adapters.exchange.conftest import Box, config, parcel, public_config
from tests.adapters.exchange.test_contract import LOGINS
from tests.servers.exchange import ALICE, BOB, TEAM, Exchange
from tests.servers.exchange import properties as prop
from tests.servers.exchange.rights import LEVELS as THEIRS
from tests.servers.exchange.rights import Rights

FULL = Holds(rights=frozenset(NEEDS), words=None, legend=True, categories=True)


@dataclass(frozen=True, slots=True)
class SharedBox(Box):
    """A mailbox, and two other people of its server."""

    people: tuple[str, str] = (BOB, TEAM)

    def open(self) -> AbstractContextManager[Any]:
        assert adapter.open_target is not None
        return adapter.open_target(self.config, Mailbox(self.owner))


class TestExchangeHoldsSharedInboxes(SharedTargetContract):
    holds = FULL

    @pytest.fixture(params=LOGINS.values(), ids=LOGINS.keys())
    def store(self, request: pytest.FixtureRequest, running: Exchange) -> SharedBox:
        running[ALICE].full_access.add(BOB)
        return SharedBox(running, config(running, **request.param))


class TestWithoutStates(SharedTargetContract):
    """An operator who wants none."""

    holds = replace(FULL, words=0)

    @pytest.fixture
    def store(self, running: Exchange) -> SharedBox:
        return SharedBox(running, config(running, states="none"))


@pytest.fixture
def shared(running: Exchange) -> SharedBox:
    return SharedBox(running, config(running))


def prepared(box: SharedBox, target: Any) -> Place:
    place = box.at("窓口")
    target.prepare(place)
    return place


def rights_at(box: SharedBox) -> dict[str, Rights]:
    return box.exchange[ALICE].folder("窓口").rights


# -- rights ----------------------------------------------------------------------------------------------------------


def test_what_others_may_do_stays_as_it_was_single_rights_among_them(shared: SharedBox) -> None:
    with shared.open() as target:
        place = prepared(shared, target)
        odd = Rights(create=True, visible=True, edit="Owned", delete="None", read=False)
        before = {"Default": THEIRS["Reviewer"], "Anonymous": THEIRS["Contributor"], TEAM: odd}
        rights_at(shared).update(before)
        target.grant(place, BOB, frozenset({Right.READ, Right.REPLY}))
        assert rights_at(shared) == {**before, BOB: Rights(create=True, visible=True, edit="All", read=True)}
        assert target.rights(place).keys() == {BOB, TEAM}
        target.revoke(place, BOB, target.rights(place)[BOB].word, "")
        assert rights_at(shared) == before


def test_an_address_is_the_same_whatever_the_case_of_its_letters(shared: SharedBox) -> None:
    with shared.open() as target:
        place = prepared(shared, target)
        rights_at(shared)[BOB] = THEIRS["Reviewer"]
        held = target.grant(place, "Bob@Example.co.jp", frozenset({Right.DELETE}))
        assert target.rights(place)["Bob@Example.co.jp"] == target.rights(place)[BOB] == held
        assert target.revoke(place, "BOB@example.co.jp", held.word, "Reviewer")
    assert rights_at(shared)[BOB] == THEIRS["Reviewer"]


def test_all_rights_together_are_the_level_that_outlook_calls_owner(shared: SharedBox) -> None:
    with shared.open() as target:
        place = prepared(shared, target)
        assert target.grant(place, BOB, frozenset(NEEDS)).word == "Owner"
    assert rights_at(shared)[BOB] == THEIRS["Owner"]


def test_more_is_given_beside_what_somebody_had_and_taken_back_to_just_that(shared: SharedBox) -> None:
    with shared.open() as target:
        place = prepared(shared, target)
        rights_at(shared)[BOB] = THEIRS["NoneditingAuthor"]
        was = target.rights(place)[BOB].word
        now = target.grant(place, BOB, frozenset({Right.REPLY}))
        assert rights_at(shared)[BOB] == Rights(create=True, visible=True, edit="All", delete="Owned", read=True)
        assert target.revoke(place, BOB, now.word, was)
        assert rights_at(shared)[BOB] == THEIRS["NoneditingAuthor"]


@pytest.mark.parametrize("who", ["Default", "佐藤", "a b@example.co.jp", "a@b@c", "<t:SID>@x", "nobody@example.co.jp"])
def test_whoever_is_nobody_there_gets_nothing(shared: SharedBox, who: str) -> None:
    with shared.open() as target:
        place = prepared(shared, target)
        before = dict(rights_at(shared))
        assert isinstance(target.grant(place, who, frozenset({Right.READ})), Unable)
        assert rights_at(shared) == before


def test_who_may_not_let_others_in_says_so_before_anything_is_there(running: Exchange) -> None:
    box = SharedBox(running, config(running, access="delegate", user=BOB))
    for folder in running[ALICE].folders.values():
        folder.rights[BOB] = THEIRS["Editor"]
    with box.open() as target:
        assert target.holds().rights == frozenset()
        with pytest.raises(FolderError) as error:
            target.grant(box.at("INBOX"), TEAM, frozenset({Right.READ}))
    assert error.value.reason.code == "exchange.place-refused"
    assert TEAM not in running[ALICE].role("inbox").rights


SOME = st.sets(st.sampled_from([*SINGLE[:5], "EditItems=All", "DeleteItems=Owned", "ReadItems=FullDetails"]))


@given(SOME, st.sets(st.sampled_from(sorted(NEEDS))))
def test_a_word_for_rights_can_be_read_and_more_rights_never_take_any(had: set[str], more: set[Right]) -> None:
    may = with_rights(frozenset(had), more)
    assert meant(held(may).word) == may
    assert held(frozenset(had)).rights | more <= held(may).rights
    assert with_rights(may, more) == may
    assert {each.partition("=")[0] for each in had} <= {each.partition("=")[0] for each in may}


def test_each_level_is_what_the_page_says_it_stands_for(shared: SharedBox) -> None:
    with shared.open() as target:
        place = prepared(shared, target)
        for name, rights in THEIRS.items():
            rights_at(shared)[BOB] = rights
            assert target.rights(place)[BOB].word == name
            rights_at(shared)[BOB] = THEIRS["Contributor"]
            assert target.revoke(place, BOB, "Contributor", name)
            assert rights_at(shared)[BOB] == rights
    assert THEIRS.keys() == LEVELS.keys()


GOLDEN = (
    '<m:UpdateFolder><m:FolderChanges><t:FolderChange><t:FolderId Id="{folder}" ChangeKey="{key}"/><t:Updates>'
    '<t:SetFolderField><t:FieldURI FieldURI="folder:PermissionSet"/><t:Folder><t:PermissionSet><t:Permissions>'
    "<t:Permission><t:UserId><t:DistinguishedUser>Default</t:DistinguishedUser></t:UserId>"
    "<t:PermissionLevel>None</t:PermissionLevel></t:Permission>"
    "<t:Permission><t:UserId><t:DistinguishedUser>Anonymous</t:DistinguishedUser></t:UserId>"
    "<t:PermissionLevel>None</t:PermissionLevel></t:Permission>"
    "<t:Permission><t:UserId><t:PrimarySmtpAddress>bob@example.co.jp</t:PrimarySmtpAddress></t:UserId>"
    "<t:CanCreateItems>true</t:CanCreateItems><t:CanCreateSubFolders>false</t:CanCreateSubFolders>"
    "<t:IsFolderOwner>false</t:IsFolderOwner><t:IsFolderVisible>true</t:IsFolderVisible>"
    "<t:IsFolderContact>false</t:IsFolderContact><t:EditItems>All</t:EditItems><t:DeleteItems>None</t:DeleteItems>"
    "<t:ReadItems>FullDetails</t:ReadItems><t:PermissionLevel>Custom</t:PermissionLevel></t:Permission>"
    "</t:Permissions></t:PermissionSet></t:Folder></t:SetFolderField></t:Updates></t:FolderChange></m:FolderChanges>"
    "</m:UpdateFolder></s:Body></s:Envelope>"
)


def test_the_request_for_rights_is_this_one_and_no_other(shared: SharedBox) -> None:
    with shared.open() as target:
        target.grant(prepared(shared, target), BOB, frozenset({Right.REPLY}))
    (asked,) = shared.exchange.asked("UpdateFolder")
    (named,) = asked.body.iter("{*}FolderId")
    whole = GOLDEN.format(folder=shared.exchange[ALICE].folder("窓口").id, key=named.get("ChangeKey"))
    assert asked.raw.decode().partition("<s:Body>")[2] == whole


# -- states ----------------------------------------------------------------------------------------------------------


def status(box: SharedBox) -> str:
    (item,) = box.held("窓口")
    found = item.properties.get(prop.FLAG_STATUS)
    return found.value if found else "0"


def one(box: SharedBox, target: Any, *flags: str) -> tuple[Place, str]:
    """A mail in the inbox, and its ref."""
    place = prepared(box, target)
    (receipt,) = target.deliver([parcel(place, flags=frozenset(flags))])
    return place, receipt.ref


WORDS = [frozenset(each) for each in ({OPEN}, {CLOSED}, {HERS}, {"gw_label.0abc"}, {OPEN, CLOSED}, set[str]())]


def test_the_follow_up_flag_goes_with_the_state_and_is_no_flag_of_a_persons(shared: SharedBox) -> None:
    assert FLAG_STATUS.key == {"0x1090"}
    with shared.open() as target:
        place, ref = one(shared, target)
        was: frozenset[str] = frozenset()
        seen = []
        for state in WORDS:
            done = target.set_state(place, ref, state, was)
            assert isinstance(done, Amended)
            assert done.flags == state
            seen.append(int(status(shared)))
            was = state
    assert seen == [TO_FOLLOW_UP, COMPLETE, 0, TO_FOLLOW_UP, TO_FOLLOW_UP, 0]


def test_a_flag_from_the_source_or_of_a_persons_stays_whatever_the_state(shared: SharedBox) -> None:
    opened, closed = WORDS[:2]
    with shared.open() as target:
        place, ref = one(shared, target, FLAGGED)
        target.set_state(place, ref, closed, frozenset())
        assert status(shared) == "2"
        target.set_state(place, ref, frozenset(), closed)
        (seen,) = target.survey(place, None)
        assert seen.flags == {FLAGGED}
        target.amend(place, ref, seen, Reflag(remove=frozenset({FLAGGED})))
        target.set_state(place, ref, opened, frozenset())
        (item,) = shared.held("窓口")
        item.properties[prop.FLAG_STATUS] = replace(item.properties[prop.FLAG_STATUS], values=("1",))
        target.set_state(place, ref, frozenset(), opened)
        assert status(shared) == "1"


def test_a_word_that_a_category_cannot_be_is_refused_and_splits_into_no_two(shared: SharedBox) -> None:
    with shared.open() as target:
        place, ref = one(shared, target)
        for word in ("gw_a,b", "gw_a;b", f"gw_{'x' * 255}", "gw_a\x01"):
            assert isinstance(target.set_state(place, ref, frozenset({word}), frozenset()), Unable)
        assert list(target.states(place)) == []


def test_categories_that_people_gave_stay_beside_the_words(shared: SharedBox) -> None:
    with shared.open() as target:
        place, ref = one(shared, target, "重要")
        target.set_state(place, ref, WORDS[0], frozenset())
        assert set(shared.held("窓口")[0].categories) == {"重要", OPEN}
        target.set_state(place, ref, frozenset(), WORDS[0])
    assert shared.held("窓口")[0].categories == ("重要",)
    assert shared.exchange.receipts == []


# -- the legend ------------------------------------------------------------------------------------------------------


def test_a_legend_that_is_too_long_is_not_sent_and_a_strange_one_is_none(shared: SharedBox) -> None:
    with shared.open() as target:
        place = prepared(shared, target)
        with pytest.raises(FolderError) as error:
            target.publish(place, "x" * 30_001)
        assert error.value.reason.code == "exchange.legend-too-long"
        target.publish(place, "ours")
        (kept,) = (each for each in shared.exchange[ALICE].folder("窓口").properties if "migrator-legend" in each)
        properties = shared.exchange[ALICE].folder("窓口").properties
        properties[kept] = replace(properties[kept], values=("/w==",))
        assert target.legend(place) is None


# -- public folders --------------------------------------------------------------------------------------------------


def public(running: Exchange, root: str = "部署/お客様窓口") -> SharedBox:
    return SharedBox(running, public_config(running, root))


class TestPublicFolder(SharedTargetContract):
    holds = FULL

    @pytest.fixture
    def store(self, running: Exchange) -> SharedBox:
        return public(running)


def test_requests_for_the_content_of_public_folders_name_who_holds_it_and_those_for_the_tree_do_not(
    running: Exchange,
) -> None:
    box = public(running)
    with box.open() as target:
        place = prepared(box, target)
        list(target.deliver([parcel(place)]))
        target.grant(place, BOB, frozenset({Right.READ}))
        assert len(list(target.survey(place, None))) == 1
        assert [each.path for each in target.places()] == [("窓口",)]
    inside = {each.operation for each in running.requests if each.headers["X-PublicFolderMailbox"]}
    outside = {each.operation for each in running.requests if not each.headers["X-PublicFolderMailbox"]}
    assert inside == {"CreateItem", "FindItem", "GetItem", "GetFolder"}
    assert outside == {"FindFolder", "CreateFolder", "UpdateFolder"}
    assert running[ALICE].items == {}
    assert len(running.store.public.items) == 1


def test_a_public_folder_that_is_not_there_or_not_seen_is_named(running: Exchange) -> None:
    public(running, "部署/人事").exchange.store.public.folder("部署", "人事").rights = {"Default": THEIRS["None"]}
    for root in ("部署/人事", "nowhere", ""):
        box = SharedBox(running, config(running, public={ALICE: root}))
        with pytest.raises(AccountError) as error, box.open():
            pass
        assert error.value.reason.code == "exchange.no-public-folder"


def test_a_public_folder_that_everybody_reads_is_told_beforehand(running: Exchange) -> None:
    box, root = public(running), running.store.public.folder("部署", "お客様窓口")
    with box.open() as target:
        assert "exchange.public-open" not in [each.code for each in target.advice()]
        root.rights["Default"] = THEIRS["Author"]
        (told,) = (each for each in target.advice() if each.code == "exchange.public-open")
        assert told.params["rights"] == "Author"
