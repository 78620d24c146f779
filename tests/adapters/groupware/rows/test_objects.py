"""JSON is read an object at a time, and one that is broken costs its neighbours nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.groupware.rows import objects
from adapters.groupware.rows.objects import Json
from adapters.groupware.rows.shape import NoTable
from tests.adapters.groupware.rows.reading import numbered, rows

LINES = Json(type="json", path="a.jsonl", written="lines")
ARRAY = Json(type="json", path="a.json")

texts = st.text(alphabet='ab{}[]",:\\\n 日\ud83d', max_size=6)
values = st.one_of(texts, st.integers(), st.booleans(), st.none(), st.lists(texts, max_size=2))


@given(
    st.lists(st.fixed_dictionaries({"a": texts, "b": values}), max_size=6), st.booleans(), st.sampled_from([None, 1])
)
def test_objects_come_back_as_they_were_written(
    written: list[dict[str, object]], plain: bool, indent: int | None
) -> None:
    expected = [[each["a"]] for each in written]
    array = json.dumps(written, ensure_ascii=True, indent=indent).encode()
    lines = "\n".join(json.dumps(each) for each in written).encode()
    assert rows(ARRAY, array, "a") == rows(LINES, lines, "a") == expected


def test_cells_are_what_names_lead_to_and_numbers_stay_as_they_are_written() -> None:
    data = '[{"id": 12345678901234567890, "from": {"address": "a@b"}, "to": ["x", 1.10], "read": true, "cc": null}]'
    columns = ("id", "from.address", "to", "read", "cc", "none")
    (row,) = rows(ARRAY, data.encode(), *columns)
    assert row == ["12345678901234567890", "a@b", '["x","1.10"]', "true", "", ""]


def test_the_array_may_stand_in_an_object() -> None:
    form = ARRAY.model_copy(update={"items": "data.mails"})
    data = b'{"mails": [1], "x": {"data": [2]}, "data": {"y": [[{}]], "mails": [{"a": 1}, {"a": 2}]}}'
    assert rows(form, data, "a") == [["1"], ["2"]]


@pytest.mark.parametrize("data", [b"{}", b'{"mails": []}', b"", b"null", b'{"data": {"mails": {}}}', b"[{}]"])
def test_an_array_that_is_not_there_is_told(data: bytes) -> None:
    with pytest.raises(NoTable):
        rows(ARRAY.model_copy(update={"items": "data.mails"}), data, "a")


def test_a_broken_object_is_told_with_its_line() -> None:
    deep = b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    data = b'{"a": 1}\n{"a": 2\n\n[3]\nnull\n' + deep + b'\n{"a": "\x83"}\n{"a": 4}'
    assert numbered(LINES, data, "a") == [
        (1, ["1"]),
        (2, "groupware.line-strange"),
        (4, "groupware.line-strange"),
        (5, "groupware.line-strange"),
        (6, "groupware.line-strange"),
        (7, ["\udc83"]),
        (8, ["4"]),
    ]


def test_in_an_array_what_is_no_object_is_told_and_so_is_a_cut() -> None:
    data = b'[{"a": 1},\n 7, {"a" 2},\n{"a": 3}'
    strange = "groupware.line-strange"
    assert numbered(ARRAY, data, "a") == [(1, ["1"]), (2, strange), (2, strange), (3, ["3"]), (3, strange)]
    assert rows(ARRAY, data + b', {"a": "op', "a")[-1] == strange


def test_an_object_that_is_too_long_is_told_and_its_neighbours_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "LONGEST", 1000)
    long = b'{"a": "' + b"x" * 5000 + b'"}'
    assert rows(LINES, long + b'\n{"a": 1}', "a") == ["groupware.line-too-long", ["1"]]
    assert rows(ARRAY, b"[" + long + b',{"a": 1}]', "a") == ["groupware.line-too-long", ["1"]]


def test_a_letter_that_the_charset_has_no_bytes_for_costs_its_row_only_where_bytes_are_wanted() -> None:
    form = Json(type="json", path="a.json", charset="cp932")
    data = b'[{"a": "\\ud83d\\ude00"}, {"a": "\\u8868"}]'
    assert rows(form, data, "a") == [["\U0001f600"], ["表"]]
    assert rows(form, data, "a", raw=["a"]) == ["groupware.cell-undecodable", ["表".encode("cp932")]]
