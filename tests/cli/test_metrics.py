"""Numbers for Prometheus: true while a run goes on, readable by whoever watches, and about nobody."""

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

from migrator.cli import main
from migrator.errors import Reason
from migrator.reports.metrics import text
from migrator.staging import tables
from migrator.staging.counted import counted
from migrator.staging.store import Staging
from tests.cli.moves import judged
from tests.roads import KEEP, mail, road
from tests.servers.stagings import Opener

Numbers = dict[tuple[str, ...], float]


def read(said: str) -> Numbers:
    """Each sample by its name and the values of its labels, in the order of their names."""
    return {
        (each.name, *(each.labels[name] for name in sorted(each.labels))): each.value
        for family in text_string_to_metric_families(said)
        for each in family.samples
    }


def numbers(staging: Staging) -> Numbers:
    return read(text(counted(staging, {"new": KEEP})))


def test_what_arrived_what_lags_and_what_was_refused(open_staging: Opener) -> None:
    with road() as way, open_staging() as staging:
        way.new.limits = way.new.limits.__class__(item_bytes=1000)
        for number, size in enumerate((10, 20, 5000)):
            way.old.add("sato", ("受信箱",), mail(f"m{number}", "x" * size))
        way.old.spoil("sato", ("受信箱",), Reason("mail.file-unreadable", path="x", answer="EIO"))
        way.extract(staging)
        before = numbers(staging)
        assert before["migrator_mails", "to_do", "new"] == 3
        assert before["migrator_faults", "mail.file-unreadable"] == 1
        way.load(staging)
        way.verify(staging)
        after = numbers(staging)
    assert after["migrator_mails", "to_do", "new"] == 0
    assert after["migrator_mails", "loaded", "new"] == 2
    assert after["migrator_step_mails_total", "load", "new"] == 2
    assert after["migrator_step_mails_total", "verify", "new"] == 2
    assert after["migrator_step_bytes_total", "load", "new"] < after["migrator_step_bytes_total", "extract", ""]
    assert [many for name, many in after.items() if name[0] == "migrator_refusals_total"] == [1]
    assert after["migrator_last_run", "done", "load", "new"] == 1


def test_a_run_in_progress_and_a_killed_one_are_told_apart(open_staging: Opener) -> None:
    with open_staging() as staging:
        with staging.run("load", "new") as run:
            run.setback("sato", Reason("mailbox.out-of-reach", mailbox="sato", cause="x"))
            now = numbers(staging)
            assert now["migrator_runs", "load", "new"] == 1
            assert now["migrator_setbacks_total", "mailbox.out-of-reach", "load", "new"] == 1
        assert numbers(staging)["migrator_runs", "load", "new"] == 0
        killed = staging.begin_run("load", "new")
        if staging.sqlite:
            with staging.writing() as connection:
                connection.execute(update(tables.run).where(tables.run.c.id == killed).values(pid=2**22 + 1))
        now = numbers(staging)
        assert now["migrator_last_run", "killed", "load", "new"] == 1
        assert ("migrator_last_run", "done", "load", "new") not in now
        assert now["migrator_runs", "load", "new"] == 0


def test_no_label_names_a_person_a_mailbox_or_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = judged(tmp_path, mail("one"), mail("two"))
    assert main(["--dir", str(folder), "load", "new"]) == 0
    capsys.readouterr()
    assert main(["--dir", str(folder), "metrics"]) == 0
    said = capsys.readouterr().out
    labels = {
        name for family in text_string_to_metric_families(said) for each in family.samples for name in each.labels
    }
    assert labels <= {"step", "target", "state", "code", "kind", "outcome"}
    assert "sato" not in said
    assert read(said)["migrator_mails", "loaded", "new"] == 2


def test_the_file_for_node_exporter_is_whole_and_may_be_read_by_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = judged(tmp_path, mail("one"))
    file = tmp_path / "migrator.prom"
    assert main(["--dir", str(folder), "metrics", "--out", str(file)]) == 0
    assert file.stat().st_mode & 0o777 == 0o644
    assert read(file.read_text())["migrator_mails", "to_do", "new"] == 1
    assert sorted(each.name for each in tmp_path.iterdir()) == ["migrator.prom", "move", "old"]
    assert main(["--dir", str(folder), "metrics", "--out", str(tmp_path / "no" / "where.prom")]) == 2
    assert "[metrics.unwritable]" in capsys.readouterr().err
