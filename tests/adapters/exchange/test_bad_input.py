"""What an Exchange cannot hold is made legal, or refused alone; nothing of it stops a neighbour."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime

import pytest

from adapters.exchange import adapter
from migrator.model import Mailbox, Receipt, Refused
from migrator.ports import Target
from migrator.staging.store import Staging
from migrator.steps import runner
from migrator.testing import mail
from tests.adapters.exchange.conftest import Box, config, parcel
from tests.roads import road
from tests.servers.exchange import ALICE, Exchange


@pytest.mark.parametrize("year", [1500, 4600])
def test_a_date_that_no_property_can_hold_is_refused_alone(box: Box, year: int) -> None:
    place = box.at("box")
    with box.open() as target:
        target.prepare(place)
        at = datetime(year, 1, 1, tzinfo=UTC)
        first, odd, last = target.deliver([parcel(place), parcel(place, received_at=at), parcel(place)])
    assert isinstance(first, Receipt)
    assert isinstance(last, Receipt)
    assert isinstance(odd, Refused)
    assert odd.reason.code == "exchange.date-impossible"


def test_a_folder_name_of_300_characters_is_cut_and_its_mail_arrives(running: Exchange, staging: Staging) -> None:
    def opener(_: Mailbox) -> Callable[[], AbstractContextManager[Target]]:
        open_target = adapter.open_target
        assert open_target is not None
        return lambda: open_target(config(running), Mailbox(ALICE))

    with road() as way:
        way.old.add("sato", ("長" * 300,), mail("one"))
        way.old.add("sato", ("長" * 299 + "い",), mail("two"))
        way.extract(staging)
        assert runner.load(staging, opener, way.loading())["loaded"] == 2
        assert runner.verify(staging, opener, way.loading())[0].findings == 0
    names = {folder.name for folder in running[ALICE].folders.values() if folder.name.startswith("長")}
    assert len(names) == 2
    assert all(len(name) <= 255 for name in names)
