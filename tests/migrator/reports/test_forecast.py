"""The forecast says what was seen, and nothing where nothing was."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert

from migrator.reports.forecast import Amount, Span, forecast, whole
from migrator.staging import tables
from migrator.staging.store import Staging, now

STORE, GOES = Amount(1_000, 10**6), Amount(800, 8 * 10**5)


def ran(staging: Staging, step: str, seconds: float, target: str | None = None, **counts: int) -> None:
    """A run that took so long."""
    ended: datetime = now()
    run = {"step": step, "target": target, "began": ended - timedelta(seconds=seconds), "ended": ended}
    with staging.writing() as connection:
        connection.execute(
            insert(tables.run).values(**run, outcome="done", host="h", pid=1, by="me", version="0", counts=counts)
        )


def test_nothing_is_foretold_of_what_nobody_has_seen(staging: Staging) -> None:
    its = forecast(staging, "new", store=STORE, goes=GOES)
    assert {each.seen for each in (*its.first, *its.window)} == {0}


def test_a_delta_pass_tells_of_the_night_and_the_first_pass_of_the_days_before(staging: Staging) -> None:
    ran(staging, "extract", 100, items=1_000, bytes=10**6, unchanged=0)
    ran(staging, "extract", 4, items=10, bytes=10**4, unchanged=990)
    ran(staging, "extract", 8, items=0, bytes=0, unchanged=500)
    its = forecast(staging, "new", store=STORE, goes=GOES)
    assert its.first[0].likely == pytest.approx(100, rel=0.01)
    assert (its.window[0].least, its.window[0].likely, its.window[0].most, its.window[0].seen) == pytest.approx(
        (4, 10, 16, 2), rel=0.01
    )


def test_a_second_load_tells_of_the_night_in_any_rehearsal_of_its_target(staging: Staging) -> None:
    ran(staging, "load", 50, "new#1", loaded=800)
    ran(staging, "load", 6, "new#1", loaded=12)
    ran(staging, "load", 60, "new#3", loaded=800)
    ran(staging, "load", 2, "newer#4", loaded=3)
    ran(staging, "load", 2, "newer#4", loaded=3)
    night = forecast(staging, "new", store=STORE, goes=GOES).window[2]
    assert (night.seen, night.likely) == (1, pytest.approx(6, rel=0.01))


def test_reading_back_grows_with_what_there_is(staging: Staging) -> None:
    ran(staging, "verify", 5, "new#1", checked=400)
    assert forecast(staging, "new", store=STORE, goes=GOES).window[3].likely == pytest.approx(10, rel=0.01)


def test_a_sum_with_a_part_that_nobody_has_seen_is_none() -> None:
    seen = Span("load", 2, 1, 3, 4)
    assert whole("window", [seen, seen]) == Span("window", 4, 2, 6, 4)
    assert whole("window", [seen, Span("verify")]).seen == 0
