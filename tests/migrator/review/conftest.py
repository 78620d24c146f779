"""The office, for every test of this room."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.staging.store import Staging
from tests.migrator.review.office import Office, build_office


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The office's staging, for copies."""
    return build_office(tmp_path_factory.mktemp("office"))


@pytest.fixture
def office(furnished: Path, tmp_path: Path) -> Iterator[Office]:
    shutil.copy(furnished, tmp_path / "staging.db")
    with Staging.open("sqlite:///staging.db", folder=tmp_path) as staging:
        yield Office(staging)
