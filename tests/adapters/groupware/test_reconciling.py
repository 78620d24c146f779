"""Index and files are held against each other, both ways, and every row and every file is told exactly once."""

import os
import tempfile
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.errors import AccountError, UsageError
from migrator.model import Account, DateSource, Folder, Item, NotMail, Unchanged, Unreadable
from migrator.testing import mail
from tests.adapters.groupware.builder import LegacyStore, counted, items, nothing, reasons, walk

BOX = ("box",)
AT = datetime(2009, 11, 2, 0, 15, 30, tzinfo=UTC)
NOBODY = Folder(Account(""), ())
SATO_BOX = Folder(Account("sato"), BOX)


@pytest.fixture
def store(tmp_path: Path) -> LegacyStore:
    """Two mails of sato's and one of suzuki's."""
    store = LegacyStore(tmp_path / "store")
    for number in range(2):
        store.add("sato", BOX, mail(f"n{number}"), frozenset(), AT)
    store.add("suzuki", BOX, mail("hers"), frozenset(), AT)
    return store


def look(store: LegacyStore) -> dict:
    """All that the source holds; its own census agrees."""
    with store.open() as source:
        found = walk(source)
        assert counted(source) == {
            folder: (len(all_), sum(_size(each) for each in all_)) for folder, all_ in found.items()
        }
        return found


def _size(each: object) -> int:
    return each.raw.size if isinstance(each, Item) else each.size  # type: ignore[attr-defined]


def faults(found: dict, folder: Folder) -> list[Unreadable]:
    return [each for each in found[folder] if isinstance(each, Unreadable)]


# -- both ways ---------------------------------------------------------------------------------------------------------


def test_a_row_without_a_file_is_a_fault_and_costs_no_neighbour(store: LegacyStore) -> None:
    (store.root / "data" / store.rows[0].folder / store.rows[0].file).unlink()
    found = look(store)
    (fault,) = faults(found, SATO_BOX)
    assert (fault.reason.code, fault.reason.params["path"]) == ("groupware.file-missing", "data/f0/1.eml")
    assert (fault.key, fault.path) == ("index:00001", "data/f0/1.eml")
    assert len(items(found)) == 2


def test_a_file_without_a_row_is_an_item_of_the_folder_in_whose_directory_it_lies(store: LegacyStore) -> None:
    store.file("data/f1/stray.eml", mail("stray"))
    hers = look(store)[Folder(Account("suzuki"), BOX)]
    stray = next(each for each in hers if each.key.startswith("file:"))
    assert isinstance(stray, Item)
    assert (stray.key, stray.path, stray.flags, stray.dates) == (
        "file:data/f1/stray.eml",
        "data/f1/stray.eml",
        frozenset(),
        (),
    )


def test_a_file_that_no_path_explains_belongs_to_nobody(store: LegacyStore) -> None:
    store.file("backup/old.eml", mail("old"))
    store.file("data/f99/x.eml", mail("unknown folder"))
    found = look(store)
    assert [each.key for each in found[NOBODY] if isinstance(each, Item)] == [
        "file:backup/old.eml",
        "file:data/f99/x.eml",
    ]


def test_a_file_that_gets_its_row_later_is_the_same_bytes_under_the_rows_key(store: LegacyStore) -> None:
    row = store.rows.pop(0)
    store.write()
    before = {each.raw.digest: each.key for each in items(look(store))}
    store.rows.append(row)
    store.write()
    after = {each.raw.digest: each.key for each in items(look(store))}
    assert before.keys() == after.keys()
    changed = {(before[digest], after[digest]) for digest in before if before[digest] != after[digest]}
    assert changed == {("file:data/f0/1.eml", "index:00001")}


def test_of_two_rows_that_name_one_file_the_second_is_a_fault_that_names_the_first(store: LegacyStore) -> None:
    store.rows[1].file = store.rows[0].file
    store.write()
    found = look(store)
    (fault,) = faults(found, SATO_BOX)
    assert fault.reason.code == "groupware.file-claimed-twice"
    assert (fault.key, fault.reason.params["first"]) == ("index:00002", "index:00001")
    assert "file:data/f0/2.eml" in [each.key for each in found[SATO_BOX]]


