"""What becomes of mail that the server refuses, is too busy for, or does not answer."""

import base64

import pytest

from migrator.errors import AccountError, FolderError, Outage
from migrator.model import DRAFT, FLAGGED, SEEN, Place, Receipt, Reflag, Refused, Role, Touched
from migrator.testing import mail
from tests.adapters.exchange.conftest import Box, config, failure, kinds, parcel
from tests.servers.exchange import ALICE, Exchange
from tests.servers.exchange.faults import Busy, BusyInside, Lost, Meanwhile
from tests.servers.exchange.faults import Refused as Refusing
from tests.servers.exchange.xml import TYPES, Element


def holds(text: bytes) -> object:
    """Whether a mail in a request holds this text."""

    def ask(part: Element) -> bool:
        return text in base64.b64decode(part.findtext(f"{TYPES}MimeContent") or "")

    return ask


@pytest.mark.parametrize("how", [413, "close"])
def test_an_oversize_mail_among_small_ones_is_refused_alone(running: Exchange, how: object) -> None:
    running.request_bytes = 2 * 2**20
    running.oversize = how
    box = Box(running, config(running, request_bytes=2 * 2**20))
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        large = parcel(place, mail("large", b"x" * 70 + b"\r\n" * 2**21))
        found = list(target.deliver([parcel(place), large, parcel(place)]))
    assert kinds(found) == "rxr"
    assert isinstance(found[1], Refused)
    assert found[1].reason.code == "item.too-large"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("ErrorMimeContentConversionFailed", "exchange.mime-refused"),
        ("ErrorItemSave", "exchange.mail-refused"),
        ("ErrorMessageSizeExceeded", "exchange.too-large-there"),
    ],
)
def test_a_mail_the_server_cannot_take_is_asked_twice_and_its_neighbours_go(box: Box, code: str, reason: str) -> None:
    refusing = Refusing(code, holds(b"bad mail"))
    box.exchange.script(refusing)
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        found = list(target.deliver([parcel(place), parcel(place, mail("bad", b"bad mail")), parcel(place)]))
    assert kinds(found) == "rxr"
    assert isinstance(found[1], Refused)
    assert found[1].reason.code == reason
    assert refusing.fired == 2
    assert len(box.held("box")) == 2


def test_three_equal_refusals_in_a_row_are_about_the_server(box: Box) -> None:
    box.exchange.script(Refusing("ErrorItemSave", lambda part: True))
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        assert failure(target, [parcel(place) for _ in range(4)], FolderError) == ("xx", "exchange.refuses-all")


def test_a_full_mailbox_stops_with_what_has_gone_and_is_no_fault_of_the_mail(box: Box) -> None:
    box.exchange[ALICE].quota = 450
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        assert failure(target, [parcel(place) for _ in range(5)], AccountError) == ("rr", "exchange.over-quota")


@pytest.mark.parametrize("fault", [Busy(1, milliseconds=100), BusyInside(1, after=2)])
def test_a_busy_server_is_waited_for_and_no_mail_goes_twice(box: Box, fault: Busy | BusyInside) -> None:
    box.exchange.script(fault)
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        assert kinds(list(target.deliver([parcel(place) for _ in range(5)]))) == "rrrrr"
    assert fault.fired == 1
    assert len(box.held("box")) == 5


def test_a_server_that_wants_a_long_pause_is_the_engines_to_wait_for(box: Box) -> None:
    box.exchange.script(Busy(1, milliseconds=120_000))
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        with pytest.raises(Outage) as error:
            list(target.deliver([parcel(place)]))
    assert error.value.retry_after == 120


def test_what_is_not_answered_is_not_sent_again_by_itself(box: Box) -> None:
    box.exchange.script(Lost(1))
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        sent = [parcel(place) for _ in range(3)]
        assert failure(target, sent, Outage) == ("", "exchange.unanswered")
        seen = list(target.survey(place, None))
    assert [each.token for each in seen] == [each.token for each in sent]
    assert len(box.exchange.asked("CreateItem")) == 1


def test_what_is_no_mail_is_not_sent(box: Box) -> None:
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        found = list(target.deliver([parcel(place, raw) for raw in (b"", b"\0\1\2garbage", b"\xff" * 5000)]))
    assert kinds(found) == "xxx"
    assert {each.reason.code for each in found if isinstance(each, Refused)} == {"exchange.no-header"}
    assert box.exchange.asked("CreateItem") == []


