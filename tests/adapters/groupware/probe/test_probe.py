"""probe explains what it reads, says what it does not know, and proposes mappings it has never seen."""

import bz2
import gzip
import io
import json
import lzma
import os
import sqlite3
import zipfile
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.groupware import checks
from adapters.groupware.mapping import StoreMapping
from adapters.groupware.probe import forms, probe, sight
from adapters.groupware.probe.sight import look
from adapters.groupware.values import Code, Date, Flags
from migrator.cli import main
from migrator.demo.store import build as demo_store
from migrator.model import Raw
from tests.adapters.files.layouts import snapshot
from tests.adapters.groupware.probe.correspondence import correspondence
from tests.adapters.groupware.probe.drawn import Drawn
from tests.adapters.groupware.probe.reading import answered, explained, mails, proposed
from tests.adapters.groupware.probe.stores import STORES


def facts(mapping: StoreMapping) -> dict[str, Any]:
    """A mapping, flat, with the names that its own author gave replaced by those of the store: key -> value."""
    index = mapping.messages[0].table
    names = {mapping.accounts.table: "users", mapping.folders.table: "folders", index: "index"}
    found: dict[str, Any] = {"paths": mapping.paths}
    for table, ours in names.items():
        rows, columns = mapping.tables[table].rows, mapping.tables[table].columns
        found |= {
            f"{ours}.{key}": getattr(rows, key, None) for key in ("type", "charset", "delimiter", "written", "table")
        }
        found[f"{ours}.path"] = rows.path.replace(f"{{{mapping.accounts.table}.", "{")
        found[f"{ours}.key"] = tuple(
            columns[key].column if key in columns else key for key in mapping.tables[table].key
        )
        for key, column in columns.items():
            found[f"{ours}.{key}"] = column.column
            found |= _read(f"{ours}.{key}", column.read)
    path = mapping.messages[0].container.path
    found["messages.path"] = path.replace(f"{{{mapping.accounts.table}.", "{").replace(
        f"{mapping.folders.table}.id", "folder"
    )
    found |= {f"not_mail.{each}": True for patterns in mapping.not_mail.values() for each in patterns}
    return {key: value for key, value in found.items() if value is not None}


def _read(key: str, read: object) -> dict[str, Any]:
    match read:
        case Code(map=codes):
            return {f"{key}.{code}": meant for code, meant in codes.items()}
        case Flags(map=codes, written=written):
            return {f"{key}.written": written} | {f"{key}.{code}": meant for code, meant in codes.items()}
        case Date(format=form, pattern=pattern, zone=zone) if form == "strptime":
            return {f"{key}.format": form, f"{key}.pattern": pattern, f"{key}.zone": zone}
        case Date(format=form):
            return {f"{key}.format": form}
        case _:
            return {}


def right(ours: dict[str, Any], true: dict[str, Any]) -> float:
    """The share of the true mapping's lines that are proposed."""
    return sum(ours.get(key) == value for key, value in true.items()) / len(true)


@pytest.mark.parametrize("seed", range(20))
def test_of_a_store_nobody_has_seen_most_is_found(seed: int, tmp_path: Path) -> None:
    store = Drawn(tmp_path / "store", Random(seed))
    store.build()
    found = probe(store.root)
    assert explained(found) >= 0.9
    ours = facts(proposed(found, tmp_path))
    assert right(ours, store.facts) >= 0.7, {key: (ours.get(key), true) for key, true in store.facts.items()}
    assert not {key for key, true in store.facts.items() if ours.get(key, true) != true}  # missing, but never wrong
    assert {key for key in ours if key.startswith(("index.marks.", "folders.kind."))} <= {*store.facts}
    read = mails(answered(found, tmp_path), store.root)
    assert all(account and folder for account, folder, _ in read)
    assert read.total() == sum(each.files for each in found.tracts if each.kind == "mail")


