"""A From_ line is told by its date, whoever wrote it."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.files.fromline import from_line

AT = datetime(2009, 11, 2, 9, 15, tzinfo=UTC)
JST = timezone(timedelta(hours=9))


@pytest.mark.parametrize(
    ("line", "at"),
    [
        (b"From sato@example.co.jp Mon Nov  2 09:15:00 2009\n", AT),
        (b"From sato@example.co.jp  Mon Nov  2 09:15:00 2009\r\n", AT),
        (b"From MAILER-DAEMON Mon Nov 2 09:15 2009\n", AT),
        (b"From - Mon Nov 02 09:15:00 2009\n", AT),
        (b"From ???@??? Mon Nov 02 09:15:00 2009\n", AT),
        (b'From "sato ken"@example.co.jp Mon Nov  2 09:15:00 2009\n', AT),
        (b"From x Mon Nov  2 18:15:00 2009 +0900\n", AT),
        (b"From x Mon Nov  2 18:15:00 JST 2009\n", AT),
        (b"From x Mon Nov  2 18:15:00 +0900 2009\n", AT),
        (b"From x Mon, 2 Nov 2009 18:15:00 +0900\n", AT),
        (b"From x Mon Nov  2 04:15:00 2009 -0500 (EST)\n", None),
        (b"From x Mon Nov  2 09:15:00 2009 remote from uucp\n", AT),
        (b"From x Mon Nov  2 09:15:60 2009\n", AT + timedelta(seconds=59)),
        (b"From now on\n", None),
        (b"From Monday on we meet at 9:15\n", None),
        (b"From: sato@example.co.jp\n", None),
        (b">From x Mon Nov  2 09:15:00 2009\n", None),
        (b"From x Mon Nov 31 09:15:00 2009\n", None),
        (b"From x Mon Foo  2 09:15:00 2009\n", None),
        (b"From x Mon Nov  2 25:15:00 2009\n", None),
        (b"From x Mon Nov  2 09:15:00 2009 and so on\n", None),
        (b"From " + b"x" * 2000 + b" Mon Nov  2 09:15:00 2009\n", None),
    ],
)
def test_a_from_line_is_told_by_its_date(line: bytes, at: datetime | None) -> None:
    found = from_line(line)
    assert (found and found.at) == at


def test_a_from_line_without_a_zone_is_of_its_servers_clock() -> None:
    found = from_line(b"From x Mon Nov  2 09:15:00 2009\n", JST)
    assert found is not None
    assert found.at == AT - timedelta(hours=9)


@given(st.binary(max_size=60))
def test_no_bytes_make_a_from_line_fail(tail: bytes) -> None:
    from_line(b"From " + tail)
    from_line(b"From x Mon Nov  2 09:15:00 2009" + tail)
