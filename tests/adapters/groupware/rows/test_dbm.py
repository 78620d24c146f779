"""DBM files: what their own libraries wrote comes out equal, and damage costs what it hit and no more."""

import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.groupware.rows import gdbm as layout
from adapters.groupware.rows.dbm import Dbm
from adapters.groupware.rows.shape import File, NoTable, Wanted
from migrator.model import Raw
from tests.adapters.groupware.dbms import Pairs, berkeley, gdbm, perls_own
from tests.adapters.groupware.rows.reading import Told, numbered, rows

FORM = Dbm(type="dbm", path="index.db")
RAW = ("key", "value")

Make = Callable[[Path, Pairs], Path]
KINDS: dict[str, Make] = {
    "gdbm": gdbm,
    "gdbm, small blocks": lambda path, pairs: gdbm(path, pairs, "--block-size=512"),
    "gdbm, crash tolerant": lambda path, pairs: gdbm(path, pairs, "--extended"),
    "hash": berkeley,
    "hash, small pages": lambda path, pairs: berkeley(path, pairs, "db_pagesize=512"),
    "hash, of another machine": lambda path, pairs: berkeley(path, pairs, "db_lorder=4321"),
    "btree": partial(berkeley, kind="btree"),
    "btree, small pages with sums": lambda path, pairs: berkeley(
        path, pairs, "db_pagesize=512", "chksum=1", kind="btree"
    ),
}
MANY = [(b"k%d" % number, b"v" * number) for number in range(200)] + [(b"long", b"x" * 70_000), (b"n", b"")]


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest) -> Make:
    return KINDS[request.param]


def written(make: Make, pairs: Pairs) -> bytes:
    with TemporaryDirectory() as folder:
        return make(Path(folder) / "index", pairs).read_bytes()


def read(data: bytes) -> list[Told]:
    return rows(FORM, data, *RAW, raw=RAW)


def pairs_of(told: list[Told]) -> list[tuple[object, ...]]:
    return sorted(tuple(each) for each in told if not isinstance(each, str))


PART = st.binary(max_size=40) | st.binary(min_size=1, max_size=20).map(lambda part: part * 300)


@given(kind=st.sampled_from([*KINDS]), pairs=st.dictionaries(PART, PART, max_size=12))
def test_pairs_come_out_as_they_were_written(kind: str, pairs: dict[bytes, bytes]) -> None:
    assert pairs_of(read(written(KINDS[kind], pairs.items()))) == sorted(pairs.items())


def test_many_pairs_come_out(make: Make) -> None:
    assert pairs_of(read(written(make, MANY))) == sorted(MANY)


def test_what_perl_takes_by_itself_comes_out() -> None:
    pairs = [(b"<%d@x>" % number, b"\n".join([b"%d" % number] * 13)) for number in range(50)]
    assert pairs_of(read(written(perls_own, pairs))) == sorted(pairs)


@pytest.mark.parametrize("kind", ["hash", "btree"])
def test_several_values_of_one_key_are_a_row_each(kind: str) -> None:
    pairs = [(b"k", b"%d" % number) for number in range(5)] + [(b"m", b"x")]
    data = written(lambda path, pairs: berkeley(path, pairs, "duplicates=1", kind=kind), pairs)
    assert pairs_of(read(data)) == sorted(pairs)


def test_values_that_lie_in_a_tree_of_their_own_are_told_and_cost_the_others_nothing() -> None:
    pairs = [(b"k", b"%d" % number) for number in range(3000)] + [(b"m", b"x")]
    data = written(lambda path, pairs: berkeley(path, pairs, "duplicates=1", kind="btree"), pairs)
    assert read(data) == [[b"m", b"x"], "groupware.pair-lost"]


def wide_at_multiples_of_four(pairs: list[tuple[bytes, bytes]]) -> bytes:
    """As a GDBM of a 32-bit machine with long file offsets lays it out."""
    return _by_hand(pairs, 0x13579ACE, "<", "q", 84, "i4sqii", 80)


def narrow(pairs: list[tuple[bytes, bytes]]) -> bytes:
    """As a GDBM of a 32-bit machine lays it out, one with the highest byte first."""
    return _by_hand(pairs, 0x13579ACD, ">", "i", 60, "i4siii", 56)


