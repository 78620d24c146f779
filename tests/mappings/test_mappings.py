"""What we ship as data is right: every mapping validates, and nothing in it is undocumented or stale."""

import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from adapters.groupware.checks import mistakes, read, shipped, undocumented
from adapters.groupware.mapping import StoreMapping
from adapters.groupware.schema import schema
from migrator.model import Role
from migrator.toml import Toml

MAPPINGS = Path(str(files("mappings")))


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_mapping_is_right_and_named_like_its_file(name: str) -> None:
    mapping = read(name)
    assert mapping.name == name
    assert mapping.about
    file = Toml(shipped()[name])
    assert list(mistakes(file.read(StoreMapping), file.at)) == []


@pytest.mark.parametrize("name", shipped())
def test_every_code_table_of_a_shipped_mapping_says_who_decided_it(name: str) -> None:
    assert list(undocumented(read(name))) == []


def test_the_schema_is_fresh() -> None:
    assert (MAPPINGS / "schema.json").read_text("utf-8") == schema(), (
        "python -m adapters.groupware.schema > mappings/schema.json"
    )


def test_well_known_folder_names_lead_to_one_role_each() -> None:
    roles = tomllib.loads((MAPPINGS / "folders.toml").read_text("utf-8"))["roles"]
    assert set(roles) == {str(role) for role in Role}
    names = [name for each in roles.values() for name in each]
    by_name = {name.casefold(): role for role, each in roles.items() for name in each}
    assert len(names) == len(set(names))
    assert all(by_name[name.casefold()] == role for role, each in roles.items() for name in each)
    for name in ("ごみ箱", "ゴミ箱", "削除済み", "Deleted Items"):
        assert by_name[name.casefold()] == "trash"
    assert [by_name[name] for name in ("受信箱", "送信済み", "下書き", "迷惑メール", "保管")] == [
        "inbox",
        "sent",
        "drafts",
        "junk",
        "archive",
    ]
