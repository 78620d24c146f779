"""A small office whose mail is under review, and people who come in by the door."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from html import unescape
from pathlib import Path

import httpx2
from starlette.testclient import TestClient

from migrator.cli.words import said_by
from migrator.errors import Reason
from migrator.filters.ruleset import Ruleset
from migrator.filters.store import Store
from migrator.inboxes import About, Event, Happened, Principal, Scope, Status, WorkState
from migrator.review.app import build
from migrator.review.desk import Desk
from migrator.review.door import Door, Visitor
from migrator.review.topics import TOPICS
from migrator.routes import Routes
from migrator.settings import Reviewer
from migrator.staging.store import Staging
from migrator.steps.judge import judge
from tests.desks import AT, INBOX, answered, asked, two_desks
from tests.migrator.rules.companies import newsletter, order
from tests.migrator.steps.test_judge import NEWS, OFFER, letter
from tests.roads import Road, road

HOST = "127.0.0.1:8025"
HOSTILE = "<script src=https://evil.example/x.js></script><img src=https://evil.example/i.gif onerror=alert(1)>\u202e"
CUSTOMER = "mori@kyaku.example"
MIXED = "shop@shop.example"
REST, ORDERS = "all but orders, deliveries, bills and the like", "only orders, deliveries, bills and the like"
SIGNER = Visitor("sato", "sign", ("*",))

rules = cache(Ruleset.read)


def furnish(way: Road) -> None:
    """Newsletters for three, an order and a hostile mail for one, a fault, a damaged mail, folders that meet."""
    for number, account in enumerate(("sato", "suzuki", "support")):
        way.old.add(account, ("受信箱",), letter(NEWS, f"weekly-{number}", OFFER))
    way.old.add("sato", ("受信箱",), letter("order@shop.example", "ご注文の確認", OFFER))
    way.old.add("support", ("受信箱",), letter(CUSTOMER, HOSTILE.replace("\u202e", "") + "=?utf-8?B?4oCu?="))
    way.old.add("sato", ("案件/A社",), letter(CUSTOMER, "来週の打ち合わせ", To="suzuki@example.co.jp"))
    way.old.add("sato", ("案件／A社",), letter(CUSTOMER, "図面"))
    way.old.add("suzuki", ("受信箱",), b"From: a@b.example\r\nSubject: cut in he")
    way.old.spoil("suzuki", ("受信箱",), Reason("mail.file-unreadable", path="x", answer="EIO"))


def mix(way: Road) -> None:
    """Newsletters and orders from one address."""
    for subject in ("今週のおすすめ新商品とセール情報", "【メルマガ】ポイント10倍キャンペーン開催中"):
        way.old.add("sato", ("受信箱",), newsletter(MIXED, subject))
    for subject in ("ご注文確認案内", "発送のお知らせ"):
        way.old.add("sato", ("受信箱",), order("Shop@Shop.example", subject))


def work(way: Road) -> None:
    """Two desks, of which support also answers by somebody whom no list names, and gets newsletters."""
    two_desks(way.old)
    desk = way.old.share("sales", address="sales@example.co.jp")
    first, reply = asked(way.old, "sales", "8", subject="price"), answered(way.old, "sales", "9", "8")
    for key, status in (("s8", Status.CLOSED), ("s9", Status.CLOSED)):
        about = About(items=(first if key == "s8" else reply,))
        desk.tell(
            WorkState(key=key, about=about, scope=Scope.MAIL, status=status, label="済", assignee="担当12", at=AT)
        )
    desk.tell(Event(key="e9", about=About(items=(reply,)), what=Happened.REPLIED, at=AT, by="sato"))
    way.old.know(Principal(key="sato2", name="佐藤 健一"))
    asked(way.old, "support", "21", subject="another", days=4)
    for number in range(3):
        for account in ("support", "kato", "ito"):
            way.old.add(account, INBOX, letter(NEWS, f"weekly-{account}-{number}", OFFER))


def foretell(file: Path, *said: tuple[str, str, Reason | None]) -> None:
    """As a load writes it: of support, a fact's kind, its class and why it is not exact."""
    lines = [
        {
            "inbox": "support",
            "kind": kind,
            "key": f"{kind}{number}",
            "fidelity": fidelity,
            "reason": why and {"code": why.code, "params": dict(why.params), "text": ""},
        }
        for number, (kind, fidelity, why) in enumerate(said)
    ]
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")


