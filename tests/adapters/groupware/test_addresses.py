"""Addresses in cells: whoever is named is found, however it was written, and nobody is lost."""

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.groupware.addresses import Mailbox, canonical, mailboxes
from adapters.groupware.mapping import Column
from adapters.groupware.values import Undecodable
from adapters.groupware.writing import written
from migrator.mail import envelope


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("", []),
        (" , ; ", []),
        ("sato@example.co.jp", [("", "sato@example.co.jp")]),
        ("foo..bar.@docomo.ne.jp", [("", "foo..bar.@docomo.ne.jp")]),
        ("佐藤 <foo..bar.@docomo.ne.jp>", [("佐藤", "foo..bar.@docomo.ne.jp")]),
        ("佐藤, 太郎 <a@b.jp>; c@d.jp", [("佐藤, 太郎", "a@b.jp"), ("", "c@d.jp")]),
        ('"佐藤, \\"太郎\\"" <a@b.jp>,c@d.jp', [('佐藤, "太郎"', "a@b.jp"), ("", "c@d.jp")]),
        ("Yamada, Taro <a@b.jp>, Sato, Ken <c@d.jp>", [("Yamada, Taro", "a@b.jp"), ("Sato, Ken", "c@d.jp")]),
        ("a@b.jp; c@d.jp；e@f.jp\r\ng@h.jp", [("", "a@b.jp"), ("", "c@d.jp"), ("", "e@f.jp"), ("", "g@h.jp")]),
        ("a@b.jp c@d.jp", [("", "a@b.jp"), ("", "c@d.jp")]),
        ("a@b.jp (佐藤)", [("佐藤", "a@b.jp")]),
        ("佐藤 (営業) <a@b.jp>", [("佐藤 (営業)", "a@b.jp")]),
        ("佐藤（営業）<a@b.jp>", [("佐藤（営業）", "a@b.jp")]),
        ("佐藤 a@b.jp", [("佐藤", "a@b.jp")]),
        ("営業部: a@b.jp, c@d.jp;", [("", "a@b.jp"), ("", "c@d.jp")]),
        ("undisclosed-recipients:;", [("undisclosed-recipients", "")]),
        ("佐藤，鈴木", [("佐藤", ""), ("鈴木", "")]),
        ("佐藤, suzuki@b.jp", [("佐藤", ""), ("", "suzuki@b.jp")]),
        ("=?ISO-2022-JP?B?GyRCOjRGIxsoQg==?= <a@b.jp>", [("佐藤", "a@b.jp")]),
        ("<@relay.jp:a@b.jp>, mailto:c@d.jp", [("", "a@b.jp"), ("", "c@d.jp")]),
        ('"a b"@c.jp', [("", '"a b"@c.jp')]),
        ("Taro <a@b.jp", [("Taro", "a@b.jp")]),
        ('"Taro <a@b.jp>', [('"Taro', "a@b.jp")]),
        ("a@b.jp, c@", [("", "a@b.jp"), ("c@", "")]),
        ("<@:", [("<@:", "")]),
        ("佐藤 <@relay.jp:>", [("佐藤 <@relay.jp:>", "")]),
        ("<a@b.jp> <c@d.jp>", [("", "a@b.jp"), ("", "c@d.jp")]),
    ],
)
def test_addresses_as_they_are_written(cell: str, expected: list[tuple[str, str]]) -> None:
    assert mailboxes(cell) == [Mailbox(*each) for each in expected]


@example("<@:")
@example("<@:>")
@example("<@:@:")
@example('"<"@:')
@example("\\<@=")
@given(st.text(alphabet='ab@<>"\\();:, 佐，；\r\n=?.'))
def test_no_address_is_lost_and_what_is_written_down_reads_the_same(cell: str) -> None:
    found = mailboxes(cell)
    assert mailboxes(canonical(found)) == found
    for word in re.findall(r"(?<![^ ,;])[ab]+@[ab]+(?![^ ,;])", cell):
        if not set('"\\()<:=') & set(cell):
            assert word in [each.address for each in found]


@pytest.mark.parametrize("odd", ['"', "(", "<", '\\"', "a,", "a@b ", ":", '"a" ', "x:a@b,"])
def test_no_cell_takes_long(odd: str) -> None:
    began = time.perf_counter()
    mailboxes(odd * 20_000)
    assert time.perf_counter() - began < 2


def test_a_column_of_addresses_is_read_in_its_charsets() -> None:
    column = Column.model_validate({"column": "TO", "as": {"kind": "addresses", "charsets": ["cp932"]}})
    assert column.raw
    read = column.read.reader()
    assert read("佐藤, 太郎 <a@b.jp>;c@d.jp".encode("cp932")) == '"佐藤, 太郎" <a@b.jp>, c@d.jp'
    with pytest.raises(Undecodable):
        read(b"\x81")


def test_a_written_mail_holds_every_address_of_its_cell() -> None:
    cell = "佐藤, 太郎 <foo..bar.@docomo.ne.jp>; b@c.jp"
    (raw,) = written([("To", cell)], "", None, "columns")
    (to,) = [line for line in raw.split(b"\r\n") if line.startswith(b"To:")]
    assert b"<foo..bar.@docomo.ne.jp>," in to
    assert mailboxes(envelope(raw).to) == mailboxes(cell)
