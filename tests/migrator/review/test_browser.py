"""The page in a browser: with and without JavaScript, by mouse and by keys, in both languages, with 5,000 rows."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.resources import files

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from migrator.review.app import build
from migrator.review.serve import listen, server
from migrator.review.topic import RIGHT, WRONG, Row, Topic
from migrator.review.topics import TOPICS
from migrator.secret import Secret
from migrator.settings import Reviewer, ReviewSection
from migrator.staging.books import row_id, rulings_book
from tests.migrator.review.office import CUSTOMER, NEWS, SIGNER, Office

MANY = Topic(
    name="many",
    letters="r",
    title=lambda: "Many",
    question=lambda: "Five thousand rows.",
    unit=lambda: "row",
    columns=(lambda: "mails",),
    words=(RIGHT, WRONG),
    facts=lambda desk: (
        Row(
            id=row_id("r", str(number)),
            subject=row_id("r", str(number)),
            title=f"row {number:04}",
            proposal="even" if number % 2 == 0 else "odd",
            accepts="right",
            confidence=0.9,
            numbers=(number,),
        )
        for number in range(5000)
    ),
    book=partial(rulings_book, topic="many"),
)

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


@dataclass
class Desk:
    """A person's browser at the running page."""

    context: BrowserContext
    page: Page
    base: str
    strange: list[str]
    """What the console said, and what was asked of others."""

    def go(self, path: str) -> Page:
        """Open a page of ours."""
        self.page.goto(self.base + path)
        return self.page

    def row(self, title: str) -> Locator:
        """The row with this title."""
        return self.page.locator("li.row").filter(has=self.page.get_by_role("link", name=title, exact=True))

    def decide(self, title: str, word: str) -> None:
        """Press a word of a row."""
        self.row(title).get_by_role("button", name=word, exact=True).click()


Sit = Callable[..., Desk]


@pytest.fixture
def sit(office: Office, chromium: Browser) -> Iterator[Sit]:
    with sitting(office, chromium) as down:
        yield down


@contextmanager
def sitting(office: Office, chromium: Browser) -> Iterator[Sit]:
    """Sit down before the page; at the end nothing may have been asked of others, and no console may have spoken."""
    strange: list[str] = []
    opened: list[BrowserContext] = []
    with serving(office) as base:

        def down(**how: object) -> Desk:
            context = chromium.new_context(**({"locale": "en-GB"} | how))  # type: ignore[arg-type]
            context.set_default_timeout(10_000)
            opened.append(context)
            context.on("request", lambda asked: asked.url.startswith(base) or strange.append(asked.url))
            context.on("console", lambda said: strange.append(said.text))
            context.on("weberror", lambda error: strange.append(str(error.error)))
            page = context.new_page()
            page.goto(f"{base}/enter/{office.door.link(SIGNER)}")
            return Desk(context, page, base, strange)

        yield down
        for context in opened:
            context.close()
    assert strange == []


@contextmanager
def serving(office: Office) -> Iterator[str]:
    """The page at a port of its own, by the server that the command starts."""
    listening = listen("127.0.0.1:0", ReviewSection())
    app = build(office.desk, office.door, hosts=listening.hosts, topics=(*TOPICS, MANY))
    running = server(app, listening)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening.socket]})
    thread.start()
    try:
        yield listening.address
    finally:
        running.should_exit = True
        thread.join()


def test_decide_undo_sign_and_open_again(sit: Sit) -> None:
    desk = sit()
    page = desk.go("/")
    page.get_by_role("link", name="Senders and lists").click()
    page.get_by_label("Reason").fill("agreed with sales")
    desk.decide(NEWS, "park")
    expect(desk.row(NEWS).get_by_role("button", name="park")).to_have_attribute("aria-pressed", "true")
    expect(desk.row(NEWS)).to_contain_text("agreed with sales")
    page.get_by_role("button", name="Undo").click()
    expect(desk.row(NEWS).get_by_role("button", name="park")).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="I sign this as sato").click()
    expect(page.locator("#sign .state")).to_contain_text("signed by sato")
    desk.decide(CUSTOMER, "hold")
    expect(page.locator("#sign .state")).to_contain_text("open again since sato signed")
    page.get_by_role("link", name="Show them").click()
    expect(page.locator("li.row")).to_have_count(1)


