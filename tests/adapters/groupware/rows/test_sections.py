"""An INI file is read a section at a time."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.groupware.rows.sections import Ini
from tests.adapters.groupware.rows.reading import numbered, rows

FORM = Ini(type="ini", path="users.ini")
word = st.text(alphabet="ab表ソ 能=", min_size=1, max_size=6).map(str.strip)


@given(st.lists(st.tuples(word, word), max_size=5), st.sampled_from(["\r\n", "\n"]))
def test_sections_come_back_as_they_were_written(written: list[tuple[str, str]], end: str) -> None:
    text = end.join(f"[{name}]{end}; remark{end}MAIL = {mail}{end}" for name, mail in written)
    assert rows(FORM, text.encode("cp932"), "section", "mail") == [[name, mail] for name, mail in written]


def test_a_line_that_says_nothing_is_told_and_costs_its_section_nothing() -> None:
    data = b"x=0\r\n[sato]\r\nmail=a@b\r\nnonsense\r\n=7\r\nMail=second\r\n[ito]\r\n"
    assert numbered(FORM, data, "section", "mail", "x") == [
        (1, ["", "", "0"]),
        (4, "groupware.line-strange"),
        (5, "groupware.line-strange"),
        (2, ["sato", "a@b", ""]),
        (7, ["ito", "", ""]),
    ]


def test_the_column_of_the_brackets_may_have_another_name_and_bytes_stay_bytes() -> None:
    form = FORM.model_copy(update={"section": "login"})
    assert rows(form, b"[sato]\nsection=7\nraw=\xff", "login", "section", "raw", raw=["raw"]) == [
        ["sato", "7", b"\xff"]
    ]
