"""What stays behind in columns is counted, listed by its rule, and given away as it lies there."""

from pathlib import Path

import pytest

from adapters.groupware.checks import read
from migrator.errors import UsageError
from migrator.model import NotMail
from migrator.ports import LeftOut
from migrator.testing import SourceContract, mail
from tests.adapters.groupware.builder import SHARED_TABLES, LegacyStore, counted, walk

LEFT = """
[tables.boxes]
rows = { type = "csv", path = "boxes.tsv", charset = "utf-8", delimiter = "\\t" }
key = ["id"]
joins = [{ table = "users", on = { user = "id" } }]
columns = { id = "id", user = "uid", signature = "signature", from = "from", to = "to" }

[left_out.signatures]
table = "boxes"
columns = ["signature"]

[left_out.forwards]
table = "boxes"
columns = ["from", "to"]

[accounts]
"""
MAPPING = SHARED_TABLES.replace("\n[accounts]\n", LEFT, 1)


@pytest.fixture
def store(tmp_path: Path) -> LegacyStore:
    """Two accounts; one box has a signature and a forward, one neither, one a signature and no owner."""
    store = LegacyStore(tmp_path / "store", mapping=MAPPING)
    for account in ("sato", "suzuki"):
        store.add(account, ("受信箱",), mail(account), frozenset(), SourceContract.received_at)
    lines = ["1\tu0\t佐藤 拝\ta@b.jp\tc@d.jp", "2\tu1\t\t\t", "3\tu9\tだれ\t\t"]
    store.table("boxes.tsv", "id\tuid\tsignature\tfrom\tto", lines)
    return store


def test_each_row_that_holds_something_is_no_mail_by_its_rule_and_counted(store: LegacyStore) -> None:
    with store.open() as source:
        found, counts = walk(source), counted(source)
    assert {folder: count for folder, (count, _) in counts.items()} == {
        folder: len(all_) for folder, all_ in found.items()
    }
    told = [
        (folder.account.name, each.key, each.rule)
        for folder, all_ in found.items()
        for each in all_
        if isinstance(each, NotMail)
    ]
    assert sorted(each for each in told if each[2] != "table") == [
        ("", "left:signatures:boxes/3", "signatures"),
        ("sato", "left:forwards:boxes/1", "forwards"),
        ("sato", "left:signatures:boxes/1", "signatures"),
    ]


def test_one_column_is_given_away_as_it_is_and_several_as_json(store: LegacyStore) -> None:
    with store.open() as source:
        given: list[LeftOut] = [*source.left_out()]  # type: ignore[attr-defined]
    assert sorted((each.rule, each.path, each.raw.read().decode()) for each in given) == [
        ("forwards", "boxes/1", '{"from": "a@b.jp", "to": "c@d.jp"}'),
        ("signatures", "boxes/1", "佐藤 拝"),
        ("signatures", "boxes/3", "だれ"),
    ]


@pytest.mark.parametrize(
    ("right", "wrong", "code"),
    [
        ('columns = ["signature"]', 'columns = ["signatur"]', "mapping.unknown-column"),
        ('[left_out.signatures]\ntable = "boxes"', '[left_out.signatures]\ntable = "box"', "mapping.unknown-table"),
        ('columns = ["signature"]', "columns = []", None),
    ],
)
def test_what_leads_nowhere_is_told(right: str, wrong: str, code: str | None, tmp_path: Path) -> None:
    assert right in MAPPING
    (tmp_path / "our.toml").write_text(MAPPING.replace(right, wrong), "utf-8")
    with pytest.raises(UsageError) as caught:
        read(tmp_path / "our.toml")
    assert code in (None, caught.value.reason.code)
