"""What every room's tests share: servers, real mail, and how hard Hypothesis tries."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from migrator.cli import console
from migrator.locale import speak
from tests.servers import absent

ROOT = Path(__file__).parent.parent
SERVERS = Path(__file__).parent / "servers"

# The contract's classes live outside tests/; without this their assertions would fail without detail.
pytest.register_assert_rewrite("migrator.testing")
pytest_plugins = [f"tests.servers.{each.stem}" for each in sorted(SERVERS.glob("[a-z]*")) if each.suffix in ("", ".py")]

# No deadlines: a busy machine is no defect. `dev` is quick, `ci` is the same every day, `night` looks for news.
settings.register_profile("dev", max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), max_examples=100, derandomize=True, print_blob=True)
settings.register_profile("night", settings.get_profile("dev"), max_examples=1000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") == "true" else "dev"))

MARKERS = {"postgres": "postgresql"} | {name: name for name in ("chromium", "corpora", "dovecot", "mariadb")}
"""How the names of fixtures begin, and the marker of a test that asks for one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark a test by the server or mail it asks for, so that `-m 'not postgresql'` needs no help from its author."""
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if marker := MARKERS.get(fixture.partition("_")[0]):
                item.add_marker(marker)


@pytest.fixture(autouse=True)
def as_at_start() -> Iterator[None]:
    """Each test begins as a process does, though commands run inside this one: in English, here, with a usual umask."""
    before = os.umask(0o022)
    speak("en")
    console.enter(Path())
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of real mail, which is read where it lies and never copied into the project."""
    folder = Path(os.environ.get("MIGRATOR_CORPORA") or ROOT.parent / "shared" / "corpora")
    if not any(path.is_file() for path in folder.rglob("*")):
        absent(f"real mail in {folder}", "set MIGRATOR_CORPORA to a folder of mails")
    return folder.resolve()
