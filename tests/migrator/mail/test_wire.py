"""The smallest change that IMAP demands, and nothing more."""

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.mail import header_digest, on_wire, on_wire_chunks, split, wire, wire_facts
from tests.migrator.mail.damage import ends, mails


def as_demanded(data: bytes) -> bytes:
    """The rule as the architecture states it (§6), said in three substitutions."""
    lines = re.sub(rb"(?<!\r)\r*\n", b"\r\n", data)
    return re.sub(rb"(?<!\r)\r+\Z", b"\r\n", lines).replace(b"\0", b"\x80")


@given(ends | mails)
def test_what_is_sent_is_what_imap_demands_and_no_more(data: bytes) -> None:
    assert on_wire(data)[0] == as_demanded(data)


@given(ends | mails)
def test_what_needs_no_change_is_the_same_object(data: bytes) -> None:
    sent, repairs = on_wire(data)
    assert (repairs == ()) == (sent == data)
    again, none = on_wire(sent)
    assert again is sent
    assert none == ()


@pytest.mark.parametrize(
    ("data", "sent", "repairs"),
    [
        (b"", b"", ()),
        (b"a: b\r\n\r\nc\r\n", b"a: b\r\n\r\nc\r\n", ()),
        (b"a\rb\r\n", b"a\rb\r\n", ()),
        (b"a\nb", b"a\r\nb", ("repair.line-ends",)),
        (b"a\r\r\nb\r\n", b"a\r\nb\r\n", ("repair.line-ends",)),
        (b"a\rb\n", b"a\rb\r\n", ("repair.line-ends",)),
        (b"a\0b", b"a\x80b", ("repair.nul",)),
        (b"a\r\r\r", b"a\r\n", ("repair.trailing-cr",)),
        (b"\0\n\r", b"\x80\r\n\r\n", ("repair.nul", "repair.line-ends", "repair.trailing-cr")),
    ],
)
def test_each_repair_is_named(data: bytes, sent: bytes, repairs: tuple[str, ...]) -> None:
    assert on_wire(data) == (sent, repairs)


@given(st.lists(ends | st.just(b"\r" * 5), max_size=6))
def test_it_does_not_matter_where_a_stream_is_cut(chunks: list[bytes]) -> None:
    data = b"".join(chunks)
    assert b"".join(on_wire_chunks(chunks)) == on_wire(data)[0]
    assert b"".join(on_wire_chunks(bytes((byte,)) for byte in data)) == on_wire(data)[0]


@given(st.lists(ends, max_size=6))
def test_the_first_pass_knows_what_the_second_will_send(chunks: list[bytes]) -> None:
    data = b"".join(chunks)
    sent, repairs = on_wire(data)
    facts = wire_facts(chunks)
    assert (facts.size, facts.digest) == (len(sent), hashlib.sha256(sent).hexdigest())
    assert facts.repairs == repairs
    assert facts.headers == header_digest(split(data)[0])


@pytest.mark.parametrize(
    "chunks", [[b"a\r", b"\n"], [b"a\r", b"\r\n"], [b"a\r\r", b"\n"], [b"a\r", b"\rb"], [b"a\r", b"\r"]]
)
def test_returns_on_both_sides_of_a_cut_belong_together(chunks: list[bytes]) -> None:
    sent, repairs = on_wire(b"".join(chunks))
    facts = wire_facts(chunks)
    assert (b"".join(on_wire_chunks(chunks)), facts.size, facts.repairs) == (sent, len(sent), repairs)


def test_a_run_of_carriage_returns_is_passed_on_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "CHUNK", 10)
    assert list(on_wire_chunks([b"\r" * 25, b"a"])) == [b"\r" * 10, b"\r" * 10, b"\r" * 5, b"a"]
    assert list(on_wire_chunks([b"\r" * 25, b"\na"])) == [b"\r\na"]


# -- header and body -----------------------------------------------------------------------------------------------


@given(ends | mails)
def test_header_and_body_are_the_mail(data: bytes) -> None:
    head, body = split(data)
    assert head + body == data


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"A: b\r\n\r\n", b"body\r\n\r\n"),
        (b"A: b\n\n", b"\nbody"),
        (b"A: b\n\r\r\n", b"body"),
        (b"A: b\r\nC: d\r\n", b""),
        (b"From a@b Mon Jan  1 00:00:00 2001\nA: b\n\n", b"body"),
        (b"\r\n\nA: b\r\n\r\n", b"body"),
        (b"\r\n", b"a body without a header"),
        (b"A: b\rC: d\r\r", b"body\r"),
        (b"A: b\rC: d\r\r", b"body\r\n"),
        (b"A: b\r\rC: d\r\n\r\n", b"body"),
        (b"A: b\n \n\n", b"a line of blanks ends no header"),
        (b"", b""),
    ],
)
def test_the_header_ends_at_the_first_blank_line(head: bytes, body: bytes) -> None:
    assert split(head + body) == (head, body)


def headers_as_imap_shows_them(sent: bytes) -> bytes:
    """BODY[HEADER] as Dovecot answers it: all up to the first empty line, line ends being CRLF alone."""
    empty = re.search(rb"\A\r\n|\r\n\r\n", sent)
    return sent[: empty.end()] if empty else sent


@given(ends | mails, st.sampled_from([b"", b"\r\n", b"\r\n\r\n"]))
def test_the_header_digest_is_that_of_what_imap_shows(data: bytes, added: bytes) -> None:
    shown = headers_as_imap_shows_them(on_wire(data)[0])
    assert header_digest(shown + added) == header_digest(split(data)[0])


@given(mails)
def test_the_header_digest_is_of_the_header_alone(body: bytes) -> None:
    head = b"A: b\nC: d\n\n"
    assert wire_facts([head + body]).headers == hashlib.sha256(b"A: b\r\nC: d").hexdigest()
    assert header_digest(b"A: b\nC: e\n\n") != header_digest(head)


def test_the_header_digest_covers_what_follows_lone_returns() -> None:
    assert header_digest(b"A: b\r\rc\r\nD: e\r\n\r\n") != header_digest(b"A: b\r\rc\r\nD: f\r\n\r\n")


@given(st.integers(0, 6), ends)
def test_the_header_digest_of_an_endless_header_needs_its_beginning_only(extra: int, more: bytes) -> None:
    head = b"A: " + b"b" * (wire.HEADER_DIGEST_LIMIT + extra - 3)
    assert header_digest(head) == wire_facts([head, more]).headers == header_digest(head + more)
