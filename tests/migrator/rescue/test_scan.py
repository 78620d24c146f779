"""What stops a mail reader is found, with the reason, and nothing is touched."""

import fcntl
import os
from pathlib import Path

import pytest

from migrator.errors import UsageError
from migrator.locale import LANGUAGES, catalogue
from migrator.rescue.scan import Kind, scan
from tests.migrator.rescue.stores import DAY, LARGE, WHOLE, age, build, tree


def found(root: Path) -> dict[bytes, Kind]:
    listed = list(scan(bytes(root), large=LARGE))
    assert len({each.path for each in listed}) == len(listed)
    return {each.path: each.kind for each in listed}


def test_everything_that_stops_a_reader_is_named_with_its_reason_and_nothing_else(tmp_path: Path) -> None:
    expected = build(tmp_path / "old")
    assert found(tmp_path / "old") == expected
    assert set(Kind) - set(expected.values()) == {Kind.BUSY, Kind.LOCKED, Kind.UNREADABLE}


def test_a_scan_changes_nothing_not_even_an_access_time(tmp_path: Path) -> None:
    build(tmp_path / "old")
    before = tree(tmp_path / "old")
    file = tmp_path / "old" / "sato" / "inbox" / "nul.eml"
    os.utime(file, ns=(1, file.stat().st_mtime_ns))  # older than the file: relatime would set it
    found(tmp_path / "old")
    assert file.stat().st_atime_ns == 1
    assert tree(tmp_path / "old") == before


def test_half_a_mail_that_may_still_be_arriving_is_busy_and_a_fresh_lock_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "half.eml").write_bytes(WHOLE[:60])
    (tmp_path / "mail.lock").touch()
    assert found(tmp_path) == {b"half.eml": Kind.BUSY}
    age(tmp_path, DAY)
    assert found(tmp_path) == {b"half.eml": Kind.CUT_IN_HEADER, b"mail.lock": Kind.LOCK}


def test_a_lock_that_is_held_is_told_from_one_left_behind(tmp_path: Path) -> None:
    (tmp_path / "box").write_bytes(b"From a")
    age(tmp_path, DAY)
    with (tmp_path / "box").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert found(tmp_path) == {b"box": Kind.LOCKED}


def test_links_that_lead_in_a_circle_are_loops_and_links_across_are_none(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    (tmp_path / "a" / "to-b").symlink_to("../b")
    (tmp_path / "b" / "to-a").symlink_to("../a")
    (tmp_path / "c" / "to-a").symlink_to("../a")
    assert found(tmp_path) == {b"a/to-b": Kind.DIRECTORY_LOOP, b"b/to-a": Kind.DIRECTORY_LOOP}


def test_deep_and_wide_stores_are_looked_through_without_recursion(tmp_path: Path) -> None:
    here = tmp_path
    for _ in range(400):
        here = here / "d"
    here.mkdir(parents=True)
    (here / "nul.eml").write_bytes(bytes(9))
    age(tmp_path, DAY)
    assert list(found(tmp_path).values()) == [Kind.ALL_NUL]


def test_a_root_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        found(tmp_path / "nosuch")
    assert caught.value.reason.code == "rescue.no-root"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_kind_says_what_it_means(lang: str) -> None:
    texts = catalogue(lang).texts  # type: ignore[arg-type]
    assert [kind for kind in Kind if kind.value not in texts] == []


def test_a_large_mail_is_judged_by_its_ends(tmp_path: Path) -> None:
    (tmp_path / "large.eml").write_bytes(WHOLE + b"text\r\n" * 500_000 + bytes(100))
    (tmp_path / "fine.eml").write_bytes(WHOLE + b"text\r\n" * 500_000)
    age(tmp_path, DAY)
    assert found(tmp_path) == {b"large.eml": Kind.NUL_TAIL}
