"""How far a conversation is, who has it, who waits: the rules one by one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from migrator.inboxes import About, Named, Note, Scope, Status
from migrator.model import DELETED, Role
from migrator.shared.legend import Legend
from migrator.shared.mails import own
from migrator.shared.standing import Why, differences, standing
from tests.migrator.shared.made import BEGIN, INBOX, OWN, letter, ours, stands, state


def codes(letters: list, work: list) -> list[str]:
    return [reason.code for reason in stands(letters, work).doubts()]


# -- roll-up -----------------------------------------------------------------------------------------------------------


def test_the_state_that_asks_for_most_is_the_conversations() -> None:
    letters = [letter(1), letter(2, answers=(1,), days=1)]
    order = [
        *(Status.OPEN, Status.IN_PROGRESS, Status.WAITING, Status.ON_HOLD, Status.CLOSED),
        *(Status.NO_ACTION, Status.SPAM, Status.NONE),
    ]
    for place, first in enumerate(order):
        for second in order[place:]:
            (one,) = stands(letters, [state(1, second), state(2, first)]).conversations
            assert one.status == first
            assert one.unanswered == (first not in (Status.CLOSED, Status.NO_ACTION, Status.SPAM))


def test_a_word_that_nobody_has_explained_is_open_and_is_asked_about() -> None:
    told = [state(1, None, label="要確認"), state(1, Status.CLOSED, key="s")]
    (one,) = stands([letter(1)], told).conversations
    assert (one.status, one.label, one.unanswered) == (Status.OPEN, "要確認", True)
    assert codes([letter(1)], told) == ["shared.label-unknown"]


def test_the_last_one_named_has_it_and_two_who_both_have_work_are_both_told() -> None:
    letters = [letter(1), letter(2, answers=(1,), days=1)]
    first = state(1, Status.OPEN, assignee="sato", at=BEGIN)
    second = state(2, Status.OPEN, assignee="suzuki", at=BEGIN + timedelta(days=1))
    (one,) = stands(letters, [first, second]).conversations
    assert (one.assignee, one.assignees) == ("suzuki", ("suzuki", "sato"))
    assert codes(letters, [first, second]) == ["shared.two-assignees"]
    closed = replace(first, status=Status.CLOSED)
    (one,) = stands(letters, [closed, second]).conversations
    assert one.assignees == ("suzuki",)
    assert codes(letters, [closed, second]) == []


# -- who waits ---------------------------------------------------------------------------------------------------------


def test_an_answer_ends_the_waiting_and_a_word_among_us_does_not() -> None:
    asked, among_us = letter(1), letter(2, "sato@example.co.jp", answers=(1,), days=1)
    assert [each.waiting[0].at for each in stands([asked, among_us]).unanswered] == [asked.received_at]
    assert stands([asked, among_us, ours(3, answers=(1,), days=2)]).unanswered == ()


def test_the_waiting_began_with_the_first_mail_since_our_last_answer() -> None:
    letters = [
        letter(1),
        ours(2, answers=(1,), days=1),
        letter(3, answers=(2,), days=2),
        letter(4, answers=(3,), days=5),
    ]
    (one,) = stands(letters).unanswered
    assert [mail.named.key for mail in one.waiting] == ["3", "4"]
    assert one.customer == "mori@reiji.example"


def test_of_the_same_second_the_customers_mail_counts_as_the_later_one() -> None:
    assert len(stands([letter(1), ours(2, answers=(1,))]).unanswered) == 1


def test_a_sent_mail_whose_recipients_nobody_knows_answers_nobody() -> None:
    assert len(stands([letter(1), ours(2, to="", answers=(1,), days=1)]).unanswered) == 1


def test_without_our_domains_what_lies_in_sent_is_ours() -> None:
    letters = [letter(1), ours(2, answers=(1,), days=1)]
    assert standing(INBOX, letters, [], own([])).unanswered == ()


@pytest.mark.parametrize("role", [Role.JUNK, Role.TRASH, Role.DRAFTS])
def test_what_was_thrown_away_waits_for_nobody_unless_somebody_has_it(role: Role) -> None:
    thrown = replace(letter(1), role=role)
    assert stands([thrown]).conversations == ()
    assert len(stands([thrown], [state(1, Status.OPEN)]).unanswered) == 1


def test_a_mail_that_is_marked_as_deleted_is_not_there() -> None:
    gone = replace(letter(1), flags=frozenset({DELETED}))
    told = stands([gone], [state(1, Status.OPEN)])
    assert told.conversations == ()
    assert [fact.key for fact in told.adrift] == ["s1"]
    assert codes([gone], [state(1, Status.OPEN)]) == ["shared.adrift"]


def test_who_writes_after_it_was_closed_is_told_and_who_wrote_before_is_not() -> None:
    letters = [letter(1), letter(2, answers=(1,), days=3)]
    for at, again in ((BEGIN + timedelta(days=1), True), (BEGIN + timedelta(days=4), False), (None, True)):
        told = stands(letters, [state(1, Status.CLOSED, at=at)])
        assert bool(told.wrote_again) == again
        assert told.unanswered == ()
    assert not stands(letters, [state(1, Status.CLOSED), state(2, Status.CLOSED)]).wrote_again
    assert not stands([*letters, ours(3, answers=(1,), days=4)], [state(1, Status.CLOSED, at=BEGIN)]).wrote_again


def test_who_is_closed_with_the_whole_conversation_is_closed_until_that_time() -> None:
    letters = [letter(1), letter(2, answers=(1,), days=3)]
    whole = About(items=tuple(each.named for each in letters), thread="C1")
    for days, again in ((1, True), (4, False)):
        closed = state(1, Status.CLOSED, about=whole, scope=Scope.CONVERSATION, at=BEGIN + timedelta(days=days))
        assert bool(stands(letters, [closed]).wrote_again) == again


def test_a_mailing_list_waits_like_a_customer_but_is_told_apart_unless_somebody_has_it() -> None:
    listed = replace(letter(1), head=b"List-Id: <news.example>\r\n" + letter(1).head)
    assert [each.is_bulk for each in stands([listed, letter(2, "shimizu@kakuu.example")]).unanswered] == [True, False]
    assert [each.is_bulk for each in stands([listed], [state(1, Status.OPEN)]).unanswered] == [False]


def test_a_mail_without_a_state_is_told_where_the_store_knows_states() -> None:
    letters = [letter(1), letter(2, "shimizu@kakuu.example", "support@example.co.jp", "other")]
    assert [each.key for each in stands(letters, [state(1, Status.OPEN)]).unstated] == ["<2@mail.example>"]
    assert stands(letters).unstated == ()


def test_what_is_told_of_no_mail_that_is_there_is_kept_and_told() -> None:
    note = Note(key="n1", about=About(items=(Named(("in",), "9"),)), text="x")
    assert stands([letter(1)], [note]).adrift == (note,)


# -- views -------------------------------------------------------------------------------------------------------------


def whys(here: object, there: object) -> list[tuple[str, str, str]]:
    return [(each.one, each.other, each.why.value) for each in differences({"source": here, "target": there})]


def test_each_way_in_which_two_views_differ_has_its_name() -> None:
    asked, opened = letter(1), state(1, Status.OPEN, assignee="sato")
    here = stands([asked], [opened])
    assert whys(here, stands([], [])) == [("source", "target", Why.MISSING)]
    assert whys(here, stands([asked, ours(2, answers=(1,), days=1)], [opened])) == [("source", "target", Why.ANSWERED)]
    assert whys(here, stands([asked], [state(1, Status.CLOSED)])) == [("source", "target", Why.DONE)]
    assert whys(stands([asked], [state(1, Status.CLOSED)]), here) == [("target", "source", Why.DONE)]
    assert whys(here, stands([asked], [state(1, Status.WAITING)])) == [("source", "target", Why.STATUS)]
    assert whys(here, stands([asked], [state(1, Status.OPEN)])) == [("source", "target", Why.ASSIGNEE)]
    assert whys(here, here) == []


def test_a_target_tells_by_words_what_the_source_told_by_rows() -> None:
    legend = Legend(
        states={"gw_open": (Status.OPEN, "未対応"), "gw_x": (None, "要確認"), "gw_done": (Status.CLOSED, "完了")},
        people={"gw_as_sato": "佐藤"},
        tags={"gw_t1": "返品"},
    )
    assert Legend.of(legend.text()) == legend
    letters = [letter(1), letter(2, answers=(1,), days=1)]
    here = stands(letters, [state(1, None, label="要確認"), state(2, Status.CLOSED, assignee="佐藤")])
    words = [(letters[0].named, {"gw_x", "gw_t1", "other"}), (letters[1].named, {"gw_done", "gw_as_sato"})]
    there = standing(INBOX, letters, legend.work(words), OWN)
    assert list(differences({"source": here, "target": there})) == []
    (one,) = there.conversations
    assert (one.status, one.label, [tag.name for tag in one.tags]) == (Status.OPEN, "要確認", ["返品"])
    assert one.assignees == here.conversations[0].assignees
    for text in ("[]", '{"legend": 99}', "x"):
        with pytest.raises(ValueError):  # noqa: PT011 - json's own error is one
            Legend.of(text)


def test_an_assignee_without_a_state_is_told_all_the_same() -> None:
    legend = Legend(states={}, people={"gw_as_sato": "佐藤"}, tags={})
    (one,) = standing(INBOX, [letter(1)], legend.work([(letter(1).named, {"gw_as_sato"})]), OWN).conversations
    assert (one.status, one.assignee) == (Status.NONE, "佐藤")
