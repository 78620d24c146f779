"""A department signs what concerns its own accounts alone; what changes elsewhere does not reopen that."""

import re

import pytest

from migrator.review.door import Visitor
from migrator.review.signing import standings
from migrator.review.topics import TOPICS
from migrator.staging.books import ALL, signoffs
from migrator.staging.opinions import Unit
from tests.migrator.review.office import CUSTOMER, NEWS, SIGNER, Office, Person, row_of

BY_NAME = {topic.name: topic for topic in TOPICS}
SUPPORT, SATO = ("support",), ("sa*", "sato")
MORI, KATO = Visitor("mori", "sign", SUPPORT), Visitor("kato", "sign", SATO)
OTHERS = Visitor("boss", "sign", ("suzuki",))


def state(office: Office, topic: str, scope: tuple[str, ...] = ALL) -> str:
    return standings(office.desk, BY_NAME, scope)[topic].state


def sign(office: Office, visitor: Visitor, topic: str = "accounts") -> None:
    assert office.inside(visitor).press(topic, to="/sign").status_code == 303


def decide(person: Person, title: str, word: str, topic: str = "accounts") -> None:
    row = row_of(person.see(f"/topic/{topic}"), title)
    assert person.press(topic, one=f"{row}:{word}").status_code == 303


def test_a_department_signs_its_own_rows_and_no_others(office: Office) -> None:
    sign(office, MORI)
    (signed,) = signoffs(office.staging)["accounts"]
    mine = {row.id for row in office.desk.sheet(BY_NAME["accounts"]).rows if row.accounts == {"support"}}
    assert (signed.by, signed.scope, signed.rows.keys()) == ("mori", SUPPORT, mine)
    assert state(office, "accounts", SUPPORT) == "signed"
    assert state(office, "accounts", SATO) == "open"
    assert state(office, "accounts") == "partly"
    page = office.inside(SIGNER).see("/topic/accounts")
    assert "1 of 3 rows are signed" in page
    assert "for support" in page
    assert "mori" not in office.inside(KATO).see("/topic/accounts")


def test_what_changes_elsewhere_does_not_reopen_it(office: Office) -> None:
    for visitor in (MORI, KATO):
        sign(office, visitor)
    sign(office, KATO, "folders")
    decide(office.inside(SIGNER), "suzuki", "right")
    assert state(office, "accounts", SUPPORT) == state(office, "accounts", SATO) == "signed"
    decide(office.inside(MORI), "support", "right")
    assert state(office, "accounts", SUPPORT) == "reopened"
    assert state(office, "accounts", SATO) == state(office, "folders", SATO) == "signed"
    decide(office.inside(KATO), "sato", "right")
    assert state(office, "folders", SATO) == "reopened"  # it rests on that
    assert "Accounts and their addresses" in office.inside(KATO).see("/topic/folders")


def test_a_topic_is_signed_when_its_departments_have_signed_all_of_it(office: Office) -> None:
    for visitor in (MORI, KATO, OTHERS):
        assert state(office, "accounts") != "signed"
        sign(office, visitor)
    assert state(office, "accounts") == "signed"
    decide(office.inside(OTHERS), "suzuki", "right")
    assert state(office, "accounts") == "partly"
    changed = office.inside(SIGNER).see("/topic/accounts?show=changed")
    assert re.findall(r'<li class="row[^>]* id="(\w+)"', changed) == [row_of(changed, "suzuki")]
    sign(office, OTHERS)
    assert state(office, "accounts") == "signed"


def test_whoever_signs_all_of_it_signs_for_the_departments_too(office: Office) -> None:
    sign(office, SIGNER)
    assert state(office, "accounts", SUPPORT) == "signed"
    decide(office.inside(OTHERS), "suzuki", "right")
    assert state(office, "accounts") == "reopened"
    assert state(office, "accounts", SUPPORT) == "signed"
    sign(office, OTHERS)
    assert state(office, "accounts") == "signed"  # what had changed is signed by whom it concerns


def test_a_row_that_concerns_others_too_is_for_whoever_sees_all_of_it(office: Office) -> None:
    sheet = office.desk.sheet(BY_NAME["senders"])
    (news,) = [row for row in sheet.rows if row.subject == Unit(NEWS)]
    (customer,) = [row for row in sheet.rows if row.subject == Unit(CUSTOMER)]
    assert len(news.accounts) == len(customer.accounts) + 1 == 3
    page = office.inside(Visitor("kato", "sign", ("suzuki",))).see("/topic/senders")
    assert "also concern accounts that you do not see" in page
    sign(office, KATO, "senders")
    assert {news.id, customer.id}.isdisjoint(signoffs(office.staging)["senders"][0].rows)


@pytest.mark.parametrize("scope", [SUPPORT, SATO])
def test_the_page_shows_a_department_what_it_would_sign(office: Office, scope: tuple[str, ...]) -> None:
    visitor = Visitor("kato", "sign", scope)
    stands = standings(office.desk, BY_NAME, scope)["accounts"]
    page = office.inside(visitor).see("/topic/accounts")
    assert f"{len(stands.rows)} rows," in page
    assert stands.digest[:16] in page
