"""Of the store of every kind that a mapping is shipped for, the mapping hidden: what probe explains, and finds."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from adapters.groupware import checks
from adapters.groupware.mapping import StoreMapping
from adapters.groupware.probe import probe
from tests.adapters.groupware.builder import snapshot
from tests.adapters.groupware.probe.reading import answered, explained, mails, proposed
from tests.adapters.groupware.probe.scoring import Score
from tests.adapters.groupware.probe.stores import STORES

EXPLAINED, FOUND = 0.95, 0.8


def hidden(told: str) -> StoreMapping:
    """A shipped mapping by its name, or one that a store's maker wrote."""
    return checks.read(Path(told) if told.endswith(".toml") else told)


@pytest.mark.parametrize("kind", STORES)
def test_nearly_all_is_explained_and_most_of_the_hidden_mapping_is_found(
    kind: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    root = tmp_path / "store"
    told = STORES[kind](root)
    before = snapshot(root)
    found = probe(root)
    assert snapshot(root) == before
    score = Score(hidden(told), proposed(found, tmp_path), root)
    record_property("explained", explained(found))
    record_property("lines", score.share)
    assert explained(found) >= EXPLAINED, found.unknown
    assert score.share >= FOUND, str(score)


@pytest.mark.parametrize("kind", STORES)
def test_what_is_proposed_is_never_wrong_but_only_incomplete(kind: str, tmp_path: Path) -> None:
    told = STORES[kind](tmp_path / "store")
    score = Score(hidden(told), proposed(probe(tmp_path / "store"), tmp_path), tmp_path / "store")
    assert not {key: (true, ours) for key, (true, ours) in score.missed.items() if not incomplete(true, ours)}


@pytest.mark.parametrize("kind", STORES)
def test_an_unknown_file_stays_unknown_wherever_it_lies(kind: str, tmp_path: Path) -> None:
    root = tmp_path / "store"
    STORES[kind](root)
    place = min(path.parent for path in root.rglob("*") if path.is_file())
    odd = {"noise": Random(1).randbytes(50_000), "x.odb": b"ODB2" + bytes(range(256)) * 200}
    for name, data in odd.items():
        (place / name).write_bytes(data)
    found = probe(root)
    assert {(place / name).relative_to(root).as_posix() for name in odd} <= {*found.unknown}
    assert sum(each.size - each.explained for each in found.tracts) >= sum(map(len, odd.values()))


def test_what_lies_beside_the_mails_in_a_dump_is_named(tmp_path: Path) -> None:
    STORES["aipo-mysql"](tmp_path)
    asked = {each.code: each.params for each in probe(tmp_path).questions}
    assert asked["probe.ask-not-migrated"] == {"path": "org001.sql: eip_t_mail_filter"}
    assert asked["probe.ask-tables"] == {"path": "org001.sql", "tables": "eip_t_todo"}


def test_every_shipped_kind_is_measured() -> None:
    assert {*checks.shipped()} - {*STORES} == LIKE


LIKE = frozenset({"example-split-records"})
"""Examples of a kind that is measured by another store: `split`."""


def incomplete(true: object, ours: object) -> bool:
    """Whether a line is missing, or has only some of several values."""
    several = isinstance(true, set | tuple) and isinstance(ours, set | tuple)
    return ours is None or ours is False or (several and {*ours} < {*true})


@pytest.mark.parametrize("kind", STORES)
def test_a_store_is_read_by_its_proposal_as_by_its_own_mapping(kind: str, tmp_path: Path) -> None:
    root = tmp_path / "store"
    told = STORES[kind](root)
    ours, true = mails(answered(probe(root), tmp_path), root), mails(told, root)
    assert true
    assert ours - true == true - ours == Counter()
