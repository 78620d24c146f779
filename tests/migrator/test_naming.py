"""Names at the target: legal, told apart, and as people know them wherever that can be."""

from hypothesis import given
from hypothesis import strategies as st

from migrator.naming import distinct, legal
from migrator.ports import Limits

IMAP = Limits(forbidden=frozenset('/*%"\\'), name_bytes=60, depth=4)
NAMES = st.text(
    alphabet=st.one_of(st.sampled_from("aA/／~_*%営業\x00\u202e0123456789abcdef"), st.characters()), max_size=30
)
PATHS = st.lists(NAMES, min_size=1, max_size=6).map(tuple)


@given(PATHS)
def test_a_legal_path_keeps_every_limit(path: tuple[str, ...]) -> None:
    made = legal(path, IMAP)
    assert 0 < len(made) <= 4
    for name in made:
        assert name
        assert not set(name) & IMAP.forbidden
        assert len(name.encode()) <= 60
        assert name.isprintable() or not any(ord(each) < 32 for each in name)


@given(PATHS, PATHS)
def test_two_paths_never_become_one(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert (legal(one, IMAP) == legal(other, IMAP)) == (one == other)


@given(st.lists(PATHS, max_size=8))
def test_what_is_legal_already_stays(paths: list[tuple[str, ...]]) -> None:
    for path in paths:
        once = legal(path, IMAP)
        if once == path:
            assert legal(once, IMAP) == once


def test_a_forbidden_character_becomes_its_full_width_twin() -> None:
    assert legal(("営業/東京",), IMAP) == ("営業／東京",)
    assert legal(("営業／東京",), IMAP) != ("営業／東京",)


def test_an_underscore_is_nothing_special() -> None:
    assert legal(("a_b",), Limits(forbidden=frozenset("/\x7f"))) == ("a_b",)


@given(st.lists(PATHS, max_size=8))
def test_a_target_that_cannot_tell_case_apart_still_gets_different_places(paths: list[tuple[str, ...]]) -> None:
    limits = Limits(forbidden=frozenset("/"), case_sensitive=False)
    made = distinct(paths, limits)
    assert len({tuple(name.casefold() for name in path) for path in made.values()}) == len(set(paths))
