"""A mail that nobody could read in time is staged and loaded like any other."""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.mail import Health
from migrator.mail.bounded import Reader
from migrator.model import Raw
from migrator.staging.reports import status
from migrator.staging.store import Staging
from migrator.steps import intake
from tests.roads import bodies_at, mail, road


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Readers that have a hundredth of a second for each mail."""
    readers = [Reader(seconds=0.01) for _ in range(intake.READERS)]
    monkeypatch.setattr(intake, "_idle", readers)
    yield
    for reader in readers:
        reader.end()


@pytest.mark.usefixtures("impatient")
def test_a_mail_that_takes_too_long_to_read_is_loaded_byte_for_byte_and_so_are_its_neighbours(tmp_path: Path) -> None:
    long = mail("long", b64encode(bytes(30 * 2**20)).decode(), Content_Transfer_Encoding="base64")
    raws = [mail("before"), long, mail("after")]
    with road() as way, Staging.open("sqlite:///staging.db", folder=tmp_path) as staging:
        for raw in raws:
            way.old.add("sato", ("box",), raw)
        assert way.extract(staging).clean
        health = status(staging, {})["health"]
        assert {each: count for each, count in health.items() if count} == {"ok": 2, "unparsed": 1}
        assert set(health) == set(Health)
        way.load(staging)
        assert bodies_at(way.new, "sato", "box") == Counter(Raw.of(raw).digest for raw in raws)
        assert way.ledger(staging).closed
