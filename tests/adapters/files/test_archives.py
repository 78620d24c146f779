"""Both archives keep the promises of a target, and lose and double nothing however often they are killed."""

import errno
import fcntl
import json
import mailbox
import os
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path as Directory

import pytest
from imapclient.imap_utf7 import decode as utf7_decode

from adapters.files import eml, index, maildir
from adapters.files.index import NAME
from adapters.files.shelf import PART
from migrator.errors import AccountError, FolderError, Outage, UsageError
from migrator.model import (
    ANSWERED,
    DRAFT,
    FLAGGED,
    SEEN,
    Flag,
    Item,
    Mailbox,
    NotMail,
    Parcel,
    Path,
    Place,
    Raw,
    Receipt,
    Relocate,
    Sighting,
)
from migrator.ports import Adapter, Target
from migrator.testing import SAMPLES, TargetContract, mail
from migrator.testing.source import nothing
from migrator.testing.target import AT
from tests.adapters.files.layouts import unprivileged


@dataclass
class ArchiveStore:
    root: Directory
    adapter: Adapter
    owner: str = "sato@example.co.jp"

    def open(self) -> AbstractContextManager[Target]:
        assert self.adapter.open_target is not None
        return self.adapter.open_target(self.adapter.config(root=self.root, item_bytes=100_000), Mailbox(self.owner))


class TestMaildir(TargetContract):
    keywords = frozenset({"$Forwarded", "対応中", "with blank"})

    @pytest.fixture
    def store(self, tmp_path: Directory) -> ArchiveStore:
        return ArchiveStore(tmp_path, maildir)


class TestEml(TargetContract):
    keywords = frozenset({"$Forwarded", "対応中", "with blank"})

    @pytest.fixture
    def store(self, tmp_path: Directory) -> ArchiveStore:
        return ArchiveStore(tmp_path, eml)


# -- whoever reads it ----------------------------------------------------------------------------------------------

BOX = ("受信箱", "山田")
PLACE = Place("sato@example.co.jp", BOX)


@pytest.fixture(params=["maildir", "eml"])
def adapter(request: pytest.FixtureRequest) -> Adapter:
    return {"maildir": maildir, "eml": eml}[request.param]


@pytest.fixture
def store(tmp_path: Directory, adapter: Adapter) -> ArchiveStore:
    return ArchiveStore(tmp_path / "archive", adapter)


def parcel(number: int, raw: bytes | None = None, *flags: Flag, place: Place = PLACE) -> Parcel:
    return Parcel(
        item=number,
        place=place,
        raw=Raw.of(raw or mail(f"n{number}")),
        flags=frozenset(flags),
        received_at=AT + timedelta(minutes=number, microseconds=number),
        token=f"token-{number}",
    )


def put(target: Target, *parcels: Parcel) -> list[Receipt]:
    target.prepare(parcels[0].place)
    found = list(target.deliver(parcels))
    assert all(isinstance(each, Receipt) for each in found)
    return [each for each in found if isinstance(each, Receipt)]


def seen(target: Target, place: Place = PLACE) -> list[Sighting]:
    return list(target.survey(place, None))


def folder(store: ArchiveStore) -> Directory:
    """Where the place's mails lie."""
    (index,) = store.root.rglob(NAME)
    return index.parent


def files(store: ArchiveStore) -> list[Directory]:
    """The place's mails."""
    names = folder(store).glob("*.eml") if store.adapter is eml else folder(store).glob("[cn][ue][rw]/*")
    return sorted(names)


def test_our_own_source_reads_back_what_was_archived(store: ArchiveStore) -> None:
    with store.open() as target:
        put(target, *(parcel(number, raw, SEEN) for number, raw in enumerate(SAMPLES)))
    assert store.adapter.open_source is not None
    with store.adapter.open_source(store.adapter.config(root=store.root)) as source:
        (account,) = source.accounts()
        found = {f.path: list(source.items(f, after=None, known=nothing)) for f in source.folders(account)}
    mails = [each for each in found[BOX] if isinstance(each, Item)]
    assert account.name == store.owner
    assert sorted(each.raw.read() for each in mails) == sorted(SAMPLES)
    assert {each.rule for each in found[BOX] if isinstance(each, NotMail)} == {"archive-index"}
    if store.adapter is maildir:
        assert {each.flags for each in mails} == {frozenset({SEEN})}
        assert {each.dates[0].at for each in mails} == {
            (AT + timedelta(minutes=number)).astimezone(UTC) for number in range(len(SAMPLES))
        }


