"""The Exchange double: what is found, in which pages, and what changed since."""

import base64
from copy import deepcopy

import pytest
from exchangelib import UTC, EWSDateTime, Q
from exchangelib.errors import ErrorNameResolutionNoResults

from tests.doubles.ews import MAIL, account, ask, codes, create, distinguished, extended, found, mail, message
from tests.servers.exchange import ALICE, BOB, Exchange
from tests.servers.exchange.xml import Element, m, t

NAMED = {"DistinguishedPropertySetId": "PublicStrings", "PropertyName": "x-test-id"}


def filled(exchange: Exchange, count: int) -> None:
    for start in range(0, count, 250):
        ask(
            exchange,
            create(*(message(extended(f"k{n}", "String", **NAMED)) for n in range(start, min(start + 250, count)))),
        )


def find(*more: Element, offset: int = 0, most: int | None = None, mime: bool = False) -> Element:
    view = m("IndexedPageItemView", Offset=offset, BasePoint="Beginning")
    if most:
        view.set("MaxEntriesReturned", str(most))
    named = t("AdditionalProperties", t("ExtendedFieldURI", **NAMED, PropertyType="String"))
    shape = m("ItemShape", t("BaseShape", "IdOnly"), t("IncludeMimeContent", True) if mime else None, named)
    return m("FindItem", shape, view, *more, m("ParentFolderIds", distinguished("inbox")), Traversal="Shallow")


def equal(value: str) -> Element:
    path = t("ExtendedFieldURI", **NAMED, PropertyType="String")
    return t("IsEqualTo", path, t("FieldURIOrConstant", t("Constant", Value=value)))


def exists() -> Element:
    return m("Restriction", t("Exists", t("ExtendedFieldURI", **NAMED, PropertyType="String")))


def test_a_page_has_at_most_1000_items_and_250_where_there_is_a_restriction(exchange: Exchange) -> None:
    filled(exchange, 1010)
    for body, most in ((find(), 1000), (find(exists()), 250), (find(exists(), most=600), 250), (find(most=7), 7)):
        (answer,) = ask(exchange, body)
        (root,) = answer.iter("{*}RootFolder")
        assert len(found(answer, "Message")) == most
        assert (root.get("TotalItemsInView"), root.get("IndexedPagingOffset")) == ("1010", str(most))
        assert root.get("IncludesLastItemInRange") == "false"
    (answer,) = ask(exchange, find(offset=1000))
    (root,) = answer.iter("{*}RootFolder")
    assert (len(found(answer, "Message")), root.get("IncludesLastItemInRange")) == (10, "true")


def test_pages_together_are_all_there_is(exchange: Exchange) -> None:
    filled(exchange, 510)
    mailbox = account(exchange)
    query = mailbox.inbox.filter(test_id__exists=True).only("test_id")
    query.page_size = 300
    assert sorted(each.test_id for each in query) == sorted(f"k{n}" for n in range(510))


def test_a_named_property_is_found_by_equality_and_texts_are_no_numbers(exchange: Exchange) -> None:
    ask(exchange, create(*(message(extended(value, "String", **NAMED)) for value in ("12", "012", "K", "k"))))
    (answer,) = ask(exchange, find(m("Restriction", equal("12"))))
    assert found(answer, "Value") == ["12"]
    (answer,) = ask(exchange, find(m("Restriction", t("Or", equal("k"), equal("012"), equal("absent")))))
    assert sorted(found(answer, "Value")) == ["012", "k"]


def test_fields_are_found_as_exchangelib_asks_for_them(exchange: Exchange) -> None:
    mailbox = account(exchange)
    then = EWSDateTime(2009, 11, 2, tzinfo=UTC)
    mails = [
        mail(mailbox, test_id="old", test_flags=1, test_delivered=then, is_read=True),
        mail(mailbox, test_id="new", categories=["緑"]),
    ]
    mailbox.bulk_create(folder=mailbox.inbox, items=mails)
    inbox = mailbox.inbox

    def keys(*questions: Q, **more: object) -> list[str]:
        return sorted(each.test_id for each in inbox.filter(*questions, **more).only("test_id"))

    assert keys(is_read=False) == ["new"]
    assert keys(datetime_received__lt=EWSDateTime(2010, 1, 1, tzinfo=UTC)) == ["old"]
    assert keys(datetime_received__gte=then) == ["new", "old"]
    assert keys(test_id__in=["old", "new", "none"]) == ["new", "old"]
    assert keys(~Q(test_id="old")) == ["new"]
    assert keys(message_id="<0001@old.example.co.jp>") == ["new", "old"]
    assert keys(subject__contains="積") == ["new", "old"]
    assert keys(subject__istartswith="見積") == ["new", "old"]
    assert keys(categories__exists=True) == ["new"]
    assert [each.test_id for each in inbox.all().order_by("datetime_received").only("test_id")] == ["old", "new"]
    assert inbox.filter(is_draft=True).count() == 1


def test_a_list_gives_no_mime_content_no_bodies_and_no_recipients(exchange: Exchange) -> None:
    filled(exchange, 1)
    assert codes(exchange, find(mime=True)) == ["ErrorInvalidPropertyRequest"]
    for field in ("item:Body", "message:ToRecipients"):
        body = find()
        body[0][-1].append(t("FieldURI", FieldURI=field))
        assert codes(exchange, body) == ["ErrorInvalidPropertyRequest"]


