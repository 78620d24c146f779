"""Every mail arrives once, none is run as a command, and a refusal means what the laws say it means (§1, §9)."""

import os
import re
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest

import adapters.imap.letters
from adapters.imap import adapter
from migrator.errors import AccountError, FolderError, MigratorError, Outage
from migrator.mail import on_wire
from migrator.model import MDN_SENT, Mailbox, Parcel, Place, Raw, Receipt, Refused
from migrator.ports import Target
from migrator.testing import mail
from migrator.testing.imap_server import DIE, STORE_AND_DIE, ImapServer
from tests.adapters.imap.conftest import AT, MARKED, Box, config, parcel, tapped, user
from tests.servers.dovecot import Dovecot, server

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


def outcomes(target: Target, parcels: Sequence[Parcel]) -> list[Receipt | Refused]:
    return list(target.deliver(parcels))


def kinds(found: Sequence[Receipt | Refused]) -> str:
    """`rrxr`: receipts and refusals."""
    return "".join("r" if isinstance(each, Receipt) else "x" for each in found)


def failure(target: Target, parcels: Sequence[Parcel], kind: type[MigratorError]) -> tuple[str, str]:
    """The outcomes before an error of this kind, and its code."""
    found: list[Receipt | Refused] = []
    with pytest.raises(MigratorError) as error:
        found.extend(target.deliver(parcels))
    assert type(error.value) is kind, error.value
    return kinds(found), error.value.reason.code


def appends(commands: Sequence[bytes]) -> int:
    return sum(command.startswith(b"APPEND") for command in commands)


# -- no mail is ever run as a command --------------------------------------------------------------------------------


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


# -- batches ---------------------------------------------------------------------------------------------------------


@pytest.mark.dovecot
@pytest.mark.parametrize(("count", "size", "commands"), [(250, 100, 3), (9, 2**20, 3), (3, 5 * 2**20, 3), (1, 10, 1)])
def test_batches_are_bounded_by_count_and_bytes(
    new_box: Callable[[str], Box], count: int, size: int, commands: int
) -> None:
    with tapped(new_box("dovecot_sdbox")) as (box, seen), box.open() as target:
        target.prepare(box.at("box"))
        parcels = [parcel(box.at("box"), mail(f"m{number}", b"x" * size)) for number in range(count)]
        receipts = outcomes(target, parcels)
        assert [each.item for each in receipts] == [each.item for each in parcels]
        assert kinds(receipts) == "r" * count
        assert appends(seen.commands) == commands


@pytest.mark.dovecot
@pytest.mark.parametrize(
    ("told", "unasked"),
    [
        ({}, lambda size: True),
        ({b"LITERAL+": b"LITERAL-"}, lambda size: size <= 4096),
        ({b"LITERAL+": b""}, lambda size: False),
        ({b"LITERAL+": b"LITERAL-", b"MULTIAPPEND": b""}, lambda size: size <= 4096),
    ],
)
def test_only_literals_that_the_server_allows_are_sent_unasked(
    new_box: Callable[[str], Box], told: dict[bytes, bytes], unasked: Callable[[int], bool]
) -> None:
    with tapped(new_box("dovecot_sdbox"), told=told) as (box, seen), box.open() as target:
        target.prepare(box.at("box"))
        raws = [mail(f"m{size}", b"y" * size) for size in (10, 3900, 4096, 9000, 20)]
        assert kinds(outcomes(target, [parcel(box.at("box"), raw) for raw in raws])) == "rrrrr"
        literals = re.findall(rb"\{(\d+)(\+?)\}\r\n", seen.sent)
        assert [int(size) for size, _ in literals] == [len(raw) for raw in raws]
        assert [bool(plus) for _, plus in literals] == [unasked(len(raw)) for raw in raws]


@pytest.mark.dovecot
def test_a_large_mail_is_never_whole_in_memory(new_box: Callable[[str], Box]) -> None:
    box = new_box("dovecot_sdbox")
    line = b"z" * 76 + b"\n"
    head = mail("large").replace(b"\r\n", b"\n")
    raw = Raw.spooled(_Endless(head, line, 400_000))
    assert raw.size > 30_000_000
    with box.open() as target:
        target.prepare(box.at("box"))
        tracemalloc.start()
        (receipt,) = outcomes(target, [parcel(box.at("box"), raw)])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert isinstance(receipt, Receipt)
        assert peak < 16 * 2**20
        back = target.fetch(box.at("box"), receipt.ref or "")
        assert back is not None
        assert (back.digest, back.size) == (receipt.sent, receipt.size)


