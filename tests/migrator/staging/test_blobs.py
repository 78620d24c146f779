"""Raw bytes: kept once, given back exactly, and missed when they are gone."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from migrator.model import Raw
from migrator.staging import blobs, tables
from migrator.staging.blobs import Pieces, compress
from migrator.staging.doctor import examine
from migrator.staging.store import Staging
from tests.servers.stagings import Opener


@pytest.fixture(params=["database", "packs"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Staging]:
    with Staging.open("sqlite:///staging.db", folder=tmp_path, blobs=request.param) as staging:
        yield staging


def put(staging: Staging, *raws: Raw) -> None:
    pieces = [Pieces.of(raw) for raw in raws]
    with staging.writing() as connection:
        missing = staging.blobs.missing(connection, pieces)
        bodies = {piece.body_digest: compress(piece.body) for piece in missing if piece.body is not None}
        staging.blobs.put(connection, 1, pieces, bodies)


def get(staging: Staging, raw: Raw) -> Raw:
    with staging.reading() as connection:
        return staging.blobs.raws(connection, [raw.digest])[raw.digest]


@given(data=st.binary(max_size=300) | st.text(alphabet="a:\r\n ", max_size=60).map(str.encode))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_bytes_come_back_exactly(kept: Staging, data: bytes) -> None:
    raw = Raw.of(data)
    put(kept, raw)
    back = get(kept, raw)
    assert back.read() == data
    assert (back.size, back.digest) == (len(data), hashlib.sha256(data).hexdigest())


def test_a_body_that_lies_in_many_accounts_is_kept_once(kept: Staging) -> None:
    body = b"x" * 5000
    raws = [Raw.of(b"To: %d@example.co.jp\r\n\r\n" % number + body) for number in range(20)]
    put(kept, *raws)
    put(kept, *raws)
    with kept.reading() as connection:
        assert connection.execute(select(func.count()).select_from(tables.blob)).scalar() == 1
        assert connection.execute(select(func.count()).select_from(tables.raw)).scalar() == 20
    assert all(get(kept, raw).read() == raw.read() for raw in raws)


def test_a_header_block_beyond_all_measure_is_kept_with_the_body(kept: Staging) -> None:
    raw = Raw.of(b"X-Long: " + b"y" * 100_000 + b"\r\n\r\nbody")
    put(kept, raw)
    assert get(kept, raw).read() == raw.read()


def test_a_body_too_large_for_memory_is_a_file_and_comes_back_streaming(
    kept: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs, "LARGE", 10_000)
    data = b"Subject: large\r\n\r\n" + bytes(range(256)) * 400
    raw = Raw.spooled(io.BytesIO(data))
    put(kept, raw)
    assert Pieces.of(raw).body is None
    back = get(kept, raw)
    with back.open() as one, back.open() as other:
        assert one.read(20) == other.read(20) == data[:20]
        assert one.read() == other.read() == data[20:]
    assert list(examine(kept)) == []


def test_packs_written_by_different_runs_never_meet(tmp_path: Path) -> None:
    first, second = Raw.of(b"a: 1\r\n\r\none"), Raw.of(b"a: 1\r\n\r\ntwo")
    for raw in (first, second):
        with Staging.open("sqlite:///staging.db", folder=tmp_path, blobs="packs") as staging:
            put(staging, raw)
    with Staging.open("sqlite:///staging.db", folder=tmp_path, blobs="packs") as staging:
        assert get(staging, first).read() == first.read()
        assert get(staging, second).read() == second.read()
    assert len(list((tmp_path / "packs").iterdir())) == 2


def test_doctor_names_a_blob_that_rotted(open_staging: Opener) -> None:
    raw = Raw.of(b"Subject: rot\r\n\r\nbody")
    with open_staging() as staging:
        put(staging, raw)
        assert list(examine(staging)) == []
        with staging.writing() as connection:
            connection.execute(update(tables.blob).values(data=compress(b"other")))
        assert [reason.code for reason in examine(staging)] == ["doctor.blob-changed"]
        with staging.writing() as connection:
            connection.execute(update(tables.blob).values(data=b"nonsense"))
        assert [reason.code for reason in examine(staging)] == ["doctor.blob-unreadable"]
