"""Laws about the repository itself."""

import ast
import inspect
import re
import shlex
import tomllib
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from migrator import model, registry
from migrator.cli import main
from migrator.model import Verdict
from migrator.ports import Adapter

ROOT = Path(__file__).parent.parent
ROOMS = (".ci", "adapters", "mappings", "migrator", "runbooks", "tests")
RUNBOOKS = sorted(page for page in (ROOT / "runbooks").glob("*.md") if not page.name.endswith(".ja.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "runbooks").glob("*.md"))]
ONE_PAGE_FOR_BOTH = {"glossary.md", "decisions.md"}
"""The glossary has two columns; decisions are for those who change the code."""

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def files() -> Iterator[Path]:
    """Every file of the project, without what tools leave behind."""
    yield from (path for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(".coverage"))
    for room in ROOMS:
        yield from (path for path in (ROOT / room).rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def commands(page: Path) -> list[str]:
    """The command lines of `migrator` in a page's code blocks."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("migrator ")]


@pytest.mark.parametrize("line", sorted({line for page in PAGES for line in commands(page)}))
def test_every_command_in_a_page_exists(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*shlex.split(line, comments=True)[1:], "--help"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.name)
def test_every_runbook_has_its_japanese_twin_with_the_same_commands(page: Path) -> None:
    if page.name in ONE_PAGE_FOR_BOTH:
        return
    twin = page.with_suffix(".ja.md")
    assert twin.exists()
    assert [line.split()[:2] for line in commands(page)] == [line.split()[:2] for line in commands(twin)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_link_in_a_page_leads_nowhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_noun_and_step_is_in_the_glossary() -> None:
    glossary = (ROOT / "runbooks" / "glossary.md").read_text(encoding="utf-8")
    explained = {word.lower() for word in re.findall(r"\*\*([^*]+)\*\*", glossary)}
    nouns = {
        re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
        for name, noun in vars(model).items()
        if inspect.isclass(noun) and noun.__module__ == model.__name__ and not name.startswith("_")
    }
    assert nouns | {verdict.value for verdict in Verdict} | {"extract", "judge", "load", "verify"} <= explained


def test_the_changelog_has_a_place_for_what_is_not_released_yet() -> None:
    assert "\n## [Unreleased]\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


# Written apart, so that this file does not name them.
FOREIGN = [
    re.compile(re.escape(".".join(words)))
    for words in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("deb", "debian", "org"),
    )
] + [re.compile("/" + name + "/") for name in ("work", "root")]


def test_no_file_names_a_registry_host_or_a_path_of_somebodys_machine() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {pattern.pattern}"
        for path in files()
        for pattern in FOREIGN
        if pattern.search(path.read_bytes().decode("utf-8", "replace"))
    }
    assert found == set()


def test_every_requirement_is_pinned_by_name_and_version_alone() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[a-z0-9-]+==[0-9][\w.]*( ; .+)?", line)] == []
    extras = PROJECT["project"]["optional-dependencies"].values()
    wanted = [Requirement(each) for each in sum(extras, PROJECT["project"]["dependencies"])]
    pinned = {pin.name: pin.specifier for pin in map(Requirement, pins)}
    assert [each.name for each in wanted if canonicalize_name(each.name) not in pinned] == []
    for each in wanted:
        (version,) = (spec.version for spec in pinned[canonicalize_name(each.name)])
        assert version in each.specifier, f"{each} is pinned to {version}"


@pytest.mark.parametrize("name", PROJECT["project"]["entry-points"]["migrator.adapters"])
def test_every_adapter_comes_in_by_its_entry_point(name: str) -> None:
    assert isinstance(registry.adapter(name), Adapter)


def test_what_is_installed_is_what_is_declared() -> None:
    declared = PROJECT["project"]["entry-points"]["migrator.adapters"]
    installed = {point.name: point.value for point in entry_points(group=registry.GROUP)}
    assert declared.items() <= installed.items(), "run: make check"


def test_every_package_has_its_init_or_no_contract_sees_it() -> None:
    folders = {path.parent for room in ("migrator", "adapters") for path in (ROOT / room).rglob("*.py")}
    bare = {str(folder.relative_to(ROOT)) for folder in folders if not (folder / "__init__.py").exists()}
    bare = {folder for folder in bare if not folder.endswith("/versions")}  # alembic reads those by their path
    assert bare == set()


def test_every_module_says_what_it_is() -> None:
    modules = [path for path in files() if path.suffix == ".py" and path.stat().st_size]
    silent = [
        str(path.relative_to(ROOT)) for path in modules if not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert silent == []


def test_no_test_stands_in_for_a_part_of_ours() -> None:
    mock = re.compile(
        r"^\s*(from unittest import mock|(from|import) (unittest\.mock|mock|pytest_mock)\b)", re.MULTILINE
    )
    assert [path.name for path in (ROOT / "tests").rglob("*.py") if mock.search(path.read_text(encoding="utf-8"))] == []
