"""Mails of an mbox begin and end where their writer put them, and quoting is undone to the byte."""

import re
import tempfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.files import frames
from adapters.files.frames import Frames, Quoting, Reader, Variant, count, unquoted
from adapters.files.fromline import from_line
from tests.adapters.files.layouts import counted, mbox

LINE = b"From sato@example.co.jp Mon Nov  2 09:15:00 2009\n"


def reading(data: bytes) -> Reader:
    return lambda size, at: data[at : at + size]


def mails(data: bytes, variant: Variant = "auto") -> list[bytes]:
    found = Frames(reading(data), len(data), variant)
    read = reading(data)
    return [b"".join(unquoted(frame.blocks(read), found.quoting(frame))) for frame in found]


def counts(data: bytes, variant: Variant = "auto") -> int:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        return count(file, len(data), variant)


# -- round trips ---------------------------------------------------------------------------------------------------

WORDS = [
    *(b"From ", b">From ", b">>From ", b">>>From x", b">", b"From", b"F", b" ", b"x", b"\n", b"\r\n", b"\n\n", b"\r"),
    *(
        b"\nFrom ",
        b"\n>From ",
        LINE,
        b"\n" + LINE,
        b"\n>" + LINE,
        b"Content-Length: 5\n",
        b"\0",
        "件名".encode("cp932"),
    ),
]
TEXT = st.lists(st.sampled_from(WORDS) | st.binary(max_size=5), max_size=25).map(b"".join)
MAIL = TEXT.map(lambda text: b"Subject: x\n\n" + text + b"\n")


