"""The Graph double, rule by rule."""

import base64
import email
import email.policy
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import msal
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.doubles.ews import MAIL
from tests.servers.exchange import ALICE, BOB
from tests.servers.exchange.faults import Dropped, Fault, Late, Lost, Truncated, Unavailable
from tests.servers.graph import APP, SECRET, TENANT, Graph, Throttled
from tests.servers.graph.login import App, Grant

NAMED = "String {00020329-0000-0000-C000-000000000046} Name x-test-id"


class Client:
    """An app with a token for all mailboxes."""

    def __init__(self, graph: Graph, user: str | None = None, *permissions: str) -> None:
        self.graph = graph
        granted = frozenset(permissions) or graph.apps[APP].permissions
        graph.grants["token"] = Grant(APP, user, granted, datetime.now(UTC).timestamp() + 60)
        self.session = requests.Session()
        self.session.verify, self.session.trust_env = str(graph.certificate), False
        self.session.headers["Authorization"] = "Bearer token"

    def ask(self, method: str, path: str, body: Any = None, version: str = "v1.0", **more: Any) -> requests.Response:
        where = path if path.startswith("https:") else f"{self.graph.url}/{version}/{path}"
        if isinstance(body, bytes):
            more["headers"] = {"Content-Type": "text/plain", **more.get("headers", {})}
            return self.session.request(method, where, data=body, timeout=30, **more)
        return self.session.request(method, where, json=body, timeout=30, **more)

    def get(self, path: str, **params: str) -> Any:
        answer = self.ask("GET", path, params=params)
        assert answer.ok, answer.text
        return answer.json()

    def make(self, raw: bytes = MAIL, folder: str = "inbox", owner: str = ALICE) -> requests.Response:
        where = f"users/{owner}/mailFolders/{folder}/importMime"
        return self.ask("POST", where, base64.b64encode(raw), "beta")


@pytest.fixture
def client(graph: Graph) -> Iterator[Client]:
    made = Client(graph)
    yield made
    made.session.close()


