"""A line that is broken costs its neighbours nothing, and every other line is read as the standard reader reads it."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from adapters.groupware.rows.separated import Csv, Separated
from adapters.groupware.rows.shape import BrokenLine, Line

FORM = Csv(type="csv", path="x.csv", charset="cp932", names=("a", "b", "c"))


def lines(data: bytes, form: Csv = FORM) -> list[Line | BrokenLine]:
    return list(Separated(io.BytesIO(data), form, "x.csv"))


def told(data: bytes) -> list[list[str] | str]:
    return [each.cells if isinstance(each, Line) else each.reason.code for each in lines(data)]


text = st.text(alphabet='ab,"\n 日本ｱ表ソ能', max_size=6)


@given(st.lists(st.lists(text, min_size=3, max_size=3), max_size=8), st.sampled_from(["\r\n", "\n"]))
def test_rows_come_back_as_they_were_written(rows: list[list[str]], end: str) -> None:
    written = io.StringIO()
    csv.writer(written, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    read = lines(written.getvalue().encode("cp932"))
    assert [each.cells for each in read if isinstance(each, Line)] == rows


@given(
    st.lists(
        st.sampled_from(
            [b"1,2,3", b'1,"2,2",3', b"1,2", b'"1,2,3', b'1,"2"2,3', b"\x83,\xff,3", b"", b"\0\0", b'1,"2\n2",3']
        ),
        max_size=9,
    ),
    st.integers(0, 9),
)
def test_a_good_line_is_a_row_whatever_stands_around_it(others: list[bytes], at: int) -> None:
    whole = b"\r\n".join([*others[:at], b"4,5,6", *others[at:]])
    assert ["4", "5", "6"] in told(whole)


def test_a_quote_that_is_never_closed_swallows_no_neighbour() -> None:
    assert told(b'1,"open,3\r\n4,5,6\r\n7,8,9\r\n') == ["groupware.line-unquoted", ["4", "5", "6"], ["7", "8", "9"]]
    assert told(b'1,"open,3\r\n4,5,6\r\n7,"8",9\r\n') == ["groupware.line-unquoted", ["4", "5", "6"], ["7", "8", "9"]]


def test_a_cell_may_hold_line_ends_and_numbers_count_the_lines_of_the_file() -> None:
    read = lines(b'1,"a\r\nb",3\r\n4,5,6\r\n7,8\r\n')
    assert read[0] == Line(1, ["1", "a\nb", "3"])
    assert [each.number for each in read] == [1, 3, 4]


def test_bytes_that_are_no_text_leave_the_other_cells_readable() -> None:
    (line,) = lines(b"1,\x83,3\r\n")
    assert isinstance(line, Line)
    assert (line.odd, line.cells[0], line.cells[2]) == (True, "1", "3")


def test_a_backslash_or_a_bar_inside_a_character_parts_nothing() -> None:
    form = FORM.model_copy(update={"delimiter": "|"})
    (line,) = lines("表|ポ|能\r\n".encode("cp932"), form)  # their second bytes are 5C and 7C
    assert isinstance(line, Line)
    assert line.cells == ["表", "ポ", "能"]


def test_a_mark_of_byte_order_is_no_part_of_the_first_column() -> None:
    form = Csv(type="csv", path="x.csv", charset="utf-8")
    assert Separated(io.BytesIO("\ufeff番号,件名\r\n1,x\r\n".encode()), form, "x").columns == ("番号", "件名")


def test_every_line_of_a_file_full_of_open_quotes_is_told() -> None:
    assert len(lines(b'1,"2,3\n' * 5_000)) == 5_000
    assert len(lines(b'1,"' + b"x\n" * 20_000)) == 20_000


def test_lines_before_the_first_are_passed_over_and_counted() -> None:
    form = Csv(type="csv", path="x.csv", skip=2)
    read = Separated(io.BytesIO(b'Becky\n"open\na,b\n1,2\n'), form, "x.csv")
    assert (read.columns, list(read)) == (("a", "b"), [Line(4, ["1", "2"])])
