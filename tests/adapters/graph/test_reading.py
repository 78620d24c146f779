"""A place is looked at page by page, and as a whole, whatever people do to it meanwhile."""

import pytest

from adapters.graph import reading
from migrator.errors import Outage
from tests.adapters.exchange.conftest import parcel
from tests.adapters.graph.conftest import Box
from tests.servers.exchange import ALICE
from tests.servers.exchange.faults import Meanwhile

MAILS = 23


@pytest.fixture
def filled(monkeypatch: pytest.MonkeyPatch, box: Box) -> Box:
    """A mailbox with some pages of mail."""
    monkeypatch.setattr(reading, "PAGE", 5)
    with box.open() as target:
        target.prepare(box.at("box"))
        for start in range(0, MAILS, 20):
            list(target.deliver([parcel(box.at("box")) for _ in range(start, min(MAILS, start + 20))]))
    box.graph.requests.clear()
    box.graph.counts.clear()
    return box


def test_a_survey_comes_in_pages_and_leaves_nothing_out(filled: Box) -> None:
    with filled.open() as target:
        seen = list(target.survey(filled.at("box"), None))
        assert len({each.ref for each in seen}) == MAILS
        assert len(filled.graph.asked("GET messages")) == 5


def test_when_a_mail_goes_while_we_look_the_next_is_not_passed_over(filled: Box) -> None:
    mailbox = filled.graph[ALICE]
    first, *_ = filled.held("box")
    filled.graph.script(Meanwhile(lambda: mailbox.remove(first), 2, "GET messages"))
    with filled.open() as target:
        assert len(list(target.survey(filled.at("box"), None))) == MAILS - 1


def test_what_never_stands_still_is_an_outage(filled: Box) -> None:
    mailbox = filled.graph[ALICE]

    def take_one() -> None:
        mailbox.remove(filled.held("box")[0])

    filled.graph.script(Meanwhile(take_one, lambda _: True, "GET messages"))
    with filled.open() as target, pytest.raises(Outage) as error:
        list(target.survey(filled.at("box"), None))
    assert error.value.reason.code == "exchange.listing-moves"


def test_a_ref_is_found_again_by_another_session(filled: Box) -> None:
    with filled.open() as target:
        seen = list(target.survey(filled.at("box"), None))
    with filled.open() as target:
        assert target.fetch(filled.at("box"), seen[-1].ref) is not None
        assert target.fetch(filled.at("box"), "1:1") is None
