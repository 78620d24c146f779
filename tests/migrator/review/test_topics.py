"""What each topic asks, and how sure its proposals turned out to be."""

import re
import time
from pathlib import Path

import pytest

from migrator.model import Raw, Verdict
from migrator.review.pages import preferred
from migrator.review.readings import CHARSETS, read
from migrator.review.sheets import Band, View, reliability
from migrator.review.topic import Row, Topic
from migrator.review.topics.accounts import ACCOUNTS
from migrator.review.topics.faults import FAULTS, ODD
from migrator.review.topics.folders import FOLDERS
from migrator.review.topics.held import HELD
from migrator.review.topics.senders import SENDERS
from migrator.routes import Routes
from migrator.staging.books import Said
from migrator.staging.opinions import Unit, decide_item
from migrator.staging.store import Staging, now
from tests.migrator.review.office import CUSTOMER, MIXED, NEWS, ORDERS, REST, Office, mix, row_of, take_in
from tests.roads import road


def rows(office: Office, topic: Topic) -> dict[str, Row]:
    return {row.title: row for row in office.desk.sheet(topic).rows}


def codes(row: Row) -> list[str]:
    return [each.code for each in row.warnings]


def test_senders_come_with_proposal_counts_examples_and_reasons(office: Office) -> None:
    found = rows(office, SENDERS)
    assert found[NEWS].proposal == "park"
    assert found[NEWS].numbers[0] == 3
    assert found[NEWS].accounts == {"sato", "suzuki", "support"}
    assert found[NEWS].evidence
    assert found[CUSTOMER].proposal == "keep"
    page = office.inside().see("/topic/senders")
    assert re.search(r"newest</span> weekly-\d", page)
    assert list(found).index(NEWS) < list(found).index(CUSTOMER)


def test_a_sender_of_newsletters_and_orders_has_two_rows_that_say_so(tmp_path: Path) -> None:
    with road() as way, Staging.open("sqlite:///staging.db", folder=tmp_path) as staging:
        mix(way)
        take_in(way, staging)
        office = Office(staging)
        rest, orders = sorted(office.desk.sheet(SENDERS).rows, key=lambda row: row.name)
        assert [rest.name, orders.name] == [f"{MIXED} ({REST})", f"{MIXED} ({ORDERS})"]
        assert [rest.subject, orders.subject] == [Unit(MIXED), Unit(MIXED, orders=True)]
        assert [rest.proposal == "park", orders.proposal == "park"] == [True, False]
        person = office.inside()
        assert row_of(person.see("/topic/senders"), MIXED, ORDERS) == orders.id
        for row, mine, others in ((rest, "メルマガ", "発送"), (orders, "発送", "メルマガ")):
            near = person.see(f"/topic/senders/row/{row.id}")
            assert mine in near
            assert others not in near


def test_mails_to_look_at_are_those_proposed_for_it_and_those_somebody_decided_about(office: Office) -> None:
    assert list(rows(office, HELD)) == ["ご注文の確認"]
    decide_item(office.staging, 1, Verdict.HOLD, by="root", why="")
    for _ in range(100):  # read again only when ten times as long has passed as that takes
        if len(rows(office, HELD)) > 1:
            break
        time.sleep(0.1)
    assert set(rows(office, HELD)) == {"ご注文の確認", "weekly-0"}


def test_accounts_show_where_they_go_whom_they_are_written_to_and_who_shares(office: Office) -> None:
    routes = Routes({"sato": "support@example.co.jp", "support": "support@example.co.jp"}, {})
    found = rows(Office(office.staging, routes=routes), ACCOUNTS)
    assert found["sato"].proposal == "support@example.co.jp"
    assert codes(found["sato"]) == codes(found["support"]) == ["review.shared-home"]
    assert codes(found["suzuki"]) == []
    assert found["sato"].evidence
    assert (found["sato"].confidence or 0) < 0.5


def test_folders_that_meet_come_first_and_names_that_cannot_be_kept_are_told(office: Office) -> None:
    found = rows(office, FOLDERS)
    assert set(list(found)[:2]) == {"受信箱", "案件／A社"}
    assert codes(found["受信箱"]) == codes(found["案件／A社"]) == ["review.same-place"]
    assert codes(found["案件/A社"]) == ["review.renamed"]
    assert found["受信箱"].proposal == "INBOX"
    assert found["受信箱"].numbers[2] == 3


