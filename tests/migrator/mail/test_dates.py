"""A mail's date is read from the best evidence, and never made up."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.mail import NO_DATE, date_in_name, parse_date, plausible, received_at
from migrator.model import DateSource, Evidence
from tests.migrator.mail.damage import mails

JST = timezone(timedelta(hours=9))
TRUE = datetime(2001, 1, 2, 12, 34, 56, tzinfo=JST)


@pytest.mark.parametrize(
    "value",
    [
        b"Tue, 02 Jan 2001 12:34:56 +0900",
        b"Tue, 2 Jan 2001 12:34:56 +0900 (JST)",
        b"2 Jan 2001 03:34:56 GMT",
        b"2 Jan 2001 03:34:56 -0000",
        b"2 Jan 2001 03:34:56 Z",
        b"2 Jan 2001 03:34:56.882 0000",
        b"2 Jan 2001 03:34:56 H0500",
        b"Tue(comment), 02 Jan 2001 12(comment) : 34 : 56 +0900",
        b"Mon, 1 Jan 2001 22:34:56 EST",
        b"Tue, 02 Jan 2001 12:34:56 JST",
        b"Tue, 02 Jan 2001 12:34:56 +09:00",
        b"Tue, 02 Jan 2001 12:34:56 GMT+09:00",
        b"Tue, 02 Jan 2001 12:34:56 GMT+9",
        b"Tue, 02 Jan 2001 12:34:56",
        b"Tue, 02 Jan 2001 12:34:56 +9000",
        "Tue, 02 Jan 2001 12:34:56 東京 (標準時)".encode("cp932"),
        b"Tue, 02 Jan 2001 12:34:56 Tokyo Standard Time",
        b"Tue, 02 Jan 01 12:34:56 +0900",
        b"Tue, 02 Jan 101 12:34:56 +0900",
        b"Tue, 02 Jan 0101 12:34:56 +0900",
        b"Tue, 02 Jan 19101 12:34:56 +0900",
        b"TUE, 02 JAN 2001 12:34:56 +0900",
        b"Tuesday, 02-Jan-01 12:34:56 +0900",
        b"2 January 2001 12:34:56 PM +0900",
        b"Jan 2, 2001 12:34:56 PM",
        b"Tue Jan  2 12:34:56 2001",
        b"Tue Jan  2 12:34:56 JST 2001",
        b"2001-01-02T12:34:56+09:00",
        b"2001-01-02T03:34:56.123Z",
        b"2001/01/02 12:34:56",
        b"2001/01/02 Tue 12:34:56 +0900",
        "2001年1月2日(火) 12:34:56".encode("cp932"),
        "2001年1月2日 午後0時34分56秒".encode("euc_jp"),
        "平成13年1月2日 12時34分56秒".encode("iso2022_jp"),
        "平成１３年１月２日（火）１２：３４：５６".encode(),
        "㍻13年1月2日 12:34:56".encode("cp932"),
        b"H13.1.2 12:34:56",
        "火, 2 1月 2001 12:34:56 +0900".encode("cp932"),
        "火, 02 Jan 2001 12:34:56 +0900".encode("cp932"),
        b"=?iso-2022-jp?B?GyRCMlAbKEI=?=, 02 Jan 2001 12:34:56 +0900",
    ],
)
def test_a_date_is_read_as_people_and_programs_write_it(value: bytes) -> None:
    assert parse_date(value) == TRUE


@pytest.mark.parametrize(
    ("value", "year"),
    [
        (b"1 Jun 49 1:02:03", 2049),
        (b"1 Jun 70 1:02:03", 1970),
        (b"1 Jun 99 1:02:03", 1999),
        (b"1 Jun 00 1:02:03", 2000),
        (b"1 Jun 19100 1:02:03", 2000),
        ("令和元年6月1日".encode(), 2019),
        ("昭和64年6月1日".encode(), 1989),
    ],
)
def test_a_short_year_has_its_century(value: bytes, year: int) -> None:
    found = parse_date(value)
    assert found is not None
    assert (found.year, found.month, found.day) == (year, 6, 1)


def test_a_clock_may_say_24_or_a_leap_second() -> None:
    assert parse_date(b"31 Dec 2000 24:00:00 +0900") == datetime(2001, 1, 1, tzinfo=JST)
    assert parse_date(b"31 Dec 1998 23:59:60 +0000") == datetime(1998, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"today",
        b"31 Feb 2001 12:34:56 +0900",
        b"2 Jan 2001 25:00:00 +0900",
        b"9 Abc 2001 12:34:56 +0900",
        b"0000-00-00 00:00:00",
        b"1 Jan 1601 00:00:00 +0000",
        b"1 Jan 1970 00:00:00 +0000",
        b"1 Jan 2101 00:00:00 +0000",
    ],
)
def test_what_is_no_plausible_date_is_none(value: bytes) -> None:
    assert parse_date(value) is None


@given(st.binary() | mails)
def test_any_value_gives_an_aware_plausible_time_or_none(value: bytes) -> None:
    for each in (value, b"1 Jan 2001 " + value, b"2001/1/2 " + value, b"H1.1.1 " + value):
        at = parse_date(each)
        assert at is None or (at.utcoffset() is not None and plausible(at))


@given(st.integers(2 * 86400, 4133894400), st.integers(-14 * 60, 14 * 60))
def test_every_plausible_time_is_read_back(seconds: int, minutes: int) -> None:
    at = datetime.fromtimestamp(seconds, timezone(timedelta(minutes=minutes)))
    assert parse_date(at.strftime("%a, %d %b %Y %H:%M:%S %z").encode()) == at
    assert parse_date(at.isoformat().encode()) == at


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("20010102123456.eml", TRUE),
        ("20010102-123456_0007.eml", TRUE),
        ("2001-01-02T12:34:56 見積.eml", TRUE),
        ("2001.01.02 12.34.56.eml", TRUE),
        ("mail_20010102123456789", TRUE),
        ("2001-01-02.eml", TRUE.replace(hour=0, minute=0, second=0)),
        ("再送 20010102_1234.eml", TRUE.replace(second=0)),
        ("0007_20010102.eml", TRUE.replace(hour=0, minute=0, second=0)),
        ("20010231.eml", None),
        ("2001010212.eml", None),
        ("120010102.eml", None),
        ("20010102123456789123.eml", None),
        ("2001-0102.eml", None),
        ("978406496.eml", None),
        ("00012.eml", None),
        ("", None),
    ],
)
def test_a_files_name_may_tell_a_date(name: str, at: datetime | None) -> None:
    assert date_in_name(name.encode()) == at


@given(st.binary())
def test_any_name_tells_a_plausible_date_or_none(name: bytes) -> None:
    at = date_in_name(name + b"20010102" + name)
    assert at is None or (at.utcoffset() is not None and plausible(at))


# -- evidence ------------------------------------------------------------------------------------------------------

HEAD = (
    b"Received: from b by c; Thu, 03 May 2001 00:00:00 +0000\n"
    b"Received: from a by b; Wed, 02 May 2001 00:00:00 +0000\n"
    b"Date: Tue, 01 May 2001 00:00:00 +0000\n\n"
)


def evidence(source: DateSource, day: int) -> Evidence:
    return Evidence(source, datetime(2001, 6, day, tzinfo=UTC))


def test_the_best_evidence_wins_whatever_the_order_it_comes_in() -> None:
    given_ = [evidence(source, day) for day, source in enumerate(DateSource, start=1) if source is not DateSource.NONE]
    seen = []
    while given_:
        best = received_at(b"", given_[::-1])
        seen.append(best.source)
        given_.remove(best)
    assert seen == [source for source in DateSource if source is not DateSource.NONE]
    assert received_at(b"", []) == NO_DATE == Evidence(DateSource.NONE, datetime(1980, 1, 1, tzinfo=UTC))


def test_the_header_stands_between_the_spool_and_the_index() -> None:
    spool, index, name = evidence(DateSource.SPOOL, 1), evidence(DateSource.INDEX, 2), evidence(DateSource.FILE_NAME, 3)
    dated = HEAD[HEAD.index(b"Date") :]
    assert received_at(HEAD, [index, spool]) == spool
    assert received_at(HEAD, [index]) == Evidence(DateSource.RECEIVED, datetime(2001, 5, 3, tzinfo=UTC))
    assert received_at(dated, [index]) == index
    assert received_at(dated, [name]) == Evidence(DateSource.DATE, datetime(2001, 5, 1, tzinfo=UTC))


def test_an_implausible_date_is_passed_over() -> None:
    unset = [Evidence(source, datetime(1970, 1, 1, 9, tzinfo=JST)) for source in (DateSource.SPOOL, DateSource.INDEX)]
    far = [
        Evidence(DateSource.SPOOL, datetime(2101, 1, 1, tzinfo=UTC)),
        Evidence(DateSource.INDEX, datetime.min.replace(tzinfo=UTC)),
    ]
    broken = HEAD.replace(b"Thu, 03 May 2001", b"Thu, 03 May 1901").replace(b"02 May 2001", b"02 Mai 2001")
    assert received_at(broken, unset + far) == Evidence(DateSource.DATE, datetime(2001, 5, 1, tzinfo=UTC))
    assert received_at(b"", unset + far) == NO_DATE


def test_the_topmost_received_field_that_can_be_read_counts() -> None:
    broken = HEAD.replace(b"Thu, 03 May 2001 00:00:00 +0000", b"a clock that says nothing")
    assert received_at(broken, []) == Evidence(DateSource.RECEIVED, datetime(2001, 5, 2, tzinfo=UTC))


@given(mails)
def test_any_header_block_has_a_received_time(head: bytes) -> None:
    found = received_at(head, [])
    assert plausible(found.at)
