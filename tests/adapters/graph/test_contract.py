"""Exchange Online keeps the promises of a target over Graph: an application's, and a person's."""

import pytest

from migrator.testing import SAMPLES, TargetContract
from tests.adapters.graph.conftest import Box, config
from tests.servers.graph import Graph


class TestGraphTarget(TargetContract):
    samples = tuple(raw for raw in SAMPLES if b":" in raw and b"\0" not in raw)
    """What has no header would be an empty mail there, and is refused; of a byte that no charset knows the server makes
    another one, and verify says so."""
    keywords = frozenset({"gw_open"})
    """Of answered and forwarded a mail there knows what was done last."""

    @pytest.fixture
    def store(self, running: Graph) -> Box:
        return Box(running, config(running))