def test_pythons_mailbox_reads_the_maildir(tmp_path: Directory) -> None:
    store = ArchiveStore(tmp_path / "archive", maildir)
    flags = (SEEN, ANSWERED, FLAGGED, DRAFT, "$Forwarded", "work")
    inbox = Place(store.owner, ("INBOX",))
    with store.open() as target:
        put(target, parcel(1, mail("one"), *flags, place=inbox), parcel(2, mail("two"), place=inbox))
        put(target, parcel(3))
    box = mailbox.Maildir(store.root / store.owner, factory=None, create=False)
    assert {(message.get_subdir(), "".join(sorted(message.get_flags()))) for message in box} == {
        ("cur", "DFPRSab"),
        ("new", ""),
    }
    assert sorted(box.get_bytes(key) for key in box.keys()) == [mail("one"), mail("two")]  # noqa: SIM118
    assert [utf7_decode(name.encode()) for name in box.list_folders()] == [".".join(BOX)]


def test_a_mail_that_its_owner_read_filed_or_brought_is_seen_as_it_is_now(tmp_path: Directory) -> None:
    store = ArchiveStore(tmp_path / "archive", maildir)
    with store.open() as target:
        put(target, parcel(1), parcel(2))
        before = seen(target)
        first, second = files(store)
        first.rename(folder(store) / "cur" / f"{first.name}:2,FS")
        (folder(store) / "new" / "1257120930.M1P7.mail").write_bytes(mail("brought"))
        after = seen(target)
        assert (after[0].flags, after[0].ref) == ({SEEN, FLAGGED}, before[0].ref)
        assert after[1] == before[1]
        assert after[2].number > before[1].number
        assert (after[2].message_id, after[2].token) == ("<brought@example.co.jp>", None)
        second.unlink()
        assert [each.ref for each in seen(target)] == [after[0].ref, after[2].ref]
        mark = target.mark(PLACE)
        assert mark is not None
        assert (mark.count, mark.next) == (2, after[2].number + 1)
    with store.open() as target:
        assert [each.ref for each in seen(target)] == [after[0].ref, after[2].ref]


def test_an_eml_that_somebody_put_there_is_seen_and_never_written_over(tmp_path: Directory) -> None:
    store = ArchiveStore(tmp_path / "archive", eml)
    with store.open() as target:
        put(target, parcel(1))
        stranger = folder(store) / "00000002.eml"
        stranger.write_bytes(mail("stranger"))
        assert isinstance(next(iter(target.deliver([parcel(2)]))), Receipt)
        assert stranger.read_bytes() == mail("stranger")
        assert {each.message_id for each in seen(target)} == {
            f"<{name}@example.co.jp>" for name in ("n1", "n2", "stranger")
        }


def test_the_index_tells_a_person_what_lies_there(store: ArchiveStore) -> None:
    with store.open() as target:
        put(target, parcel(1, None, SEEN))
    head, line = map(json.loads, (folder(store) / NAME).read_text().splitlines())
    assert (tuple(head["path"]), head["epoch"] > 0) == (BOX, True)
    assert line["number"] == 1
    assert datetime.fromisoformat(line["received_at"]) == parcel(1).received_at
    assert (line["sha256"], line["flags"]) == (parcel(1).raw.digest, ["\\Seen"])


def test_nobody_else_may_read_an_archive(store: ArchiveStore) -> None:
    with store.open() as target:
        put(target, parcel(1, None, SEEN, "work"))
    modes = {path.is_dir(): path.stat().st_mode & 0o077 for path in store.root.rglob("*")}
    assert modes == {True: 0, False: 0}


@pytest.mark.parametrize("owner", ["../../etc", "a/b", ".", "..", "", "x" * 300, "佐藤" * 100, "a%2Fb", "con:aux"])
def test_no_owners_name_leads_out_of_the_root_or_to_another_owner(
    tmp_path: Directory, adapter: Adapter, owner: str
) -> None:
    root = tmp_path / "deep" / "archive"
    for name in (owner, "a_b", "x" * 301):
        store = ArchiveStore(root, adapter, name)
        with store.open() as target:
            put(target, parcel(1, mail(name or "none"), place=Place(name, ("INBOX",))))
            assert len(seen(target, Place(name, ("INBOX",)))) == 1
    assert len(list(root.iterdir())) == 3
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["archive"]


@pytest.mark.parametrize("path", [("..",), ("a", "..", "b"), (".",), ("",), ("a/b",), ("a\0b",), (NAME,)])
def test_no_place_leads_out_of_its_mailbox(store: ArchiveStore, path: Path) -> None:
    with store.open() as target, pytest.raises(FolderError):
        target.prepare(Place(store.owner, path))


def test_a_place_whose_name_no_file_system_takes_is_made_all_the_same(tmp_path: Directory) -> None:
    store = ArchiveStore(tmp_path / "archive", maildir)
    places = [Place(store.owner, ("取引先" * 12, "山田" * 15, "表示" * 15, last)) for last in ("一", "二")]
    with store.open() as target:
        for number, place in enumerate(places):
            put(target, parcel(number, place=place))
        assert [len(seen(target, place)) for place in places] == [1, 1]


# -- what goes wrong -----------------------------------------------------------------------------------------------


def test_an_index_that_somebody_broke_is_a_setback_of_its_place(store: ArchiveStore) -> None:
    with store.open() as target:
        put(target, parcel(1))
    with (folder(store) / NAME).open("a") as file:
        file.write("this is no line of ours\n")
    with store.open() as target, pytest.raises(FolderError) as caught:
        target.mark(PLACE)
    assert caught.value.reason.code == "archive.index-broken"


