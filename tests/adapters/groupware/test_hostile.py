"""What a damaged or a hostile store holds is bounded: it costs its own mail, little time and no disk."""

import os
import zipfile
from pathlib import Path

import pytest

from adapters.files.reading import Content, Tree
from adapters.groupware.opening import Opener
from migrator.testing import mail
from tests.adapters.groupware.builder import LegacyStore, reasons, walk
from tests.adapters.groupware.test_acceptance import SourceContract, SplitStore, codes


def sparse(path: Path, size: int = 10 * 2**30) -> None:
    path.touch()
    os.truncate(path, size)


@pytest.fixture
def store(tmp_path: Path) -> SplitStore:
    """Two mails of one account: the first in records, the second in an archive."""
    store = SplitStore(tmp_path / "store")
    for name in ("m0", "m1"):
        store.add("sato", ("in",), mail(name), frozenset(), SourceContract.received_at)
    return store


@pytest.mark.parametrize(
    ("name", "code", "kept"),
    [
        ("loose.eml", "groupware.too-large", {mail("m0"), mail("m1")}),
        ("INDEX.DAT", "groupware.hollow", {mail("m1")}),
        ("MOVED.TXT", "groupware.hollow", {mail("m0")}),
    ],
)
def test_a_file_of_ten_gigabytes_of_nothing_is_told_and_not_read(
    store: SplitStore, name: str, code: str, kept: set[bytes]
) -> None:
    sparse(store.file(1, name))
    found, faults = codes(store)
    assert faults == [code]
    assert kept <= {*found}


def test_mails_in_a_file_of_ten_gigabytes_are_read_where_they_lie(store: SplitStore) -> None:
    sparse(store.file(1, "BODY.DAT"))
    assert [len(each) for each in codes(store)[0]] == [len(mail("m0")), len(mail("m1"))]


def test_directories_that_lead_into_themselves_are_told_once(store: SplitStore) -> None:
    store.file(1, "again").symlink_to(store.root, target_is_directory=True)
    found, faults = codes(store)
    assert (found, faults) == ([mail("m0"), mail("m1")], ["groupware.linked-directory"])


@pytest.mark.parametrize("file", ["../../secret", "/etc/hostname", "a/../../secret"])
def test_no_row_leads_out_of_the_store(tmp_path: Path, file: str) -> None:
    store = LegacyStore(tmp_path / "store")
    row = store.add("sato", ("box",), mail("m"), frozenset(), SourceContract.received_at)
    (tmp_path / "secret").write_bytes(mail("secret"))
    row.file = file
    store.write()
    with store.open() as source:
        assert "path.outside-root" in reasons(walk(source))


def test_a_name_that_no_charset_explains_costs_no_other_member_of_its_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "old.zip", "w") as archive:
        archive.writestr("1.eml", b"Subject: 1\r\n\r\n")
        archive.writestr("XX.eml", b"Subject: 2\r\n\r\n")
    data = (tmp_path / "old.zip").read_bytes().replace(b"XX.eml", b"\xff\x83.eml")
    (tmp_path / "old.zip").write_bytes(data)
    with Opener(Tree(tmp_path)) as opener:
        found = opener.member(b"old.zip", "1.eml")
    assert isinstance(found, Content)
    assert found.raw.read() == b"Subject: 1\r\n\r\n"
