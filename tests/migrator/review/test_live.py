"""The page that shows what goes on: for everybody the runs, of the mailboxes only one's own; no script is needed."""

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import update

from migrator.errors import Reason
from migrator.review.door import Visitor
from migrator.staging import tables
from migrator.staging.locks import lease
from tests.migrator.review.office import Office
from tests.migrator.review.test_browser import hindrances, sitting

MORI = Visitor("mori", "see", ("support",))


def test_whoever_sees_some_accounts_sees_the_runs_and_only_their_mailboxes(office: Office) -> None:
    with office.staging.run("load", "new") as run:
        run.setback("sato", Reason("mailbox.out-of-reach", mailbox="sato", cause="imap.unreachable"))
        boss, mori = office.inside().see("/live"), office.inside(MORI).see("/live")
        assert f"{run.id} load new" in boss
        assert f"{run.id} load new" in mori
        assert all(f"{each}</th>" in boss for each in ("sato", "suzuki"))
        assert not any(each in mori for each in ("sato", "suzuki"))
        assert "support@" in mori
        assert "imap.unreachable" in boss
        assert "imap.unreachable" not in mori


def test_a_stranger_sees_nothing_of_it(office: Office) -> None:
    answer = office.outside().get("/live")
    assert answer.status_code == 403
    assert "refresh" not in answer.headers


def test_it_comes_again_by_itself_until_it_is_held(office: Office) -> None:
    person = office.inside()
    assert person.client.get("/live").headers["refresh"] == "15"
    assert "refresh" not in person.client.get("/live?still=1").headers
    assert "refresh" not in person.client.get("/").headers


def test_many_who_look_on_ask_staging_once(office: Office) -> None:
    first = office.desk.watched()
    office.desk._watched = (float("inf"), first)
    assert office.desk.watched() is first
    office.desk._watched = (0.0, first)
    assert office.desk.watched() is not first


@pytest.mark.parametrize(("lang", "title"), [("en", "What goes on now"), ("ja", "現在の状況")])
def test_everybody_can_use_it_while_a_run_goes_on_without_javascript(
    office: Office, chromium: Browser, lang: str, title: str
) -> None:
    with (
        office.staging.run("load", "new") as run,
        lease(office.staging, run, "new", "suzuki"),
        sitting(office, chromium) as sit,
    ):
        killed = office.staging.begin_run("judge")
        run.setback("sato", Reason("mailbox.out-of-reach", mailbox="sato", cause="imap.unreachable"))
        with office.staging.writing() as connection:
            connection.execute(update(tables.run).where(tables.run.c.id == killed).values(pid=2**22 + 1))
        page = sit().go(f"/live?lang={lang}")
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        assert hindrances(page, "live") == {}
        plain = sit(java_script_enabled=False).go("/live")
        expect(plain.locator("tbody tr").first).to_contain_text("load new")
