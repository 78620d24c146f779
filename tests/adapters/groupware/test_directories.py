"""Maildir and MH inside a groupware: the contract of every source, and what only their directories can do wrong."""

from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import ClassVar

import pytest

from adapters.files import maildir, mh
from adapters.groupware import adapter
from migrator.model import ANSWERED, DELETED, DRAFT, FLAGGED, FORWARDED, SEEN, Flag
from migrator.model import Path as FolderPath
from migrator.ports import Source
from migrator.testing import SourceContract, mail
from tests.adapters.files.layouts import MaildirStore, MhStore
from tests.adapters.groupware.builder import reasons, walk
from tests.adapters.groupware.test_shipped import look, marked


def opened(root: Path, mapping: str) -> AbstractContextManager[Source]:
    assert adapter.open_source is not None
    return adapter.open_source(adapter.config(mapping=mapping, root=root))


def listed(root: Path) -> None:
    """The groupware's table names everybody who has a directory."""
    logins = "".join(f"{each.name}\n" for each in sorted(root.glob("home/*")))
    (root / "users.csv").write_text(f"login\n{logins}", "utf-8")


class InMaildir(MaildirStore):
    """`home/LOGIN/Maildir`."""

    def folder(self, account: str, path: FolderPath) -> Path:
        return super().folder(f"home/{account}/Maildir", path)

    def make(self, account: str, path: FolderPath) -> None:
        for part in ("cur", "new", "tmp"):
            (self.root / "home" / account / "Maildir" / part).mkdir(parents=True, exist_ok=True)
            (self.folder(account, path) / part).mkdir(parents=True, exist_ok=True)
        listed(self.root)

    def open(self) -> AbstractContextManager[Source]:
        return opened(self.root, "example-maildir")


class InMh(MhStore):
    """`home/LOGIN/Mail`."""

    def folder(self, account: str, path: FolderPath) -> Path:
        return super().folder(f"home/{account}/Mail", path)

    def make(self, account: str, path: FolderPath) -> None:
        super().make(account, path)
        listed(self.root)

    def open(self) -> AbstractContextManager[Source]:
        return opened(self.root, "example-mh")


class TestMaildir(SourceContract):
    """The same promises as every source."""

    flags: ClassVar[frozenset[Flag]] = frozenset({SEEN, ANSWERED, FLAGGED, DELETED, DRAFT, FORWARDED})

    @pytest.fixture
    def store(self, tmp_path: Path) -> InMaildir:
        listed(tmp_path)
        return InMaildir(tmp_path, maildir)


class TestMh(SourceContract):
    """The same promises as every source."""

    dates: ClassVar[bool] = False
    names: ClassVar[tuple[FolderPath, ...]] = tuple(
        path for path in SourceContract.names if not any("/" in name or len(name.encode()) > 200 for name in path)
    )

    @pytest.fixture
    def store(self, tmp_path: Path) -> InMh:
        listed(tmp_path)
        return InMh(tmp_path, mh)


def test_a_keyword_nobody_explained_stops_the_run(tmp_path: Path) -> None:
    store = InMaildir(tmp_path, maildir)
    store.add("sato", ("INBOX",), mail("m1"), frozenset({"work"}), SourceContract.received_at)
    with pytest.raises(Exception, match="codes-unknown"), store.open() as source:
        walk(source)


def test_what_is_no_mail_in_a_maildir_is_told_by_its_rule(tmp_path: Path) -> None:
    store = InMaildir(tmp_path, maildir)
    store.add("sato", ("客先",), mail("m1"), frozenset({SEEN}), SourceContract.received_at)
    for path in ("tmp/1257120900.M1P1.mail", "dovecot-uidlist", "cur/.hidden"):
        (tmp_path / "home/sato/Maildir" / path).write_bytes(mail("odd"))
    found = look("example-maildir", tmp_path)
    assert marked(found, "sato", "客先") == {mail("m1"): frozenset({SEEN})}
    assert reasons(found) == []
    told = [(each.rule) for all_ in found.values() for each in all_ if hasattr(each, "rule")]
    assert sorted(told) == ["index", "table", "undelivered"]


def test_an_empty_folder_is_one(tmp_path: Path) -> None:
    at: datetime = SourceContract.received_at
    for store in (InMaildir(tmp_path / "a", maildir), InMh(tmp_path / "b", mh)):
        store.root.mkdir()
        store.add("sato", ("客先", "A社"), mail("m1"), frozenset(), at)
        store.make("sato", ("空",))
        with store.open() as source:
            assert ("空",) in [folder.path for folder in walk(source)]
