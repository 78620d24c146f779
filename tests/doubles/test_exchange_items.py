"""The Exchange double: what becomes of a mail."""

import base64
import email
import email.policy
from datetime import UTC, datetime, timedelta

import pytest
from exchangelib import PostItem
from exchangelib.errors import ErrorCannotDeleteObject, ErrorIrresolvableConflict, ErrorItemNotFound

from tests.doubles.ews import MAIL, account, ask, codes, create, extended, found, mail, message
from tests.servers.exchange import ALICE, BOB, Exchange
from tests.servers.exchange.items import ReadReceipt
from tests.servers.exchange.mime import facts
from tests.servers.exchange.rights import LEVELS
from tests.servers.exchange.shapes import change_key
from tests.servers.exchange.xml import m, t

THEN = datetime(2009, 11, 2, 0, 15, 3, tzinfo=UTC)


def only(exchange: Exchange, owner: str = ALICE):
    (item,) = exchange[owner].items.values()
    return item


def get(exchange: Exchange, *fields: str, mime: bool = False):
    item = only(exchange)
    more = t("AdditionalProperties", *(t("FieldURI", FieldURI=each) for each in fields)) if fields else None
    shape = m("ItemShape", t("BaseShape", "IdOnly"), t("IncludeMimeContent", mime), more)
    (answer,) = ask(exchange, m("GetItem", shape, m("ItemIds", t("ItemId", Id=item.id))))
    return answer


def update(exchange: Exchange, *fields, key: str | None = None, resolution: str = "AlwaysOverwrite", **attributes):
    item = only(exchange)
    updates = [t("SetItemField", path, t("Message", field)) for path, field in fields]
    change = t("ItemChange", t("ItemId", Id=item.id, ChangeKey=key or change_key(item)), t("Updates", *updates))
    body = m(
        "UpdateItem",
        m("ItemChanges", change),
        ConflictResolution=resolution,
        MessageDisposition="SaveOnly",
        **attributes,
    )
    return codes(exchange, body)


READ = (t("FieldURI", FieldURI="message:IsRead"), t("IsRead", True))


def test_a_mail_is_a_draft_unless_flags_are_given_when_it_is_made(exchange: Exchange) -> None:
    mailbox = account(exchange)
    mailbox.bulk_create(
        folder=mailbox.inbox, items=[mail(mailbox), mail(mailbox, test_flags=0), mail(mailbox, test_flags=8)]
    )
    assert [each.draft for each in exchange[ALICE].items.values()] == [True, False, True]
    ask(exchange, create(message(extended("1", PropertyTag="0x0E07"))))
    newest = list(exchange[ALICE].items.values())[-1]
    assert (newest.draft, newest.read) == (False, True)


def test_a_draft_stays_one_whatever_flags_are_given_later(exchange: Exchange) -> None:
    ask(exchange, create(message()))
    path = t("ExtendedFieldURI", PropertyTag="0x0E07", PropertyType="Integer")
    assert update(exchange, (path, extended("1", PropertyTag="0x0E07"))) == ["NoError"]
    assert (only(exchange).draft, only(exchange).read) == (True, True)
    assert found(get(exchange, "item:IsDraft"), "IsDraft") == ["true"]


def test_a_mail_was_received_now_unless_its_delivery_time_is_given(exchange: Exchange) -> None:
    ask(exchange, create(message(), message(extended("2009-11-02T00:15:03Z", "SystemTime", PropertyTag="0x0E06"))))
    first, second = exchange[ALICE].items.values()
    assert datetime.now(UTC) - first.received < timedelta(minutes=5)
    assert second.received == THEN


def test_dates_have_fractions_of_a_second_and_stay_the_same_instant(exchange: Exchange) -> None:
    ask(exchange, create(message(extended("2009-11-02T09:15:03.2680072+09:00", "SystemTime", PropertyTag="0x0E06"))))
    assert found(get(exchange, "item:DateTimeReceived"), "DateTimeReceived") == ["2009-11-02T00:15:03.268007000Z"]


@pytest.mark.parametrize("value", ["1600-12-31T23:59:59Z", "once upon a time"])
def test_a_property_takes_no_value_its_type_cannot_hold(exchange: Exchange, value: str) -> None:
    body = create(message(extended(value, "SystemTime", PropertyTag="0x0E06")), message())
    assert codes(exchange, body) == ["ErrorInvalidExtendedPropertyValue", "NoError"]


