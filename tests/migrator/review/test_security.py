"""What strangers, other pages and hostile mail try; and what each person may see."""

import asyncio
import re
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message
from typing_extensions import override

from migrator.review.app import build
from migrator.review.door import Visitor
from migrator.secret import Secret
from migrator.settings import Reviewer
from tests.migrator.review.office import CUSTOMER, HOST, HOSTILE, NEWS, SIGNER, Office, row_of

PAGES = ("/", "/topic/senders", "/topic/held", "/topic/accounts", "/topic/folders", "/topic/faults")
SUPPORT = Visitor("suzuki", "decide", ("support",))


@pytest.mark.parametrize("path", [*PAGES, "/topic/senders/row/s0"])
def test_without_a_session_nothing_is_shown(office: Office, path: str) -> None:
    answer = office.outside().get(path)
    assert answer.status_code == 403
    assert NEWS not in answer.text


def test_the_link_works_once_and_only_when_it_is_really_followed(office: Office) -> None:
    word = office.door.link(SIGNER)
    assert office.outside().head(f"/enter/{word}").status_code == 405
    answer = office.outside().get(f"/enter/{word}", follow_redirects=False)
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert office.outside().get(f"/enter/{word}").status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8025", "127.0.0.1", "127.0.0.1:1", ""])
def test_under_another_name_we_do_not_answer(office: Office, host: str) -> None:
    person = office.inside()
    assert person.client.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("origin", ["http://evil.example", "null", f"https://{HOST}", "http://127.0.0.1:1", ""])
def test_a_form_of_another_page_is_refused(office: Office, origin: str) -> None:
    person = office.inside()
    form = person.hidden(person.see("/topic/senders")) | {"one": f"{row_of(person.see('/topic/senders'), NEWS)}:park"}
    assert person.client.post("/topic/senders", data=form, headers={"origin": origin}).status_code == 403
    assert office.desk.sheet(office.topics[2]).seen == 0


@pytest.mark.parametrize("csrf", [None, "", "x", "\ud800"])
def test_a_form_without_the_sessions_word_is_refused(office: Office, csrf: str | None) -> None:
    person, other = office.inside(), office.inside()
    page = other.see("/topic/senders")
    form = other.hidden(page) | {"one": f"{row_of(page, NEWS)}:park"}
    form |= {} if csrf is None else {"csrf": csrf.encode("utf-8", "replace").decode()}
    assert person.client.post("/topic/senders", data=form).status_code == 403
    assert person.client.post("/leave", data=form).status_code == 403
    person.see("/")


def test_every_answer_forbids_what_a_page_does_not_need(office: Office) -> None:
    person = office.inside()
    for path in (*PAGES, "/static/review.css", "/nowhere"):
        headers = person.client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "same-origin"
    assert office.outside(host="x").get("/").headers["content-security-policy"]


@pytest.mark.parametrize("path", [*PAGES, "row"])
def test_a_page_holds_no_script_no_style_and_no_address_of_others(office: Office, path: str) -> None:
    person = office.inside()
    if path == "row":
        path = f"/topic/senders/row/{row_of(person.see('/topic/senders'), CUSTOMER)}"
    page = person.see(path)
    tags = Tags()
    tags.feed(page)
    scripts = [attributes for tag, attributes in tags.seen if tag == "script"]
    assert scripts == [{"src": "/static/keys.js", "defer": None}]
    assert {tag for tag, _ in tags.seen} & {"style", "iframe", "object", "img"} == set()
    given = [(name, value or "") for _, attributes in tags.seen for name, value in attributes.items()]
    assert [name for name, _ in given if name == "style" or name.startswith("on")] == []
    addresses = [value for name, value in given if name in {"src", "href", "action"}]
    assert [each for each in addresses if not re.match(r"/(?!/)|[#?]", each)] == []


