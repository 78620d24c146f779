"""Where a product kept columns and no mail, one is written: whole, always the same, and never with a field too many."""

import re
from datetime import datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.groupware import lists
from adapters.groupware.writing import MARK, Field, Part, header_fields, merged, streamed, written
from migrator.errors import UsageError
from migrator.model import SEEN, NotMail
from migrator.text import storable
from tests.adapters.groupware.builder import items, reasons
from tests.adapters.groupware.makers import put
from tests.adapters.groupware.test_layouts import Disk
from tests.adapters.groupware.test_shipped import look, marked

AT = datetime(2009, 11, 2, 9, 15, tzinfo=timezone(timedelta(hours=9)))

COLUMNS = r"""
mapping = 1
name = "columns-only"

[tables.users]
rows = { type = "csv", path = "users.csv", names = ["id"] }
key = ["id"]
columns = { id = "id" }

[tables.folders]
rows = { type = "csv", path = "folders.csv", names = ["user", "id"] }
key = ["id"]
joins = [{ table = "users", on = { user = "id" } }]
columns = { user = "user", id = "id" }

[tables.mails]
rows = { type = "csv", path = "mails.csv", names = ["id", "box", "from", "to", "subject", "at", "body", "read"] }
key = ["id"]
joins = [{ table = "folders", on = { box = "id" } }]

[tables.mails.columns]
id = "id"
box = "box"
from = "from"
to = "to"
subject = "subject"
body = "body"
at = { column = "at", as = { kind = "date", format = "epoch" } }
read = { column = "read", as = { kind = "flags", written = "code", map = { 1 = '\Seen', 0 = "" } } }

[accounts]
table = "users"
name = "id"

[folders]
table = "folders"
name = "id"

[[messages]]
table = "mails"
flags = ["read"]
received = "at"
[messages.container]
type = "written"
fields = { From = "from", To = "to", Subject = "subject", Date = "at" }
text = "body"
"""


@pytest.mark.parametrize("charsets", ["", 'column = "body", as = { kind = "text", charsets = ["utf-8", "cp932"] }'])
def test_the_blanks_around_a_body_are_its_own(tmp_path: Path, charsets: str) -> None:
    mapping, root = tmp_path / "columns.toml", tmp_path / "store"
    mapping.write_text(
        COLUMNS.replace('body = "body"', f"body = {{ {charsets} }}" if charsets else 'body = "body"'), "utf-8"
    )
    put(root, "users.csv", b"sato\r\n")
    put(root, "folders.csv", b"sato,in\r\n")
    row = '1,in, a@x.jp ,b@x.jp, subject ,1257120900,"\u3000拝啓\n  1. 件名\n\n\u3000",1\r\n'
    put(root, "mails.csv", row.encode("cp932"))
    ((raw, _),) = marked(look(str(mapping), root), "sato", "in").items()
    read = message_from_bytes(raw, policy=policy.default)
    assert read.get_content() == "\u3000拝啓\r\n  1. 件名\r\n\r\n\u3000\r\n"
    assert (read["From"], read["Subject"]) == ("a@x.jp", "subject")


def test_a_mail_is_written_out_of_columns_and_read_back_as_they_were(tmp_path: Path) -> None:
    mapping, root = tmp_path / "columns.toml", tmp_path / "store"
    mapping.write_text(COLUMNS, "utf-8")
    put(root, "users.csv", b"sato\r\n")
    put(root, "folders.csv", b"sato,in\r\n")
    row = '1,in,山田 太郎 <yamada@example.co.jp>,"a@x.jp, b@x.jp",見積もりの件,1257120900,"拝啓\n㈱髙橋",1\r\n'
    put(root, "mails.csv", row.encode("cp932"))
    found = look(str(mapping), root)
    assert reasons(found) == []
    ((raw, flags),) = marked(found, "sato", "in").items()
    read = message_from_bytes(raw, policy=policy.default)
    assert (read["From"], read["Subject"]) == ("山田 太郎 <yamada@example.co.jp>", "見積もりの件")
    assert [each.addr_spec for each in read["To"].addresses] == ["a@x.jp", "b@x.jp"]
    assert read["Date"].datetime == AT
    assert read.get_content().splitlines() == ["拝啓", "㈱髙橋"]
    assert (read[MARK], flags) == ("columns", {SEEN})


