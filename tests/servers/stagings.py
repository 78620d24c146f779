"""Staging databases for tests: each law is shown on SQLite and on PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy import make_url

from migrator.staging.store import Staging
from tests.servers.postgres import database

Opener = Callable[[], AbstractContextManager[Staging]]


@pytest.fixture(scope="session")
def postgres_empty_staging(postgres_server: Path) -> Iterator[str]:
    """The name of a staging database without a row, for others to be made like it: migrations are slow."""
    with database(postgres_server) as url:
        with Staging.open(url):
            pass
        yield str(make_url(url).database)


@pytest.fixture(params=["sqlite", "postgresql"])
def staging_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A new database's URL; a relative SQLite path counts from the folder it is opened in."""
    if request.param == "sqlite":
        yield "sqlite:///staging.db"
        return
    template = request.getfixturevalue("postgres_empty_staging")
    with database(request.getfixturevalue("postgres_server"), template) as url:
        yield url


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
