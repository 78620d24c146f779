"""Verdicts by spreadsheet: what Excel saves is read, what is wrong is told line by line, and then nothing is taken."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.cli.spreadsheet import read, write
from migrator.errors import UsageError
from migrator.mail.streams import stream_of
from migrator.model import Verdict
from migrator.staging.opinions import Unit

KNOWN = {"news@shop.example", "mag.shop.example", "=1+1@shop.example", "info@shop.example"}


def row(sender: str, **more: object) -> dict[str, object]:
    """A line of senders."""
    telling = {"kind": "address", "items": 3, "bytes": 2_500_000, "accounts": 2, "proposal": "park", "tier": "safest"}
    return {
        "sender": sender,
        "orders": False,
        **telling,
        "score": 0.98,
        "reasons": [],
        "protected_by": [],
        "newest": "",
        "least_typical": "",
        "decision": None,
    } | more


def sheet(folder: Path, *lines: str, charset: str = "utf-8-sig") -> Path:
    """A file as a person saves it."""
    file = folder / "senders.csv"
    file.write_bytes("\r\n".join(("sender,decision,why", *lines, "")).encode(charset))
    return file


def test_excel_opens_it_right_and_a_cell_that_would_be_computed_is_text(tmp_path: Path) -> None:
    file = tmp_path / "senders.csv"
    write(file, [row("=1+1@shop.example"), row("news@shop.example", decision="park")])
    data = file.read_bytes()
    assert data.startswith(b"\xef\xbb\xbfsender,")
    assert b"\r\n'=1+1@shop.example," in data
    assert read(file, KNOWN) == {Unit("news@shop.example"): (Verdict.PARK, "")}


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).filter(lambda text: text == text.strip())
)
def test_every_sender_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, sender: str) -> None:
    file = tmp_path_factory.mktemp("sheet") / "senders.csv"
    write(file, [row(stream_of(sender, None), decision="hold")])
    assert read(file, {stream_of(sender, None)}) == {Unit(stream_of(sender, None)): (Verdict.HOLD, "")}


def test_a_senders_orders_have_a_line_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "senders.csv"
    write(file, [row("news@shop.example", decision="park"), row("news@shop.example", orders=True, decision="keep")])
    said = {Unit("news@shop.example"): (Verdict.PARK, ""), Unit("news@shop.example", orders=True): (Verdict.KEEP, "")}
    assert read(file, KNOWN) == said


@pytest.mark.parametrize("charset", ["utf-8-sig", "utf-8", "cp932"])
def test_what_spreadsheets_save_is_read(tmp_path: Path, charset: str) -> None:
    file = sheet(tmp_path, "news@shop.example,PARK,営業と確認済み", "info@shop.example,,", charset=charset)
    assert read(file, KNOWN) == {Unit("news@shop.example"): (Verdict.PARK, "営業と確認済み")}


def test_every_wrong_line_is_told_at_once(tmp_path: Path) -> None:
    file = sheet(
        tmp_path,
        "news@shop.example,park,",
        "nobody@x.example,keep,",
        "info@shop.example,delete,",
        "news@shop.example,keep,",
    )
    with pytest.raises(UsageError) as refused:
        read(file, KNOWN)
    assert refused.value.reason.code == "sheet.wrong"
    told = str(refused.value.reason.params["lines"])
    assert [f"line {number}" in told for number in (2, 3, 4, 5)] == [False, True, True, True]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(b"sender,verdict\r\na,b\r\n", "sheet.column-missing", id="another file"),
        pytest.param(b"", "sheet.column-missing", id="an empty file"),
        pytest.param(b"sender,decision\r\n\x81\xff\xff,park\r\n", "sheet.charset", id="no text"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    file = tmp_path / "senders.csv"
    file.write_bytes(content)
    with pytest.raises(UsageError) as refused:
        read(file, KNOWN)
    assert refused.value.reason.code == code


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"sheet\.unreadable"):
        read(tmp_path / "none.csv", KNOWN)
