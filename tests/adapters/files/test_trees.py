"""A tree of files is read whole, whatever lies in it: every name is one artefact, and what is wrong is a value."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path as Directory

import pytest

from adapters.files import eml, maildir, mbox, mh
from migrator.errors import AccountError, FolderError, UsageError
from migrator.model import Account, Folder, Item, NotMail, Unchanged, Unreadable
from migrator.ports import Adapter
from migrator.testing import mail
from migrator.testing.source import Each, nothing
from tests.adapters.files.layouts import snapshot, unprivileged

SHAPES = {"maildir": maildir, "eml": eml, "mh": mh, "mbox": mbox}
TOP = {"maildir": "sato/cur/1.M1.h:2,S", "eml": "sato/box/a.eml", "mh": "sato/box/1", "mbox": "sato/box"}
CONTENT = {name: mail("kept") for name in SHAPES} | {"mbox": b"From x Mon Nov  2 09:15:00 2009\n" + mail("kept")}


def walk(adapter: Adapter, root: Directory) -> Iterator[tuple[Folder, Each]]:
    """All that a source yields, folder by folder."""
    assert adapter.open_source is not None
    with adapter.open_source(adapter.config(root=root)) as source:
        for account in source.accounts():
            for folder in source.folders(account):
                for each in source.items(folder, after=None, known=nothing):
                    yield folder, each


def counted(adapter: Adapter, root: Directory) -> Counter[Folder]:
    assert adapter.open_source is not None
    with adapter.open_source(adapter.config(root=root)) as source:
        found = [count for account in source.accounts() for count in source.census(account)]
    return Counter({count.folder: count.artefacts for count in found if count.artefacts})


def told(found: Each) -> str:
    match found:
        case Item():
            return "mail"
        case Unreadable(reason=reason):
            return reason.code
        case NotMail(rule=rule):
            return rule
        case Unchanged():
            return "unchanged"


@pytest.fixture(params=list(SHAPES))
def shape(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def root(tmp_path: Directory, shape: str) -> Directory:
    """One account with one mail in it."""
    root = tmp_path / "root"
    file = root / TOP[shape]
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT[shape])
    return root


def litter(root: Directory, outside: Directory) -> None:
    """What lies about in an old store."""
    outside.mkdir()
    (outside / "secret").write_bytes(mail("secret"))
    account = root / "sato"
    (account / "dovecot.index.log").write_bytes(b"\1\2\3")
    (account / ".DS_Store").write_bytes(b"x")
    (account / "inbox.lock").touch()
    (account / "notes.txt").write_bytes(b"call the printer people\n")
    (account / "stray").write_bytes(mail("stray"))
    (account / "old.zip").write_bytes(b"PK")
    os.mkfifo(account / "pipe")
    (account / "out").symlink_to(outside / "secret")
    (account / "outdir").symlink_to(outside)
    (account / "self").symlink_to("self")
    (account / "nowhere").symlink_to("absent")
    (account / "again").symlink_to(".")
    (root / "loose").write_bytes(mail("loose"))
    (root / ".hidden").write_bytes(b"x")
    (root / "suzuki").symlink_to("sato")


STRAYS = {"pipe": "file.special", "out": "file.outside", "outdir": "file.outside", "self": "file.link-loop"}
STRAYS |= {"nowhere": "file.missing", "again": "directory-link", "dovecot.index.log": "dovecot-index"}
STRAYS |= {".DS_Store": "desktop-file", "inbox.lock": "lock-file", "notes.txt": "no-mail-header", "stray": "mail"}
STRAYS |= {"old.zip": "file.foreign"}


def test_every_name_is_one_artefact_and_what_is_wrong_is_a_value(
    root: Directory, shape: str, tmp_path: Directory
) -> None:
    litter(root, tmp_path / "outside")
    before = snapshot(root)
    found = list(walk(SHAPES[shape], root))
    assert snapshot(root) == before
    by_name = {each.key.removeprefix("./"): told(each) for folder, each in found if folder.account.name == "sato"}
    assert {name: by_name[name] for name in STRAYS} == STRAYS
    assert len(by_name) == len(STRAYS) + 1
    alone = {each.key.removeprefix("./"): told(each) for folder, each in found if folder.account.name == ""}
    assert alone == {"loose": "mail", ".hidden": "no-mail-header", "suzuki": "directory-link"}
    assert not any(b"<secret@" in each.raw.read() for _, each in found if isinstance(each, Item))


def test_the_census_counts_the_same_artefacts_in_the_same_folders(
    root: Directory, shape: str, tmp_path: Directory
) -> None:
    litter(root, tmp_path / "outside")
    assert counted(SHAPES[shape], root) == Counter(folder for folder, _ in walk(SHAPES[shape], root))


def test_a_file_that_may_not_be_read_is_a_fault_and_its_neighbour_a_mail(shape: str) -> None:
    with unprivileged() as root:
        for name in (TOP[shape], TOP[shape].replace("1", "2").replace("a.eml", "b.eml").replace("box", "xob")):
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(CONTENT[shape])
        file.chmod(0)
        found = [told(each) for _, each in walk(SHAPES[shape], root)]
        assert sorted(found) == ["file.denied", "mail"]


def test_a_directory_that_may_not_be_listed_is_a_fault_of_its_own(shape: str) -> None:
    with unprivileged() as root:
        file = root / TOP[shape]
        file.parent.mkdir(parents=True)
        file.write_bytes(CONTENT[shape])
        closed = root / "sato" / ".closed"
        closed.mkdir()
        closed.chmod(0)
        adapter = SHAPES[shape]
        assert adapter.open_source is not None
        found, failed = [], []
        with adapter.open_source(adapter.config(root=root)) as source:
            for folder in source.folders(Account("sato")):
                try:
                    found += list(source.items(folder, after=None, known=nothing))
                except FolderError as error:
                    failed.append(error.reason.code)
            list(source.census(Account("sato")))
        closed.chmod(0o700)
        codes = failed + [told(each) for each in found if not isinstance(each, Item)]
        assert codes in (["folder.unreadable"], ["file.denied"])
        assert sum(isinstance(each, Item) for each in found) == 1


def test_an_account_that_may_not_be_listed_or_leads_elsewhere_stops_nobody_else(shape: str) -> None:
    with unprivileged() as top:
        root = top / "root"
        file = root / TOP[shape]
        file.parent.mkdir(parents=True)
        file.write_bytes(CONTENT[shape])
        (root / "closed").mkdir()
        (root / "closed").chmod(0)
        (top / "elsewhere").mkdir()
        (root / "linked").symlink_to("../elsewhere")
        adapter = SHAPES[shape]
        assert adapter.open_source is not None
        codes, found = {}, 0
        with adapter.open_source(adapter.config(root=root)) as source:
            for account in source.accounts():
                try:
                    for folder in source.folders(account):
                        found += len(list(source.items(folder, after=None, known=nothing)))
                except AccountError as error:
                    codes[account.name] = error.reason.code
        (root / "closed").chmod(0o700)
    assert codes == {"closed": "account.unreadable", "linked": "account.outside"}
    assert found == 1


def test_an_empty_file_where_a_mail_should_be_is_a_fault(root: Directory, shape: str) -> None:
    if shape == "mbox":
        pytest.skip("an empty mbox is an empty folder")
    (root / TOP[shape]).write_bytes(b"")
    assert [told(each) for _, each in walk(SHAPES[shape], root)] == ["file.empty"]


def test_names_in_any_bytes_are_readable_told_apart_and_found_again(root: Directory, shape: str) -> None:
    odd = [b"sato", "佐藤\\表".encode("cp932"), b"\xff\xfe", "佐藤\\表".encode()]
    for name in odd[1:]:
        (root / "sato").rename(root / os.fsdecode(name)) if name == odd[-1] else None
        target = os.fsencode(root) + b"/" + name + os.fsencode(TOP[shape])[4:]
        os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
        Directory(os.fsdecode(target)).write_bytes(CONTENT[shape])
    found = list(walk(SHAPES[shape], root))
    assert [told(each) for _, each in found] == ["mail"] * 3
    names = [folder.account.name for folder, _ in found]
    assert len(set(names)) == 3
    assert "佐藤\\表" in names


def test_a_root_without_accounts_is_empty(tmp_path: Directory, shape: str) -> None:
    assert list(walk(SHAPES[shape], tmp_path)) == []
    assert counted(SHAPES[shape], tmp_path) == Counter()


def test_an_account_or_folder_nobody_knows_is_an_error_of_its_own(root: Directory, shape: str) -> None:
    adapter = SHAPES[shape]
    assert adapter.open_source is not None
    with adapter.open_source(adapter.config(root=root)) as source:
        with pytest.raises(AccountError):
            list(source.folders(Account("nobody")))
        with pytest.raises(FolderError):
            list(source.items(Folder(Account("sato"), ("no", "such")), after=None, known=nothing))
        # a folder that staging remembers is found without listing all folders first
        path = {"maildir": ("INBOX",)}.get(shape, ("box",))
        assert len(list(source.items(Folder(Account("sato"), path), after=None, known=nothing))) == 1


def test_a_root_that_is_not_there_is_told_at_once(tmp_path: Directory, shape: str) -> None:
    with pytest.raises(UsageError):
        list(walk(SHAPES[shape], tmp_path / "absent"))
