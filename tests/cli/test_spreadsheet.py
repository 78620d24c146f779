"""Decisions by spreadsheet: what Excel saves is read, only what was filled in changes anything, and nothing is taken
where a line is wrong or somebody was quicker."""

import csv
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.cli import main
from migrator.cli.spreadsheet import read, verdict_of, write
from migrator.errors import UsageError
from migrator.model import Verdict
from migrator.review.sheets import Sheet
from migrator.review.topic import Row, Topic
from migrator.review.topics import TOPICS
from migrator.review.topics.accounts import ACCOUNTS
from migrator.review.topics.senders import SENDERS
from migrator.staging.books import row_id, rulings_book, senders_book
from migrator.staging.opinions import Unit, decide_stream
from migrator.staging.store import Staging
from tests.migrator.review.office import CUSTOMER, NEWS, build_office

Lines = list[dict[str, str]]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_office(tmp_path_factory.mktemp("office"))


@pytest.fixture
def folder(furnished: Path, tmp_path: Path) -> Path:
    shutil.copy(furnished, tmp_path / "staging.db")
    tmp_path.chmod(0o700)
    (tmp_path / "migration.toml").write_text('[source]\nadapter = "memory"\nworld = "sheet"\n')
    return tmp_path


@pytest.fixture
def staging(folder: Path) -> Iterator[Staging]:
    with Staging.open("sqlite:///staging.db", folder=folder) as opened:
        yield opened


def run(folder: Path, *words: str) -> int:
    return main(["--dir", str(folder), "decisions", *words])


def lines_of(file: Path) -> Lines:
    return list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline="")))


def save(file: Path, lines: Lines, charset: str = "utf-8-sig") -> None:
    """As a spreadsheet saves it: with columns that nobody needs, too."""
    stream = io.StringIO(newline="")
    table = csv.DictWriter(stream, [*lines[0], "my own notes"])
    table.writeheader()
    table.writerows(lines)
    file.write_bytes(stream.getvalue().encode(charset, "replace"))


def filled(folder: Path, *, topic: str = "senders", **decisions: tuple[str, str]) -> tuple[Path, Lines]:
    """An export in which somebody has decided, by what stands under `what`."""
    file = folder / "sheet.csv"
    assert run(folder, "export", str(file), "--topic", topic) == 0
    lines = lines_of(file)
    for line in lines:
        line["decision"], line["reason"] = decisions.get(line["what"], ("", ""))
    return file, lines


@pytest.mark.parametrize("charset", ["utf-8-sig", "utf-8", "cp932"])
def test_only_what_was_filled_in_changes_anything(folder: Path, staging: Staging, charset: str) -> None:
    decide_stream(staging, CUSTOMER, Verdict.KEEP, by="root", why="a customer")
    file, lines = filled(folder, **{NEWS: ("留め置き", "営業と確認済み")})
    assert next(line for line in lines if line["what"] == CUSTOMER)["decided"] == "keep"
    save(file, lines, charset)
    assert run(folder, "import", str(file)) == 0
    found = {said.subject: (said.verdict, said.why) for said in senders_book(staging).in_force().values()}
    assert found == {
        Unit(CUSTOMER): ("keep", "a customer"),
        Unit(CUSTOMER, orders=True): ("keep", "a customer"),
        Unit(NEWS): ("park", "営業と確認済み"),
    }
    assert senders_book(staging).newest() == 3


def test_a_department_gets_only_what_concerns_nobody_else(folder: Path, staging: Staging) -> None:
    file = folder / "sheet.csv"
    for accounts, expected in (
        (["support"], {"support"}),
        (["s*"], {"sato", "suzuki", "support"}),
        (["sato", "suzuki"], {"sato", "suzuki"}),
    ):
        words = [word for each in accounts for word in ("--account", each)]
        assert run(folder, "export", str(file), "--topic", "accounts", *words) == 0
        assert {line["what"] for line in lines_of(file)} == expected
    assert run(folder, "export", str(file), "--account", "support") == 0
    assert NEWS not in {line["what"] for line in lines_of(file)}
    assert "weekly" not in file.read_text(encoding="utf-8-sig")
    run(folder, "export", str(file), "--topic", "accounts", "--account", "support")
    save(file, [line | {"decision": "right"} for line in lines_of(file)])
    assert run(folder, "import", str(file)) == 0
    assert len(rulings_book(staging, "accounts").in_force()) == 1


