"""judge: proposals by evidence and by the store, of which none withholds a mail; and `auto`, which may be told to."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from migrator.errors import UsageError
from migrator.filters.ruleset import Ruleset
from migrator.filters.store import Store
from migrator.inboxes import About, Note, Scope, Status, Tag, Work, WorkState
from migrator.model import Verdict
from migrator.staging import tables
from migrator.staging.evidence import evidence
from migrator.staging.opinions import decide_stream
from migrator.staging.reports import listing, sampled
from migrator.staging.store import Staging
from migrator.steps.judge import judge, what_if
from migrator.steps.learn import learn_from_decisions
from migrator.steps.senders import senders
from tests.roads import Road, bodies_at, road

NEWS = "news@mag.shop.example"
OFFER = """★今週のクーポン★ 全品20% OFF、ポイント10倍！ 詳しくはこちらから https://shop.example/1 https://shop.example/2
https://shop.example/3
━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
価格 1,980円 送料無料のキャンペーン、プレゼントもあります。会員の皆様へお届けしています。
発行元：ショップ　配信停止はこちら https://shop.example/stop
"""


def letter(sender: str, subject: str, body: str = "本文です。", **headers: str) -> bytes:
    """A mail of somebody."""
    lines = [f"From: {sender}", f"Subject: {subject}", f"Message-ID: <{subject}@made.example>"]
    lines += ["Content-Type: text/plain; charset=utf-8", "To: sato@example.co.jp"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body.replace("\n", "\r\n")).encode()


@pytest.fixture
def way(staging: Staging) -> Iterator[Road]:
    with road() as laid:
        for number, account in enumerate(("sato", "suzuki", "tanaka")):
            laid.old.add(account, ("受信箱",), letter(NEWS, f"weekly-{number}", OFFER))
        laid.old.add("sato", ("受信箱",), letter("order@shop.example", "ご注文の確認", OFFER))
        laid.old.add("sato", ("受信箱",), letter("mori@kyaku.example", "見積のお願い"))
        yield laid


def thought(way: Road, staging: Staging, store: Store | None = None, *, auto: bool = False) -> dict[str, str]:
    """Extract and judge; the proposal for each Message-ID."""
    way.extract(staging)
    judge(staging, Ruleset.read(), store or Store(["example.co.jp"]), auto=auto)
    return {line["message_id"].partition("@")[0][1:]: line["proposal"] for line in listing(staging)}


def test_newsletters_are_proposed_and_neither_an_order_nor_a_customer(way: Road, staging: Staging) -> None:
    found = thought(way, staging)
    assert [found[f"weekly-{number}"] for number in range(3)] == ["park"] * 3
    assert found["ご注文の確認"] != "park"
    assert found["見積のお願い"] == "keep"


def test_a_proposal_withholds_nothing_not_even_one_to_hold(way: Road, staging: Staging) -> None:
    assert set(thought(way, staging).values()) == {"keep", "hold", "park"}
    assert way.load(staging)["loaded"] == 5


def test_to_judge_again_writes_nothing_that_was_said_before(way: Road, staging: Staging) -> None:
    thought(way, staging)

    def rows() -> list[int]:
        with staging.reading() as connection:
            counted = (tables.proposal, tables.feature, tables.decision)
            return [connection.execute(select(func.count()).select_from(each)).scalar_one() for each in counted]

    before = rows()
    thought(way, staging)
    assert rows() == before


@pytest.mark.parametrize(
    "evidence",
    [
        pytest.param({"answer": "weekly-0"}, id="a colleague answered it"),
        pytest.param({"to": NEWS}, id="somebody wrote to the address"),
        pytest.param({"flag": "\\Flagged"}, id="somebody marked it"),
        pytest.param({"flag": "\\Answered"}, id="it was answered"),
        pytest.param({"filed": "A社"}, id="somebody filed it"),
        pytest.param({"book": NEWS}, id="it stands in the address book"),
    ],
)
def test_what_the_store_knows_protects(way: Road, staging: Staging, evidence: dict[str, str]) -> None:
    if "answer" in evidence:
        reply = letter("sato@example.co.jp", "re", In_Reply_To=f"<{evidence['answer']}@made.example>")
        way.old.add("sato", ("送信済み",), reply)
    if "to" in evidence:
        way.old.add("sato", ("送信済み",), letter("sato@example.co.jp", "hello").replace(b"sato@e", b"x@e", 1))
        asked = letter("sato@example.co.jp", "asked").replace(b"To: sato@example.co.jp", f"To: {NEWS}".encode())
        way.old.add("sato", ("送信済み",), asked)
    if "flag" in evidence:
        way.old.flag("sato", ("受信箱",), 1, [evidence["flag"]])
    folder = evidence.get("filed", "受信箱")
    if "filed" in evidence:
        way.old.add("sato", (folder,), letter(NEWS, "weekly-filed", OFFER))
    book = [evidence["book"]] if "book" in evidence else []
    found = thought(way, staging, Store(["example.co.jp"], book))
    assert found["weekly-filed" if "filed" in evidence else "weekly-0"] == "keep"
    others = {found[f"weekly-{number}"] for number in (1, 2)}
    assert others == ({"keep"} if evidence.keys() & {"to", "book"} else others)


TOLD: dict[str, Callable[[About], Work]] = {
    "assigned": lambda about: WorkState(key="1", about=about, scope=Scope.MAIL, status=Status.NONE, assignee="yoshida"),
    "commented": lambda about: Note(key="1", about=about, text="折り返します"),
    "tagged": lambda about: Tag(key="1", about=about, name="返品"),
}


@pytest.mark.parametrize("how", TOLD)
def test_what_somebody_handles_in_a_shared_inbox_is_kept_and_its_neighbours_are_not(
    way: Road, staging: Staging, how: str
) -> None:
    handled = way.old.add("suzuki", ("受信箱",), letter(NEWS, "weekly-handled", OFFER))
    assert thought(way, staging)["weekly-handled"] == "park"
    about = About(items=(way.old.named("suzuki", ("受信箱",), handled),))
    way.old.share("suzuki").tell(TOLD[how](about))
    found = thought(way, staging)
    assert (found["weekly-handled"], found["weekly-1"]) == ("keep", "park")
    [line] = [line for line in listing(staging) if line["message_id"].startswith("<weekly-handled@")]
    assert line["guard"] == "store.handled"


def test_a_folder_for_advertising_protects_nothing(way: Road, staging: Staging) -> None:
    way.old.add("sato", ("メルマガ",), letter(NEWS, "weekly-3", OFFER))
    assert thought(way, staging)["weekly-3"] == "park"


def test_the_same_text_in_three_accounts_is_evidence(way: Road, staging: Staging) -> None:
    thought(way, staging)
    for line in listing(staging):
        assert ("store.fan-out" in line["rules"]) == line["message_id"].startswith("<weekly")


def test_what_is_safest_is_parked_where_the_operator_says_so_and_comes_back_where_not(
    way: Road, staging: Staging
) -> None:
    thought(way, staging, auto=True)
    parked = [line["message_id"] for line in listing(staging, decision="park")]
    assert parked
    assert all(each.startswith("<weekly") for each in parked)
    decide_stream(staging, "mori@kyaku.example", Verdict.KEEP, by="suzuki", why="")
    thought(way, staging, auto=False)
    assert not list(listing(staging, decision="park"))
    assert way.load(staging)["loaded"] == 5


def test_what_was_parked_arrives_byte_for_byte_once_it_is_wanted(way: Road, staging: Staging) -> None:
    thought(way, staging, auto=True)
    way.load(staging)
    thought(way, staging, auto=False)
    way.load(staging)
    for account in ("sato", "suzuki", "tanaka"):
        assert sorted(bodies_at(way.new, account, "INBOX")) == sorted(bodies_at(way.old, account, "受信箱"))


def test_what_other_rules_would_change_is_told_and_not_done(way: Road, staging: Staging, tmp_path: Path) -> None:
    thought(way, staging)
    rules = tmp_path / "ours.toml"
    rules.write_text(f'[[rule]]\nid = "ours"\nsender = "{NEWS}"\nverdict = "keep"\nwhy = "sales reads it"\n')
    now, then = Ruleset.read(), Ruleset.read([rules])
    assert what_if(staging, now, then, Store()) == Counter({(NEWS, "park", "keep"): 3})
    assert {line["proposal"] for line in listing(staging)} >= {"park"}


def test_a_new_mail_changes_what_is_thought_of_its_own_sender_alone(way: Road, staging: Staging) -> None:
    before = thought(way, staging)
    way.old.add("sato", ("受信箱",), letter("mori@kyaku.example", "more", OFFER))
    after = thought(way, staging)
    assert {name: after[name] for name in before if "見積" not in name} == {
        name: verdict for name, verdict in before.items() if "見積" not in name
    }


def test_senders_tell_what_a_person_needs(way: Road, staging: Staging) -> None:
    thought(way, staging)
    first, *others = senders(staging, Ruleset.read(), Store(["example.co.jp"]))
    assert (first["sender"], first["kind"], first["items"], first["accounts"]) == (NEWS, "address", 3, 3)
    assert first["proposal"] == "park"
    assert "text.unsubscribe" in first["reasons"]
    assert (first["newest"], first["least_typical"][:7]) == ("weekly-2", "weekly-")
    assert {each["sender"] for each in others} == {"order@shop.example", "mori@kyaku.example"}
    assert all(each["proposal"] != "park" for each in others)


def test_decisions_teach_and_what_nobody_decided_teaches_nothing(way: Road, staging: Staging) -> None:
    rules = Ruleset.read()
    thought(way, staging)
    decide_stream(staging, NEWS, Verdict.PARK, by="suzuki", why="")
    with pytest.raises(UsageError, match=r"learn\.one-kind"):
        learn_from_decisions(staging, rules)
    decide_stream(staging, "order@shop.example", Verdict.KEEP, by="suzuki", why="")
    learned = learn_from_decisions(staging, rules)
    assert (learned.mails, learned.senders) == (4, 2)
    shown = {
        its.stream: frozenset(its.shown.split())
        for page in evidence(staging, rules.judge.signals.digest)
        for its in page
    }
    news, order = shown[NEWS], shown["order@shop.example"]
    was, now = rules.judge.weights, learned.weights
    assert now.score(news) - now.score(order) > was.score(news) - was.score(order)
    assert now.of["store.fan-out"] == was.of["store.fan-out"]


def test_learned_weights_are_read_again_and_another_sign_is_refused(tmp_path: Path) -> None:
    weights = Ruleset.read().judge.weights
    file = tmp_path / "weights.toml"
    file.write_text(weights.text)
    assert Ruleset.read((), file).judge.weights.text == weights.text
    file.write_text(weights.text.replace('"list.software" = -', '"list.software" = '))
    with pytest.raises(UsageError, match=r"filter\.weight-sign"):
        Ruleset.read((), file)


def test_an_audit_draws_from_what_would_be_parked(way: Road, staging: Staging) -> None:
    thought(way, staging)
    assert [line["proposal"] for line in sampled(staging, "park", 2)] == ["park", "park"]
    assert len(list(sampled(staging, "park", 300))) == 3
