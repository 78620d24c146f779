"""State folders: by their names alone the same customers wait, whatever happened in an inbox."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from migrator.inboxes import About, Letter, Named, Scope, Status, WorkState
from migrator.locale import Language
from migrator.shared.folders import Shelved, shelved, told_by
from migrator.shared.legend import Legend
from migrator.shared.standing import differences
from migrator.shared.words import wording
from tests.migrator.shared.made import inboxes, letter, stands, state
from tests.migrator.shared.test_words import PEOPLE

LANGUAGES: st.SearchStrategy[Language] = st.sampled_from(["ja", "en"])


def told(letters: list[Letter], shelf: Shelved, words: dict[Named, frozenset[str]], legend: Legend) -> list[object]:
    """What a target tells, mail by mail, of whose folders nothing is known but their names."""
    found: list[object] = []
    for each in letters:
        name = shelf.mails.get(each.named)
        carried = [(each.named, words.get(each.named, frozenset()))]
        found += legend.work(carried, told_by(name) if name else None)
    return found


@given(inboxes(), LANGUAGES)
def test_the_same_customers_wait_by_the_folders_names(
    made: tuple[list[Letter], list[WorkState]], lang: Language
) -> None:
    letters, states = made
    here = stands(letters, list(states))
    said, shelf = wording(here, PEOPLE, None, states=False), shelved(here, lang)
    assert said.legend.states == {}
    there = stands(letters, told(letters, shelf, dict(said.words), said.legend))
    assert [each.key for each in there.unanswered] == [each.key for each in here.unanswered]
    assert list(differences({"staging": here, "target": there})) == []


@given(inboxes(), LANGUAGES)
def test_a_name_means_what_the_legend_says_of_it(made: tuple[list[Letter], list[WorkState]], lang: Language) -> None:
    shelf = shelved(stands(made[0], list(made[1])), lang)
    legend = Legend.of(Legend(states={}, people={}, tags={}, folders=shelf.names).text())
    assert legend.folders == shelf.names
    assert {name: meant[0] for name, meant in legend.folders.items()} == {
        name: (told_by(name) or ("?", ""))[0] for name in shelf.names
    }


def test_of_several_states_a_mail_shows_the_one_that_asks_for_most() -> None:
    mine = WorkState(
        key="mine", about=About(items=(Named(("in",), "1"),)), scope=Scope.PERSON, status=Status.OPEN, person="1"
    )
    closed = state(1, Status.CLOSED, label="済")
    shelf = shelved(stands([letter(1)], [closed, mine]), "ja")
    assert shelf.mails == {Named(("in",), "1"): "未対応"}
    assert shelf.shown == {"mine"}
    same = shelved(stands([letter(1)], [closed, replace(mine, status=Status.CLOSED, label="済")]), "ja")
    assert same.mails == {Named(("in",), "1"): "完了（済）"}
    assert same.shown == {"mine", "s1"}


def test_a_row_that_says_nothing_leaves_the_mail_in_its_place() -> None:
    shelf = shelved(stands([letter(1)], [state(1, Status.NONE, label="")]), "ja")
    assert (shelf.mails, shelf.names, shelf.shown) == ({}, {}, frozenset())