def test_what_is_in_force_already_is_not_written_again(folder: Path, staging: Staging) -> None:
    decide_stream(staging, NEWS, Verdict.PARK, by="root", why="agreed")
    file, lines = filled(folder, **{NEWS: ("park", "agreed")})
    save(file, lines)
    assert run(folder, "import", str(file)) == 0
    assert senders_book(staging).newest() == 1


@pytest.mark.parametrize("topic", [topic.name for topic in TOPICS if not topic.optional])
def test_every_topic_goes_out_and_comes_back(folder: Path, staging: Staging, topic: str) -> None:
    file = folder / "sheet.csv"
    assert run(folder, "export", str(file), "--topic", topic) == 0
    lines = lines_of(file)
    (word, *_) = next(each for each in TOPICS if each.name == topic).words
    for line in lines:
        line["decision"] = word.verdict
    save(file, lines)
    assert run(folder, "import", str(file)) == 0
    book = next(each for each in TOPICS if each.name == topic).book(staging)
    assert len(book.in_force()) == len(lines) > 0


def test_where_somebody_was_quicker_nothing_is_taken(
    folder: Path, staging: Staging, capsys: pytest.CaptureFixture[str]
) -> None:
    file, lines = filled(folder, **{NEWS: ("park", ""), CUSTOMER: ("keep", "")})
    save(file, lines)
    decide_stream(staging, NEWS, Verdict.PARK, by="suzuki", why="")
    assert run(folder, "import", str(file)) == 2
    assert "[sheet.overtaken]" in capsys.readouterr().err
    assert senders_book(staging).newest() == 1


def test_a_row_that_was_decided_meanwhile_and_left_empty_stops_nobody(folder: Path, staging: Staging) -> None:
    file, lines = filled(folder, **{CUSTOMER: ("keep", "")})
    save(file, lines)
    decide_stream(staging, NEWS, Verdict.PARK, by="suzuki", why="")
    assert run(folder, "import", str(file)) == 0
    assert senders_book(staging).newest() == 2


def test_a_ruling_holds_for_the_proposal_of_the_file(folder: Path, staging: Staging) -> None:
    file, lines = filled(folder, topic="accounts", suzuki=("WRONG", "suzuki.t@example.co.jp"))
    save(file, lines)
    (folder / "migration.toml").write_text(
        '[source]\nadapter = "memory"\nworld = "sheet"\n[accounts]\n"suzuki" = "suzuki.t@example.co.jp"\n'
    )
    assert run(folder, "import", str(file)) == 2
    file, lines = filled(folder, topic="accounts", suzuki=("right", ""))
    save(file, lines)
    assert run(folder, "import", str(file)) == 0
    (said,) = rulings_book(staging, "accounts").in_force().values()
    assert (said.verdict, said.about != "") == ("right", True)


def test_ids_and_digests_are_nothing_that_excel_takes_for_a_number(folder: Path) -> None:
    for topic in TOPICS:
        file = folder / "sheet.csv"
        run(folder, "export", str(file), "--topic", topic.name)
        for line in lines_of(file):
            assert re.fullmatch(f"[{topic.letters}][0-9a-f]{{12}}", line["id"])
            assert re.fullmatch("d[0-9a-f]{16}", line["digest"])


def one_row(title: str) -> Sheet:
    row = Row(id=row_id("s", "x"), subject="x", title=title, proposal="park", accepts="park", numbers=(1, 2.5, 1))
    return Sheet(SENDERS, (row,), 0)


