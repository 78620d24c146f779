"""Names of files are rows where a store has no table."""

import time

from adapters.groupware.rows.names import Names
from tests.adapters.groupware.rows.reading import rows

BOXES = Names(type="names", pattern="{box}.mb/{folder}/{file}.bmf", deep="folder")


def listed(*paths: str) -> bytes:
    return "\0".join(paths).encode()


def test_each_column_is_a_step_and_the_deep_one_as_many_as_there_are() -> None:
    data = listed("a.mb/in/1.bmf", "a.mb/in/sub/dir/2.bmf", "a.mb/3.bmf", "b.mb/in/4.txt")
    assert rows(BOXES, data, "box", "folder", "file") == [["a", "in", "1"], ["a", "in/sub/dir", "2"]]


def test_what_tells_the_same_in_the_wanted_columns_is_one_row() -> None:
    data = listed("a.mb/in/1.bmf", "a.mb/in/2.bmf", "a.mb/out/1.bmf")
    assert rows(BOXES, data, "box") == [["a"]]
    assert rows(BOXES, data, "box", "folder") == [["a", "in"], ["a", "out"]]


def test_files_that_make_no_row_are_passed_over_by_their_names() -> None:
    form = BOXES.model_copy(update={"without": (".*", "*.LOCK.bmf")})
    data = listed("a.mb/in/.1.bmf", "a.mb/.in/2.bmf", "a.mb/in/3.lock.bmf")
    assert rows(form, data, "folder", "file") == [[".in", "2"]]


def test_no_name_takes_long() -> None:
    begun = time.monotonic()
    crowded = Names(type="names", pattern="{deep}/{a}x{b}x{c}.eml", deep="deep")
    assert rows(crowded, listed("/".join(["x" * 255] * 15)), "a") == []
    assert time.monotonic() - begun < 5
