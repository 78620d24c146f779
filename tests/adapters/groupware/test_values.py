"""What a cell means is declared: what the mapping does not explain is never guessed."""

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.groupware.template import Missing, Outside, Template
from adapters.groupware.values import Bytes, Code, Date, Flags, Number, Text, Undecodable, UnknownCode, Unreadable

JST = timezone(timedelta(hours=9))
BITS = Flags(kind="flags", written="bits", map={"1": "\\Seen", "4": ("\\Flagged", "work"), "64": ""})


@pytest.mark.parametrize(
    ("cell", "flags"),
    [
        ("", set()),
        ("0", set()),
        ("1", {"\\Seen"}),
        (" 5 ", {"\\Seen", "\\Flagged", "work"}),
        ("64", set()),
        ("65", {"\\Seen"}),
    ],
)
def test_bits_are_flags_and_an_empty_text_is_none_on_purpose(cell: str, flags: set[str]) -> None:
    assert BITS.reader()(cell) == flags


@pytest.mark.parametrize(
    ("cell", "code"), [("2", "2"), ("3", "2"), ("x", "x"), ("-1", "-1"), ("１", "１"), ("1_0", "1_0")]
)
def test_a_bit_nobody_explained_is_an_unknown_code(cell: str, code: str) -> None:
    with pytest.raises(UnknownCode) as caught:
        BITS.reader()(cell)
    assert caught.value.code == code


def test_bits_may_be_written_in_hexadecimal() -> None:
    read = Flags(kind="flags", written="bits", base=16, map={"16": "\\Seen", "1": ""}).reader()
    assert read("11") == {"\\Seen"}
    assert read("1F".replace("F", "0")) == {"\\Seen"}


def test_letters_and_codes_are_flags() -> None:
    letters = Flags(kind="flags", written="letters", map={"R": "\\Seen", "N": ""}).reader()
    assert letters("NR ") == {"\\Seen"}
    code = Flags(kind="flags", written="code", map={"既読": "\\Seen", "": ""}).reader()
    assert (code("既読"), code(" ")) == ({"\\Seen"}, frozenset())
    with pytest.raises(UnknownCode):
        letters("RX")
    with pytest.raises(UnknownCode):
        code("既")


def test_a_code_is_what_the_map_says_or_unknown() -> None:
    read = Code(kind="code", map={"1": "inbox"}).reader()
    assert read(" 1") == "inbox"
    with pytest.raises(UnknownCode):
        read("01")


def test_text_is_without_blanks_around_it_and_any_database_keeps_it() -> None:
    assert Text(kind="text").reader()("\u3000 株式\0会社 ") == "株式\\x00会社"


def test_a_text_may_be_written_otherwise_in_another_table() -> None:
    text = Text(kind="text", replace={"/": "#", "..": "/"})
    assert text.reader()(" 客先/2009..x ") == "客先#2009/x"


def test_all_other_marks_may_stand_for_one_flag() -> None:
    read = Flags(kind="flags", written="code", map={"0": "", "": ""}, others="\\Answered").reader()
    assert [read(cell) for cell in ("0", "", "77")] == [frozenset(), frozenset(), frozenset({"\\Answered"})]


def test_text_is_read_in_the_first_charset_that_explains_it() -> None:
    read = Text(kind="text", charsets=("utf-8", "cp932")).reader()
    assert [read("件名".encode()), read("件名".encode("cp932") + b"\0"), read(" a ")] == ["件名", "件名", "a"]
    with pytest.raises(Undecodable):
        read(b"\x81")


@given(st.binary(max_size=20))
def test_bytes_come_back_however_they_are_written(data: bytes) -> None:
    letters = {byte: bytes([byte]) for byte in range(32, 127)} | {92: rb"\\"}
    octal = b"".join(letters.get(byte, b"\\%03o" % byte) for byte in data)
    for written, cell in (
        ("raw", data),
        ("hex", data.hex()),
        ("hex", b"0x" + data.hex().upper().encode()),
        ("base64", base64.encodebytes(data)),
        ("pg", b"\\x" + data.hex().encode()),
        ("pg", octal),
    ):
        assert Bytes(kind="bytes", written=written).reader()(cell) == data


BAD_DIGITS = [("hex", "0g"), ("hex", "abc"), ("base64", "a"), ("pg", b"\\x0"), ("pg", b"\\9")]


