"""Fields are found in any bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.mail import headers
from migrator.mail.scan import FIELD_LIMIT, HEAD_LIMIT, VALUE_LIMIT, chosen, fields_named
from tests.migrator.mail.damage import mails

NAMES = fields_named("subject", "from", "x")


@given(mails)
def test_any_header_block_gives_names_and_values_on_one_line(head: bytes) -> None:
    for name, value in headers(head):
        assert name == name.lower().strip()
        assert b"\n" not in value


@given(mails)
def test_chosen_fields_are_those_of_all_fields(head: bytes) -> None:
    assert list(chosen(head, NAMES)) == [each for each in headers(head) if each[0] in {b"subject", b"from", b"x"}]


names = st.sampled_from([b"Subject", b"FROM", b"X-Anything"])
values = st.lists(st.sampled_from([b"one", b"two", b"\xe3\x81\x82", b":"]), min_size=1, max_size=4)


@given(
    st.lists(st.tuples(names, values), max_size=5),
    st.sampled_from([b"\n", b"\r\n", b"\r\r\n"]),
    st.sampled_from([b" ", b"\t"]),
)
def test_folding_and_line_ends_do_not_change_a_field(
    fields: list[tuple[bytes, list[bytes]]], end: bytes, blank: bytes
) -> None:
    folded = b"".join(name + b": " + (end + blank).join(value) + end for name, value in fields)
    read = [(name, value.replace(b"\r", b"")) for name, value in headers(folded + end)]
    assert read == [(name.lower(), blank.join(value)) for name, value in fields]


@pytest.mark.parametrize(
    "head",
    [
        b"A: 1\nB: 2\n\n",
        b"A: 1\rB: 2\r\r",
        b"\xef\xbb\xbfA: 1\nB: 2\n",
        b"\0\0\0A: 1\nB: 2\n",
        b"\r\n\r\nA: 1\r\nB: 2\r\n",
        b"From x@y Mon Jan  1 00:00:00 2001\nA: 1\nB: 2\n",
        b">From x@y Mon Jan  1 00:00:00 2001\nA: 1\nB: 2\n",
        b"A : 1\nB\t:2\n",
        b"junk without a name\n continued\nA: 1\n\xe6\x97\xa5: 8-bit name\nB: 2",
        b"a:1\nb:\n 2\n",
    ],
)
def test_leavings_and_junk_hide_no_field(head: bytes) -> None:
    assert [(name, value) for name, value in headers(head) if name in (b"a", b"b")] == [(b"a", b"1"), (b"b", b"2")]


def test_what_is_looked_at_has_an_end() -> None:
    assert len(list(headers(b"a:1\n" * (FIELD_LIMIT + 5)))) == FIELD_LIMIT
    assert len(list(chosen(b"x:1\n" * (FIELD_LIMIT + 5), NAMES))) == FIELD_LIMIT
    assert [len(value) for _, value in headers(b"a:" + b"1" * HEAD_LIMIT)] == [VALUE_LIMIT]
    assert list(headers(b" " * HEAD_LIMIT + b"\na: too late")) == []
