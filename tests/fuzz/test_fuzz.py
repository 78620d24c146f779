"""What was found once is never found again, and a little is hunted for every time."""

import pytest

from tests.fuzz.hunt import hunt
from tests.fuzz.targets import TARGETS, bounded, findings

SECONDS = 15


@pytest.mark.parametrize("name", TARGETS)
def test_what_was_found_once_holds(name: str) -> None:
    for path in findings(name):
        bounded(name, path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_hostile_bytes_break_no_law(name: str) -> None:
    assert hunt(name, SECONDS) > 100
