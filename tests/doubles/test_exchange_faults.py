"""The Exchange double: the wire, what it refuses, and what goes wrong on it when a test wants so."""

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
import requests
from exchangelib.errors import ErrorSchemaValidation, ErrorServerBusy, UnauthorizedError
from exchangelib.properties import Permission, PermissionSet, UserId
from exchangelib.protocol import BaseProtocol, FaultTolerance
from lxml import etree

from tests.doubles.ews import MAIL, account, ask, codes, create, distinguished, extended, found, mail, message, post
from tests.servers.exchange import ALICE, PASSWORD, SERVICE, Exchange, faults, server, shapes
from tests.servers.exchange.faults import (
    Busy,
    BusyInside,
    Dropped,
    Failed,
    Fault,
    Late,
    Lost,
    Meanwhile,
    Page,
    Refused,
    Slow,
    Truncated,
    Unauthorised,
    Unavailable,
)
from tests.servers.exchange.xml import SOAP, element, m, t


def stored(exchange: Exchange) -> int:
    return len(exchange[ALICE].items)


def until(question: Callable[[], bool]) -> None:
    """Wait for something to become true."""
    patience = time.monotonic() + 60
    while not question():
        assert time.monotonic() < patience
        Event().wait(0.02)


def test_an_invalid_request_is_refused_and_remembered(exchange: Exchange) -> None:
    body = m("GetFolder", m("FolderIds", distinguished("inbox")))
    assert codes(exchange, body) == ["ErrorSchemaValidation"]
    assert len(exchange.invalid_requests) == 1
    assert post(exchange, b"<not XML").status_code == 500
    assert len(exchange.invalid_requests) == 2


def test_a_request_is_measured_by_the_version_of_the_schema_it_names(exchange: Exchange) -> None:
    ask(exchange, create(message()))
    (item,) = exchange[ALICE].items
    delete = m("DeleteItem", m("ItemIds", t("ItemId", Id=item)), DeleteType="HardDelete", SuppressReadReceipts=True)
    assert codes(exchange, delete, version=None) == ["ErrorSchemaValidation"]
    assert codes(exchange, delete, version="Exchange2010_SP2") == ["ErrorSchemaValidation"]
    assert codes(exchange, delete, version="Exchange2099") == ["ErrorInvalidServerVersion"]
    assert codes(exchange, delete, version="Exchange2013_SP1") == ["NoError"]


def test_exchangelibs_own_permissions_are_invalid(exchange: Exchange) -> None:
    inbox = account(exchange).inbox
    one = Permission(permission_level="Editor", user_id=UserId(primary_smtp_address="bob@example.co.jp"))
    inbox.permission_set = PermissionSet(permissions=[one])
    with pytest.raises(ErrorSchemaValidation):
        inbox.save(update_fields=["permission_set"])


def test_an_invalid_answer_of_its_own_fails_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask_once() -> None:
        with server() as exchange:
            ask(exchange, create(message(t("Categories", t("String", "緑")))))
            (item,) = exchange[ALICE].items
            more = t("AdditionalProperties", t("FieldURI", FieldURI="item:Categories"))
            shape = m("ItemShape", t("BaseShape", "IdOnly"), more)
            ask(exchange, m("GetItem", shape, m("ItemIds", t("ItemId", Id=item))))

    ask_once()
    monkeypatch.setitem(shapes.ITEM, "Categories", lambda item: t("Categories", t("Strings", "緑")))
    with pytest.raises(AssertionError, match="Strings"):
        ask_once()


def test_code_of_its_own_that_breaks_fails_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask_once() -> None:
        with server() as exchange:
            monkeypatch.setattr(exchange.store, "mailboxes", None)
            assert post(exchange, create(message())).status_code == 500

    with pytest.raises(AssertionError, match="subscriptable"):
        ask_once()


def test_a_request_that_is_too_large_is_refused_by_an_answer_or_by_silence(exchange: Exchange) -> None:
    exchange.request_bytes = 10_000
    big = create(message(raw=MAIL + b"x" * 10_000))
    assert post(exchange, big).status_code == 413
    exchange.oversize = "close"
    with pytest.raises(requests.ConnectionError):
        post(exchange, big)
    assert codes(exchange, create(message())) == ["NoError"]
    assert stored(exchange) == 1


