"""What goes wrong at two in the morning: one clear line, the right exit code, and the neighbours unharmed."""

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from tests.journeys.journey import Journey
from tests.servers.between import faults
from tests.servers.dovecot import Dovecot
from tests.servers.faults import Answer


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Two accounts of .eml files."""
    for account in ("sato", "suzuki"):
        (tmp_path / "old" / account / "受信箱").mkdir(parents=True)
        for number in range(3):
            text = f"Subject: {number}\r\nMessage-ID: <{account}{number}@example.co.jp>\r\n\r\ntext\r\n"
            (tmp_path / "old" / account / "受信箱" / f"{number}.eml").write_text(text, newline="")
    return tmp_path / "old"


@pytest.fixture
def journey(old: Path, tmp_path: Path, dovecot_maildir: Dovecot) -> Journey:
    accounts = {name: dovecot_maildir.account() for name in ("sato", "suzuki")}
    return Journey(tmp_path / "move", dovecot_maildir, {"adapter": "eml", "root": old}, accounts)


@pytest.mark.dovecot
def test_files_that_cannot_be_read_are_faults_and_their_neighbours_arrive(journey: Journey, old: Path) -> None:
    inbox = old / "sato" / "受信箱"
    (inbox / "empty.eml").touch()
    (inbox / "climbs.eml").symlink_to("/etc/passwd")
    (inbox / "large.eml").write_bytes(b"Subject: large\r\n\r\n" + b"0123456789abcde\r\n" * (60 * 2**20 // 17))
    os.mkfifo(inbox / "pipe.eml")
    journey.run("extract", code=1)
    codes = {line["reason"]["code"] for line in journey.lines("faults")}
    assert {"file.empty", "file.outside"} <= codes
    journey.run("load", "new", code=1)
    assert journey.arrived().total() == 6
    totals = journey.json("ledger", "new")["totals"]
    assert (totals["loaded"], totals["refused"], totals["unexplained_source"]) == (6, 1, 0)


def test_two_gigabytes_are_staged_streaming(journey: Journey, old: Path) -> None:
    with (old / "sato" / "受信箱" / "huge.eml").open("wb") as file:
        file.write(b"Subject: two gigabytes\r\n\r\n")
        file.truncate(2 * 2**30)
    assert journey.peak("extract") < 400
    (huge,) = [line for line in journey.lines("list") if line["size"] == 2 * 2**30]
    journey.run("decide", huge["item"], "park", "--why", "nobody's mail")
    assert [line["item"] for line in journey.lines("list", "--decision", "park")] == [huge["item"]]


@pytest.mark.dovecot
def test_a_server_out_of_reach_ends_resumably_and_says_so(journey: Journey, old: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    journey.run("extract")
    lost = replace(journey, port=port, patience=1)
    assert lost.complaint("load", "new", code=75) == "imap.unreachable"
    found = replace(journey, port=None)
    found.run("load", "new")
    assert found.arrived().total() == 6


@pytest.mark.dovecot
def test_a_wrong_password_is_asked_for_once_and_sends_nothing(journey: Journey) -> None:
    journey.run("extract")
    wrong = replace(journey, environment={"NEW_PASSWORD": "no-such-thing"})
    assert wrong.complaint("load", "new", code=2) == "imap.shared-login-refused"
    absent = replace(journey, environment={"NEW_PASSWORD": ""})
    assert absent.complaint("load", "new", code=2).startswith(("imap.", "secret."))
    assert journey.arrived().total() == 0


@pytest.mark.dovecot
def test_a_certificate_nobody_vouches_for_is_refused(journey: Journey) -> None:
    journey.run("extract")
    untrusted = replace(journey, security="tls", port=journey.dovecot.tls_port)
    assert untrusted.complaint("load", "new", code=2) == "imap.certificate"


def test_mistakes_in_the_settings_are_told_with_their_line(journey: Journey) -> None:
    settings = journey.folder / "migration.toml"
    settings.write_text(settings.read_text().replace('adapter = "eml"', 'adaptor = "eml"'))
    assert journey.complaint("extract", code=2).startswith(("settings.", "toml."))
    settings.write_text("[source\n")
    assert journey.complaint("extract", code=2).startswith("toml.")


@pytest.mark.dovecot
def test_a_target_or_account_that_does_not_exist_is_named(journey: Journey) -> None:
    assert journey.complaint("load", "nowhere", code=2) == "settings.no-target"
    assert journey.complaint("extract", "--account", "nobody", code=2) == "account.unknown"


@pytest.mark.dovecot
def test_of_loads_at_the_same_moment_one_works_and_the_others_say_who(journey: Journey) -> None:
    journey.run("extract")
    loads = [journey.start("load", "new") for _ in range(3)]
    for load in loads:
        _, said = load.communicate(timeout=60)
        assert load.returncode in (0, 2)
        assert (load.returncode == 2) == ("[staging.locked]" in said)
    assert journey.arrived().total() == 6


@pytest.mark.dovecot
@pytest.mark.parametrize(
    ("words", "code"),
    [(b"NO [OVERQUOTA] full", 1), (b"NO [LIMIT] to every mail", 75), (b"NO [UNAVAILABLE] later", 75)],
)
def test_a_servers_no_ends_the_command_as_it_deserves_and_the_next_run_goes_on(
    journey: Journey, words: bytes, code: int
) -> None:
    journey.run("extract")
    with faults(journey.dovecot.host, journey.dovecot.port) as proxy:
        behind = replace(journey, port=proxy.port, patience=0.5)
        proxy.layers = [Answer(words, lambda _, command: command.name == b"APPEND")]
        behind.run("load", "new", code=code)
        assert journey.arrived().total() == 0
        proxy.layers = []
        behind.run("load", "new", "--retry", "refused")
        assert journey.arrived().total() == 6
