"""Exactly once, however often we are killed: at any transaction and any delivery, before and after its effect."""

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator.model import Raw
from migrator.ports import Limits
from migrator.staging.store import Staging
from tests.killing import done_before
from tests.roads import mail, road

FOLDERS = [("受信箱",), ("Inbox",), ("保管",)]
"""The first two go to one place."""


@given(
    mails=st.lists(st.tuples(st.sampled_from(FOLDERS), st.integers(0, 5)), min_size=1, max_size=12),
    kills=st.lists(st.integers(1, 60), max_size=5),
    batch=st.integers(1, 4),
    tokens=st.booleans(),
)
@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_every_mail_arrives_exactly_once_however_often_we_are_killed(
    tmp_path_factory: pytest.TempPathFactory,
    empty_database: Path,
    mails: Sequence[tuple[tuple[str, ...], int]],
    kills: Sequence[int],
    batch: int,
    tokens: bool,
) -> None:
    folder = tmp_path_factory.mktemp("killed")
    shutil.copy(empty_database, folder)
    with road() as way:

        def run(staging: Staging) -> None:
            way.extract(staging)
            way.load(staging, lanes=2)

        way.routes = type(way.routes)({}, {"Inbox": "INBOX"})
        way.new.limits = Limits(batch_items=batch, late_commit=0)
        way.new.tokens = tokens
        for path, number in mails:
            way.old.add("sato", path, mail(str(number)))
        for at in [*kills, None]:
            done_before(at, way, folder, run)
        arrived = Counter(
            each.raw.digest
            for (owner, _), box in way.new.boxes.items()
            if owner == "sato"
            for each in box.mails.values()
        )
        assert arrived == Counter(Raw.of(mail(str(number))).digest for _, number in mails)
        with Staging.open("sqlite:///staging.db", folder=folder) as staging:
            assert way.verify(staging).findings == 0
            assert way.ledger(staging).complete