@pytest.mark.parametrize(("written", "cell"), BAD_DIGITS)
def test_digits_that_are_none_are_told(written: str, cell: str | bytes) -> None:
    with pytest.raises(Undecodable):
        Bytes(kind="bytes", written=written).reader()(cell)


moments = st.datetimes(datetime(1986, 1, 1), datetime(2036, 12, 31)).map(lambda moment: moment.replace(microsecond=0))  # noqa: DTZ001


@given(
    moments,
    st.sampled_from(["%Y/%m/%d %H:%M:%S", "%Y%m%d%H%M%S", "%Y-%m-%dT%H:%M:%S", "%d.%m.%y %H %M %S", "%b %d %Y %X"]),
)
def test_a_date_is_read_as_strptime_reads_it_in_the_zone_that_is_meant(moment: datetime, pattern: str) -> None:
    read = Date(kind="date", format="strptime", pattern=pattern).reader()
    assert read(moment.strftime(pattern)) == moment.replace(tzinfo=JST)


@given(st.text(alphabet="0123456789/ :-", max_size=20), st.sampled_from(["%Y/%m/%d %H:%M:%S", "%Y-%m-%d"]))
def test_what_strptime_refuses_is_refused(cell: str, pattern: str) -> None:
    read = Date(kind="date", format="strptime", pattern=pattern, years=(1, 9999)).reader()
    try:
        expected = datetime.strptime(cell.strip(), pattern).replace(tzinfo=JST)
    except ValueError:
        if cell.strip("0/-:. T"):
            with pytest.raises(Unreadable):
                read(cell)
    else:
        assert read(cell) == expected


@pytest.mark.parametrize(
    ("date", "cell", "moment"),
    [
        ({"format": "epoch"}, "1257120930", datetime(2009, 11, 2, 0, 15, 30, tzinfo=UTC)),
        ({"format": "epoch-ms"}, "1257120930500", datetime(2009, 11, 2, 0, 15, 30, 500_000, tzinfo=UTC)),
        (
            {"format": "strptime", "pattern": "%Y-%m-%d %H:%M %z"},
            "2009-11-02 09:15 +0100",
            datetime(2009, 11, 2, 8, 15, tzinfo=UTC),
        ),
        ({"format": "strptime", "pattern": "%Y年%m月%d日"}, "2009年1月2日", datetime(2009, 1, 2, tzinfo=JST)),
        ({"format": "strptime", "pattern": "%Y-%m-%d", "zone": "UTC"}, "2009-01-02", datetime(2009, 1, 2, tzinfo=UTC)),
        ({"format": "epoch"}, "", None),
        ({"format": "epoch"}, "0", None),
        ({"format": "strptime", "pattern": "%Y/%m/%d"}, "0000/00/00", None),
    ],
)
def test_dates_are_moments_and_zero_is_none(date: dict, cell: str, moment: datetime | None) -> None:
    assert Date(kind="date", **date).reader()(cell) == moment


@pytest.mark.parametrize("cell", ["x", "1" * 30, "-99999999999999", "100", "99999999999"])
def test_a_date_that_cannot_be_is_unreadable(cell: str) -> None:
    with pytest.raises(Unreadable):
        Date(kind="date", format="epoch").reader()(cell)


# -- paths -------------------------------------------------------------------------------------------------------------

PATH = Template("user/{users.login}/{folder}/{file}")


def test_a_row_fills_a_path_and_the_path_gives_the_row_back() -> None:
    row = {"users.login": "sato", "folder": "0001", "file": "2009/1.eml"}
    assert PATH.fill(row) == "user/sato/0001/2009/1.eml"
    assert PATH.match("user/sato/0001/2009/1.eml") == row
    assert PATH.match("user/sato/1.eml") is None


def test_a_column_the_row_does_not_have_is_missing() -> None:
    with pytest.raises(Missing):
        PATH.fill({"folder": "0001", "file": "1.eml"})


cells = st.one_of(
    st.sampled_from(["..", ".", "/", "", "../..", "a/..", "/etc/passwd", "\0", "..\\.."]), st.text(max_size=5)
)


@given(cells, cells, cells)
def test_no_row_fills_a_path_that_leaves_its_directory(login: str, folder: str, file: str) -> None:
    try:
        path = PATH.fill({"users.login": login, "folder": folder, "file": file})
    except Outside:
        return
    steps = path.split("/")
    assert steps[0] == "user"
    assert not {"", ".", ".."} & set(steps)
    assert "\0" not in path


