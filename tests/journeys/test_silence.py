"""A second run of every step is silent: a listener hears no APPEND, STORE or CREATE, and no body is fetched."""

from pathlib import Path

import pytest

from migrator.demo.store import build
from tests.journeys.journey import Journey
from tests.journeys.test_demo_store import journey_of
from tests.servers.dovecot import Dovecot
from tests.servers.tap import tap


@pytest.mark.dovecot
def test_the_second_run_sends_nothing_and_fetches_no_body(dovecot_maildir: Dovecot, tmp_path: Path) -> None:
    first = journey_of(build(tmp_path / "old"), dovecot_maildir, tmp_path, "sqlite:///staging.db")
    with tap(dovecot_maildir.host, dovecot_maildir.port) as heard:
        journey = Journey(first.folder, first.dovecot, first.source, first.accounts, port=heard.port)
        journey.run("extract", code=1)
        journey.run("load", "new")
        assert b"APPEND" in heard.names, "the listener must hear what there is to hear"
        heard.forget()
        journey.run("extract", code=1)
        journey.run("judge")
        journey.run("load", "new")
        journey.run("verify", "new")
        journey.run("ledger", "new")
        said = heard.sent.upper()
    assert heard.names.isdisjoint({b"APPEND", b"STORE", b"CREATE", b"SUBSCRIBE", b"EXPUNGE", b"COPY", b"MOVE"})
    assert b"BODY[]" not in said
    assert b"BODY.PEEK[]" not in said
    assert b"RFC822)" not in said
    assert b"BODY.PEEK[HEADER" in said