def test_by_keys_alone(sit: Sit) -> None:
    desk = sit()
    page = desk.go("/topic/senders")
    second = page.locator("li.row").nth(1)
    for key in ("j", "j", "x"):
        page.keyboard.press(key)
    expect(second).to_be_focused()
    expect(second.get_by_role("checkbox")).to_be_checked()
    expect(page.locator("#many")).to_have_text("1")
    page.keyboard.press("r")
    page.keyboard.type("by hand 1 2 3")
    page.keyboard.press("Escape")
    expect(second).to_be_focused()
    page.keyboard.press("2")
    expect(second.get_by_role("button", name="park")).to_have_attribute("aria-pressed", "true")
    expect(second).to_contain_text("by hand 1 2 3")
    expect(page.locator("li.row").nth(2)).to_be_focused()  # ready for the next
    page.keyboard.press("u")
    expect(second.get_by_role("button", name="park")).to_have_attribute("aria-pressed", "false")
    page.wait_for_load_state()  # keys are heard when all of the page is there
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_text("next, previous row")).to_be_visible()


def test_enter_in_the_reason_decides_nothing(sit: Sit) -> None:
    desk = sit()
    page = desk.go("/topic/senders")
    page.get_by_label("Reason").fill("not yet")
    page.keyboard.press("Enter")
    assert page.url.endswith("/topic/senders")
    expect(page.locator("[aria-pressed=true]")).to_have_count(0)


def test_without_javascript_all_of_it_works(sit: Sit) -> None:
    desk = sit(java_script_enabled=False)
    page = desk.go("/topic/senders")
    desk.row(NEWS).get_by_role("checkbox").check()
    desk.row(CUSTOMER).get_by_role("checkbox").check()
    page.get_by_label("Reason").fill("both")
    page.get_by_role("group", name="For the ticked rows").get_by_role("button", name="hold").click()
    expect(page.locator("[aria-pressed=true]")).to_have_count(2)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("[aria-pressed=true]")).to_have_count(0)
    page.get_by_label("Search").fill("kyaku")
    page.get_by_role("button", name="Find").click()
    expect(page.locator("li.row")).to_have_count(1)
    page.get_by_role("link", name="日本語").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("差出人とメーリングリスト")
    expect(page.locator("li.row")).to_have_count(1)
    page.get_by_role("link", name=CUSTOMER).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(CUSTOMER)


def test_the_second_of_two_people_sees_what_the_first_has_said(sit: Sit) -> None:
    first, second = sit(), sit(locale="ja-JP")
    second.go("/topic/senders")
    first.go("/topic/senders")
    first.page.get_by_label("Reason").fill("newsletter")
    first.decide(NEWS, "park")
    expect(first.page.get_by_role("status")).to_be_visible()
    second.decide(NEWS, "移行")
    expect(second.page.get_by_role("alert")).to_contain_text("ほかの人が先に判断しました")
    expect(second.page.get_by_role("alert")).to_contain_text("newsletter")
    expect(second.row(NEWS).get_by_role("button", name="留め置き")).to_have_attribute("aria-pressed", "true")
    assert "409 (Conflict)" in second.strange.pop()  # which is how a browser calls such an answer


def test_five_thousand_rows_are_searched_decided_and_undone_at_once(sit: Sit) -> None:
    desk = sit()
    page = desk.go("/topic/many")
    expect(page.locator("li.row")).to_have_count(100)
    expect(page.get_by_text("page 1 of 50").first).to_be_visible()
    page.get_by_role("link", name="next →").click()
    expect(page.locator("li.row").first).to_contain_text("row 0100")
    page.get_by_label("Proposal").select_option("odd")
    expect(page.locator(".count")).to_contain_text("2,500 of 5,000 rows")
    page.get_by_label("all 2,500 rows found, on every page").check()
    expect(page.locator("#many")).to_have_text("2,500")
    page.get_by_role("button", name="as proposed").click()
    expect(page.get_by_role("status")).to_contain_text("2,500 rows decided.")
    expect(page.locator(".count")).to_contain_text("2,500 undecided")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".count")).to_contain_text("5,000 undecided")
    page.get_by_label("Search").fill("4999")
    page.keyboard.press("Enter")
    expect(page.locator("li.row")).to_have_count(1)


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_every_page_can_be_used_by_everybody_and_in_a_small_window(
    whole_office: Office, chromium: Browser, lang: str
) -> None:
    """By axe-core, of whatever weight, at both usual widths; and nothing is cut off even where it is much narrower."""
    with sitting(whole_office, chromium) as sit:
        desk = sit()
        for title, word in (("担当12", "nobody any more"), ("要確認", "open")):
            desk.go(f"/topic/{'people' if word.startswith('no') else 'states'}")
            desk.decide(title, word)
        accounts = desk.go("/topic/accounts")
        desk.row("suzuki").get_by_role("checkbox").check()
        accounts.get_by_label("another mailbox").fill("suzuki.t@example.co.jp")
        accounts.get_by_role("button", name="this", exact=True).click()
        expect(accounts.get_by_text("Decided here, and not yet in the settings")).to_be_visible()
        wrong: dict[str, object] = {}
        for path in every_page(desk):
            page = desk.go(f"{path}{'&' if '?' in path else '?'}lang={lang}")
            for width in (1280, 800, 380):
                page.set_viewport_size({"width": width, "height": 900})
                beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                if beyond > 0:
                    wrong[f"{path} {width}"] = beyond
                if width != 380:
                    wrong |= hindrances(page, f"{path} {width}")
        assert wrong == {}


