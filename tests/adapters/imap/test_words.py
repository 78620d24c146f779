"""Nothing from outside can break out of the words of a command line."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.imap.words import (
    FUTURE,
    SYSTEM,
    date_time,
    flag_list,
    flag_of,
    keyword,
    number_set,
    numbers_in,
    quoted,
    received_at,
)

ANY_TEXT = st.text(st.characters(), max_size=60)
ATOM = re.compile(rb"[\x21-\x7e]+\Z")
SPECIALS = b'(){%*"\\]'

ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
OFTEN = st.datetimes(datetime(1970, 1, 3), datetime(2026, 1, 1), timezones=ZONES)  # noqa: DTZ001 - the zone is drawn
EVER = st.datetimes(timezones=ZONES)


@given(ANY_TEXT)
def test_a_keyword_is_an_atom_or_none(flag: str) -> None:
    word = keyword(flag)
    assert word is None or (ATOM.match(word.encode("ascii")) and not set(word.encode()) & set(SPECIALS))


@given(ANY_TEXT)
def test_the_text_of_a_keyword_survives(flag: str) -> None:
    word = keyword(flag)
    if word is not None:
        assert flag_of(word.encode()).lower() == flag.lower()


def test_a_keyword_of_japanese_text_is_carried() -> None:
    assert keyword("対応済み") is not None
    assert flag_of((keyword("対応済み") or "").encode()) == "対応済み"


@pytest.mark.parametrize("flag", ["", "\\Deleted", "\\Recent", "\\Seen", "k" * 51, "長" * 20])
def test_what_no_keyword_can_carry_is_none(flag: str) -> None:
    assert keyword(flag) is None


def test_flags_have_their_usual_spelling() -> None:
    assert [flag_of(word) for word in (b"\\SEEN", b"$forwarded", b"$MDNSENT", b"Work")] == [
        "\\Seen",
        "$Forwarded",
        "$MDNSent",
        "Work",
    ]


@given(ANY_TEXT)
def test_no_list_of_flags_holds_what_is_not_whitelisted(flag: str) -> None:
    if flag in SYSTEM or keyword(flag) == flag:
        assert flag_list([flag]) == f"({flag})".encode()
    else:
        with pytest.raises((AssertionError, UnicodeEncodeError)):
            flag_list([flag])


@given(OFTEN)
def test_a_received_time_comes_back_as_the_same_second(at: datetime) -> None:
    word = date_time(at)
    assert word is not None
    assert re.fullmatch(rb'"[ \d]\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d [+-]\d{4}"', word)
    assert received_at(word.strip(b'"')) == at.replace(microsecond=0)


@given(EVER)
def test_a_date_is_right_or_not_sent(at: datetime) -> None:
    word = date_time(at)
    if word is None:
        assert at < datetime(1970, 1, 2, tzinfo=UTC) or at > datetime.now(UTC) + FUTURE
    else:
        assert received_at(word.strip(b'"')) == at.replace(microsecond=0)


def test_a_zone_of_odd_seconds_is_sent_as_utc() -> None:
    at = datetime(1999, 1, 1, tzinfo=timezone(timedelta(hours=9, minutes=18, seconds=59)))
    assert date_time(at) == b'"31-Dec-1998 14:41:01 +0000"'


def test_a_time_without_a_zone_and_one_in_the_future_are_not_sent() -> None:
    assert date_time(datetime(2009, 1, 1)) is None  # noqa: DTZ001 - that is the point
    assert date_time(datetime.now(UTC) + timedelta(days=1)) is None


@pytest.mark.parametrize("text", [b"", b"1-Jan-2009", b"99-Jan-2009 00:00:00 +0000", b"01-Foo-2009 00:00:00 +0000"])
def test_what_is_no_date_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        received_at(text)


@given(st.binary(max_size=40))
def test_a_quoted_string_cannot_be_left(name: bytes) -> None:
    if re.search(rb"[\x00-\x1f\x7f]", name):
        with pytest.raises(ValueError, match="quoted"):
            quoted(name)
    else:
        assert re.fullmatch(rb'"(?:[^"\\\r\n\x00]|\\["\\])*"', quoted(name))
        assert re.sub(rb"\\(.)", rb"\1", quoted(name)[1:-1]) == name


@given(st.sets(st.integers(1, 400), min_size=1))
def test_a_set_of_numbers_reads_back(numbers: set[int]) -> None:
    assert numbers_in(number_set(sorted(numbers)).decode()) == sorted(numbers)


@pytest.mark.parametrize("text", ["", "*", "1:*", "1:9999999999", "1,,2", "a"])
def test_what_is_no_set_has_no_numbers(text: str) -> None:
    assert numbers_in(text) == []
