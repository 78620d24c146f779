"""The words on a target's mails: by them alone the same customers wait, in the same state, with the same people."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from adapters.imap.words import keyword
from adapters.microsoft.letters import CATEGORY, is_category
from migrator.inboxes import WORD, About, Letter, Named, Principal, Scope, Status, Tag, WorkState
from migrator.shared.legend import Legend
from migrator.shared.standing import differences
from migrator.shared.words import (
    Spell,
    Wording,
    assignee_word,
    slug,
    spelled,
    spoken,
    state_word,
    tag_word,
    wording,
)
from tests.migrator.shared.made import BEGIN, inboxes, letter, ours, stands, state

PEOPLE = {"sato": Principal(key="sato", name="佐藤", login="sato.k"), "9": Principal(key="9", name="高橋")}


def worded(letters: list[Letter], work: list[object], room: int | None = None) -> Wording:
    return wording(stands(letters, work), PEOPLE, room)


@given(inboxes())
def test_what_the_words_say_leaves_the_same_customers_waiting(made: tuple[list[Letter], list[WorkState]]) -> None:
    letters, states = made
    here = stands(letters, states)
    said = wording(here, PEOPLE, None)
    there = stands(letters, list(Legend.of(said.legend.text()).work(said.words.items())))
    assert [each.key for each in there.unanswered] == [each.key for each in here.unanswered]
    assert list(differences({"staging": here, "target": there})) == []


@given(inboxes())
def test_without_a_legend_they_still_do(made: tuple[list[Letter], list[WorkState]]) -> None:
    letters, states = made
    here = stands(letters, states)
    said = wording(here, PEOPLE, None)
    used = {word for words in said.words.values() for word in words}
    suzuki = Principal(key="suzuki", name="鈴木")
    there = stands(letters, list(spelled(used, [*PEOPLE.values(), suzuki]).work(said.words.items())))
    assert list(differences({"staging": here, "target": there})) == []


@given(inboxes(), st.integers(0, 5))
def test_there_are_never_more_words_than_there_is_room_for(
    made: tuple[list[Letter], list[WorkState]], room: int
) -> None:
    said = worded(made[0], list(made[1]), room)
    used = {word for words in said.words.values() for word in words}
    assert len(used) <= room
    assert all(said.holds(word) for word in used)


def test_states_come_first_then_people_then_tags_and_of_each_what_more_mails_carry() -> None:
    letters = [letter(number, subject=f"s{number}") for number in range(3)]
    tag = Tag(key="t", about=About(items=tuple(each.named for each in letters)), name="vip")
    states = [state(0, Status.OPEN), state(1, Status.CLOSED, assignee="sato"), state(2, Status.CLOSED)]
    words = ["gw_closed", "gw_open", "gw_by.sato", "gw_tag.vip"]
    people = {"sato": Principal(key="sato", name="佐藤", login="sato")}
    for room in range(5):
        said = wording(stands(letters, [tag, *states]), people, room)
        assert {word for words in said.words.values() for word in words} == set(words[:room])


def test_a_closed_conversation_does_not_close_what_the_customer_wrote_later() -> None:
    letters = [letter(1), ours(2, answers=(1,), days=1), letter(3, answers=(2,), days=9)]
    closed = state(1, Status.CLOSED, about=About(thread="7"), scope=Scope.CONVERSATION, at=BEGIN + timedelta(days=2))
    here = stands(letters, [replace(closed, about=About(items=(), thread="7")), *belongs("7", letters)])
    assert [each.key for each in here.wrote_again] == ["<1@mail.example>"]
    said = wording(here, PEOPLE, None)
    assert said.words == {each.named: {"gw_closed"} for each in letters[:2]}
    there = stands(letters, list(said.legend.work(said.words.items())))
    assert [each.key for each in there.wrote_again] == ["<1@mail.example>"]


def belongs(thread: str, letters: list[Letter]) -> list[object]:
    from migrator.inboxes import Belongs

    return [Belongs(key="b", about=About(items=tuple(each.named for each in letters), thread=thread))]


def test_labels_of_one_state_are_told_by_one_word_and_the_legend_knows_the_usual_one() -> None:
    letters = [letter(number, subject=f"s{number}") for number in range(3)]
    states = [state(0, Status.OPEN, label="未処理"), *(state(n, Status.OPEN, label="再対応") for n in (1, 2))]
    assert worded(letters, states).legend.states == {"gw_open": (Status.OPEN, "再対応")}


def test_a_label_that_nobody_has_explained_has_a_word_of_its_own() -> None:
    said = worded([letter(1)], [state(1, None, label="謎")])
    (word,) = said.words[Named(("in",), "1")]
    assert word.startswith("gw_label.")
    assert said.legend.states == {word: (None, "謎")}


TEXT = st.text(st.characters(codec=None), max_size=60)


def spelled_out(text: str, spell: Spell) -> list[str]:
    """A tag, a label and a person of that name."""
    return [
        tag_word(Tag(key="t", about=About(), name=text), spell),
        str(state_word(state(1, None, label=text), spell)),
        str(assignee_word(state(1, None, assignee=text), {}, spell)),
    ]


@given(st.lists(TEXT, min_size=2, max_size=2, unique=True), st.sampled_from([slug, spoken]))
def test_no_two_words_are_alike(texts: list[str], spell: Spell) -> None:
    one, other = (spelled_out(text, spell) for text in texts)
    assert set(one).isdisjoint(other)


@given(TEXT)
def test_words_are_keywords_of_any_server(text: str) -> None:
    for word in spelled_out(text, slug):
        assert word.startswith(WORD)
        assert keyword(word) == word == word.lower()


@given(TEXT)
def test_words_that_are_categories_can_be_categories_and_come_back_as_they_were_given(text: str) -> None:
    for word in spelled_out(text, spoken):
        assert word.startswith(WORD)
        assert is_category(word)
        assert word == word.strip()
        assert len(word.encode("utf-16-le")) < 2 * CATEGORY


def test_a_category_says_what_people_called_it_where_it_can() -> None:
    labels = ["返品", "VIP 様", "a,b", "a;b", " x", "x" * 101, "", "0123456789"]
    assert [spoken(each) == each for each in labels] == [True, True, *[False] * 6]
    here = stands([letter(1)], [state(1, None, label="要確認")])
    (words,) = wording(here, PEOPLE, None, categories=True).words.values()
    assert words == {"gw_label.要確認"}


def test_most_words_tell_by_themselves_what_they_mean() -> None:
    assert state_word(state(1, Status.IN_PROGRESS), slug) == "gw_in-progress"
    assert assignee_word(state(1, None, assignee="sato"), PEOPLE, slug) != "gw_by.sato"
    nine, eight = (assignee_word(state(1, None, assignee=each), PEOPLE, slug) for each in "98")
    assert nine != eight
    assert tag_word(Tag(key="t", about=About(), name="vip"), slug) == "gw_tag.vip"
