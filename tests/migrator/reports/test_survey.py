"""The 診断書 says what is there, and nothing that was not counted."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from html.parser import HTMLParser

import pytest

from migrator.locale import Language, speak, spoken
from migrator.mail import Health
from migrator.reports.page import survey_page
from migrator.reports.survey import Disk, Survey, Tally, survey
from migrator.staging.inventory import mails
from migrator.staging.store import Staging
from tests.roads import Road, mail, road

TODAY = date(2012, 7, 15)


@pytest.fixture
def way() -> Iterator[Road]:
    with road() as laid:
        yield laid


def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def page(found: Survey, lang: Language = "en") -> str:
    before = spoken()
    speak(lang)
    try:
        return survey_page(found, "0.0")
    finally:
        speak(before)


class Reader(HTMLParser):
    """What a person reads, and whatever would be fetched."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.fetched: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href", "srcset")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_everything_is_counted_once(way: Road, staging: Staging) -> None:
    way.old.add("sato", ("受信箱",), mail("one"), received_at=at("2012-05-03"))
    way.old.add("sato", ("保存",), mail("one"), received_at=at("2012-05-03"))
    way.old.add("kato", ("受信箱",), mail("two", body="x" * 500), received_at=at("2012-06-03"))
    way.old.add("kato", ("受信箱",), b"", received_at=at("2012-06-03"))
    way.extract(staging)
    found = survey(staging, {}, None, TODAY)
    held = list(mails(staging))
    assert found.total == Tally(len(held), sum(each.size for each in held))
    assert sum(its.mails for its in found.accounts.values()) == len(held)
    assert found.months[2012, 5].mails == 2
    assert (found.copies.mails, found.copies.bytes) == (1, len(mail("one")))
    assert found.damaged == sum(found.faults.values()) + sum(found.broken.values()) == 1
    assert [name for name, _ in found.largest()] == ["kato", "sato"]
    assert (found.share, found.judged) == (None, 0)


def test_the_disk_is_full_in_the_month_that_the_last_years_pace_leads_to() -> None:
    found = Survey(TODAY, disk=Disk(size=10_000, free=700))
    for number in range(12):
        month = 2011 * 12 + 6 + number
        found.months[month // 12, month % 12 + 1] = Tally(1, 100)
    found.months[2012, 7] = Tally(1, 99_999)  # not a whole month
    assert found.until == (2012, 6)
    assert found.last_year(found.months) == Tally(12, 1_200)
    assert (found.full_in, found.full_by) == (7, date(2013, 2, 1))
    assert Survey(TODAY, disk=Disk(10, 5)).full_by is None
    assert Survey(TODAY, months=found.months).full_by is None


def test_what_was_never_judged_has_no_share_and_what_was_has_one() -> None:
    found = Survey(TODAY)
    assert "migrator judge" in page(found)
    found.judged, found.marketing = 4, Tally(3, 300)
    assert "75%" in page(found)


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_a_page_fetches_nothing_and_holds_no_markup_from_outside(lang: Language) -> None:
    found = Survey(TODAY)
    hostile = "<script src=//x.example/a.js></script>\x1b[2J\u202e"
    found.accounts[hostile] = found.senders[hostile] = Tally(1, 10)
    found.total, found.judged, found.marketing = Tally(1, 10), 1, Tally(1, 10)
    found.months[2012, 5] = found.marketing_months[2012, 5] = Tally(1, 10)
    found.broken[Health.CUT_IN_BODY] = 1
    text = page(found, lang)
    read = Reader(text)
    assert read.fetched == []
    assert "script" not in read.tags
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert not re.search(r"https?:", text)
    assert f'<html lang="{lang}">' in text


def test_a_company_of_a_hundred_and_thirty_years_of_mail_fits_in_300_kb() -> None:
    found = Survey(TODAY, disk=Disk(10**12, 10**11))
    for number in range(100):
        found.accounts[f"person{number}"] = Tally(1_000, 10**8 + number)
        found.senders[f"shop{number}.example"] = Tally(500, 10**6 + number)
    for number in range(30 * 12):
        found.months[1982 + number // 12, number % 12 + 1] = Tally(300, 10**7)
    text = page(found, "ja")
    assert len(text.encode()) < 300_000
    assert "person99" in text
    assert "person10<" not in text
