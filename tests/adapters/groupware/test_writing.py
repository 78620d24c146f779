"""Where a product kept columns and no mail, one is written: whole, always the same, and never with a field too many."""

from datetime import datetime, timedelta, timezone
from email import message_from_bytes, policy
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from adapters.groupware.writing import MARK, written
from migrator.model import SEEN
from migrator.text import storable
from tests.adapters.groupware.builder import reasons
from tests.adapters.groupware.makers import put
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
    fields = {"Subject": storable(subject), "To": to, "Date": AT}
    raw = written(fields, storable(text), None, "columns")
    assert raw == written(fields, storable(text), None, "columns")
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
    raw = written({"Subject": "x"}, "本文", "<p>本文</p>", "columns")
    read = message_from_bytes(raw, policy=policy.default)
    assert [part.get_content().strip() for part in read.iter_parts()] == ["本文", "<p>本文</p>"]
    assert not read.defects


def test_a_list_of_addresses_that_cannot_be_read_loses_none() -> None:
    read = message_from_bytes(written({"To": "営業部, b@x.jp"}, "", None, "columns"), policy=policy.compat32)
    assert "b@x.jp" in str(message_from_bytes(read.as_bytes(), policy=policy.default)["To"])
