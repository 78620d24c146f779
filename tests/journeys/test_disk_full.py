"""The disk under staging fills up at every moment there is: one clear line, exit 75, and nothing half-written."""

import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import event

from migrator.errors import Outage, UsageError
from migrator.staging import blobs
from migrator.staging.doctor import examine
from migrator.staging.store import Staging
from migrator.steps.check import check_source
from tests.journeys.journey import Journey
from tests.journeys.test_bad_input import journey, old  # noqa: F401
from tests.roads import Road, bodies_at, mail, road
from tests.servers.disks import Disk, disk
from tests.servers.stagings import Opener

INBOX = ("INBOX",)


def noise(size: int, seed: int = 0) -> str:
    """Text that does not get smaller when it is compressed."""
    return random.Random(seed).randbytes(size // 2).hex()


@contextmanager
def full_road(mails: int = 60, size: int = 40_000) -> Iterator[Road]:
    with road() as way:
        for number in range(mails):
            way.old.add("sato", INBOX, mail(f"{number}", noise(size, number)))
        yield way


@contextmanager
def extracted_road(open_there: Opener) -> Iterator[tuple[Road, Staging]]:
    """Staging is opened anew after the extract: a write-ahead log from before would still have room."""
    with full_road(30, 200) as way:
        with open_there() as staging:
            way.extract(staging)
        with open_there() as staging:
            yield way, staging


@pytest.fixture(params=["database", "packs"])
def open_there(request: pytest.FixtureRequest, small_disk: Disk) -> Opener:
    return lambda: Staging.open("sqlite:///staging.db", folder=small_disk.folder, blobs=request.param)


@contextmanager
def outage(code: str) -> Iterator[None]:
    with pytest.raises(Outage) as caught:
        yield
    assert caught.value.reason.code == code


# -- extract ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", [0, 40_000, 300_000, 1_000_000])
def test_a_disk_that_fills_up_in_extract_loses_nothing(open_there: Opener, small_disk: Disk, left: int) -> None:
    with full_road() as way:
        with open_there() as staging:
            small_disk.fill(left)
            with pytest.raises(Outage) as caught:
                way.extract(staging)
        params = caught.value.reason.params
        assert caught.value.reason.code == "staging.no-room"
        assert (params["path"], params["free_mb"]) == (str(small_disk.folder), small_disk.free // 10**6)
        assert int(params["need_mb"] or 0) >= 64
        small_disk.relieve()
        with open_there() as staging:
            assert list(examine(staging)) == []
            way.extract(staging)
            assert way.load(staging)["loaded"] == 60
            assert list(examine(staging)) == []
            assert way.ledger(staging).closed
        assert bodies_at(way.new, "sato", *INBOX) == bodies_at(way.old, "sato", *INBOX)


def test_the_same_process_goes_on_once_there_is_room(open_there: Opener, small_disk: Disk) -> None:
    with full_road() as way, open_there() as staging:
        small_disk.fill(200_000)
        with outage("staging.no-room"):
            way.extract(staging)
        small_disk.relieve()
        way.extract(staging)
        assert list(examine(staging)) == []
        assert way.load(staging)["loaded"] == 60


def test_of_a_large_mail_that_does_not_fit_no_part_is_left(
    open_there: Opener, small_disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs, "LARGE", 10**6)
    with full_road(1, 6 * 10**6) as way, open_there() as staging:
        small_disk.fill(2 * 10**6)
        with pytest.raises(Outage) as caught:
            way.extract(staging)
        assert int(caught.value.reason.params["need_mb"] or 0) >= 64 + 6
        small_disk.relieve()
        assert [path for path in (small_disk.folder / "blobs").rglob("*") if path.is_file()] == []
        way.extract(staging)
        assert way.load(staging)["loaded"] == 1


# -- load ------------------------------------------------------------------------------------------------------------


def test_a_disk_full_at_the_dispatch_sends_nothing(open_there: Opener, small_disk: Disk) -> None:
    with extracted_road(open_there) as (way, staging):
        small_disk.fill()
        with outage("staging.no-room"):
            way.load(staging, patience=0)
        assert way.new.mails("sato", INBOX) == []
        small_disk.relieve()
        assert way.load(staging)["loaded"] == 30
        assert bodies_at(way.new, "sato", *INBOX) == bodies_at(way.old, "sato", *INBOX)


@pytest.mark.parametrize("moment", [1, 10, 31, 58])
def test_a_disk_full_at_the_receipt_brings_nothing_twice(open_there: Opener, small_disk: Disk, moment: int) -> None:
    passed = Counter[str]()

    def interrupt(what: str) -> None:
        passed[what] += 1
        if passed.total() == moment:
            small_disk.fill()

    with extracted_road(open_there) as (way, staging):
        way.new.interrupt = interrupt
        with outage("staging.no-room"):
            way.load(staging, patience=0)
        small_disk.relieve()
        counts = way.load(staging)
        assert counts["in_doubt"] == 0
        assert bodies_at(way.new, "sato", *INBOX) == bodies_at(way.old, "sato", *INBOX)
        assert way.ledger(staging).closed


def test_a_load_waits_for_room_and_goes_on_by_itself(open_there: Opener, small_disk: Disk) -> None:
    told = []

    def report(progress: object) -> None:
        if (reason := getattr(progress, "waits_for", None)) is not None:
            told.append(reason.code)
            small_disk.relieve()

    with extracted_road(open_there) as (way, staging):
        way.new.interrupt = lambda moment: None if told else small_disk.fill()
        way.load(staging, report=report)
        assert told == ["staging.no-room"]
        assert bodies_at(way.new, "sato", *INBOX) == bodies_at(way.old, "sato", *INBOX)


# -- as the administrator sees it --------------------------------------------------------------------------------------


@pytest.mark.dovecot
def test_the_command_ends_with_75_and_says_in_one_line_how_much_is_missing(journey: Journey, small_disk: Disk) -> None:  # noqa: F811
    settings = journey.folder / "migration.toml"
    settings.write_text(settings.read_text().replace("sqlite:///staging.db", f"sqlite:///{small_disk.folder}/s.db"))
    assert "[check.disk-short]" in journey.run("check", "new", code=1)
    journey.run("extract")
    journey.run("status")
    for words in (["extract"], ["judge"], ["load", "new"], ["decide", "1", "park"], ["status"]):
        small_disk.fill()
        with journey.start(*words) as process:
            out, err = process.communicate(timeout=60)
        if words == ["status"] and process.returncode == 0:
            continue  # looking may well need no room
        assert (process.returncode, "Traceback" in err) == (75, False), f"{words}\n{out}\n{err}"
        (line,) = [each for each in err.splitlines() if "[staging.no-room]" in each]
        assert f"{small_disk.folder}" in line
        assert "0 MB are free" in line
    small_disk.relieve()
    journey.run("load", "new")
    assert journey.arrived().total() == 6
    assert json.loads(journey.run("ledger", "new", "--json"))["closed"]


def test_check_tells_before_that_the_store_will_not_fit(small_disk: Disk) -> None:
    with full_road(1, 100) as way:
        with Staging.open("sqlite:///staging.db", folder=small_disk.folder) as staging:
            (short,) = check_source(way.source, staging)
        assert (short.code, short.params["folder"]) == ("check.disk-short", str(small_disk.folder))
        assert int(short.params["need_mb"] or 0) >= 64 > int(short.params["free_mb"] or 0)


def test_check_counts_the_disk_that_the_packs_lie_on(small_disk: Disk, tmp_path: Path) -> None:
    with full_road(1, 100) as way:
        with Staging.open("sqlite:///staging.db", folder=tmp_path, blobs=small_disk.folder / "packs") as staging:
            (short,) = check_source(way.source, staging)
        assert short.params["folder"] == str(small_disk.folder / "packs")


# -- PostgreSQL ------------------------------------------------------------------------------------------------------


@pytest.fixture
def postgres_on_a_small_disk(postgres_server: Path, tmp_path: Path) -> Iterator[tuple[str, Disk]]:
    """The URL of a database whose tables lie on a small disk."""
    with disk(postgres_server / "small", 16) as small:
        place = small.folder / "tables"
        place.mkdir()
        owner = (postgres_server / "data").stat()
        for each in (small.folder, place):
            os.chown(each, owner.st_uid, owner.st_gid)
        with psycopg.connect(host=str(postgres_server), user="postgres", dbname="postgres", autocommit=True) as admin:
            admin.execute(f"CREATE TABLESPACE small LOCATION '{place}'".encode())
            admin.execute("CREATE DATABASE small TABLESPACE small")
            try:
                yield f"postgresql+psycopg://postgres@/small?host={postgres_server}", small
            finally:
                small.relieve()
                admin.execute("DROP DATABASE small WITH (FORCE)")
                admin.execute("DROP TABLESPACE small")


def test_a_full_database_server_is_an_outage_too(postgres_on_a_small_disk: tuple[str, Disk], tmp_path: Path) -> None:
    url, small = postgres_on_a_small_disk
    with full_road() as way, Staging.open(url, folder=tmp_path) as staging:
        small.fill()
        with outage("staging.server-no-room"):
            way.extract(staging)
        small.relieve()
        way.extract(staging)
        assert way.load(staging)["loaded"] == 60
        assert list(examine(staging)) == []


# -- without a disk --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pages", [1, 8, 15])
def test_a_database_that_may_not_grow_loses_nothing(tmp_path: Path, pages: int) -> None:
    """The same without root: SQLite itself says that it is full."""
    with full_road(20, 20_000) as way, Staging.open("sqlite:///staging.db", folder=tmp_path) as staging:

        def limit(connection: object, *_: object) -> None:
            (now,) = connection.execute("PRAGMA page_count").fetchone()  # type: ignore[attr-defined]
            connection.execute(f"PRAGMA max_page_count={now + pages}")  # type: ignore[attr-defined]

        staging.engine.dispose()
        event.listen(staging.engine, "connect", limit)
        with outage("staging.no-room"):
            way.extract(staging)
            way.load(staging, patience=0)
        event.remove(staging.engine, "connect", limit)
        staging.engine.dispose()
        way.extract(staging)
        way.load(staging)
        assert bodies_at(way.new, "sato", *INBOX) == bodies_at(way.old, "sato", *INBOX)


def test_a_file_that_is_no_database_is_told_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "staging.db").write_bytes(b"no database" * 1000)
    with pytest.raises(UsageError) as caught, Staging.open("sqlite:///staging.db", folder=tmp_path):
        pass
    assert caught.value.reason.code == "doctor.database-damaged"