@pytest.mark.parametrize("title", ["=1+1@shop.example", "+81", "-1", "@sum", "\tx", "\rx", "＝1", "plain"])
def test_a_cell_that_would_be_computed_is_text(tmp_path: Path, title: str) -> None:
    file = tmp_path / "sheet.csv"
    sheet = one_row(title)
    write(file, sheet, {}, lambda reasons: [])
    assert file.read_bytes().startswith(b"\xef\xbb\xbfid,what,")
    (line,) = lines_of(file)
    assert line["what"].startswith("'") is title.startswith(("=", "+", "-", "@", "\t", "\r"))
    line["decision"], line["reason"] = "park", "'=because"
    save(file, [line])
    _sheet, (decided,) = read(file, TOPICS, lambda topic: sheet)
    assert (decided.verdict, decided.why) == ("park", "=because")


@given(st.text(max_size=30))
def test_any_title_goes_out_in_one_line_that_nothing_computes(
    tmp_path_factory: pytest.TempPathFactory, title: str
) -> None:
    file = tmp_path_factory.mktemp("sheet") / "sheet.csv"
    write(file, one_row(title), {}, lambda reasons: [])
    (line,) = lines_of(file)
    assert not line["what"].startswith(("=", "+", "-", "@", "\t", "\r"))
    assert line["decision"] == ""


@pytest.mark.parametrize(
    ("word", "verdict"),
    [("park", "park"), ("PARK", "park"), ("留め置き", "park"), ("keep", "keep"), ("none", None), ("delete", None)],
)
def test_a_decision_may_be_written_as_the_page_calls_it_in_any_language(word: str, verdict: str | None) -> None:
    assert verdict_of(SENDERS, word) == verdict


def test_every_wrong_line_is_told_at_once(folder: Path, staging: Staging) -> None:
    file, lines = filled(folder, **{NEWS: ("park", ""), CUSTOMER: ("delete", "")})
    place = {line["what"]: number for number, line in enumerate(lines, 2)}
    lines += [line for line in lines if line["what"] == NEWS]
    lines += [{**lines[0], "id": "s000000000000", "decision": "keep"}]
    save(file, lines)
    told = refusal(file, staging)
    expected = [place[CUSTOMER], len(lines), len(lines) + 1]
    assert [int(number) for number in re.findall(r"line (\d+)", told)] == expected


def refusal(file: Path, staging: Staging) -> str:
    from tests.migrator.review.office import Office

    with pytest.raises(UsageError) as refused:
        read(file, TOPICS, Office(staging).desk.sheet)
    assert refused.value.reason.code == "sheet.wrong"
    return str(refused.value.reason.params["lines"])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(b"id,digest,verdict\r\na,b,c\r\n", "sheet.column-missing", id="another file"),
        pytest.param(b"", "sheet.column-missing", id="an empty file"),
        pytest.param(b"id,digest,decision,reason\r\n\x81\xff\xff,d,park,\r\n", "sheet.charset", id="no text"),
        pytest.param(b"id,digest,decision,reason\r\nz1,d,park,\r\n", "sheet.no-topic", id="no topic of ours"),
        pytest.param(b"id,digest,decision,reason\r\n", "sheet.no-topic", id="no row"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    file = tmp_path / "sheet.csv"
    file.write_bytes(content)
    with pytest.raises(UsageError) as refused:
        read(file, TOPICS, nobody)
    assert refused.value.reason.code == code


def nobody(topic: Topic) -> Sheet:
    raise AssertionError(topic)


def test_a_file_that_is_not_there_and_a_topic_that_is_none_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "import", str(folder / "none.csv")) == 2
    assert "[sheet.unreadable]" in capsys.readouterr().err
    assert run(folder, "export", str(folder / "x.csv"), "--topic", "nothing") == 2
    assert "[review.no-topic]" in capsys.readouterr().err
    assert run(folder, "export", str(folder / "none" / "x.csv")) == 2
    assert "[sheet.unwritable]" in capsys.readouterr().err


def test_spreadsheets_need_nothing_of_the_page(folder: Path) -> None:
    program = (
        "import sys; sys.modules.update(jinja2=None, starlette=None, uvicorn=None)\n"
        "from migrator.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    words = ["--dir", str(folder), "decisions", "export", str(folder / "a.csv"), "--topic", ACCOUNTS.name]
    assert subprocess.run([sys.executable, "-c", program, *words], check=False).returncode == 0
