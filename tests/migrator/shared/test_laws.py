"""What holds of every shared inbox, whatever is in it."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from migrator.inboxes import Letter, Status, WorkState
from migrator.shared.conversation import DONE, RANK, status_of
from migrator.shared.mails import Way
from migrator.shared.standing import differences
from tests.migrator.shared.made import BEGIN, CUSTOMERS, inboxes, ours, stands, state

Made = tuple[list[Letter], list[WorkState]]


@given(inboxes(), st.randoms(use_true_random=False))
def test_the_order_in_which_things_are_told_is_of_no_account(made: Made, chance: object) -> None:
    letters, states = made
    told = stands(letters, states)
    chance.shuffle(letters)  # type: ignore[attr-defined]
    chance.shuffle(states)  # type: ignore[attr-defined]
    assert stands(letters, states) == told


@given(inboxes())
def test_every_mail_is_in_one_conversation_and_every_state_somewhere(made: Made) -> None:
    letters, states = made
    told = stands(letters, states)
    mails = [mail.named for each in told.conversations for mail in each.mails]
    assert sorted(mails, key=str) == sorted((letter.named for letter in letters), key=str)
    placed = [fact.key for each in told.conversations for fact in each.states] + [fact.key for fact in told.adrift]
    assert sorted(placed) == sorted(fact.key for fact in states)


@given(inboxes(), st.lists(st.integers(0, 9), max_size=3), st.sampled_from(CUSTOMERS))
def test_an_answer_of_ours_that_comes_last_never_adds_to_those_who_wait(
    made: Made, answers: list[int], customer: str
) -> None:
    letters, states = made
    before = {each.waiting[-1].id for each in stands(letters, states).unanswered}
    answer = ours(99, customer, "Re: question", answers=tuple(answers), days=50)
    after = {each.waiting[-1].id for each in stands([*letters, answer], states).unanswered}
    assert after <= before


@given(inboxes())
def test_who_waits_is_whoever_wrote_last_unless_a_person_has_closed_it(made: Made) -> None:
    for each in stands(*made).conversations:
        outside = [mail for mail in each.mails if mail.way != Way.INTERNAL]
        wrote_last = bool(outside) and outside[-1].way == Way.IN
        closed = {status_of(fact) for fact in each.states}
        rolled = next((status for status in RANK if status in closed), Status.NONE)
        assert each.unanswered == (wrote_last and rolled not in DONE)
        assert each.unanswered + each.wrote_again <= 1


@given(inboxes(), st.integers(0, 7))
def test_one_more_open_state_never_takes_anybody_from_those_who_wait(made: Made, number: int) -> None:
    letters, states = made
    before = {each.key for each in stands(letters, states).unanswered}
    more = state(number, None, key="more", folder=letters[min(number, len(letters) - 1)].named.folder[0])
    assert {each.key for each in stands(letters, [*states, more]).unanswered} >= before


@given(inboxes())
def test_a_view_does_not_differ_from_itself_and_a_mail_that_is_lost_is_named(made: Made) -> None:
    letters, states = made
    told = stands(letters, states)
    assert list(differences({"source": told, "staging": told})) == []
    for each in told.unanswered:
        lost = stands([letter for letter in letters if letter.named != each.waiting[-1].named], states)
        assert any(
            found.one == "source" and found.other == "target" and found.conversation == each
            for found in differences({"source": told, "target": lost})
        )


@given(inboxes(), st.integers(0, 59))
def test_half_a_second_changes_nothing(made: Made, seconds: int) -> None:
    letters, states = made
    later = [_later(letter, timedelta(microseconds=seconds)) for letter in letters]
    assert stands(later, states) == stands(letters, states)
    assert BEGIN.microsecond == 0


def _later(letter: Letter, by: timedelta) -> Letter:
    return Letter(named=letter.named, head=letter.head, received_at=letter.received_at + by, role=letter.role)
