"""IMAP keeps the promises of sources and targets: on Dovecot in both formats, on pymap, and however little it can."""

from collections.abc import Callable, Iterator

import pytest

from migrator.mail import on_wire
from migrator.testing import SAMPLES, SourceContract, TargetContract
from tests.adapters.imap.conftest import MARKED, Box, Office, tapped


class TestImapTarget(TargetContract):
    @pytest.fixture(params=MARKED)
    def store(self, request: pytest.FixtureRequest, new_box: Callable[[str], Box]) -> Box:
        return new_box(request.param)


OLD = [b"MULTIAPPEND", b"LITERAL+", b"MOVE", b"CONDSTORE", b"QRESYNC", b"NAMESPACE", b"LIST-EXTENDED", b"SPECIAL-USE"]
POOR = {
    "no-multiappend": [b"MULTIAPPEND"],
    "asking": [b"LITERAL+"],
    "no-uidplus": [b"UIDPLUS"],
    "old": [*OLD, b"UNSELECT", b"STATUS=SIZE", b"ID", b"AUTH=PLAIN"],
}


@pytest.mark.dovecot
class TestTargetThatCanLess(TargetContract):
    """Dovecot without the extensions that make it easy."""

    @pytest.fixture(params=POOR.values(), ids=POOR.keys())
    def store(self, request: pytest.FixtureRequest, new_box: Callable[[str], Box]) -> Iterator[Box]:
        with tapped(new_box("dovecot_sdbox"), hide=request.param) as (box, _):
            yield box


class TestImapSource(SourceContract):
    samples = tuple(raw for raw in SAMPLES if on_wire(raw)[0] == raw)
    """What IMAP can hold as it is; the rest is changed when it is put there."""
    keywords = frozenset({"$Forwarded", "gw_open"})

    @pytest.fixture
    def store(self, office: Office) -> Office:
        return office