EVERY_KIND = (
    *((kind, "archived-only", Reason("shared.no-room")) for kind in ("tag", "right send-as", "until")),
    *((kind, "folded", None) for kind in ("event", "note")),
    ("state", "label-only", None),
    ("fault", "dropped", Reason("mail.file-unreadable", path="x", answer="EIO")),
)
"""What a load may say of an inbox's facts."""


@dataclass
class Office:
    """The page over one staging. `clock` is the door's."""

    staging: Staging
    reviewers: Mapping[str, Reviewer] = field(default_factory=dict)
    clock: float = 0.0
    foretold: Mapping[str, Path] = field(default_factory=dict)
    topics: tuple = TOPICS  # type: ignore[type-arg]
    routes: Routes = field(default_factory=lambda: Routes({"support": "support@example.co.jp"}, {"案件／A社": "INBOX"}))

    def __post_init__(self) -> None:
        self.desk = Desk(
            staging=self.staging,
            ruleset=rules(),
            routes=self.routes,
            new_store=lambda: Store(["example.co.jp"]),
            said_by=said_by,
            own_domains=("example.co.jp",),
            foretold=self.foretold,
            takes={"new": frozenset({"keep"})},
        )
        self.door = Door(self.reviewers, lambda: self.clock)
        self.app = build(self.desk, self.door, hosts=(HOST, "localhost:8025"), topics=self.topics)

    def outside(self, **headers: str) -> TestClient:
        """A browser without a session."""
        return TestClient(self.app, f"http://{HOST}", headers={"origin": f"http://{HOST}"} | headers)

    def inside(self, visitor: Visitor = SIGNER) -> "Person":
        """A person who followed a link."""
        client = self.outside()
        assert client.get(f"/enter/{self.door.link(visitor)}").status_code == 200
        return Person(client)


@dataclass
class Person:
    """Somebody at a browser, who presses what a page shows."""

    client: TestClient

    def see(self, address: str) -> str:
        """A page's text."""
        found = self.client.get(address)
        assert found.status_code == 200, found.text
        return str(found.text)

    def hidden(self, page: str) -> dict[str, str]:
        """The fields that a form would carry by itself."""
        fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)
        return {name: unescape(value) for name, value in fields}

    def press(self, topic: str, *, page: str | None = None, to: str = "", **fields: object) -> httpx2.Response:
        """Send a form of the topic's page, as it is now or as it was seen."""
        address = f"/topic/{topic}"
        form = self.hidden(self.see(address) if page is None else page)
        return self.client.post(address + to, data=form | fields, follow_redirects=False)


def row_of(page: str, title: str, part: str = "") -> str:
    """The id of the row with this title, and of this part of its mails."""
    for row, text in re.findall(r'<li class="row[^"]*" id="(\w+)"(.*?)</li>\n', page, re.DOTALL):
        if f">{title}</a></h2>" in unescape(text) and (not part or f">{part}</p>" in unescape(text)):
            return str(row)
    raise AssertionError(f"no row {title!r}")


def build_office(folder: Path) -> Path:
    """The staging database of the office, to be copied."""
    with road() as way, Staging.open("sqlite:///staging.db", folder=folder) as staging:
        furnish(way)
        take_in(way, staging)
    return folder / "staging.db"


def take_in(way: Road, staging: Staging) -> None:
    """What has come since is staged and judged."""
    way.extract(staging)
    judge(staging, rules(), Store(["example.co.jp"]))