@pytest.fixture(autouse=True, params=[16, 2**20])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every law holds wherever the blocks are cut."""
    monkeypatch.setattr(frames, "BLOCK", request.param)


anywhere = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the block size is set, not made


@anywhere
@given(st.lists(MAIL, max_size=6))
def test_what_mboxrd_quoted_comes_back_to_the_byte(written: list[bytes]) -> None:
    data = mbox(written, "mboxrd")
    assert mails(data, "mboxrd") == written


@anywhere
@given(st.lists(MAIL, max_size=6))
def test_auto_reads_mboxrd_as_mboxrd_where_nothing_counts(written: list[bytes]) -> None:
    written = [raw.replace(b"Content-Length", b"Content-Size") for raw in written]
    assert mails(mbox(written, "mboxrd")) == written


@anywhere
@given(st.lists(MAIL, max_size=6))
def test_what_mboxo_quoted_comes_back_but_for_lines_it_cannot_tell_apart(written: list[bytes]) -> None:
    plain = [re.sub(rb"(?m)^>From ", b"From ", raw) for raw in written]
    assert mails(mbox(written, "mboxo"), "mboxo") == plain


@anywhere
@given(st.lists(MAIL, max_size=6))
def test_what_mboxcl2_counted_comes_back_to_the_byte(written: list[bytes]) -> None:
    written = [counted(raw.replace(b"Content-Length", b"X"), "mboxcl2") for raw in written]
    assert mails(mbox(written, "mboxcl2"), "mboxcl2") == written


@anywhere
@given(st.lists(MAIL, max_size=6))
def test_what_mboxcl_counted_comes_back_but_for_lines_it_cannot_tell_apart(written: list[bytes]) -> None:
    written = [counted(raw.replace(b"Content-Length", b"X"), "mboxcl") for raw in written]
    plain = [re.sub(rb"(?m)^>From ", b"From ", raw) for raw in written]
    assert mails(mbox(written, "mboxcl"), "mboxcl") == plain


@anywhere
@given(st.lists(TEXT, max_size=8), st.sampled_from(["auto", "mboxo", "mboxcl2"]))
def test_counting_line_by_line_finds_the_same_mails(pieces: list[bytes], variant: Variant) -> None:
    data = b"".join(pieces)
    assert counts(data, variant) == len(mails(data, variant))


@anywhere
@given(st.lists(TEXT, max_size=8))
def test_the_frames_of_any_bytes_are_in_order_and_leave_out_lines_and_blanks_only(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    at = 0
    for frame in Frames(reading(data), len(data), "auto"):
        line = frame.start if frame.line is None else frame.line
        assert data[at:line].strip(b"\r\n") == b""
        assert line <= frame.start <= frame.end <= len(data)
        assert frame.line is None or from_line(data[frame.line : frame.start])
        at = frame.end
    assert data[at:].strip(b"\r\n") == b""


@anywhere
@given(TEXT, st.sampled_from(Quoting), st.integers(1, 7))
def test_quoting_is_undone_wherever_the_bytes_are_cut(text: bytes, quoting: Quoting, size: int) -> None:
    cut = [text[at : at + size] for at in range(0, len(text), size)]
    marks = {
        Quoting.NONE: rb"()(?!)",
        Quoting.PLAIN: rb"(?m)^>(From )",
        Quoting.REVERSIBLE: rb"(?m)^>(>*From )",
        Quoting.ANY: rb"(?m)^>+(From )",
    }
    assert b"".join(unquoted(cut, quoting)) == re.sub(marks[quoting], rb"\1", text)


# -- one by one ----------------------------------------------------------------------------------------------------


def test_a_from_line_in_a_body_without_a_blank_line_or_a_date_begins_no_mail() -> None:
    body = b"Subject: a\n\nFrom here on\n" + LINE + b"\nFrom now on\nend\n"
    assert mails(LINE + body + b"\n", "mboxcl2") == [body]


def test_a_from_line_quoted_in_a_forwarded_mail_begins_one_unless_a_length_says_otherwise() -> None:
    body = b"forwarded:\n\n" + LINE + b"Subject: inner\n\nhello\n"
    plain = b"Subject: outer\n\n" + body
    whole = b"Subject: outer\nContent-Length: %d\n\n" % len(body) + body
    assert len(mails(LINE + plain + b"\n")) == 2
    assert mails(LINE + whole + b"\n") == [whole]
    assert mails(LINE + whole + b"\n" + LINE + whole + b"\n") == [whole, whole]


@pytest.mark.parametrize("length", [b"1", b"999999", b"99999999999999", b"x", b"", b"-1"])
def test_a_length_that_leads_nowhere_is_not_believed(length: bytes) -> None:
    first = b"Subject: a\nContent-Length: " + length + b"\n\nfirst\n"
    assert mails(LINE + first + b"\n" + LINE + b"Subject: b\n\nsecond\n") == [first, b"Subject: b\n\nsecond\n"]


def test_auto_undoes_nothing_where_a_counted_mail_shows_that_its_writer_does_not_quote() -> None:
    one = counted(b"Subject: a\n\nFrom here\n", "mboxcl2")
    two = counted(b"Subject: b\n\n>From there\n>>From x\n", "mboxcl2")
    assert mails(mbox([one, two], "mboxcl2")) == [one, two]
    assert mails(mbox([two, one], "mboxcl2")) == [two, one]


def test_auto_undoes_plain_quoting_where_a_mail_is_counted() -> None:
    one = counted(b"Subject: a\n\nFrom here\n>>From x\n", "mboxcl")
    assert mails(mbox([one], "mboxcl")) == [one]


def test_a_mail_of_crlf_lines_keeps_them() -> None:
    crlf = [b"Subject: a\r\n\r\nbody\r\n", b"Subject: b\r\n\r\nbody\r\n\r\n"]
    assert mails(mbox(crlf, "mboxrd")) == crlf
    assert mails(mbox(crlf, "mboxrd").replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")) == crlf


def test_the_last_mail_needs_no_blank_line_and_no_end_of_line() -> None:
    for end in (b"", b"\n", b"\n\n"):
        data = LINE + b"Subject: a\n\nbody" + end
        assert mails(data)[0].rstrip(b"\n") == b"Subject: a\n\nbody"
        assert len(mails(data)) == counts(data) == 1


def test_what_stands_before_the_first_from_line_is_not_lost() -> None:
    data = b"\n\ngarbage\n\n" + LINE + b"Subject: a\n\nbody\n\n"
    assert mails(data) == [b"garbage\n", b"Subject: a\n\nbody\n"]


def test_an_mbox_of_nothing_or_blank_lines_holds_nothing() -> None:
    for data in (b"", b"\n", b"\r\n\n"):
        assert mails(data) == []
        assert counts(data) == 0


def test_a_mail_without_a_byte_is_one_all_the_same() -> None:
    assert mails(LINE + b"\n" + LINE + b"Subject: b\n\n\n") == [b"", b"Subject: b\n\n"]
