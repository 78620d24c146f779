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


def mysql(table: str, columns: str, *rows: str) -> str:
    names = "".join(f"  `{each}` text,\n" for each in columns.split())
    filled = "".join(f"INSERT INTO `{table}` VALUES ({row});\n" for row in rows)  # noqa: S608 - nothing runs it
    return f"CREATE TABLE `{table}` (\n{names}  KEY `k` (`x`)\n);\n{filled}"


def postgresql(table: str, columns: str, *rows: str) -> str:
    lines = "".join(row.replace("'", "").replace("NULL", "\\N").replace(",", "\t") + "\n" for row in rows)
    return f"COPY public.{table} ({', '.join(columns.split())}) FROM stdin;\n{lines}\\.\n\n"


@pytest.mark.parametrize("dialect", ["mysql", "postgresql"])
def test_aipo(dialect: str, tmp_path: Path) -> None:
    table = mysql if dialect == "mysql" else postgresql

    def blob(data: bytes) -> str:
        return f"0x{data.hex()}" if dialect == "mysql" else f"\\\\x{data.hex()}"

    columns = "mail_id user_id account_id folder_id type read_flg subject event_date has_files file_path mail"
    dump = (
        table("turbine_user", "user_id login_name password_value", "4,'sato','x'", "5,'suzuki','x'")
        + table("eip_m_mail_account", "account_id user_id pop3password", "1,4,'x'", "2,5,'x'")
        + table(
            "eip_t_mail_folder",
            "folder_id account_id folder_name",
            "1,1,'受信トレイ'",
            "2,2,'受信トレイ'",
            "3,1,'客先'",
        )
        + table(
            "eip_t_mail",
            columns,
            "1,4,1,1,'R','T','a','2009-11-02 09:15:00','F','1001',NULL",
            f"2,4,1,3,'R','F','b','2009-11-02 09:15:00.123','F','',{blob(mail('m2'))}",
            "3,4,1,NULL,'S','T','c','2009-11-02 09:15:00','F','1003',NULL",
            "4,5,2,2,'R','F','d','2009-11-02 09:15:00','F','1004',NULL",
            "5,5,2,2,'R','F','e','2009-11-02 09:15:00','F','1004',NULL",
            "6,5,2,2,'R','F','f','2009-11-02 09:15:00','F','1006',NULL",
        )
    )
    put(tmp_path, "org001.sql", dump.encode())
    for path, name in (("4/1/Receive/1001", "m1"), ("4/1/Send/1003", "m3"), ("5/2/Receive/1004", "m4")):
        put(tmp_path, f"mail/{path}", mail(name))
    put(tmp_path, "mail/4/1/Receive/uid.dat", b"uid\n")
    put(tmp_path, "mail/5/2/Receive/9999", mail("orphan"))
    found = look(f"aipo-{dialect}", tmp_path)
    assert marked(found, "sato", "受信トレイ") == {mail("m1"): frozenset({SEEN})}
    assert marked(found, "sato", "客先") == {mail("m2"): frozenset()}
    assert marked(found, "sato") == {mail("m3"): frozenset({SEEN})}
    assert marked(found, "suzuki", "受信トレイ") == {mail("m4"): frozenset()}
    assert marked(found, "suzuki") == {mail("orphan"): frozenset()}
    assert reasons(found) == ["groupware.file-claimed-twice", "groupware.file-missing"]
    dates = {each.key: each.dates for all_ in found.values() for each in all_ if isinstance(each, Item)}
    assert (len(dates["mails:1"]), len(dates["mails:2"])) == (1, 0)
