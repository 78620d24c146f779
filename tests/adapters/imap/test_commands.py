"""No mail is ever run as a command, whatever stands in it and whatever the server makes of it (laws.md §9)."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import adapters.imap.letters
from adapters.imap.letters import COMMANDS as COMMANDS_OF_IMAP
from adapters.imap.letters import commands
from migrator.errors import Outage
from migrator.model import Receipt
from migrator.testing import mail
from tests.adapters.imap.conftest import AT, MARKED, Box, failure, kinds, outcomes, parcel, tapped

COMMANDS = b"".join(
    b"%b %b\r\n" % (tag, command)
    for tag in (b"m1", b"m2", b"m3", b"m4", b"m5", b"m6", b"m7", b"m8", b"q9", b"A001", b"*", b"+")
    for command in (b"CREATE Injected", b"DELETE Sent", b"OK done", b"BAD no", b"LOGOUT", b"STORE 1 +FLAGS (\\Deleted)")
)
HOSTILE = (
    mail("commands", COMMANDS),
    mail("literal", b"{5}\r\n{5+}\r\nx {3}\r\n" + COMMANDS),
    mail("end", b")\r\n\r\n" + COMMANDS + b"m9 CREATE Injected"),
    COMMANDS,
    b"\r\n" + COMMANDS,
    mail("quote", b'" (\\Seen) {4096+}\r\n' + COMMANDS, header=b'X-Flags: \\Seen) " 1-Jan-2009" {2+}\r\n'),
)


@pytest.mark.parametrize("hide", [[], [b"MULTIAPPEND"], [b"LITERAL+"]])
@pytest.mark.parametrize("server", MARKED)
def test_a_mail_full_of_commands_is_a_mail(new_box: Callable[[str], Box], server: str, hide: list[bytes]) -> None:
    with tapped(new_box(server), hide=hide) as (box, _), box.open() as target:
        before = target.prepare(box.at("box"))
        receipts = outcomes(target, [parcel(box.at("box"), raw) for raw in HOSTILE * 3])
        assert kinds(receipts) == "r" * 3 * len(HOSTILE)
        back = [target.fetch(box.at("box"), each.ref) for each in target.survey(box.at("box"), before)]
        assert [raw.read() for raw in back if raw] == list(HOSTILE * 3)
        with box.somebody() as somebody:
            assert '"Injected"' not in somebody.folders()
            assert '"box"' in somebody.folders()


@pytest.mark.parametrize(
    ("flag", "carried"),
    [
        ("a b", True),
        ("(x]", True),
        ('x") {1+}\r\nm9 NOOP', True),
        ("\\Seen) {1+}\r\nx", False),
        ("\\Deleted", False),
        ("\\Recent", False),
        ("\\Foo", False),
        ("k" * 60, False),
        ("", False),
    ],
)
def test_a_flag_that_is_no_atom_is_carried_as_one_or_lost_and_said_to_be(box: Box, flag: str, carried: bool) -> None:
    with box.open() as target:
        target.prepare(box.at("INBOX"))
        (receipt,) = outcomes(target, [parcel(box.at("INBOX"), flags=frozenset({"\\Seen", flag}))])
        assert isinstance(receipt, Receipt)
        (sighting,) = target.survey(box.at("INBOX"), None)
        assert receipt.flags == sighting.flags
        assert receipt.flags | receipt.lost == {"\\Seen", flag}
        assert receipt.lost == (frozenset() if carried else {flag})


@pytest.mark.dovecot
def test_bad_closes_the_connection_and_the_next_one_asks_before_each_mail(
    new_box: Callable[[str], Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    with tapped(new_box("dovecot_sdbox")) as (box, seen):
        place, good, bad = box.at("box"), parcel(box.at("box")), parcel(box.at("box"))
        right = adapters.imap.letters.date_time

        def wrong(at: datetime) -> bytes | None:
            return b'"99-Foo-2009 00:00:00 +0000"' if at == AT + timedelta(days=1) else right(at)

        monkeypatch.setattr(adapters.imap.letters, "date_time", wrong)
        bad = parcel(place, received_at=AT + timedelta(days=1))
        with box.open() as target:
            target.prepare(place)
            assert failure(target, [good, bad], Outage) == ("", "imap.bad")
            seen.forget()
            # after the engine has settled: one by one, each mail asked for; the bad one alone is refused in the end
            assert failure(target, [good, bad, parcel(place)], Outage) == ("r", "imap.bad")
            assert failure(target, [bad, parcel(place)], Outage) == ("", "imap.bad")
            assert kinds(outcomes(target, [bad, parcel(place)])) == "xr"
            assert len(list(target.survey(place, None))) == 2
            assert len(re.findall(rb"(?m)^m\d+ APPEND ", seen.sent)) == 4
            assert b"+}" not in seen.sent
            # that batch is settled
            assert kinds(outcomes(target, [parcel(place), parcel(place)])) == "rr"
            assert seen.sent.count(b"+}") == 2


@pytest.mark.parametrize("line", ["q9 {}", "q9 {} x", "q9  {} x y", "m1 {} (", "$.-/:;,=#@!?'^~|<>`9 {} {{3+}}"])
@pytest.mark.parametrize("start", [b"", b"a: b\r\n", b"a: b\r\n\r\ntext\r\n"])
@given(command=st.sampled_from([each.decode() for each in COMMANDS_OF_IMAP.split(b"|")]), upper=st.booleans())
def test_a_line_that_a_server_could_run_is_seen(start: bytes, line: str, command: str, upper: bool) -> None:
    named = command.upper() if upper else command.title()
    assert commands(start + line.format(named).encode() + b"\r\nmore\r\n")
    assert commands(start + line.format(named).encode())


@pytest.mark.parametrize("literal", [b"{5}", b"x {0+}", b"q9 FOO {99}"])
def test_a_line_that_would_swallow_others_is_seen(literal: bytes) -> None:
    assert commands(b"a: b\r\n\r\n" + literal + b"\r\n")


@pytest.mark.parametrize(
    "text",
    [
        b"First we create a mailbox, then select it.\r\n",
        b" q9 CREATE x\r\n",
        b"CREATE x\r\n",
        b"q9 CREATED x\r\n",
        b"q9 NOT-A-COMMAND\r\n",
        "長い CREATE x\r\n".encode(),
        b"{5} is no literal\r\n",
    ],
)
def test_a_line_that_no_server_could_run_goes_unasked(text: bytes) -> None:
    assert not commands(mail("plain", text))