class _Endless:
    """A stream of a head and many equal lines."""

    def __init__(self, head: bytes, line: bytes, count: int) -> None:
        self._parts = iter([head, *([line * 1000] * (count // 1000))])
        self._rest = b""

    def read(self, size: int) -> bytes:
        while len(self._rest) < size and (part := next(self._parts, b"")):
            self._rest += part
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


@pytest.mark.dovecot
def test_four_lanes_fill_one_place_together(new_box: Callable[[str], Box]) -> None:
    box = new_box("dovecot_maildir")
    place = box.at("box")
    with box.open() as target:
        target.prepare(place)
    parcels = [parcel(place) for _ in range(200)]
    found: list[Receipt | Refused] = []

    def lane(number: int) -> None:
        with box.open() as target:
            for at in range(number * 10, len(parcels), 40):
                found.extend(target.deliver(parcels[at : at + 10]))

    threads = [Thread(target=lane, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kinds(found) == "r" * 200
    with box.open() as target:
        sightings = list(target.survey(place, None))
    assert {each.ref for each in found if isinstance(each, Receipt)} == {each.ref for each in sightings}
    assert len({each.message_id for each in sightings}) == 200


# -- what no server could take ---------------------------------------------------------------------------------------


def test_a_date_no_server_can_be_trusted_with_is_refused_and_its_neighbours_go(box: Box) -> None:
    place = box.at("box")
    with box.open() as target:
        target.prepare(place)
        at = [
            AT,
            datetime(1969, 12, 31, tzinfo=UTC),
            AT,
            datetime.now(UTC) + timedelta(days=2),
            datetime.max.replace(tzinfo=UTC),
            AT,
        ]
        parcels = [parcel(place, received_at=each) for each in at]
        found = outcomes(target, parcels)
        assert kinds(found) == "rxrxxr"
        assert {each.reason.code for each in found if isinstance(each, Refused)} == {"imap.date-impossible"}
        assert all(sighting.received_at == AT for sighting in target.survey(place, None))


def test_an_empty_mail_is_refused_before_it_can_fail_its_batch(box: Box) -> None:
    with box.open() as target:
        target.prepare(box.at("box"))
        found = outcomes(target, [parcel(box.at("box"), raw) for raw in (mail("a"), b"", mail("b"))])
        assert kinds(found) == "rxr"


def test_a_limit_that_the_server_tells_is_kept_without_asking(pymap_box: Box) -> None:
    with tapped(pymap_box, told={b"APPENDLIMIT=1000000000": b"APPENDLIMIT=500"}) as (box, seen), box.open() as target:
        assert target.limits.item_bytes == 500
        target.prepare(box.at("box"))
        parcels = [parcel(box.at("box"), raw) for raw in (mail("a"), mail("b", b"x" * 500), mail("c"))]
        found = outcomes(target, parcels)
        assert kinds(found) == "rxr"
        assert isinstance(found[1], Refused)
        assert found[1].reason.params["limit"] == 500
        assert b"<b@" not in seen.sent


# -- refusals --------------------------------------------------------------------------------------------------------

SMALL = 100_000


@pytest.fixture(scope="module")
def small() -> Iterator[Dovecot]:
    """A server that takes no mail above SMALL bytes and says so only when it is sent one."""
    with server(storage="sdbox", largest=str(SMALL), quota="3M") as running:
        yield running


@pytest.fixture
def small_box(small: Dovecot) -> Box:
    return Box(config(small.port), user())


def large(place: Place, size: int = SMALL) -> Parcel:
    return parcel(place, mail("large", os.urandom(size // 2).hex().encode()))


@pytest.mark.dovecot
@pytest.mark.parametrize("culprits", [{0}, {19}, {7}, {3, 12}, {0, 1}])
def test_a_refused_batch_is_split_until_the_culprit_is_alone(small_box: Box, culprits: set[int]) -> None:
    with tapped(small_box) as (box, seen), box.open() as target:
        place = box.at("box")
        target.prepare(place)
        parcels = [large(place) if number in culprits else parcel(place) for number in range(20)]
        found = outcomes(target, parcels)
        assert [each.item for each in found] == [each.item for each in parcels]
        assert {number for number, each in enumerate(found) if isinstance(each, Refused)} == culprits
        assert {each.reason.code for each in found if isinstance(each, Refused)} == {"imap.refused"}
        sightings = list(target.survey(place, None))
        assert [each.ref for each in found if isinstance(each, Receipt)] == [each.ref for each in sightings]
        for number in culprits:
            assert seen.sent.count(parcels[number].raw.read()) >= 2


@pytest.mark.dovecot
def test_a_refused_mail_alone_is_asked_twice(small_box: Box) -> None:
    with tapped(small_box, hide=[b"MULTIAPPEND"]) as (box, seen), box.open() as target:
        target.prepare(box.at("box"))
        found = outcomes(target, [parcel(box.at("box")), large(box.at("box")), parcel(box.at("box"))])
        assert kinds(found) == "rxr"
        assert appends(seen.commands) == 4


@pytest.mark.dovecot
def test_three_equal_refusals_in_a_row_are_an_outage(small_box: Box) -> None:
    place = small_box.at("box")
    with small_box.open() as target:
        target.prepare(place)
        assert failure(target, [large(place) for _ in range(6)], Outage) == ("xx", "imap.refuses-all")
        assert kinds(outcomes(target, [large(place), parcel(place)])) == "xr"
        # what is larger than all that was taken is refused for its size, however many there are
        assert kinds(outcomes(target, [large(place) for _ in range(6)])) == "xxxxxx"


@pytest.mark.dovecot
def test_a_full_mailbox_is_the_accounts_matter_and_the_rest_stays_to_do(small_box: Box) -> None:
    place = small_box.at("box")
    with small_box.open() as target:
        target.prepare(place)
        parcels = [large(place, SMALL // 2) for _ in range(80)]
        told, code = failure(target, parcels, AccountError)
        assert code == "imap.over-quota"
        assert "x" not in told
        assert len(list(target.survey(place, None))) == len(told)
        assert [reason.code for reason in target.advice()][:1] in (["imap.quota-near"], ["imap.cleaning-untold"])  # type: ignore[attr-defined]


@pytest.fixture
def fault(pymap: ImapServer) -> Iterator[ImapServer]:
    """pymap, whose fault is mended afterwards."""
    yield pymap
    pymap.fault = lambda _: None


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        ("[UNAVAILABLE] later", Outage, "imap.not-now"),
        ("[INUSE] later", Outage, "imap.not-now"),
        ("[SERVERBUG] oops", Outage, "imap.not-now"),
        ("[OVERQUOTA] full", AccountError, "imap.over-quota"),
        ("[NOPERM] not yours", FolderError, "imap.append-forbidden"),
        ("[READ-ONLY] not now", FolderError, "imap.append-forbidden"),
        ("[TRYCREATE] gone", FolderError, "imap.place-vanishes"),
        (DIE, Outage, "imap.bye"),
        (STORE_AND_DIE, Outage, "imap.bye"),
    ],
)
@pytest.mark.parametrize("count", [1, 5])
def test_a_no_that_is_not_about_the_mail_refuses_no_mail(
    fault: ImapServer, pymap_box: Box, answer: str, kind: type[MigratorError], code: str, count: int
) -> None:
    place = pymap_box.at("box")
    with pymap_box.open() as target:
        target.prepare(place)
        fault.fault = lambda _: answer
        assert failure(target, [parcel(place) for _ in range(count)], kind) == ("", code)
        fault.fault = lambda _: None
        assert kinds(outcomes(target, [parcel(place)])) == "r"


@pytest.mark.parametrize(
    "answer", ["no reason at all", "[LIMIT] too long", "[TOOBIG] too big", "[CANNOT] strange header"]
)
def test_a_no_about_one_mail_refuses_that_mail(fault: ImapServer, pymap_box: Box, answer: str) -> None:
    place = pymap_box.at("box")
    fault.fault = lambda raw: answer if b"culprit" in raw else None
    with pymap_box.open() as target:
        target.prepare(place)
        found = outcomes(target, [parcel(place, mail("culprit"))])
        found += outcomes(target, [parcel(place)])
    assert kinds(found) == "xr"
    assert isinstance(found[0], Refused)
    assert str(found[0].reason.params["answer"]).startswith("NO ")


def test_a_server_that_stores_half_of_a_refused_batch_is_an_outage(fault: ImapServer, pymap_box: Box) -> None:
    place = pymap_box.at("box")
    fault.fault = lambda raw: "strange" if b"culprit" in raw else None
    with pymap_box.open() as target:
        target.prepare(place)
        half = [parcel(place), parcel(place, mail("culprit")), parcel(place)]
        assert failure(target, half, Outage) == ("", "imap.refused-but-arrived")
        assert len(list(target.survey(place, None))) == 1


def test_mail_of_others_that_comes_meanwhile_does_not_pass_for_ours(fault: ImapServer, pymap_box: Box) -> None:
    place = pymap_box.at("box")
    with pymap_box.open() as target, pymap_box.open() as other:
        target.prepare(place)

        def refuse(raw: bytes) -> str | None:
            return "strange" if b"culprit" in raw else None

        fault.fault = refuse
        assert kinds(outcomes(other, [parcel(place)])) == "r"
        assert kinds(outcomes(target, [parcel(place, mail("culprit")), parcel(place)])) == "xr"


@pytest.mark.dovecot
@pytest.mark.parametrize("hide", [[], [b"LITERAL+"], [b"LITERAL+", b"MULTIAPPEND"], [b"MULTIAPPEND"]])
def test_a_place_that_was_deleted_meanwhile_is_made_once_more(new_box: Callable[[str], Box], hide: list[bytes]) -> None:
    with tapped(new_box("dovecot_sdbox"), hide=hide) as (box, _):
        place = box.at("gone", "deep")
        for count in (1, 3):
            with box.open() as target:
                target.prepare(place)
                list(target.deliver([parcel(place)]))  # what it can keep is known from now on
                with box.somebody() as somebody:
                    somebody.do("delete", '"gone/deep"')
                assert kinds(outcomes(target, [parcel(place) for _ in range(count)])) == "r" * count
                assert len(list(target.survey(place, None))) == count
                with box.somebody() as somebody:
                    somebody.do("delete", '"gone/deep"')


# -- receipts --------------------------------------------------------------------------------------------------------


def test_a_mail_that_asks_for_a_receipt_is_disarmed_and_keeps_its_bytes(box: Box) -> None:
    place = box.at("box")
    raw = mail("asks", header=b"Disposition-Notification-To: <boss@example.co.jp>\r\n")
    with box.open() as target:
        target.prepare(place)
        asks, plain = outcomes(target, [parcel(place, raw), parcel(place)])
        assert isinstance(asks, Receipt)
        assert isinstance(plain, Receipt)
        assert (asks.flags, asks.repairs) == ({MDN_SENT}, ("repair.receipt-disarmed",))
        assert (plain.flags, plain.repairs) == (frozenset(), ())
        assert asks.sent == Raw.of(raw).digest
        first, _ = target.survey(place, None)
        assert first.flags == {MDN_SENT}


def test_flags_are_told_as_the_folder_spells_them(box: Box) -> None:
    place = box.at("box")
    with box.open() as target:
        target.prepare(place)
        outcomes(target, [parcel(place, flags=frozenset({"Work"}))])
    with box.open() as target:
        (receipt,) = outcomes(target, [parcel(place, flags=frozenset({"Work", "\\Answered", "重要"}))])
        assert isinstance(receipt, Receipt)
        assert receipt.lost == frozenset()
        assert list(target.survey(place, None))[1].flags == receipt.flags == {"Work", "\\Answered", "重要"}


def test_bytes_that_need_no_repair_are_sent_as_they_are(box: Box) -> None:
    place = box.at("box")
    raws = [bytes(range(1, 256)) * 3, b"\xff\xfe", mail("x", b"\r" * 5 + b"y\r\n"), b"a: b\r\n\r\n\r\n\r\n"]
    with box.open() as target:
        target.prepare(place)
        found = outcomes(target, [parcel(place, raw) for raw in raws])
        for raw, receipt in zip(raws, found, strict=True):
            assert isinstance(receipt, Receipt)
            back = target.fetch(place, receipt.ref or "")
            assert back is not None
            assert back.read() == on_wire(raw)[0]
            assert receipt.sent == back.digest


def test_the_adapter_is_found_by_its_name() -> None:
    from migrator.registry import adapter as named

    assert named("imap") is adapter
    assert Mailbox("a").account is None
