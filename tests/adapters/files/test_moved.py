"""What rescue moved aside counts as lying in its old place: same artefacts, same keys, and the ledger's census too."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters import files, groupware
from migrator.demo.store import build
from migrator.errors import UsageError
from migrator.model import Item, NotMail, Unreadable
from migrator.ports import Adapter, Source
from migrator.rescue import moving
from migrator.rescue.moving import isolate, restore
from tests.migrator.rescue.stores import HOSTILE, WHOLE, age, tree

Seen = dict[object, object]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in these stores grows."""
    monkeypatch.setattr(moving, "GROWTH", 0.0)


@contextmanager
def source(adapter: Adapter, root: Path, **settings: object) -> Iterator[Source]:
    assert adapter.open_source is not None
    with adapter.open_source(adapter.config(root=root, **settings)) as opened:
        yield opened


def everything(adapter: Adapter, root: Path, **settings: object) -> Seen:
    """Every artefact by account, folder and key with all that is told of it, and the census."""
    seen: Seen = {}
    with source(adapter, root, **settings) as opened:
        for account in list(opened.accounts()):
            for folder in list(opened.folders(account)):
                for each in opened.items(folder, after=None, known=lambda key, stamp: False):
                    match each:
                        case Item():
                            facts: object = (each.stamp, each.raw.digest, each.flags, each.dates, each.path)
                        case Unreadable():
                            facts = (each.reason, each.path, each.size)
                        case NotMail():
                            facts = (each.rule, each.size)
                        case _:
                            raise AssertionError(each)
                    assert (account, folder, each.key) not in seen
                    seen[account, folder, each.key] = facts
            for count in opened.census(account):
                seen[account, count.folder, None] = (count.artefacts, count.bytes)
    return seen


def aside_all(root: Path, share: int = 2) -> int:
    """Move every so-manieth file aside, links and pipes too; how many those were."""
    paths = [path for path in sorted(root.rglob("*")) if path.is_symlink() or not path.is_dir()]
    paths = [path for path in paths if ".migrator-aside" not in str(path)]
    chosen = [(os.fsencode(path.relative_to(root)), "test") for path in paths[::share]]
    moved = list(isolate(bytes(root), chosen, act=True, quiet=0))
    assert [each.refusal for each in moved] == [None] * len(chosen)
    return len(chosen)


@pytest.mark.parametrize("share", [1, 3])
def test_the_demo_store_reads_the_same_wherever_its_files_lie(tmp_path: Path, share: int) -> None:
    build(tmp_path / "old")
    before = everything(groupware.adapter, tmp_path / "old", mapping="kyoyu-mail")
    state = tree(tmp_path / "old")
    assert aside_all(tmp_path / "old", share) > 100
    assert everything(groupware.adapter, tmp_path / "old", mapping="kyoyu-mail") == before
    list(restore(bytes(tmp_path / "old"), act=True))
    assert tree(tmp_path / "old") == state


def store(root: Path, names: list[str]) -> None:
    """An account with a mail of each name, and what is odd: a pipe, links to files, directories, themselves, away."""
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(WHOLE + b"%d\n" % number)
    here = (root / names[0]).parent
    (here / "link").symlink_to((root / names[1]).name)
    (here / "itself").symlink_to("itself")
    (here / "up").symlink_to("..")
    (here / "away").symlink_to("/etc/passwd")
    os.mkfifo(here / "pipe")
    Path(os.fsdecode(bytes(here) + b"/" + HOSTILE)).write_bytes(WHOLE)
    (root / "loose.eml").write_bytes(WHOLE)
    (root / "loop").symlink_to("sato")
    age(root)


MAILDIR = ["sato/cur/1000000000.M1P1.mail:2,S", "sato/cur/1000000001.M2P1.mail:2,", "sato/new/1000000002.M3P1.mail"]
STORES = [
    pytest.param(files.maildir, [*MAILDIR, "sato/.Sent/cur/1000000003.M4P1.mail:2,RS"], id="maildir"),
    pytest.param(files.mh, ["sato/inbox/1", "sato/inbox/2", "sato/sent/1"], id="mh"),
    pytest.param(files.eml, ["sato/受信箱/1.eml", "sato/受信箱/2.eml", "sato/a/b/3.eml"], id="eml"),
    pytest.param(files.mbox, ["sato/inbox.mbox", "sato/box.mbox", "sato/x.sbd/deep.mbox"], id="mbox"),
]


@pytest.mark.parametrize(("adapter", "names"), STORES)
@pytest.mark.parametrize("share", [1, 2])
def test_every_layout_reads_the_same_wherever_its_files_lie(
    tmp_path: Path, adapter: Adapter, names: list[str], share: int
) -> None:
    root = tmp_path / "old"
    store(root, names)
    before, state = everything(adapter, root), tree(root)
    aside_all(root, share)
    assert {
        key: (before.get(key), value) for key, value in everything(adapter, root).items() if value != before.get(key)
    } == {}
    assert everything(adapter, root).keys() == before.keys()
    list(restore(bytes(root), act=True))
    assert (everything(adapter, root), tree(root)) == (before, state)


@pytest.mark.parametrize("below", ["", "sato", "sato/cur"])
def test_it_does_not_matter_with_which_directory_rescue_was_called(tmp_path: Path, below: str) -> None:
    root = tmp_path / "above" / "old"
    store(root, MAILDIR)
    before = everything(files.maildir, root)
    aside_all(root / below)
    aside_all(tmp_path / "above", 3)
    assert everything(files.maildir, root) == before


def test_a_file_that_came_back_in_the_meantime_and_the_one_aside_are_both_read(tmp_path: Path) -> None:
    store(tmp_path / "old", MAILDIR)
    before = everything(files.maildir, tmp_path / "old")
    list(isolate(bytes(tmp_path / "old"), [(os.fsencode(MAILDIR[0]), "x")], act=True))
    (tmp_path / "old" / MAILDIR[0]).write_bytes(WHOLE + b"again")
    after = everything(files.maildir, tmp_path / "old")
    assert len(after) == len(before) + 1
    digests = {facts[1] for facts in after.values() if isinstance(facts, tuple) and len(facts) == 5}
    assert digests >= {facts[1] for facts in before.values() if isinstance(facts, tuple) and len(facts) == 5}


def test_a_manifest_that_cannot_be_read_stops_the_reader(tmp_path: Path) -> None:
    store(tmp_path / "old", MAILDIR)
    aside_all(tmp_path / "old")
    (tmp_path / "old.migrator-aside" / "manifest.jsonl").write_bytes(b"{}\n")
    with pytest.raises(UsageError) as caught:
        everything(files.maildir, tmp_path / "old")
    assert caught.value.reason.code == "aside.manifest-broken"
