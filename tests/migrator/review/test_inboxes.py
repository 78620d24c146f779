"""The topics of shared inboxes: what only people can tell, with what staging knows of it; starred, and shown only where
there are some."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.errors import Reason
from migrator.review.door import Visitor
from migrator.review.topic import Row, Topic
from migrator.review.topics import TOPICS
from migrator.review.topics.inboxes.links import LINKS
from migrator.review.topics.inboxes.lossy import LOSSY
from migrator.review.topics.inboxes.parking import PARKING
from migrator.review.topics.inboxes.people import PEOPLE
from migrator.review.topics.inboxes.rights import RIGHTS
from migrator.review.topics.inboxes.states import STATES
from migrator.review.topics.inboxes.waiting import WAITING
from migrator.staging.reports import listing
from migrator.staging.store import Staging
from tests.migrator.review.office import Office, foretell, furnish, row_of, take_in, work
from tests.roads import road

SUPPORT = Visitor("mori", "decide", ("support",))
ABOUT_INBOXES = (STATES, PEOPLE, RIGHTS, LINKS, WAITING, PARKING)


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desks")
    with road() as way, Staging.open("sqlite:///staging.db", folder=folder) as staging:
        work(way)
        take_in(way, staging)
    return folder / "staging.db"


@pytest.fixture
def office(worked: Path, tmp_path: Path) -> Iterator[Office]:
    shutil.copy(worked, tmp_path / "staging.db")
    with Staging.open("sqlite:///staging.db", folder=tmp_path) as staging:
        yield Office(staging)


def rows(office: Office, topic: Topic) -> dict[str, Row]:
    return {row.title: row for row in office.desk.sheet(topic).rows}


def codes(row: Row) -> set[str]:
    return {each.code for each in row.warnings}


def test_a_word_that_nobody_has_explained_comes_first_and_asks(office: Office) -> None:
    found = rows(office, STATES)
    assert next(iter(found)) == "要確認"
    assert found["要確認"].proposal is None
    assert codes(found["要確認"]) == {"review.word-unknown"}
    assert (found["済"].proposal, found["済"].numbers) == ("closed", (2, 1, 0))
    assert found["済"].confidence == 1.0


def test_who_is_meant_is_shown_by_who_answered(office: Office) -> None:
    found = rows(office, PEOPLE)
    somebody = found["担当12"]
    assert codes(somebody) == {"review.person-unknown"}
    assert somebody.proposal == "sales@example.co.jp"
    assert somebody.confidence == 1.0
    assert office.inside().press("people", one=f"{somebody.id}:right").status_code == 400  # it is for a person to say
    assert "review.left" in {note.code for note in found["吉田 浩二 (yoshida)"].notes}
    assert codes(found["佐藤 健一 (sato)"]) == codes(found["佐藤 健一 (sato2)"]) == {"review.person-twice"}


def test_rights_stand_beside_what_was_used_and_are_never_ticked(office: Office) -> None:
    found = office.desk.sheet(RIGHTS).rows
    assert codes(found[0]) == {"review.rights-unknown"}
    assert {row.title for row in found} == {"担当12", "佐藤 健一", "吉田 浩二"}
    used = {(row.accounts, row.title): row.numbers for row in found}
    assert used[frozenset({"sales"}), "佐藤 健一"] == (1, 1)
    assert " checked" not in office.inside().see("/topic/rights?show=sure")


def test_where_nothing_is_proposed_nothing_can_be_right(office: Office) -> None:
    person = office.inside()
    (row,) = (row.id for row in office.desk.sheet(RIGHTS).rows if row.proposal is None)
    assert person.press("rights", one=f"{row}:right").status_code == 400
    assert person.press("rights", one=f"{row}:free", free="read reply").status_code == 303
    said = office.desk.sheet(RIGHTS).by_id[row].said
    assert said is not None
    assert said.verdict == "read reply"


def test_links_under_doubt_show_both_mails(office: Office) -> None:
    found = rows(office, LINKS)
    assert found["another"].proposal == "one"
    assert found["another"].confidence == 0.6
    page = office.inside().see(f"/topic/links/row/{found['another'].id}")
    assert page.count("another</td>") == 2


def test_a_word_on_a_link_changes_at_once_who_waits_and_opens_that_again(office: Office) -> None:
    person = office.inside()
    waiting = person.see("/topic/waiting")
    assert waiting.count(">another</a>") == 1
    ids = [row.id for row in office.desk.sheet(WAITING).rows]
    assert person.press("waiting", page=waiting, row=ids, bulk="waits").status_code == 303
    assert person.press("waiting", to="/sign").status_code == 303
    row = rows(office, LINKS)["another"]
    assert person.press("links", one=f"{row.id}:two").status_code == 303
    later = Office(office.staging)
    assert later.desk.sheet(LINKS).by_id[row.id].said is not None
    page = later.inside().see("/topic/waiting")
    assert page.count(">another</a>") == 2
    assert "state reopened" in page
    assert person.press("links", one=f"{row.id}:one").status_code == 303
    assert Office(office.staging).inside().see("/topic/waiting").count(">another</a>") == 1


def test_on_the_same_page_too_a_word_counts_at_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrator.review.desk.PATIENCE", 10**9)  # as where reading takes long
    person = office.inside()
    assert codes(rows(office, WAITING)["another"]) == set()
    row = rows(office, STATES)["要確認"]
    assert person.press("states", one=f"{row.id}:no-action").status_code == 303
    assert codes(rows(office, WAITING)["another"]) == {"review.wrote-again"}
    (again,) = [each for each in Office(office.staging).desk.sheet(STATES).rows if each.title == "要確認"]
    assert (again.id, again.proposal, again.said and again.said.verdict) == (row.id, None, "no-action")


def test_customers_who_wait_are_confirmed_one_by_one(office: Office) -> None:
    found = rows(office, WAITING)
    assert {"another", "untouched"} <= set(found)
    assert "price" not in found
    assert found["untouched"].proposal == "waits"


def test_parking_in_a_shared_inbox_is_a_decision_on_the_very_mail(office: Office) -> None:
    person = office.inside()
    page = person.see("/topic/parking")
    assert "weekly-support-0" in page
    assert "weekly-kato-0" not in page
    person.press("parking", one=f"{row_of(page, 'weekly-support-0')}:park")
    parked = [line["subject"] for line in listing(office.staging, decision="park")]
    assert parked == ["weekly-support-0"]
    assert "weekly-support-0" in Office(office.staging).inside().see("/topic/parking")  # a decided row stays


def test_all_of_them_but_links_are_starred_and_hidden_where_there_is_no_inbox(office: Office, tmp_path: Path) -> None:
    assert [topic for topic in ABOUT_INBOXES if not topic.starred] == [LINKS]
    home = office.inside().see("/")
    assert [f"/topic/{topic.name}" in home for topic in ABOUT_INBOXES] == [True] * 6
    (tmp_path / "none").mkdir()
    with Staging.open("sqlite:///staging.db", folder=tmp_path / "none") as staging:
        bare = Office(staging).inside().see("/")
    assert [f"/topic/{topic.name}" in bare for topic in ABOUT_INBOXES] == [False] * 6


def test_a_change_of_meaning_opens_who_waits_again(office: Office) -> None:
    person = office.inside()
    for topic in ("states", "waiting"):
        page = person.see(f"/topic/{topic}")
        row_ids = [row.id for row in office.desk.sheet(next(each for each in TOPICS if each.name == topic)).rows]
        word = {"states": "closed", "waiting": "waits"}[topic]
        assert person.press(topic, page=page, row=row_ids, bulk=word).status_code == 303
        assert person.press(topic, to="/sign").status_code == 303
    row = row_of(person.see("/topic/states"), "要確認")
    person.press("states", one=f"{row}:open")
    assert "What the words for the state of work mean" in person.see("/topic/waiting")
    assert "state reopened" in person.see("/topic/waiting")


def test_a_reviewer_of_one_inbox_sees_that_one_alone(office: Office) -> None:
    person = office.inside(SUPPORT)
    assert "untouched" in person.see("/topic/waiting")
    assert "済" not in person.see("/topic/states")
    assert "要確認" in person.see("/topic/states")


def test_where_nobody_has_said_who_we_are_the_operator_is_told(office: Office) -> None:
    office.desk.own_domains = ()
    assert office.desk.sheet(WAITING).rows == ()
    assert [reason.code for reason in office.desk.troubles] == ["shared.no-own-domains"]


def test_every_topic_has_letters_of_its_own() -> None:
    letters = "".join(topic.letters for topic in TOPICS)
    assert len(set(letters)) == len(letters)
    assert {need for topic in TOPICS for need in topic.needs} <= {topic.name for topic in TOPICS}


NO_ROOM, FAULT = Reason("shared.no-room"), Reason("mail.file-unreadable", path="x", answer="EIO")


def test_what_is_not_exact_is_told_by_inbox_and_class_and_what_is_lost_is_never_ticked(
    office: Office, tmp_path: Path
) -> None:
    file = tmp_path / "shared-new.jsonl"
    foretell(file, ("tag", "archived-only", NO_ROOM), ("tag", "archived-only", NO_ROOM), ("state", "exact", None))
    told = Office(office.staging, foretold={"new": file, "old": tmp_path / "none.jsonl"})
    (row,) = told.desk.sheet(LOSSY).rows
    assert (row.numbers, row.evidence[0], row.accounts) == ((2,), NO_ROOM, frozenset({"support"}))
    person = told.inside()
    assert person.press("lossy", one=f"{row.id}:accept").status_code == 303
    foretell(file, ("tag", "archived-only", NO_ROOM), ("due", "archived-only", NO_ROOM), ("fault", "dropped", FAULT))
    lost, more = Office(office.staging, foretold={"new": file}).desk.sheet(LOSSY).rows
    assert (more.id, more.said) == (row.id, None), "another kind is archived only: it asks again"
    assert (lost.proposal, lost.warnings) == (None, (FAULT,))
    page = Office(office.staging, foretold={"new": file}).inside().see("/topic/lossy?show=sure")
    assert page.count(" checked") == 1
    assert more.id in page
    assert lost.id not in page
    assert "/topic/lossy" not in office.inside().see("/")


@pytest.mark.parametrize("text", ['{"inbox": "supp', "[]", '{"inbox": "support"}', "\xff"])
def test_a_list_that_no_load_wrote_stops_no_page_and_the_operator_is_told(
    office: Office, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "shared-new.jsonl"
    file.write_text(text, "latin-1")
    told = Office(office.staging, foretold={"new": file})
    told.inside().see("/")
    assert [reason.code for reason in told.desk.troubles] == ["review.foretold-unreadable"]


def test_every_topic_is_read_decided_and_signed_on_both_databases(staging: Staging, tmp_path: Path) -> None:
    with road() as way:
        furnish(way)
        work(way)
        take_in(way, staging)
    foretell(tmp_path / "shared-new.jsonl", ("tag", "archived-only", NO_ROOM))
    for topic in TOPICS:  # each on a page begun anew, for what was decided before changes which rows there are
        office = Office(staging, foretold={"new": tmp_path / "shared-new.jsonl"})
        person = office.inside()
        sheet = office.desk.sheet(topic)
        assert sheet.rows, topic.name
        for row in sheet.rows:
            topic.samples(office.desk, row)
            topic.readings(office.desk, row)
            person.see(f"/topic/{topic.name}/row/{row.id}")
        word = topic.words[-1].verdict
        assert person.press(topic.name, row=[row.id for row in sheet.rows], bulk=word).status_code == 303
        assert person.press(topic.name, to="/sign").status_code == 303
    assert person.see("/").count("state signed") >= len(TOPICS) - 1  # parking one by one opens the mails to look at