def hindrances(page: Page, where: str) -> dict[str, object]:
    """What axe-core finds on a page."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return {f"{where} {each['id']}": [node["html"] for node in each["nodes"]][:3] for each in found["violations"]}


def every_page(desk: Desk) -> list[str]:
    """The address of each page: every topic, on paper too, and a row of each from near."""
    pages = ["/", "/live"]
    for topic in TOPICS:
        address = f"/topic/{topic.name}"
        rows = desk.go(address).locator("li.row h2 a")
        near = {rows.first.get_attribute("href"), rows.last.get_attribute("href")}
        pages += [address, f"{address}?print=1", *(each for each in sorted(filter(None, near)))]
    return pages


@pytest.mark.parametrize(("lang", "text"), [("en", "Name or secret"), ("ja", "名前またはパスワード")])
def test_the_door_and_the_page_of_a_conflict_can_be_used_by_everybody(
    office: Office, chromium: Browser, monkeypatch: pytest.MonkeyPatch, lang: str, text: str
) -> None:
    monkeypatch.setenv("REVIEW_MORI", "a long enough secret")
    named = Office(office.staging, {"mori": Reviewer(secret=Secret(env="REVIEW_MORI"), role="sign", accounts=("*",))})
    with sitting(named, chromium) as sit:
        first, second = sit(), sit()
        second.context.clear_cookies()
        page = second.go(f"/enter?lang={lang}")
        wrong = hindrances(page, "door")
        for secret in ("wrong", "a long enough secret"):
            page.locator("#name").fill("mori")
            page.locator("#secret").fill(secret)
            page.locator("button.main").click()
            if secret == "wrong":
                expect(page.get_by_role("alert")).to_contain_text(text)
                wrong |= hindrances(page, "wrong")
                assert "403" in second.strange.pop()
        second.go("/topic/senders")
        first.go("/topic/senders")
        first.decide(NEWS, "park")
        expect(first.page.get_by_role("status")).to_be_visible()
        second.row(NEWS).locator("button.word").first.click()
        expect(page.get_by_role("alert")).to_be_visible()
        assert "409" in second.strange.pop()
        assert wrong | hindrances(page, "conflict") == {}


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_on_paper_facts_and_decisions_remain_and_nothing_is_cut_off(
    whole_office: Office, chromium: Browser, lang: str
) -> None:
    with sitting(whole_office, chromium) as sit:
        desk = sit(viewport={"width": 680, "height": 1000})  # what a sheet of A4 leaves between its margins
        page = desk.go("/topic/waiting")
        desk.decide("untouched", "answered elsewhere")
        page.emulate_media(media="print")
        for topic in TOPICS:
            page = desk.go(f"/topic/{topic.name}?print=1&lang={lang}")
            assert page.locator("li.row").count() == len(whole_office.desk.sheet(topic).rows), topic.name
            for gone in (".bar", ".tick", ".words", "button.main", ".find input", ".pager"):
                assert not any(each.is_visible() for each in page.locator(gone).all()), (topic.name, gone)
            assert page.evaluate("document.documentElement.scrollWidth") <= 680, topic.name
        desk.go("/topic/waiting?print=1")
        expect(desk.row("untouched").locator(".said")).to_contain_text("sato")
        expect(desk.row("untouched").locator(".said .chip")).to_be_visible()
