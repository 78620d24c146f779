"""Where to unsubscribe: what a header says, made safe for a spreadsheet; a person acts on it, not we."""

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from migrator.model import Raw
from migrator.rules.choosing import Standing
from migrator.rules.unsubscribe import Way, table, way

BOTH = b"<mailto:stop@a.example?subject=x>, <https://a.example/s?u=1>"


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (BOTH, Way("mailto:stop@a.example?subject=x", "https://a.example/s?u=1")),
        (b"<https://a.example/\r\n long>", Way(https="https://a.example/long")),
        (b"<http://a.example/plain>, <ftp://a.example>", Way()),
        (b"<javascript:alert(1)>, <HTTPS://a.example/S>", Way(https="HTTPS://a.example/S")),
        (b"https://a.example/bare", Way()),
        (b"<https://a.example/\x1b[2J>", Way()),
        (b"<https://a.example/\xe5\xba\x97>", Way()),
    ],
)
def test_only_mailto_and_https_are_named(header: bytes, found: Way) -> None:
    assert way(b"From: a@a.example\r\nList-Unsubscribe: " + header + b"\r\n\r\n") == found


def test_one_click_is_told() -> None:
    block = b"List-Unsubscribe: <https://a.example/s>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\n"
    assert way(block) == Way(https="https://a.example/s", one_click=True)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_way(block: bytes) -> None:
    found = way(b"List-Unsubscribe: <https://" + block)
    for uri in (found.mailto, found.https):
        assert uri == "" or (uri.isascii() and uri.isprintable() and " " not in uri)


def rows(standings: dict[str, Standing], mails: dict[str, bytes]) -> list[list[str]]:
    text = table(standings, lambda digests: {each: Raw.of(mails[each]) for each in digests})
    assert text.startswith("\N{BYTE ORDER MARK}")
    return list(csv.reader(io.StringIO(text.removeprefix("\N{BYTE ORDER MARK}"), newline="")))


def test_the_newest_mail_that_says_how_counts() -> None:
    told = Standing(mails=3)
    told.newest.extend(["old", "new", "mute"])
    mails = {
        "old": b"List-Unsubscribe: <https://a.example/old>\r\n\r\n",
        "new": b"List-Unsubscribe: <https://a.example/new>\r\n\r\n",
        "mute": b"Subject: nothing\r\n\r\n",
    }
    assert rows({"news@a.example": told}, mails)[1:] == [["news@a.example", "3", "", "https://a.example/new", ""]]


@given(st.text(min_size=1))
@example("=cmd|' /C calc'!A0@a.example")
@example("@a.example")
@example("a\r\n=1+1@a.example")
def test_no_name_is_a_formula_or_a_second_row(name: str) -> None:
    _, row = rows({name: Standing(mails=1)}, {})
    assert row[0][0] not in "=+-@\t\r\n"
    assert row[1:] == ["1", "", "", ""]
