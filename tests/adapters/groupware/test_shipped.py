"""Every mapping that comes with us, on a store made here as its program makes it."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from adapters.groupware import adapter
from adapters.groupware.checks import read, shipped, undocumented
from migrator.model import ANSWERED, DELETED, FLAGGED, FORWARDED, SEEN, Account, Flag, Folder, Item, NotMail
from migrator.testing import mail
from tests.adapters.groupware.builder import Each, counted, reasons, walk
from tests.adapters.groupware.examples import eudora, maildir, mbox_sqlite, mh
from tests.adapters.groupware.makers import aipo, becky, put

Found = Mapping[Folder, list[Each]]


def look(mapping: str, root: Path) -> Found:
    """All that the store holds; the census says the same."""
    assert adapter.open_source is not None
    with adapter.open_source(adapter.config(mapping=mapping, root=root)) as source:
        found, counts = walk(source), counted(source)
    assert {folder: count for folder, (count, _) in counts.items()} == {
        folder: len(all_) for folder, all_ in found.items()
    }
    return found


def marked(found: Found, account: str, *path: str) -> dict[bytes, frozenset[Flag]]:
    """The mails of one folder and their flags."""
    (folder,) = [each for each in found if (each.account, each.path) == (Account(account), path)]
    return {each.raw.read(): each.flags for each in found[folder] if isinstance(each, Item)}


@pytest.mark.parametrize("name", shipped())
def test_every_code_table_of_a_shipped_mapping_says_who_decided_it(name: str) -> None:
    assert not [*undocumented(read(name))]


def test_becky(tmp_path: Path) -> None:
    one, two, three, *_ = becky(tmp_path)
    found = look("becky", tmp_path)
    assert marked(found, "12ab", "!!!!Inbox") == {
        one: frozenset({SEEN}),
        two: frozenset({FORWARDED, ANSWERED}),
        three: frozenset(),
    }
    assert marked(found, "12ab", "!!!!Inbox", "客先") == {one: frozenset({SEEN})}
    assert [*marked(found, "99cd", "!!Sent")] == [two]
    assert reasons(found) == []


@pytest.mark.parametrize("dialect", ["mysql", "postgresql"])
def test_aipo(dialect: str, tmp_path: Path) -> None:
    aipo(tmp_path, dialect)
    found = look(f"aipo-{dialect}", tmp_path)
    assert marked(found, "sato", "受信トレイ") == {mail("m1"): frozenset({SEEN})}
    assert marked(found, "sato", "客先") == {mail("m2"): frozenset()}
    assert marked(found, "sato") == {mail("m3"): frozenset({SEEN})}
    assert marked(found, "suzuki", "受信トレイ") == {mail("m4"): frozenset()}
    assert marked(found, "suzuki") == {mail("orphan"): frozenset()}
    assert reasons(found) == ["groupware.file-claimed-twice", "groupware.file-missing"]
    dates = {each.key: each.dates for all_ in found.values() for each in all_ if isinstance(each, Item)}
    assert (len(dates["mails:1"]), len(dates["mails:2"])) == (1, 0)


def test_the_example_of_mboxes_with_their_index(tmp_path: Path) -> None:
    mails = mbox_sqlite(tmp_path)
    found = look("example-mbox-sqlite", tmp_path)
    assert marked(found, "sato", "受信箱", "客先") == {
        mails[0]: frozenset({SEEN, FORWARDED}),
        mails[1]: frozenset({ANSWERED}),
    }
    assert marked(found, "sato") == {mails[2]: frozenset()}
    assert [*marked(found, "suzuki", "受信箱", "客先")] == mails[3:]
    assert reasons(found) == ["groupware.range-strange"]


def test_the_example_of_maildirs(tmp_path: Path) -> None:
    mails = maildir(tmp_path)
    found = look("example-maildir", tmp_path)
    assert marked(found, "sato", "INBOX") == {mails[0]: frozenset(), mails[1]: frozenset({SEEN, ANSWERED, FLAGGED})}
    assert marked(found, "sato", "客先", "A社") == {mails[2]: frozenset()}
    assert marked(found, "suzuki", "空") == {}
    assert reasons(found) == []


def test_the_example_of_mh_folders(tmp_path: Path) -> None:
    mails = mh(tmp_path)
    found = look("example-mh", tmp_path)
    assert marked(found, "sato", "inbox") == {
        mails[0]: frozenset({SEEN, ANSWERED}),
        mail("m1"): frozenset({DELETED}),
    }
    assert marked(found, "sato", "客先", "A社") == {mails[1]: frozenset()}
    assert marked(found, "suzuki") == {mails[2]: frozenset()}
    assert reasons(found) == []


def test_eudora(tmp_path: Path) -> None:
    mails = eudora(tmp_path)
    found = look("eudora", tmp_path)
    assert {*marked(found, "sato", "In")} == {*mails[:2]}
    assert [*marked(found, "sato", "客先", "A社")] == mails[2:]
    assert reasons(found) == []
    assert Counter(each.rule for all_ in found.values() for each in all_ if isinstance(each, NotMail)) == {
        "table": 2,
        "index": 2,
        "address-book": 2,
        "rules": 1,
        "signatures": 1,
        "attachment": 1,
    }
    assert [folder.role for folder in found if folder.path == ("In",)] == ["inbox"]


def test_only_the_line_that_names_nobody_begins_a_mail_of_eudora(tmp_path: Path) -> None:
    """A line of 1 MiB and more does not hide one, nor does one that only looks so."""
    line = b"From ???@??? Mon Nov 02 09:15:00 2009\n"
    long, odd = b"x" * 2**20 + line, b"a\n" + line[:-5] + b"nine\n"
    put(tmp_path, "sato/In.mbx", line + long + odd + line + mail("m2"))
    assert {*marked(look("eudora", tmp_path), "sato", "In")} == {long + odd, mail("m2")}
