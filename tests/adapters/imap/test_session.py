"""What a server says is understood to the byte, and what cannot be understood ends the connection."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.imap.answers import Continuation, Data, Fetched, Status, status_of, values_of
from adapters.imap.memory import Memory
from adapters.imap.session import Cut, No, Session
from adapters.imap.wire import Wire
from migrator.errors import AccountError, FolderError, Outage
from migrator.model import IN_MEMORY

NASTY = b'm1 OK done\r\n* BYE\r\n)\r\n{3}\r\n"\\\0\x80\xff m1 BAD\r\n* 9 FETCH (UID 9 BODY[] {1}\r\nx)\r\n'

Says = Callable[[bytes], Session]


@pytest.fixture
def says() -> Iterator[Says]:
    """A session to a server that has said all it will say."""
    open_ends: list[socket.socket] = []

    def session(said: bytes) -> Session:
        ours, theirs = socket.socketpair()
        theirs.sendall(said)
        open_ends.extend((ours, theirs))
        return Session(Wire(ours, host="h", port=1, timeout=5), frozenset(), Memory())

    yield session
    for end in open_ends:
        end.close()


def test_the_bytes_of_a_mail_are_what_the_literal_holds(says: Says) -> None:
    said = b"* 1 FETCH (UID 7 FLAGS (\\Seen work) BODY[] {%d}\r\n" % len(NASTY) + NASTY + b")\r\nm1 OK done\r\n"
    fetched, status = says(said).run(b"UID FETCH 7 BODY.PEEK[]")
    assert isinstance(fetched, Fetched)
    assert fetched.body is not None
    assert fetched.body.read() == NASTY
    assert (fetched.uid, fetched.flags) == (7, {"\\Seen", "work"})
    assert isinstance(status, Status)


@pytest.mark.parametrize(
    "said",
    [
        b'* 3 FETCH (BODY[HEADER] {4}\r\na: b UID 5 RFC822.SIZE 99 FLAGS () INTERNALDATE " 2-Nov-2009 09:15:00 +0900")',
        b'* 3 FETCH (UID 5 FLAGS () BODY[HEADER] "a: b" INTERNALDATE "02-Nov-2009 00:15:00 +0000" rfc822.size 99)',
        b'* 3 fetch (X-GM-MSGID 12 UID 5 EMAILID (M1) MODSEQ (8) INTERNALDATE "02-Nov-2009 00:15:00 +0000"'
        b" THREADID NIL FLAGS () RFC822.SIZE 99 BODY[HEADER]<0> {4}\r\na: b)",
    ],
)
def test_items_are_found_in_any_order_and_among_unknown_ones(says: Says, said: bytes) -> None:
    fetched, _ = says(said + b"\r\nm1 OK\r\n").run(b"x")
    assert isinstance(fetched, Fetched)
    assert (fetched.uid, fetched.size, fetched.flags) == (5, 99, frozenset())
    assert fetched.received_at == datetime(2009, 11, 2, 0, 15, tzinfo=UTC)
    assert fetched.body is not None
    assert fetched.body.read() == b"a: b"


def test_a_large_body_is_spooled_and_comes_back_whole(says: Says) -> None:
    ours, theirs = socket.socketpair()
    body = b"0123456789abcdef" * (IN_MEMORY // 16) + b"more"
    sender = threading.Thread(
        target=theirs.sendall, args=(b"* 1 FETCH (UID 1 BODY[] {%d}\r\n" % len(body) + body + b")\r\nm1 OK\r\n",)
    )
    sender.start()
    with ours, theirs:
        session = Session(Wire(ours, host="h", port=1, timeout=10), frozenset(), Memory())
        fetched, _ = session.run(b"x")
        sender.join()
    assert isinstance(fetched, Fetched)
    assert fetched.body is not None
    assert fetched.body.size == len(body)
    assert fetched.body.read() == body


def test_a_name_in_a_literal_is_a_value_like_any_other(says: Says) -> None:
    data, _ = says(b'* LIST (\\A \\B) "/" {5}\r\n"(\\\r\n\r\nm1 OK\r\n').run(b"x")
    assert isinstance(data, Data)
    assert data.values == (b"LIST", (b"\\A", b"\\B"), b"/", b'"(\\\r\n')
    assert data.kind == b"LIST"


def test_quotes_and_lists_are_read_as_they_are_written() -> None:
    assert values_of([b'NAMESPACE (("a\\"b\\\\" NIL)) NIL ()']) == (b"NAMESPACE", ((b'a"b\\', None),), None, ())


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=3))
def test_any_bytes_are_values_or_a_value_error(parts: list[bytes]) -> None:
    with suppress(ValueError):
        values_of(parts)


@given(st.binary(max_size=60))
def test_any_line_is_a_status_or_none(line: bytes) -> None:
    status = status_of(line)
    assert status is None or status.kind in ("OK", "NO", "BAD", "BYE", "PREAUTH")
    assert status is None or status.shown.isprintable()


def test_a_response_code_is_told_with_its_arguments() -> None:
    status = status_of(b"m1 OK [APPENDUID 38505 3955:3957] done")
    assert status == Status(b"m1", "OK", "APPENDUID", "38505 3955:3957", "done")


@pytest.mark.parametrize(
    "said",
    [
        b"nonsense\r\n",
        b"* LIST (\r\n",
        b"* 1 FETCH (UID x)\r\n",
        b"* 1 FETCH (UID 1 BODY[] {3}\r\nabc UID\r\n",
        b"* LIST () NIL {99999999999}\r\n",
    ],
)
def test_what_is_no_answer_ends_the_connection(says: Says, said: bytes) -> None:
    session = says(said)
    with pytest.raises(Outage) as outage:
        session.run(b"NOOP")
    assert outage.value.reason.code == "imap.protocol"
    assert not session.alive


@pytest.mark.parametrize("said", [b"m1 BAD what?\r\n", b"* BAD what?\r\n", b"q9 OK Create completed.\r\n"])
def test_bad_and_the_answer_to_a_command_we_never_gave_end_the_connection_and_are_remembered(
    says: Says, said: bytes
) -> None:
    session = says(said + b"m1 OK too late\r\n")
    with pytest.raises(Outage) as outage:
        session.run(b"NOOP")
    assert outage.value.reason.code == "imap.bad"
    assert "Create" not in str(outage.value.reason.params["answer"])
    assert not session.alive
    assert session.memory.cautious


def test_a_server_that_says_goodbye_is_an_outage_with_its_words(says: Says) -> None:
    with pytest.raises(Outage) as outage:
        says(b"* BYE [UNAVAILABLE] back at six\r\n").run(b"NOOP")
    assert outage.value.reason.params["answer"] == "BYE [UNAVAILABLE] back at six"


def test_a_server_that_wishes_to_be_left_alone_says_how_long(says: Says) -> None:
    with pytest.raises(Outage) as outage:
        says(b"* BYE Request is throttled. Suggested Backoff Time: 299961 milliseconds\r\n").run(b"NOOP")
    assert outage.value.retry_after == 299.961
    status = status_of(b"m1 NO Request is throttled. Suggested Backoff Time: 30 seconds")
    assert status is not None
    meant = No(status).as_folder("a.code")
    assert isinstance(meant, Outage)
    assert meant.retry_after == 30


def test_a_no_is_told_only_after_everything_was_read(says: Says) -> None:
    session = says(b"* 1 EXISTS\r\nm1 NO [NONEXISTENT] gone\r\nm2 OK\r\nm3 OK\r\n")
    with pytest.raises(No) as no:
        session.run(b"a", b"b")
    assert no.value.status.code == "NONEXISTENT"
    assert len(session.run(b"c")) == 1


def test_one_commands_data_may_come_with_anothers_answer(says: Says) -> None:
    said = says(b"* 1 FETCH (UID 1 BODY[] NIL)\r\nm1 OK\r\nm2 OK\r\n").run(b"NOOP", b"UID FETCH 1 BODY.PEEK[]")
    assert [type(each) for each in said] == [Fetched, Status, Status]


def test_a_stream_that_another_command_has_cut_says_so(says: Says) -> None:
    session = says(b"* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 2)\r\nm1 OK\r\nm2 OK\r\n")
    stream = session.said(session.begin(b"UID FETCH 1:2 UID"))
    next(stream)
    session.run(b"NOOP")
    with pytest.raises(Cut):
        next(stream)


def test_a_continuation_nobody_waits_for_is_passed_over(says: Says) -> None:
    session = says(b"+ idling\r\nm1 OK\r\n")
    assert isinstance(session.next(), Continuation)


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        ("NO [UNAVAILABLE] x", Outage, "imap.not-now"),
        ("NO [INUSE] x", Outage, "imap.not-now"),
        ("NO [SERVERBUG] x", Outage, "imap.not-now"),
        ("NO [OVERQUOTA] x", AccountError, "imap.over-quota"),
        ("NO [NOPERM] x", FolderError, "a.code"),
        ("NO words alone", FolderError, "a.code"),
    ],
)
def test_a_no_about_a_folder_is_the_error_its_code_asks_for(answer: str, error: type[Exception], code: str) -> None:
    status = status_of(b"m1 " + answer.encode())
    assert status is not None
    meant = No(status).as_folder("a.code", place="x")
    assert type(meant) is error
    assert meant.reason.code == code
