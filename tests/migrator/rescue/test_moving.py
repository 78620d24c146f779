"""Files are moved aside and put back: byte for byte, mtime and mode, killed anywhere, and never one that is in use."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from migrator import aside
from migrator.errors import UsageError
from migrator.rescue import moving
from migrator.rescue.moving import Moved, isolate, restore
from migrator.rescue.scan import scan
from tests.adapters.files.layouts import snapshot
from tests.migrator.rescue.stores import LARGE, WHOLE, age, build, tree

KILLS = 40
"""Moments of each command at which it is killed; MIGRATOR_TORTURE=1 takes every one."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in these stores grows unless a test says so."""
    monkeypatch.setattr(moving, "GROWTH", 0.0)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Some broken mails and a whole one, in two directories."""
    root = tmp_path / "old"
    for folder in ("a", "b"):
        (root / folder).mkdir(parents=True)
        (root / folder / "whole.eml").write_bytes(WHOLE)
        for number in range(2):
            (root / folder / f"{number}.eml").write_bytes(WHOLE[: 40 + number])
    (root / "a" / "loop").symlink_to("loop")
    (root / "a" / "0.eml").chmod(0o640)
    age(root)
    return root


def broken(root: Path) -> list[tuple[bytes, str]]:
    return [(each.path, each.kind.word) for each in scan(bytes(root), large=LARGE)]


def refusals(moved: list[Moved]) -> dict[bytes, str | None]:
    return {each.path: each.refusal.code if each.refusal else None for each in moved}


def test_isolate_then_restore_leaves_the_tree_identical(tmp_path: Path) -> None:
    root = tmp_path / "old"
    expected = build(root)
    before = tree(root)
    moved = list(isolate(bytes(root), broken(root), act=True))
    assert refusals(moved) == dict.fromkeys(expected)
    assert broken(root) == []
    lying = list(aside.lying(bytes(root)))
    assert {each.path: each.why for each in lying} == {path: kind.word for path, kind in expected.items()}
    assert all(each.size == 0 or each.sha256 or each.why not in ("nul-tail", "all-nul") for each in lying)
    assert refusals(list(restore(bytes(root), act=True))) == dict.fromkeys(expected)
    assert tree(root) == before
    assert list(aside.lying(bytes(root))) == []


def test_without_yes_nothing_is_changed(old: Path) -> None:
    before = snapshot(old.parent)
    assert len(refusals(list(isolate(bytes(old), broken(old), act=False)))) == 5
    assert snapshot(old.parent) == before
    list(isolate(bytes(old), broken(old), act=True))
    before = snapshot(old.parent)
    assert len(list(restore(bytes(old), act=False))) == 5
    assert snapshot(old.parent) == before


def test_some_may_be_put_back_before_others(old: Path) -> None:
    before = tree(old)
    list(isolate(bytes(old), broken(old), act=True))
    assert refusals(list(restore(bytes(old), [b"a/0.eml"], act=True))) == {b"a/0.eml": None}
    assert sorted(each.path for each in aside.lying(bytes(old))) == [b"a/1.eml", b"a/loop", b"b/0.eml", b"b/1.eml"]
    list(restore(bytes(old), [b"b/0.eml", b"b/1.eml", b"a/1.eml"], act=True))
    list(isolate(bytes(old), [(b"b/0.eml", "again")], act=True))
    list(restore(bytes(old), act=True))
    assert tree(old) == before


def test_a_directory_that_got_a_mail_meanwhile_keeps_its_new_time(old: Path) -> None:
    list(isolate(bytes(old), broken(old), act=True))
    (old / "a" / "new.eml").write_bytes(WHOLE)
    changed = (old / "a").stat().st_mtime_ns
    list(restore(bytes(old), act=True))
    assert (old / "a").stat().st_mtime_ns >= changed


# -- refusals ------------------------------------------------------------------------------------------------------


def test_what_another_process_has_open_or_locked_is_left_alone(old: Path) -> None:
    code = "import fcntl, sys; f = open(sys.argv[1], 'rb'); print(flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, old / "a" / "0.eml"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout
        holder.stdout.readline()
        found = refusals(list(isolate(bytes(old), broken(old), act=True)))
        holder.communicate()
    assert found.pop(b"a/0.eml") == "rescue.in-use"
    assert set(found.values()) == {None}
    assert refusals(list(isolate(bytes(old), broken(old), act=True))) == {b"a/0.eml": None}


def test_what_grows_between_two_looks_is_left_alone(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def grow(seconds: float) -> None:
        with (old / "a" / "0.eml").open("ab") as file:
            file.write(b"more")
        age(old)

    monkeypatch.setattr(moving.time, "sleep", grow)
    found = refusals(list(isolate(bytes(old), [(b"a/0.eml", "x"), (b"a/1.eml", "x")], act=True)))
    assert found == {b"a/0.eml": "rescue.growing", b"a/1.eml": None}


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (b"a/young.eml", "rescue.young"),
        (b"a/nosuch", "rescue.gone"),
        (b"a", "rescue.directory"),
        (b"../outside", "rescue.outside"),
        (b"a/../a/0.eml", "rescue.outside"),
        (b"linked/0.eml", "rescue.outside"),
        (b"", "rescue.outside"),
        (b"a/\0", "rescue.failed"),
        (b"a/b.migrator-aside/000001", "rescue.aside-already"),
    ],
)
def test_what_is_no_file_below_the_root_left_alone_for_a_while_is_refused(old: Path, path: bytes, code: str) -> None:
    (old / "linked").symlink_to("a")
    (old.parent / "outside").write_bytes(b"x")
    (old / "a" / "young.eml").write_bytes(b"x")
    (old / "a" / "b.migrator-aside").mkdir()
    assert refusals(list(isolate(bytes(old), [(path, "chosen")], act=True))) == {path: code}
    assert not list(aside.lying(bytes(old)))


def test_nothing_is_ever_put_over_another_file(old: Path) -> None:
    list(isolate(bytes(old), broken(old), act=True))
    (old / "a" / "0.eml").write_bytes(b"new")
    found = refusals(list(restore(bytes(old), act=True)))
    assert found.pop(b"a/0.eml") == "rescue.place-taken"
    assert set(found.values()) == {None}
    assert (old / "a" / "0.eml").read_bytes() == b"new"
    with pytest.raises(FileExistsError):
        moving._rename_to_nothing(aside.place(bytes(old), 1), bytes(old / "a" / "0.eml"))
    (old / "a" / "0.eml").unlink()
    assert refusals(list(restore(bytes(old), act=True))) == {b"a/0.eml": None}


def test_what_was_changed_aside_is_not_put_back(old: Path) -> None:
    list(isolate(bytes(old), [(b"a/0.eml", "x"), (b"a/1.eml", "x")], act=True))
    lying = Path(os.fsdecode(aside.place(bytes(old), 1)))
    lying.write_bytes(b"x" * lying.stat().st_size)
    Path(os.fsdecode(aside.place(bytes(old), 2))).chmod(0o600)
    found = refusals(list(restore(bytes(old), act=True)))
    assert found == {b"a/0.eml": "rescue.changed", b"a/1.eml": None}
    assert (old / "a" / "1.eml").stat().st_mode & 0o777 == 0o644


def test_one_rescue_at_a_time(old: Path) -> None:
    first = isolate(bytes(old), broken(old), act=True)
    next(first)
    with pytest.raises(UsageError) as caught:
        list(restore(bytes(old), act=True))
    assert caught.value.reason.code == "rescue.at-work"
    first.close()


def test_a_broken_manifest_stops_everything_that_would_miss_a_file(old: Path) -> None:
    list(isolate(bytes(old), broken(old), act=True))
    manifest = Path(os.fsdecode(aside.folder_of(bytes(old)))) / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes().replace(b'"number"', b'"nomber"', 1))
    for step in (lambda: list(restore(bytes(old), act=True)), lambda: list(isolate(bytes(old), [], act=True))):
        with pytest.raises(UsageError) as caught:
            step()
        assert caught.value.reason.code == "aside.manifest-broken"


# -- killed --------------------------------------------------------------------------------------------------------


def moments(work: Callable[[], Any], kill_at: int | None) -> int:
    """Run the work in a child and kill it (-9) before the line of ours it comes to as that one; how many there are."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        count = 0

        def watch(frame: FrameType, event: str, argument: object) -> Any:
            nonlocal count
            if not frame.f_code.co_filename.endswith(("rescue/moving.py", "migrator/aside.py")):
                return None
            if event == "line":
                count += 1
                if count == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)
            return watch

        sys.settrace(watch)
        try:
            work()
        finally:
            sys.settrace(None)
            os.write(writer, str(count).encode())
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as said:
        text = said.read()
    os.waitpid(child, 0)
    return int(text or -1)