def test_a_category_with_a_comma_is_lost_and_said(box: Box) -> None:
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        (found,) = target.deliver([parcel(place, flags=frozenset({"a,b", "見積 <1> & 2", SEEN}))])
        (seen,) = target.survey(place, None)
    assert isinstance(found, Receipt)
    assert found.lost == {"a,b"}
    assert seen.flags == found.flags == {"見積 <1> & 2", SEEN}


def test_a_change_between_look_and_touch_wins(box: Box) -> None:
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        list(target.deliver([parcel(place)]))
        (before,) = target.survey(place, None)
        (item,) = box.held("box")

        def somebody() -> None:
            item.read = True
            box.exchange[ALICE].touch(item)

        box.exchange.script(Meanwhile(somebody, 1, "UpdateItem"))
        done = target.amend(place, before.ref, before, Reflag(add=frozenset({FLAGGED})))
        assert isinstance(done, Touched)
        assert done.now.flags == {SEEN}


def test_places_with_a_role_are_found_whatever_they_are_called_and_others_keep_away(box: Box) -> None:
    with box.open() as target:
        sent = parcel(Place(ALICE, ("送信箱",), Role.SENT), flags=frozenset({SEEN}))
        target.prepare(sent.place)
        assert kinds(list(target.deliver([sent]))) == "r"
        with pytest.raises(FolderError) as error:
            target.prepare(box.at("送信トレイ"))
        assert error.value.reason.code == "exchange.place-has-use"
    (item,) = box.held("送信済みアイテム")
    assert item.from_me
    assert not item.draft


def test_a_draft_is_a_draft_and_asking_for_a_receipt_is_taken_from_the_rest(box: Box) -> None:
    header = b"Disposition-Notification-To: a@example.co.jp\r\nReturn-Receipt-To: a@example.co.jp\r\n"
    asking = mail("asking", header=header)
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        draft, asked = target.deliver([parcel(place, flags=frozenset({DRAFT})), parcel(place, asking)])
        assert isinstance(asked, Receipt)
        assert asked.repairs == ("repair.receipt-unasked",)
        (_, seen) = target.survey(place, None)
        target.amend(place, seen.ref, seen, Reflag(add=frozenset({SEEN})))
    first, second = box.held("box")
    assert first.draft
    assert [second.draft, second.read_receipt, second.delivery_receipt] == [False] * 3
    assert second.read
    assert box.exchange.receipts == []
    assert isinstance(draft, Receipt)


GOLDEN = (
    '<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId><t:FolderId Id="{folder}"/></m:SavedItemFolderId>'
    "<m:Items><t:Message><t:MimeContent>{mime}</t:MimeContent><t:Sensitivity>Normal</t:Sensitivity>"
    "<t:Categories><t:String>A &amp; B</t:String></t:Categories><t:Importance>High</t:Importance>"
    '<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x0e07" PropertyType="Integer"/><t:Value>1</t:Value>'
    '</t:ExtendedProperty><t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x0e06" PropertyType="SystemTime"/>'
    "<t:Value>2009-11-02T00:15:30Z</t:Value></t:ExtendedProperty><t:ExtendedProperty>"
    '<t:ExtendedFieldURI PropertyTag="0x0039" PropertyType="SystemTime"/><t:Value>2009-11-02T00:15:00Z</t:Value>'
    '</t:ExtendedProperty><t:ExtendedProperty><t:ExtendedFieldURI DistinguishedPropertySetId="PublicStrings" '
    'PropertyName="migrator-token" PropertyType="String"/><t:Value>a:1</t:Value></t:ExtendedProperty>'
    "<t:IsReadReceiptRequested>false</t:IsReadReceiptRequested>"
    "<t:IsDeliveryReceiptRequested>false</t:IsDeliveryReceiptRequested><t:IsRead>true</t:IsRead>"
    "</t:Message></m:Items></m:CreateItem></s:Body></s:Envelope>"
)


def test_the_request_for_a_mail_is_this_one_and_no_other(box: Box) -> None:
    raw = mail("golden", header=b"X-Priority: 1\r\n")
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        list(target.deliver([parcel(place, raw, flags=frozenset({SEEN, "A & B"}), token="a:1")]))
    (asked,) = box.exchange.asked("CreateItem")
    folder, mime = box.exchange[ALICE].folder("box").id, base64.b64encode(raw).decode()
    assert asked.raw.decode().partition("<s:Body>")[2] == GOLDEN.format(folder=folder, mime=mime)
