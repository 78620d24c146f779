"""The log of a whole migration: everything operators need, and nothing that a mail says."""

import json
import logging
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrator import log
from migrator.cli import main
from migrator.cli.logs import kept
from migrator.ports import Limits
from migrator.secret import Secret
from tests.desks import two_desks
from tests.roads import Road, mail, road

SUBJECT, STRANGER, BODY, SECRET = "canary-subject", "canary@stranger.example", "canary-body", "canary-s3cret"

SETTINGS = """
[staging]
url = "sqlite:///staging.db"

[source]
adapter = "memory"
world = "{name}-old"

[targets.new]
adapter = "memory"
world = "{name}-new"
late_commit = 0
patience = 0

[filters]
own_domains = ["example.co.jp"]

[shared]
history_from = "history@example.co.jp"

[review.reviewers.suzuki]
secret = {{ env = "LOG_SECRET" }}
"""


@pytest.fixture
def way() -> Iterator[Road]:
    with road() as laid:
        two_desks(laid.old)
        for number in range(3):
            laid.old.add("sato", ("受信箱",), letter(number))
        laid.old.add("sato", ("受信箱",), letter(9, "x" * 5000))
        laid.old.litter("sato", ("受信箱",), "draft-index")
        yield laid


@pytest.fixture
def folder(way: Road, tmp_path: Path) -> Path:
    (tmp_path / "migration.toml").write_text(SETTINGS.format(name=way.name))
    tmp_path.chmod(0o700)
    return tmp_path


def letter(number: int, more: str = "") -> bytes:
    return mail(f"{SUBJECT}-{number}", BODY + more, To=STRANGER, Reply_To=STRANGER, Message_Id=f"<{SUBJECT}@x>")


def run(folder: Path, *words: str, level: str = "debug") -> int:
    return main(["--dir", str(folder), *words, "--log", str(folder / "log.jsonl"), "--log-level", level])


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]


def whole_road(way: Road, folder: Path) -> None:
    """Every step, with refusals, changes at both ends, findings, setbacks, and what is taken back."""
    run(folder, "extract")
    run(folder, "judge")
    way.new.limits = Limits(batch_items=2, item_bytes=4000)
    run(folder, "load", "new", "--sign-lost")
    way.old.flag("sato", ("受信箱",), 1, {"\\Flagged"})
    way.new.flag("sato", ("INBOX",), 2, {"\\Answered"})
    way.new.delete("sato", ("INBOX",), 3)
    run(folder, "extract")
    run(folder, "load", "new", "--retry", "refused", "--sign-lost")
    run(folder, "verify", "new", "--bodies", "all")
    run(folder, "find", SUBJECT)
    run(folder, "senders")
    run(folder, "decide", STRANGER, "park")
    run(folder, "settle", "new", "--yes")
    run(folder, "undo", "3", "--yes")


def test_nothing_that_a_mail_says_and_no_secret_is_in_any_line_of_any_step(way: Road, folder: Path) -> None:
    whole_road(way, folder)
    text = (folder / "log.jsonl").read_text("utf-8")
    assert [word for word in ("canary", "stranger.example", "reiji.example") if word in text] == []
    steps = {line["step"] for line in lines(folder) if "step" in line}
    assert steps == {"extract", "judge", "load", "verify", "settle", "undo"}


def test_each_mail_is_named_by_account_folder_and_key_and_each_folder_has_one_line(way: Road, folder: Path) -> None:
    whole_road(way, folder)
    mails = [line for line in lines(folder) if line["event"] == "mail"]
    assert all({"run", "step", "account", "folder", "key", "became", "pid", "at"} <= set(line) for line in mails)
    became = Counter((line["step"], line["became"]) for line in mails)
    assert became["load", "refused"] == 2
    assert became["extract", "not-mail"] == 2
    assert became["verify", "missing"] == 1
    assert became["undo", "withdrawn"] > 0
    assert became["load", "amended"] > 0
    refused = next(line for line in mails if line["became"] == "refused")
    assert refused["code"]
    folders = [line for line in lines(folder) if line["event"] == "folder" and line["run"] == 3]
    assert len({(line["mailbox"], line["place"]) for line in folders}) == len(folders) > 1
    assert all(line["level"] == "debug" for line in mails)


def test_at_info_there_is_no_line_for_a_mail(folder: Path) -> None:
    run(folder, "extract", level="info")
    assert {line["event"] for line in lines(folder)} == {
        *("command.began", "run.began", "folder", "run.ended", "command.ended")
    }
    ended = lines(folder)[-1]
    assert (ended["exit"], ended["level"]) == (1, "info")


def test_the_log_is_shut_to_others_and_follows_a_rotation(folder: Path) -> None:
    file = folder / "log.jsonl"
    file.touch(0o644)
    run(folder, "extract")
    assert file.stat().st_mode & 0o777 == 0o600
    file.rename(folder / "log.1")
    run(folder, "status")
    assert file.stat().st_mode & 0o777 == 0o600
    assert lines(folder)[0]["command"] == "status"


def test_a_log_that_is_moved_while_a_command_runs_is_begun_anew(folder: Path) -> None:
    with kept(folder / "log.jsonl", "info"):
        log.event("one")
        (folder / "log.jsonl").rename(folder / "log.1")
        log.event("two")
    assert [line["event"] for line in lines(folder)] == ["two"]


def test_secrets_are_blotted_out_and_what_a_library_says_is_not_repeated(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_SECRET", SECRET)
    Secret(env="LOG_SECRET").reveal()
    with kept(folder / "log.jsonl", "debug"):
        log.event("told", params={"url": "imap://sato:pw-pw-pw@host", "word": [SECRET]})
        logging.getLogger("some.library").error("%s", BODY)
        logging.getLogger("some.library").info("%s", BODY)
    text = (folder / "log.jsonl").read_text()
    assert "pw-pw-pw" not in text
    assert SECRET not in text
    assert BODY not in text
    assert [(line["event"], line.get("logger")) for line in lines(folder)] == [
        ("told", None),
        ("library", "some.library"),
    ]


def test_a_command_whose_log_cannot_be_kept_does_not_begin(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--dir", str(folder), "extract"]
    assert main([*words, "--log", str(folder / "no" / "where")]) == 2
    assert "[log.unwritable]" in capsys.readouterr().err
    monkeypatch.setenv("MIGRATOR_LOG", str(folder / "log.jsonl"))
    monkeypatch.setenv("MIGRATOR_LOG_LEVEL", "loud")
    assert main(words) == 2
    assert "[log.level-what]" in capsys.readouterr().err
    assert not (folder / "staging.db").exists()


def test_a_full_disk_under_the_log_stops_nothing_and_is_said_once(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not os.path.exists("/dev/full"):  # noqa: PTH110
        pytest.skip("no /dev/full here")
    assert main(["--dir", str(folder), "extract", "--log", "/dev/full"]) == 1
    assert capsys.readouterr().err.count("[log.failed]") == 1
