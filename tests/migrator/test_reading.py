"""Every value that is decoded can say what was declared, what was chosen instead, why, and how sure that is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.japanese import Reading, Why, decode, decode_header, read, readings
from tests.migrator.test_japanese import labels, pieces

TEXT = "見積書のご送付について"
JIS = TEXT.encode("iso2022_jp")


@pytest.mark.parametrize(
    ("data", "declared", "expected"),
    [
        (b"plain", None, ("plain", "ascii", Why.ASCII, 1.0)),
        (b"plain", "utf-16", ("plain", "ascii", Why.ASCII, 1.0)),
        (JIS, "us-ascii", (TEXT, "jis", Why.ESCAPES, 1.0)),
        (JIS.replace(b"\x1b", b""), "iso-2022-jp", (TEXT, "jis", Why.RESTORED, 0.6)),
        (TEXT.encode(), "iso-2022-jp", (TEXT, "utf_8", Why.UTF8, 0.99)),
        (TEXT.encode("cp932"), "Shift_JIS", (TEXT, "cp932", Why.DECLARED, 0.9)),
        (TEXT.encode("gb18030"), "gb2312", (TEXT, "gb18030", Why.DECLARED, 0.9)),
        ("①㈱髙﨑\ue000".encode("cp932"), "x-sjis", ("①㈱髙﨑\ue000", "cp932", Why.DECLARED, 0.45)),
        (JIS[:-4] + b"\x1b(B", "iso-2022-jp", (TEXT[:-1] + "\\x24", "jis", Why.ESCAPES, 0.5)),
    ],
)
def test_a_reading_says_what_was_declared_chosen_and_why(
    data: bytes, declared: str | None, expected: tuple[str, str, Why, float]
) -> None:
    text, chosen, why, confidence = expected
    assert read(data, declared) == Reading(text, declared, chosen, why, confidence)


@pytest.mark.parametrize("charset", ["cp932", "euc_jp"])
def test_without_a_label_more_text_makes_surer(charset: str) -> None:
    short, long = (read(text.encode(charset)) for text in ("見積", TEXT * 5))
    assert (short.why, long.why) == (Why.LOOKS, Why.LOOKS)
    assert long.text == TEXT * 5
    assert long.confidence >= 0.5


def test_a_wrong_label_is_told_from_what_was_chosen() -> None:
    found = read(TEXT.encode("euc_jp"), "utf-8")
    assert (found.text, found.declared, found.chosen, found.why) == (TEXT, "utf-8", "euc_jp", Why.LOOKS)


def test_a_header_is_told_stretch_by_stretch() -> None:
    found = readings(b"Re: =?iso-2022-jp?B?GyRCOCtAURsoQg==?= " + "請求".encode("cp932"))
    assert [(each.text, each.declared, each.chosen) for each in found] == [
        ("Re: ", None, "ascii"),
        ("見積", "iso-2022-jp", "jis"),
        (" 請求", None, "cp932"),
    ]


@given(pieces, labels)
def test_the_reasons_are_of_the_text_that_is_shown(data: bytes, label: str | None) -> None:
    found = read(data, label)
    assert found.text == decode(data, label)
    assert 0 < found.confidence <= 1


@given(pieces)
def test_the_stretches_of_a_header_are_the_header(value: bytes) -> None:
    assert " ".join("".join(each.text for each in readings(value)).split()) == " ".join(decode_header(value).split())


@given(st.text())
def test_utf_8_is_never_doubted(text: str) -> None:
    assert read(text.encode("utf-8", "replace"), "utf-8").confidence >= 0.45