def test_a_request_may_come_in_chunks(exchange: Exchange) -> None:
    whole = etree.tostring(element(f"{SOAP}Envelope", element(f"{SOAP}Body", create(message()))))
    pieces = (whole[start : start + 100] for start in range(0, len(whole), 100))
    with requests.Session() as session:
        session.post(exchange.url, data=pieces, auth=(ALICE, PASSWORD), timeout=30).raise_for_status()
    assert stored(exchange) == 1


def test_a_wrong_password_and_an_unknown_token_are_401(exchange: Exchange) -> None:
    assert post(exchange, create(message()), password="guess").status_code == 401
    exchange.tokens["good"] = ALICE
    with requests.Session() as session:
        for token, status in (("good", 200), ("bad", 401)):
            answer = session.get(exchange.url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
            assert answer.status_code == status
    mailbox = account(exchange)
    exchange.passwords[ALICE] = "changed"
    with pytest.raises(UnauthorizedError):
        _ = mailbox.inbox


@pytest.mark.parametrize(
    ("fault", "error", "left"),
    [
        (Lost(), requests.ConnectionError, 2),
        (Truncated(), requests.exceptions.ChunkedEncodingError, 2),
        (Dropped(), requests.ConnectionError, 0),
    ],
    ids=["lost", "truncated", "dropped"],
)
def test_a_line_breaks_before_or_after_the_work(
    exchange: Exchange, fault: Fault, error: type[Exception], left: int
) -> None:
    exchange.script(fault)
    with pytest.raises(error):
        post(exchange, create(message(), message()))
    assert (stored(exchange), fault.fired) == (left, 1)
    assert codes(exchange, create(message())) == ["NoError"], "it goes wrong once"
    assert exchange.fired == {type(fault).__name__: 1}


def test_exchangelibs_own_retry_doubles_what_a_lost_answer_has_stored(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BaseProtocol, "RETRY_WAIT", 0)
    exchange.script(Lost())
    mailbox = account(exchange, retry_policy=FaultTolerance(max_wait=10), max_connections=2)
    assert mailbox.inbox
    mailbox.protocol.increase_poolsize()
    done = mailbox.bulk_create(folder=mailbox.inbox, items=[mail(mailbox, test_id=key) for key in "abc"])
    assert (len(done), stored(exchange)) == (3, 6), "and reports three"


def test_a_server_says_in_three_ways_that_it_is_busy(exchange: Exchange) -> None:
    exchange.script(Unavailable(1, retry_after=7), Busy(2, milliseconds=1500), BusyInside(3, after=1))
    answer = post(exchange, create(message()))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")
    mailbox = account(exchange)
    with pytest.raises(ErrorServerBusy) as busy:
        mailbox.bulk_create(folder=mailbox.inbox, items=[mail(mailbox)])
    assert busy.value.back_off == 1.5
    assert stored(exchange) == 0
    with pytest.raises(ErrorServerBusy):
        mailbox.bulk_create(folder=mailbox.inbox, items=[mail(mailbox)] * 3)
    assert stored(exchange) == 1, "what came before the budget was spent is there"
    assert exchange.fired == {"Busy": 1, "BusyInside": 1, "Unavailable": 1}


def test_a_server_may_fail_in_any_words_or_show_a_page_for_people(exchange: Exchange) -> None:
    exchange.script(Failed("ErrorMailboxStoreUnavailable", 1), Page(2), Page(3, status=502))
    assert codes(exchange, create(message())) == ["ErrorMailboxStoreUnavailable"]
    assert [post(exchange, create(message())).status_code for _ in range(3)] == [200, 502, 200]
    assert stored(exchange) == 1


def test_a_commit_may_come_after_the_client_has_gone(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    later, waits = Event(), []
    monkeypatch.setattr(faults.time, "sleep", lambda seconds: (waits.append(seconds), later.wait(60)))
    exchange.script(Late())
    with pytest.raises(requests.ConnectionError):
        post(exchange, create(message()))
    assert stored(exchange) == 0
    later.set()
    until(lambda: stored(exchange) == 1)
    assert waits == [5]


def test_a_mailbox_has_a_budget_of_requests_under_way(exchange: Exchange) -> None:
    exchange.concurrency = 2
    later = Event()
    exchange.script(Meanwhile(lambda: later.wait(60), at={1, 2}))

    def ask_for(_: int) -> str:
        return codes(exchange, create(message()), user=SERVICE, act_as=ALICE)[0]

    with ThreadPoolExecutor(2) as pool:
        two = pool.map(ask_for, range(2))
        until(lambda: exchange.underway[ALICE] == 2)
        assert ask_for(3) == "ErrorExceededConnectionCount"
        later.set()
        assert list(two) == ["NoError", "NoError"]
    assert exchange.busiest == {ALICE: 3}, "it is the impersonated mailbox's"


def test_single_items_are_refused_in_the_middle_of_a_chunk(exchange: Exchange) -> None:
    def has(key: str):
        return lambda part: key in found(part, "Value")

    each = {"ErrorMimeContentConversionFailed": "a", "ErrorItemSave": "b", "ErrorAccessDenied": "c"}
    exchange.script(*(Refused(code, has(key)) for code, key in each.items()))
    named = {"DistinguishedPropertySetId": "PublicStrings", "PropertyName": "x-test-id"}
    body = create(*(message(extended(key, "String", **named)) for key in "0a1b2c3"))
    assert codes(exchange, body) == ["NoError", *(code for name in each for code in (name, "NoError"))]
    assert exchange.fired == {"Refused": 3}


def test_a_fault_comes_at_chosen_requests_or_asks_the_request(exchange: Exchange) -> None:
    counted = Unavailable({2, 3})
    asked = Unauthorised(lambda request: b"QUJD" in request.raw)
    exchange.script(counted, asked)
    said = [post(exchange, create(message())).status_code for _ in range(4)]
    said.append(post(exchange, create(message(raw=b"ABC"))).status_code)
    assert (said, counted.fired, asked.fired) == ([200, 503, 503, 200, 401], 2, 1)
    assert [each.fault for each in exchange.asked("CreateItem")] == [
        "",
        "Unavailable",
        "Unavailable",
        "",
        "Unauthorised",
    ]


def test_the_work_may_be_slow_and_things_may_happen_meanwhile(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(faults.time, "sleep", waits.append)
    exchange.script(Slow(seconds=0.2), Meanwhile(lambda: setattr(exchange[ALICE], "quota", 0), at=2))
    assert codes(exchange, create(message())) == ["NoError"]
    assert waits == [0.2]
    assert codes(exchange, create(message())) == ["ErrorQuotaExceeded"]


def test_what_is_stored_outlives_a_client_that_is_killed(exchange: Exchange) -> None:
    program = """
import sys, requests
from tests.doubles.ews import create, message
from tests.servers.exchange import PASSWORD, ALICE
from tests.servers.exchange.xml import SOAP, element
from lxml import etree
whole = etree.tostring(element(SOAP + "Envelope", element(SOAP + "Body", create(message()))))
while True:
    requests.post(sys.argv[1], data=whole, auth=(ALICE, PASSWORD), timeout=30)
"""
    with subprocess.Popen([sys.executable, "-c", program, exchange.url]) as client:
        until(lambda: stored(exchange) >= 3)
        client.kill()
    assert stored(exchange) >= 3
    assert len({each.id for each in exchange[ALICE].items.values()}) == stored(exchange)


def test_it_speaks_tls_with_a_certificate_of_its_own() -> None:
    with server(tls=True) as exchange:
        assert codes(exchange, create(message())) == ["NoError"]
        exchange.certificate, trusted = None, exchange.certificate
        with pytest.raises(requests.exceptions.SSLError):
            post(exchange, create(message()))
        exchange.certificate = trusted
        assert stored(exchange) == 1


def test_other_paths_are_not_there(exchange: Exchange) -> None:
    exchange.url = exchange.url.replace("Exchange.asmx", "Services.asmx")
    assert post(exchange, create(message())).status_code == 404


def test_an_operation_it_does_not_know_is_a_fault(exchange: Exchange) -> None:
    body = m("ExpandDL", m("Mailbox", t("EmailAddress", "team@example.co.jp")))
    assert codes(exchange, body) == ["ErrorInvalidOperation"]
