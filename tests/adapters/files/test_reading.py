"""A file is read without changing it, leaving the root or waiting; what cannot be read is a value."""

import os
import stat
from collections.abc import Callable
from itertools import count
from pathlib import Path as Directory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.files import reading
from adapters.files.reading import Content, Tree, key_of, name_of, readable_name, readable_path, stamp
from migrator.errors import Reason, UsageError
from migrator.text import storable
from tests.adapters.files.layouts import unprivileged


def code(found: object) -> str:
    assert isinstance(found, Reason)
    return found.code


def test_a_file_is_given_with_its_bytes_and_stamp(tmp_path: Directory) -> None:
    (tmp_path / "a").write_bytes(b"Subject: x\n\n")
    content = Tree(tmp_path).read(b"a")
    assert isinstance(content, Content)
    assert content.raw.read() == b"Subject: x\n\n"
    assert content.stamp == stamp((tmp_path / "a").stat())


def test_reading_touches_no_access_time(tmp_path: Directory) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"x")
    os.utime(file, ns=(1, 10**18))  # older than the file: relatime would set it
    assert isinstance(Tree(tmp_path).read(b"a"), Content)
    assert file.stat().st_atime_ns == 1


@pytest.mark.parametrize(
    "path", [b"../secret", b"/etc/passwd", b"in/../../secret", b"link", b"chain", b"linked/file", b"in/up/secret"]
)
def test_nothing_outside_the_root_is_read(tmp_path: Directory, path: bytes) -> None:
    root, outside = tmp_path / "root", tmp_path / "secret"
    (root / "in").mkdir(parents=True)
    outside.write_bytes(b"secret")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "file").write_bytes(b"secret")
    (root / "link").symlink_to(outside)
    (root / "chain").symlink_to("link")
    (root / "linked").symlink_to(tmp_path / "out")
    (root / "in" / "up").symlink_to("../..")
    assert code(Tree(root).read(path)) == "file.outside"
    assert code(Tree(root).look(path)) == "file.outside"


def test_a_file_that_becomes_a_link_while_we_look_is_not_followed(
    tmp_path: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    file = tmp_path / "root" / "a"
    file.write_bytes(b"x")
    really = os.lstat

    def swapped(path: bytes) -> os.stat_result:
        status = really(path)
        file.unlink()
        file.symlink_to("../secret")
        return status

    tree = Tree(tmp_path / "root")
    assert isinstance(tree.read(b"a"), Content)
    monkeypatch.setattr(reading.os, "lstat", swapped)
    assert isinstance(tree.read(b"a"), Reason)


def test_a_link_that_stays_inside_is_followed(tmp_path: Directory) -> None:
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "b").symlink_to("a")
    content = Tree(tmp_path).read(b"b")
    assert isinstance(content, Content)
    assert content.raw.read() == b"x"


def test_a_root_that_is_a_link_is_its_target(tmp_path: Directory) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a").write_bytes(b"x")
    (tmp_path / "root").symlink_to("real")
    assert isinstance(Tree(tmp_path / "root").read(b"a"), Content)
    assert Tree(tmp_path / "root").identity() == Tree(tmp_path / "real").identity()


def fifo(path: Directory) -> None:
    os.mkfifo(path)


def device(path: Directory) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root may make a device")


def loop(path: Directory) -> None:
    path.symlink_to(path.name)


def dangling(path: Directory) -> None:
    path.symlink_to("nowhere")


def empty(path: Directory) -> None:
    path.touch()


CASES: list[tuple[Callable[[Directory], None], str]] = [
    (fifo, "file.special"),
    (device, "file.special"),
    (Directory.mkdir, "file.directory"),
    (loop, "file.link-loop"),
    (dangling, "file.missing"),
    (lambda path: None, "file.missing"),
    (empty, "file.empty"),
]


@pytest.mark.parametrize(("make", "expected"), CASES)
def test_what_is_no_readable_file_is_a_reason_and_waits_for_nobody(
    tmp_path: Directory, make: Callable[[Directory], None], expected: str
) -> None:
    make(tmp_path / "it")
    assert code(Tree(tmp_path).read(b"it")) == expected


@pytest.mark.parametrize("path", [b"a\0b", b"x" * 300, b"file/below"])
def test_a_path_that_no_file_can_have_is_missing(tmp_path: Directory, path: bytes) -> None:
    (tmp_path / "file").write_bytes(b"x")
    assert code(Tree(tmp_path).read(path)) == "file.missing"


def test_a_file_without_permission_is_denied() -> None:
    with unprivileged() as root:
        (root / "a").write_bytes(b"x")
        (root / "a").chmod(0)
        assert code(Tree(root).read(b"a")) == "file.denied"


def test_a_file_of_somebody_else_is_read_all_the_same() -> None:
    """O_NOATIME is refused there."""
    with unprivileged(owned=False) as root:
        content = Tree(root).read(b"of-root")
        assert isinstance(content, Content)
        assert content.raw.read() == b"x"


def test_a_file_that_changes_while_it_is_read_is_read_again(
    tmp_path: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"half")
    seen: list[int] = []
    really = os.fstat

    def grows(descriptor: int) -> os.stat_result:
        status = really(descriptor)
        seen.append(status.st_size)
        if len(seen) == 1:
            file.write_bytes(b"the whole mail")
        return status

    monkeypatch.setattr(reading.os, "fstat", grows)
    content = Tree(tmp_path).read(b"a")
    assert isinstance(content, Content)
    assert content.raw.read() == b"the whole mail"
    assert len(seen) == 4


def test_a_file_that_will_not_hold_still_is_busy(tmp_path: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"x")
    times, really = count(10**18), os.fstat

    def touched(descriptor: int) -> os.stat_result:
        os.utime(file, ns=(0, next(times)))
        return really(descriptor)

    monkeypatch.setattr(reading, "PAUSES", (0, 0))
    monkeypatch.setattr(reading.os, "fstat", touched)
    assert code(Tree(tmp_path).read(b"a")) == "file.busy"


def test_a_large_file_is_spooled_and_not_held(tmp_path: Directory) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2**25)
    content = Tree(tmp_path).read(b"large")
    assert isinstance(content, Content)
    assert content.raw.size == 2**25
    assert all(chunk.count(0) == len(chunk) for chunk in content.raw.chunks())


def test_a_root_that_is_not_there_or_no_directory_is_told_before_anything_begins(tmp_path: Directory) -> None:
    (tmp_path / "file").touch()
    for path, expected in (("absent", "root.missing"), ("file", "root.unreadable")):
        with pytest.raises(UsageError) as caught:
            Tree(tmp_path / path)
        assert caught.value.reason.code == expected


# -- names ---------------------------------------------------------------------------------------------------------


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name))
def test_a_key_is_storable_and_leads_back_to_its_name(name: bytes) -> None:
    key = key_of(name)
    assert storable(key) == key
    assert name_of(key) == name


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\\\0"), min_size=1))
def test_an_ordinary_name_is_its_own_key(name: str) -> None:
    assert key_of(name.encode()) == name


@pytest.mark.parametrize("charset", ["utf-8", "cp932", "euc_jp"])
def test_a_japanese_name_is_readable_in_any_charset(charset: str) -> None:
    assert readable_name("取引先の表示メール".encode(charset)) == "取引先の表示メール"
    assert readable_path("総務部/受信箱の控え.eml".encode(charset)) == "総務部/受信箱の控え.eml"
