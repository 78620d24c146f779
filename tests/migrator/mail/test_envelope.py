"""A mail is known by its header, however broken it is."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.mail import Envelope, Health, address, envelope, header_digest, headers, health, received_at, split
from migrator.mail.envelope import ID_LIMIT, REFERENCES_LIMIT
from migrator.text import storable
from tests.migrator.mail.damage import mails


def texts(facts: Envelope) -> list[str]:
    ids = [each for each in (facts.message_id, facts.list_id, facts.in_reply_to, *facts.references) if each is not None]
    return [facts.subject, facts.sender, facts.from_, facts.to, facts.cc, *ids]


@given(mails)
def test_any_header_block_has_an_envelope_that_can_be_stored(head: bytes) -> None:
    for text in texts(envelope(head)):
        assert storable(text) == text


def test_an_envelope_says_what_the_header_says() -> None:
    head = (
        b"Message-ID: <1@x.example>\r\nSubject: =?iso-2022-jp?B?GyRCLWobKEI=?=\r\n request\r\n"
        b"From: \x1b$B;3ED\x1b(B <Yamada@Example.CO.JP>\r\nTo: a@b,\r\n c@d\r\nTo: e@f\r\nCc: g@h\r\n"
        b"Date: Tue, 02 Jan 2001 00:00:00 +0000\r\nList-Id: News <News.Example.co.jp>\r\n"
        b"In-Reply-To: Your mail of today <0@x.example>\r\nReferences: <a@x> <b@x>\r\n\t<c@x>\r\n"
        b"Disposition-Notification-To: a@b\r\n\r\n"
    )
    assert envelope(head) == Envelope(
        message_id="<1@x.example>",
        subject="㈱ request",
        sender="Yamada@example.co.jp",
        from_="山田 <Yamada@Example.CO.JP>",
        to="a@b, c@d, e@f",
        cc="g@h",
        date=datetime(2001, 1, 2, tzinfo=UTC),
        list_id="news.example.co.jp",
        in_reply_to="<0@x.example>",
        references=("<a@x>", "<b@x>", "<c@x>"),
        wants_receipt=True,
    )


def test_an_empty_header_has_an_empty_envelope() -> None:
    assert envelope(b"") == Envelope(None, "", "", "", "", "", None, None, None, (), wants_receipt=False)
    assert envelope(b"Subject:\nFrom: \nDisposition-Notification-To:\nMessage-ID: <>\n\n") == envelope(b"")


@pytest.mark.parametrize("name", ["Disposition-Notification-To", "Return-Receipt-To", "X-Confirm-Reading-To"])
def test_a_wish_for_a_receipt_is_seen(name: str) -> None:
    assert envelope(f"{name}: a@b\n\n".encode()).wants_receipt


def test_of_a_repeated_field_the_first_counts() -> None:
    facts = envelope(b"Subject: first\nSubject: second\nFrom: a@b\nFrom: c@d\nMessage-ID: <1@x>\nMessage-ID: <2@x>\n\n")
    assert (facts.subject, facts.sender, facts.from_, facts.message_id) == ("first", "a@b", "a@b", "<1@x>")


@pytest.mark.parametrize(
    ("value", "message_id"),
    [
        (b"<1@x> (added by y)", "<1@x>"),
        (b"1@x", "<1@x>"),
        (b"<1@\r\n x>", "<1@x>"),
        (b"PM20008:14:54 AM", "<PM20008:14:54AM>"),
        (b"<1\0@\xe3\x81\x82>", "<1\\x00@あ>"),
        (b"<" + b"1" * 9999 + b"@x>", "<" + "1" * ID_LIMIT + ">"),
        (b"   ", None),
    ],
)
def test_a_message_id_is_found_and_stands_in_brackets(value: bytes, message_id: str | None) -> None:
    assert envelope(b"Message-ID: " + value + b"\n\n").message_id == message_id


def test_references_have_an_end() -> None:
    assert len(envelope(b"References: " + b"<a@b>" * (REFERENCES_LIMIT + 1)).references) == REFERENCES_LIMIT


@pytest.mark.parametrize(
    ("value", "sender"),
    [
        (b"a@B.JP", "a@b.jp"),
        (b"Name <a@B.JP>", "a@b.jp"),
        (b'"Name, Other" <a@b.jp>', "a@b.jp"),
        (b"a@b.jp (Name (nested) too)", "a@b.jp"),
        (b"(first) a@b.jp", "a@b.jp"),
        (b"A <a@b.jp>, C <c@d.jp>", "a@b.jp"),
        (b"<@relay,@relay:a@b.jp>", "a@b.jp"),
        (b"a@b.jp.", "a@b.jp"),
        (b"a@[192.0.2.1]", "a@[192.0.2.1]"),
        (b"foo..bar.@docomo.ne.jp", "foo..bar.@docomo.ne.jp"),
        (b'"foo..bar."@docomo.ne.jp', "foo..bar.@docomo.ne.jp"),
        (b'x <"foo..bar."@Docomo.ne.jp>', "foo..bar.@docomo.ne.jp"),
        (b"foo@bar@x.jp, ok@x.jp", "foo@bar@x.jp"),
        ("山田, 太郎 <a@b.jp>".encode("cp932"), "a@b.jp"),
        ("表 <a@b.jp>".encode("cp932"), "a@b.jp"),
        ('"予定表" <a@b.jp>'.encode("cp932"), "a@b.jp"),
        ("標準 <a@b.jp>".encode("iso2022_jp"), "a@b.jp"),
        ('"アイ" <a@b.jp>'.encode("iso2022_jp"), "a@b.jp"),
        (b"MAILER-DAEMON", "mailer-daemon"),
        (b"Mail Delivery System <MAILER-DAEMON>", "mailer-daemon"),
        (b"undisclosed-recipients:;", "undisclosed-recipients"),
        (b'"', ""),
        (b"<>", ""),
        (b"@", ""),
        (b"just some words", ""),
    ],
)
def test_a_sender_is_found(value: bytes, sender: str) -> None:
    assert address(value) == sender


@pytest.mark.parametrize(
    "value",
    [
        b'"<fake@y.jp>" <real@x.jp>',
        b"fake@y.jp <real@x.jp>",
        b"=?utf-8?q?=3Cfake=40y=2Ejp=3E?= <real@x.jp>",
        b"(<fake@y.jp>) real@x.jp",
        b'"\\"<fake@y.jp>" <real@x.jp>',
    ],
)
def test_a_display_name_does_not_change_the_sender(value: bytes) -> None:
    assert address(value) == "real@x.jp"


@given(st.binary() | mails)
def test_any_value_has_a_sender_or_none(value: bytes) -> None:
    found = address(value)
    assert storable(found) == found
    assert len(found) <= ID_LIMIT


@pytest.mark.parametrize("name", [b"From", b"Subject", b"Date", b"References", b"Received", b"Message-ID", b"List-Id"])
@pytest.mark.parametrize(
    "run",
    [
        b'"',
        b'\\"',
        b"(",
        b"<",
        b"@",
        b" ",
        b"\n ",
        b"\r\n ",
        b"\r",
        b"=?a?q?",
        b"\x1b$B",
        b"$B",
        b";",
        b"1",
        b"a",
        b"\xfc",
    ],
)
def test_a_hostile_value_costs_no_more_than_its_length(name: bytes, run: bytes) -> None:
    # Quadratic work on these would take minutes, and the suite's time limit would end it.
    head = name + b": " + run * (2**19 // len(run))
    envelope(head)
    received_at(head, [])


def test_real_mail_is_read_whole(corpora: Path) -> None:
    for path in sorted(corpora.rglob("*")):
        if path.suffix not in {".eml", ".msg", ".txt"}:
            continue
        data = path.read_bytes()
        head, body = split(data)
        facts = envelope(head)
        assert head + body == data
        assert "\ufffd" not in facts.subject + facts.from_ or path.name == "must_supply_encoding.eml"  # has it written
        assert all(storable(text) == text for text in texts(facts))
        assert header_digest(head)
        assert list(headers(head)) or health(head, body, len(data)) == Health.NOT_MAIL
        assert received_at(head, []).at.tzinfo
