"""As many requests at once as the server bears: fewer when it says so, slowly more again, and no mail twice for it."""

from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.exchange.throttle import Throttle
from migrator.model import Receipt
from migrator.ports import Target
from tests.adapters.exchange.conftest import Box, config, parcel
from tests.servers.exchange import ALICE, BOB, TEAM, Exchange
from tests.servers.exchange.faults import Slow


def one(throttle: Throttle, *, busy: bool = False) -> int:
    with throttle.turn() as turn:
        turn.busy = busy
    return throttle.bound


def test_busy_halves_and_a_round_that_went_well_adds_one() -> None:
    throttle = Throttle(16)
    assert [one(throttle, busy=True) for _ in range(5)] == [8, 4, 2, 1, 1]
    assert one(throttle) == 2
    assert [one(throttle) for _ in range(5)] == [2, 2, 3, 3, 3]
    assert [one(throttle) for _ in range(200)][-1] == 16


def test_one_moment_of_a_busy_server_halves_once() -> None:
    throttle = Throttle(8)
    together = Barrier(8)

    def ask() -> None:
        with throttle.turn() as turn:
            together.wait(10)
            turn.busy = True

    with ThreadPoolExecutor(8) as pool:
        wait([pool.submit(ask) for _ in range(8)])
    assert throttle.bound == 4


@given(st.integers(1, 30), st.lists(st.booleans()))
def test_the_bound_is_never_none_and_never_more_than_was_allowed(most: int, busy: list[bool]) -> None:
    throttle = Throttle(most)
    assert all(1 <= one(throttle, busy=each) <= most for each in busy)


def test_an_error_on_the_way_gives_the_turn_back() -> None:
    throttle = Throttle(1)
    for _ in range(3):
        with pytest.raises(OSError, match="broken"), throttle.turn():
            raise OSError("broken")
    assert one(throttle) == 1


MAILS = 8
LANES = 6


def crowded(exchange: Exchange, connections: int) -> float:
    """Two lanes on each of three mailboxes of a server that bears two requests; the share that was turned away."""
    shared = config(exchange, connections=connections, batch_items=1)
    boxes = [Box(exchange, shared, owner) for owner in (ALICE, BOB, TEAM)] * 2

    def lane(box: Box, target: Target) -> int:
        return sum(isinstance(each, Receipt) for each in target.deliver([parcel(box.at("box")) for _ in range(MAILS)]))

    with ExitStack() as stack, ThreadPoolExecutor(LANES) as pool:
        targets = [stack.enter_context(box.open()) for box in boxes]
        for box, target in zip(boxes, targets, strict=True):
            target.prepare(box.at("box"))
        before = len(exchange.requests)
        exchange.crowd = 2
        exchange.script(*(Slow(lambda _: True, name, seconds=0.05) for name in ("CreateItem", "GetItem", "FindItem")))
        assert list(pool.map(lane, boxes, targets)) == [MAILS] * LANES
    assert [len(box.held("box")) for box in boxes] == [2 * MAILS] * LANES
    return exchange.turned_away / (len(exchange.requests) - before)


def test_a_crowded_server_is_asked_less_and_every_mail_goes_once(running: Exchange) -> None:
    assert crowded(running, LANES) < 0.45  # 0.2 as seen; 0.66 with a bound that does not learn


def test_no_more_are_under_way_than_was_allowed(running: Exchange) -> None:
    assert crowded(running, 2) == 0
