"""Records of one width are cut by it and by nothing else."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from adapters.groupware.rows.fixed import FieldAt, Fixed
from adapters.groupware.rows.shape import File, Line, Wanted
from migrator.model import Raw
from tests.adapters.groupware.rows.reading import numbered, rows

FORM = Fixed(
    type="fixed",
    path="INDEX.DAT",
    record=32,
    skip=4,
    fields={
        "no": FieldAt(at=0, bytes=4, written="little"),
        "size": FieldAt(at=4, bytes=4, written="big"),
        "ofs": FieldAt(at=8, bytes=2, written="signed-little"),
        "id": FieldAt(at=10, bytes=2, written="hex"),
        "name": FieldAt(at=12, bytes=20),
    },
)

small, wide = st.integers(-(2**15), 2**15 - 1), st.integers(0, 2**32 - 1)
names = st.text(alphabet="ab 表ソ能ｱ", max_size=8).filter(lambda name: len(name.encode("cp932")) <= 20)


def record(no: int, size: int, ofs: int, name: str, after: bytes = b"") -> bytes:
    return (
        struct.pack("<I", no)
        + struct.pack(">I", size)
        + struct.pack("<h2s20s", ofs, b"\x0a\xff", name.encode("cp932") + after)
    )


@given(st.lists(st.tuples(wide, wide, small, names), max_size=5))
def test_numbers_and_text_come_back_as_they_were_written(written: list[tuple[int, int, int, str]]) -> None:
    data = b"HEAD" + b"".join(record(*each) for each in written)
    assert rows(FORM, data) == [[str(no), str(size), str(ofs), "0aff", name] for no, size, ofs, name in written]


def test_text_ends_at_its_first_nul_whatever_was_left_behind_it() -> None:
    assert rows(FORM, b"HEAD" + record(1, 2, 3, "件名", b"\0\x83garbage")) == [["1", "2", "3", "0aff", "件名"]]


def test_a_record_of_nothing_is_no_row_and_one_that_is_cut_costs_no_neighbour() -> None:
    data = b"HEAD" + record(1, 2, 3, "a") + bytes(32) + record(2, 2, 3, "b") + record(3, 2, 3, "c")[:30]
    assert numbered(FORM, data, "no") == [(1, ["1"]), (3, ["2"]), (4, "groupware.record-cut")]


def test_bytes_that_are_no_text_are_told_and_leave_the_numbers_readable() -> None:
    data = b"HEAD" + struct.pack("<III20s", 1, 2, 3, b"\x83")
    with FORM.open(File("INDEX.DAT", Raw.of(data)), Wanted(())) as lines:
        (line,) = lines.rows
    assert isinstance(line, Line)
    assert (line.odd, line.cells[0]) == (True, "1")


def test_a_field_that_is_wanted_as_bytes_keeps_its_nuls() -> None:
    assert rows(FORM, b"HEAD" + record(1, 2, 3, "a", b"\0b"), "name", raw=["name"]) == [[b"a\0b" + bytes(17)]]