def test_rows_of_one_key_in_two_folders_are_not_taken_for_the_same_claim(store: LegacyStore) -> None:
    store.add("suzuki", BOX, mail("hers too"), frozenset(), AT)
    mine, hers = store.rows[:2], store.rows[2:]
    for first, second in (mine, hers):
        first.number, second.number, second.file = "1", "2", first.file
    store.write()
    keys = [
        (folder.account.name, each.key)
        for folder, all_ in look(store).items()
        for each in all_
        if isinstance(each, Unreadable)
    ]
    assert keys == [("sato", "index:2"), ("suzuki", "index:2")]


def test_where_the_mapping_says_so_each_row_that_names_a_file_is_a_copy_of_the_mail(store: LegacyStore) -> None:
    store.mapping = store.mapping.replace('type = "file",', 'type = "file", claimed_twice = "copy",')
    store.rows[1].file = store.rows[0].file
    store.write()
    keys = {each.key: each.raw.digest for each in items(look(store))}
    assert keys["index:00001"] == keys["index:00002"]


def test_rows_that_share_a_key_are_told_apart_and_none_is_lost(store: LegacyStore) -> None:
    store.rows[1].number = store.rows[0].number
    store.add("sato", BOX, mail("odd"), frozenset(), AT).number = "00001~2"
    store.write()
    found = look(store)
    assert {each.key for each in found[SATO_BOX]} == {"index:00001", "index:00001~2", "index:00001~~2"}
    assert len(items(found)) == 4


def test_a_row_of_an_unknown_folder_lies_in_the_accounts_unnamed_one(store: LegacyStore) -> None:
    store.file("data/f77/7.eml", mail("homeless"))
    store.extra = [b"00077\tu0\tf77\t7.eml\tR\t0"]
    store.write()
    (item,) = look(store)[Folder(Account("sato"), ())]
    assert isinstance(item, Item)
    assert item.flags == {"\\Seen"}


def test_a_row_of_an_unknown_account_belongs_to_nobody(store: LegacyStore) -> None:
    store.file("data/f77/7.eml", mail("homeless"))
    store.extra = [b"00077\tu99\tf77\t7.eml\t\t0"]
    store.write()
    assert "index:00077" in [each.key for each in look(store)[NOBODY] if isinstance(each, Item)]


def test_an_account_the_store_does_not_know_is_one_of_our_errors(store: LegacyStore) -> None:
    with store.open() as source, pytest.raises(AccountError):
        list(source.folders(Account("nobody-here")))


# -- paths -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["../../../etc/passwd", "/etc/passwd", "a/../../../../x", ".."])
def test_a_row_whose_path_climbs_is_a_fault_and_nothing_outside_is_read(store: LegacyStore, file: str) -> None:
    store.rows[0].file = file
    store.write()
    found = look(store)
    (fault,) = faults(found, SATO_BOX)
    assert fault.reason.code == "path.outside-root"
    assert "file:data/f0/1.eml" in [each.key for each in found[SATO_BOX]]


