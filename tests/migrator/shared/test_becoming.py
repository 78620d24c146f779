"""What becomes of every fact at a target is said beforehand, each with its class and the reason."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from migrator.errors import Reason
from migrator.inboxes import (
    About,
    Belongs,
    Event,
    Member,
    Named,
    Note,
    Principal,
    Right,
    Scope,
    Status,
    Tag,
    Template,
    WorkState,
)
from migrator.model import Unreadable
from migrator.shared.becoming import Became, Entitled, Fidelity, entitled, of_work
from migrator.shared.words import wording
from tests.migrator.shared.made import BEGIN, INBOX, letter, stands, state

TODAY = datetime(2026, 4, 1, tzinfo=UTC)
IMAP = frozenset({Right.READ, Right.REPLY, Right.DELETE, Right.ADMIN})
ALL = frozenset(Right)
SATO = Principal(key="1", name="佐藤", login="sato")


def gets(member: Member, person: Principal | None = SATO, holds: frozenset[Right] = IMAP) -> Entitled:
    people = {person.key: person} if person else {}
    return entitled(INBOX, [member], people, holds, lambda each: each.login, TODAY)


MEMBER = Member(key="m", principal="1", rights=ALL, label="管理者")


def test_a_member_gets_what_the_target_holds_and_the_rest_is_told() -> None:
    found = gets(MEMBER)
    assert found.rights == {"sato": IMAP}
    assert {each.kind: each.fidelity for each in found.became} == {
        "right read": "exact",
        "right reply": "exact",
        "right delete": "exact",
        "right admin": "exact",
        "right send-as": "archived-only",
    }
    assert [(each.inbox, each.who) for each in found.send_as] == [("support@example.co.jp", "sato")]


@pytest.mark.parametrize(
    ("member", "person", "code"),
    [
        (MEMBER, replace(SATO, left=True), "shared.member-left"),
        (replace(MEMBER, rights=None), SATO, "shared.right-unknown"),
        (replace(MEMBER, until=TODAY - timedelta(days=1)), SATO, "shared.member-until"),
        (MEMBER, replace(SATO, login=None), "shared.member-unknown"),
        (MEMBER, None, "shared.member-unknown"),
    ],
)
def test_who_has_left_or_cannot_be_named_gets_nothing(member: Member, person: Any, code: str) -> None:
    found = gets(member, person)
    assert found.rights == {}
    assert found.send_as == ()
    (became,) = found.became
    assert became.fidelity == Fidelity.ARCHIVED_ONLY
    assert became.why is not None
    assert became.why.code == code


def test_a_time_that_ends_later_is_told_and_the_rights_are_given() -> None:
    found = gets(replace(MEMBER, until=TODAY + timedelta(days=30)))
    assert found.rights == {"sato": IMAP}
    assert found.became[-1].kind == "until"


def test_on_a_server_without_rights_every_one_is_archived_only() -> None:
    found = gets(MEMBER, holds=frozenset())
    assert found.rights == {}
    assert {each.fidelity for each in found.became} == {Fidelity.ARCHIVED_ONLY}
    assert len(found.send_as) == 1


IN = About(items=(Named(("in",), "1"),))
WORK: list[Any] = [
    state(1, Status.OPEN, label="未処理", assignee="1", due=TODAY),
    WorkState(key="mine", about=IN, scope=Scope.PERSON, status=Status.CLOSED, label="済", person="1"),
    state(1, None, key="odd", label="謎"),
    Note(key="n", about=IN, text="x", at=BEGIN),
    Event(key="e", about=IN, what=None),
    Tag(key="t", about=IN, name="vip"),
    Tag(key="red", about=IN, name="urgent", colour="red"),
    Belongs(key="b", about=IN, number="7"),
    Template(key="sig", name="sign", text="--"),
    Note(key="lost", about=About(items=(Named(("in",), "99"),)), text="x"),
    Unreadable(key="bad", path=None, reason=Reason("row.unreadable")),
]


def became(room: int | None, *, histories: bool = True) -> list[Became]:
    view = stands([letter(1)], WORK)
    people = {"1": SATO}
    said = wording(view, people, room)
    return list(of_work(WORK, said, people, frozenset(view.adrift), histories=histories))


def test_each_fact_has_its_class() -> None:
    assert {(each.kind, each.key): each.fidelity.value for each in became(None)} == {
        ("state", "s1"): "exact",
        ("assignee", "s1"): "exact",
        ("due", "s1"): "archived-only",
        ("state", "mine"): "folded",
        ("state", "odd"): "label-only",
        ("note", "n"): "folded",
        ("event", "e"): "folded",
        ("tag", "t"): "exact",
        ("tag", "red"): "folded",
        ("number", "b"): "archived-only",
        ("template", "sig"): "archived-only",
        ("note", "lost"): "archived-only",
        ("unreadable", "bad"): "dropped",
    }


def test_whatever_is_not_exact_or_folded_says_why() -> None:
    for each in became(0, histories=False):
        told = each.fidelity in (Fidelity.EXACT, Fidelity.FOLDED, Fidelity.LABEL_ONLY)
        assert told == (each.why is None)


def test_a_target_without_words_or_histories_holds_no_fact_at_all() -> None:
    assert Counter(each.fidelity.value for each in became(0, histories=False)) == {"archived-only": 12, "dropped": 1}
