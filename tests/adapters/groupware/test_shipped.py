"""Every mapping that comes with us, on a store made here as its program makes it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from adapters.groupware import adapter
from adapters.groupware.checks import read, shipped, undocumented
from migrator.model import ANSWERED, FORWARDED, SEEN, Account, Flag, Folder, Item
from migrator.testing import mail
from tests.adapters.groupware.builder import Each, counted, reasons, walk

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


def put(root: Path, path: str, data: bytes) -> None:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)


def marked(found: Found, account: str, *path: str) -> dict[bytes, frozenset[Flag]]:
    """The mails of one folder and their flags."""
    (folder,) = [each for each in found if (each.account, each.path) == (Account(account), path)]
    return {each.raw.read(): each.flags for each in found[folder] if isinstance(each, Item)}


@pytest.mark.parametrize("name", shipped())
def test_every_code_table_of_a_shipped_mapping_says_who_decided_it(name: str) -> None:
    assert not [*undocumented(read(name))]


def test_becky(tmp_path: Path) -> None:
    def bmf(*mails: bytes) -> bytes:
        return b"".join(each.replace(b"\r\n.", b"\r\n..") + b".\r\n" for each in mails)

    def status(number: int, name: str) -> bytes:
        return b"X-Becky-Status: %08x,0000,0\r\n" % number + mail(name, body=b"a\r\n.b %b\r\n..\r\n" % name.encode())

    one, two, three = status(1, "m1"), status(6, "m2"), mail("m3")
    put(tmp_path, "12ab.mb/!!!!Inbox/1.bmf", bmf(one, two))
    put(tmp_path, "12ab.mb/!!!!Inbox/2.bmf", bmf(three)[:-3])
    put(tmp_path, "12ab.mb/!!!!Inbox/Folder.idx", b"\1")
    put(tmp_path, "12ab.mb/!!!!Inbox/客先/1.bmf".encode("cp932").decode("utf-8", "surrogateescape"), bmf(one))
    put(tmp_path, "99cd.mb/!!Sent/1.bmf", bmf(two))
    put(tmp_path, "12ab.mb/Mailbox.ini", b"[Account]\r\n")
    found = look("becky", tmp_path)
    assert marked(found, "12ab", "!!!!Inbox") == {
        one: frozenset({SEEN}),
        two: frozenset({FORWARDED, ANSWERED}),
        three: frozenset(),
    }
    assert marked(found, "12ab", "!!!!Inbox", "客先") == {one: frozenset({SEEN})}
    assert [*marked(found, "99cd", "!!Sent")] == [two]
    assert reasons(found) == []