@given(st.text(max_size=200), st.text(max_size=200), st.text(alphabet="ab 山,<>@\r\n:\0", max_size=100))
def test_no_cell_adds_a_field_or_ends_the_header(subject: str, text: str, to: str) -> None:
    fields: list[Field] = [("Subject", storable(subject)), ("To", to), ("Date", AT)]
    (raw,) = written(fields, storable(text), None, "columns")
    assert [raw] == written(fields, storable(text), None, "columns")
    head = raw.partition(b"\r\n\r\n")[0]
    names = [line.partition(b":")[0] for line in head.split(b"\r\n") if line[:1] not in b" \t"]
    allowed = [
        b"Subject",
        b"To",
        b"Date",
        MARK.encode(),
        b"MIME-Version",
        b"Content-Type",
        b"Content-Transfer-Encoding",
    ]
    assert names == [name for name in allowed if name in names]
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_both_bodies_are_alternatives() -> None:
    (raw,) = written([("Subject", "x")], "本文", "<p>本文</p>", "columns")
    read = message_from_bytes(raw, policy=policy.default)
    assert [part.get_content().strip() for part in read.iter_parts()] == ["本文", "<p>本文</p>"]
    assert not read.defects


def test_a_list_of_addresses_that_cannot_be_read_loses_none() -> None:
    (raw,) = written([("To", "営業部, b@x.jp")], "", None, "columns")
    read = message_from_bytes(raw, policy=policy.compat32)
    assert "b@x.jp" in str(message_from_bytes(read.as_bytes(), policy=policy.default)["To"])


def test_attachments_stand_behind_the_bodies_and_give_back_their_bytes_and_names() -> None:
    names = ["plan.pdf", "見積書（㈱髙橋）第二版.xls", 'a"b.txt', "n" * 200 + ".doc"]
    parts = [Part(name, bytes(range(256)) * (number + 1)) for number, name in enumerate(names)]
    other = Part("attach.html", "<p>本文</p>".encode("cp932"), "text/html", "Shift_JIS", body=True)
    (raw,) = written([("Subject", "x")], "本文", None, "columns", [*parts, other])
    read = message_from_bytes(raw, policy=policy.default)
    assert not any(part.defects for part in read.walk())
    assert [each.get_content().strip() for each in read.get_payload()[0].iter_parts()] == ["本文", "<p>本文</p>"]
    assert [(each.get_filename(), each.get_content()) for each in read.iter_attachments()] == [
        (part.name, part.data) for part in parts
    ]
    assert max(map(len, raw.split(b"\r\n"))) < 100


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_what_is_streamed_is_what_would_be_written_at_once(chunks: list[bytes]) -> None:
    (whole,) = written([], "", None, "columns", [Part("a", b"".join(chunks))])
    start, there, gone, end = written([], "", None, "columns", [Part("a", None)])
    assert start + there + b"".join(streamed(chunks)) + end == whole
    read = message_from_bytes(start + gone + end, policy=policy.default)
    assert "longer has this attachment" in next(iter(read.iter_attachments())).get_content()


def test_a_field_that_one_source_tells_no_later_one_tells_again() -> None:
    own = header_fields(
        "From x Mon Nov  2 09:15:00 2009\nSubject: =?utf-8?q?a?=\n b\nMIME-Version: 1.0\nno field\nTo: a@x\n"
    )
    rows: list[Field] = [("References", "<1@x>"), ("references", "<2@x>"), ("To", "c@x"), ("Cc", "d@x"), ("Cc", "e@x")]
    columns: list[Field] = [("Subject", "b"), ("Date", AT), ("Cc", "f@x"), ("Content-Type", "text/html")]
    assert merged(own, rows, columns) == [
        ("Subject", "=?utf-8?q?a?= b"),
        ("To", "a@x"),
        ("References", "<1@x> <2@x>"),
        ("Cc", "d@x, e@x"),
        ("Date", AT),
    ]


@given(st.lists(st.text(alphabet="ab ", min_size=1, max_size=90), max_size=20))
def test_a_long_field_is_folded_and_says_the_same(words: list[str]) -> None:
    value = " ".join(words).strip()
    (raw,) = written([("X-A", value)], "", None, "columns")
    head = raw.partition(b"MIME-Version")[0]
    assert not value or b"X-A: " + value.encode() + b"\r\n" in head.replace(b"\r\n ", b" ")
    assert all(line.strip() for line in head.split(b"\r\n")[:-1])


