"""In a file of many mails nothing is passed over: what no row names is a mail, no mail by a rule, or a fault."""

import struct
import zipfile
from pathlib import Path

import pytest

from migrator.model import Item, NotMail, Unreadable
from migrator.testing import SourceContract, mail
from tests.adapters.groupware import test_acceptance
from tests.adapters.groupware.builder import Each, counted, walk
from tests.adapters.groupware.test_acceptance import MAPPING, SplitStore


@pytest.fixture
def store(tmp_path: Path) -> SplitStore:
    """Two mails in records, two in an archive."""
    store = SplitStore(tmp_path / "store")
    for number in range(4):
        store.add("sato", ("受信箱",), mail(f"m{number}"), frozenset(), SourceContract.received_at)
    return store


def loose(store: SplitStore) -> list[Each]:
    """What no row names; the census counts the same."""
    with store.open() as source:
        found, counts = walk(source), counted(source)
    assert {folder: count for folder, (count, _) in counts.items()} == {
        folder: len(all_) for folder, all_ in found.items()
    }
    return [each for all_ in found.values() for each in all_ if each.key.startswith("file:") and "@" in each.key]


def test_where_every_byte_is_named_nothing_is_left(store: SplitStore) -> None:
    assert loose(store) == []


def test_a_record_that_its_index_has_forgotten_is_a_mail(store: SplitStore) -> None:
    heads = store.file(1, "HEAD.DAT")
    record = b"HEAD" + struct.pack("<I", len(mail("lost"))) + mail("lost")
    heads.write_bytes(heads.read_bytes() + record + record)
    one, two = loose(store)
    assert isinstance(one, Item)
    assert isinstance(two, Item)
    assert (one.raw.read(), two.raw.read()) == (mail("lost"), mail("lost"))
    assert two.key == f"{one.key}~2"


def test_a_key_stays_when_the_bytes_move(store: SplitStore) -> None:
    bodies = store.file(1, "BODY.DAT")
    bodies.write_bytes(bodies.read_bytes() + mail("lost"))
    (one,) = loose(store)
    store.add("sato", ("受信箱",), mail("m4"), frozenset(), SourceContract.received_at)
    bodies.write_bytes(bodies.read_bytes() + mail("lost"))
    (two,) = loose(store)
    assert isinstance(two, Item)
    assert (one.key, two.raw.read()) == (two.key, mail("lost"))


def test_silent_bytes_are_padding_and_others_a_fault_until_a_rule_names_them(
    store: SplitStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = store.file(1, "BODY.DAT")
    bodies.write_bytes(bodies.read_bytes() + bytes(5000))
    (padding,) = loose(store)
    assert isinstance(padding, NotMail)
    assert (padding.rule, padding.size) == ("padding", 5000)
    bodies.write_bytes(bodies.read_bytes() + b"what is this?")
    (fault,) = loose(store)
    assert isinstance(fault, Unreadable)
    assert fault.reason.code == "groupware.bytes-unnamed"
    assert fault.reason.params["size"] == 5013
    assert str(fault.reason.params["place"]).startswith("BOX/1/BODY.DAT@")
    monkeypatch.setattr(test_acceptance, "MAPPING", MAPPING + '[not_mail]\ntrailer = ["BODY.DAT@*+5013"]\n')
    (named,) = loose(store)
    assert isinstance(named, NotMail)
    assert named.rule == "trailer"


def test_a_member_that_no_row_names_is_a_mail_or_a_fault(store: SplitStore) -> None:
    (archive,) = store.file(1, "").glob("*.ZIP")
    with zipfile.ZipFile(archive, "a") as more:
        more.writestr("99.EML", mail("lost"))
        more.writestr("説明.TXT", "読んでください")
        more.mkdir("空")
    lost, text = loose(store)
    assert isinstance(lost, Item)
    assert lost.raw.read() == mail("lost")
    assert isinstance(text, Unreadable)
    assert text.reason.params["place"] == f"BOX/1/{archive.name}@説明.TXT"