def test_faults_damage_and_odd_charsets_stand_together(office: Office) -> None:
    page = office.inside().see("/topic/faults")
    found = rows(office, FAULTS)
    told = sorted(code for row in found.values() for code in codes(row))
    assert told == ["health.cut-in-header", "mail.file-unreadable"]
    row = row_of(page, "cut in he")
    assert "iso-2022-jp" in office.inside().see(f"/topic/faults/row/{row}")


@pytest.mark.parametrize(
    ("text", "odd"),
    [
        ("見積書の件", False),
        ("Grüße aus Köln", False),
        ("①㈱髙﨑", False),
        ("縺薙ｓ縺ｫ縺｡縺ｯ", True),
        ("ã\x81\x93ã\x82\x93", True),
        ("\\x87@社", True),
        ("\ue000社", True),
        ("\ufffd\ufffd", True),
    ],
)
def test_what_cannot_be_right_is_told_from_what_is_only_rare(text: str, odd: bool) -> None:
    assert bool(ODD.search(text)) is odd


def test_the_same_bytes_are_read_by_every_charset() -> None:
    raw = Raw.of("From: a@b.example\r\nSubject: 見積\r\n\r\n本文\r\n".encode("cp932"))
    found = {each.charset: each for each in read(raw)}
    assert list(found) == [None, *CHARSETS]
    assert found[None].subject == found["cp932"].subject == "見積"
    assert found["cp932"].text == "本文 "
    assert found["utf-8"].subject != "見積"
    encoded = Raw.of(b"Subject: =?utf-8?B?k/qWew==?= =?x?Q?=93=FA?=\r\n\r\n")
    assert {each.charset: each for each in read(encoded)}["cp932"].subject.startswith("日本")


@pytest.mark.parametrize("data", [b"", b"\0", b"Subject: =?utf-8?B?" + b"=" * 99, bytes(range(256)) * 3])
def test_any_bytes_can_be_read_several_ways(data: bytes) -> None:
    assert len(read(Raw.of(data))) == 1 + len(CHARSETS)


def answered(confidence: float, proposal: str, verdict: str) -> Row:
    said = Said(number=1, subject="x", verdict=verdict, by="sato", why="", at=now())
    return Row(id="s1", subject="x", title="x", proposal=proposal, accepts=proposal, confidence=confidence, said=said)


def test_how_often_proposals_were_right_is_counted_by_their_confidence() -> None:
    given = [answered(0.95, "park", "park")] * 43 + [answered(0.92, "park", "keep")] * 2
    given += [answered(0.31, "keep", "keep"), answered(1.0, "keep", "keep")]
    undecided = Row(id="s1", subject="x", title="x", proposal="park", accepts="park", confidence=0.9)
    assert reliability([*given, undecided]) == [Band(0.9, 44, 46), Band(0.3, 1, 1)]


def test_a_view_finds_by_words_in_any_case_and_by_what_is_shown(office: Office) -> None:
    sheet = office.desk.sheet(SENDERS)

    def found(**view: object) -> set[str]:
        return {row.title for row in View(**view).of(sheet, sheet.rows, frozenset())}  # type: ignore[arg-type]

    assert found(query="KYAKU mori") == {CUSTOMER}
    assert found(query="nowhere") == set()
    assert found(proposal="park") == {NEWS}
    assert found(show="decided") == set()
    assert found(show="open") == found()


@pytest.mark.parametrize(
    ("header", "lang"),
    [
        ("ja,en;q=0.8", "ja"),
        ("en-GB,en;q=0.9,ja;q=0.8", "en"),
        ("fr,ja;q=0.3,en;q=0.7", "en"),
        ("fr", "ja"),
        ("", "ja"),
        ("en;q=0, ja;q=x,*;q=0.1", "ja"),
    ],
)
def test_the_browser_says_which_language(header: str, lang: str) -> None:
    assert preferred(header, "ja") == lang
