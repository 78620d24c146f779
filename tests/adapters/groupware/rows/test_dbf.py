"""A DBF file is read as its bytes say, whatever its head says of how many records there are."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.groupware.rows.dbf import Dbf
from adapters.groupware.rows.shape import File, NoTable, Wanted
from migrator.errors import UsageError
from migrator.model import Raw
from tests.adapters.groupware.rows.reading import numbered, rows

FORM = Dbf(type="dbf", path="USER.DBF")
FIELDS = [("UID", b"N", 5), ("NAME", b"C", 20), ("SINCE", b"D", 8), ("OUT", b"L", 1), ("NUM", b"I", 4), ("AT", b"T", 8)]


def dbf(*records: bytes, fields: list[tuple[str, bytes, int]] = FIELDS, count: int | None = None) -> bytes:
    """A file of dBASE III, as its documents lay it out."""
    described = b"".join(
        struct.pack("<11sc4xBB14x", name.encode("cp932"), kind, size, 0) for name, kind, size in fields
    )
    size = 1 + sum(size for *_, size in fields)
    begin = 32 + len(described) + 1
    head = struct.pack("<B3sIHH20x", 3, bytes([109, 11, 2]), len(records) if count is None else count, begin, size)
    return head + described + b"\r" + b"".join(records) + b"\x1a"


def record(uid: int, name: str, mark: bytes = b" ") -> bytes:
    text = name.encode("cp932").ljust(20)
    return mark + b"%5d" % uid + text + b"20091102" + b"T" + struct.pack("<iII", -7, 2_455_138, 33_330_000)


@given(st.lists(st.tuples(st.integers(0, 99999), st.text(alphabet="aｱ表ソ山田", max_size=10)), max_size=5))
def test_records_come_back_as_they_were_written(written: list[tuple[int, str]]) -> None:
    read = rows(FORM, dbf(*[record(*each) for each in written]))
    assert read == [[str(uid), name, "20091102", "T", "-7", "20091102091530"] for uid, name in written]


def test_a_deleted_record_is_no_row_and_one_with_a_strange_mark_is_told() -> None:
    data = dbf(record(1, "a"), record(2, "b", b"*"), record(3, "c", b"\xff"), record(4, "d"))
    assert numbered(FORM, data, "UID") == [(1, ["1"]), (3, "groupware.record-strange"), (4, ["4"])]


def test_records_behind_those_that_the_head_counts_are_read_and_a_cut_one_is_told() -> None:
    data = dbf(record(1, "a"), record(2, "b"), count=1)[:-5]
    assert numbered(FORM, data, "UID") == [(1, ["1"]), (2, "groupware.record-cut")]


@pytest.mark.parametrize("data", [b"x", bytes(32), bytes(31) + b"\r", b"\xff" * 400, dbf()[:40]])
def test_what_is_no_dbf_is_told_as_such(data: bytes) -> None:
    with pytest.raises(NoTable), FORM.open(File("USER.DBF", Raw.of(data)), Wanted(())):
        pass


def test_a_memo_is_refused_where_it_is_wanted_and_only_there() -> None:
    data = dbf(b" " + b"7".rjust(10) + b"x", fields=[("MEMO", b"M", 10), ("A", b"C", 1)])
    assert rows(FORM, data, "A") == [["x"]]
    with pytest.raises(UsageError) as caught:
        rows(FORM, data, "MEMO")
    assert caught.value.reason.code == "groupware.column-memo"
