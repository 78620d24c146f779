"""MH and .eml trees: what a file's name and the folder's sequences say."""

from pathlib import Path as Directory

import pytest

from adapters.files import eml, mh
from migrator.model import ANSWERED, DELETED, FLAGGED, SEEN, Account, Flag, Item, NotMail, Path
from migrator.ports import Adapter
from migrator.testing import mail
from migrator.testing.source import Each, nothing


def walk(adapter: Adapter, root: Directory, after: str | None = None) -> list[tuple[Path, Each]]:
    assert adapter.open_source is not None
    with adapter.open_source(adapter.config(root=root)) as source:
        return [
            (folder.path, each)
            for folder in source.folders(Account("sato"))
            for each in source.items(folder, after=after, known=nothing)
        ]


@pytest.fixture
def folder(tmp_path: Directory) -> Directory:
    folder = tmp_path / "sato" / "inbox"
    folder.mkdir(parents=True)
    return folder


def test_mh_goes_by_number_and_resumes_by_number(tmp_path: Directory, folder: Directory) -> None:
    for number in (9, 10, 100, 2):
        (folder / str(number)).write_bytes(mail(str(number)))
    assert [each.key for _, each in walk(mh, tmp_path)] == ["2", "9", "10", "100"]
    assert [each.key for _, each in walk(mh, tmp_path, after="9")] == ["10", "100"]
    assert [each.key for _, each in walk(mh, tmp_path, after="11")] == ["100"]


SEQUENCES = "cur: 3\nunseen: 1-2 9\nreplied: 3\nflagged: 1 3-4\n対応中: 2\nbroken\nodd: x 4-\n"


@pytest.mark.parametrize(
    ("number", "flags"),
    [
        (1, {FLAGGED}),
        (2, {"対応中"}),
        (3, {SEEN, ANSWERED, FLAGGED}),
        (4, {SEEN, FLAGGED}),
        (5, {SEEN}),
        (9, set()),
    ],
)
def test_mh_sequences_are_flags(tmp_path: Directory, folder: Directory, number: int, flags: set[Flag]) -> None:
    (folder / ".mh_sequences").write_text(SEQUENCES)
    (folder / str(number)).write_bytes(mail("x"))
    (item,) = (each for _, each in walk(mh, tmp_path) if isinstance(each, Item))
    assert item.flags == flags


def test_without_sequences_mh_knows_no_flags(tmp_path: Directory, folder: Directory) -> None:
    (folder / "1").write_bytes(mail("x"))
    ((_, item),) = walk(mh, tmp_path)
    assert isinstance(item, Item)
    assert item.flags == frozenset()


def test_a_mail_that_mh_removed_and_not_yet_purged_is_deleted(tmp_path: Directory, folder: Directory) -> None:
    (folder / ",12").write_bytes(mail("x"))
    ((_, item),) = walk(mh, tmp_path)
    assert isinstance(item, Item)
    assert item.flags == {DELETED}


def test_a_folder_named_by_a_number_is_a_folder(tmp_path: Directory, folder: Directory) -> None:
    (folder / "2009").mkdir()
    (folder / "2009" / "1").write_bytes(mail("x"))
    assert [(path, each.key) for path, each in walk(mh, tmp_path)] == [(("inbox", "2009"), "1")]


def test_a_folder_named_as_a_mail_is_a_folder(tmp_path: Directory, folder: Directory) -> None:
    (folder / "old.eml").mkdir()
    (folder / "old.eml" / "a.EML").write_bytes(mail("x"))
    assert [(path, each.key) for path, each in walk(eml, tmp_path)] == [(("inbox", "old.eml"), "a.EML")]


def test_eml_is_mail_by_its_name_whatever_it_holds_and_others_by_their_first_lines(
    tmp_path: Directory, folder: Directory
) -> None:
    (folder / "a.eml").write_bytes(b"no header")
    (folder / "b").write_bytes(b"Received: by x\r\n\r\nbody")
    (folder / "c.txt").write_bytes(b"From x Mon Nov  2 09:15:00 2009\nX-Odd: y\n z\nsubject : z\n\n")
    (folder / "d.txt").write_bytes(b"name: value\nother: value\n")
    (folder / "e").write_bytes(b"")
    (folder / "._a.eml").write_bytes(b"\0\5\x16\7")
    found = {each.key: each for _, each in walk(eml, tmp_path)}
    kinds = {key: "mail" if isinstance(each, Item) else getattr(each, "rule", None) for key, each in found.items()}
    assert kinds == {
        "a.eml": "mail",
        "b": "mail",
        "c.txt": "mail",
        "d.txt": "no-mail-header",
        "e": "no-mail-header",
        "._a.eml": "desktop-file",
    }
    assert all(isinstance(each, Item | NotMail) for each in found.values())