def test_a_byte_comparing_reader_fails_and_one_that_compares_meaning_does_not(exchange: Exchange) -> None:
    mailbox = account(exchange)
    mailbox.bulk_create(folder=mailbox.inbox, items=[mail(mailbox, test_flags=1)])
    (item,) = mailbox.inbox.all()
    first, second = item.mime_content, mailbox.inbox.get(id=item.id, changekey=item.changekey).mime_content
    assert len({MAIL, first, second}) == 3, "never the same bytes"
    was, now = (email.message_from_bytes(each, policy=email.policy.default) for each in (MAIL, first))
    for name in ("Subject", "Message-ID", "From", "To"):
        assert now[name] == was[name]
    assert now["Date"].datetime == was["Date"].datetime
    assert now.get_body(["plain"]).get_content() == was.get_content()
    assert "見積書です" in now.get_body(["html"]).get_content(), "the twin nobody asked for"
    assert (now["X-Old-System"], now["Received"]) == (None, None)
    assert [name for name in now if name in ("From", "To")] == ["To", "From"]
    assert "X-Old-System" in {each.name for each in item.headers}, "but as a property it is there"


def test_what_the_mail_says_of_itself_holds_unless_the_client_says_otherwise(exchange: Exchange) -> None:
    raw = (
        b"Importance: high\r\nSensitivity: Company-Confidential\r\nDisposition-Notification-To: a@example.com\r\n"
        + MAIL
    )
    ask(exchange, create(message(raw=raw)))
    item = only(exchange)
    assert (item.importance, item.sensitivity, item.read_receipt) == ("High", "Confidential", True)
    mailbox = account(exchange)
    made = mail(mailbox)
    made.mime_content = raw
    mailbox.bulk_create(folder=mailbox.inbox, items=[made])
    reset = list(exchange[ALICE].items.values())[-1]
    assert (reset.importance, reset.sensitivity, reset.read_receipt) == ("Normal", "Normal", False), (
        "exchangelib's trap"
    )


def test_properties_by_tag_by_name_and_by_number_come_back(exchange: Exchange) -> None:
    mailbox = account(exchange)
    mailbox.bulk_create(
        folder=mailbox.inbox, items=[mail(mailbox, test_id="k1", test_request="要対応", test_flags=33, is_read=True)]
    )
    item = mailbox.inbox.get(test_id="k1")
    assert (item.test_id, item.test_request, item.test_flags, item.is_from_me) == ("k1", "要対応", 33, True)
    guid = t(
        "ExtendedFieldURI",
        PropertySetId="00020329-0000-0000-C000-000000000046",
        PropertyName="x-test-id",
        PropertyType="String",
    )
    shape = m("ItemShape", t("BaseShape", "IdOnly"), t("AdditionalProperties", guid))
    (answer,) = ask(exchange, m("GetItem", shape, m("ItemIds", t("ItemId", Id=item.id))))
    assert found(answer, "Value") == ["k1"], "the same set by its GUID"


def test_a_comma_in_a_category_makes_two_and_a_long_name_is_refused(exchange: Exchange) -> None:
    assert codes(exchange, create(message(t("Categories", t("String", "重要, 急ぎ"), t("String", "緑"))))) == [
        "NoError"
    ]
    assert only(exchange).categories == ("重要", "急ぎ", "緑")
    assert codes(exchange, create(message(t("Categories", t("String", "x" * 256))))) == ["ErrorInvalidValueForProperty"]
    exchange[ALICE].items.clear()
    keywords = b"Keywords: blue, " + b"x" * 256 + b"\r\n"
    assert codes(exchange, create(message(raw=keywords + MAIL))) == ["NoError"]
    assert only(exchange).categories == ("blue",), "what a mail brings along is no reason to refuse it"


def test_a_read_receipt_leaves_unless_it_is_suppressed(exchange: Exchange) -> None:
    flags = extended("0", PropertyTag="0x0E07")
    for suppress, left in ((True, 0), (False, 1)):
        ask(exchange, create(message(flags, t("IsReadReceiptRequested", True))))
        assert update(exchange, READ, SuppressReadReceipts=suppress) == ["NoError"]
        assert len(exchange.receipts) == left
        exchange[ALICE].items.clear()
    ask(exchange, create(message(flags, t("IsReadReceiptRequested", True))))
    body = m("DeleteItem", m("ItemIds", t("ItemId", Id=only(exchange).id)), DeleteType="HardDelete")
    assert codes(exchange, body) == ["NoError"]
    assert [type(each) for each in exchange.receipts] == [ReadReceipt, ReadReceipt]


def test_a_stale_change_key_conflicts_where_nothing_may_be_overwritten(exchange: Exchange) -> None:
    mailbox = account(exchange)
    mailbox.bulk_create(folder=mailbox.inbox, items=[mail(mailbox)])
    mine, theirs = mailbox.inbox.get(), mailbox.inbox.get()
    theirs.categories = ["緑"]
    theirs.save(update_fields=["categories"])
    mine.is_read = True
    with pytest.raises(ErrorIrresolvableConflict):
        mine.save(update_fields=["is_read"], conflict_resolution="NeverOverwrite")
    assert not only(exchange).read
    mine.save(update_fields=["is_read"], conflict_resolution="AlwaysOverwrite")
    assert (only(exchange).read, only(exchange).categories) == (True, ("緑",))