def at(cell: str, **how: object) -> datetime | None:
    moment = Date.model_validate({"kind": "date", **how}).reader()(cell)
    return None if moment is None else moment.replace(microsecond=0)


NINE = datetime(2009, 11, 2, 9, 15, tzinfo=JST)


@pytest.mark.parametrize(
    ("cell", "how"),
    [
        ("4aee2484", {"format": "epoch-hex"}),
        ("129015945000000000", {"format": "filetime"}),
        ("40119.3854166667", {"format": "ole"}),
        ("平成21年11月2日 午前9時15分", {"format": "wareki"}),
        ("平成２１年１１月０２日　０９：１５：００", {"format": "wareki"}),
        ("H21.11.2 9:15", {"format": "wareki"}),
        ("h21/11/02 09:15:00", {"format": "wareki"}),
        ("4211102 09:15", {"format": "wareki"}),
        ("H211102 09:15", {"format": "wareki"}),
        ("109/11/02 09:15", {"format": "strptime", "pattern": "%Y/%m/%d %H:%M", "since": 1900}),
        ("19109/11/02 09:15", {"format": "strptime", "pattern": "%Y/%m/%d %H:%M", "since": 1900}),
        ("2009/11/02 09:15", {"format": "strptime", "pattern": "%Y/%m/%d %H:%M", "since": 1900}),
        ("09/11/02 09:15", {"format": "strptime", "pattern": "%y/%m/%d %H:%M"}),
        (
            "2009/11/02 00:15 GMT",
            {"format": "strptime", "pattern": "%Y/%m/%d %H:%M", "zones": {"GMT": "+00:00", "JST": "+09:00"}},
        ),
        ("2009/11/02 09:15", {"format": "strptime", "pattern": "%Y/%m/%d %H:%M", "zones": {"GMT": "+00:00"}}),
    ],
)
def test_a_moment_is_the_same_however_it_was_written(cell: str, how: dict[str, object]) -> None:
    assert at(cell, **how) == NINE


@pytest.mark.parametrize(
    ("cell", "year"),
    [
        ("令和元年5月1日", 2019),
        ("平成32年1月1日", 2020),
        ("昭和64年1月7日", 1989),
        ("平成元.1.8", 1989),
        ("令1/5/1", 2019),
    ],
)
def test_the_first_year_of_an_era_and_years_beyond_its_end_are_read(cell: str, year: int) -> None:
    moment = at(cell, format="wareki")
    assert moment is not None
    assert moment.year == year


@pytest.mark.parametrize(
    ("cell", "how"),
    [
        ("平成元年1月7日", {"format": "wareki"}),
        ("令和0年6月1日", {"format": "wareki"}),
        ("X21.11.2", {"format": "wareki"}),
        ("21.11.2", {"format": "wareki"}),
        ("平成21年2月30日", {"format": "wareki"}),
        ("6211102", {"format": "wareki"}),
        ("4aee24zz", {"format": "epoch-hex"}),
        ("nan", {"format": "ole"}),
        ("1e300", {"format": "ole"}),
        ("9" * 30, {"format": "filetime"}),
        ("2009/11/02 XST", {"format": "strptime", "pattern": "%Y/%m/%d", "zones": {"JST": "+09:00"}}),
    ],
)
def test_what_is_written_in_no_declared_way_is_no_date(cell: str, how: dict[str, object]) -> None:
    with pytest.raises(Unreadable):
        at(cell, **how)


@pytest.mark.parametrize(
    ("written", "cell", "number"),
    [("digits", " 007 ", 7), ("hex", "0x1F", 31), ("little", b"\x01\x02", 513), ("big", b"\x01\x02", 258)],
)
def test_a_number_is_read_as_it_is_written(written: str, cell: str | bytes, number: int) -> None:
    assert Number(kind="number", written=written).reader()(cell) == number


@pytest.mark.parametrize(
    ("written", "cell"),
    [("digits", "-1"), ("digits", "1_0"), ("digits", ""), ("hex", "G"), ("big", b""), ("big", bytes(9))],
)
def test_what_is_no_number_is_none(written: str, cell: str | bytes) -> None:
    with pytest.raises(Undecodable):
        Number(kind="number", written=written).reader()(cell)


def test_a_cell_of_nothing_but_accents_is_no_date_and_takes_no_square_of_its_length() -> None:
    with pytest.raises(Unreadable):
        Date(kind="date", format="wareki").reader()("\u0300\u0316" * 1_000_000)
