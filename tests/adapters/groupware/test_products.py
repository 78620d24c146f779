"""The shipped mappings keep the promises of a source, over stores as their products write them."""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import ClassVar

import pytest

from adapters.groupware.writing import Field, Part, written
from migrator.model import ANSWERED, DELETED, FLAGGED, FORWARDED, SEEN, Flag, Role
from migrator.testing import NAMES, SAMPLES, SourceContract, mail
from tests.adapters.groupware.builder import items, reasons
from tests.adapters.groupware.products import GroupSession, OpenWebMail, PhProjekt, sql
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


HEAD: list[Field] = [
    ("Date", "Mon, 02 Nov 2009 09:15:00 +0900"),
    ("From", "a@example.co.jp"),
    ("Subject", "x" * 70 + " y z"),
]
WRITTEN = tuple(
    b"".join(written([*HEAD, ("Message-ID", f"<w{number}@x>")], *bodies, "columns", parts))
    for number, (bodies, parts) in enumerate(
        [
            (("本文\n二行目", None), []),
            (("本文", "<p>本文</p>"), []),
            (("", None), [Part("見積書.xls", bytes(range(256))), Part("a.txt", b"")]),
            (("", "<p>x</p>"), [Part("b.bin", b"\0" * 5000)]),
        ]
    )
)
"""Mails that come out of columns as they went into them."""


class TestPhProjekt(SourceContract):
    samples = WRITTEN
    sizes = False
    flags: ClassVar[frozenset[Flag]] = frozenset({SEEN, ANSWERED, FORWARDED, DELETED})

    @pytest.fixture
    def store(self, tmp_path: Path) -> PhProjekt:
        return PhProjekt(tmp_path / "store")


class TestPhProjektAtTheTop(TestPhProjekt):
    path: ClassVar[tuple[str, ...]] = ("INBOX",)


class TestGroupSession(SourceContract):
    samples = WRITTEN
    sizes = False
    flags: ClassVar[frozenset[Flag]] = frozenset({SEEN, ANSWERED, FORWARDED})
    names = tuple(path for path in NAMES if len(path) == 1)

    @pytest.fixture
    def store(self, tmp_path: Path) -> GroupSession:
        return GroupSession(tmp_path / "store")


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


def read_back(mapping: str, root: Path) -> list[EmailMessage]:
    found = look(mapping, root)
    assert reasons(found) == []
    return [message_from_bytes(each.raw.read(), policy=policy.default) for each in items(found)]


def test_groupsession_knows_a_sent_mail_by_its_columns_and_addresses_alone(tmp_path: Path) -> None:
    store = GroupSession(tmp_path)
    raw = mail("sent", header="Cc: 山田 太郎 <y@example.co.jp>, z@example.co.jp\r\nBcc: b@example.co.jp\r\n".encode())
    store.add("soumu@example.co.jp", ("送信済み",), raw, frozenset(), AT)
    dump = (tmp_path / "gsession.sql").read_text("utf-8")
    (tmp_path / "gsession.sql").write_text(re.sub(r"INSERT INTO PUBLIC.WML_HEADER_DATA[^;]*;\n", "", dump), "utf-8")
    (sent,) = read_back("groupsession", tmp_path)
    assert (sent["Subject"], sent["From"], sent["To"]) == ("sent", "Sato <sato@example.co.jp>", "soumu@example.co.jp")
    assert sent["Cc"] == "山田 太郎 <y@example.co.jp>, z@example.co.jp"
    assert (sent["Bcc"], sent["Date"].datetime) == ("b@example.co.jp", AT)
    folders = {folder.path: folder.role for folder in look("groupsession", tmp_path) if folder.path}
    assert folders == {("送信済み",): Role.SENT}


def test_groupsession_cuts_references_into_rows_which_are_put_together_again(tmp_path: Path) -> None:
    store = GroupSession(tmp_path)
    store.add("soumu@example.co.jp", ("受信箱",), mail("a"), frozenset(), AT)
    dump = (tmp_path / "gsession.sql").read_text("utf-8")
    rows = "".join(
        f"INSERT INTO PUBLIC.WML_HEADER_DATA VALUES\n(1, {n}, 'References', '<{n}@x>');\n" for n in (11, 9, 10)
    )
    (tmp_path / "gsession.sql").write_text(dump + rows, "utf-8")
    (received,) = read_back("groupsession", tmp_path)
    assert received["References"] == "<9@x> <10@x> <11@x>"


def test_phprojekt_keeps_japanese_texts_in_the_charset_they_came_in(tmp_path: Path) -> None:
    store = PhProjekt(tmp_path)
    store.add("sato", ("客先",), mail("HEAD", b"BODY\r\n"), frozenset({ANSWERED}), AT)
    dump = (tmp_path / "phprojekt.sql").read_bytes()
    for mark, text in ((b"HEAD\\r", "見積もり"), (b"BODY", "拝啓、山田様")):
        dump = dump.replace(mark, text.encode("iso2022_jp") + (b"\\r" if mark.endswith(b"\\r") else b""), 1)
    (tmp_path / "phprojekt.sql").write_bytes(dump)
    (received,) = read_back("phprojekt", tmp_path)
    assert received["Subject"] == "見積もり"
    assert received.get_content().strip() == "拝啓、山田様"


def test_phprojekt_knows_a_sent_mail_by_its_columns_alone(tmp_path: Path) -> None:
    store = PhProjekt(tmp_path)
    kept = store.add("sato", ("INBOX",), mail("sent", header=b"Cc: z@example.co.jp\r\n"), frozenset({FORWARDED}), AT)
    dump = (tmp_path / "phprojekt.sql").read_text("utf-8")
    dump = (
        dump.replace(",'m',", ",'s',")
        .replace(sql(kept.head), "NULL")
        .replace(f"'{kept.at('%Y%m%d%H%M%S')}','1'", "'-','1'")
    )
    (tmp_path / "phprojekt.sql").write_text(dump, "utf-8")
    found = look("phprojekt", tmp_path)
    (sent,) = items(found)
    read = message_from_bytes(sent.raw.read(), policy=policy.default)
    assert (read["Subject"], read["To"], read["Cc"]) == ("sent", "soumu@example.co.jp", "z@example.co.jp")
    assert (read["Date"].datetime, read["Message-ID"], sent.flags) == (AT, None, {FORWARDED})
