"""A mail that was completed or changed at the source: its new version arrives, then the older one is taken back."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from migrator import registry
from migrator.model import Raw
from migrator.staging.reports import findings
from migrator.staging.store import Staging
from migrator.steps import runner
from migrator.steps.extract import extract
from tests.cli.moves import fill
from tests.roads import Road, bodies_at, mail, road

INBOX = ("INBOX",)
HALF, WHOLE = mail("report", body="half"), mail("report", body="half and the other half")


@pytest.fixture
def way() -> Iterator[Road]:
    with road() as laid:
        laid.old.add("sato", ("受信箱",), HALF)
        laid.old.add("sato", ("受信箱",), mail("neighbour"))
        yield laid


def half_loaded_then_completed(way: Road, staging: Staging) -> None:
    way.extract(staging)
    way.load(staging)
    way.old.edit("sato", ("受信箱",), 1, WHOLE)
    way.extract(staging)


def kinds(way: Road, staging: Staging) -> list[str]:
    _, run = runner.verify(staging, way.opener, way.loading())
    return [each["kind"] for each in findings(staging, run)]


def test_a_half_file_completed_later_arrives_and_the_half_is_taken_back(way: Road, staging: Staging) -> None:
    half_loaded_then_completed(way, staging)
    counts = way.load(staging)
    assert (counts["loaded"], counts["withdrawn"]) == (1, 1)
    assert bodies_at(way.new, "sato", *INBOX) == bodies_at(way.old, "sato", "受信箱")
    assert kinds(way, staging) == []
    assert way.ledger(staging).complete
    assert way.load(staging)["withdrawn"] == 0


def test_a_half_mail_that_its_owner_touched_stays_and_is_found_stale(way: Road, staging: Staging) -> None:
    half_loaded_then_completed(way, staging)
    way.new.flag("sato", INBOX, 1, ["\\Answered"])
    counts = way.load(staging)
    assert (counts["loaded"], counts["withdrawn"], counts["touched"]) == (1, 0, 1)
    assert len(way.new.mails("sato", INBOX)) == 3
    assert sorted(kinds(way, staging)) == ["flags", "stale"]
    assert way.ledger(staging).closed
    assert way.load(staging)["touched"] == 0, "what its owner touched is not asked about again"


def test_where_nothing_can_be_withdrawn_the_half_mail_is_found_stale(way: Road, staging: Staging) -> None:
    way.new.limits = replace(way.new.limits, can_withdraw=False)
    half_loaded_then_completed(way, staging)
    assert way.load(staging)["loaded"] == 1
    assert kinds(way, staging) == ["stale"]


def test_the_half_mail_stays_while_its_successor_has_not_arrived(way: Road, staging: Staging) -> None:
    half_loaded_then_completed(way, staging)
    way.new.limits = replace(way.new.limits, item_bytes=len(WHOLE) - 1)
    counts = way.load(staging)
    assert (counts["refused"], counts["withdrawn"]) == (1, 0)
    assert Raw.of(HALF).digest in bodies_at(way.new, "sato", *INBOX)


def test_a_mail_changed_again_and_back_lies_there_once_as_it_is_now(way: Road, staging: Staging) -> None:
    half_loaded_then_completed(way, staging)
    way.load(staging)
    way.old.edit("sato", ("受信箱",), 1, HALF)
    way.extract(staging)
    way.load(staging)
    assert bodies_at(way.new, "sato", *INBOX) == bodies_at(way.old, "sato", "受信箱")


def test_killed_at_any_moment_the_whole_mail_lies_there_once_and_the_half_is_gone(tmp_path: Path) -> None:
    with Staging.open("sqlite:///staging.db", folder=tmp_path):
        pass
    at = 0
    done = False
    while not done:
        at += 1
        folder = tmp_path / str(at)
        folder.mkdir()
        shutil.copy(tmp_path / "staging.db", folder)
        with road() as way:
            way.old.add("sato", ("受信箱",), HALF)
            with Staging.open("sqlite:///staging.db", folder=folder) as staging:
                half_loaded_then_completed(way, staging)
            done = way.done_before(at, folder, way.load)
            way.new.interrupt = lambda moment: None
            with Staging.open("sqlite:///staging.db", folder=folder) as staging:
                way.load(staging)
                assert bodies_at(way.new, "sato", *INBOX) == Counter({Raw.of(WHOLE).digest: 1}), f"killed at {at}"
                assert kinds(way, staging) == []
    assert at > 10


def test_a_rehash_finds_what_changed_behind_an_equal_stamp_and_stages_nothing_twice(
    tmp_path: Path, staging: Staging
) -> None:
    fill(tmp_path / "old" / "sato", HALF, mail("neighbour"))
    file = tmp_path / "old" / "sato" / "cur" / "0.x:2,S"
    stamped = file.stat()
    adapter = registry.adapter("maildir")
    assert adapter.open_source is not None
    with adapter.open_source(adapter.config(root=tmp_path / "old")) as source:

        def extracted(**how: bool) -> tuple[int, int]:
            done = extract(source, staging, name="maildir", **how)
            return done.items, done.unchanged

        assert extracted() == (2, 0)
        assert extracted(rehash=True) == (0, 2)
        file.write_bytes(HALF.replace(b"half", b"flah"))
        os.utime(file, ns=(stamped.st_atime_ns, stamped.st_mtime_ns))
        assert extracted() == (0, 2), "size and time are as they were"
        assert extracted(rehash=True) == (1, 1)
        assert extracted(rehash=True) == (0, 2)