def test_a_list_has_only_the_beginning_of_what_is_long(exchange: Exchange) -> None:
    raw = b"Message-ID: <" + b"x" * 300 + b"@example.com>\r\nSubject: " + b"y" * 300 + b"\r\n\r\n"
    bytes_ = extended(base64.b64encode(bytes(600)).decode(), "Binary", **NAMED | {"PropertyName": "x-test-bytes"})
    ask(exchange, create(message(extended("z" * 300, "String", **NAMED), bytes_, raw=raw)))
    (item,) = exchange[ALICE].items
    fields = [t("FieldURI", FieldURI=each) for each in ("item:Subject", "message:InternetMessageId")]
    body = find()
    body[0][-1].extend([*fields, deepcopy(bytes_[0])])
    (listed,) = ask(exchange, body)
    names = ("Subject", "InternetMessageId", "Value")
    assert [len(found(listed, name)[0] or "") for name in names] == [255, 255, 255]
    (whole,) = ask(exchange, m("GetItem", body[0], m("ItemIds", t("ItemId", Id=item))))
    assert [len(found(whole, name)[0] or "") for name in names] == [300, 314, 300]
    assert [len(base64.b64decode(found(each, "Value")[1] or "")) for each in (listed, whole)] == [512, 600]


def test_changes_of_a_folder_are_told_once_each_and_at_most_512(exchange: Exchange) -> None:
    filled(exchange, 520)
    shape = m("ItemShape", t("BaseShape", "IdOnly"))
    state: str | None = None
    told = []
    for _ in range(2):
        folder = m("SyncFolderId", distinguished("inbox"))
        since = m("SyncState", state) if state else None
        body = m("SyncFolderItems", shape, folder, since, m("MaxChangesReturned", 512))
        (answer,) = ask(exchange, body)
        told.append(len(found(answer, "Create")))
        state = answer.findtext("{*}SyncState")
        shape = m("ItemShape", t("BaseShape", "IdOnly"))
    assert told == [512, 8]


def test_a_sync_tells_what_came_what_changed_and_what_went(exchange: Exchange) -> None:
    mailbox = account(exchange)
    mailbox.bulk_create(folder=mailbox.inbox, items=[mail(mailbox, test_id=key) for key in "abc"])
    inbox = mailbox.inbox
    assert [kind for kind, _ in inbox.sync_items()] == ["create"] * 3
    changed, gone, read = (inbox.get(test_id=key) for key in "abc")
    changed.categories = ["緑"]
    changed.save(update_fields=["categories"])
    gone.delete()
    read.is_read = True
    read.save(update_fields=["is_read"])
    mailbox.bulk_create(folder=inbox, items=[mail(mailbox, test_id="d")])
    assert sorted(kind for kind, _ in inbox.sync_items()) == ["create", "delete", "read_flag_change", "update"]
    assert list(inbox.sync_items()) == []


def test_a_sync_tells_which_folders_came_and_went(exchange: Exchange) -> None:
    mailbox = account(exchange)
    first = [kind for kind, _ in mailbox.root.sync_hierarchy()]
    assert set(first) == {"create"}
    desk = exchange[ALICE].add_folder("Desk", exchange[ALICE].role("inbox").id, "IPF.Note")
    assert [(kind, each.name) for kind, each in mailbox.root.sync_hierarchy()] == [("create", "Desk")]
    exchange[ALICE].remove_folder(desk)
    assert [kind for kind, _ in mailbox.root.sync_hierarchy()] == ["delete"]


def test_a_spoilt_sync_state_is_refused(exchange: Exchange) -> None:
    parts = (m("ItemShape", t("BaseShape", "IdOnly")), m("SyncFolderId", distinguished("inbox")), m("SyncState", "?"))
    assert codes(exchange, m("SyncFolderItems", *parts, m("MaxChangesReturned", 10))) == ["ErrorInvalidSyncStateData"]


def test_names_resolve_to_mailboxes(exchange: Exchange) -> None:
    mailbox = account(exchange)
    assert mailbox.version, "asked first, else exchangelib cannot resolve a name"
    protocol = mailbox.protocol
    assert [each.email_address for each in protocol.resolve_names(["bob"])] == [BOB]
    assert isinstance(next(iter(protocol.resolve_names(["nobody"]))), ErrorNameResolutionNoResults)


def test_time_zones_are_told(exchange: Exchange) -> None:
    (answer,) = ask(exchange, m("GetServerTimeZones", ReturnFullTimeZoneData="false"))
    assert "Tokyo Standard Time" in {each.get("Id") for each in answer.iter("{*}TimeZoneDefinition")}


def test_the_version_is_read_off_the_first_refusal(exchange: Exchange) -> None:
    assert str(account(exchange).version.build) == "15.2.2562.17"


@pytest.mark.parametrize(
    "field", ["item:Subject", "message:From", "item:Body", "item:InternetMessageHeaders", "message:ToRecipients"]
)
def test_fields_are_shown_one_by_one(exchange: Exchange, field: str) -> None:
    ask(exchange, create(message(raw=MAIL)))
    (item,) = exchange[ALICE].items
    more = t("AdditionalProperties", t("FieldURI", FieldURI=field))
    body = m("GetItem", m("ItemShape", t("BaseShape", "IdOnly"), more), m("ItemIds", t("ItemId", Id=item)))
    (answer,) = ask(exchange, body)
    assert len(found(answer, field.partition(":")[2])) == 1