def test_a_link_that_leads_out_of_the_store_is_a_fault(store: LegacyStore, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(mail("secret"))
    (store.root / "data" / "f0" / "link.eml").symlink_to(tmp_path / "secret")
    (fault,) = faults(look(store), SATO_BOX)
    assert fault.reason.code == "file.outside"


def test_a_link_inside_the_store_is_the_rows_mail_or_else_no_second_copy(store: LegacyStore) -> None:
    (store.root / "data/f0/again.eml").symlink_to(store.root / "data/f0/1.eml")
    (store.root / "data/f0/named.eml").symlink_to(store.root / "data/f1/3.eml")
    store.extra = [b"00009\tu0\tf0\tnamed.eml\t\t0"]
    store.write()
    found = {each.key: each for each in look(store)[SATO_BOX]}
    assert isinstance(found["index:00009"], Item)
    assert isinstance(again := found["file:data/f0/again.eml"], NotMail)
    assert again.rule == "link"


def test_a_directory_that_is_a_link_is_a_fault_and_is_not_entered(store: LegacyStore, tmp_path: Path) -> None:
    (tmp_path / "disk2").mkdir()
    (tmp_path / "disk2" / "a.eml").write_bytes(mail("a"))
    (store.root / "data" / "f9").symlink_to(tmp_path / "disk2")
    (store.root / "data" / "loop").symlink_to(store.root)
    found = look(store)
    assert reasons(found) == ["groupware.linked-directory"] * 2
    assert len(items(found)) == 3


@contextmanager
def an_ordinary_user() -> Iterator[None]:
    """Root may enter every directory: then become nobody for a while."""
    was = os.geteuid()
    try:
        if was == 0:
            os.seteuid(65534)
        yield
    finally:
        os.seteuid(was)


def test_a_directory_that_is_closed_to_us_is_a_fault() -> None:
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        store = LegacyStore(Path(place) / "store")
        store.add("sato", BOX, mail("open"), frozenset(), AT)
        store.add("suzuki", BOX, mail("closed"), frozenset(), AT)
        with store.open():
            closed = store.root / "data" / "f1"
            closed.chmod(0)
            try:
                with an_ordinary_user():
                    found = look(store)
            finally:
                closed.chmod(0o700)
    assert reasons(found) == ["file.denied", "groupware.directory-closed"]
    assert len(items(found)) == 1


def test_a_file_name_in_another_charset_is_found_by_its_row(store: LegacyStore) -> None:
    store.mapping = f'paths = "cp932"\n{store.mapping}'
    name = "表示能力.eml"
    on_disk = store.root / "data/f0" / os.fsdecode(name.encode("cp932"))
    (store.root / "data/f0/1.eml").rename(on_disk)
    store.rows[0].file = name
    store.write()
    found = look(store)
    assert "index:00001" in [each.key for each in items(found)]
    assert not reasons(found)


def test_a_file_name_that_is_no_text_is_still_an_item_with_a_key_of_its_own(store: LegacyStore) -> None:
    for name in (b"\xff.eml", b"\xfe.eml", b"\\xff.eml"):
        (store.root / "data/f0" / os.fsdecode(name)).write_bytes(mail("odd"))
    keys = [each.key for each in look(store)[SATO_BOX] if each.key.startswith("file:")]
    assert len(set(keys)) == 3
    assert all(key.isprintable() for key in keys)


# -- what is no mail ---------------------------------------------------------------------------------------------------


def test_tables_locks_and_leftovers_are_no_mail_by_a_named_rule(store: LegacyStore) -> None:
    store.file("data/f0/x.LOCK", b"")
    store.file("tmp/half", b"From: ")
    found = look(store)
    rules = {each.key: each.rule for all_ in found.values() for each in all_ if isinstance(each, NotMail)}
    assert rules == {
        "file:users.tsv": "table",
        "file:folders.tsv": "table",
        "file:index.tsv": "table",
        "file:data/f0/x.LOCK": "lock",
        "file:tmp/half": "lock",
    }


def test_an_empty_file_is_a_fault(store: LegacyStore) -> None:
    store.file("data/f0/1.eml", b"")
    assert reasons(look(store)) == ["file.empty"]


# -- lines that are broken ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"00009\tu0\tf0\t9.eml", "groupware.line-width"),
        (b"00009\tu0\tf0\t9.eml\tR\t0\tmore", "groupware.line-width"),
        (b'00009\tu0\tf0\t"9.eml\tR\t0', "groupware.line-unquoted"),
        (b'00009\tu0\tf0\t"9".eml\tR\t0', "groupware.line-unquoted"),
        (b"00009\tu0\tf0\t\x839.eml\tR\t0", "groupware.cell-undecodable"),
        (b"0" * 2**20 + b"\tu0\tf0\t9.eml\tR\t0", "groupware.line-too-long"),
        (bytes(3000), "groupware.line-width"),
    ],
)
def test_a_broken_line_is_a_fault_with_its_number_and_its_file_still_an_item(
    store: LegacyStore, line: bytes, code: str
) -> None:
    store.file("data/f0/9.eml", mail("of the broken row"))
    store.file("data/f0/10.eml", mail("of the row after it"))
    store.extra = [line, b"00010\tu0\tf0\t10.eml\tR\t0"]
    store.write()
    found = look(store)
    (fault,) = faults(found, NOBODY)
    assert (fault.reason.code, fault.reason.params["file"], fault.reason.params["line"]) == (code, "index.tsv", 5)
    assert len(items(found)) == 5
    assert "index:00010" in [each.key for each in found[SATO_BOX]]


def test_a_broken_line_keeps_its_key_when_lines_come_before_it(store: LegacyStore) -> None:
    store.extra = [b"broken", b"broken", b"also broken"]
    store.write()
    before = [each.key for each in faults(look(store), NOBODY)]
    store.add("sato", BOX, mail("new"), frozenset(), AT)
    assert [each.key for each in faults(look(store), NOBODY)] == before
    assert len(set(before)) == 3