def chosen(total: int) -> list[int]:
    every = range(1, total + 1)
    return list(every) if os.environ.get("MIGRATOR_TORTURE") else sorted(random.sample(every, min(KILLS, total)))


def test_isolate_killed_at_any_moment_can_be_finished_or_undone(old: Path) -> None:
    before, wanted = tree(old), broken(old)
    total = moments(lambda: list(isolate(bytes(old), wanted, act=True)), None)
    list(restore(bytes(old), act=True))
    assert tree(old) == before
    for number, moment in enumerate(chosen(total)):
        lived = moments(lambda: list(isolate(bytes(old), wanted, act=True)), moment)
        assert lived < moment  # killed (-1), or done before: only the first run makes the folder
        if number % 2:
            finished = {each.path for each in isolate(bytes(old), broken(old), act=True)}
            assert finished <= {path for path, _ in wanted}
            assert sorted(each.path for each in aside.lying(bytes(old))) == sorted(path for path, _ in wanted)
        list(restore(bytes(old), act=True))
        assert tree(old) == before, f"killed at {moment} of {total}"


def test_restore_killed_at_any_moment_can_be_finished_or_undone(old: Path) -> None:
    before, wanted = tree(old), broken(old)
    list(isolate(bytes(old), wanted, act=True))
    total = moments(lambda: list(restore(bytes(old), act=True)), None)
    assert tree(old) == before
    for number, moment in enumerate(chosen(total)):
        list(isolate(bytes(old), wanted, act=True))
        assert moments(lambda: list(restore(bytes(old), act=True)), moment) == -1
        if number % 2:
            list(isolate(bytes(old), broken(old), act=True))
        list(restore(bytes(old), act=True))
        assert tree(old) == before, f"killed at {moment} of {total}"


def test_a_line_that_was_never_finished_is_overwritten(old: Path) -> None:
    list(isolate(bytes(old), [(b"a/0.eml", "x")], act=True))
    manifest = Path(os.fsdecode(aside.folder_of(bytes(old)))) / "manifest.jsonl"
    with manifest.open("ab") as file:
        file.write(b'{"manifest": 1, "number"')
    list(isolate(bytes(old), [(b"a/1.eml", "x")], act=True))
    assert [each.path for each in aside.lying(bytes(old))] == [b"a/0.eml", b"a/1.eml"]
    assert manifest.read_bytes().count(b"\n") == 2
