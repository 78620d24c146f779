"""What people say of shared inboxes on the review page counts in every view and in the next load, until it is taken
back or the store says something else."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from migrator.inboxes import Member, Principal, Right, Scope, Status, WorkState
from migrator.locale import speak
from migrator.model import Mailbox
from migrator.ports import Holds, SharedTarget
from migrator.review.topics.inboxes.rights import RIGHTS as RIGHTS_TOPIC
from migrator.routes import Routes
from migrator.shared.becoming import Fidelity
from migrator.shared.mails import own
from migrator.shared.standing import Standing
from migrator.staging.books import Span, rulings_book
from migrator.staging.shared import StagedInboxes
from migrator.staging.store import Staging
from migrator.steps.rulings import (
    NOBODY,
    PEOPLE,
    RIGHTS,
    STATES,
    WRONG,
    People,
    Rulings,
    member_row,
    person_row,
    rulings,
    state_row,
)
from migrator.steps.share import Sharing
from migrator.steps.standings import at_source, at_staging, at_target, compared
from tests.desks import two_desks
from tests.migrator.steps.test_share import SHARING, load, rights, told, words
from tests.roads import Road, road

OWN = ["example.co.jp"]
READ = frozenset({Right.READ})


@pytest.fixture
def way(staging: Staging) -> Iterator[Road]:
    with road() as laid:
        two_desks(laid.old)
        laid.extract(staging)
        yield laid


def say(staging: Staging, topic: str, row: str, word: str) -> Span:
    book = rulings_book(staging, topic)
    span = book.write({row: word}, by="sato", why="", seen=book.newest())
    assert isinstance(span, Span)
    return span


def inbox(staging: Staging, key: str = "support") -> tuple[StagedInboxes, Standing]:
    return StagedInboxes(staging), at_staging(staging, OWN)[key]


def member(staging: Staging, key: str) -> str:
    staged, stands = inbox(staging)
    (found,) = [each for each in staged.members(stands.inbox) if each.key == key]
    return member_row(stands.inbox, found)


def person(staging: Staging, key: str) -> str:
    (found,) = [each for each in StagedInboxes(staging).principals() if each.key == key]
    return person_row(found)


def everywhere(way: Road, staging: Staging) -> dict[str, Standing]:
    """Support by every view, after a load; all of them must be the same."""
    load(way, staging)
    rules = rulings(staging)
    with way.source() as source, way.opener(Mailbox("support"))() as target:
        people = rules.people(StagedInboxes(staging).principals()).all().values()
        stands = at_staging(staging, OWN)["support"]
        views = {
            "source": at_source(source, OWN, rules)["support"],
            "staging": stands,
            "new": at_target(target, stands.inbox, own(OWN), people=people, rules=rules),
        }
    assert compared({name: {"support": view} for name, view in views.items()}) == []
    return views


def test_the_meaning_of_a_word_decides_who_waits_wherever_one_looks(way: Road, staging: Staging) -> None:
    before = len(everywhere(way, staging)["source"].unanswered)
    assert any(word.startswith("gw_label.") for word in words(way.new)["3"])
    span = say(staging, STATES, state_row(inbox(staging)[1].inbox, "要確認", None), Status.NO_ACTION)
    for view in everywhere(way, staging).values():
        assert len(view.unanswered) == before - 1
    assert words(way.new)["3"] == {"gw_no-action"}
    fates = {each.key: each.fidelity for desk in told(staging) for each in desk.read().becomes(_holds(way))}
    assert fates["s2"] == Fidelity.EXACT
    rulings_book(staging, STATES).undo(span, by="sato")
    assert len(everywhere(way, staging)["new"].unanswered) == before


def _holds(way: Road) -> Holds:
    with way.opener(Mailbox("support"))() as target:
        assert isinstance(target, SharedTarget)
        return target.holds()


def test_a_mapping_that_says_something_else_asks_anew(way: Road, staging: Staging) -> None:
    say(staging, STATES, state_row(inbox(staging)[1].inbox, "要確認", None), Status.NO_ACTION)
    desk = way.old.desks["support"]
    desk.tell(replace(desk.work["s2"], status=Status.IN_PROGRESS))
    way.extract(staging)
    (state,) = [state for each in inbox(staging)[1].conversations for state in each.states if state.key == "s2"]
    assert state.status == Status.IN_PROGRESS


def test_whoever_is_somebody_else_hands_work_and_rights_to_them(way: Road, staging: Staging) -> None:
    desk = way.old.desks["support"]
    desk.join(Member(key="m4", principal="tanto12", rights=READ, label="参照"))
    desk.tell(
        WorkState(
            key="s4",
            about=desk.work["s2"].about,
            scope=Scope.MAIL,
            status=Status.OPEN,
            label="未対応",
            assignee="tanto12",
        )
    )
    way.old.know(Principal(key="suzuki", name="鈴木 美咲", login="suzuki", address="suzuki@example.co.jp"))
    way.extract(staging)
    assert "suzuki" not in {who for place in _loaded(way, staging).values() for who in place}
    say(staging, PEOPLE, person(staging, "tanto12"), "鈴木 美咲")
    assert {place["suzuki"] for name, place in _loaded(way, staging).items() if name.startswith("support")} == {READ}
    assert "gw_by.suzuki" in words(way.new)["3"]
    assert {state.assignee for each in inbox(staging)[1].conversations for state in each.states} >= {"suzuki"}
    everywhere(way, staging)


def _loaded(way: Road, staging: Staging) -> dict[str, dict[str, frozenset[Right]]]:
    load(way, staging)
    return rights(way.new)


def test_rights_that_are_wrong_are_taken_back_and_others_given(way: Road, staging: Staging) -> None:
    assert _loaded(way, staging)["support/INBOX"] == {"sato": frozenset(Right)}
    span = say(staging, RIGHTS, member(staging, "m1"), WRONG)
    assert "support/INBOX" not in _loaded(way, staging)
    fates = {
        each.key: each.why
        for desk in told(staging)
        for each in desk.read().becomes(_holds(way))
        if each.kind == "member"
    }
    assert fates["m1"] is not None
    assert fates["m1"].code == "shared.member-nothing"
    rulings_book(staging, RIGHTS).undo(span, by="sato")
    say(staging, RIGHTS, member(staging, "m1"), "read delete")
    assert _loaded(way, staging)["support/INBOX"] == {"sato": READ | {Right.DELETE}}


def test_who_is_gone_or_wrong_gets_no_rights_and_an_address_gets_them(way: Road, staging: Staging) -> None:
    by_address = replace(SHARING, who_is=Routes({}, {}).login_of)
    for word in (NOBODY, WRONG, "いまは別の人"):
        say(staging, PEOPLE, person(staging, "sato"), word)
        assert not _rights(staging, by_address)
    say(staging, PEOPLE, person(staging, "sato"), "kato@example.co.jp")
    assert _rights(staging, by_address).keys() == {"kato@example.co.jp"}


def _rights(staging: Staging, sharing: Sharing) -> dict[str, frozenset[Right]]:
    (support,) = [each.read() for each in told(staging, sharing) if each.inbox.key == "support"]
    return dict(support.entitled(Holds(rights=frozenset(Right))).rights)


def test_names_that_go_round_in_a_circle_mean_themselves() -> None:
    listed = {key: Principal(key=key, name=key.upper()) for key in "abcd"}
    said = {person_row(listed[key]): other for key, other in zip("abc", "BCA", strict=True)}
    said[person_row(listed["d"])] = "a"
    who = People(listed, said)
    assert [who.meant(key) for key in "abcd"] == ["a", "b", "c", "d"]
    said[person_row(listed["c"])] = "right"
    assert [who.meant(key) for key in "abcd"] == ["c"] * 4


def test_a_name_that_two_people_have_means_neither() -> None:
    listed = {key: Principal(key=key, name="佐藤 健一" if key != "x" else "x") for key in ("sato", "sato2", "x")}
    who = People(listed, {person_row(listed["x"]): "佐藤 健一"})
    assert who.meant("x") == "x"
    assert who.who("x").name == "佐藤 健一"


def test_nobody_gets_the_home_of_what_belongs_to_nobody() -> None:
    routes = Routes({"": "admin@example.co.jp", "sato": "sato.k@example.co.jp"}, {})
    for login in (None, ""):
        assert routes.login_of(Principal(key="tanto12", name="担当12", login=login, known=False)) is None
    assert routes.login_of(Principal(key="sato", name="佐藤", login="sato")) == "sato.k@example.co.jp"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("read reply", "read reply"),
        ("返信、閲覧", "read reply"),
        ("send as the inbox, Read", "read send-as"),
        ("受信箱名義で送信", "send-as"),
        ("閲覧 返信", "read reply"),
        ("everything", None),
        ("read,", None),
    ],
)
def test_rights_may_be_written_in_either_language(text: str, kept: str | None) -> None:
    assert RIGHTS_TOPIC.heard(text) == kept
    speak("ja")
    try:
        assert RIGHTS_TOPIC.heard(text) == kept
        assert RIGHTS_TOPIC.word("read send-as").label() == "閲覧、受信箱名義で送信"
    finally:
        speak("en")


def test_where_nobody_has_said_anything_facts_come_back_as_they_are(way: Road, staging: Staging) -> None:
    staged, stands = inbox(staging)
    work = list(staged.work(stands.inbox))
    assert list(Rulings().work(stands.inbox, work, Rulings().people(staged.principals()))) == work