LISTS = (
    COLUMNS.replace(
        'joins = [{ table = "folders", on = { box = "id" } }]\n\n[tables.mails.columns]',
        """joins = [{ table = "folders", on = { box = "id" } }]
lists = [
    { table = "people", on = { id = "mail" } },
    { table = "bodies", on = { id = "mail" } },
    { table = "files", on = { id = "mail" } },
]

[tables.people]
rows = { type = "csv", path = "people.csv", names = ["mail", "no", "kind", "address"] }
key = ["no"]
[tables.people.columns]
mail = "mail"
no = { column = "no", as = { kind = "number" } }
kind = { column = "kind", as = { kind = "code", map = { 1 = "To", 2 = "Cc" } } }
address = "address"

[tables.bodies]
rows = { type = "csv", path = "bodies.csv", names = ["mail", "text"] }
key = ["mail"]
columns = { mail = "mail", text = "text" }

[tables.files]
rows = { type = "csv", path = "files.csv", names = ["mail", "name", "place", "gone"] }
key = ["name"]
columns = { mail = "mail", name = "name", place = "place", gone = "gone" }
only = { gone = ["0"] }

[tables.mails.columns]""",
    )
    .replace('To = "to", ', "")
    .replace(
        'text = "body"\n',
        """text = "bodies.text"
field_rows = [{ name = "people.kind", value = "people.address" }]
attachments = [{ name = "files.name", path = "files/{files.place}" }]
""",
    )
)


def disk(tmp_path: Path) -> Disk:
    """Two mails, of which one has three addresses and two attachments, in tables of their own, in no order."""
    disk = Disk(tmp_path, LISTS)
    disk.write("users.csv", "sato\r\n")
    disk.write("folders.csv", "sato,in\r\n")
    disk.write("mails.csv", "1,in,a@x.jp,,件名,1257120900,,1\r\n2,in,a@x.jp,,b,1257120900,,0\r\n")
    disk.write("people.csv", "1,10,1,c@x.jp\r\n2,1,1,z@x.jp\r\n1,9,1,b@x.jp\r\n1,2,2,山田 <y@x.jp>\r\n9,1,1,q@x.jp\r\n")
    disk.write("bodies.csv", "2,二\r\n1,  一\r\n")
    disk.write("files.csv", "1,b.txt,7,0\r\n1,a.txt,sub/8,0\r\n2,c.txt,9,9\r\n3,d.txt,10,0\r\n")
    disk.write("files/7", b"seven")
    disk.write("files/sub/8", b"\0" * 100_000)
    disk.write("files/9", b"deleted")
    return disk


def test_addresses_bodies_and_attachments_come_out_of_tables_of_their_own(tmp_path: Path) -> None:
    store = disk(tmp_path)
    found = store.look()
    one, two = (message_from_bytes(each.raw.read(), policy=policy.default) for each in items(found))
    assert (one["To"], one["Cc"], two["To"]) == ("b@x.jp, c@x.jp", "山田 <y@x.jp>", "z@x.jp")
    bodies = [each.get_body().get_content().rstrip("\r\n") for each in (one, two)]
    assert bodies == ["  一", "二"]
    assert [*map(_bytes, one.iter_attachments())] == [("a.txt", b"\0" * 100_000), ("b.txt", b"seven")]
    assert [*two.iter_attachments()] == []
    assert reasons(found) == []
    rules = [each.rule for all_ in found.values() for each in all_ if isinstance(each, NotMail)]
    assert rules.count("attachment") == 1, "what belongs to no mail is no mail itself"


def _bytes(part: EmailMessage) -> tuple[str | None, bytes]:
    return part.get_filename(), part.get_content()


def test_an_attachment_whose_file_is_gone_is_a_fault_and_its_mail_is_migrated_with_a_note(tmp_path: Path) -> None:
    store = disk(tmp_path)
    (store.root / "files/7").unlink()
    store.write("files/sub/8", b"")
    found = store.look()
    assert reasons(found) == ["groupware.attachment-missing"]
    one = message_from_bytes(items(found)[0].raw.read(), policy=policy.default)
    empty, note = one.iter_attachments()
    assert _bytes(empty) == ("a.txt", b"")
    assert "b.txt" in note.get_content()


