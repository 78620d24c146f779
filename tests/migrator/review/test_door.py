"""Who comes in, how long, and how long those wait who do not know the secret."""

import pytest

from migrator.review.door import FREE, STAYS, Door, Session, Visitor, Wait
from migrator.secret import Secret
from migrator.settings import Reviewer

SUZUKI = Reviewer(secret=Secret(env="REVIEW_SUZUKI"), role="decide", accounts=("support", "sales-*"))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def door(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Door:
    monkeypatch.setenv("REVIEW_SUZUKI", "right horse battery")
    return Door({"suzuki": SUZUKI}, clock)


def knock(door: Door, secret: str, name: str = "suzuki", host: str = "10.0.0.7") -> Session | Wait | None:
    return door.by_secret(name, secret, host)


def test_a_link_lets_in_once(door: Door) -> None:
    word = door.link(Visitor("root", "sign", ("*",)))
    session = door.by_link(word)
    assert session is not None
    assert door.session(session.token) == session
    assert door.by_link(word) is None
    assert door.by_link("") is None


def test_a_session_ends_by_leaving_and_by_itself(door: Door, clock: Clock) -> None:
    first, second = knock(door, "right horse battery"), knock(door, "right horse battery")
    assert isinstance(first, Session)
    assert isinstance(second, Session)
    door.leave(first)
    assert door.session(first.token) is None
    assert door.session(second.token) == second
    clock.now = STAYS
    assert door.session(second.token) is None


def test_a_reviewer_gets_the_role_and_the_accounts_of_the_settings(door: Door) -> None:
    session = knock(door, "right horse battery")
    assert isinstance(session, Session)
    visitor = session.visitor
    assert [visitor.may(each) for each in ("see", "decide", "sign")] == [True, True, False]
    assert [visitor.sees(each) for each in ("support", "sales-tokyo", "sato", "")] == [True, True, False, False]


def test_five_wrong_secrets_slow_down_and_each_further_one_more(door: Door, clock: Clock) -> None:
    assert [knock(door, "wrong") for _ in range(FREE)] == [None] * FREE
    first = knock(door, "right horse battery")
    assert isinstance(first, Wait)
    clock.now += first.seconds
    assert knock(door, "wrong") is None
    second = knock(door, "right horse battery")
    assert isinstance(second, Wait)
    assert second.seconds > first.seconds
    clock.now += second.seconds
    assert isinstance(knock(door, "right horse battery"), Session)
    assert knock(door, "wrong") is None  # the count begins anew


def test_the_wait_follows_the_name_to_another_desk_and_the_desk_to_another_name(door: Door) -> None:
    for _ in range(FREE):
        knock(door, "wrong")
    assert isinstance(knock(door, "right horse battery", host="10.0.0.8"), Wait)
    assert isinstance(knock(door, "right horse battery", name="nobody"), Wait)
    assert knock(door, "", name="nobody", host="10.0.0.8") is None
