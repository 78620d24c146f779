"""Staging databases for tests: each law is shown on SQLite and on PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from migrator.staging.store import Staging

Opener = Callable[[], AbstractContextManager[Staging]]


@pytest.fixture(params=["sqlite", "postgresql"])
def staging_url(request: pytest.FixtureRequest) -> str:
    """A new database's URL; a relative SQLite path counts from the folder it is opened in."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return "sqlite:///staging.db"


@pytest.fixture
def open_staging(staging_url: str, tmp_path: Path) -> Opener:
    """Open the test's one staging, as often as the test likes."""
    return lambda: Staging.open(staging_url, folder=tmp_path)


@pytest.fixture
def staging(open_staging: Opener) -> Iterator[Staging]:
    with open_staging() as opened:
        yield opened


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite staging database without a row, to copy where an example needs one of its own."""
    folder = tmp_path_factory.mktemp("empty")
    with Staging.open("sqlite:///staging.db", folder=folder):
        pass
    return folder / "staging.db"