def test_a_column_nobody_declared_may_hold_any_bytes(store: LegacyStore) -> None:
    store.table("users.tsv", "uid\tlogin\tname", ["u0\tsato\t佐藤"], [b"u1\tsuzuki\t\x97\xe9"])
    assert not reasons(look(store))


def test_a_table_that_is_not_there_or_garbage_is_a_fault_and_its_files_are_still_items(store: LegacyStore) -> None:
    index = store.root / "index.tsv"
    for content, code in ((None, "file.missing"), (b"", "file.empty"), (b"\0\0\0\r\n", "groupware.table-strange")):
        index.unlink() if content is None else index.write_bytes(content)
        found = look(store)
        assert reasons(found) == [code]
        assert len(items(found)) == 3
        index.write_bytes(b"")


def test_a_missing_column_is_named_with_those_that_are_there(store: LegacyStore) -> None:
    path = store.root / "index.tsv"
    path.write_bytes(path.read_bytes().replace(b"marks", b"mark", 1))
    with store.open() as source, pytest.raises(UsageError) as caught:
        walk(source)
    reason = caught.value.reason
    assert reason.code == "groupware.column-missing"
    assert dict(reason.params) == {"file": "index.tsv", "column": "marks", "there": "no, uid, fid, file, mark, at"}


def test_a_column_that_is_there_twice_is_a_usage_error(store: LegacyStore) -> None:
    path = store.root / "index.tsv"
    path.write_bytes(path.read_bytes().replace(b"marks", b"at", 1).replace(b"\tfile", b"\tmarks\tfile", 1))
    with store.open() as source, pytest.raises(UsageError) as caught:
        walk(source)
    assert (caught.value.reason.code, caught.value.reason.params["column"]) == ("groupware.column-twice", "at")


# -- what rows say -----------------------------------------------------------------------------------------------------


def test_an_unknown_code_stops_the_run_and_all_of_them_are_named(store: LegacyStore) -> None:
    store.rows[0].marks, store.rows[2].marks = "RX", "Y"
    store.write()
    with store.open() as source, pytest.raises(UsageError) as caught:
        walk(source)
    reason = caught.value.reason
    assert reason.code == "groupware.codes-unknown"
    assert dict(reason.params) == {"column": "index.marks", "codes": "X, Y", "file": "index.tsv", "line": 2}


def test_where_the_mapping_says_so_a_row_with_an_unknown_code_is_a_fault_and_its_file_an_item(
    store: LegacyStore,
) -> None:
    store.mapping = store.mapping.replace('written = "letters"', 'written = "letters"\nunknown = "fault"')
    store.rows[0].marks = "RX"
    store.write()
    found = look(store)
    (fault,) = faults(found, NOBODY)
    assert (fault.reason.code, fault.reason.params["value"], fault.reason.params["line"]) == (
        "groupware.code-unknown",
        "X",
        2,
    )
    assert "file:data/f0/1.eml" in [each.key for each in found[SATO_BOX]]


def test_a_date_nobody_can_read_is_no_evidence_and_told_as_advice(store: LegacyStore) -> None:
    store.rows[0].at, store.rows[1].at = "yesterday", "0"
    store.write()
    with store.open() as source:
        dates = {each.key: each.dates for each in items(walk(source))}
        advice = [reason for reason in source.advice() if reason.code == "groupware.dates-odd"]
    assert dates["index:00001"] == dates["index:00002"] == ()
    assert [(each.source, each.at) for each in dates["index:00003"]] == [(DateSource.INDEX, AT)]
    assert dict(advice[0].params) == {"column": "index.received", "rows": 1, "file": "index.tsv", "line": 2}


def test_a_column_of_dates_none_of_which_can_be_read_is_the_mappings_mistake(store: LegacyStore) -> None:
    for number in range(12):
        store.add("sato", BOX, mail(f"d{number}"), frozenset(), AT)
    for row in store.rows:
        row.at = "2009/11/02"
    store.write()
    with store.open() as source, pytest.raises(UsageError) as caught:
        walk(source)
    assert caught.value.reason.code == "groupware.dates-unread"


