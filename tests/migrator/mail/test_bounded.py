"""A mail that takes too long or too much memory to read is killed for it, and its neighbours are read."""

import os
import signal
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

import pytest

from migrator.mail import NO_DATE, Health, split
from migrator.mail.bounded import Bounded
from migrator.mail.dates import LATEST
from migrator.mail.letter import Facts, Letter, facts, unparsed
from migrator.model import DateSource, Evidence

AT = Evidence(DateSource.INDEX, datetime(2009, 11, 2, tzinfo=UTC))
HEAD = b"From: sato@example.co.jp\nSubject: x\nContent-Transfer-Encoding: base64\n\n"


def letter(body: bytes = b"text\n", head: bytes = HEAD, *dates: Evidence) -> Letter:
    return Letter(head, body, len(head) + len(body), dates, LATEST)


LONG = letter(b64encode(bytes(30 * 2**20)), HEAD, AT)
"""40 MB, of which reading copies as much."""
SMALL = letter()


def test_small_mails_start_no_process() -> None:
    before = children()
    with Bounded(facts, unparsed) as reader:
        assert reader.read([SMALL] * 2) == [facts(SMALL)] * 2
        assert children() == before


def states(found: list[Facts]) -> list[Health]:
    return [each.health for each in found]


def test_what_is_read_in_another_process_is_what_is_read_here() -> None:
    with Bounded(facts, unparsed, safe=0) as reader:
        assert reader.read([SMALL, LONG, SMALL]) == [facts(SMALL), facts(LONG), facts(SMALL)]
        assert reader.read([]) == []


def test_a_mail_that_takes_too_long_is_unparsed_and_its_neighbours_are_read() -> None:
    with Bounded(facts, unparsed, seconds=0.01) as reader:
        found = reader.read([SMALL, LONG, SMALL, LONG, SMALL])
    assert states(found) == [Health.OK, Health.UNPARSED, Health.OK, Health.UNPARSED, Health.OK]
    assert found[1].received == AT


def test_a_mail_that_takes_too_much_memory_is_unparsed_and_its_neighbours_are_read() -> None:
    with Bounded(facts, unparsed, memory=20 * 2**20) as reader:
        found = reader.read([SMALL, LONG, SMALL])
    assert states(found) == [Health.OK, Health.UNPARSED, Health.OK]
    with Bounded(facts, unparsed) as reader:
        assert states(reader.read([LONG])) == [Health.OK], "200 MB are enough"


def test_what_a_mail_takes_is_not_added_to_what_the_next_one_takes() -> None:
    with Bounded(facts, unparsed, memory=100 * 2**20, seconds=1, safe=0) as reader:
        assert states(reader.read([LONG] * 3 + [SMALL] * 2000)) == [Health.OK] * 2003


def test_a_mail_that_is_not_read_has_no_date_but_that_of_others() -> None:
    head, body = split(b"Date: Mon, 5 Mar 2001 10:00:00 +0900\n" + HEAD + LONG.body)
    with Bounded(facts, unparsed, seconds=0.01) as reader:
        (found,) = reader.read([letter(body, head)])
    assert (found.health, found.received) == (Health.UNPARSED, NO_DATE)


def children() -> set[int]:
    return {int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGTERM])
def test_a_reader_that_was_killed_between_two_mails_is_replaced(kind: signal.Signals) -> None:
    before = children()
    with Bounded(facts, unparsed, safe=0) as reader:
        reader.read([SMALL])
        (child,) = children() - before
        os.kill(child, kind)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        assert states(reader.read([SMALL, SMALL])) == [Health.OK, Health.OK]
    assert children() == before
