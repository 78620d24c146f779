"""What is no mail is taken out byte for byte, below a new directory and nowhere else."""

import hashlib
import json
from pathlib import Path

import pytest

from migrator.cli import main
from migrator.errors import UsageError
from migrator.model import Account, Folder, Raw
from migrator.ports import LeftOut
from migrator.steps.take_out import LIST, take_out
from tests.adapters.groupware.builder import snapshot
from tests.adapters.groupware.examples import eudora

SETTINGS = '[source]\nadapter = "{adapter}"\nroot = "old"\n'


def left(path: str, data: bytes = b"x", rule: str = "rules") -> LeftOut:
    return LeftOut(folder=Folder(Account("sato"), ()), path=path, rule=rule, raw=Raw.of(data))


def run(folder: Path, *words: str) -> int:
    return main(["--dir", str(folder), *words])


def test_what_the_mapping_names_is_taken_out_and_listed_and_the_source_stays(tmp_path: Path) -> None:
    eudora(tmp_path / "old")
    (tmp_path / "migration.toml").write_text(SETTINGS.format(adapter="groupware") + 'mapping = "eudora"\n', "utf-8")
    before = snapshot(tmp_path / "old")
    assert run(tmp_path, "list", "--not-mail", "--out", str(tmp_path / "out")) == 0
    assert (tmp_path / "out/attachment/sato/Attach/見積.xls").read_bytes() == b"\xd0\xcf\x11\xe0"
    lines = [json.loads(line) for line in (tmp_path / "out" / LIST).read_text("utf-8").splitlines()]
    assert sorted(line["rule"] for line in lines) == [
        *("address-book", "address-book", "attachment", "index", "index", "rules", "signatures")
    ]
    for line in lines:
        data = (tmp_path / "out" / line["file"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (line["bytes"], line["sha256"])
    assert snapshot(tmp_path / "old") == before
    assert not [path for path in (tmp_path / "out").rglob("*") if path.stat().st_mode & 0o077]


def test_nothing_is_ever_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"")
    with pytest.raises(UsageError) as caught:
        take_out(iter([left("a")]), tmp_path)
    assert caught.value.reason.code == "export.not-empty"


@pytest.mark.parametrize(
    "path", ["../../up", "/etc/up", "a/../../up", "..", "a\0b", "x" * 5000, "a:b*?", "日本/語" * 200, "\udc81"]
)
def test_no_name_leads_out_of_the_directory_or_is_too_much_for_it(path: str, tmp_path: Path) -> None:
    assert take_out(iter([left(path, b"1"), left(path, b"2")]), tmp_path / "out") == (2, 2)
    written = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert {each.read_bytes() for each in written if each.name != LIST} == {b"1", b"2"}
    assert all(each.is_relative_to(tmp_path / "out") for each in written)


def test_a_source_without_a_mapping_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "migration.toml").write_text(SETTINGS.format(adapter="eml"), "utf-8")
    assert run(tmp_path, "list", "--not-mail", "--out", str(tmp_path / "out")) == 2
    assert "export.nothing" in capsys.readouterr().err
    assert run(tmp_path, "list", "--out", str(tmp_path / "out")) == 2
    assert "export.only-not-mail" in capsys.readouterr().err


def test_the_list_itself_can_lie_among_what_is_taken_out(tmp_path: Path) -> None:
    take_out(iter([left(LIST, b"theirs", rule="r")]), tmp_path)
    assert (tmp_path / "r" / LIST).read_bytes() == b"theirs"
