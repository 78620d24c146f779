"""A connection neither waits for ever nor goes on writing to a server that has said BAD."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator

import pytest

from adapters.imap.wire import Wire
from migrator.errors import Outage

MUCH = b"x" * 8 * 2**20


@pytest.fixture
def ends() -> Iterator[tuple[Wire, socket.socket]]:
    ours, theirs = socket.socketpair()
    wire = Wire(ours, host="imap.example.co.jp", port=993, timeout=10)
    yield wire, theirs
    wire.close()
    theirs.close()


def code(outage: pytest.ExceptionInfo[Outage]) -> str:
    return outage.value.reason.code


def test_two_that_both_write_much_do_not_wait_for_each_other(ends: tuple[Wire, socket.socket]) -> None:
    wire, server = ends
    got = bytearray()

    def talk() -> None:
        server.sendall(MUCH + b"\r\n")  # a server that reads nothing before it has said all
        while len(got) < len(MUCH):
            got.extend(server.recv(2**20))

    talking = threading.Thread(target=talk)
    talking.start()
    assert wire.send(MUCH)
    talking.join()
    assert bytes(got) == MUCH
    assert wire.readline() == MUCH + b"\r\n"


def test_a_silent_server_is_an_outage(ends: tuple[Wire, socket.socket]) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        wire = Wire(ours, host="imap.example.co.jp", port=993, timeout=0.05)
        with pytest.raises(Outage) as outage:
            wire.readline()
        assert code(outage) == "imap.silent"
        assert outage.value.reason.params == {"host": "imap.example.co.jp", "port": 993, "seconds": 0.05}
        assert wire.closed


def test_a_server_that_does_not_read_is_an_outage() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        wire = Wire(ours, host="h", port=1, timeout=0.05)
        with pytest.raises(Outage) as outage:
            wire.send(MUCH)
        assert code(outage) == "imap.silent"


@pytest.mark.parametrize("reading", [True, False])
def test_a_server_that_has_gone_is_an_outage(ends: tuple[Wire, socket.socket], reading: bool) -> None:
    wire, server = ends
    server.sendall(b"half a li")
    server.close()
    with pytest.raises(Outage) as outage:
        wire.readline() if reading else wire.send(MUCH)
    assert code(outage) == "imap.lost"
    assert wire.closed


def test_a_closed_wire_is_an_outage_for_every_question(ends: tuple[Wire, socket.socket]) -> None:
    wire, _ = ends
    wire.close()
    wire.close()
    for question in (wire.readline, lambda: wire.read(1), lambda: wire.send(b"x")):
        with pytest.raises(Outage):
            question()


@pytest.mark.parametrize("said", [b"m7 BAD no\r\n", b"* OK still here\r\n* BYE\r\n"])
def test_nothing_more_is_sent_once_an_alarm_was_heard(ends: tuple[Wire, socket.socket], said: bytes) -> None:
    wire, server = ends
    server.sendall(said)
    assert not wire.send(MUCH, alarms=(b"m7 BAD", b"* BYE"))
    wire.close()
    got = 0
    with contextlib.suppress(ConnectionResetError):
        while data := server.recv(2**20):
            got += len(data)
    assert got < len(MUCH)


def test_what_only_looks_like_an_alarm_is_none(ends: tuple[Wire, socket.socket]) -> None:
    wire, server = ends
    server.sendall(b"* 1 FETCH m7 BAD\r\nm77 BAD\r\n")
    assert wire.send(b"x" * 1000, alarms=(b"m7 BAD",))


def test_lines_and_literals_are_read_wherever_they_are_cut(ends: tuple[Wire, socket.socket]) -> None:
    wire, server = ends
    literal = bytes(range(256)) * 3000

    def talk() -> None:
        data = b"one\r\n" + literal + b"two\r\n"
        for at in range(0, len(data), 4099):
            server.sendall(data[at : at + 4099])

    talking = threading.Thread(target=talk)
    talking.start()
    assert wire.readline() == b"one\r\n"
    assert wire.read(len(literal)) == literal
    assert wire.readline() == b"two\r\n"
    talking.join()


def test_what_was_said_in_the_clear_is_not_taken_for_an_answer_in_tls(ends: tuple[Wire, socket.socket]) -> None:
    wire, server = ends
    server.sendall(b"m1 OK begin TLS\r\nm2 OK injected\r\n")
    assert wire.readline() == b"m1 OK begin TLS\r\n"
    with pytest.raises(Outage) as outage:
        wire.secure(ssl.create_default_context())
    assert code(outage) == "imap.protocol"
