"""Exchange keeps the promises of a target: as everybody's owner, as the owner himself, and as somebody who may."""

import pytest

from migrator.testing import SAMPLES, TargetContract
from tests.adapters.exchange.conftest import Box, config, public_config
from tests.servers.exchange import ALICE, BOB, Exchange

LOGINS = {
    "impersonation": {},
    "owner": {"access": "delegate", "user": "{address}"},
    "full-access": {"access": "delegate", "user": BOB},
}


class TestExchangeTarget(TargetContract):
    samples = tuple(raw for raw in SAMPLES if b":" in raw and b"\0" not in raw)
    """What has no header would be an empty mail there, and is refused; of a byte that no charset knows the server makes
    another one, and verify says so."""
    keywords = frozenset({"gw_open"})
    """Of answered and forwarded a mail there knows what was done last."""

    @pytest.fixture(params=LOGINS.values(), ids=LOGINS.keys())
    def store(self, request: pytest.FixtureRequest, running: Exchange) -> Box:
        running[ALICE].full_access.add(BOB)
        return Box(running, config(running, **request.param))


class TestBelowAPublicFolder(TestExchangeTarget):
    @pytest.fixture(params=["部署/お客様窓口"])
    def store(self, request: pytest.FixtureRequest, running: Exchange) -> Box:
        return Box(running, public_config(running, request.param))
