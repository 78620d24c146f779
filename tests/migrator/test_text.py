"""Text from outside can be stored, and cannot fool whoever reads it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.text import shown, storable

anything = st.text(st.characters(exclude_categories=[])) | st.text(
    st.sampled_from("a\\\0\x1b\x7f\x85\n\u202e\u2066\u2028\ufeff\udc81\U000e0041é山　")
)
REORDERING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@given(anything)
def test_a_stored_text_holds_neither_nul_nor_surrogate(text: str) -> None:
    stored = storable(text)
    assert "\0" not in stored
    assert stored.encode("utf-8").decode("utf-8") == stored


@given(anything)
def test_only_what_cannot_be_stored_is_changed(text: str) -> None:
    harmless = "".join(char for char in text if char != "\0" and unicodedata.category(char) != "Cs")
    assert storable(harmless) is harmless
    assert storable(storable(text)) == storable(text)


@given(anything)
def test_a_shown_text_is_one_line_that_moves_hides_and_reorders_nothing(text: str) -> None:
    for char in shown(text):
        assert unicodedata.category(char) not in {"Cc", "Cs", "Zl", "Zp"}
        assert unicodedata.bidirectional(char) not in REORDERING
        assert char not in "\u061c\u200b\u200e\u200f\ufeff"


@given(anything)
def test_a_shown_text_is_shown_as_it_is(text: str) -> None:
    assert shown(shown(text)) == shown(text)
    assert shown(storable(text)) == shown(text)


@pytest.mark.parametrize(
    ("text", "as_shown"),
    [
        ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
        ("receipt\u202egpj.exe", "receipt\\u202egpj.exe"),
        ("one\ntwo\ttwo", "one\\x0atwo\\x09two"),
        ("a\udc81\U000e0041", "a\\udc81\\U000e0041"),
    ],
)
def test_what_is_dangerous_becomes_a_visible_escape(text: str, as_shown: str) -> None:
    assert shown(text) == as_shown


def test_japanese_and_emoji_are_shown_untouched() -> None:
    text = "【重要】①㈱髙﨑　ｶﾅ～∥ 👨\u200d👩\u200d👧 [red]markup[/red] <b>"
    assert shown(text) == text
