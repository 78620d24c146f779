"""Why verify compares what mails mean there: one that compared bytes would call every one of them changed."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest

from adapters.exchange import adapter
from adapters.exchange.target import ExchangeTarget
from migrator.model import Mailbox
from migrator.ports import Limits, Target
from migrator.staging.reports import findings
from migrator.staging.store import Staging
from migrator.steps import runner
from migrator.testing import mail
from tests.adapters.exchange.conftest import config
from tests.roads import road
from tests.servers.exchange import ALICE, Exchange

MIXED = (
    b"--x\r\nContent-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$B8+@Q\x1b(B\r\n"
    b"--x\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n--x--\r\n"
)


def test_a_verify_that_compares_bytes_fails_on_what_the_server_makes_anew(
    running: Exchange, staging: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opener(_: Mailbox) -> Callable[[], AbstractContextManager[Target]]:
        assert adapter.open_target is not None
        open_target = adapter.open_target
        return lambda: open_target(config(running), Mailbox(ALICE))

    with road() as way:
        header = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n"
        for number in range(3):
            way.old.add("sato", ("box",), mail(f"n{number}", MIXED, header=header))
        way.extract(staging)
        how = way.loading()
        assert runner.load(staging, opener, how)["loaded"] == 3
        seen, _ = runner.verify(staging, opener, how, bodies=1.0)
        assert (seen.checked, seen.findings) == (3, 0)
        meant = ExchangeTarget.limits.fget
        assert meant is not None

        def exact(target: ExchangeTarget) -> Limits:
            limits: Limits = meant(target)
            return replace(limits, exact=True)

        monkeypatch.setattr(ExchangeTarget, "limits", property(exact))
        seen, run = runner.verify(staging, opener, how, bodies=1.0)
        assert {each["kind"] for each in findings(staging, run)} == {"changed"}
        assert seen.findings == 3
