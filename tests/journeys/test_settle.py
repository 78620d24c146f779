"""A place that a real server made anew: load stops there alone, settle shows and binds again, and load goes on."""

from pathlib import Path

import pytest

from tests.journeys.journey import Journey, digest
from tests.servers.dovecot import Dovecot


@pytest.mark.dovecot
def test_a_place_with_a_new_uidvalidity_is_bound_again_by_settle_and_load_goes_on(
    dovecot_maildir: Dovecot, tmp_path: Path
) -> None:
    folder = tmp_path / "old" / "sato" / "お客様"
    folder.mkdir(parents=True)
    for number in range(6):
        text = f"Message-ID: <{number % 5}@old>\r\nSubject: {number % 5}\r\n\r\ntext\r\n"
        (folder / f"{number}.eml").write_text(text, newline="")
    owner = dovecot_maildir.account()
    journey = Journey(tmp_path / "move", dovecot_maildir, {"adapter": "eml", "root": tmp_path / "old"}, {"sato": owner})
    journey.run("extract")
    journey.run("load", "new")
    dovecot_maildir.doveadm("mailbox", "update", "-u", owner, "--uid-validity", "4000000000", "お客様")
    late = b"Message-ID: <late@old>\r\nSubject: late\r\n\r\ntext\r\n"
    (folder / "9.eml").write_bytes(late)
    journey.run("extract")
    journey.run("load", "new", code=1)
    assert digest(late) not in journey.arrived()
    assert "[mend.epoch]" in journey.run("settle", "new", code=1)
    assert "[mend.bound]" in journey.run("settle", "new", "--yes")
    assert journey.run("settle", "new") == ""
    journey.run("load", "new")
    assert journey.arrived().total() == 7
    assert journey.json("verify", "new", "--bodies", "all")["findings"] == []
    assert journey.json("ledger", "new")["closed"]
