"""A store that no code of ours knows, described by a mapping alone: what the language promises.

Users in a DBF; headers in length-prefixed records, bodies addressed by an index of fixed width; dates in Japanese eras,
marks in bits; and every second mail moved into a zip archive of its month.
"""

import struct
import zipfile
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar

import pytest

from adapters.groupware import adapter
from adapters.groupware.checks import shipped
from migrator.model import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, Flag, Item
from migrator.model import Path as FolderPath
from migrator.ports import Source
from migrator.testing import NAMES, SourceContract, mail
from tests.adapters.groupware.builder import items, reasons, snapshot, walk
from tests.adapters.groupware.rows.test_dbf import dbf

MAPPING = shipped()["example-split-records"].read_text("utf-8")

BITS = {SEEN: 1, ANSWERED: 2, FLAGGED: 4, DRAFT: 8, DELETED: 32768}


@dataclass(eq=False)
class Kept:
    """One mail of the store."""

    number: int
    account: str
    box: int
    raw: bytes
    marks: int
    at: str

    @property
    def month(self) -> str:
        """Its archive, named by the era's year and month."""
        return self.at[1:6].replace(".", "")


class SplitStore:
    """Written anew as a whole at every change."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folders: dict[str, dict[FolderPath, int]] = {}
        self._mails: list[Kept] = []
        self._number = 0
        self._write()

    def open(self) -> AbstractContextManager[Source]:
        mapping = self.root.parent / "split.toml"
        mapping.write_text(MAPPING, "utf-8")
        assert adapter.open_source is not None
        return adapter.open_source(adapter.config(mapping=str(mapping), root=self.root))

    def make(self, account: str, path: FolderPath) -> None:
        folders = self._folders.setdefault(account, {})
        for depth in range(1, len(path) + 1):
            folders.setdefault(path[:depth], len(folders) + 1)
        self._write()

    def add(self, account: str, path: FolderPath, raw: bytes, flags: frozenset[Flag], received_at: datetime) -> Kept:
        self.make(account, path)
        self._number += 1
        at = received_at.astimezone(SourceContract.received_at.tzinfo)
        era = f"H{at.year - 1988:02d}.{at:%m.%d %H:%M:%S}"
        box, marks = self._folders[account][path], sum(BITS[flag] for flag in flags)
        self._mails.append(Kept(self._number, account, box, raw, marks, era))
        self._write()
        return self._mails[-1]

    def remove(self, handle: Kept) -> None:
        self._mails.remove(handle)
        self._write()

    def reflag(self, handle: Kept, flags: frozenset[Flag]) -> Kept:
        handle.marks = sum(BITS[flag] for flag in flags)
        self._write()
        return handle

    def snapshot(self) -> object:
        return snapshot(self.root)

    def file(self, number: int, name: str) -> Path:
        return self.root / "BOX" / str(number) / name

    def _write(self) -> None:
        self.root.mkdir(exist_ok=True)
        users = [b" %3d" % number + login.encode("cp932").ljust(60) for number, login in enumerate(self._folders, 1)]
        (self.root / "USER.DBF").write_bytes(dbf(*users, fields=[("UID", b"N", 3), ("LOGIN", b"C", 60)]))
        for number, (account, folders) in enumerate(self._folders.items(), 1):
            self.file(number, "").mkdir(parents=True, exist_ok=True)
            boxes = [
                b" %4d%4d" % (own, folders.get(path[:-1], 0)) + path[-1].encode("cp932").ljust(240)
                for path, own in folders.items()
            ]
            fields = [("FID", b"N", 4), ("PARENT", b"N", 4), ("NAME", b"C", 240)]
            self.file(number, "FOLDER.DBF").write_bytes(dbf(*boxes, fields=fields))
            own = [each for each in self._mails if each.account == account]
            self._split(number, [each for each in own if each.number % 2])
            self._archive(number, [each for each in own if not each.number % 2])

    def _split(self, user: int, mails: list[Kept]) -> None:
        index, heads, bodies = [b"INDEX".ljust(16, b"\0")], b"", b""
        for each in mails:
            cut = each.raw.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in each.raw else len(each.raw)
            head, body = each.raw[:cut], each.raw[cut:]
            places = (len(heads), len(bodies), len(body), each.marks)
            at = each.at.encode("cp932").ljust(28, b"\0")
            index.append(struct.pack("<IHIIIH", each.number, each.box, *places) + at)
            heads += b"HEAD" + struct.pack("<I", len(head)) + head
            bodies += body
        self.file(user, "INDEX.DAT").write_bytes(b"".join(index))
        self.file(user, "HEAD.DAT").write_bytes(heads)
        self.file(user, "BODY.DAT").write_bytes(bodies)

    def _archive(self, user: int, mails: list[Kept]) -> None:
        rows = [f"{each.number},{each.box},{each.month},{each.marks},{each.at}\r\n" for each in mails]
        self.file(user, "MOVED.TXT").write_bytes("".join(rows).encode("cp932"))
        for old in self.file(user, "").glob("*.ZIP"):
            old.unlink()
        for month in {each.month for each in mails}:
            with zipfile.ZipFile(self.file(user, f"{month}.ZIP"), "w", zipfile.ZIP_DEFLATED) as archive:
                for each in mails:
                    if each.month == month:
                        archive.writestr(f"{each.number}.EML", each.raw)


def in_cp932(path: FolderPath) -> bool:
    return "".join(path).encode("cp932", "ignore").decode("cp932") == "".join(path)


class TestSplitRecords(SourceContract):
    """The same promises as every source."""

    flags: ClassVar[frozenset[Flag]] = frozenset(BITS)
    sizes: ClassVar[bool] = False
    names: ClassVar[tuple[FolderPath, ...]] = (*filter(in_cp932, NAMES), ("お客様", "架空電機/保守"))

    @pytest.fixture
    def store(self, tmp_path: Path) -> SplitStore:
        return SplitStore(tmp_path / "store")


@pytest.fixture
def store(tmp_path: Path) -> SplitStore:
    """Four mails of one account, two of them in an archive."""
    store = SplitStore(tmp_path / "store")
    for number in range(4):
        store.add("sato", ("受信箱",), mail(f"m{number}"), frozenset(), SourceContract.received_at)
    return store


def codes(store: SplitStore) -> tuple[list[bytes], list[str]]:
    with store.open() as source:
        found = walk(source)
    return [each.raw.read() for each in items(found)], sorted(set(reasons(found)))


def test_a_record_without_its_magic_and_one_that_is_cut_are_faults_and_their_neighbours_are_mails(
    store: SplitStore,
) -> None:
    heads = store.file(1, "HEAD.DAT")
    heads.write_bytes(b"\0" * 4 + heads.read_bytes()[4:-3])
    found, faults = codes(store)
    assert faults == ["groupware.range-cut", "groupware.range-strange"]
    assert sorted(found) == sorted([mail("m1"), mail("m3")])


def test_an_archive_that_is_damaged_or_lacks_a_member_costs_what_is_in_it_and_no_more(store: SplitStore) -> None:
    (archive,) = store.file(1, "").glob("*.ZIP")
    with zipfile.ZipFile(archive, "w") as short:
        short.writestr("2.EML", mail("m1"))
    found, faults = codes(store)
    assert (len(found), faults) == (3, ["groupware.member-missing"])
    archive.write_bytes(archive.read_bytes()[:-30])
    found, faults = codes(store)
    assert (len(found), faults) == (2, ["groupware.packed-broken"])


def test_a_zip_bomb_is_bounded(store: SplitStore) -> None:
    (archive,) = store.file(1, "").glob("*.ZIP")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("2.EML", bytes(2**25))
        bomb.writestr("4.EML", mail("m3"))
    found, faults = codes(store)
    assert (len(found), faults) == (3, ["groupware.too-large"])


def test_the_parts_of_a_split_mail_are_put_together_with_what_the_store_leaves_out_between_them(
    store: SplitStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.MAPPING", MAPPING.replace('type = "split"', 'type = "split"\nbetween = "\\r\\n"'))
    with store.open() as source:
        whole = [each.raw.read() for each in items(walk(source)) if isinstance(each, Item)]
    assert mail("m0").replace(b"\r\n\r\n", b"\r\n\r\n\r\n", 1) in whole