class Tags(HTMLParser):
    """Every tag with its attributes, as a browser sees them."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_a_hostile_subject_is_text(office: Office) -> None:
    page = office.inside().see("/topic/senders")
    assert "&lt;script src=https://evil.example/x.js&gt;" in page
    assert HOSTILE[:20] not in page
    assert "\u202e" not in page
    assert "\\u202e" in page


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/static/review.css%00",
        "/static/",
        "/topic/../enter",
        "/topic/none",
        "/topic/senders/row/..%2f..%2fx",
        "/topic/senders/",
    ],
)
def test_a_path_leads_nowhere_but_to_our_pages(office: Office, path: str) -> None:
    token = office.inside().client.cookies["migrator_review"]
    assert asyncio.run(asked_as_written(office.app, path, token)) == 404


async def asked_as_written(app: ASGIApp, path: str, token: str) -> int:
    """The status for a path that no client has put in order before it was sent."""
    headers = [(b"host", HOST.encode()), (b"cookie", f"migrator_review={token}".encode())]
    scope = {"type": "http", "method": "GET", "path": unquote(path), "raw_path": path.encode(), "query_string": b""}
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message)

    await app({**scope, "headers": headers, "client": ("127.0.0.1", 1), "scheme": "http"}, receive, send)
    return int(sent[0]["status"])


@pytest.mark.parametrize(
    "fields",
    [
        {"seen": "x"},
        {"seen": "999999999999999999"},
        {"seen": "-1"},
        {"one": "{row}:delete"},
        {"one": "{row}:none"},
        {"one": "{row}:" + "x" * 600},
        {"one": "", "row": "{row}", "bulk": ""},
    ],
)
def test_a_form_that_no_page_of_ours_sends_is_refused(office: Office, fields: dict[str, str]) -> None:
    person = office.inside()
    row = row_of(person.see("/topic/senders"), NEWS)
    filled = {"one": f"{row}:park"} | {name: value.replace("{row}", row) for name, value in fields.items()}
    assert person.press("senders", **filled).status_code == 400
    assert office.desk.sheet(office.topics[2]).seen == 0


def test_a_form_larger_than_ours_or_of_no_size_is_not_read(office: Office) -> None:
    person = office.inside()
    assert person.client.post("/topic/senders", content=b"x" * 2**21).status_code == 413
    assert person.client.post("/topic/senders", content=iter([b"x"])).status_code == 413
    assert person.client.put("/topic/senders").status_code == 405


def test_a_reviewer_sees_only_subjects_of_their_accounts(office: Office) -> None:
    person = office.inside(SUPPORT)
    page = person.see("/topic/senders")
    assert "order@shop.example" not in page
    news = page + person.see(f"/topic/senders/row/{row_of(page, NEWS)}")
    assert [f"weekly-{number}" in news for number in range(3)] == [False, False, True]
    row = person.see(f"/topic/senders/row/{row_of(page, CUSTOMER)}")
    assert "来週の打ち合わせ" not in row
    assert "evil.example" in row
    assert "ご注文の確認" not in person.see("/topic/held")
    order = row_of(office.inside().see("/topic/senders"), "order@shop.example")
    assert person.client.get(f"/topic/senders/row/{order}").status_code == 404


def test_nobody_decides_about_mail_that_they_do_not_see(office: Office) -> None:
    row = row_of(office.inside().see("/topic/senders"), NEWS)
    assert office.inside(SUPPORT).press("senders", one=f"{row}:park").status_code == 403
    own = row_of(office.inside().see("/topic/accounts"), "support")
    assert office.inside(SUPPORT).press("accounts", one=f"{own}:right").status_code == 303


@pytest.mark.parametrize("what", ["decide", "undo", "sign"])
def test_who_may_only_see_changes_nothing(office: Office, what: str) -> None:
    person = office.inside(Visitor("mori", "see", ("*",)))
    page = office.inside().see("/topic/senders")
    assert "<button name=" not in person.see("/topic/senders")
    to = {"decide": "", "undo": "/undo", "sign": "/sign"}[what]
    fields = {"one": f"{row_of(page, NEWS)}:park", "first": "1", "last": "1", "digest": "x"}
    assert person.press("senders", to=to, **fields).status_code == 403


@pytest.mark.parametrize(
    "visitor",
    [Visitor("mori", "decide", ("*",)), Visitor("mori", "sign", ("nobody",)), Visitor("mori", "sign", ())],
    ids=["only decides", "sees nothing", "no accounts"],
)
def test_who_may_only_decide_and_who_sees_nothing_does_not_sign(office: Office, visitor: Visitor) -> None:
    assert office.inside(visitor).press("senders", to="/sign", digest="x").status_code == 403


def test_a_named_reviewer_comes_in_by_secret_and_five_wrong_ones_slow_down(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVIEW_MORI", "a long enough secret")
    named = Office(office.staging, {"mori": Reviewer(secret=Secret(env="REVIEW_MORI"), accounts=("support",))})
    browser = named.outside()
    assert browser.get("/").url.path == "/enter"
    assert browser.post("/enter", data={"name": "mori", "secret": "a long enough secret"}).url.path == "/"
    assert "mori" in browser.get("/").text
    stranger = named.outside()
    answers = [stranger.post("/enter", data={"name": "mori", "secret": "wrong"}).status_code for _ in range(6)]
    assert answers == [403] * 5 + [429]
    late = stranger.post("/enter", data={"name": "mori", "secret": "a long enough secret"})
    assert late.status_code == 429
    assert int(late.headers["retry-after"]) > 0


def test_leaving_ends_the_session(office: Office) -> None:
    person = office.inside()
    person.client.post("/leave", data=person.hidden(person.see("/")))
    assert person.client.get("/").status_code == 403


def test_of_rows_that_they_do_not_see_nobody_is_told_that_they_are_there(office: Office) -> None:
    order = row_of(office.inside().see("/topic/senders"), "order@shop.example")
    person = office.inside(SUPPORT)
    answers = [person.press("senders", one=f"{row}:park") for row in (order, "s000000000000")]
    assert [answer.status_code for answer in answers] == [409, 409]
    assert answers[0].text == answers[1].text
    assert office.desk.sheet(office.topics[2]).seen == 0


def test_by_tls_the_cookie_is_one_that_no_neighbour_can_set(office: Office) -> None:
    app = build(office.desk, office.door, hosts=(HOST,), scheme="https")
    client = TestClient(app, f"https://{HOST}", headers={"origin": f"https://{HOST}"})
    answer = client.get(f"/enter/{office.door.link(SIGNER)}", follow_redirects=False)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-migrator_review=")
    assert {"Secure", "Path=/", "HttpOnly"} <= set(cookie.split("; "))
    assert client.get("/").status_code == 200
    plain = TestClient(app, f"https://{HOST}", cookies={"migrator_review": client.cookies["__Host-migrator_review"]})
    assert plain.get("/").status_code == 403


def test_a_secret_that_is_gone_stops_nobody_else_and_is_told_to_no_stranger(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("REVIEW_MORI", raising=False)
    named = Office(office.staging, {"mori": Reviewer(secret=Secret(env="REVIEW_MORI"), accounts=("support",))})
    answer = named.outside().post("/enter", data={"name": "mori", "secret": "x"})
    assert answer.status_code == 503
    assert "REVIEW_MORI" not in answer.text
    assert "REVIEW_MORI" in caplog.text
    named.inside().see("/")