def _by_hand(
    pairs: list[tuple[bytes, bytes]], magic: int, order: str, address: str, begin: int, element: str, count: int
) -> bytes:
    size = struct.calcsize(order + element)
    room, bucket = (512 - begin) // size, bytearray(512)
    struct.pack_into(f"{order}i", bucket, count, len(pairs))
    data, at = b"", 1536
    for number in range(room):
        key, value = pairs[number] if number < len(pairs) else (b"", b"")
        used = 1 if number < len(pairs) else layout.UNUSED
        small = key[:4].ljust(4, b"\0")
        struct.pack_into(
            order + element, bucket, begin + number * size, used, small, at + len(data), len(key), len(value)
        )
        data += key + value
    head = struct.pack(f"{order}Ii{address}iiii", magic, 512, 512, 512, 6, 512, room)
    directory = struct.pack(f"{order}{address}", 1024) * (512 // struct.calcsize(order + address))
    return head.ljust(512, b"\0") + directory + bytes(bucket) + data


@pytest.mark.parametrize("lay", [wide_at_multiples_of_four, narrow])
def test_files_of_other_machines_are_read(lay: Callable[[list[tuple[bytes, bytes]]], bytes]) -> None:
    pairs = [(b"key", b"value"), (b"k2", b""), (b"k", b"v" * 900)]
    assert pairs_of(read(lay(pairs))) == sorted(pairs)


def test_a_value_is_parted_into_columns_and_other_keys_are_no_rows() -> None:
    pairs = [(b"<a@x>", b"7\n\x8c\x8f\nRO\n"), (b"<b@x>", b"8\nb\n\n"), (b"METAINFO", b"mtime=1 size=2")]
    form = FORM.model_copy(
        update={"separator": "\n", "names": ("at", "subject", "status"), "skip": ("METAINFO",), "charset": "cp932"}
    )
    assert sorted(rows(form, written(gdbm, pairs))) == [["<a@x>", "7", "件", "RO"], ["<b@x>", "8", "b", ""]]


@pytest.mark.parametrize("separator", ["@@@", "\0"])
def test_a_value_with_too_few_columns_is_told_and_a_nul_at_the_end_is_none(separator: str) -> None:
    pairs = [(b"a\0", separator.join("xy").encode() + b"\0"), (b"b", b"x")]
    form = FORM.model_copy(update={"separator": separator, "names": ("one", "two")})
    found = rows(form, written(berkeley, pairs))
    assert ["a", "x", "y"] in found
    assert "groupware.line-width" in found


SMALL = [(b"k%d" % number, b"v" * number * 60) for number in range(12)]


def test_a_file_cut_at_any_byte_gives_what_is_left_of_it_and_nothing_else(make: Make) -> None:
    data = written(make, SMALL)
    for end in range(0, len(data), 1 if len(data) < 2**15 else 7):
        try:
            told = read(data[:end])
        except NoTable as none:
            assert none.reason.code == "groupware.dbm-strange"  # noqa: PT017 - either is right
            continue
        assert {*pairs_of(told)} <= {*SMALL}
        assert len(pairs_of(told)) == len(SMALL) or any(isinstance(each, str) for each in told)


@given(
    kind=st.sampled_from([*KINDS]),
    at=st.integers(0, 2**14),
    odd=st.integers(0, 2**32 - 1),
    width=st.sampled_from("BHI"),
)
def test_a_number_that_lies_crashes_nothing_and_never_more_comes_out_than_is_there(
    kind: str, at: int, odd: int, width: str
) -> None:
    data = bytearray(written(KINDS[kind], SMALL))
    size = struct.calcsize(width)
    struct.pack_into(width, data, at % (len(data) - size), odd & (1 << 8 * size) - 1)
    try:
        told = read(bytes(data))
    except NoTable:
        return
    assert sum(len(part) for pair in pairs_of(told) for part in pair if isinstance(part, bytes)) <= 3 * len(data)


def test_a_directory_whose_buckets_lie_on_top_of_each_other_comes_to_an_end() -> None:
    data = bytearray(narrow([(b"key", b"v" * 200)] * 22))
    for number in range(128):
        struct.pack_into(">i", data, 512 + 4 * number, 1024 - number // 120)
    found = [told for _, told in numbered(FORM, bytes(data), *RAW, raw=RAW)]
    assert found[-1] == "groupware.pair-lost"
    assert len(found) < 100


def test_a_chain_that_leads_back_comes_to_an_end() -> None:
    data = bytearray(written(lambda path, pairs: berkeley(path, pairs, "db_pagesize=512"), [(b"k", b"x" * 5000)]))
    overflow = next(at for at in range(0, len(data), 512) if data[at + 25] == 7)
    struct.pack_into("<I", data, overflow + 16, overflow // 512)
    assert read(bytes(data)) == ["groupware.pair-lost"] or len(read(bytes(data))[0][1]) <= len(data)


@pytest.mark.parametrize("data", [b"x", bytes(72), b"\xce\x9aW\x13" + bytes(60), b"\xce\x9aW\x13" + b"\xff" * 600])
def test_what_is_no_dbm_is_told_as_such(data: bytes) -> None:
    with pytest.raises(NoTable) as caught, FORM.open(File("index.db", Raw.of(data)), Wanted(())) as lines:
        list(lines.rows)
    assert caught.value.reason.code == "groupware.dbm-strange"