MAIL = b"From: a@example.com\r\nTo: b@example.com\r\nDate: Mon, 2 Jan 2012 03:04:05 +0900\r\nSubject: x\r\n\r\nbody\r\n"
TABLE = '番号,氏名,日付\r\n1,佐藤,2012\r\n2,"鈴木, 一郎",2013\r\n'.encode("cp932")


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.eml", MAIL * 20)
    return out.getvalue()


def database(folder: Path) -> bytes:
    path = folder / "made.db"
    made = sqlite3.connect(path)
    made.execute("create table mails (id integer, file text)")
    made.execute("insert into mails values (1, 'a.eml')")
    made.commit()
    made.close()
    return path.read_bytes()


def dbase() -> bytes:
    fields = b"ID".ljust(11, b"\0") + b"C" + bytes(4) + bytes([4, 0]) + bytes(14)
    head = bytes([3, 112, 1, 1]) + (2).to_bytes(4, "little") + (65).to_bytes(2, "little") + (5).to_bytes(2, "little")
    return head + bytes(20) + fields + b"\r" + b" 0001 0002\x1a"


KINDS = {
    "a.eml": ("mail", MAIL),
    "box": ("mbox", b"From a@example.com Mon Jan  2 03:04:05 2012\n" + MAIL.replace(b"\r", b"") + b"\n"),
    "users.csv": ("csv", TABLE),
    "users.dbf": ("dbf", dbase()),
    "a.zip": ("zip", zipped()),
    "a.gz": ("mail", gzip.compress(MAIL)),
    "a.bz2": ("mail", bz2.compress(MAIL)),
    "a.xz": ("mail", lzma.compress(MAIL)),
    "t.gz": ("gzip", gzip.compress(TABLE)),
    "t.bz2": ("bzip2", bz2.compress((MAIL + b".\r\n") * 3)),
    "t.xz": ("xz", lzma.compress(b"")),
    "a.json": ("json", json.dumps([{"id": 1}, {"id": 2}]).encode()),
    "lines": ("json", b'{"id": 1}\n{"id": 2}\n'),
    "a.ini": ("ini", b"[sato]\r\nmail = sato@example.co.jp\r\n; a remark\r\n"),
    "a.xml": ("xml", b"<?xml version='1.0'?><mails><mail id='1'/></mails>"),
    "a.sql": ("sqldump", b"CREATE TABLE `m` (`a` int, `b` text);\nINSERT INTO `m` VALUES (1,'x;\\'y');\n-- end\n"),
    "1.bmf": ("mbox-dots", (MAIL + b".\r\n") * 3),
    "HEAD.DAT": ("records", b"".join(b"HEAD" + len(MAIL).to_bytes(4, "little") + MAIL for _ in range(3))),
    "big-16": ("records", b"".join(len(MAIL).to_bytes(2, "big") + MAIL for _ in range(4))),
    "uid.dat": ("fetched", b"0000001a4b\n0000001a4c\n"),
    "rc": ("settings", b"# ours\nlanguage=ja\nsort.order = date\n"),
    ".forward": ("not-migrated", b"sato@example.com\n"),
    "book": ("not-migrated", b"BEGIN:VCARD\r\nEND:VCARD\r\n"),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_file_is_told_by_its_bytes_and_wholly_explained(name: str) -> None:
    kind, data = KINDS[name]
    sight = look(name, Raw.of(data))
    assert (sight.kind, sight.explained) == (kind, len(data))


def test_a_database_is_told_too(tmp_path: Path) -> None:
    data = database(tmp_path)
    assert look("x", Raw.of(data))[:2] == ("sqlite", len(data))
    assert look("x", Raw.of(data[:-100])).explained == 0


@pytest.mark.parametrize("name", ["a.zip", "a.gz", "a.bz2", "a.xz"])
def test_an_archive_with_one_wrong_byte_explains_nothing(name: str) -> None:
    data = bytearray(KINDS[name][1])
    data[len(data) // 2 - 10] ^= 0xFF
    assert look(name, Raw.of(bytes(data))).explained == 0


def test_an_index_beside_an_mbox_and_a_detached_file_are_believed_by_what_the_mails_say(tmp_path: Path) -> None:
    STORES["eudora"](tmp_path)
    table, attached = tmp_path / "ito/In.toc", min((tmp_path / "ito/Attach").iterdir())
    table.write_bytes(bytes(byte ^ 0x55 for byte in table.read_bytes()))
    attached.rename(attached.with_name("other.dwg"))
    assert {"ito/In.toc", "ito/Attach/other.dwg"} == {*probe(tmp_path).unknown}


def test_what_lies_in_a_packed_file_is_believed_where_it_is_one_mail(tmp_path: Path) -> None:
    STORES["packed"](tmp_path)
    broken = min(tmp_path.rglob("*.gz"))
    data = bytearray(broken.read_bytes())
    data[-6] ^= 1
    broken.write_bytes(data)
    kinds = {each.kind: each for each in probe(tmp_path).tracts if each.directory == "data/ito"}
    assert (kinds["gzip"].files, kinds["gzip"].explained) == (1, 0)


@pytest.mark.parametrize("name", ["HEAD.DAT", "big-16"])
def test_records_explain_what_goes_on_from_one_to_the_next_and_no_more(name: str) -> None:
    data = KINDS[name][1]
    assert look("x", Raw.of(data + b"\xff" * 20)).explained == len(data)
    assert look("x", Raw.of(b"\xff" * 300 + data)).explained == 0


@pytest.mark.parametrize("window", [1, 7, 100, 2**24])
@pytest.mark.parametrize("behind", [b"", b"\n", b"-- that's all; really", b"\n-- it's the end;\n/* ' */"])
def test_a_dump_is_explained_however_little_of_it_is_seen_together(
    window: int, behind: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sight, "WINDOW", window)
    begin = KINDS["a.sql"][1] + b"INSERT INTO `n` VALUES (1,'a\nb;\n''c');" + behind
    told = look("x", Raw.of(begin))
    assert (told.kind, told.explained) == ("sqldump", len(begin))
    assert told.form is not None
    assert [getattr(form, "table", "") for form, _ in forms.forms(Raw.of(begin), told.form, ())][:1] == ["m"]
    cut = begin + b"\nINSERT INTO `n` VALUES ('"
    assert look("x", Raw.of(cut)).explained <= len(begin) + 1


def test_a_dump_that_is_too_large_to_be_seen_whole_is_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sight, "WHOLE", 2**20)
    monkeypatch.setattr(sight, "WINDOW", 2**18)
    STORES["aipo-mysql"](tmp_path / "small")
    dump = (tmp_path / "small/org001.sql").read_bytes()
    STORES["aipo-mysql"](tmp_path / "large")
    with (tmp_path / "large/org001.sql").open("wb") as file:
        file.write(b"CREATE TABLE `eip_t_file` (\n  `id` int,\n  `data` longblob\n);\n")
        for number in range(30):
            file.write(b"INSERT INTO `eip_t_file` VALUES (%d,'%s');\n" % (number, b"abc;\n\\'de" * 10_500))
        file.write(dump)
    small, large = probe(tmp_path / "small"), probe(tmp_path / "large")
    assert large.mapping == small.mapping
    assert explained(large) == explained(small) == 1


def test_a_mail_with_a_lone_dot_in_its_text_is_one_mail() -> None:
    assert look("x", Raw.of(MAIL + b".\r\nmore text\r\n"))[:2] == ("mail", len(MAIL) + 14)


def test_lines_that_are_no_rows_are_not_explained() -> None:
    rows = b"".join(b"%d,%d,x\r\n" % (n, n * n) for n in range(40))
    broken = b"only one cell\r\n"
    assert look("t", Raw.of(rows + broken)).explained == len(rows)


@given(
    st.sampled_from([b"", *(data for _, data in KINDS.values())]),
    st.binary(max_size=200),
    st.sampled_from(["x", "a.csv", "a.dbf"]),
)
def test_of_no_file_is_more_explained_than_there_is(begin: bytes, rest: bytes, name: str) -> None:
    sight = look(name, Raw.of(begin + rest))
    assert 0 <= sight.explained <= len(begin + rest)


def test_what_nobody_reads_is_shown_as_unknown(tmp_path: Path) -> None:
    demo_store(tmp_path / "store")
    before = explained(probe(tmp_path / "store"))
    odd = {
        "noise": Random(1).randbytes(90_000),
        "user/sato/0001/prose.txt": b"Nobody knows, what this is.\nIt is no table\n" * 200,
        "user/sato/index.odb": b"ODB2" + bytes(range(256)) * 200,
    }
    for path, data in odd.items():
        (tmp_path / "store" / path).write_bytes(data)
    found = probe(tmp_path / "store")
    assert {*odd} <= {*found.unknown}
    assert explained(found) < before
    assert sum(each.size - each.explained for each in found.tracts) >= sum(map(len, odd.values()))


def test_no_link_is_followed_and_nothing_is_written(tmp_path: Path) -> None:
    root = tmp_path / "store"
    demo_store(root)
    (tmp_path / "secret.eml").write_bytes(MAIL)
    (root / "user" / "sato" / "out.eml").symlink_to(tmp_path / "secret.eml")
    (root / "user" / "sato" / "loop").symlink_to(root / "user")
    before = snapshot(root)
    links = [each for each in probe(root).tracts if each.kind == "link"]
    assert [(each.directory, each.files, each.size) for each in links] == [("user/sato", 1, 0)]
    assert snapshot(root) == before


@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_is_shown_is_safe_on_a_terminal(language: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "store"
    demo_store(root)
    for name in (b"a\x1b[31m\n.eml", b"\x8a\xbf\x8e\x9a.eml", "‮evil.bin".encode()):
        Path(os.fsdecode(os.fsencode(root) + b"/user/sato/0001/" + name)).write_bytes(b"\0\1" + MAIL)
    assert main(["--lang", language, "probe", str(root)]) == 0
    shown = capsys.readouterr().out
    assert not {*"\x1b\r\x00\u202e"} & {*shown}
    assert "\\x1b[31m" in shown


def test_the_proposal_is_written_where_it_overwrites_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out = tmp_path / "store", tmp_path / "ours.toml"
    demo_store(root)
    assert main(["probe", str(root), "--out", str(root / "ours.toml")]) == 2
    assert main(["probe", str(root), "--out", str(out)]) == 0
    written = out.read_bytes()
    assert checks.read(out).name == "probed"
    assert main(["probe", str(root), "--out", str(out)]) == 2
    assert out.read_bytes() == written
    assert not (root / "ours.toml").exists()
    capsys.readouterr()


def test_a_store_without_any_table_gets_a_question_and_no_mapping(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(MAIL)
    found = probe(tmp_path)
    assert [each.code for each in found.questions] == ["probe.no-index"]
    assert not found.mapping


@pytest.mark.parametrize("form", ["{account}/{folder}/{number}.eml", "home/{account}/Mail/{folder}.mbx"])
def test_a_store_without_any_table_is_told_by_whose_name_its_mails_bear(form: str, tmp_path: Path) -> None:
    root, wanted = tmp_path / "store", Counter[tuple[str, tuple[str, ...]]]()
    for number, each in enumerate(correspondence()):
        folder = str(each.folder)
        path = root / form.format(account=each.account, folder=folder, number=number)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            line = b"From a@example.com Mon Jan  2 03:04:05 2012\n"
            file.write(each.raw if path.suffix == ".eml" else line + each.raw.replace(b"\r", b"") + b"\n")
        wanted[each.account, (folder,)] += 1
    read = Counter((account, folder) for account, folder, _ in mails(answered(probe(root), tmp_path), root).elements())
    assert read == wanted


def test_of_maildirs_it_is_said_that_an_adapter_reads_them(tmp_path: Path) -> None:
    for number, each in enumerate(correspondence()):
        path = tmp_path / each.account / "cur" / f"{number}.host:2,S"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(each.raw)
    found = probe(tmp_path)
    assert [each.code for each in found.questions] == ["probe.no-index"]
    assert not found.mapping
