"""`status` while something goes on: in words, and as JSON that others may rely on."""

import json
from pathlib import Path

import pytest

from migrator.cli import main
from migrator.errors import Reason
from migrator.staging.locks import lease
from migrator.staging.store import Staging
from tests.cli.moves import judged
from tests.roads import mail


def test_status_tells_of_a_run_that_goes_on_and_of_the_mailboxes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = judged(tmp_path, mail("one"), mail("two"))
    capsys.readouterr()
    with Staging.open("sqlite:///staging.db", folder=folder) as staging, staging.run("load", "new") as run:
        run.setback("sato", Reason("mailbox.out-of-reach", mailbox="sato", cause="imap.unreachable"))
        with lease(staging, run, "new", "sato"):
            assert main(["--dir", str(folder), "status"]) == 0
            words = capsys.readouterr().out
            assert main(["--dir", str(folder), "status", "--json"]) == 0
            value = json.loads(capsys.readouterr().out)
    assert f"Run {run.id}, load new: by " in words
    assert "[mailbox.out-of-reach]" in words
    (going,) = value["running"]
    assert {word: going[word] for word in ("run", "step", "target", "alive", "mails", "left")} == {
        **{"run": str(run.id), "step": "load", "target": "new", "alive": True, "mails": 0, "left": None}
    }
    (box,) = value["mailboxes"]
    assert (box["mailbox"], box["accounts"], box["to_do"], box["sending"]) == ("sato", ["sato"], 2, str(run.id))
    assert box["setback"]["code"] == "mailbox.out-of-reach"


def test_where_nothing_goes_on_status_is_as_short_as_ever(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = judged(tmp_path, mail("one"))
    with Staging.open("sqlite:///staging.db", folder=folder) as staging:
        staging.end_run(staging.begin_run("load", "new"), "stopped", {})
    capsys.readouterr()
    assert main(["--dir", str(folder), "status"]) == 0
    assert "Run " not in capsys.readouterr().out
