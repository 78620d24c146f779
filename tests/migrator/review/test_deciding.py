"""Deciding, alone and beside others; taking back; signing, and what opens it again."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from migrator.model import Verdict
from migrator.review.door import Visitor
from migrator.review.sheets import Band, reliability
from migrator.review.signing import standings
from migrator.review.topic import SURE
from migrator.review.topics import TOPICS
from migrator.review.topics.accounts import ACCOUNTS
from migrator.review.topics.senders import SENDERS
from migrator.routes import Routes
from migrator.staging.books import rulings_book, senders_book, signoffs
from migrator.staging.opinions import Unit, decide_stream, decided_units
from migrator.staging.reports import listing
from migrator.staging.store import Staging
from tests.migrator.review.office import (
    CUSTOMER,
    MIXED,
    NEWS,
    ORDERS,
    REST,
    SIGNER,
    Office,
    furnish,
    mix,
    row_of,
    take_in,
)
from tests.migrator.steps.test_judge import letter
from tests.roads import road

MORI = Visitor("mori", "sign", ("*",))
BY_NAME = {topic.name: topic for topic in TOPICS}


def words(office: Office) -> dict[str, str]:
    return {
        unit.stream: verdict.value for unit, (verdict, _, _) in decided_units(office.staging).items() if not unit.orders
    }


def state(office: Office, topic: str) -> str:
    return standings(office.desk, BY_NAME)[topic].state


def test_a_decision_is_the_row_that_the_command_writes(office: Office) -> None:
    person = office.inside()
    row = row_of(person.see("/topic/senders"), NEWS)
    answer = person.press("senders", one=f"{row}:park", why=" agreed with sales ")
    assert answer.headers["location"] == f"/topic/senders?done=1-1-1#{row}"
    assert decided_units(office.staging) == {Unit(NEWS): (Verdict.PARK, "sato", "agreed with sales")}
    assert [line["decision"] for line in listing(office.staging)].count("park") == 3
    assert "agreed with sales" in person.see("/topic/senders")


def test_newsletters_and_orders_of_one_sender_are_decided_and_undone_apart(tmp_path: Path) -> None:
    with road() as way, Staging.open("sqlite:///staging.db", folder=tmp_path) as staging:
        mix(way)
        take_in(way, staging)
        person = Office(staging).inside()

        def press(part: str, word: str) -> str:
            row = row_of(person.see("/topic/senders"), MIXED, part)
            return str(person.press("senders", one=f"{row}:{word}").headers["location"])

        def parked() -> set[str]:
            return {str(line["subject"]) for line in listing(staging, decision="park")}

        def back(shown: str) -> None:
            person.press("senders", page=person.see(shown), to="/undo")

        press(REST, "keep")
        press(REST, "park")
        newsletters = parked()
        assert len(newsletters) == 2
        done = press(ORDERS, "park")
        assert len(parked()) == 4
        back(done)
        assert parked() == newsletters
        press(ORDERS, "park")
        back(press(REST, "keep"))
        assert len(parked()) == 4
        decide_stream(staging, MIXED, Verdict.KEEP, by="root", why="")
        assert parked() == set()


def test_one_mail_is_decided_by_itself(office: Office) -> None:
    person = office.inside()
    row = row_of(person.see("/topic/held"), "ご注文の確認")
    person.press("held", one=f"{row}:park")
    assert [line["subject"] for line in listing(office.staging, decision="park")] == ["ご注文の確認"]


def test_the_second_of_two_reviewers_sees_the_conflict_and_changes_nothing(office: Office) -> None:
    first, second = office.inside(), office.inside(MORI)
    page = second.see("/topic/senders")
    row = row_of(page, NEWS)
    first.press("senders", one=f"{row}:park", why="newsletter")
    answer = second.press("senders", page=page, one=f"{row}:keep", why="my own reason")
    assert answer.status_code == 409
    assert words(office) == {NEWS: "park"}
    assert "sato" in answer.text
    assert "newsletter" in answer.text
    assert 'value="my own reason"' in answer.text
    again = second.press("senders", page=answer.text, one=f"{row}:keep")
    assert again.status_code == 303
    assert words(office) == {NEWS: "keep"}


def test_of_many_rows_none_is_decided_where_one_was_meanwhile(office: Office) -> None:
    person = office.inside()
    page = person.see("/topic/senders")
    rows = [row_of(page, title) for title in (NEWS, CUSTOMER)]
    decide_stream(office.staging, CUSTOMER, Verdict.KEEP, by="root", why="")
    answer = person.press("senders", page=page, row=rows, bulk="hold")
    assert answer.status_code == 409
    assert words(office) == {CUSTOMER: "keep"}


def test_many_rows_at_once_and_back(office: Office) -> None:
    person = office.inside()
    page = person.see("/topic/senders")
    decide_stream(office.staging, NEWS, Verdict.HOLD, by="root", why="ask")
    rows = [row_of(page, title) for title in (NEWS, CUSTOMER)]
    answer = person.press("senders", row=rows, bulk="park")
    assert words(office) == {NEWS: "park", CUSTOMER: "park"}
    shown = person.see(answer.headers["location"])
    person.press("senders", page=shown, to="/undo")
    assert words(office) == {NEWS: "hold"}


def test_all_rows_that_are_found_as_proposed(office: Office) -> None:
    person = office.inside()
    answer = person.press("senders", page=person.see("/topic/senders?proposal=keep"), all="1", bulk="as-proposed")
    assert "done=1-" in answer.headers["location"]
    found = words(office)
    assert found[CUSTOMER] == "keep"
    assert NEWS not in found
    assert set(found.values()) == {"keep"}


def test_what_somebody_decided_since_is_not_undone(office: Office) -> None:
    person = office.inside()
    row = row_of(person.see("/topic/senders"), NEWS)
    shown = person.see(person.press("senders", one=f"{row}:park").headers["location"])
    office.inside(MORI).press("senders", one=f"{row}:keep")
    assert person.press("senders", page=shown, to="/undo").status_code == 409
    assert words(office) == {NEWS: "keep"}


def test_rows_that_are_gone_and_rows_that_nobody_ticked_are_told(office: Office) -> None:
    person = office.inside()
    assert person.press("senders", one="s000000000000:park").status_code == 409
    assert person.press("senders", bulk="park").status_code == 400
    assert words(office) == {}


def test_a_decision_about_one_proposal_says_nothing_of_another(office: Office) -> None:
    person = office.inside()
    row = row_of(person.see("/topic/accounts"), "suzuki")
    person.press("accounts", one=f"{row}:wrong", why="it is suzuki.t@example.co.jp")
    assert office.desk.sheet(ACCOUNTS).by_id[row].said is not None
    moved = Office(office.staging, routes=Routes({"suzuki": "suzuki.t@example.co.jp"}, {}))
    assert moved.desk.sheet(ACCOUNTS).by_id[row].said is None
    page = moved.inside().see(f"/topic/accounts/row/{row}")
    assert "it is suzuki.t@example.co.jp" in page
    assert "about another proposal than today" in page


def test_what_somebody_wrote_stays_decided_when_the_settings_say_it_and_counts_for_no_proposal(office: Office) -> None:
    person = office.inside()
    row = row_of(person.see("/topic/accounts"), "suzuki")
    person.press("accounts", row=row, bulk="free", free="suzuki.t@example.co.jp")
    decided = office.desk.sheet(ACCOUNTS).by_id[row]
    assert decided.unsettled
    assert "suzuki.t@example.co.jp&#34;   # sato" in person.see("/topic/accounts")
    moved = Office(office.staging, routes=Routes({"suzuki": "suzuki.t@example.co.jp"}, {}))
    settled = moved.desk.sheet(ACCOUNTS).by_id[row]
    assert settled.said is not None
    assert settled.agrees
    assert "# sato" not in moved.inside().see("/topic/accounts")
    assert reliability([replace(decided, confidence=0.9)]) == [Band(0.9, 0, 1)]
    assert reliability([replace(settled, confidence=0.9)]) == []


def test_signing_keeps_name_and_digest_and_a_later_change_opens_it_again(office: Office) -> None:
    person = office.inside(MORI)
    person.press("senders", to="/sign")
    (signed,) = signoffs(office.staging)["senders"]
    assert signed.by == "mori"
    assert signed.digest == standings(office.desk, BY_NAME)["senders"].digest
    assert state(office, "senders") == "signed"
    assert "signed by mori" in person.see("/")
    row = row_of(person.see("/topic/senders"), NEWS)
    shown = person.see(person.press("senders", one=f"{row}:park").headers["location"])
    assert state(office, "senders") == "reopened"
    assert row in person.see("/topic/senders?show=changed")
    assert row_of(shown, CUSTOMER) not in person.see("/topic/senders?show=changed")
    person.press("senders", page=shown, to="/undo")
    assert state(office, "senders") == "signed"  # it is again what was signed


def test_a_change_opens_what_rests_on_it_and_nothing_else(office: Office) -> None:
    person = office.inside()
    for topic in ("accounts", "folders", "senders", "held"):
        person.press(topic, to="/sign")
    row = row_of(person.see("/topic/accounts"), "suzuki")
    person.press("accounts", one=f"{row}:right")
    assert {name: state(office, name) for name, topic in BY_NAME.items() if not topic.optional} == {
        "accounts": "reopened",
        "folders": "reopened",
        "senders": "signed",
        "held": "signed",
        "faults": "open",
    }
    assert "Accounts and their addresses" in person.see("/topic/folders")


def test_new_mail_of_known_senders_opens_nothing_and_a_new_sender_does(tmp_path: Path) -> None:
    with road() as way, Staging.open("sqlite:///staging.db", folder=tmp_path) as staging:
        furnish(way)
        take_in(way, staging)
        Office(staging).inside().press("senders", to="/sign")
        way.old.add("sato", ("受信箱",), letter(CUSTOMER, "もう一通"))
        take_in(way, staging)
        assert state(Office(staging), "senders") == "signed"
        way.old.add("sato", ("受信箱",), letter("new@kyaku.example", "はじめまして"))
        take_in(way, staging)
        assert state(Office(staging), "senders") == "reopened"


def test_what_changed_since_the_page_was_seen_is_not_signed(office: Office) -> None:
    person = office.inside()
    page = person.see("/topic/senders")
    senders_book(office.staging).write({Unit(NEWS): "park"}, by="root", why="", seen=0)
    assert person.press("senders", page=page, to="/sign").status_code == 409
    assert signoffs(office.staging) == {}


@pytest.fixture
def starred(office: Office) -> Office:
    """The senders, as grave as the rights of a shared inbox are; and any other answer may be given."""
    topic = replace(SENDERS, starred=True, free=lambda: "another")
    return Office(office.staging, topics=(topic,))


def test_a_starred_topic_is_never_ticked_beforehand_nor_decided_by_the_hundred(starred: Office) -> None:
    person = starred.inside()
    page = person.see("/topic/senders?show=sure")
    assert 'checkbox" name="row"' not in page  # nothing is sure enough there
    page = person.see("/topic/senders")
    assert " checked" not in page
    assert 'name="all"' not in page
    assert "as-proposed" not in page
    assert person.press("senders", all="1", bulk="keep").status_code == 400
    assert person.press("senders", row=row_of(page, NEWS), bulk="as-proposed").status_code == 400


def test_a_starred_topic_is_signed_when_every_row_is_decided(starred: Office) -> None:
    person = starred.inside()
    digest = standings(starred.desk, {"senders": starred.topics[0]})["senders"].digest
    assert person.press("senders", to="/sign", digest=digest).status_code == 409
    rows = re.findall(r'name="row" value="(\w+)"', person.see("/topic/senders"))
    person.press("senders", row=rows, bulk="keep")
    assert person.press("senders", to="/sign").status_code == 303


def test_a_free_answer_is_kept_as_it_was_written(starred: Office) -> None:
    person = starred.inside()
    row = row_of(person.see("/topic/senders"), NEWS)
    assert person.press("senders", one=f"{row}:free", free=" <b>山田</b> ").status_code == 303
    said = senders_book(starred.staging).in_force()[Unit(NEWS)]
    assert said.verdict == "<b>山田</b>"
    assert "&lt;b&gt;山田&lt;/b&gt;" in person.see("/topic/senders")


def test_rows_that_are_sure_are_ticked_only_where_one_asks_for_them(office: Office) -> None:
    person = office.inside()
    assert " checked" not in person.see("/topic/senders")
    sure = re.findall(r'value="(\w+)" aria-label="[^"]*" checked', person.see("/topic/senders?show=sure"))
    rows = office.desk.sheet(SENDERS).rows
    assert sure == [row.id for row in rows if (row.confidence or 0) >= SURE and not row.against]
    assert sure


def test_rulings_of_a_signer_are_in_the_topics_book(office: Office) -> None:
    person = office.inside(SIGNER)
    row = row_of(person.see("/topic/folders"), "受信箱")
    person.press("folders", one=f"{row}:right")
    assert {said.verdict for said in rulings_book(office.staging, "folders").in_force().values()} == {"right"}