def test_an_update_needs_a_change_key_and_something_that_can_be_set(exchange: Exchange) -> None:
    ask(exchange, create(message()))
    change = t(
        "ItemChange", t("ItemId", Id=only(exchange).id), t("Updates", t("SetItemField", READ[0], t("Message", READ[1])))
    )
    body = m(
        "UpdateItem", m("ItemChanges", change), ConflictResolution="AlwaysOverwrite", MessageDisposition="SaveOnly"
    )
    assert codes(exchange, body) == ["ErrorChangeKeyRequiredForWriteOperations"]
    draft = (t("FieldURI", FieldURI="item:IsDraft"), t("IsDraft", False))
    assert update(exchange, draft) == ["ErrorInvalidPropertySet"]


def test_a_moved_mail_has_another_id_and_a_deleted_one_goes_where_it_was_sent(exchange: Exchange) -> None:
    mailbox = account(exchange)
    mailbox.bulk_create(folder=mailbox.inbox, items=[mail(mailbox)])
    item = mailbox.inbox.get()
    before = item.id
    item.move(mailbox.sent)
    assert item.id != before
    item.move_to_trash()
    assert mailbox.trash.all().count() == 1
    trashed = mailbox.trash.get()
    gone = trashed.id
    trashed.delete()
    assert exchange[ALICE].items == {}
    with pytest.raises(ErrorItemNotFound):
        mailbox.trash.get(id=gone, changekey="")


def test_a_delegate_does_not_delete_by_moving_to_deleted_items(exchange: Exchange) -> None:
    ask(exchange, create(message()))
    exchange[ALICE].role("inbox").rights[BOB] = LEVELS["Editor"]
    body = m("DeleteItem", m("ItemIds", t("ItemId", Id=only(exchange).id)), DeleteType="MoveToDeletedItems")
    assert codes(exchange, body, user=BOB) == [ErrorCannotDeleteObject.__name__]
    exchange[ALICE].full_access.add(BOB)
    assert codes(exchange, body, user=BOB) == ["NoError"]


def test_a_mail_too_large_or_a_full_mailbox_refuses_one_item_and_not_its_neighbours(exchange: Exchange) -> None:
    exchange.item_bytes = len(MAIL) + 100
    body = create(message(), message(raw=MAIL + b"x" * 200), message())
    assert codes(exchange, body) == ["NoError", "ErrorMessageSizeExceeded", "NoError"]
    exchange[ALICE].quota = 3 * len(MAIL)
    assert codes(exchange, create(message(), message())) == ["NoError", "ErrorQuotaExceeded"]


def test_a_post_is_made_of_fields_and_is_no_draft(exchange: Exchange) -> None:
    mailbox = account(exchange)
    post = PostItem(account=mailbox, folder=mailbox.inbox, subject="対応履歴", body="山田が回答", test_id="n1")
    post.save()
    (item,) = exchange[ALICE].items.values()
    assert (item.kind, item.subject, item.draft, item.facts.text.strip()) == (
        "IPM.Post",
        "対応履歴",
        False,
        "山田が回答",
    )
    (seen,) = mailbox.inbox.filter(test_id="n1")
    assert isinstance(seen, PostItem)
    assert (seen.subject, seen.body.strip()) == ("対応履歴", "山田が回答")


def test_nothing_is_ever_sent(exchange: Exchange) -> None:
    body = create(message())
    body.set("MessageDisposition", "SendAndSaveCopy")
    assert codes(exchange, body) == ["ErrorSendAsDenied"]


@pytest.mark.parametrize(
    ("content", "charset"),
    [
        (b"\x1b$B8+@Q\x1b(B \x1b$B-!-j\x1b(B", "iso-2022-jp"),
        ("見積 ①㈱".encode("cp932"), "shift_jis"),
        ("見積 ①㈱".encode("cp932"), None),
        ("見積 ①㈱".encode(), None),
        ("見積 ①㈱".encode(), "us-ascii"),
    ],
)
def test_text_is_read_as_windows_in_japan_reads_it(content: bytes, charset: str | None) -> None:
    declared = f"Content-Type: text/plain; charset={charset}\r\n".encode() if charset else b""
    assert facts(b"Subject: x\r\n" + declared + b"\r\n" + content).text == "見積 ①㈱"


def test_entry_ids_count_what_the_store_takes_in(exchange: Exchange) -> None:
    ask(exchange, create(message(), message()))
    path = t("AdditionalProperties", t("ExtendedFieldURI", PropertyTag="0x0FFF", PropertyType="Binary"))
    ids = m("ItemIds", *(t("ItemId", Id=each) for each in exchange[ALICE].items))
    told = ask(exchange, m("GetItem", m("ItemShape", t("BaseShape", "IdOnly"), path), ids))
    first, second = (base64.b64decode(found(each, "Value")[0]) for each in told)
    assert (len(first), first[:62]) == (70, second[:62])
    assert first < second
