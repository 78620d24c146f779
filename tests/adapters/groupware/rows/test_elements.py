"""XML is read an element at a time; no DTD, no entity, and what is broken costs its neighbours nothing."""

from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.groupware.rows import elements
from adapters.groupware.rows.elements import Xml
from adapters.groupware.rows.shape import NoTable
from tests.adapters.groupware.rows.reading import numbered, rows

FORM = Xml(type="xml", path="mails.xml", row="mail")
BROKEN = "groupware.element-broken"
texts = st.text(alphabet="ab<>&'\"]日表\n ", max_size=8)


@given(st.lists(st.tuples(texts, texts), max_size=5), st.sampled_from(["utf-8", "cp932"]))
def test_elements_come_back_as_they_were_written(written: list[tuple[str, str]], charset: str) -> None:
    inner = "".join(
        f"<mail id={quoteattr(no, {chr(10): '&#10;'})}><x:subject xmlns:x='y'>{escape(text)}</x:subject></mail>\n"
        for no, text in written
    )
    data = f"<?xml version='1.0' encoding='x'?><store><!-- <mail> --><mails>{inner}</mails></store>".encode(charset)
    form = FORM.model_copy(update={"charset": charset})
    assert rows(form, data, "@id", "x:subject") == [[no, text] for no, text in written]


def test_columns_are_attributes_elements_below_and_the_rows_own_text() -> None:
    data = b"<s><mail id='1'>own<from t='x'><a>a@b</a></from><to>1</to><to>2</to><e/></mail><mail/><mailbox/></s>"
    columns = (".", "@id", "from/a", "from/@t", "to", "e", "none")
    assert rows(FORM, data, *columns) == [["own", "1", "a@b", "x", "1\n2", "", ""], [""] * 7]


def test_what_only_looks_like_an_element_is_none() -> None:
    data = b"<s><mail><b><![CDATA[</mail><mail>]]></b></mail><!-- <mail><b>no</b></mail> --><mail b='</mail>'/></s>"
    assert rows(FORM, data, "b", "@b") == [["</mail><mail>", ""], BROKEN]
    assert rows(FORM, data.replace(b"='</mail>'", b"='>'"), "@b") == [[""], [">"]]


@pytest.mark.parametrize(
    "broken",
    [
        b"<mail><b>1</mail>",
        b"<mail><b>&nobody;</b></mail>",
        b"<mail><b>\x0b</b></mail>",
        b"<mail><b>1</b>",
        b"<mail>" + b"<d>" * 5000 + b"</d>" * 5000 + b"</mail>",
        b"<mail a=1/>",
    ],
)
def test_a_broken_element_costs_its_neighbours_nothing(broken: bytes) -> None:
    data = b"<s>\n<mail><b>0</b></mail>\n" + broken + b"\n<mail><b>2</b></mail></s>"
    assert numbered(FORM, data, "b") == [(2, ["0"]), (3, BROKEN), (4, ["2"])]


def test_a_file_that_is_cut_gives_what_it_holds() -> None:
    data = b"<s><mail><b>0</b></mail><mail><b>1</b></mail>"
    for end in range(len(data)):
        read = rows(FORM, data[:end], "b")
        whole = data[:end].count(b"</mail>")
        assert [each for each in read if each != BROKEN] == [[str(number)] for number in range(whole)]
        assert read.count(BROKEN) == (data[:end].count(b"<mail>") > whole)


BOMB = b'<!DOCTYPE s [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><s><mail><b>&b;</b></mail></s>'


@pytest.mark.parametrize("data", [BOMB, b"<!DOCTYPE s SYSTEM 'file:///etc/passwd'><s/>"])
def test_a_dtd_is_refused(data: bytes) -> None:
    with pytest.raises(NoTable) as caught:
        rows(FORM, data, "b")
    assert caught.value.reason.code == "groupware.xml-doctype"


def test_bytes_that_are_no_text_are_told_and_survive() -> None:
    data = b"<s><mail><b>\xff1</b></mail><mail><b>2</b></mail></s>"
    assert rows(FORM, data, "b") == [["\udcff1"], ["2"]]
    assert rows(FORM, data, "b", raw=["b"]) == [[b"\xff1"], [b"2"]]


def test_an_element_that_is_too_long_is_told_and_its_neighbours_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elements, "LONGEST", 1000)
    monkeypatch.setattr(elements, "CHUNK", 100)
    data = (
        b"<s><mail><b>"
        + b"x" * 5000
        + b"</b></mail><mail><b>1</b></mail><!-- "
        + b"y" * 5000
        + b"<mail><b>2</b></mail>"
    )
    assert rows(FORM, data, "b") == [BROKEN, ["1"], ["2"]]
