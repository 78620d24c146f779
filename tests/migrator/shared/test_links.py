"""Which mails are one conversation: by what they share, the best evidence first."""

import pytest

from migrator.inboxes import About, Belongs, Named, Status
from migrator.shared.links import Shared, matter
from tests.migrator.shared.made import letter, ours, stands, state


def whole(letters: list, work: list = [], **how: object) -> list[list[str]]:  # noqa: B006
    return [[mail.named.key for mail in each.mails] for each in stands(letters, work, **how).conversations]


def evidence(letters: list, work: list = []) -> list[tuple[str, float]]:  # noqa: B006
    links = (link for each in stands(letters, work).conversations for link in each.links)
    return [(link.evidence.value, link.confidence) for link in links]


def thread(name: str, *numbers: int, number: str = "") -> Belongs:
    items = tuple(Named(("in",), str(each)) for each in numbers)
    return Belongs(key=name, about=About(items=items, thread=name), number=number)


def test_answers_belong_to_what_they_answer_even_if_that_is_not_there() -> None:
    letters = [
        letter(1, subject="a"),
        ours(2, subject="b", answers=(1,), days=99),
        letter(3, subject="c", answers=(9,)),
    ]
    letters.append(letter(4, subject="d", answers=(9,), days=200))
    assert whole(letters) == [["1", "2"], ["3", "4"]]
    assert evidence(letters) == [("references", 0.99)] * 2


def test_a_token_in_the_subject_is_enough_and_its_branch_is_of_no_account() -> None:
    letters = [
        letter(1, subject="[12-1] a"),
        ours(2, subject="Re: [12-2] b", days=99),
        letter(3, subject="[13-1] a", days=1),
    ]
    assert whole(letters) == [["1", "2"], ["3"]]
    assert evidence(letters) == [("token", 0.97)]


def test_the_stores_own_number_is_enough() -> None:
    letters = [letter(1, subject="a"), letter(2, "shimizu@kakuu.example", subject="b", days=99)]
    assert whole(letters, [thread("C1", 1, 2, number="C-0001")]) == [["1", "2"]]
    assert evidence(letters, [thread("C1", 1, 2)]) == [("index", 0.95)]
    assert stands(letters, [thread("C1", 1, 2, number="C-0001")]).conversations[0].numbers == ("C-0001",)


def test_subject_and_customer_join_within_fourteen_days_and_a_person_may_part_them() -> None:
    letters = [letter(1), letter(2, subject="RE: Question", days=14), letter(3, days=28.1)]
    assert whole(letters) == [["1", "2"], ["3"]]
    assert evidence(letters) == [("subject+party", 0.6)]
    told = stands(letters)
    assert [(link.first, link.evidence) for link in told.doubtful] == [("<1@mail.example>", Shared.PARTY)]
    assert whole(letters, joins=lambda link: False) == [["1"], ["2"], ["3"]]


def test_the_same_subject_of_another_customer_joins_nothing_and_is_shown() -> None:
    letters = [letter(1), letter(2, "shimizu@kakuu.example", days=1)]
    assert whole(letters) == [["1"], ["2"]]
    assert [link.confidence for link in stands(letters).doubtful] == [0.3]
    assert whole(letters, joins=lambda link: True) == [["1", "2"]]


def test_an_unsure_link_is_not_shown_where_a_sure_one_joins_the_same() -> None:
    letters = [letter(1), ours(2, answers=(1,), days=1), letter(3, answers=(1, 2), days=2)]
    told = stands(letters)
    assert len(told.conversations) == 1
    assert told.doubtful == ()


def test_mails_without_a_subject_or_a_message_id_are_not_thrown_together() -> None:
    letters = [letter(each, subject="", message_id="", days=each) for each in (1, 2)]
    assert whole(letters) == [["1"], ["2"]]


def test_one_mail_in_two_folders_is_one_conversation() -> None:
    copies = [letter(1), letter(2, message_id="<1@mail.example>", folder="kept", subject="x")]
    assert whole(copies) == [["1", "2"]]


def test_a_fact_about_a_thread_finds_its_mails() -> None:
    told = stands([letter(1)], [thread("C1", 1), state(1, Status.CLOSED, about=About(thread="C1"))])
    assert told.conversations[0].status == Status.CLOSED
    assert told.adrift == ()


@pytest.mark.parametrize(
    ("subject", "left"),
    [
        ("Re: Re[2]: RE^3: ＦＷ：お見積り", "お見積り"),
        ("転送: 返信：[12-3] ｱ 件", "[12-3] ア 件"),
        ("Re:", ""),
        ("再送: x", "再送: x"),
        ("Rejected", "rejected"),
        ("[見積] x", "[見積] x"),
    ],
)
def test_the_matter_of_a_subject(subject: str, left: str) -> None:
    assert matter(subject) == left
