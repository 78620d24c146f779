"""Any bytes in, signals out; and no text takes longer than its length."""

import unicodedata
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.filters.features import LOOKED_AT, _folded
from migrator.mail import split
from migrator.mail.bounded import SECONDS
from tests.migrator.filters.made import READER, shown

pieces = st.sampled_from(
    [
        *(
            b"<style",
            b"<!--",
            b"-->",
            b"<br",
            b">",
            b"<img width=1",
            b"&#",
            b"&amp",
            b"9" * 5_000,
            b"</head>",
            b"\x1b$B",
        ),
        *(
            b"\r\n",
            b"\n--b",
            b"--b--",
            b"Content-Type: text/html; charset=x",
            b"Content-Type: multipart/mixed; boundary=b",
        ),
        *(b"From: ", b"Subject: =?utf-8?B?", b"Return-Path: <>", b"> ", b"\xff\x80", b"\0"),
    ]
)


@given(st.lists(pieces | st.binary(max_size=20)), st.lists(pieces | st.binary(max_size=20)))
def test_any_bytes_are_read(head: list[bytes], body: list[bytes]) -> None:
    found = READER.read(b"".join(head), b"".join(body))
    assert found == READER.read(b"".join(head), b"".join(body))
    READER.read(b"Content-Type: text/html\r\n\r\n", b"".join(body))


@pytest.mark.parametrize(
    "text",
    [
        b"<",
        b"&",
        b"<style",
        b"<!--",
        b"<!-- -->",
        b"<br ",
        b"<a b='",
        b"<div>",
        b"&#9",
        b"<head",
        b"</",
        b"> x\n",
        b"-",
    ],
)
def test_ten_megabytes_of_one_thing_end(text: bytes) -> None:
    """Where an opening were sought to the end of the text again and again, these would take hours."""
    READER.read(b"Content-Type: text/html\r\n\r\n", text * (10_000_000 // len(text)))
    READER.read(b"Content-Type: text/html\r\n\r\n", b"<style>" + text * (LOOKED_AT // len(text)))


def test_a_text_of_nothing_but_accents_takes_no_square_of_its_length() -> None:
    began = process_time()
    READER.read(b"Content-Type: text/plain; charset=utf-8\r\n\r\n", "\u0300\u0316".encode() * 100_000)
    assert process_time() - began < SECONDS


@given(st.text(st.sampled_from("件名ｶﾞﾊﾟ\u3099か Ａé\n"), max_size=40).map(lambda text: text * 60))
def test_half_width_letters_and_their_marks_become_one_wherever_they_stand(text: str) -> None:
    assert _folded(text) == unicodedata.normalize("NFKC", text).lower()


def test_a_number_of_thousands_of_digits_in_an_entity_is_no_crash() -> None:
    READER.read(b"Content-Type: text/html\r\n\r\n", b"&#" + b"9" * 5_000 + b";")


def test_what_stands_in_style_script_and_comments_is_not_text() -> None:
    hidden = "<style>unsubscribe</style><script>unsubscribe</script><!-- unsubscribe --><p>&#x914d;信停止</p>"
    head = b"Content-Type: text/html; charset=utf-8\r\n\r\n"
    assert "text.unsubscribe" in shown(head + hidden.encode())
    assert "text.unsubscribe" not in shown(head + hidden.replace("&#x914d;", "").encode())


def test_a_text_of_which_no_charset_explains_the_bytes_is_protected() -> None:
    head = b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n"
    assert "unreadable" in shown(head + b"\x1b$B" + bytes(range(0x80, 0xA0)) * 20)


def test_every_odd_mail_of_the_corpus_is_read(corpora: Path) -> None:
    files = [path for path in (corpora / "fixtures").rglob("*") if path.is_file()]
    assert len(files) > 200
    for path in files:
        READER.read(*split(path.read_bytes()))
