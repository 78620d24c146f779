"""The office, for every test of this room."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.staging.store import Staging
from tests.migrator.review.office import EVERY_KIND, Office, build_office, foretell, furnish, take_in, work
from tests.roads import road


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The office's staging, for copies."""
    return build_office(tmp_path_factory.mktemp("office"))


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The staging of an office that has rows in every topic, and what a load has said of its inboxes; for copies."""
    folder = tmp_path_factory.mktemp("everything")
    foretell(folder / "shared-new.jsonl", *EVERY_KIND)
    with road() as way, Staging.open("sqlite:///staging.db", folder=folder) as staging:
        furnish(way)
        work(way)
        take_in(way, staging)
    return folder


@pytest.fixture
def whole_office(everything: Path, tmp_path: Path) -> Iterator[Office]:
    folder = tmp_path / "whole"
    shutil.copytree(everything, folder)
    with Staging.open("sqlite:///staging.db", folder=folder) as staging:
        yield Office(staging, foretold={"new": folder / "shared-new.jsonl"})


@pytest.fixture
def office(furnished: Path, tmp_path: Path) -> Iterator[Office]:
    shutil.copy(furnished, tmp_path / "staging.db")
    with Staging.open("sqlite:///staging.db", folder=tmp_path) as staging:
        yield Office(staging)
