"""Every mail arrives once and as it is, in batches that server and memory can bear."""

import re
import tracemalloc
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest

from adapters.imap import adapter
from migrator.mail import on_wire
from migrator.model import MDN_SENT, Mailbox, Raw, Receipt, Refused
from migrator.testing import mail
from tests.adapters.imap.conftest import AT, Box, kinds, outcomes, parcel, tapped


def appends(commands: Sequence[bytes]) -> int:
    return sum(command.startswith(b"APPEND") for command in commands)


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