def test_a_line_that_was_not_written_to_its_end_was_not_written(store: ArchiveStore) -> None:
    with store.open() as target:
        put(target, parcel(1))
        whole = (folder(store) / NAME).read_bytes()
    with (folder(store) / NAME).open("a") as file:
        file.write('{"number": 2, "name": "half')
    with store.open() as target:
        put(target, parcel(2))
        assert [each.number for each in seen(target)] == [1, 2]
    assert (folder(store) / NAME).read_bytes().startswith(whole)


def test_a_process_that_sleeps_with_the_lock_is_an_outage(store: ArchiveStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "PATIENCE", 2)
    with store.open() as target:
        put(target, parcel(1))
        with (folder(store) / NAME).open() as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            with pytest.raises(Outage):
                target.mark(PLACE)
        assert target.mark(PLACE) is not None


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.ENOSPC, Outage), (errno.EIO, Outage), (errno.EROFS, AccountError), (errno.ENAMETOOLONG, FolderError)],
)
def test_what_the_disk_says_is_one_of_our_errors_and_no_mail_is_there(
    store: ArchiveStore, monkeypatch: pytest.MonkeyPatch, number: int, expected: type[Exception]
) -> None:
    def fails(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    with store.open() as target:
        target.prepare(PLACE)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fails)
            with pytest.raises(expected):
                list(target.deliver([parcel(1)]))
        assert seen(target) == []
        put(target, parcel(1))
        assert len(seen(target)) == 1


def test_a_root_that_cannot_be_written_is_told_at_once(adapter: Adapter) -> None:
    with unprivileged() as top:
        top.chmod(0o500)
        with pytest.raises(UsageError), ArchiveStore(top / "archive", adapter).open():
            pass


def test_a_removed_place_that_is_made_again_is_another_one(
    store: ArchiveStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.open() as target:
        put(target, parcel(1))
        old = seen(target)[0]
        shutil.rmtree(folder(store))
        assert target.mark(PLACE) is None
        now = time.time() + 1
        monkeypatch.setattr(time, "time", lambda: now)
        put(target, parcel(2))
        assert target.fetch(PLACE, old.ref) is None


# -- killed --------------------------------------------------------------------------------------------------------


def killed(store: ArchiveStore, work: Callable[[Target], object], at: int) -> bool:
    """Do the work in a process of its own that dies before its n-th step on the disk; whether it got so far."""
    child = os.fork()
    if child == 0:
        steps = count(1)

        def counting(really: Callable[..., object]) -> Callable[..., object]:
            def step(*args: object, **named: object) -> object:
                if next(steps) == at:
                    os._exit(9)
                return really(*args, **named)

            return step

        try:
            for owner, name in ((os, "fsync"), (os, "utime"), (Directory, "rename"), (Directory, "unlink")):
                setattr(owner, name, counting(getattr(owner, name)))
            with store.open() as target:
                work(target)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def test_killed_at_any_step_of_a_delivery_every_mail_arrives_once_and_whole(store: ArchiveStore) -> None:
    sent = [parcel(number, None, *((SEEN, "work") if number % 2 else ())) for number in range(4)]
    for at in count(1):
        shutil.rmtree(store.root, ignore_errors=True)
        with store.open() as target:
            put(target, parcel(99))
        died = killed(store, lambda target: list(target.deliver(sent)), at)
        with store.open() as target:
            there = {each.token for each in seen(target)}
            mark = target.mark(PLACE)
            put(target, *(each for each in sent if each.token not in there)) if len(there) < 5 else None
            found = seen(target)
            assert mark is not None
            assert mark.next == len(there) + 1, "a number was given out for a mail that is not there"
            assert sorted(str(each.token) for each in found) == sorted(each.token for each in (parcel(99), *sent))
            for each in found:
                back = target.fetch(PLACE, each.ref)
                assert back is not None
                assert f"<n{str(each.token).removeprefix('token-')}@".encode() in back.read()
        assert not list(folder(store).rglob(f"*{PART}"))
        if not died:
            assert at > 10
            break


def test_killed_at_any_step_of_a_move_the_mail_is_in_one_place(store: ArchiveStore) -> None:
    other = Place(store.owner, ("other",))
    for at in count(1):
        shutil.rmtree(store.root, ignore_errors=True)
        with store.open() as target:
            put(target, parcel(1, None, SEEN, "work"))
            target.prepare(other)
            before = seen(target)[0]
        died = killed(store, lambda target, b=before: target.amend(PLACE, b.ref, b, Relocate(other)), at)
        with store.open() as target:
            found = seen(target, other) + seen(target)
            assert len(found) == 1
            assert (found[0].flags, found[0].received_at, found[0].headers) == (
                before.flags,
                before.received_at,
                before.headers,
            )
        if not died:
            assert at > 2
            break