def code(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_an_app_logs_in_with_its_secret_and_no_other(graph: Graph) -> None:
    def login(secret: str) -> dict[str, Any]:
        with requests.Session() as session:
            # The environment's bundle of certificates goes before a session's own.
            session.verify, session.trust_env = str(graph.certificate), False
            known = {"instance_discovery": False, "http_client": session}
            app = msal.ConfidentialClientApplication(APP, secret, graph.authority, **known)
            return dict(app.acquire_token_for_client([f"{graph.url}/.default"]))

    assert login(SECRET)["access_token"] in graph.grants
    assert login("guess")["error"] == "invalid_client"


def test_an_app_logs_in_with_its_certificate(graph: Graph) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    graph.apps["certified"] = App(key=public)
    endpoint = f"{graph.authority}/oauth2/v2.0/token"
    fields = {"client_id": "certified", "grant_type": "client_credentials", "scope": f"{graph.url}/.default"}
    for issuer, status in (("certified", 200), ("somebody", 401)):
        claims = {"iss": issuer, "sub": issuer, "aud": endpoint, "exp": datetime.now(UTC) + timedelta(minutes=5)}
        assertion = {"client_assertion": jwt.encode(claims, private, "RS256")}
        answer = requests.post(endpoint, data=fields | assertion, verify=str(graph.certificate), timeout=30)
        assert answer.status_code == status


def test_a_user_enters_a_device_code(graph: Graph) -> None:
    def post(path: str, **fields: str) -> dict[str, Any]:
        answer = requests.post(
            f"{graph.authority}/oauth2/v2.0/{path}", fields, verify=str(graph.certificate), timeout=30
        )
        return dict(answer.json())

    device = post("devicecode", client_id=APP, scope="Mail.ReadWrite")["device_code"]
    asked = {"client_id": APP, "device_code": device, "grant_type": "urn:ietf:params:oauth:grant-type:device_code"}
    assert post("token", **asked)["error"] == "authorization_pending"
    graph.devices[device] = ALICE
    assert graph.grants[post("token", **asked)["access_token"]].user == ALICE
    assert TENANT in graph.authority


def test_a_token_ends_and_an_unknown_one_never_was(graph: Graph, client: Client) -> None:
    assert client.ask("GET", f"users/{ALICE}/mailFolders").ok
    graph.grants["token"] = Grant(APP, None, graph.apps[APP].permissions, 0)
    assert code(client.ask("GET", f"users/{ALICE}/mailFolders")) == (401, "InvalidAuthenticationToken")


def test_an_app_may_into_all_mailboxes_and_a_user_into_his_own(graph: Graph, client: Client) -> None:
    assert client.ask("GET", f"users/{BOB}/mailFolders").ok
    assert code(client.ask("GET", "users/nobody@example.co.jp/mailFolders")) == (404, "ErrorInvalidUser")
    assert code(client.ask("GET", "me/mailFolders")) == (400, "BadRequest")
    user = Client(graph, ALICE)
    assert user.ask("GET", "me/mailFolders").ok
    assert code(user.ask("GET", f"users/{BOB}/mailFolders")) == (403, "ErrorAccessDenied")
    graph[BOB].full_access.add(ALICE)
    assert user.ask("GET", f"users/{BOB}/mailFolders").ok
    user.session.close()


def test_folders_are_made_listed_renamed_and_deleted(graph: Graph, client: Client) -> None:
    top = f"users/{ALICE}/mailFolders"
    made = client.ask("POST", top, {"displayName": "取引先"}).json()
    assert code(client.ask("POST", top, {"displayName": "取引先"})) == (409, "ErrorFolderExists")
    inner = client.ask("POST", f"{top}/{made['id']}/childFolders", {"displayName": "2009"}).json()
    assert [each["displayName"] for each in client.get(f"{top}/{made['id']}/childFolders")["value"]] == ["2009"]
    assert client.ask("PATCH", f"{top}/{inner['id']}", {"displayName": "平成21年"}).json()["displayName"] == "平成21年"
    assert graph[ALICE].folder("取引先", "平成21年")
    assert client.ask("DELETE", f"{top}/{inner['id']}").status_code == 204
    assert client.get(f"{top}/inbox")["displayName"] == "受信トレイ"
    assert client.ask("DELETE", f"{top}/inbox").status_code == 400


def test_mime_makes_a_draft_or_by_the_beta_call_a_mail(graph: Graph, client: Client) -> None:
    draft = client.ask("POST", f"users/{ALICE}/mailFolders/inbox/messages", base64.b64encode(MAIL))
    imported = client.make()
    assert (draft.status_code, draft.json()["isDraft"], draft.json()["subject"]) == (201, True, "見積書")
    assert (imported.status_code, imported.json()["isDraft"]) == (201, False)
    where = f"users/{ALICE}/mailFolders/inbox/importMime"
    assert client.ask("POST", where, base64.b64encode(MAIL)).status_code == 405, "in v1.0 there is none"
    flags = {"singleValueExtendedProperties": [{"id": "Integer 0x0E07", "value": "1"}]}
    later = client.ask("PATCH", f"users/{ALICE}/messages/{draft.json()['id']}", flags)
    assert (later.json()["isDraft"], later.json()["isRead"]) == (True, True), "a draft stays one"


def test_an_import_takes_a_permission_of_its_own_and_base64_of_something(graph: Graph) -> None:
    client = Client(graph, None, "Mail.ReadWrite")
    assert code(client.make()) == (403, "ErrorAccessDenied")
    client = Client(graph, None, "Mail-Advanced.ReadWrite.All")
    where = f"users/{ALICE}/mailFolders/inbox/importMime"
    for body in (b"", MAIL):
        answer = client.ask("POST", where, body, "beta")
        assert code(answer) == (400, "ErrorMimeContentInvalidBase64String")
    assert graph[ALICE].items == {}
    client.session.close()


def test_a_mail_over_4_mb_is_refused(graph: Graph, client: Client) -> None:
    assert client.make(MAIL + b"x" * (4 * 1024 * 1024)).status_code == 413
    assert client.make(MAIL + b"x" * (3 * 1024 * 1024)).status_code == 201
    graph.oversize = "close"
    with pytest.raises(requests.ConnectionError):
        client.make(MAIL + b"x" * (4 * 1024 * 1024))


def test_an_imported_mail_was_received_now_unless_its_property_says_otherwise(graph: Graph, client: Client) -> None:
    made = client.make().json()
    assert datetime.now(UTC) - datetime.fromisoformat(made["receivedDateTime"]) < timedelta(minutes=5)
    assert made["sentDateTime"] == "2009-11-02T00:15:00Z"
    then = {"singleValueExtendedProperties": [{"id": "SystemTime 0x0E06", "value": "2009-11-02T00:15:03Z"}]}
    changed = client.ask("PATCH", f"users/{ALICE}/messages/{made['id']}", then).json()
    assert changed["receivedDateTime"] == "2009-11-02T00:15:03Z"
    graph.received = "date"
    assert client.make().json()["receivedDateTime"] == "2009-11-02T00:15:00Z"


def test_state_is_patched_and_what_a_mail_says_only_by_the_advanced(graph: Graph, client: Client) -> None:
    where = f"users/{ALICE}/messages/{client.make().json()['id']}"
    state = {"isRead": True, "categories": ["緑", "a,b"], "flag": {"flagStatus": "flagged"}, "importance": "high"}
    told = client.ask("PATCH", where, state).json()
    assert {name: told[name] for name in state} == state | {"categories": ["緑", "a", "b"]}
    assert client.ask("PATCH", where, {"subject": "other"}).json()["subject"] == "other"
    graph.advanced = False
    assert code(client.ask("PATCH", where, {"subject": "third"})) == (400, "ErrorInvalidPropertySet")
    graph.advanced = True
    plain = Client(graph, None, "Mail.ReadWrite")
    assert code(plain.ask("PATCH", where, {"subject": "third"})) == (403, "ErrorAccessDenied")
    assert plain.ask("PATCH", where, {"isRead": False}).ok
    plain.session.close()


def test_a_stale_etag_conflicts(client: Client) -> None:
    made = client.make().json()
    where = f"users/{ALICE}/messages/{made['id']}"
    stale = {"If-Match": made["@odata.etag"]}
    assert client.ask("PATCH", where, {"isRead": True}, headers=stale).ok
    assert code(client.ask("PATCH", where, {"isRead": False}, headers=stale)) == (412, "ErrorIrresolvableConflict")


def test_named_properties_are_found_by_value_whatever_its_case(client: Client) -> None:
    for value in ("k1", "K1", "k2", "o'k"):
        where = f"users/{ALICE}/messages/{client.make().json()['id']}"
        client.ask(
            "PATCH", where, {"singleValueExtendedProperties": [{"id": NAMED, "value": value}]}
        ).raise_for_status()

    def found(question: str) -> list[str]:
        expand = f"singleValueExtendedProperties($filter=id eq '{NAMED}')"
        params = {"$filter": question, "$expand": expand, "$select": "id"}
        values = client.get(f"users/{ALICE}/mailFolders/inbox/messages", **params)["value"]
        return sorted(each["singleValueExtendedProperties"][0]["value"] for each in values)

    def equal(value: str) -> str:
        return f"singleValueExtendedProperties/Any(ep: ep/id eq '{NAMED}' and ep/value eq '{value}')"

    assert found(equal("k1")) == ["K1", "k1"], "ids that differ in case only are one for a filter"
    assert found(f"{equal('k2')} or {equal('o' + chr(39) * 2 + 'k')}") == ["k2", "o'k"]
    assert found(equal("absent")) == []
    assert len(found("isRead eq false and isDraft eq false and receivedDateTime ge 2009-01-01T00:00:00Z")) == 4


def test_lists_come_in_pages_of_ten(client: Client) -> None:
    for _ in range(23):
        client.make()
    where: str | None = f"users/{ALICE}/mailFolders/inbox/messages?$select=id"
    sizes, ids = [], set()
    while where:
        page = client.get(where)
        sizes.append(len(page["value"]))
        ids.update(each["id"] for each in page["value"])
        where = page.get("@odata.nextLink")
    assert (sizes, len(ids)) == ([10, 10, 3], 23)
    assert code(client.ask("GET", f"users/{ALICE}/messages?$top=1001")) == (400, "BadRequest")


def test_a_mail_is_read_back_made_anew_and_moved_under_another_id(client: Client) -> None:
    made = client.make().json()
    where = f"users/{ALICE}/messages/{made['id']}"
    first, second = (client.ask("GET", f"{where}/$value").content for _ in range(2))
    assert len({MAIL, first, second}) == 3
    assert email.message_from_bytes(first, policy=email.policy.default)["Subject"] == "見積書"
    moved = client.ask("POST", f"{where}/move", {"destinationId": "sentitems"}).json()
    assert moved["id"] != made["id"]
    assert code(client.ask("GET", where)) == (404, "ErrorItemNotFound")
    assert client.ask("DELETE", f"users/{ALICE}/messages/{moved['id']}").status_code == 204
    assert client.get(f"users/{ALICE}/mailFolders/sentitems")["totalItemCount"] == 0


def test_an_immutable_id_stays_for_those_who_prefer_it(client: Client) -> None:
    client.session.headers["Prefer"] = 'IdType="ImmutableId"'
    made = client.make().json()["id"]
    moved = client.ask("POST", f"users/{ALICE}/messages/{made}/move", {"destinationId": "sentitems"}).json()
    assert moved["id"] == made
    assert client.get(f"users/{ALICE}/messages/{made}")["id"] == made


def test_a_batch_answers_each_request_for_itself(graph: Graph, client: Client) -> None:
    made = [client.make().json()["id"] for _ in range(3)]
    graph.script(Throttled(2, "PATCH message", retry_after=7))
    requests_ = [
        {
            "id": str(n),
            "method": "PATCH",
            "url": f"/users/{ALICE}/messages/{each}",
            "headers": {"Content-Type": "application/json"},
            "body": {"isRead": True},
        }
        for n, each in enumerate(made)
    ]
    last = {"id": "after", "method": "GET", "url": f"/users/{ALICE}/mailFolders/inbox", "dependsOn": ["1"]}
    told = client.ask("POST", "$batch", {"requests": [*requests_, last]}).json()["responses"]
    assert {each["id"]: each["status"] for each in told} == {"0": 200, "1": 429, "2": 200, "after": 424}
    assert next(each for each in told if each["id"] == "1")["headers"]["Retry-After"] == "7"
    assert [each["id"] for each in told] != ["0", "1", "2", "after"], "in no promised order"
    too_many = [requests_[0] | {"id": str(n)} for n in range(21)]
    assert client.ask("POST", "$batch", {"requests": too_many}).status_code == 400
    assert client.ask("POST", "$batch", {"requests": [requests_[0]] * 2}).status_code == 400


def test_four_requests_of_an_app_may_be_under_way_in_a_mailbox(graph: Graph, client: Client) -> None:
    def get(_: int) -> int:
        own = Client(graph)
        with own.session:
            return own.ask("GET", f"users/{ALICE}/mailFolders/inbox").status_code

    held = graph.store.lock
    with ThreadPoolExecutor(6) as pool:
        with held:
            graph.underway[APP, ALICE] = 4
        assert get(0) == 429
        with held:
            graph.underway[APP, ALICE] = 0
        assert list(pool.map(get, range(3))) == [200] * 3
    assert graph.busiest[APP, ALICE] == 5


@pytest.mark.parametrize(("fault", "left"), [(Lost, 1), (Truncated, 1), (Dropped, 0)])
def test_a_line_breaks_before_or_after_the_work(graph: Graph, client: Client, fault: type[Fault], left: int) -> None:
    graph.script(fault(1, "POST importMime"))
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        client.make()
    assert len(graph[ALICE].items) == left
    assert graph.fired == {fault.__name__: 1}


def test_a_server_says_that_it_is_busy_or_works_late(graph: Graph, client: Client) -> None:
    graph.script(
        Throttled(1, retry_after=3),
        Unavailable(2, "POST importMime", retry_after=5),
        Late(3, "POST importMime", seconds=0),
    )
    first, second = client.make(), client.make()
    assert (code(first), first.headers["Retry-After"]) == ((429, "ApplicationThrottled"), "3")
    assert (second.status_code, second.headers["Retry-After"]) == (503, "5")
    with pytest.raises(requests.ConnectionError):
        client.make()


def test_a_hidden_folder_is_listed_for_those_who_ask_for_it(client: Client) -> None:
    where = f"users/{ALICE}/mailFolders"
    assert client.ask("POST", where, {"displayName": "unseen", "isHidden": True}).json()["isHidden"] is True
    asked = (f"{where}?$top=50", f"{where}?$top=50&includeHiddenFolders=true")
    seen, all_ = ({each["displayName"] for each in client.get(path)["value"]} for path in asked)
    assert all_ - seen == {"unseen"}
    assert "予定表" not in all_, "a calendar is no mail folder"


def test_mails_are_listed_in_the_order_that_is_asked_for(client: Client) -> None:
    made = [client.make().json()["id"] for _ in range(3)]
    where = f"users/{ALICE}/mailFolders/inbox/messages?$orderby=createdDateTime"
    assert [each["id"] for each in client.get(f"{where} asc")["value"]] == made
    assert [each["id"] for each in client.get(f"{where} desc")["value"]] == made[::-1]


def test_who_marks_a_mail_as_read_sends_the_receipt_it_asks_for(graph: Graph, client: Client) -> None:
    asking = MAIL.replace(b"Subject:", b"Disposition-Notification-To: a@example.co.jp\r\nSubject:", 1)
    first, second = (f"users/{ALICE}/messages/{client.make(asking).json()['id']}" for _ in range(2))
    client.ask("PATCH", first, {"isReadReceiptRequested": False}).raise_for_status()
    for each in (first, second):
        client.ask("PATCH", each, {"isRead": True, "isReadReceiptRequested": False}).raise_for_status()
    assert len(graph.receipts) == 1
