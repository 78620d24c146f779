"""The shipped mappings keep the promises of a source, over stores as their products write them."""

from pathlib import Path
from typing import ClassVar

import pytest

from migrator.model import ANSWERED, DELETED, FLAGGED, SEEN, Flag
from migrator.testing import SAMPLES, SourceContract, mail
from tests.adapters.groupware.builder import items, reasons
from tests.adapters.groupware.products import OpenWebMail
from tests.adapters.groupware.test_shipped import look, marked

AT = SourceContract.received_at


class TestOpenWebMail(SourceContract):
    samples = tuple(raw for raw in SAMPLES if raw.endswith(b"\n"))
    sizes = False
    path: ClassVar[tuple[str, ...]] = ("INBOX",)
    flags: ClassVar[frozenset[Flag]] = frozenset({SEEN, ANSWERED, FLAGGED, DELETED})

    @pytest.fixture
    def store(self, tmp_path: Path) -> OpenWebMail:
        return OpenWebMail(tmp_path / "store")


class TestOpenWebMailFolders(TestOpenWebMail):
    path: ClassVar[tuple[str, ...]] = ("客先", "2009")


def test_what_was_moved_away_is_deleted_where_it_was_and_alive_where_it_is(tmp_path: Path) -> None:
    store = OpenWebMail(tmp_path)
    moved = mail("moved").replace(b"\r\n", b"\n")
    store.add("sato", ("INBOX",), moved, frozenset({SEEN, DELETED}), AT)
    store.add("sato", ("mail-trash",), moved, frozenset({SEEN}), AT)
    found = look("openwebmail", tmp_path)
    assert marked(found, "sato", "INBOX") == {moved.replace(b"\n\n", b"\nStatus: R\n\n", 1): {SEEN, DELETED}}
    assert marked(found, "sato", "mail-trash") == {moved.replace(b"\n\n", b"\nStatus: R\n\n", 1): {SEEN}}


def test_a_folder_whose_index_is_damaged_or_absent_is_read_all_the_same(tmp_path: Path) -> None:
    store = OpenWebMail(tmp_path)
    for folder in ("INBOX", "a", "b"):
        store.add("sato", (folder,), mail(folder).replace(b"\r\n", b"\n"), frozenset({SEEN}), AT)
    (tmp_path / "home/sato/.openwebmail/db/sato.db").unlink()
    (tmp_path / "home/sato/.openwebmail/db/a.db").write_bytes(b"\0" * 8192)
    index = tmp_path / "home/sato/.openwebmail/db/b.db"
    index.write_bytes(index.read_bytes()[:-4096])
    found = look("openwebmail", tmp_path)
    assert [SEEN in each.flags for each in items(found)] == [True] * 3
    assert reasons(found) == ["groupware.dbm-strange", "groupware.pair-lost"]