def test_flags_change_no_stamp_but_a_new_date_does(store: LegacyStore) -> None:
    with store.open() as source:
        staged = {(each.key, each.stamp) for each in items(walk(source))}
    store.rows[0].marks = "RF"
    store.rows[1].at = str(int(AT.timestamp()) + 60)
    store.write()
    with store.open() as source:
        box = list(source.items(SATO_BOX, after=None, known=lambda key, stamp: (key, stamp) in staged))
    assert [type(each) for each in box] == [Unchanged, Item]
    assert isinstance(box[0], Unchanged)
    assert box[0].flags == {"\\Seen", "\\Flagged"}


def test_accounts_without_a_name_or_with_anothers_are_faults(store: LegacyStore) -> None:
    store.table("users.tsv", "uid\tlogin\tname", ["u0\tsato\t", "u1\tsuzuki\t", "u2\t\t", "u3\tsato\t", "u0\tito\t"])
    found = look(store)
    assert [folder.account.name for folder in found] == ["sato", "suzuki", ""]
    assert reasons(found) == ["groupware.account-unnamed", "groupware.row-twice", "groupware.row-twice"]


def test_code_tables_that_nobody_signed_are_told_as_advice(store: LegacyStore) -> None:
    with store.open() as source:
        assert "index.marks" in [each.params.get("column") for each in source.advice()]
    store.mapping += '[provenance]\n"index.marks" = "2026-10-02 sato: compared with the screen"\n'
    with store.open() as source:
        assert not list(source.advice())


# -- all at once -------------------------------------------------------------------------------------------------------

row_files = st.sampled_from(["a", "b", "c", "sub/d", "gone", "../a", "", "x.lock"])
rows = st.tuples(
    st.sampled_from(["1", "2", "3", "~2"]),
    st.sampled_from(["u0", "u1", "u9"]),
    st.sampled_from(["f0", "f1", "f9"]),
    row_files,
    st.sampled_from(["", "R", "RA"]),
    st.sampled_from(["", "1257120930", "soon"]),
)
broken = st.sampled_from([b"broken", b'1\tu0\t"f0', b"\xff\tu0\tf0\ta\t\t", b'"\r\n"', b"\t\t\t\t\t"])
files = st.sets(
    st.sampled_from(
        [f"data/{box}/{name}" for box in ("f0", "f1", "f9") for name in ("a", "b", "sub/d", "x.lock")] + ["a.eml"]
    )
)


@given(lines=st.lists(st.one_of(rows.map(lambda row: "\t".join(row).encode()), broken), max_size=12), files=files)
def test_every_row_and_every_file_is_told_exactly_once(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], files: set[str]
) -> None:
    store = LegacyStore(tmp_path_factory.mktemp("any") / "store")
    store.make("sato", BOX)
    store.make("suzuki", BOX)
    for path in files:
        store.file(path, path.encode())
    store.extra = lines
    store.write()
    found = look(store)
    told = Counter((folder, each.key) for folder, all_ in found.items() for each in all_)
    assert set(told.values()) <= {1}
    bytes_told = {each.raw.read().decode() for each in items(found)}
    locks = {path for path in files if path.endswith(".lock")}
    assert files - locks <= bytes_told | {_named(each) for all_ in found.values() for each in all_}
    rows_told = sum(each.key.startswith(("index:", "row:")) for all_ in found.values() for each in all_)
    assert rows_told == sum(_rows_in(lines))


def _named(each: object) -> str:
    return str(getattr(each, "path", ""))


def _rows_in(lines: list[bytes]) -> list[int]:
    """How many rows each line is: the one that holds a line end is two, unless the quotes around it make it one."""
    return [2 if line == b'"\r\n"' else 1 for line in lines]


def test_memory_does_not_grow_with_the_folder(tmp_path: Path) -> None:
    store = LegacyStore(tmp_path / "store")
    store.make("sato", BOX)

    def peak(count: int) -> int:
        store.extra = [f"{number:08d}\tu0\tf0\t{number}.eml\tR\t1257120930".encode() for number in range(count)]
        store.write()
        tracemalloc.start()
        with store.open() as source:
            assert sum(1 for _ in source.items(SATO_BOX, after=None, known=nothing)) == count
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(10)  # what is made once
    small, large = peak(200), peak(2_200)
    index = (store.root / "index.tsv").stat().st_size
    assert large - small < 3 * index, "more is kept than the index file, which is read whole up to 8 MB"
