"""Files that are nothing but mails: each is a row, whatever happened to its neighbours."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.groupware.rows.mails import Mbox, Records
from adapters.groupware.rows.shape import File, Line, Wanted
from migrator.model import IN_MEMORY, Raw
from migrator.testing import mail
from tests.adapters.groupware.rows.reading import numbered, rows

DOTS = Mbox(type="mbox", path="in.mbx", variant="dots")
FRAMED = Mbox(type="mbox", path="in.mbx")
RECORDS = Records(type="records", path="in.dat", counted="little-32", magic="4d41494c", skip=8)
FROM = b"From sato@example.co.jp Mon Nov  2 09:15:00 2009\n"


def dotted(*mails: bytes) -> bytes:
    """As Becky! writes them."""
    stuffed = [
        b"".join(b"." + line if line.startswith(b".") else line for line in each.splitlines(True)) for each in mails
    ]
    return b"".join(each + b".\r\n" for each in stuffed)


def records(*mails: bytes) -> bytes:
    return b"HEADLINE" + b"".join(b"MAIL" + struct.pack("<I", len(each)) + each for each in mails)


LINES = st.lists(
    st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"").replace(b"\r", b"") + b"\r\n"), min_size=1
)
MAILS = st.lists(LINES.map(lambda lines: b"Subject: x\r\n\r\n" + b"".join(lines)), max_size=4)


@given(MAILS)
def test_mails_between_dots_come_back_as_they_were(mails: list[bytes]) -> None:
    assert rows(DOTS, dotted(*mails), "mail", raw=["mail"]) == [[each] for each in mails]


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=4))
def test_mails_behind_their_lengths_come_back_as_they_were(mails: list[bytes]) -> None:
    assert rows(RECORDS, records(*mails), "mail", raw=["mail"]) == [[each] for each in mails]


def test_a_mail_whose_last_dot_is_missing_is_one_all_the_same() -> None:
    assert rows(DOTS, dotted(mail("a"), mail("b"))[:-3], "mail", raw=["mail"]) == [[mail("a")], [mail("b")]]


@pytest.mark.parametrize("cut", range(0, 120, 7))
def test_bytes_that_are_lost_cost_one_record_and_never_the_ones_after_the_next_magic(cut: int) -> None:
    mails = [mail("a"), mail("b"), mail("c")]
    data = records(*mails)
    begin = data.index(b"MAIL")
    found = rows(RECORDS, data[: begin + cut] + data[begin + cut + 5 :], "mail", raw=["mail"])
    assert found[-2:] == [[mails[1]], [mails[2]]]
    assert found[0] != [mails[0]]


def test_the_last_record_that_is_cut_is_told() -> None:
    assert rows(RECORDS, records(mail("a"), mail("b"))[:-1], "mail", raw=["mail"]) == [
        [mail("a")],
        "groupware.record-lost",
    ]


def test_header_fields_are_columns_and_only_those_of_the_header() -> None:
    raw = b"X-Status: F\r\nSubject: a\r\n b\r\n\r\nX-Other: body\r\n"
    data = FROM + raw + b"\n"
    assert rows(FRAMED, data, "X-Status:", "subject:", "X-Other:") == [["F", "a b", ""]]


def test_from_lines_part_mails_and_their_quoting_is_undone() -> None:
    one, two = b"Subject: a\n\n>From here\n", b"Subject: b\n\nx\n"
    found = numbered(
        Mbox(type="mbox", path="in.mbx", variant="mboxo"),
        FROM + one + b"\n" + FROM + two,
        "place",
        "mail",
        raw=["mail"],
    )
    second = len(FROM + one) + 1 + len(FROM)
    assert found == [(1, [str(len(FROM)), b"Subject: a\n\nFrom here\n"]), (2, [str(second), two])]


def test_the_digest_tells_mails_apart() -> None:
    found = rows(DOTS, dotted(mail("a"), mail("b"), mail("a")), "digest")
    assert found[0] == found[2] != found[1]


@pytest.mark.parametrize("form", [FRAMED, DOTS, RECORDS])
def test_a_file_that_is_not_held_in_memory_is_read_as_a_small_one(form: Mbox | Records) -> None:
    mails = [mail(f"m{number}", b"x" * 70 + b"\r\n") for number in range(3)]
    mails.append(mail("large", (b"x" * 70 + b"\r\n") * (IN_MEMORY // 72)))
    data = (
        records(*mails) if form is RECORDS else dotted(*mails) if form is DOTS else b"\n".join(map(FROM.__add__, mails))
    )
    near = File("table", Raw.spooled(io.BytesIO(data)))
    with form.open(near, Wanted(("mail",), frozenset({"mail"}))) as lines:
        assert [each.cells[0] for each in lines.rows if isinstance(each, Line)] == mails