@pytest.mark.parametrize("place", ["../../mails.csv", "/etc/passwd", "sub", "", "\x1f"])
def test_an_attachment_that_would_lie_elsewhere_is_told_and_never_read(place: str, tmp_path: Path) -> None:
    store = disk(tmp_path)
    store.write("files.csv", f"1,b.txt,{place},0\r\n")
    found = store.look()
    assert "groupware.attachment-missing" in reasons(found)
    assert len(items(found)) == 2


def test_attachments_may_lie_in_columns(tmp_path: Path) -> None:
    data = 'data = { column = "place", as = { kind = "bytes", written = "hex" } }, gone'
    mapping = LISTS.replace('place = "place", gone', data)
    store = disk(tmp_path)
    store.mapping.write_text(mapping.replace('path = "files/{files.place}"', 'column = "files.data"'), "utf-8")
    store.write("files.csv", f"1,a.txt,{b'abc'.hex()},0\r\n1,b.txt,zz,0\r\n")
    found = store.look()
    one = message_from_bytes(items(found)[0].raw.read(), policy=policy.default)
    assert [*map(_bytes, one.iter_attachments())] == [("a.txt", b"abc")]
    assert reasons(found) == ["groupware.cell-undecodable"]


def test_a_mail_that_leads_to_more_than_any_mail_consists_of_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "LONGEST", 3 * lists.ROW)
    found = disk(tmp_path).look()
    assert reasons(found) == ["groupware.too-large"]
    assert len(items(found)) == 1


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('on = { id = "mail" } },\n]', 'on = { id = "mial" } },\n]', "mapping.unknown-column"),
        ('{ table = "files", on', '{ table = "flies", on', "mapping.unknown-table"),
        ('{ table = "files", on', '{ table = "mails", on', "mapping.loop"),
        ('on = { id = "mail" } },\n]', "on = {} },\n]", "mapping.empty"),
        ('text = "bodies.text"', 'text = "bodies.txt"', "mapping.unknown-column"),
        ('text = "bodies.text"', 'text = "people.no"', "mapping.wrong-kind"),
        ('path = "files/{files.place}"', 'path = "files/{files.plaice}"', "mapping.unknown-column"),
        ('path = "files/{files.place}"', 'path = "../{files.place}"', "mapping.bad-path"),
        (', path = "files/{files.place}"', "", "mapping.attached-shape"),
        ("only = { gone", "only = { gonne", "mapping.unknown-column"),
    ],
)
def test_what_is_wrong_with_lists_is_told(old: str, new: str, code: str, tmp_path: Path) -> None:
    store = disk(tmp_path)
    assert old in LISTS
    store.mapping.write_text(LISTS.replace(old, new), "utf-8")
    with pytest.raises(UsageError) as caught:
        store.look()
    assert caught.value.reason.code == code


ANY = st.text(max_size=80).map(storable) | st.text(alphabet="ab:\r\n \t\0山=?<@,", max_size=80).map(storable)


@given(ANY, st.lists(st.tuples(ANY, ANY), max_size=4), ANY, st.binary(max_size=100))
def test_no_header_no_row_and_no_name_of_a_file_makes_a_mail_of_another_shape(
    own: str, rows: list[tuple[str, str]], name: str, data: bytes
) -> None:
    parts = [Part(name, data, charset=name), Part(name, data, "text/html", name, body=True), Part(name, None)]
    start, there, _, end = written(merged(header_fields(own), rows), own, None, "columns", parts)
    raw = start + there + end
    head, blank, _ = raw.partition(b"\r\n\r\n")
    assert blank
    assert all(re.match(rb"[!-9;-~]+: |[ \t]+\S|[!-9;-~]+:\Z", line) for line in head.split(b"\r\n")), head
    read = message_from_bytes(raw, policy=policy.compat32)
    assert [part.get_content_type() for part in read.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "application/octet-stream",
        "application/octet-stream",
    ]
    assert [part.get_payload(decode=True) for part in read.walk()][3:] == [data, data, b""]
    assert not any(part.defects for part in read.walk())
